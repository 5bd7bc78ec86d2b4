"""Nodes and manifests of a cluster, written down in few words."""

import io
import json
import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from buildtools.cluster.members import Member, Taint, member
from buildtools.cluster.nodes import Node, windows_node
from buildtools.cluster.outcomes import Cluster, Offer, Outcome
from buildtools.cluster.runtimes import runtime_for
from buildtools.cluster.tree import Value, read_documents
from buildtools.cluster.workloads import Workload, read_workloads
from buildtools.oci.descriptor import OCI_LAYER, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.stores.layout import Layout
from tests.fakes.images import image, index

CONTAINERD = runtime_for("containerd://2.0.4")
TAINT = Taint(key="OS", value="Windows")


def linux(name: str = "lin", architecture: str = "amd64", **changes: Any) -> Member:
    """A Linux node."""
    node = Node(name=name, os="linux", architecture=architecture, runtime=CONTAINERD)
    return member(node, **changes)


def windows(name: str = "win", build: int = 20348, **changes: Any) -> Member:
    """A Windows node of this build."""
    return member(windows_node(name, build, CONTAINERD), **changes)


def entry(text: str) -> Descriptor:
    """An index entry for `os/architecture[:os.version]`."""
    place, _, version = text.partition(":")
    system, architecture = place.split("/")
    platform = Platform(os=system, architecture=architecture, os_version=version)
    return Descriptor(media_type=OCI_MANIFEST, size=7, digest=digest_of(text.encode()), platform=platform)


def offer(name: str, *platforms: str, size: int = 0, single: bool = False, stop_signal: str = "") -> Offer:
    """An image with entries for these platforms, each of this size and with this StopSignal."""
    entries = [entry(text) for text in platforms]
    return Offer(
        name=name,
        index=Index.build(manifests=entries),
        single=single,
        sizes={one.digest: size for one in entries},
        stop_signals={one.digest: stop_signal for one in entries},
    )


def document(text: str) -> Value:
    """The first document of a manifest."""
    return read_documents(textwrap.dedent(text).encode(), "m.yaml")[0]


def workload(text: str) -> Workload:
    """The first workload of a manifest."""
    return read_workloads([("m.yaml", read_documents(textwrap.dedent(text).encode(), "m.yaml"))])[0]


def pod(spec: str, annotations: str = "{}") -> Workload:
    """A pod with this spec, in one line of flow style."""
    return workload(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p, annotations: {annotations}}}\nspec: {spec}\n"
    )


def outcome_of(one: Workload, *members: Member, offers: Mapping[str, Offer] | None = None) -> Outcome:
    """What becomes of it on these nodes."""
    return Cluster(members, offers or {}).outcome(one)


def put_layout(path: Path, *platforms: str) -> str:
    """A layout that holds one index with images for these platforms; what the command line calls it."""
    layout, images = Layout(path), [image(entry(text).platform) for text in platforms]
    for one in images:
        for blob in one.blobs:
            layout.put_blob(Descriptor.of(blob, OCI_LAYER), partial(io.BytesIO, blob))
        layout.put_manifest(one.manifest.raw, one.manifest.media_type)
    made = index(*images)
    layout.put_index(layout.put_manifest(made.raw, made.media_type), ref_name="latest")
    return f"oci:{path}"


def node_json(name: str = "n1", **changes: Any) -> dict[str, Any]:
    """A node as kubectl writes it; `changes` are keys of nodeInfo, `spec` and `labels`."""
    info = {
        "operatingSystem": "linux",
        "architecture": "amd64",
        "kernelVersion": "6.8.0",
        "osImage": "Ubuntu 24.04 LTS",
        "containerRuntimeVersion": "containerd://2.0.4",
    }
    labels, spec = changes.pop("labels", {}), changes.pop("spec", {})
    info = {key: value for key, value in (info | changes).items() if value is not None}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"nodeInfo": info},
    }


def windows_json(name: str = "w1", version: str = "10.0.20348.2700", **changes: Any) -> dict[str, Any]:
    """A Windows node as kubectl writes it."""
    return node_json(name, operatingSystem="windows", kernelVersion=version, **changes)


def nodes_json(*nodes: Mapping[str, Any]) -> bytes:
    """A list of nodes as kubectl writes it."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(nodes)}, indent=4).encode()
