"""The nodes of one cluster, out of `kubectl get nodes -o json`: what they are, their labels and taints.

Source: kubernetes/api:core/v1/types.go, `Node`, `NodeSystemInfo`, `Taint`; well-known labels:
kubernetes/website:reference/labels-annotations-taints.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from buildtools.cluster.nodes import Node
from buildtools.cluster.runtimes import UnknownRuntimeError, runtime_for
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.jsonbytes import DocumentError, Field
from buildtools.oci.quote import quoted
from buildtools.windows.releases import OsVersion, OsVersionError, parse_os_version, product_of

OS_LABEL: Final = "kubernetes.io/os"
ARCH_LABEL: Final = "kubernetes.io/arch"
OLD_OS_LABEL: Final = "beta.kubernetes.io/os"
OLD_ARCH_LABEL: Final = "beta.kubernetes.io/arch"
"""What OS_LABEL and ARCH_LABEL were called: kubelets still set both (kubernetes/kubernetes:
pkg/kubelet/kubelet_node_status.go)."""

HOSTNAME_LABEL: Final = "kubernetes.io/hostname"
BUILD_LABEL: Final = "node.kubernetes.io/windows-build"
MAX_BYTES: Final = 256 * 1024 * 1024
MAX_NODES: Final = 20_000
_MOST: Final = 10_000
_HOW: Final = "kubectl get nodes -o json > nodes.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """What keeps pods off a node that do not tolerate it."""

    key: str
    value: str = ""
    effect: str = "NoSchedule"

    def __str__(self) -> str:
        """`OS=Windows:NoSchedule`."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A node of a cluster: the machine, and what the scheduler goes by."""

    node: Node
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def system(self) -> str:
        """The machine as people call it: `Windows Server 2022`, `linux/amd64`."""
        if self.node.os != "windows":
            return str(self.node.platform)
        product = product_of(self.node.version.build)
        return product if self.node.architecture == "amd64" else f"{product}, {self.node.architecture}"


def member(node: Node, *, labels: Mapping[str, str] | None = None, taints: tuple[Taint, ...] = ()) -> Member:
    """A node with the labels that every kubelet sets, and these."""
    return Member(node=node, labels=_own_labels(node) | dict(labels or {}), taints=taints)


def parse_members(source: bytes, path: str) -> tuple[tuple[Member, ...], tuple[Diagnostic, ...]]:
    """The nodes of a list, or one node, and a warning for each that tells too little to be looked at.

    Raises ConfigurationError for what is no such document and for one in which no node is left.
    """
    document = _document(source, path)
    members: list[Member] = []
    findings: list[Diagnostic] = []
    for place, item in enumerate(_items(document, path)):
        name = f"node {place + 1} of the list"
        try:
            metadata = item.get("metadata")
            name = f"node {metadata.get('name').text(required=True)}"
            members.append(_member(item, metadata))
        except (DocumentError, UnknownRuntimeError, OsVersionError) as error:
            message = f"{name} is not looked at: {error}"
            hint = "it has just joined, or is no machine with a container runtime"
            findings.append(
                Diagnostic(code="node-unread", message=message, hint=hint, path=path, severity="warning")
            )
    if not members:
        raise ConfigurationError(*findings, _wrong(path, "there is no node in it", f"write it with {_HOW}"))
    return tuple(members), tuple(findings)


def _document(source: bytes, path: str) -> Field:
    if len(source) > MAX_BYTES:
        raise ConfigurationError(_wrong(path, f"the file has {len(source):,} bytes", "list fewer nodes"))
    try:
        document = json.loads(source.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        finding = _wrong(path, f"this is not JSON ({error.msg})", f"write it with {_HOW}")
        raise ConfigurationError(replace(finding, line=error.lineno, column=error.colno)) from None
    except UnicodeDecodeError:
        message = "the file is not UTF-8"
        hint = f"in PowerShell: {_HOW.replace('>', '| Out-File -Encoding utf8')}"
        raise ConfigurationError(_wrong(path, message, hint)) from None
    except (RecursionError, ValueError):
        message = "the file holds values that no list of nodes has"
        raise ConfigurationError(_wrong(path, message, f"write it with {_HOW}")) from None
    return Field(value=document, path="")


def _items(document: Field, path: str) -> Iterator[Field]:
    try:
        kind = document.get("kind").text()
        if kind == "Node":
            yield document
            return
        if kind in {"List", "NodeList"}:
            for item in document.get("items").items(most=MAX_NODES):
                if item.get("kind").text() in {"", "Node"}:
                    yield Field(value=item.value, path="")
            return
    except DocumentError as error:
        raise ConfigurationError(_wrong(path, str(error), f"write it with {_HOW}")) from None
    message = f"this is {quoted(kind)}, not a list of nodes" if kind else "this is no list of nodes"
    raise ConfigurationError(_wrong(path, message, f"write it with {_HOW}"))


def _member(item: Field, metadata: Field) -> Member:
    info, spec = item.get("status").get("nodeInfo"), item.get("spec")
    labels = metadata.get("labels").strings(most=_MOST)
    system = (info.get("operatingSystem").text() or labels.get(OS_LABEL, "")).lower()
    architecture = (info.get("architecture").text() or labels.get(ARCH_LABEL, "")).lower()
    for name, value in (("operatingSystem", system), ("architecture", architecture)):
        if not value:
            raise DocumentError(f"status.nodeInfo.{name} is missing")
    runtime = runtime_for(info.get("containerRuntimeVersion").text(required=True))
    version = info.get("kernelVersion").text(required=True) if system == "windows" else ""
    node = Node(
        name=metadata.get("name").text(required=True),
        os=system,
        architecture=architecture,
        os_version=version,
        runtime=runtime,
    )
    taints = tuple(_taint(taint) for taint in spec.get("taints").items(most=_MOST))
    return Member(
        node=node,
        labels=_own_labels(node) | labels,
        taints=taints,
        unschedulable=spec.get("unschedulable").flag(),
    )


def _taint(taint: Field) -> Taint:
    key, effect = (taint.get(name).text(required=True) for name in ("key", "effect"))
    return Taint(key=key, value=taint.get("value").text(), effect=effect)


def _own_labels(node: Node) -> dict[str, str]:
    labels = {OS_LABEL: node.os, ARCH_LABEL: node.architecture, HOSTNAME_LABEL: node.name}
    labels |= {OLD_OS_LABEL: node.os, OLD_ARCH_LABEL: node.architecture}
    if node.os == "windows":
        labels[BUILD_LABEL] = build_label(parse_os_version(node.os_version))
    return labels


def build_label(version: OsVersion) -> str:
    """The value of the label that the kubelet sets on Windows, such as `10.0.20348`."""
    return f"{version.major}.{version.minor}.{version.build}"


def _wrong(path: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code="nodes", message=message, hint=hint, path=path)
