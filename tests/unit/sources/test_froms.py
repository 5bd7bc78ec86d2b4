# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The images that Dockerfiles build on: every way of naming them, and their replacement by digests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError
from buildtools.sources.froms import external_images, with_digests


def named(text: str, *, target: str = "", **args: str) -> list[str]:
    """The references; the one below the image itself with a star."""
    return [f"{one.reference}{'*' * one.final}" for one in external_images(text, args, target=target)]


CASES = [
    ("FROM a", ["a*"]),
    ("from a:1@sha256:0 as x\nRUN FROM b\n", ["a:1@sha256:0*"]),
    ("FROM scratch", []),
    ("FROM a AS X\nFROM b\nCOPY --from=x / /\nFROM x", ["a*", "b"]),
    (
        "FROM a\nFROM scratch\nCOPY --from=0 / /\nCOPY --chown=1 --from=c:1 / /\nCOPY --from=$d / /",
        ["a", "c:1"],
    ),
    ("ARG V=1\nFROM a:$V\nARG V=2\nFROM b:${V}", ["a:1", "b:1*"]),
    ("ARG A='x'\nARG B=${A}y\nFROM ${B:-none}", ["xy*"]),
    ("ARG A\nFROM ${A:-a:1}\nFROM ${A:+b}c", ["a:1", "c*"]),
    ("ARG A=1\nFROM ${A:+b}c", ["bc*"]),
    ("# escape=`\n# syntax=x\nFROM `\n# between\n\n  a `\n  AS b\nRUN `\nFROM c", ["a*"]),
    ("# comment\n# escape=`\nFROM \\\n  a", ["a*"]),
    ("FROM --platform=linux/arm64 'a'", ["a*"]),
    ("FROM a\nRUN x \\", ["a*"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_is_named(text: str, expected: list[str]) -> None:
    """Stages, arguments, continued lines, comments between them, directives."""
    assert named(text) == expected


def test_arguments_that_are_given_win() -> None:
    """Over the default, for those that are declared; build-time values of others do not reach FROM."""
    assert named("ARG V=1\nFROM a:$V", V="2") == ["a:2*"]
    assert named("ARG V=1\nFROM a:$V", W="2") == ["a:1*"]


def test_the_target_is_the_last_stage() -> None:
    """By name in any case, or by number."""
    text = "FROM a AS One\nFROM b AS two\nFROM c"
    assert named(text, target="ONE") == ["a*"]
    assert named(text, target="1") == ["a", "b*"]
    assert named(text) == ["a", "b", "c*"]


def test_a_platform_is_told() -> None:
    """As it is written, arguments filled in."""
    (one,) = external_images("ARG P=linux/amd64\nFROM --platform=$P a", {})
    assert (one.platform, one.line) == ("linux/amd64", 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "d/Dockerfile:1: it has no FROM: begin with FROM and a base"),
        ("RUN x\n", "d/Dockerfile:1: it has no FROM: begin with FROM and a base"),
        ("\nFROM", "d/Dockerfile:2: FROM names no base: write one"),
        ("ARG A\nFROM $A", "d/Dockerfile:2: $A in FROM has no value: give its ARG before the first FROM a default, or write it under args in image.yaml"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(text: str, sentence: str) -> None:
    """With its line."""
    with pytest.raises(ConfigurationError) as caught:
        external_images(text, {}, path="d/Dockerfile")
    assert str(caught.value) == sentence


def test_only_names_are_replaced() -> None:
    """Whatever stands around them stays, byte for byte."""
    text = 'ARG V=1\r\nFROM --platform=linux/amd64 "a:${V}" AS a\r\nFROM \\\n  b # x\nCOPY --from=c:1 /FROM /c:1\n'
    found = external_images(text, {})
    assert with_digests(text, found, lambda one: f"{one.reference}@d") == (
        "ARG V=1\r\nFROM --platform=linux/amd64 a:1@d AS a\r\nFROM \\\n  b@d # x\nCOPY --from=c:1@d /FROM /c:1\n"
    )


@given(st.text(alphabet="FROMARGCPY fromas=$${}:-+ab\\#'\"\n\r\t", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """And replacing names by themselves changes nothing that is read."""
    try:
        found = external_images(text, {"a": "b"})
    except ConfigurationError:
        return
    assert all(text[one.start : one.end] for one in found)
    assert with_digests(text, found, lambda one: text[one.start : one.end]) == text
