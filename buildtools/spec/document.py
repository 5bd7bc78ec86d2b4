"""One definition file as it was read: its value, the place of each part, and what is wrong with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from buildtools.errors import Diagnostic

MAX_FINDINGS: Final = 20
"""Findings of one file that are shown; a file with more has one cause for most of them."""

KeyPath = tuple[str | int, ...]
"""Where a value stands: mapping keys and list positions from the root, such as `("files", 0, "from")`."""


class Mark(NamedTuple):
    """A place in a text; both numbers count from 1, the column in characters."""

    line: int
    column: int


class Place(NamedTuple):
    """Where a value and its key begin, and the scalar as it is written (empty for lists and mappings)."""

    key: Mark
    value: Mark
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file says, and where it says it; `path` is how messages call the file."""

    path: str
    value: Any
    places: Mapping[KeyPath, Place] = field(repr=False)

    def place(self, trail: KeyPath) -> Place:
        """The place of the value at `trail`, or of the nearest value around it that the file holds."""
        while trail not in self.places:
            trail = trail[:-1]
        return self.places[trail]


@dataclass(frozen=True, slots=True)
class Report:
    """Collects the findings about one document; the same finding twice counts once."""

    document: Document
    _found: dict[Diagnostic, None] = field(default_factory=dict)

    def add(
        self,
        code: str,
        trail: KeyPath,
        message: str,
        hint: str = "",
        *,
        at_key: bool = False,
    ) -> None:
        """Note that the value at `trail` (or its key) is wrong."""
        place = self.document.place(trail)
        mark = place.key if at_key else place.value
        finding = Diagnostic(
            code=code,
            message=one_line(message),
            hint=one_line(hint),
            path=self.document.path,
            line=mark.line,
            column=mark.column,
        )
        self._found.setdefault(finding)

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._found)

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """The findings in the order of the file, capped."""
        return capped(sorted(self._found, key=lambda finding: (finding.line, finding.column)))


def one_line(text: str) -> str:
    """The text with line breaks and everything else that no terminal shows as an escape."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def capped(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The first findings, and a note on how many more there are."""
    every = tuple(findings)
    if len(every) <= MAX_FINDINGS:
        return every
    rest = len(every) - MAX_FINDINGS
    note = Diagnostic(
        code="more",
        message=f"{rest} more findings are not shown",
        hint="mend these first",
        path=every[0].path,
        severity="note",
    )
    return (*every[:MAX_FINDINGS], note)
