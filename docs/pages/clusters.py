"""docs/reference/clusters.md: what is known of each kind of cluster, and what AKS offers for Windows."""

from collections.abc import Callable
from typing import Final

from buildtools.cluster.providers import PROVIDERS, Provider
from buildtools.windows.releases import RELEASES, WindowsRelease
from docs.pages.text import table

_HEAD: Final = """\
# Clusters

<!-- Written by docs/generate.py from buildtools/cluster/providers.py and buildtools/windows/releases.py;
     `nox -s docs` writes it anew. -->

How images are tried on them: [Test on mixed clusters](../clusters.md). A new provider is one row of
`cluster/providers.py`.

## Providers

"""
_Fact = tuple[str, str, Callable[[Provider], str]]
_FACTS: Final[tuple[_Fact, ...]] = (
    ("taint of Windows nodes", "taint", lambda row: str(row.taint or "")),
    ("CNI plugins, Linux", "cni", lambda row: row.cni["linux"].bin),
    ("CNI configuration, Linux", "cni", lambda row: row.cni["linux"].conf),
    ("CNI plugins, Windows", "cni", lambda row: row.cni["windows"].bin if "windows" in row.cni else ""),
    (
        "CNI configuration, Windows",
        "cni",
        lambda row: row.cni["windows"].conf if "windows" in row.cni else "",
    ),
    ("label that tells releases apart", "release_label", lambda row: row.release_label),
    ("longest name of a Windows pool", "pool_name", lambda row: str(row.pool_name or "")),
)
_AKS: Final = """
## Windows on AKS

Source: MicrosoftDocs/azure-aks-docs; state of November 2026. Where no release is named, `cluster up`
makes a pool of each that the cluster's Kubernetes version has and that has not ended.

"""


_COLUMNS: Final = (
    "release",
    "`--os-sku`",
    "pool",
    "FIPS image",
    "Kubernetes",
    "default for",
    "ends",
    "images removed",
)


def clusters() -> str:
    """The text of the page."""
    head = ("", *(f"`{row.name}`, {row.title}" for row in PROVIDERS))
    facts = [(name, *(_code(read(row)) for row in PROVIDERS)) for name, _, read in _FACTS]
    sources = [
        (f"`{row.name}`", ", ".join(name for name, key, _ in _FACTS if key == field), source)
        for row in PROVIDERS
        for field, source in row.sources.items()
    ]
    return "".join(
        [
            _HEAD,
            table(head, facts),
            "\n## Where that was read\n\n",
            table(("provider", "what", "source"), sources),
            _AKS,
            table(_COLUMNS, [_release(row) for row in RELEASES if row.aks.sku]),
        ]
    )


def _release(row: WindowsRelease) -> tuple[str, ...]:
    aks = row.aks
    default = _range(*aks.default)
    return (
        f"`{row.name}`",
        f"`{aks.sku}`",
        f"`{aks.pool}`",
        "required" if aks.fips else "",
        _range(aks.since, aks.until),
        default,
        str(aks.retired or ""),
        str(aks.removed or ""),
    )


def _range(first: str, last: str) -> str:
    if first and last:
        return f"{first} to {last}"
    return f"from {first}" if first else f"up to {last}" if last else ""


def _code(text: str) -> str:
    return f"`{text}`" if text else "–"
