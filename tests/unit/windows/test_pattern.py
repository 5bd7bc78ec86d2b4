"""Which platforms a text means, and what is no such text."""

import pytest

from buildtools.oci.platform import Platform, PlatformError
from buildtools.windows.pattern import parse_pattern

LINUX = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64", variant="v8")
WS2022 = Platform(os="windows", architecture="amd64", os_version="10.0.20348.3091")
NEWER = Platform(os="windows", architecture="amd64", os_version="10.0.20348.9999")
WS2025 = Platform(os="windows", architecture="amd64", os_version="10.0.26100.1")
HOST = Platform(os="windows", architecture="amd64")
EVERY = (LINUX, ARM64, WS2022, NEWER, WS2025, HOST)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("linux", (LINUX, ARM64)),
        ("linux/amd64", (LINUX,)),
        ("linux/aarch64", (ARM64,)),
        ("windows", (WS2022, NEWER, WS2025, HOST)),
        ("windows/amd64", (WS2022, NEWER, WS2025, HOST)),
        ("windows:ltsc2022", (WS2022, NEWER)),
        ("windows/amd64:ltsc2025", (WS2025,)),
        ("windows/amd64:10.0.20348", (WS2022, NEWER)),
        ("windows/amd64:10.0.20348.3091", (WS2022,)),
        ("freebsd", ()),
    ],
)
def test_what_a_text_means(text: str, meant: tuple[Platform, ...]) -> None:
    """Operating system, then processor, then release or version, each only where it is written."""
    pattern = parse_pattern(text)
    assert tuple(platform for platform in EVERY if pattern.matches(platform)) == meant
    assert pattern.text == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("linux:1.0", "only Windows has versions: write linux in place of linux:1.0"),
        (
            "windows/amd64:ltsc2021",
            (
                "unknown Windows release 'ltsc2021': did you mean ltsc2025? known are ltsc2019, ltsc2022, "
                "ltsc2025"
            ),
        ),
        (
            "Linux/amd64",
            (
                "'Linux/amd64' is not a platform: write os/architecture, as in linux/amd64, linux/arm/v7 or "
                "windows/amd64:RELEASE"
            ),
        ),
        ("windows:", "platform 'windows:' ends in a colon: write a version behind it or leave it out"),
    ],
)
def test_what_is_no_pattern(text: str, sentence: str) -> None:
    """Each with what to write."""
    with pytest.raises(PlatformError) as caught:
        parse_pattern(text)
    assert str(caught.value) == sentence
