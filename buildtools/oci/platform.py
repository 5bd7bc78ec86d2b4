"""Platforms: what an entry of an index says about the node that can run it.

Source: opencontainers/image-spec:image-index.md, `platform`; containerd/platforms for normalisation.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from buildtools.oci.quote import quoted

_WORD: Final = re.compile(r"[a-z0-9_.-]+")
_OS_VERSION: Final = re.compile(r"(\d{1,5})\.(\d{1,5})\.(\d{1,6})\.(\d{1,6})", re.ASCII)
_OPERATING_SYSTEMS: Final[Mapping[str, str]] = {"macos": "darwin"}
_ARCHITECTURES: Final[Mapping[str, tuple[str, str]]] = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_VARIANTS: Final[Mapping[tuple[str, str], str]] = {
    ("amd64", "v1"): "",
    ("arm64", "v8"): "",
    ("arm64", "8"): "",
    ("arm", ""): "v7",
    ("arm", "5"): "v5",
    ("arm", "6"): "v6",
    ("arm", "7"): "v7",
    ("arm", "8"): "v8",
}


class PlatformError(ValueError):
    """The text is not a platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An operating system and processor, as an index entry or an image config names them."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """`windows/amd64:10.0.20348.2700`, `linux/arm64/v8`."""
        text = "/".join(part for part in (self.os, self.architecture, self.variant) if part)
        return f"{text}:{self.os_version}" if self.os_version else text

    def normalised(self) -> "Platform":
        """The same platform in containerd's canonical words.

        amd64/v1 and arm64/v8 are left unsaid and 32-bit ARM without a variant is v7
        (containerd/platforms:database.go, normalizeArch).
        """
        os = self.os.lower()
        architecture, variant = self.architecture.lower(), self.variant.lower()
        if architecture in _ARCHITECTURES:
            architecture, implied = _ARCHITECTURES[architecture]
            variant = implied or variant
        return replace(
            self,
            os=_OPERATING_SYSTEMS.get(os, os),
            architecture=architecture,
            variant=_VARIANTS.get((architecture, variant), variant),
        )

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Platform":
        """Read the `platform` object of a descriptor that `documents` has checked."""
        known = {"os", "architecture", "variant", "os.version", "os.features"}
        return cls(
            os=document.get("os") or "",
            architecture=document.get("architecture") or "",
            variant=document.get("variant") or "",
            os_version=document.get("os.version") or "",
            os_features=tuple(document.get("os.features") or ()),
            extra={key: value for key, value in document.items() if key not in known},
        )

    def to_json(self) -> dict[str, Any]:
        """The `platform` object of a descriptor; empty keys are left out."""
        document: dict[str, Any] = {"architecture": self.architecture, "os": self.os}
        optional = {
            "os.version": self.os_version,
            "os.features": list(self.os_features),
            "variant": self.variant,
        }
        return document | {key: value for key, value in optional.items() if value} | dict(self.extra)


def parse_platform(text: str) -> Platform:
    """Read `os/architecture[/variant][:os.version]`; raises PlatformError.

    What stands after the colon is returned as it is written: a release name such as `ltsc2022` is
    resolved by whoever knows the releases.
    """
    place, _, version = text.partition(":")
    parts = place.split("/")
    if len(parts) not in {2, 3} or not all(_WORD.fullmatch(part) for part in parts):
        raise PlatformError(
            f"{quoted(text)} is not a platform: write os/architecture, "
            "as in linux/amd64, linux/arm/v7 or windows/amd64:RELEASE"
        )
    if ":" in text and not version:
        raise PlatformError(
            f"platform {quoted(text)} ends in a colon: write a version behind it or leave it out"
        )
    platform = Platform(os=parts[0], architecture=parts[1], variant="".join(parts[2:]), os_version=version)
    return platform.normalised()


def version_parts(os_version: str) -> tuple[int, int, int, int] | None:
    """Major, minor, build and revision of a four-part Windows version, None for anything else."""
    match = _OS_VERSION.fullmatch(os_version)
    if match is None:
        return None
    major, minor, build, revision = (int(part) for part in match.groups())
    return major, minor, build, revision
