"""
A mutant: a promise; an edit of the code that keeps it; and the check that must notice: "suite/case"
of e2e_test, "program suite/case" of another Criterion program, with shell patterns, or "program
ARGUMENT..." of a plain one; over which transport; whether it is run as nobody when the runner is
root, because code that is broken where it confines must not be.

An edit names the function, table or macro that it changes ("FILE:name" where several files have
one of that name and text), the text that must be there once, and what it is replaced by. White
space does not count, and neither does what else the function does, or the file it is in.
"""

import collections

Edit = collections.namedtuple("Edit", "where old new")
Mutant = collections.namedtuple("Mutant", "name promise where old new check transport as_nobody also",
                                defaults=["tcp", False, None])


def edits_of(mutant):
    """One, or two at once."""
    return [Edit(mutant.where, mutant.old, mutant.new), *([mutant.also] if mutant.also else [])]
