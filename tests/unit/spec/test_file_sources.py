"""Where copied files come from: the project, what was built, or a fetched asset."""

# ruff: noqa: E501 - sentences are asserted whole, each on its line
from collections.abc import Callable

import pytest

from buildtools.spec.variant import Variant

SHA = "0" * 64
BUILD = "build: {run: [[make]]}\n"
FETCH = (
    f"fetch:\n  tool: {{url: 'https://h.io/tool', sha256: '{SHA}'}}\n"
    f"  pack: {{url: 'https://h.io/p.zip', sha256: '{SHA}', members: {{'a{{exe}}': x, b: y}}}}\n"
    f"  arm: {{url: 'https://h.io/arm', sha256: '{SHA}', platforms: [linux/arm64]}}\n"
)

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]


def copying(source: str, to: str = "/to/") -> str:
    """A definition that copies one thing; what it copies stands on line 1, in column 16."""
    return f'files: [{{from: "{source}", to: {to}}}]\n'


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("a/./b", "project", "a/b"),
        ("../y/a", "project", "../y/a"),
        ("{os}/{arch}/*", "project", "linux/amd64/*"),
        ("{out}/app{exe}", "out", "app"),
        ("{out}", "out", "."),
        ("{out}/", "out", "."),
        ("{out}/a//b/../*.so", "out", "a/*.so"),
        ("{fetch}/tool", "fetch", "tool"),
        ("{fetch}/tool/", "fetch", "tool"),
        ("{fetch}/pack/a{exe}", "fetch", "pack/a"),
        ("{fetch}/pack/b", "fetch", "pack/b"),
    ],
)
def test_a_source_has_an_origin(variants: Variants, text: str, origin: str, path: str) -> None:
    """The path is relative to the image's folder, the build's output, or the assets."""
    (variant,) = variants(copying(text) + BUILD + FETCH)
    assert (variant.files[0].origin, variant.files[0].source) == (origin, path)


def test_members_have_the_names_of_their_platform(variants: Variants) -> None:
    """`.exe` belongs to a Windows member's name."""
    platforms = "platforms: [windows/amd64:ltsc2022]\nbase: nanoserver\n"
    (variant,) = variants(copying("{fetch}/pack/a{exe}") + FETCH + platforms)
    assert variant.files[0].source == "pack/a.exe"


WRONG = [
    ("", "the path is empty: write a file, a folder or a glob"),
    ("../../a", '"../../a" leads out of the project: copy what is needed into the project'),
    ("{out}/../a", '"../a" leads out of the project: copy what is needed into the project'),
    ("{out}//a", '"/a" is not relative: write it relative to the image\'s folder'),
    ("a/{out}/b", '{out} and {fetch} are folders and stand at the start of a path: write them as in "{out}/app"'),
    ("{out}/{fetch}/b", '{out} and {fetch} are folders and stand at the start of a path: write them as in "{out}/app"'),
    ("{fetch}/{fetch}", '{out} and {fetch} are folders and stand at the start of a path: write them as in "{out}/app"'),
    ("{out}x/b", '{out} and {fetch} are folders and stand at the start of a path: write them as in "{out}/app"'),
    ("{nam}", "unknown placeholder {nam}: did you mean {name}?"),
    ("{fetch}/tol", 'nothing is fetched under the name "tol": did you mean tool?'),
    ("{fetch}/kubectl", 'nothing is fetched under the name "kubectl": add it under fetch'),
    ("{fetch}", 'nothing is fetched under the name "": add it under fetch'),
    ("{fetch}/arm", "arm is not fetched for linux/amd64: leave linux out of from, or add it to the asset's platforms"),
    ("{fetch}/tool/bin", "tool is one file and has no member: write {fetch}/tool"),
    ("{fetch}/pack", "pack is an archive: name one of its members: a, b"),
    ("{fetch}/pack/c", 'pack has no member "c": name one of its members: a, b'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_a_source_that_cannot_be_is_refused(faults: Faults, text: str, sentence: str) -> None:
    """Out of the project, not fetched, or not there on this platform."""
    assert faults(copying(text) + BUILD + FETCH) == [f"image.yaml:1:16: {sentence}"]


def test_without_a_build_there_is_no_output(faults: Faults) -> None:
    """`{out}` is what build commands write."""
    assert faults(copying("{out}/a")) == [
        "image.yaml:1:16: {out} is what build commands write, and there is no build: add build.run"
    ]


def test_a_broken_asset_is_reported_where_it_is_defined(faults: Faults) -> None:
    """And not again where it is used."""
    fetch = 'fetch:\n  tool: {url: "https://h.io/tool"}\n'
    assert faults(copying("{fetch}/tool") + fetch) == [
        "image.yaml:3:9: neither checksum nor sha256 is given: write one of them: nothing unverified gets into an image"
    ]
