"""From logical lines to instructions: keyword, flags, words or a JSON list, each with its place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from buildtools.dockerfile.faults import Faults, Place
from buildtools.dockerfile.lines import KEYWORDS, HereDocument, Line, is_here_document, read_lines
from buildtools.dockerfile.words import split_words
from buildtools.errors import Diagnostic

_FLAGS: Final[Mapping[str, frozenset[str]]] = {
    "ADD": frozenset(("chown", "chmod", "link", "exclude", "checksum", "keep-git-dir", "unpack")),
    "COPY": frozenset(("from", "chown", "chmod", "link", "parents", "exclude")),
    "FROM": frozenset(("platform",)),
    "HEALTHCHECK": frozenset(("interval", "timeout", "start-period", "start-interval", "retries")),
    "RUN": frozenset(("mount", "network", "security", "device")),
}
_SWITCHES: Final = frozenset(("link", "parents", "keep-git-dir", "unpack"))
_LISTS: Final = frozenset(("ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"))
_ONE: Final = frozenset(("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word as written, and where."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction. `rest` is all behind the flags; `items` the JSON list where it is one, else None."""

    keyword: str
    place: Place
    flags: Mapping[str, tuple[Word, ...]]
    rest: Word
    words: tuple[Word, ...]
    items: tuple[Word, ...] | None = None
    documents: tuple[HereDocument, ...] = ()

    def flag(self, name: str) -> Word | None:
        """The last value of a flag, None where it does not stand there."""
        values = self.flags.get(name)
        return values[-1] if values else None

    def switch(self, name: str) -> bool:
        """Whether a flag that is on or off is on."""
        found = self.flag(name)
        return found is not None and found.text.lower() not in {"false", "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """A Dockerfile that was read. `faults` are errors that keep it from meaning anything."""

    path: str
    instructions: tuple[Instruction, ...]
    escape: str = "\\"
    syntax: str = ""
    faults: tuple[Diagnostic, ...] = ()


def parse(text: str, path: str) -> Dockerfile:
    """Read a Dockerfile; what is wrong stands in its `faults`, all of it at once."""
    faults = Faults(path)
    lines = read_lines(text, faults)
    found = tuple(made for line in lines.lines if (made := _instruction(line, lines.escape, faults)))
    if not lines.lines and not faults.errors:
        faults.add("dockerfile-syntax", Place(1, 1), "there is no instruction in it", "begin with FROM")
    return Dockerfile(
        path=path,
        instructions=found,
        escape=lines.escape,
        syntax=lines.directives.get("syntax", ""),
        faults=faults.errors,
    )


def _instruction(line: Line, escape: str, faults: Faults) -> Instruction | None:
    name, offset = _first(line.text, 0)
    keyword = name.upper()
    if keyword not in KEYWORDS:
        near = get_close_matches(keyword, KEYWORDS, n=1)
        hint = f"did you mean {near[0]}?" if near else "begin the line with an instruction, as in COPY a b"
        faults.add("dockerfile-instruction", line.place(), f"there is no instruction {name[:40]!r}", hint)
        return None
    flags, offset = _flags(line, offset, keyword, escape, faults)
    rest = Word(text=line.text[offset:], place=line.place(min(offset, len(line.text))))
    if not rest.text:
        message = f"{keyword} says nothing"
        faults.add("dockerfile-instruction", line.place(), message, "write its arguments, or delete the line")
        return None
    made = Instruction(
        keyword=keyword,
        place=line.place(),
        flags=flags,
        rest=rest,
        words=(rest,) if keyword in _ONE else tuple(_words(line, offset, keyword, escape)),
        items=_list(line, offset) if keyword in _LISTS else None,
        documents=line.documents,
    )
    if keyword == "SHELL" and made.items is None:
        hint = 'write it as in SHELL ["cmd", "/S", "/C"]'
        faults.add("dockerfile-instruction", rest.place, "SHELL takes a JSON list", hint)
        return None
    return made


def _first(text: str, offset: int) -> tuple[str, int]:
    """The word at `offset` and where what follows it begins."""
    end = next((at for at in range(offset, len(text)) if text[at].isspace()), len(text))
    return text[offset:end], _behind(text, end)


def _behind(text: str, offset: int) -> int:
    while offset < len(text) and text[offset].isspace():
        offset += 1
    return offset


def _flags(
    line: Line, offset: int, keyword: str, escape: str, faults: Faults
) -> tuple[dict[str, tuple[Word, ...]], int]:
    """The flags in front of the arguments, and where these begin."""
    found: dict[str, tuple[Word, ...]] = {}
    known = _FLAGS.get(keyword, frozenset())
    for at, word in split_words(line.text[offset:], escape):
        start = offset + at
        if not word.startswith("--"):
            return found, start
        end = _behind(line.text, start + len(word))
        if word == "--":
            return found, end
        name, equals, value = word[2:].partition("=")
        place = line.place(start)
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean --{near[0]}?" if near else "delete it"
            if not known:
                hint = f'arguments that begin with dashes stand in a list: {keyword} ["{word}"]'
            faults.add("dockerfile-flag", place, f"{keyword} has no flag --{name}", hint)
        elif not equals and name not in _SWITCHES:
            faults.add("dockerfile-flag", place, f"--{name} needs a value", f"write --{name}=VALUE")
        else:
            shown = line.place(start + 2 + len(name) + bool(equals)) if equals else place
            plain = value[1:-1] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else value
            found[name] = (*found.get(name, ()), Word(text=plain if equals else "true", place=shown))
    return found, len(line.text)


def _words(line: Line, offset: int, keyword: str, escape: str) -> list[Word]:
    """The arguments: quotes hold words together only where names and values are written."""
    text = line.text[offset:]
    if keyword in {"ENV", "LABEL", "ARG"}:
        return [Word(text=word, place=line.place(offset + at)) for at, word in split_words(text, escape)]
    found, at = [], 0
    while at < len(text):
        word, behind = _first(text, at)
        # A here-document is no argument by itself: its name stands for a file.
        if word and not (line.documents and is_here_document(word)):
            found.append(Word(text=word, place=line.place(offset + at)))
        at = behind
    return found


def _list(line: Line, offset: int) -> tuple[Word, ...] | None:
    """The arguments as a JSON list of texts; None where they are none, so that they are plain words."""
    text = line.text[offset:].strip()
    if not text.startswith("["):
        return None
    try:
        items = json.loads(text)
    except ValueError:
        return None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        return None
    # Where in the list each stands; what is escaped is found by its beginning alone.
    found, at = [], offset
    for item in items:
        at = line.text.index('"', at)
        found.append(Word(text=item, place=line.place(at)))
        at = _string_end(line.text, at)
    return tuple(found)


def _string_end(text: str, start: int) -> int:
    at = start + 1
    while text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at + 1
