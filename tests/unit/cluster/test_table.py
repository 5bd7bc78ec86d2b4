# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Every kind of node against an index: rows, what is wrong for whom, and runtimes in few words."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cluster.matchers import RUNTIMES, runs
from buildtools.cluster.nodes import EVERY_NODE, Node, windows_node
from buildtools.cluster.runtimes import Runtime, runtime_for
from buildtools.cluster.table import folded, named_runtimes, node_findings, node_rows, way_out
from buildtools.cluster.truth import Verdict
from buildtools.oci.descriptor import OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from tests.fakes.shapes import V2019, V2022, V2025

WINDOWS_RUNTIMES = [runtime for runtime in RUNTIMES if runtime.windows]
BY_NAME = {runtime.name: runtime for runtime in RUNTIMES}


def offering(*platforms: str) -> Index:
    """An index of images for these platforms; `-` says none, a version alone is one of Windows."""
    return Index.build(
        manifests=[
            Descriptor(
                media_type=OCI_MANIFEST, size=1, digest=digest_of(text.encode()), platform=platform(text)
            )
            for text in platforms
        ]
    )


def platform(text: str) -> Platform | None:
    """`linux/arm64`, `windows` or a version."""
    if text == "-":
        return None
    if "/" in text:
        os, architecture = text.split("/")
        return Platform(os=os, architecture=architecture)
    return Platform(os="windows", architecture="amd64", os_version="" if text == "windows" else text)


def told(index: Index) -> list[str]:
    """The findings of an index: code, severity, sentence."""
    return [f"{item.code} {item.severity}: {item}" for item in node_findings(index, node_rows(index, {}))]


def test_every_machine_on_every_runtime_has_a_row() -> None:
    """Its choice, and what is known of the base of that."""
    index = offering("linux/amd64", V2022)
    verdict = Verdict(state="right", base="nanoserver")
    rows = node_rows(index, {index.manifests[1]: verdict})
    assert [row.node for row in rows] == list(EVERY_NODE)
    assert {row.verdict.state for row in rows if row.choice.descriptor == index.manifests[1]} == {"right"}
    assert {row.verdict.state for row in rows if row.choice.descriptor != index.manifests[1]} == {"none"}
    assert {row.node.name for row in rows if row.runs} == {
        "linux/amd64", "Windows Server 2022", "Windows Server 23H2", "Windows Server 2025", "Windows 11 25H2",
    }  # fmt: skip


def test_the_right_order_leaves_what_runtimes_do_themselves() -> None:
    """Newest first: no error, and Windows 11 25H2 takes what it cannot start all the same."""
    assert told(offering(V2025, V2022, V2019)) == [
        "node-passes-over note: nodes of Windows Server 23H2, Windows 11 25H2 with containerd 1.6.0-1.6.22, containerd 1.7.0-1.7.5 take nothing, although windows/amd64:10.0.20348.4529 would run",
        "node-limit warning: nodes of Windows 11 25H2 with containerd 1.6.23-1.6.39, containerd 1.7.6 and later, docker take windows/amd64:10.0.26100.7462, which does not run there, although windows/amd64:10.0.20348.4529 would: give these nodes an index without windows/amd64:10.0.26100.7462 under a name of its own",
    ]


def test_the_wrong_order_is_an_error_where_the_right_one_helps() -> None:
    """Docker takes the first that is not newer than the host."""
    (error,) = [text for text in told(offering("linux/amd64", V2019, V2022)) if " error: " in text]
    assert error == (
        "node-wrong-entry error: nodes of Windows Server 23H2, Windows Server 2025, Windows 11 25H2 with Docker take windows/amd64:10.0.17763.8146, which does not run there, although windows/amd64:10.0.20348.4529 would: put the entries in this order: linux/amd64, windows/amd64:10.0.20348.4529, windows/amd64:10.0.17763.8146"
    )


def test_an_entry_without_a_platform_is_shown() -> None:
    """It fits everywhere and says nothing."""
    (unfit,) = [
        text for text in told(offering("-", "linux/s390x")) if "node-unfit" in text and "arm64" in text
    ]
    assert unfit == (
        "node-unfit note: nodes of linux/amd64, linux/arm64/v8 with containerd, Docker with containerd image store take an entry without a platform, which does not run there, and nothing else would"
    )


def test_what_nothing_runs_on_is_a_note_with_what_there_is() -> None:
    """Nodes of an operating system that the index has nothing for are no concern of it."""
    assert told(offering("linux/amd64")) == [
        "node-nothing note: nodes of linux/arm64/v8 with containerd, docker, cri-o, podman take nothing: for linux the index offers linux/amd64"
    ]
    assert told(offering("linux/amd64", "linux/arm64")) == []
    unfit = told(offering(V2019))
    assert (
        "node-unfit note: nodes of Windows Server 2022, Windows Server 23H2, Windows Server 2025, Windows 11 25H2 with Docker take windows/amd64:10.0.17763.8146, which does not run there, and nothing else would"
        in unfit
    )


def test_of_many_entries_a_few_are_named() -> None:
    """A sentence stays one."""
    (nothing,) = [
        text for text in told(offering(*(f"linux/mips{number}" for number in range(20)))) if "arm64" in text
    ]
    assert nothing.endswith(
        "the index offers linux/mips0, linux/mips1, linux/mips2, linux/mips3, linux/mips4, linux/mips5, linux/mips6, linux/mips7, 12 more"
    )


def test_a_host_process_image_alone() -> None:
    """Every containerd but the oldest takes it and runs it."""
    assert [text.partition(":")[0] for text in told(offering("windows"))] == [
        "node-passes-over note",
        "node-unfit note",
    ]


def test_the_way_to_an_entry_that_runs() -> None:
    """Another order, another index, another runtime or another spelling; nothing where none would run."""

    def way(runtime: str, build: int, *platforms: str) -> str:
        return way_out(windows_node("host", build, runtime_for(runtime)), offering(*platforms))

    assert way("docker://29.1.5", 25398, V2019, V2022) == (
        f"put the entries in this order: windows/amd64:{V2022}, windows/amd64:{V2019}"
    )
    assert way("containerd://2.0.4", 26200, V2025, V2022) == (
        f"give these nodes an index without windows/amd64:{V2025} under a name of its own"
    )
    assert way("containerd://1.7.0", 25398, V2022) == "give these nodes a newer containerd"
    assert way("containerd://1.7.0", 20348, V2022) == ""
    assert way("containerd://1.7.0", 17763, V2022) == ""
    podman = Node(name="n", os="linux", architecture="amd64", runtime=runtime_for("podman://5.0.0"))
    assert way_out(podman, offering("linux/x86_64")) == "write it as nodes do: linux/amd64"


def test_lines_are_folded() -> None:
    """A line for each machine and thing said of it."""
    rows = node_rows(offering("linux/amd64"), {})
    lines = folded(rows, lambda row: ("yes" if row.runs else "no",))
    assert lines[:2] == [
        ("linux/amd64", "yes", "containerd, docker, cri-o, podman"),
        ("linux/arm64/v8", "no", "containerd, docker, cri-o, podman"),
    ]
    assert len(lines) == len({node.name for node in EVERY_NODE})


def chosen(*names: str) -> list[Runtime]:
    """Runtimes by name."""
    return [BY_NAME[name] for name in names]


@pytest.mark.parametrize(
    ("runtimes", "text"),
    [
        (WINDOWS_RUNTIMES, "containerd, docker"),
        ([], ""),
        (chosen("Docker"), "Docker"),
        (chosen("Docker, containerd image store"), "Docker with containerd image store"),
        (chosen("containerd 2.0"), "containerd 2.0"),
        (chosen("containerd 1.7.0-1.7.5"), "containerd 1.7.0-1.7.5"),
        (chosen("containerd 1.7.6-1.7.34", "containerd 2.0", "containerd 2.1.0-2.1.5"), "containerd 1.7.6-2.1.5"),
        (chosen("containerd 1.6.0-1.6.17", "containerd 1.6.23-1.6.39"), "containerd 1.6.0-1.6.17, containerd 1.6.23-1.6.39"),
        (chosen("containerd 2.1.6-2.2"), "containerd 2.1.6-2.2 for pods"),
        (chosen("containerd 2.1.6-2.2, client"), "containerd 2.1.6-2.2 for clients"),
        (chosen("containerd 2.1.6-2.2", "containerd 2.1.6-2.2, client"), "containerd 2.1.6-2.2"),
        (
            chosen("containerd 2.1.6-2.2", "containerd 2.3.0-2.3.4, client"),
            "containerd 2.1.6-2.2 for pods, containerd 2.3.0-2.3.4 for clients",
        ),
        (
            chosen("containerd 2.3.0-2.3.4, client", "containerd 2.3.5 and later, client"),
            "containerd 2.3.0 and later for clients",
        ),
        ([runtime for runtime in WINDOWS_RUNTIMES if runtime.since >= (1, 7, 6)], "containerd 1.7.6 and later"),
    ],
)  # fmt: skip
def test_runtimes_in_few_words(runtimes: list[Runtime], text: str) -> None:
    """Neighbours as one; an engine alone where all of it is meant."""
    assert named_runtimes(runtimes, WINDOWS_RUNTIMES) == text


def test_no_two_sets_of_runtimes_read_the_same() -> None:
    """Of up to three of them."""
    few = [list(some) for count in range(4) for some in combinations(WINDOWS_RUNTIMES, count)]
    assert len({named_runtimes(some, WINDOWS_RUNTIMES) for some in few}) == len(few)


PLATFORMS = st.sampled_from(
    ["-", "linux/amd64", "linux/arm64", "windows", V2019, V2022, V2025, "10.0.20348", "x"]
)


@given(texts=st.lists(PLATFORMS, max_size=6, unique=True))
def test_an_error_is_mended_by_the_order_that_it_asks_for(texts: list[str]) -> None:
    """In the order that the findings name, none of them is an error any more."""
    from buildtools.oci.validate import entry_order

    def key(text: str) -> tuple[object, ...]:
        return entry_order(platform(text) or Platform(os="", architecture=""))

    assert not any(" error: " in text for text in told(offering(*sorted(texts, key=key))))


@given(texts=st.lists(PLATFORMS, max_size=6, unique=True))
def test_no_node_that_is_not_served_goes_unmentioned(texts: list[str]) -> None:
    """Of the operating systems that the index has images for."""
    index = offering(*texts)
    systems = {entry.platform.os for entry in index.manifests if entry.platform}
    rows = node_rows(index, {})
    messages = "\n".join(finding.message for finding in node_findings(index, rows))
    for row in rows:
        if row.node.os in systems and not row.runs:
            assert row.node.name in messages
        if row.runs and row.choice.descriptor:
            assert runs(row.node, row.choice.descriptor, index.manifests)
