"""
A mutant: a promise, the text that keeps it, what it is replaced by, and the check that must notice:
"suite/case" of e2e_test, "program suite/case" of another Criterion program, with shell patterns, or
"program ARGUMENT..." of a plain one; over which transport; whether it is run as nobody when the
runner is root, because code that is broken where it confines must not be.
"""

import collections

Mutant = collections.namedtuple("Mutant", "name promise file old new check transport as_nobody",
                                defaults=["tcp", False])
