"""The demo of a mixed mesh: a client, a server on each operating system behind one Service, and policy.

Policy is the reason to tell the servers apart: with one image name no selector is needed to get the right
image. Sources: linkerd/linkerd2:charts/linkerd-crds/templates/policy (Server v1beta3, AuthorizationPolicy
v1alpha1) and the inject, proxy-image and proxy-version annotations; Buoyant's documentation of Windows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from buildtools.cluster import objects
from buildtools.cluster.mesh_rules import INJECT, PROXY_IMAGE
from buildtools.cluster.objects import SYSTEM_LABEL, Object, PodShape, labels, metadata

MESHES: Final = ("none", "oss", "bel")
PROXY_VERSION: Final = "config.linkerd.io/proxy-version"
_GROUP: Final = "policy.linkerd.io"
_NAME: Final = "server"


def demo(
    servers: Mapping[str, PodShape], client: PodShape, *, namespace: str, port: int, mesh: str, proxy: str
) -> Iterator[Object]:
    """The demo's documents; `mesh` one of MESHES, `proxy` a reference with a tag.

    With `oss` the proxy's image is the same on all operating systems. With `bel` the Windows pods have one of
    their own, and Linux pods the mesh's.
    """
    account = "client"
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(account, namespace, labels("client")),
        "automountServiceAccountToken": False,
    }
    client = replace(client, account=account)
    yield objects.deployment(
        metadata("client", namespace, labels("client", client.system)),
        client.spec(),
        notes=annotations(client.system, mesh=mesh, proxy=proxy),
    )
    for system, shape in servers.items():
        yield objects.deployment(
            metadata(f"{_NAME}-{system}", namespace, labels(_NAME, system)),
            shape.spec(),
            notes=annotations(system, mesh=mesh, proxy=proxy),
        )
    yield objects.service(_NAME, namespace, of=_NAME, port=port)
    if mesh != "none":
        for system in servers:
            yield from _policy(system, namespace=namespace, account=account)


def annotations(system: str, *, mesh: str, proxy: str) -> dict[str, str]:
    """What a pod of the mesh says of its proxy; nothing where there is no mesh."""
    if mesh == "none":
        return {}
    inject = "windows" if mesh == "bel" and system == "windows" else "enabled"
    found = {INJECT: inject}
    if proxy and (mesh == "oss" or system == "windows"):
        name, _, version = proxy.rpartition(":")
        found |= {PROXY_IMAGE: name, PROXY_VERSION: version}
    return found


def _policy(system: str, *, namespace: str, account: str) -> Iterator[Object]:
    """Nobody but the client may ask the servers of this operating system."""
    name = f"{_NAME}-{system}"
    of = labels(_NAME, system)
    selector = {key: value for key, value in of.items() if key in {objects.NAME_LABEL, SYSTEM_LABEL}}
    yield {
        "apiVersion": f"{_GROUP}/v1beta3",
        "kind": "Server",
        "metadata": metadata(name, namespace, of),
        "spec": {
            "podSelector": {"matchLabels": selector},
            "port": "http",
            "proxyProtocol": "HTTP/1",
            "accessPolicy": "deny",
        },
    }
    yield {
        "apiVersion": f"{_GROUP}/v1alpha1",
        "kind": "AuthorizationPolicy",
        "metadata": metadata(name, namespace, of),
        "spec": {
            "targetRef": {"group": _GROUP, "kind": "Server", "name": name},
            "requiredAuthenticationRefs": [
                {"kind": "ServiceAccount", "name": account, "namespace": namespace}
            ],
        },
    }
