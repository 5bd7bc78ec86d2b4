"""Platforms: reading, writing and containerd's canonical words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.platform import Platform, PlatformError, parse_platform, version_parts

WORD = st.from_regex(r"[a-z0-9_.-]+", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform(os="linux", architecture="amd64")),
        ("linux/arm64/v8", Platform(os="linux", architecture="arm64")),
        ("linux/arm64/v9", Platform(os="linux", architecture="arm64", variant="v9")),
        ("linux/arm", Platform(os="linux", architecture="arm", variant="v7")),
        ("linux/arm/v6", Platform(os="linux", architecture="arm", variant="v6")),
        ("linux/x86_64", Platform(os="linux", architecture="amd64")),
        (
            "windows/amd64:10.0.20348.2700",
            Platform(os="windows", architecture="amd64", os_version="10.0.20348.2700"),
        ),
        ("windows/amd64:ltsc2022", Platform(os="windows", architecture="amd64", os_version="ltsc2022")),
    ],
)
def test_a_platform_is_read(text: str, platform: Platform) -> None:
    """As people write it; what stands after the colon stays as written."""
    assert parse_platform(text) == platform


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "Linux/amd64", "linux/a b", "a//b"]
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    """The sentence says what to write."""
    with pytest.raises(PlatformError) as caught:
        parse_platform(text)
    assert str(caught.value) == (
        f"{text!r} is not a platform: write os/architecture, "
        "as in linux/amd64, linux/arm/v7 or windows/amd64:RELEASE"
    )


def test_a_colon_with_nothing_behind_it_is_refused() -> None:
    """It is a version that someone forgot."""
    with pytest.raises(PlatformError) as caught:
        parse_platform("windows/amd64:")
    assert str(caught.value) == (
        "platform 'windows/amd64:' ends in a colon: write a version behind it or leave it out"
    )


@pytest.mark.parametrize(
    ("os", "architecture", "variant", "normal"),
    [
        ("Linux", "AMD64", "V1", "linux/amd64"),
        ("linux", "amd64", "v3", "linux/amd64/v3"),
        ("linux", "x86-64", "", "linux/amd64"),
        ("linux", "aarch64", "v8", "linux/arm64"),
        ("linux", "arm64", "8", "linux/arm64"),
        ("linux", "armhf", "v6", "linux/arm/v7"),
        ("linux", "armel", "", "linux/arm/v6"),
        ("linux", "arm", "", "linux/arm/v7"),
        ("linux", "arm", "5", "linux/arm/v5"),
        ("linux", "i386", "", "linux/386"),
        ("macos", "arm64", "", "darwin/arm64"),
        ("plan9", "mips", "", "plan9/mips"),
    ],
)
def test_normalised_speaks_containerds_words(os: str, architecture: str, variant: str, normal: str) -> None:
    """The table of containerd/platforms:database.go."""
    assert str(Platform(os=os, architecture=architecture, variant=variant).normalised()) == normal


@given(os=WORD, architecture=WORD, variant=st.just("") | WORD)
def test_normalising_twice_changes_nothing_more(os: str, architecture: str, variant: str) -> None:
    """A canonical form is one."""
    once = Platform(os=os, architecture=architecture, variant=variant).normalised()
    assert once.normalised() == once


@pytest.mark.parametrize(
    "document",
    [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux", "variant": "v8"},
        {
            "architecture": "amd64",
            "os": "windows",
            "os.version": "10.0.20348.2700",
            "os.features": ["win32k"],
            "features": ["sse4"],
        },
    ],
)
def test_a_platform_object_is_written_as_it_was_read(document: dict[str, object]) -> None:
    """Unknown keys stay, empty ones are not invented."""
    assert Platform.from_json(document).to_json() == document


def test_null_is_read_as_not_there() -> None:
    """Go writes what is empty as null."""
    document = {"os": None, "architecture": None, "variant": None, "os.version": None, "os.features": None}
    assert Platform.from_json(document) == Platform(os="", architecture="")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.20348.2700", (10, 0, 20348, 2700)),
        ("10.0.20348.0", (10, 0, 20348, 0)),
        ("10.0.20348", None),
        ("10.0.20348.2700.1", None),
        ("10.0.20348.2700 ", None),
        ("10.0.20348.", None),
        ("10.0.x.1", None),
        ("10.0.20348.\u0661", None),
        ("", None),
    ],
)
def test_a_windows_version_has_four_numbers(text: str, parts: tuple[int, ...] | None) -> None:
    """Anything else has no parts."""
    assert version_parts(text) == parts
