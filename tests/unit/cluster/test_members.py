# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Nodes as kubectl writes them, kinds of clusters, and everything that can be wrong with such a file."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cluster import members as room
from buildtools.cluster.members import Taint, parse_members
from buildtools.cluster.presets import PRESETS
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.windows.releases import OTHER_HOSTS, RELEASES
from tests.fakes.kubernetes import linux, node_json, nodes_json, windows, windows_json


def refused(source: bytes) -> str:
    """The sentences about a file."""
    with pytest.raises(ConfigurationError) as caught:
        parse_members(source, "nodes.json")
    return str(caught.value)


def test_a_list_of_nodes() -> None:
    """Each with labels, taints and whether it is cordoned."""
    taint = {"key": "OS", "value": "Windows", "effect": "NoSchedule"}
    source = nodes_json(
        node_json("l1", labels={"zone": "a"}, spec={"unschedulable": True}),
        windows_json("w1", spec={"taints": [taint, {"key": "x", "effect": "NoExecute"}]}),
    )
    (one, two), findings = parse_members(source, "nodes.json")
    assert findings == ()
    assert (one.name, one.node.os, one.unschedulable, str(one.node.runtime)) == (
        "l1",
        "linux",
        True,
        "containerd 2.0",
    )
    assert one.labels == {
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "l1",
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "zone": "a",
    }
    assert (two.node.version.build, two.labels["node.kubernetes.io/windows-build"]) == (20348, "10.0.20348")
    assert [str(item) for item in two.taints] == ["OS=Windows:NoSchedule", "x:NoExecute"]
    assert (one.system, two.system) == ("linux/amd64", "Windows Server 2022")
    assert windows(build=31000).system == "Windows build 31000"


def test_one_node_and_other_kinds_of_list() -> None:
    """`kubectl get node NAME`, the API's own list, and lists with other objects in them."""
    assert parse_members(json.dumps(node_json()).encode("utf-8-sig"), "n")[0][0].name == "n1"
    bare = {key: value for key, value in node_json().items() if key != "kind"}
    source = json.dumps({"kind": "NodeList", "items": [bare, {"kind": "Pod"}]}).encode()
    assert [one.name for one in parse_members(source, "n")[0]] == ["n1"]


def test_an_arm_node_is_told_from_others() -> None:
    """By name."""
    (one,), _ = parse_members(nodes_json(windows_json(architecture="arm64")), "n")
    assert one.system == "Windows Server 2022, arm64"


def test_what_the_node_does_not_tell_its_labels_may() -> None:
    """Virtual nodes have nothing but labels, and capitals."""
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}
    (one, two), _ = parse_members(
        nodes_json(
            node_json(operatingSystem=None, architecture=None, labels=labels),
            node_json("n2", operatingSystem="Linux"),
        ),
        "n",
    )
    assert (str(one.node.platform), two.node.os) == ("linux/arm64", "linux")


HINT = "it has just joined, or is no machine with a container runtime"


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (windows_json("w", containerRuntimeVersion=None), "node w is not looked at: status.nodeInfo.containerRuntimeVersion must be a string, it is missing"),
        (windows_json("w", containerRuntimeVersion="rkt://1"), "node w is not looked at: 'rkt://1' is not a container runtime that is known: containerd, docker, cri-o, podman are"),
        (windows_json("w", version="6.8"), "node w is not looked at: '6.8' is not a Windows version: it has four numbers, as in 10.0.20348.2700"),
        (node_json("w", operatingSystem="windows", kernelVersion=None), "node w is not looked at: status.nodeInfo.kernelVersion must be a string, it is missing"),
        (node_json("w", operatingSystem=None), "node w is not looked at: status.nodeInfo.operatingSystem is missing"),
        (node_json("w", architecture=""), "node w is not looked at: status.nodeInfo.architecture is missing"),
        (node_json("w", spec={"taints": [{"key": "x"}]}), "node w is not looked at: spec.taints[0].effect must be a string, it is missing"),
        (node_json("w", spec=[]), "node w is not looked at: spec must be an object, it is a list"),
        (node_json("w", labels={"a": 5}), "node w is not looked at: metadata.labels['a'] must be a string, it is 5"),
        ({"kind": "Node"}, "node 2 of the list is not looked at: metadata.name must be a string, it is missing"),
    ],
)  # fmt: skip
def test_a_node_that_tells_too_little_is_left_out(broken: dict[str, Any], sentence: str) -> None:
    """With a warning that names it; where none is left, it is an error."""
    (one,), (finding,) = parse_members(nodes_json(node_json(), broken), "nodes.json")
    assert one.name == "n1"
    assert (finding.code, finding.severity, str(finding)) == (
        "node-unread",
        "warning",
        f"nodes.json: {sentence}: {HINT}",
    )
    alone = refused(nodes_json(broken))
    assert (
        alone.splitlines()[-1]
        == "nodes.json: there is no node in it: write it with kubectl get nodes -o json > nodes.json"
    )


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (b"", "nodes.json:1:1: this is not JSON (Expecting value)"),
        (b'{\n  "kind": List}', "nodes.json:2:11: this is not JSON (Expecting value)"),
        (b'{"kind": "Pod"}', "nodes.json: this is 'Pod', not a list of nodes"),
        (b"{}", "nodes.json: this is no list of nodes"),
        (b"[]", "nodes.json: the document must be an object, it is a list"),
        (b'{"kind": "List", "items": 5}', "nodes.json: items must be a list, it is 5"),
        (b'{"kind": "List", "items": [5]}', "nodes.json: items[0] must be an object, it is 5"),
        (b'{"kind": "List", "items": []}', "nodes.json: there is no node in it"),
        (b"[" * 100_000, "nodes.json: the file holds values that no list of nodes has"),
        (b"5" * 5000, "nodes.json: the file holds values that no list of nodes has"),
    ],
    ids=range(10),
)
def test_what_is_no_list_of_nodes(source: bytes, sentence: str) -> None:
    """Says how to write one."""
    assert refused(source) == f"{sentence}: write it with kubectl get nodes -o json > nodes.json"


def test_powershell_writes_utf_16() -> None:
    """And is told how not to."""
    assert refused(nodes_json(node_json()).decode().encode("utf-16")) == (
        "nodes.json: the file is not UTF-8: in PowerShell: kubectl get nodes -o json | Out-File -Encoding utf8 nodes.json"
    )


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not read into memory twice."""
    monkeypatch.setattr(room, "MAX_BYTES", 10)
    assert refused(b"x" * 11) == "nodes.json: the file has 11 bytes: list fewer nodes"


SOURCE = nodes_json(
    node_json("l1"), windows_json("w1", spec={"taints": [{"key": "a", "effect": "NoSchedule"}]})
)


@given(st.data())
def test_any_mutation_is_nodes_or_sentences(data: st.DataObject) -> None:
    """A character changed, lost or doubled."""
    text = SOURCE
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        text = (
            text[:place]
            + data.draw(st.sampled_from([b"", b'"', b"{", b"5", b"null", b"\xff", b"[]"]))
            + text[place + 1 :]
        )
    findings: tuple[Diagnostic, ...] = ()
    try:
        found, findings = parse_members(text, "n")
        assert found
    except ConfigurationError as error:
        findings = error.diagnostics
    assert all(item.message and item.path == "n" for item in findings)


def test_kinds_of_clusters() -> None:
    """AKS by release with each containerd that its nodes have; K2s with each host, all of them tainted."""
    assert list(PRESETS) == ["aks-ltsc2022", "aks-ltsc2025", "k2s"]
    assert [one.name for one in PRESETS["aks-ltsc2022"]] == [
        "aks-ltsc2022-linux", "aks-ltsc2022-containerd-1.6.35", "aks-ltsc2022-containerd-1.7.20", "aks-ltsc2022-containerd-2.0.4",
    ]  # fmt: skip
    assert {one.node.version.build for one in PRESETS["aks-ltsc2025"][1:]} == {26100}
    hosts = {row.build for row in RELEASES if row.k2s} | {row.build for row in OTHER_HOSTS if row.k2s}
    assert {one.node.version.build for one in PRESETS["k2s"][1:]} == hosts
    assert {one.taints for one in PRESETS["k2s"][1:]} == {(Taint(key="OS", value="Windows"),)}
    assert PRESETS["k2s"][0].taints == ()
    assert linux().labels["kubernetes.io/hostname"] == "lin"
