"""Nodes and the kinds that every index is held against."""

import pytest

from buildtools.cluster.nodes import EVERY_NODE, NODE_KINDS, Node, windows_node
from buildtools.cluster.runtimes import RUNTIMES, runtime_for
from buildtools.oci.platform import Platform
from buildtools.windows.releases import RELEASES, OsVersionError, product_of

CONTAINERD = runtime_for("containerd://2.0.4")


def test_a_windows_node_has_a_version() -> None:
    """As numbers and in an image's words."""
    node = windows_node("Windows Server 2022", 20348, CONTAINERD)
    assert node.version.build == 20348
    assert node.platform == Platform(os="windows", architecture="amd64", os_version="10.0.20348.1")
    assert str(node) == "Windows Server 2022, containerd 2.0"


@pytest.mark.parametrize("version", ["", "2022", "10.0.x.1"])
def test_a_windows_node_without_a_version_is_refused(version: str) -> None:
    """Nothing could be said about it."""
    with pytest.raises(OsVersionError):
        Node(name="n", os="windows", architecture="amd64", os_version=version, runtime=CONTAINERD)


def test_a_linux_node_needs_none() -> None:
    """Its kernel counts nowhere."""
    node = Node(name="n", os="linux", architecture="arm64", variant="v8", runtime=CONTAINERD)
    assert str(node.platform) == "linux/arm64/v8"


def test_the_kinds_cover_every_release_on_every_kind_of_runtime() -> None:
    """A new release is a new kind without another line."""
    linux = [node.name for node in NODE_KINDS if node.os == "linux"]
    assert linux == ["linux/amd64", "linux/arm64/v8"]
    builds = [node.version.build for node in NODE_KINDS if node.os == "windows"]
    assert set(builds) == {release.build for release in RELEASES} | {25398, 26200}
    assert builds == sorted(builds)
    runtimes = {str(node.runtime) for node in NODE_KINDS if node.os == "windows"}
    assert runtimes == {
        "containerd 1.6.23-1.6.39",
        "containerd 1.7.6-1.7.34",
        "containerd 2.1.6-2.2",
        "Docker",
    }
    assert len(NODE_KINDS) == 2 + len(set(builds)) * len(runtimes)


def test_the_kinds_have_the_names_that_people_know() -> None:
    """From the table of releases."""
    names = {node.version.build: node.name for node in NODE_KINDS if node.os == "windows"}
    assert names == {build: product_of(build) for build in names}
    assert (names[20348], names[26200]) == ("Windows Server 2022", "Windows 11 25H2")


def test_every_node_is_every_machine_on_every_runtime() -> None:
    """That runs there: Podman and CRI-O on Linux alone; what `inspect` shows is a part of it."""
    assert {node.name for node in EVERY_NODE} == {node.name for node in NODE_KINDS}
    for name in {node.name for node in EVERY_NODE}:
        found = [node for node in EVERY_NODE if node.name == name]
        rows = [row for row in RUNTIMES if (row.windows if found[0].os == "windows" else row.linux)]
        assert [node.runtime for node in found] == rows
    assert set(NODE_KINDS) <= set(EVERY_NODE)
