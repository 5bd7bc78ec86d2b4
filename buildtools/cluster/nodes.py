"""Nodes of a cluster, and the kinds of node that every index is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from buildtools.cluster.runtimes import RUNTIMES, Runtime, runtime_for
from buildtools.oci.platform import Platform
from buildtools.windows.releases import OTHER_HOSTS, RELEASES, OsVersion, parse_os_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine that pulls images.

    `os_version` is the Windows version of the host, such as `10.0.20348.2700`, and empty on Linux.
    Raises OsVersionError for a Windows node without one.
    """

    name: str
    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    runtime: Runtime

    def __post_init__(self) -> None:
        if self.os == "windows":
            parse_os_version(self.os_version)

    @property
    def platform(self) -> Platform:
        """What the node is, in an image's words."""
        return Platform(
            os=self.os, architecture=self.architecture, variant=self.variant, os_version=self.os_version
        )

    @property
    def version(self) -> OsVersion:
        """The Windows version; raises OsVersionError on Linux."""
        return parse_os_version(self.os_version)

    def __str__(self) -> str:
        """`Windows Server 2022, containerd 2.0`."""
        return f"{self.name}, {self.runtime}"


_CHOSEN: Final = tuple(
    runtime_for(version)
    for version in ("containerd://1.6.39", "containerd://1.7.34", "containerd://2.2.0", "docker://29.1.5")
)
"""One of each kind of choice: by revision, by the first range, by the second, by Docker."""


def windows_node(name: str, build: int, runtime: Runtime) -> Node:
    """An amd64 node of this Windows build; its revision counts nowhere."""
    return Node(name=name, os="windows", architecture="amd64", os_version=f"10.0.{build}.1", runtime=runtime)


def _linux(runtimes: Sequence[Runtime]) -> tuple[Node, ...]:
    machines = (("amd64", ""), ("arm64", "v8"))
    return tuple(
        Node(
            name="/".join(filter(None, ("linux", architecture, variant))),
            os="linux",
            architecture=architecture,
            variant=variant,
            runtime=runtime,
        )
        for architecture, variant in machines
        for runtime in runtimes
        if runtime.linux
    )


def _windows(runtimes: Sequence[Runtime]) -> tuple[Node, ...]:
    hosts = {release.build: release.product for release in RELEASES}
    hosts |= {host.build: host.product for host in OTHER_HOSTS if host.clusters}
    return tuple(
        windows_node(product, build, runtime)
        for build, product in sorted(hosts.items())
        for runtime in runtimes
        if runtime.windows
    )


NODE_KINDS: Final = _linux(_CHOSEN[-2:-1]) + _windows(_CHOSEN)
"""Linux on both architectures, and every Windows build that nodes run on each kind of runtime."""

EVERY_NODE: Final = _linux(RUNTIMES) + _windows(RUNTIMES)
"""Every machine that nodes run on with every generation of every runtime that runs there."""
