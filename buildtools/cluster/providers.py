"""Kinds of clusters that workloads are written for: what differs between them, one row each.

A new provider is a row here. Which releases of Windows AKS offers, and for which Kubernetes versions, are
rows of `windows.releases`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from buildtools.cluster.members import BUILD_LABEL, Taint


@dataclass(frozen=True, slots=True)
class Cni:
    """Where nodes keep CNI plugins, and the pattern of the configuration that their runtime reads."""

    bin: str
    conf: str

    @property
    def conf_folder(self) -> str:
        """The folder of the configuration."""
        return self.conf[: max(self.conf.rfind("/"), self.conf.rfind("\\"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A kind of cluster.

    `taint` is what keeps pods off its Windows nodes, None where nothing does. `cni` has the places by
    operating system; where one is missing, whoever installs a plugin has to say. `release_label` is the
    node label that tells Windows releases apart. `pool_name` is how long a Windows pool's name may be, 0
    where there are no pools. `sources` has, by the name of the field, where its value was read.
    """

    name: str
    title: str
    taint: Taint | None = None
    cni: Mapping[str, Cni] = field(default_factory=dict, hash=False)
    release_label: str = BUILD_LABEL
    pool_name: int = 0
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)


LINUX_CNI: Final = Cni("/opt/cni/bin", "/etc/cni/net.d/*.conflist")
_LINUX_SOURCE: Final = "containernetworking/cni:SPEC.md; containerd/containerd:docs/cri/config.md"

PROVIDERS: Final[tuple[Provider, ...]] = (
    Provider(
        name="aks",
        title="Azure Kubernetes Service",
        # AKS itself taints nothing: pools get this one when they are made here.
        taint=Taint(key="os", value="windows"),
        cni={
            "linux": LINUX_CNI,
            "windows": Cni(r"C:\k\azurecni\bin", r"C:\k\azurecni\netconf\*.conflist"),
        },
        release_label="kubernetes.azure.com/os-sku",
        pool_name=6,
        sources={
            "taint": "kubernetes/website:concepts/windows/user-guide.md",
            "cni": f"{_LINUX_SOURCE}; Azure/azure-container-networking, its manifests",
            "release_label": "MicrosoftDocs/azure-aks-docs",
            "pool_name": "MicrosoftDocs/azure-aks-docs:quick-windows-container-deploy-cli.md",
        },
    ),
    Provider(
        name="k2s",
        title="K2s",
        taint=Taint(key="OS", value="Windows"),
        # Plugins lie below the folder that K2s was unpacked to, which nothing on the node tells.
        cni={"linux": LINUX_CNI},
        sources={
            "taint": "Siemens-Healthineers/K2s, tolerations of its workloads",
            "cni": _LINUX_SOURCE,
            "release_label": "kubernetes/website:reference/labels-annotations-taints",
        },
    ),
    Provider(
        name="generic",
        title="any other cluster with containerd",
        cni={
            "linux": LINUX_CNI,
            "windows": Cni(
                r"C:\Program Files\containerd\cni\bin", r"C:\Program Files\containerd\cni\conf\*.conflist"
            ),
        },
        sources={
            "cni": f"{_LINUX_SOURCE}; containerd/containerd:internal/cri/config/config_windows.go",
            "release_label": "kubernetes/website:reference/labels-annotations-taints",
        },
    ),
)

NAMES: Final = tuple(row.name for row in PROVIDERS)


def provider(name: str) -> Provider:
    """The row of this name; raises KeyError."""
    return {row.name: row for row in PROVIDERS}[name]
