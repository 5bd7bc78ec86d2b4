"""Which version of an action is taken: rules over lists of releases, with the times handed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.workflow.versions import Chosen, Release, choose, parse_version


def released(*tags: str, at: float = 0.0) -> list[Release]:
    """Releases of that time."""
    return [Release(tag=tag, published=at) for tag in tags]


def never(tag: str) -> float:
    """Nobody has to ask for a time."""
    raise AssertionError(tag)


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v7.0.1", (7, 0, 1)),
        ("7.0.1", (7, 0, 1)),
        ("v1.3", (1, 3, 0)),
        ("v7", None),
        ("v7.0.1-rc.1", None),
        ("v7.0.1.2", None),
        ("v٧.0.1", None),
        ("latest", None),
    ],
)
def test_what_is_a_version(tag: str, version: tuple[int, int, int] | None) -> None:
    """Two or three numbers; a tag of one number moves."""
    assert parse_version(tag) == version


@given(st.tuples(*[st.integers(0, 10**9 - 1)] * 3))
def test_versions_are_read_back(version: tuple[int, int, int]) -> None:
    """By their numbers, so that v10 is above v9."""
    assert parse_version("v" + ".".join(map(str, version))) == version


def test_the_newest_of_the_major() -> None:
    """Not the first of the list; another major is only named."""
    found = choose(released("v7.0.9", "v8.1.0", "v7.0.10", "v8.0.0"), "v7.0.1", published=never, before=0)
    assert found == Chosen(release=Release(tag="v7.0.10", published=0), major="v8.1.0")


def test_another_major_on_demand() -> None:
    """The newest of all."""
    found = choose(released("v7.0.9", "v8.1.0"), "v7.0.1", published=never, before=0, any_major=True)
    assert found == Chosen(release=Release(tag="v8.1.0", published=0))


def test_a_major_that_is_too_young() -> None:
    """The newest that is old enough is taken, and both are named."""
    releases = [*released("v7.0.9"), *released("v8.0.0", at=5)]
    found = choose(releases, "v7.0.1", published=never, before=4, any_major=True)
    assert found == Chosen(release=Release(tag="v7.0.9", published=0), young=("v8.0.0",), major="v8.0.0")


def test_nothing_goes_back() -> None:
    """Older versions and the same one are never taken."""
    assert choose(released("v7.0.0", "v7.0.1"), "v7.0.1", published=never, before=0) == Chosen()


def test_too_young() -> None:
    """The day it is old enough it is taken."""
    releases = released("v7.0.2", at=100)
    assert choose(releases, "v7.0.1", published=never, before=99) == Chosen(young=("v7.0.2",))
    assert choose(releases, "v7.0.1", published=never, before=100).release == releases[0]


def test_times_are_asked_for_where_needed() -> None:
    """From the newest down, until one is old enough."""
    asked = []

    def published(tag: str) -> float:
        asked.append(tag)
        return {"v7.0.4": 9.0, "v7.0.3": 3.0}[tag]

    tags = [Release(tag=tag) for tag in ("v7.0.2", "v7.0.3", "v7.0.4", "v7")]
    found = choose(tags, "v7.0.1", published=published, before=5)
    assert found == Chosen(release=Release(tag="v7.0.3"), young=("v7.0.4",))
    assert asked == ["v7.0.4", "v7.0.3"]


def test_a_pinned_text_that_is_no_version() -> None:
    """A branch's name, say, is left alone."""
    assert choose(released("v7.0.1"), "main", published=never, before=0) == Chosen()
