"""Kinds of clusters, for who has no cluster at hand: which nodes they have, as far as it is public.

Sources: Azure/AgentBaker (containerd of Windows nodes), MicrosoftDocs/azure-aks-docs;
Siemens-Healthineers/K2s: docs/op-manual/os-support.md (hosts), lib/modules/k2s/k2s.node.module (containerd),
and the tolerations of its workloads (taint). Releases of Windows, and what AKS runs on them, are rows of
`windows.releases`.
"""

from collections.abc import Mapping
from typing import Final

from buildtools.cluster.members import Member, Taint, member
from buildtools.cluster.nodes import Node, windows_node
from buildtools.cluster.runtimes import runtime_for
from buildtools.windows.releases import OTHER_HOSTS, RELEASES, WindowsRelease

_LINUX: Final = "containerd://2.0.4"
"""Of Linux nodes the release is not told; on amd64 all choose alike."""

_K2S_CONTAINERD: Final = "containerd://1.7.17"
_K2S_TAINT: Final = Taint(key="OS", value="Windows")


def _linux(preset: str) -> Member:
    runtime = runtime_for(_LINUX)
    return member(Node(name=f"{preset}-linux", os="linux", architecture="amd64", runtime=runtime))


def _aks(preset: str, release: WindowsRelease) -> tuple[Member, ...]:
    windows = (
        member(
            windows_node(
                f"{preset}-containerd-{version}", release.build, runtime_for(f"containerd://{version}")
            )
        )
        for version in release.aks.containerd
    )
    return _linux(preset), *windows


def _k2s(preset: str) -> tuple[Member, ...]:
    hosts = {row.build: row.product for row in OTHER_HOSTS if row.k2s}
    hosts |= {row.build: row.product for row in RELEASES if row.k2s}
    windows = (
        member(
            windows_node(
                f"{preset}-{product.lower().replace(' ', '-')}", build, runtime_for(_K2S_CONTAINERD)
            ),
            taints=(_K2S_TAINT,),
        )
        for build, product in sorted(hosts.items())
    )
    return _linux(preset), *windows


PRESETS: Final[Mapping[str, tuple[Member, ...]]] = {
    **{f"aks-{row.name}": _aks(f"aks-{row.name}", row) for row in RELEASES if row.aks.containerd},
    "k2s": _k2s("k2s"),
}
"""Nodes by the name of their kind of cluster."""
