# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Images that stand on images of the project: their order, and what is refused."""

import pytest

from buildtools.errors import ConfigurationError
from buildtools.spec.expand import Project, load, select
from buildtools.spec.own_bases import with_bases


def project(defaults: str = "", **bases: str) -> Project:
    """Images by name, each with its `base` and, behind a space, its platforms."""
    texts = {"images/defaults.yaml": f"releases: [ltsc2022]\n{defaults}".encode()}
    for name, told in bases.items():
        base, _, platforms = told.partition(" ")
        text = f"name: {name}\nbase: {base}\nplatforms: [{platforms or 'linux/amd64'}]\n"
        texts[f"images/{name}/image.yaml"] = text.encode()
    return load(texts)


def names(found: Project, *chosen: str) -> list[str]:
    """The variants of the chosen images with what they stand on."""
    variants = with_bases(found.images, select(found, chosen, ()))
    return [f"{variant.image} {variant.label}" for variant in variants]


def test_what_is_below_comes_first() -> None:
    """At any depth, each once, each image in one piece, and only the platforms that are needed."""
    found = project(
        a="image:b linux/amd64, linux/arm64",
        b="image:c linux/amd64, linux/arm64, linux/s390x",
        c="scratch linux/amd64, linux/arm64, linux/s390x",
        d="scratch",
    )
    assert [name.partition(" ")[0] for name in names(found, "a")] == ["c", "c", "b", "b", "a", "a"]
    assert "b linux/s390x" not in names(found, "a")
    assert names(found, "d") == ["d linux/amd64"]


def test_a_base_of_defaults_may_be_an_image() -> None:
    """By its name there, on the operating systems that it says."""
    found = project("bases: {own: {linux: 'image:b'}}\n", a="own", b="scratch")
    (variant,) = found.images["a"].variants
    assert (variant.base, variant.own_base) == ("image:b", "b")
    assert found.images["b"].variants[0].own_base == ""


def test_a_dockerfile_has_its_base_in_it() -> None:
    """What stands beside it would be another one."""
    text = b"name: a\nengine: dockerfile\nbase: image:b\nplatforms: [linux/amd64]\n"
    other = b"name: b\nbase: scratch\nplatforms: [linux/amd64]\n"
    with pytest.raises(ConfigurationError) as caught:
        load({"images/a/image.yaml": text, "images/b/image.yaml": other})
    assert str(caught.value) == (
        "images/a/image.yaml:3:7: a Dockerfile names its base in FROM: publish b and name it there, or write engine: assemble"
    )


@pytest.mark.parametrize(
    ("bases", "sentences"),
    [
        ({"a": "image:x", "b": "scratch"}, ['images/a/image.yaml:2:7: there is no image "x" in the project: write the name of an image of this project behind image:']),
        ({"app": "image:tol", "tool": "scratch"}, ['images/app/image.yaml:2:7: there is no image "tol" in the project: did you mean image:tool?']),
        ({"a": "image:a"}, ["images/a/image.yaml:2:7: a would stand on itself: give one of the images another base"]),
        ({"a": "image:b", "b": "image:a"}, ["images/a/image.yaml:2:7: a would stand on itself: give one of the images another base", "images/b/image.yaml:2:7: b would stand on itself: give one of the images another base"]),
        ({"a": "image:b linux/arm64", "b": "scratch"}, ["images/a/image.yaml:2:7: b has no linux/arm64 that a could stand on: add the platform there, or give linux/arm64 another base"]),
    ],
)  # fmt: skip
def test_bases_that_cannot_be(bases: dict[str, str], sentences: list[str]) -> None:
    """Told once, with their place."""
    with pytest.raises(ConfigurationError) as caught:
        project(**bases)
    assert [str(finding) for finding in caught.value.diagnostics] == sentences
