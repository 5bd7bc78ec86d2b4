"""Versions of tools that will do: `==1.27.3`, `>=1.24`, `>=1.24,<2`."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

_CLAUSE: Final = re.compile(r"(==|!=|>=|<=|>|<)\s*([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})")
_VERSION: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})*")

Version = tuple[int, ...]

_COMPARE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class ConstraintError(ValueError):
    """The text is no constraint; `message` says what is wrong and `hint` what to do."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(f"{message}: {hint}")
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """Clauses that a version must all satisfy; make one with `parse_constraint`."""

    clauses: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """The constraint as it is written, without spaces."""
        return ",".join(f"{sign}{version}" for sign, version in self.clauses)

    @property
    def exact(self) -> str | None:
        """The one version that will do, None where several may."""
        return next((version for sign, version in self.clauses if sign == "=="), None)

    def allows(self, version: str) -> bool:
        """Whether this version will do; its leading numbers count, so `1.27.3rc1` is 1.27.3."""
        found = _VERSION.match(version)
        return found is not None and all(
            _COMPARE[sign](_order(found[0], wanted), 0) for sign, wanted in self.clauses
        )


def parse_constraint(text: str) -> Constraint:
    """Read clauses with commas between them; raises ConstraintError."""
    clauses: list[tuple[str, str]] = []
    for part in text.split(","):
        match = _CLAUSE.fullmatch(part.strip())
        if match is None:
            shown = f'"{part.strip()}"' if part.strip() else "an empty text"
            raise ConstraintError(f"{shown} is no version constraint", hint="write ==1.27.3 or >=1.24")
        clauses.append((match[1], match[2]))
    constraint = Constraint(clauses=tuple(clauses))
    if constraint.exact and not constraint.allows(constraint.exact):
        raise ConstraintError(f"no version satisfies {constraint}", hint="keep the == clause alone")
    return constraint


def _order(left: str, right: str) -> int:
    """Negative, zero or positive as `left` is older than, equal to or newer than `right`; 1.24 is 1.24.0."""
    for first, second in zip_longest(_numbers(left), _numbers(right), fillvalue=0):
        if first != second:
            return first - second
    return 0


def _numbers(version: str) -> Version:
    return tuple(int(part) for part in version.split("."))
