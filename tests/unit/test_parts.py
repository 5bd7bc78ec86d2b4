"""What an entry says of its origin: a digest each of base, files and config."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.digest import digest_of
from buildtools.parts import PARTS, base_part, differing, parts_of, to_annotations
from buildtools.plan import fingerprint_of

INGREDIENTS = {
    "builder": "assemble/1 isal",
    "created": "1767225600",
    "base": "registry.example/base:1@sha256:1",
    "definition/config": digest_of(b"config"),
    "definition/files": digest_of(b"files"),
    "definition/build": digest_of(b"build"),
    "definition/engine": digest_of(b"engine"),
    "inputs/main.go": digest_of(b"main"),
    "assets/https://example.com/a": "ab",
    "tools/go": "1.27.3",
}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("base", "base"),
        ("builder", "files"),
        ("inputs/main.go", "files"),
        ("assets/https://example.com/a", "files"),
        ("tools/go", "files"),
        ("definition/files", "files"),
        ("definition/build", "files"),
        ("definition/config", "config"),
        ("definition/engine", "config"),
        ("created", "config"),
    ],
)
def test_every_ingredient_belongs_to_one_part(name: str, part: str) -> None:
    """A change of it changes that part and no other."""
    assert differing(INGREDIENTS | {name: "other"}, to_annotations(INGREDIENTS)) == (part,)


def test_no_ingredient_is_left_out() -> None:
    """All parts together cover what a variant is made of, once."""
    prefixes = [prefix for part in PARTS.values() for prefix in part]
    assert {name: sum(map(name.startswith, prefixes)) for name in INGREDIENTS} == dict.fromkeys(
        INGREDIENTS, 1
    )


def test_the_same_ingredients_differ_in_nothing() -> None:
    """Whatever else the entry carries."""
    assert differing(INGREDIENTS, to_annotations(INGREDIENTS) | {"org.example": "x"}) == ()


@pytest.mark.parametrize("part", PARTS)
def test_who_says_nothing_of_a_part_says_nothing(part: str) -> None:
    """Another tool's entry, or an older version's."""
    annotations = to_annotations(INGREDIENTS)
    assert list(annotations) == [f"dev.buildtools.{name}" for name in PARTS]
    del annotations[f"dev.buildtools.{part}"]
    assert differing(INGREDIENTS, annotations) is None


@given(st.dictionaries(st.text(), st.text()))
def test_parts_are_digests_of_their_ingredients(ingredients: dict[str, str]) -> None:
    """By name, whatever they are called."""
    assert parts_of(ingredients) == {
        name: fingerprint_of(ingredients, *prefixes) for name, prefixes in PARTS.items()
    }


def test_the_part_of_a_base_is_known_without_the_rest() -> None:
    """Whoever puts an image on another base says so in the same way."""
    reference, digest = "registry.example/base:1", digest_of(b"base")
    assert base_part(reference, digest) == parts_of({**INGREDIENTS, "base": f"{reference}@{digest}"})["base"]
    assert base_part("scratch", "") == parts_of({**INGREDIENTS, "base": "scratch"})["base"]
