"""Names by pattern: sources of COPY as Go's `filepath.Match` has them, and `.dockerignore`.

Sources: pkg.go.dev/path/filepath#Match; moby/patternmatcher (what `.dockerignore` means); docs.docker.com,
"Build context", .dockerignore files.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

_MAGIC: Final = re.compile(r"[*?\[]")


class PatternError(ValueError):
    """The pattern cannot be read."""


def is_pattern(text: str) -> bool:
    """Whether a source stands for any number of names."""
    return _MAGIC.search(text) is not None


def source_expression(pattern: str, *, deep: bool = False) -> re.Pattern[str]:
    """The regular expression of a source of COPY, for whole paths; raises PatternError.

    `*` and `?` stay within a name. With `deep`, which is for --parents, `**` stands for any folders between.
    """
    return _compiled(pattern, deep=deep)


def _compiled(pattern: str, *, deep: bool) -> re.Pattern[str]:
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if deep and pattern.startswith("**", at):
            at += 3 if pattern.startswith("**/", at) else 2
            # At the end it stands for anything, elsewhere for folders, and for none at all.
            pieces.append("(?:.*/)?" if at < len(pattern) else ".*")
            continue
        at += 1
        if character == "*":
            pieces.append("[^/]*")
        elif character == "?":
            pieces.append("[^/]")
        elif character == "[":
            piece, at = _class(pattern, at)
            pieces.append(piece)
        elif character == "\\":
            pieces.append(re.escape(pattern[at : at + 1] or "\\"))
            at += 1
        else:
            pieces.append(re.escape(character))
    try:
        return re.compile("".join(pieces), re.DOTALL)
    except re.error as error:
        raise PatternError(f"{pattern!r} has a range whose end comes before its start") from error


def _class(pattern: str, at: int) -> tuple[str, int]:
    """The class behind `[` and where it ends; raises PatternError."""
    negated = pattern[at : at + 1] == "^"
    at += negated
    inner = ""
    while at < len(pattern) and (pattern[at] != "]" or not inner):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "-" and inner and pattern[at + 1 : at + 2] != "]":
            inner += "-"
            at += 1
            continue
        inner += re.escape(pattern[at : at + 1])
        at += 1
    if at >= len(pattern):
        raise PatternError(f"{pattern!r} has a [ that is never closed")
    return f"(?!/)[{'^' if negated else ''}{inner}]", at + 1


@dataclass(frozen=True, slots=True)
class _Rule:
    expression: re.Pattern[str]
    keeps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """The rules of a `.dockerignore` file: of those that fit a path the last one counts."""

    rules: tuple[_Rule, ...] = field(default=(), repr=False)

    @property
    def keeps(self) -> bool:
        """Whether any rule takes something in again, so that what is left out must be looked into."""
        return any(rule.keeps for rule in self.rules)

    def leaves_out(self, path: str) -> bool:
        """Whether a path of the context, with slashes and relative, is left out."""
        out = False
        parts = path.split("/")
        names = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
        for rule in self.rules:
            if rule.keeps == out and any(rule.expression.fullmatch(name) for name in names):
                out = not rule.keeps
        return out


def read_ignore(text: str) -> Ignore:
    """Read a `.dockerignore` file; raises PatternError with the line that cannot be."""
    rules = []
    for number, row in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = row.strip()
        if row.startswith("#") or not line:
            continue
        keeps = line.startswith("!")
        pattern = _clean(line[keeps:].strip())
        if not pattern:
            if keeps:
                raise PatternError(f"line {number}: ! stands alone")
            continue
        try:
            rules.append(_Rule(_ignore_expression(pattern), keeps))
        except (PatternError, re.error) as error:
            raise PatternError(f"line {number}: {error}") from error
    return Ignore(rules=tuple(rules))


def excludes(patterns: Iterable[str]) -> Ignore:
    """The rules of `--exclude`; raises PatternError."""
    return Ignore(rules=tuple(_Rule(_ignore_expression(_clean(one)), keeps=False) for one in patterns))


def _clean(pattern: str) -> str:
    """The pattern without needless parts and without the root; `.` and `/` mean nothing."""
    parts: list[str] = []
    for part in pattern.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _ignore_expression(pattern: str) -> re.Pattern[str]:
    """The expression of a rule: `**` stands for anything, slashes too, and none at all."""
    return _compiled(pattern, deep=True)
