"""Version constraints: what they allow, held against `packaging`, and a sentence for each mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from buildtools.spec.constraints import ConstraintError, parse_constraint


@pytest.mark.parametrize(
    ("text", "clauses", "exact"),
    [
        ("==1.27.3", (("==", "1.27.3"),), "1.27.3"),
        (">=1.24", ((">=", "1.24"),), None),
        (">= 1.24 , < 2", ((">=", "1.24"), ("<", "2")), None),
        ("!=1,<=1.2.3.4,>0", (("!=", "1"), ("<=", "1.2.3.4"), (">", "0")), None),
        (">=1,==1.5,<2", ((">=", "1"), ("==", "1.5"), ("<", "2")), "1.5"),
    ],
)
def test_clauses_are_read(text: str, clauses: tuple[tuple[str, str], ...], exact: str | None) -> None:
    """With or without spaces; the one version that will do is known where there is one."""
    constraint = parse_constraint(text)
    assert (constraint.clauses, constraint.exact) == (clauses, exact)
    assert str(constraint) == text.replace(" ", "")
    assert parse_constraint(str(constraint)) == constraint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "an empty text is no version constraint: write ==1.27.3 or >=1.24"),
        (" ", "an empty text is no version constraint: write ==1.27.3 or >=1.24"),
        (">=1,", "an empty text is no version constraint: write ==1.27.3 or >=1.24"),
        ("1.27", '"1.27" is no version constraint: write ==1.27.3 or >=1.24'),
        ("=1.27", '"=1.27" is no version constraint: write ==1.27.3 or >=1.24'),
        ("===1", '"===1" is no version constraint: write ==1.27.3 or >=1.24'),
        ("~=1.2", '"~=1.2" is no version constraint: write ==1.27.3 or >=1.24'),
        ("^1.2", '"^1.2" is no version constraint: write ==1.27.3 or >=1.24'),
        (">=v1", '">=v1" is no version constraint: write ==1.27.3 or >=1.24'),
        ("==1.*", '"==1.*" is no version constraint: write ==1.27.3 or >=1.24'),
        ("==1.2.3.4.5", '"==1.2.3.4.5" is no version constraint: write ==1.27.3 or >=1.24'),
        ("==1.", '"==1." is no version constraint: write ==1.27.3 or >=1.24'),
        (">=1 <2", '">=1 <2" is no version constraint: write ==1.27.3 or >=1.24'),
        (f"=={'1' * 10}", f'"=={"1" * 10}" is no version constraint: write ==1.27.3 or >=1.24'),
        (">=١", '">=١" is no version constraint: write ==1.27.3 or >=1.24'),
        (">=1\n", None),
        ("==1,<1", "no version satisfies ==1,<1: keep the == clause alone"),
        ("==1.2,==1.3", "no version satisfies ==1.2,==1.3: keep the == clause alone"),
        ("==1,!=1.0", "no version satisfies ==1,!=1.0: keep the == clause alone"),
        ("==1,==1.0", None),
    ],
)
def test_a_mistake_has_its_sentence(text: str, sentence: str | None) -> None:
    """What is wrong and what to write; white space around a clause is no mistake."""
    if sentence is None:
        assert parse_constraint(text).allows("1")
        return
    with pytest.raises(ConstraintError) as caught:
        parse_constraint(text)
    assert str(caught.value) == sentence
    assert f"{caught.value.message}: {caught.value.hint}" == sentence


@pytest.mark.parametrize(
    ("text", "version", "allowed"),
    [
        ("==1.27.3", "1.27.3rc1", True),
        ("==1.27.3", "1.27.30", False),
        ("==1.24", "1.24.0.0", True),
        (">=1.9", "1.10", True),
        ("<2", "2", False),
        (">1", "1.0.0.0.0.1", True),
        ("!=1", "2", True),
        (">=0", "", False),
        (">=0", "go1.27", False),
        (">=0", "devel", False),
    ],
)
def test_leading_numbers_of_a_version_count(text: str, version: str, allowed: bool) -> None:
    """Compared as numbers, with zeros for what is not said; a text without them is no version."""
    assert parse_constraint(text).allows(version) is allowed


VERSION = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
CLAUSE = st.tuples(st.sampled_from(["==", "!=", ">=", "<=", ">", "<"]), VERSION).map("".join)


@given(clauses=st.lists(CLAUSE, min_size=1, max_size=3).map(",".join), version=VERSION)
def test_clauses_mean_what_they_mean_to_python(clauses: str, version: str) -> None:
    """`packaging` decides each clause the same; what is refused satisfies nothing there either."""
    expected = SpecifierSet(clauses)
    try:
        constraint = parse_constraint(clauses)
    except ConstraintError:
        assert version not in expected
        return
    assert constraint.allows(version) is (version in expected)


@given(st.text() | st.text(alphabet="=<>!~^0123.,v \n", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but ConstraintError is raised, and what is read reads back."""
    try:
        constraint = parse_constraint(text)
    except ConstraintError:
        return
    assert parse_constraint(str(constraint)) == constraint
