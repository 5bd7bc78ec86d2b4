"""Semantic versions, as git tags and people write them.

Source: semver.org, 2.0.0: "Backus-Naur Form Grammar for Valid SemVer Versions" and item 11, precedence.
"""

import re
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = r"(?:0|[1-9][0-9]*)"
_BEFORE: Final = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION: Final = re.compile(
    rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-({_BEFORE}(?:\.{_BEFORE})*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)
_LONGEST: Final = 256
"""Characters of a text that is looked at: no tag of an image holds more than half of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version; the numbers are kept as they are written, since they have no upper end."""

    major: str
    minor: str
    patch: str
    prerelease: str = ""
    build: str = ""

    def __str__(self) -> str:
        """Without the `v` that a git tag may have."""
        before = f"-{self.prerelease}" if self.prerelease else ""
        behind = f"+{self.build}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{before}{behind}"

    @property
    def precedence(self) -> tuple[object, ...]:
        """What versions are ordered by: build metadata does not count."""
        numbers = tuple(int(number) for number in (self.major, self.minor, self.patch))
        if not self.prerelease:
            return (*numbers, 1)
        return (*numbers, 0, tuple(_identifier(text) for text in self.prerelease.split(".")))


def parse_version(text: str) -> Version | None:
    """The version in `1.4.2` or `v1.4.2-rc.1+build.5`; None where the text is none."""
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    major, minor, patch, prerelease, build = match.groups(default="")
    return Version(major=major, minor=minor, patch=patch, prerelease=prerelease, build=build)


def _identifier(text: str) -> tuple[int, int, str]:
    """Numbers come before words and are compared as numbers."""
    return (0, int(text), "") if text.isdigit() else (1, 0, text)
