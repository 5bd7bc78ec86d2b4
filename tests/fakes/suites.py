"""Suites of manifests for tests, and what a cluster that they go to has."""

from typing import Any

from buildtools.cluster.members import Member
from buildtools.cluster.outcomes import Offer
from buildtools.cluster.providers import NAMES, Cni, provider
from buildtools.cluster.suite import Suite
from buildtools.windows.releases import L4_PROXY_SINCE, RELEASES
from tests.fakes.kubernetes import linux, offer, windows

DIGEST = f"sha256:{'5' * 64}"
IMAGES = {
    "whoami": f"ghcr.io/acme/whoami@{DIGEST}",
    "network-validator": "ghcr.io/acme/network-validator:main",
    "cni-installer": "ghcr.io/acme/cni-installer:main",
}
PROXY = "ghcr.io/acme/linkerd-proxy:v2"
PLACES = {"windows": Cni(r"C:\k2s\bin\cni", r"C:\k2s\cni\*.conflist")}
"""What has to be said for K2s."""


def suite(kind: str = "generic", **changes: Any) -> Suite:
    """Everything for this provider."""
    fields: dict[str, Any] = {
        "provider": provider(kind),
        "images": IMAGES,
        "namespace": "e2e",
        "cni": PLACES if kind == "k2s" else {},
    }
    return Suite(**(fields | changes))


def meshed(name: str, mesh: str) -> Suite:
    """Everything, with the demo in a mesh."""
    return suite(name, mesh=mesh, proxy="" if mesh == "none" else PROXY)


def nodes(name: str) -> tuple[Member, ...]:
    """A Linux node and a Windows node of each release that can be meshed, tainted as the provider does."""
    taint = provider(name).taint
    builds = [row.build for row in RELEASES if row.build >= L4_PROXY_SINCE]
    return (
        linux(),
        *(windows(f"win{build}", build, taints=(taint,) if taint else ()) for build in builds),
    )


def offers() -> dict[str, Offer]:
    """The images as this repository builds them."""
    versions = tuple(f"windows/amd64:10.0.{row.build}.1" for row in RELEASES)
    found = {ref: offer(ref, "linux/amd64", "linux/arm64", *versions) for ref in IMAGES.values()}
    installer = IMAGES["cni-installer"]
    found[installer] = offer(installer, "linux/amd64", "linux/arm64", "windows/amd64")
    found[PROXY] = offer(PROXY, "linux/amd64", "linux/arm64", *versions[1:])
    return found


__all__ = ["DIGEST", "IMAGES", "NAMES", "PLACES", "PROXY", "meshed", "nodes", "offers", "suite"]
