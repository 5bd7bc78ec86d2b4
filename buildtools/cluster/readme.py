"""Files that a page tells people to apply: where each stands in the text."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_COMMAND: Final = re.compile(r"\bkubectl\s+(?:apply|create|delete|replace)\b[^\n|;&`]*")
_FILE: Final = re.compile(r"(?:\s-f|\s-k|\s--filename|\s--kustomize)(?:\s+|=)([^\s`'\"]+)")
_OPEN: Final = re.compile(r"[<>${}*?\[\]]|://|^-$|^~")
"""What makes a name no file of the project: placeholders, patterns, addresses, stdin, home."""


class Named(NamedTuple):
    """A file by the name that a command has for it, and its place; both numbers count from 1."""

    name: str
    line: int
    column: int


def named_files(text: str) -> Iterator[Named]:
    """The files that `kubectl apply -f` and its like name in a text."""
    for number, line in enumerate(text.split("\n"), 1):
        for command in _COMMAND.finditer(line):
            for found in _FILE.finditer(command[0]):
                for name in found[1].split(","):
                    if name and not _OPEN.search(name):
                        yield Named(name, number, command.start() + found.start(1) + 1)
