"""One row of the catalogue of faults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault: its id, what happens, what is done, and the tests that show it."""

    id: str
    fault: str
    outcome: str
    tests: tuple[str, ...]


def case(name: str, fault: str, outcome: str, *tests: str) -> Case:
    """A row with its tests."""
    return Case(id=name, fault=fault, outcome=outcome, tests=tests)
