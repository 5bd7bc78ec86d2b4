"""The catalogue of faults is whole, and every test that it names is there."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.faults.case import Case
from tests.faults.catalogue import CASES, COUNTS, GROUPS
from tests.faults.measured import PULLS, PUSHES, SHOWN, WORDS

TESTS = Path(__file__).parents[1]


@cache
def functions(path: str) -> frozenset[str]:
    """The names of a test module's functions."""
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def assert_there(test: str) -> None:
    """A test's function stands in its file, and so does the parameter that it is named with."""
    path, _, name = test.partition("::")
    function, _, parameter = name.rstrip("]").partition("[")
    assert function in functions(path), test
    assert f'"{parameter}"' in (TESTS / path).read_text(encoding="utf-8") if parameter else True, test


def test_every_case_has_its_row() -> None:
    """A01 to G13, each once, in their order."""
    wanted = [f"{group}{number:02}" for group, count in COUNTS.items() for number in range(1, count + 1)]
    assert [case.id for case in CASES] == wanted
    assert list(GROUPS) == list(COUNTS)
    assert len(wanted) == 102


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_case_is_shown(case: Case) -> None:
    """It has an outcome, and tests that are there."""
    assert case.outcome
    assert case.tests
    for test in case.tests:
        assert_there(test)


def test_every_measured_fault_is_shown() -> None:
    """PUSH-01 to PUSH-26 and PULL-01 to PULL-11, each with the test that shows what comes of it here."""
    names = [row.id for row in (*PUSHES, *PULLS)]
    assert names == [
        *(f"PUSH-{number:02}" for number in range(1, 27)),
        *(f"PULL-{number:02}" for number in range(1, 12)),
    ]
    assert set(SHOWN) == set(names)
    for name, test in SHOWN.items():
        assert_there(test.format(name))


def test_the_words_of_the_measured_table() -> None:
    """Every outcome is explained, and those of the rows are the right ones here."""
    found = Counter(cell.split(" ")[0] for row in (*PUSHES, *PULLS) for cell in row[3:])
    assert set(found) - {"reads"} <= set(WORDS)
    for row in (*PUSHES, *PULLS):
        assert row.ours.split(" ")[0] in row.right.replace(",", "").split(), row.id
