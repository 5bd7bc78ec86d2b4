# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Platforms: which variants an image has, and a sentence for each that it cannot have."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError
from buildtools.oci.platform import Platform
from buildtools.spec.expand import load
from buildtools.spec.platforms import Problem, read_platform, release_named, split
from buildtools.spec.variant import Variant
from buildtools.windows.releases import RELEASES, WindowsRelease, release

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]

ONLY_WINDOWS = "base: nanoserver\n"
LTSC2022 = release("ltsc2022")


@pytest.mark.parametrize(
    ("text", "platform", "named"),
    [
        ("linux/amd64", Platform(os="linux", architecture="amd64"), None),
        ("linux/x86_64", Platform(os="linux", architecture="amd64"), None),
        ("linux/amd64/v1", Platform(os="linux", architecture="amd64"), None),
        ("linux/amd64/v3", Platform(os="linux", architecture="amd64", variant="v3"), None),
        ("linux/arm64", Platform(os="linux", architecture="arm64"), None),
        ("linux/aarch64/v8", Platform(os="linux", architecture="arm64"), None),
        ("linux/arm64/v9", Platform(os="linux", architecture="arm64", variant="v9"), None),
        ("linux/arm", Platform(os="linux", architecture="arm", variant="v7"), None),
        ("linux/arm/6", Platform(os="linux", architecture="arm", variant="v6"), None),
        ("linux/i386", Platform(os="linux", architecture="386"), None),
        ("linux/s390x", Platform(os="linux", architecture="s390x"), None),
        ("windows/amd64", Platform(os="windows", architecture="amd64"), None),
        ("windows/amd64:ltsc2022", Platform(os="windows", architecture="amd64"), LTSC2022),
        ("windows/amd64:1809", Platform(os="windows", architecture="amd64"), release("ltsc2019")),
    ],
)
def test_a_platform_is_read(text: str, platform: Platform, named: object) -> None:
    """In containerd's canonical words, with the Windows release that stands behind the colon."""
    assert read_platform(text) == (platform, named)


NO_PLATFORMS = [
    ("", '"" is not a platform: write linux/amd64 or windows/amd64:ltsc2022'),
    ("linux", '"linux" is not a platform: write linux/amd64 or windows/amd64:ltsc2022'),
    ("linux/amd64/v2/x", '"linux/amd64/v2/x" is not a platform: write linux/amd64 or windows/amd64:ltsc2022'),
    ("linux/", '"linux/" is not a platform: write linux/amd64 or windows/amd64:ltsc2022'),
    ("Linux/AMD64", '"Linux/AMD64" is not a platform: write linux/amd64 or windows/amd64:ltsc2022'),
    ("linux/amd64:", '"linux/amd64:" is not a platform: write linux/amd64 or windows/amd64:ltsc2022'),
    ("linus/amd64", 'no images are made for the operating system "linus": did you mean linux?'),
    ("window/amd64", 'no images are made for the operating system "window": did you mean windows?'),
    ("macos/arm64", 'no images are made for the operating system "darwin": write linux or windows'),
    ("linux/amd65", 'linux images are not made for the architecture "amd65": did you mean amd64?'),
    ("linux/mips", 'linux images are not made for the architecture "mips": write 386 or amd64 or arm or arm64 or loong64 or ppc64le or riscv64 or s390x'),
    ("windows/386", 'windows images are not made for the architecture "386": write amd64'),
    ("windows/arm64", 'windows images are not made for the architecture "arm64": did you mean amd64?'),
    ("linux/amd64/v9", 'amd64 has no variant "v9": write amd64 or amd64/v2 or amd64/v3 or amd64/v4'),
    ("linux/arm/v4", 'arm has no variant "v4": write arm/v5 or arm/v6 or arm/v7 or arm/v8'),
    ("windows/amd64/v2", 'amd64 has no variant "v2": write amd64'),
    ("linux/arm64:ltsc2022", 'only Windows has releases, and "ltsc2022" stands behind linux/arm64: write linux/arm64'),
    ("windows/amd64:ltsc2023", "unknown Windows release 'ltsc2023': did you mean ltsc2025? known are ltsc2019, ltsc2022, ltsc2025"),
    ("windows/amd64:server", "unknown Windows release 'server': known are ltsc2019, ltsc2022, ltsc2025"),
    ("windows/amd64:20348", '"20348" is a build, not a release: write ltsc2022'),
    ("windows/amd64:10.0.17763", '"10.0.17763" is a build, not a release: write ltsc2019'),
    ("windows/amd64:10.0.26100.4652", '"10.0.26100.4652" is a build, not a release: write ltsc2025'),
    ("windows/amd64:10.0.22621.1", "unknown Windows release '10.0.22621.1': known are ltsc2019, ltsc2022, ltsc2025"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), NO_PLATFORMS)
def test_what_is_no_platform_has_its_sentence(text: str, sentence: str, faults: Faults) -> None:
    """J12: what is wrong and what to write, where it stands."""
    assert faults(f"name: x\nplatforms:\n  - '{text}'\n") == [f"image.yaml:3:5: {sentence}"]


@pytest.mark.parametrize(
    ("platforms", "labels"),
    [
        ("[linux/arm64, linux/amd64]", ["linux/arm64", "linux/amd64"]),
        ("[linux/arm, linux/arm/v6]", ["linux/arm/v7", "linux/arm/v6"]),
        ("[linux/arm64, linux/arm64/v9]", ["linux/arm64", "linux/arm64/v9"]),
        ("[windows/amd64]", ["windows/amd64:ltsc2019", "windows/amd64:ltsc2022"]),
        ("['windows/amd64:ltsc2025', linux/amd64]", ["windows/amd64:ltsc2025", "linux/amd64"]),
        ("['windows/amd64:1809']", ["windows/amd64:ltsc2019"]),
    ],
)
def test_each_platform_is_a_variant(platforms: str, labels: list[str], variants: Variants) -> None:
    """In the definition's order; a bare windows/amd64 is one for each default release."""
    bases = "".join(
        f"  {os}: {base}\n"
        for os, base in [("linux", "scratch"), ("windows", "nanoserver")]
        if os in platforms
    )
    found = variants(f"platforms: {platforms}\nbase:\n{bases}")
    assert [variant.label for variant in found] == labels
    assert [variant.release and variant.release.name for variant in found] == [
        label.partition(":")[2] or None for label in labels
    ]
    assert {variant.platform.os_version for variant in found} == {""}


@pytest.mark.parametrize(
    ("platforms", "sentences"),
    [
        ("[linux/amd64, linux/amd64]", ["image.yaml:1:26: linux/amd64 is built twice: line 1 asks for it already: delete one of the two"]),
        ("[linux/amd64, linux/x86_64, linux/amd64/v1]", [
            "image.yaml:1:26: linux/amd64 is built twice: line 1 asks for it already: delete one of the two",
            "image.yaml:1:40: linux/amd64 is built twice: line 1 asks for it already: delete one of the two",
        ]),
        ("\n  - linux/arm\n  - linux/arm/v7", ["image.yaml:3:5: linux/arm/v7 is built twice: line 2 asks for it already: delete one of the two"]),
        ("\n  - linux/arm64\n  - linux/arm64/v8", ["image.yaml:3:5: linux/arm64 is built twice: line 2 asks for it already: delete one of the two"]),
    ],
)  # fmt: skip
def test_a_platform_stands_once(platforms: str, sentences: list[str], faults: Faults) -> None:
    """J13: whatever it is called, with the line of the first."""
    assert faults(f"platforms: {platforms}\n") == sentences


def test_a_default_release_named_as_well_is_there_twice(faults: Faults) -> None:
    """J13: by its name or its alias."""
    snippet = "platforms:\n  - windows/amd64\n  - windows/amd64:ltsc2022\n  - windows/amd64:1809\n"
    assert faults(snippet + ONLY_WINDOWS) == [
        "image.yaml:3:5: windows/amd64:ltsc2022 is built twice: line 2 asks for it already: delete one of the two",
        "image.yaml:4:5: windows/amd64:ltsc2019 is built twice: line 2 asks for it already: delete one of the two",
    ]


def test_default_releases_are_needed_for_a_bare_platform() -> None:
    """The project says what a bare windows/amd64 means; what follows from it is not told as well."""
    snippet = b"name: x\nplatforms: [linux/amd64, windows/amd64]\nbase: {linux: scratch, windows: 'a/b:1'}\n"
    with pytest.raises(ConfigurationError) as caught:
        load({"images/x/image.yaml": snippet})
    assert [str(finding) for finding in caught.value.diagnostics] == [
        "images/x/image.yaml:2:26: a bare windows/amd64 means the project's default releases, and there are none: list releases in images/defaults.yaml, or write one behind a colon: windows/amd64:ltsc2022"
    ]


def test_releases_are_new_enough_for_what_the_image_requires(faults: Faults, variants: Variants) -> None:
    """`requires.windows-build` is held against the build of each release."""
    required = "requires: {windows-build: %s}\nplatforms: [windows/amd64]\n" + ONLY_WINDOWS
    assert len(variants(required % 17763)) == 2
    assert faults(required % 17764) == [
        "image.yaml:2:13: ltsc2019 is build 17763, and requires.windows-build asks for 17764 or later: name the releases that are new enough (windows/amd64:ltsc2022, windows/amd64:ltsc2025)"
    ]
    assert faults((required % 30000).replace("windows/amd64", "windows/amd64:ltsc2025")) == [
        "image.yaml:2:13: ltsc2025 is build 26100, and requires.windows-build asks for 30000 or later: lower the requirement"
    ]


def test_a_host_process_image_is_one_windows_variant(faults: Faults, variants: Variants) -> None:
    """Whatever the default releases; Linux beside it is ordinary, and a release is refused."""
    snippet = "kind: host-process\nplatforms: [windows/amd64, linux/amd64]\nbase: {linux: scratch}\n"
    found = variants(snippet)
    assert [(v.label, v.kind, v.base, v.release) for v in found] == [
        ("windows/amd64", "host-process", "host-process", None),
        ("linux/amd64", "container", "scratch", None),
    ]
    assert faults(snippet.replace("windows/amd64", "windows/amd64:ltsc2022")) == [
        "image.yaml:2:13: a HostProcess image is one entry for every Windows release: write windows/amd64"
    ]


@pytest.mark.parametrize("row", RELEASES, ids=lambda row: row.name)
def test_a_release_is_known_by_name_and_alias(row: WindowsRelease) -> None:
    """And its build is explained, with every revision."""
    assert {release_named(name) for name in (row.name, *row.aliases)} == {row}
    for text in (str(row.build), f"10.0.{row.build}", f"10.0.{row.build}.1"):
        assert release_named(text) == Problem(f'"{text}" is a build, not a release', f"write {row.name}")


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        ("what: to do", Problem("what", "to do")),
        ("where: what: to do", Problem("where: what", "to do")),
        ("what", Problem("what", "")),
        ("", Problem("", "")),
    ],
)
def test_a_sentence_is_split_at_its_last_colon(sentence: str, problem: Problem) -> None:
    """What is wrong stands before it; a sentence without one says only that."""
    assert split(sentence) == problem


WORD = st.sampled_from(
    ["linux", "windows", "amd64", "arm64", "arm", "v7", "v8", "ltsc2022", "1809", "", "x", "10.0.1"]
)


@given(
    st.text(max_size=12) | st.tuples(WORD, WORD, WORD, WORD).map(lambda parts: "{}/{}/{}:{}".format(*parts))
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """What is read is written so that it reads back; what is not has a sentence and something to do."""
    read = read_platform(text)
    if isinstance(read, Problem):
        assert read.message
        assert read.hint
        return
    platform, named = read
    assert read_platform(f"{platform}:{named.name}" if named else str(platform)) == read
