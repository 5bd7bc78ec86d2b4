r"""The text of a Dockerfile as logical lines: directives, comments, continued lines, here-documents.

A logical line is what one instruction is written in, comments between its lines and the characters that
join them taken away. It knows for each of its characters where that stands in the file.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from buildtools.dockerfile.faults import Faults, Place
from buildtools.dockerfile.words import split_words

KEYWORDS: Final = frozenset(
    (
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
        "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    )
)  # fmt: skip
"""The instructions that there are."""

MOST_BYTES: Final = 1024 * 1024
DIRECTIVES: Final = frozenset(("syntax", "escape", "check"))
_DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*")
_WITH_DOCUMENTS: Final = frozenset(("ADD", "COPY", "RUN"))
_HERE_DOCUMENT: Final = re.compile(r"(\d*)<<(-?)([^<]+)")
_FOLDER_END: Final = re.compile(r"(?:[A-Za-z]:|\.{0,2}\\)\S*\\|\.{1,2}\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class HereDocument:
    """A here-document: `name` is its file's; `expand` whether variables are filled in."""

    name: str
    content: str
    expand: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One logical line. `marks` are its pieces: where each begins in `text`, and where in the file."""

    text: str
    marks: tuple[tuple[int, Place], ...]
    documents: tuple[HereDocument, ...] = ()

    def place(self, offset: int = 0) -> Place:
        """Where a character of the text stands in the file."""
        start, place = self.marks[bisect_right(self.marks, offset, key=lambda mark: mark[0]) - 1]
        return Place(place.line, place.column + offset - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    r"""A Dockerfile's logical lines; `escape` is a backslash, unless a directive says `` ` ``."""

    lines: tuple[Line, ...]
    escape: str = "\\"
    directives: Mapping[str, str] = field(default_factory=dict, hash=False)


def read_lines(text: str, faults: Faults) -> Lines:
    """Split the text; what is wrong goes to `faults`."""
    if len(text) > MOST_BYTES:
        hint = "split it, or name another file"
        faults.add("dockerfile-syntax", Place(1, 1), "the file is larger than 1 MiB", hint)
        return Lines(lines=())
    # A final line end begins no line of its own.
    rows = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if rows[-1] == "":
        rows.pop()
    directives, first = _directives(rows, faults)
    reader = _Reader(rows, directives.get("escape", "\\"), faults)
    return Lines(lines=tuple(reader.lines(first)), escape=reader.escape, directives=directives)


def _directives(rows: list[str], faults: Faults) -> tuple[dict[str, str], int]:
    """The directives at the top and the number of the first line behind them."""
    found: dict[str, str] = {}
    for number, row in enumerate(rows):
        match = _DIRECTIVE.fullmatch(row.strip())
        if match is None or (name := match[1].lower()) not in DIRECTIVES:
            return found, number
        place = Place(number + 1, 1)
        if name in found:
            faults.add(
                "dockerfile-syntax", place, f"the directive {name} stands twice", "delete one of the two"
            )
        if name == "escape" and match[2] not in {"\\", "`"}:
            message = f"the directive escape is {match[2]!r}, and only a backslash or a backtick can be"
            faults.add("dockerfile-syntax", place, message, "write # escape=`")
        else:
            found.setdefault(name, match[2])
    return found, len(rows)


class _Reader:
    """Joins the rows of one file."""

    def __init__(self, rows: list[str], escape: str, faults: Faults) -> None:
        self.rows = rows
        self.escape = escape
        self.faults = faults
        token = re.escape(escape)
        # Two of them at the end are one that is meant.
        self._continued = re.compile(rf"(?:(.*[^{token}])|){token}[ \t]*", re.DOTALL)

    def lines(self, number: int) -> Iterator[Line]:
        while number < len(self.rows):
            row = self.rows[number]
            if not row.strip() or row.lstrip().startswith("#"):
                number += 1
                continue
            line, number = self._line(number)
            documents, number = self._documents(line, number)
            yield Line(text=line.text, marks=line.marks, documents=documents)

    def _line(self, number: int) -> tuple[Line, int]:
        """The logical line that begins here, and the number of the row behind it."""
        text, marks = "", list[tuple[int, Place]]()
        while number < len(self.rows):
            row = self.rows[number]
            number += 1
            if marks and (not row.strip() or row.lstrip().startswith("#")):
                continue
            start = 0 if marks else len(row) - len(row.lstrip())
            marks.append((len(text), Place(number, start + 1)))
            joined = self._continued.fullmatch(row)
            if joined is None:
                text += row[start:]
                break
            self._check_folder(row, number)
            text += (joined[1] or "")[start:]
        return Line(text=text.rstrip(), marks=tuple(marks)), number

    def _check_folder(self, row: str, number: int) -> None:
        r"""A Windows folder's last backslash joins the next line, which nobody means."""
        word = row.rsplit(maxsplit=1)[-1]
        following = self.rows[number].split() if number < len(self.rows) else []
        if self.escape == "\\" and _FOLDER_END.fullmatch(word) and following[:1] and following[0] in KEYWORDS:
            place = Place(number, row.rindex(word) + 1)
            message = f"the backslash at the end of {word} joins the next line to this one"
            hint = "put `# escape=`` into the first line, or write slashes, as in C:/app/"
            self.faults.add("dockerfile-escape", place, message, hint)

    def _documents(self, line: Line, number: int) -> tuple[tuple[HereDocument, ...], int]:
        """The here-documents that the line asks for, and the number of the row behind them."""
        keyword, _, rest = line.text.partition(" ")
        if keyword.upper() == "ONBUILD":
            keyword = rest.split(maxsplit=1)[0] if rest.split() else ""
        if "<<" not in line.text or keyword.upper() not in _WITH_DOCUMENTS:
            return (), number
        found = []
        for offset, word in split_words(line.text, self.escape):
            match = _HERE_DOCUMENT.fullmatch(word)
            name = match[3].strip("\"'") if match else ""
            if match is None or not name:
                continue
            content, number = self._document(name, number, match[2] == "-", line.place(offset))
            expand = match[3] == name
            found.append(HereDocument(name=name, content=content, expand=expand, place=line.place(offset)))
        return tuple(found), number

    def _document(self, name: str, number: int, chomp: bool, place: Place) -> tuple[str, int]:  # noqa: FBT001 - the mark that was read
        content = ""
        while number < len(self.rows):
            row = self.rows[number].lstrip("\t") if chomp else self.rows[number]
            number += 1
            if row == name:
                return content, number
            content += row + "\n"
        message = f"the here-document {name} has no end"
        self.faults.add("dockerfile-syntax", place, message, f"write {name} alone on a line behind it")
        return content, number


def is_here_document(word: str) -> bool:
    """Whether a word asks for a here-document."""
    match = _HERE_DOCUMENT.fullmatch(word)
    return bool(match and match[3].strip("\"'"))
