"""Which variables there are: global arguments, those that every platform brings, a stage's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from buildtools.dockerfile.faults import Faults, Place
from buildtools.dockerfile.parse import Word
from buildtools.dockerfile.recipe import Goal
from buildtools.dockerfile.words import WordError, expand, expand_words
from buildtools.oci.platform import Platform

BUILD: Final = Platform(os="linux", architecture="amd64")
"""What BUILDPLATFORM is, on every machine, so that the same Dockerfile is the same image everywhere."""

PREDEFINED: Final = frozenset(
    name
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (proxy, proxy.lower())
)
"""Arguments that need no ARG; no file of an assembled image depends on them."""


def platform_arguments(goal: Goal) -> dict[str, str]:
    """The arguments that are there without being given (Dockerfile reference, "Automatic platform ARGs")."""
    found: dict[str, str] = {}
    for prefix, platform in (("BUILD", BUILD), ("TARGET", goal.platform)):
        version = f"10.0.{goal.release.build}" if prefix == "TARGET" and goal.release else ""
        found |= {
            f"{prefix}PLATFORM": shown(platform),
            f"{prefix}OS": platform.os,
            f"{prefix}OSVERSION": version,
            f"{prefix}ARCH": platform.architecture,
            f"{prefix}VARIANT": platform.variant,
        }
    return found


def shown(platform: Platform) -> str:
    """`linux/arm/v7`."""
    return "/".join(part for part in (platform.os, platform.architecture, platform.variant) if part)


@dataclass(slots=True, kw_only=True)
class Scope:
    """The variables at one place of a Dockerfile: of two with one name the environment's counts."""

    escape: str
    faults: Faults
    args: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def look(self, name: str) -> str | None:
        """The value of a variable, None where it is not set."""
        value = self.env.get(name)
        return self.args.get(name) if value is None else value

    def expanded(self, word: Word) -> str | None:
        """The word with its variables filled in; None, and a finding, where that cannot be."""
        try:
            return expand(word.text, self.look, self.escape)
        except WordError as error:
            self.report(error, word.place)
            return None

    def document(self, text: str, place: Place) -> str:
        """The content of a here-document with its variables filled in: quotes stay."""
        try:
            return expand(text, self.look, "\\", quotes=False)
        except WordError as error:
            self.faults.add("dockerfile-variable", place, f"in the here-document {error.message}", error.hint)
            return ""

    def words(self, word: Word) -> list[str]:
        """The words that a word becomes; none, and a finding, where that cannot be."""
        try:
            return expand_words(word.text, self.look, self.escape)
        except WordError as error:
            self.report(error, word.place)
            return []

    def report(self, error: WordError, place: Place) -> None:
        """Keep what is wrong with a word that begins at `place`."""
        at = Place(place.line, place.column + error.offset)
        self.faults.add("dockerfile-variable", at, error.message, error.hint)


def pair(word: Word) -> tuple[Word, Word] | None:
    """The name and value of `NAME=VALUE`, None where there is no equals sign."""
    name, equals, value = word.text.partition("=")
    if not equals:
        return None
    at = Place(word.place.line, word.place.column + len(name) + 1)
    return Word(text=name, place=word.place), Word(text=value, place=at)


def declare(
    scope: Scope, words: tuple[Word, ...], given: Mapping[str, str], outer: Mapping[str, str]
) -> None:
    """Take over arguments that ARG declares: what was given, else the default, else what is there outside."""
    for word in words:
        name, default = pair(word) or (word, None)
        plain = scope.expanded(name)
        if not plain:
            continue
        scope.used.add(plain)
        value = None if default is None else scope.expanded(default)
        found = given.get(plain, value if default is not None else outer.get(plain))
        if found is not None:
            scope.args[plain] = found
