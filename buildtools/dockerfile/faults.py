"""What is wrong with a Dockerfile: findings with their places, collected so that several are told at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from buildtools.errors import Diagnostic, Severity

MOST: Final = 50
"""Findings of one file that are kept: a file that is no Dockerfile has one for each line."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, both counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Faults:
    """Collects findings about the Dockerfile at `path`, each once, in the order of their places."""

    path: str
    _found: dict[Diagnostic, None] = field(default_factory=dict)

    def add(
        self, code: str, place: Place, message: str, hint: str = "", *, severity: Severity = "error"
    ) -> None:
        """Keep a finding."""
        if len(self._found) < MOST:
            self._found[self.diagnostic(code, place, message, hint, severity=severity)] = None

    def keep(self, findings: Iterable[Diagnostic]) -> None:
        """Keep what was found elsewhere."""
        self._found |= dict.fromkeys(findings)

    def diagnostic(
        self, code: str, place: Place, message: str, hint: str = "", *, severity: Severity = "error"
    ) -> Diagnostic:
        """The finding, without keeping it."""
        return Diagnostic(
            code=code,
            message=message,
            hint=hint,
            path=self.path,
            line=place.line,
            column=place.column,
            severity=severity,
        )

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What makes the file unusable."""
        return ordered(finding for finding in self._found if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What a person should know."""
        return ordered(finding for finding in self._found if finding.severity != "error")


def ordered(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings by their places, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda one: (one.line, one.column)))
