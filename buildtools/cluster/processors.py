"""Which processors' images a processor runs, in the order in which a runtime prefers them.

Source: containerd/platforms:compare.go, `platformVector`;
containers/image:internal/pkg/platform/platform_matcher.go, `WantedPlatforms`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from buildtools.oci.platform import Platform

Processor = tuple[str, str]
"""Architecture and variant."""

_NUMBER: Final = re.compile(r"v?(\d{1,3})", re.ASCII)
_ARM64: Final = re.compile(r"v?(\d{1,2})(?:\.(\d))?", re.ASCII)
_LAST_MINOR: Final = 9

_SPELLED: Final[Mapping[str, tuple[str, ...]]] = {"arm": ("v7", "v6", "v5"), "arm64": ("v8",)}


def compatible(platform: Platform) -> tuple[Processor, ...]:
    """What containerd and Docker take, the best first, each as `Platform.normalised` writes it.

    amd64/v3 runs v3, v2 and plain amd64, then 386; arm/v7 runs v7 to v5; arm64 its own and older
    revisions, then 32-bit ARM.
    """
    normal = platform.normalised()
    return tuple(dict.fromkeys(_descending(normal.architecture, normal.variant)))


def spelled(platform: Platform) -> tuple[Processor, ...]:
    """What Podman, CRI-O and skopeo take, the best first: they compare the words as they stand."""
    architecture, variant = platform.architecture, platform.variant
    known = _SPELLED.get(architecture, ())
    if variant in known:
        variants = (*known[known.index(variant) :], "")
    elif variant:
        variants = (variant, "")
    else:
        variants = ("", *(known if architecture == "arm64" else ()))
    return tuple((architecture, name) for name in variants)


def _descending(architecture: str, variant: str) -> Iterator[Processor]:
    yield architecture, variant
    match architecture:
        case "amd64":
            yield from _numbered("amd64", variant, last=1)
            yield "386", ""
        case "arm":
            yield from _numbered("arm", variant, last=5)
        case "arm64":
            yield from _arm64(variant or "v8")
            yield from _descending("arm", "v8" if re.match(r"v[89]\.", variant) else variant or "v8")
        case _:
            return


def _numbered(architecture: str, variant: str, *, last: int) -> Iterator[Processor]:
    match = _NUMBER.fullmatch(variant)
    for number in range(int(match[1]) - 1 if match else 0, last - 1, -1):
        yield _normal(architecture, f"v{number}")


def _arm64(variant: str) -> Iterator[Processor]:
    match = _ARM64.fullmatch(variant)
    if match is None:
        return
    major, minor = int(match[1]), int(match[2] or 0)
    if major == 9:
        yield from _minors(9, minor - 1)
        # Armv9.0 is Armv8.5 and more, so that v9.x runs what v8.(x+5) runs.
        major, minor = 8, min(minor + 5, _LAST_MINOR) + 1
    if major >= 8:
        yield from _minors(major, minor - 1)


def _minors(major: int, first: int) -> Iterator[Processor]:
    for minor in range(first, -1, -1):
        yield _normal("arm64", f"v{major}.{minor}" if minor else f"v{major}")


def _normal(architecture: str, variant: str) -> Processor:
    normal = Platform(os="", architecture=architecture, variant=variant).normalised()
    return normal.architecture, normal.variant
