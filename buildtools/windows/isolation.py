"""Isolation: how a Windows host runs an image of a build, and why it cannot.

Source: MicrosoftDocs/Virtualization-Documentation:version-compatibility.md; actions/runner-images#11582 for
images that are patched further than their host.
"""

from dataclasses import dataclass
from typing import Final, Literal

from buildtools.windows.releases import OsVersion, by_build, product_of

NEWER_CODE: Final = "0xc0370106"
"""What Windows says of a container under process isolation that is newer than its host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """How to run an image: `refused` has a reason; a `warning` says what may go wrong all the same."""

    mode: Literal["process", "hyperv", "refused"]
    reason: str = ""
    hint: str = ""
    warning: str = ""


def isolation_for(image: OsVersion, host: OsVersion) -> Isolation:
    """The isolation that an image of this version needs on a host of that version."""
    if image.build > host.build:
        return Isolation(
            mode="refused",
            reason=f"the base is {_named(image)}, and the engine's host is the older {_named(host)}, "
            f"which starts no container that is newer than itself ({NEWER_CODE})",
            hint=_elsewhere(image),
        )
    release = by_build(image.build)
    if release is None or host.build not in release.process_hosts:
        return Isolation(
            mode="hyperv",
            reason=f"the base is {_named(image)}, which {_named(host)} runs in a virtual machine only",
            hint="the host needs Hyper-V for that; COPY alone needs no container and builds either way",
        )
    if image.build == host.build and image > host and host.revision is not None:
        return Isolation(
            mode="process",
            warning=f"the base is of {image} and the engine's host of {host}: under process isolation a "
            f"container that is patched further than its host may end with {NEWER_CODE}",
            hint="update the host, or pin the base's earlier patch",
        )
    return Isolation(mode="process")


def _named(version: OsVersion) -> str:
    return f"{product_of(version.build)} ({version})"


def _elsewhere(image: OsVersion) -> str:
    release = by_build(image.build)
    if release and release.hosted_runner:
        return f"build it on a host of that version, such as the runner {release.hosted_runner}"
    return "build it on a host of that version"
