"""
Where things are defined in the product: functions, tables and macros, by name and not by file, so
that a file may be moved and a function edited without a mutant losing its place.
"""

import os
import re

from mutant import edits_of

ROOMS = ("common", "proto", "client", "server")
# What a definition begins with, at the start of a line; group 1 is its name.
FUNCTION = re.compile(r"^[a-z][^\n;={}#]*?\b(\w+)\([^;{}]*\)\s*?\n\{", re.M)
TABLE = re.compile(r"^[a-z][^\n;(){}#]*?\b(\w+)(?:\[[^\]\n]*\])* = ", re.M)
MACRO = re.compile(r"^#define (\w+)", re.M)
TOKEN = re.compile(r"\w+|\"(?:\\.|[^\"\\])*\"|\S")


def end_of(kind, code, start):
    end = {FUNCTION: r"\n\}\n", TABLE: r";\n", MACRO: r"[^\\]\n"}[kind]
    found = re.compile(end).search(code, start)
    return found.end() if found else len(code)


def definitions(code):
    """Name, start and end of each."""
    for kind in (FUNCTION, TABLE, MACRO):
        for match in kind.finditer(code):
            yield match.group(1), match.start(), end_of(kind, code, match.end() - 1)


def pattern_of(text):
    """The same tokens, however they are spread over lines."""
    return re.compile(r"\s*".join(re.escape(token) for token in TOKEN.findall(text)))


class Product:
    """The product's source files under a folder, and who is defined in them."""

    def __init__(self, top):
        self.top = top
        self.places = {}  # by name: file, start, end
        self.code = {}
        for room in ROOMS:
            for folder, _, names in os.walk(os.path.join(top, room)):
                for name in names:
                    if name.endswith((".c", ".h")):
                        self.learn(os.path.relpath(os.path.join(folder, name), top))

    def learn(self, file):
        with open(os.path.join(self.top, file), encoding="utf-8") as source:
            self.code[file] = source.read()
        for name, start, end in definitions(self.code[file]):
            self.places.setdefault(name, []).append((file, start, end))

    def find(self, edit):
        """File, start and end of the edit's text, once for each time it is there."""
        path, _, name = edit.where.rpartition(":")
        for file, start, end in self.places.get(name, []):
            if path not in file:
                continue
            for match in pattern_of(edit.old).finditer(self.code[file], start, end):
                yield file, match.start(), match.end()

    def fits(self, mutant):
        """Is the text of each of its edits there once?"""
        for edit in edits_of(mutant):
            nr = len(list(self.find(edit)))
            if nr != 1:
                print(f"{mutant.name}: its text is there {nr} times in what is called {edit.where}")
                return False
        return True

    def mutated(self, mutant):
        """The files as they become, by name."""
        changes = [(*next(self.find(edit)), edit.new) for edit in edits_of(mutant)]
        code = {file: self.code[file] for file, _, _, _ in changes}
        for file, start, end, new in sorted(changes, reverse=True):  # from the end on
            code[file] = code[file][:start] + new + code[file][end:]
        return code
