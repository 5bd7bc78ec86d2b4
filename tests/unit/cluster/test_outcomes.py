# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What becomes of images and workloads on nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from buildtools.cluster.members import Member, member
from buildtools.cluster.nodes import windows_node
from buildtools.cluster.outcomes import Answer, Cluster, Offer, Outcome, answer
from buildtools.cluster.runtimes import runtime_for
from buildtools.cluster.workloads import Workload
from tests.fakes.kubernetes import entry, linux, offer, pod, windows

MIXED = offer("x", "linux/amd64", "windows/amd64:10.0.20348.1", "windows/amd64:10.0.17763.1")
HOST = offer("h", "linux/amd64", "windows/amd64")
SINGLE = offer("s", "windows/amd64:10.0.20348.1", single=True)
DOCKER = member(windows_node("dock", 20348, runtime_for("docker://29.1.5")))


@pytest.mark.parametrize(
    ("node", "image", "host_process", "taken", "runs", "reason"),
    [
        (linux(), MIXED, None, "linux/amd64", True, "containerd 2.0 takes linux/amd64, which is for its processor"),
        (linux(architecture="s390x"), MIXED, None, "", False, "no entry for linux/s390x: the index offers linux/amd64, windows/amd64:10.0.20348.1, windows/amd64:10.0.17763.1"),
        (windows(), MIXED, False, "windows/amd64:10.0.20348.1", True, "containerd 2.0 takes windows/amd64:10.0.20348.1, which is of its own build"),
        (windows(), HOST, None, "windows/amd64", True, "containerd 2.0 takes windows/amd64, which has no os.version: as a HostProcess image it runs on every build"),
        (windows(), HOST, False, "windows/amd64", False, "its Windows entry has no os.version: it is for HostProcess pods, and this pod is none"),
        (windows(), HOST, True, "windows/amd64", True, "HostProcess containers run on every build"),
        (windows(build=26200), offer("x", "windows/amd64:10.0.26100.1"), True, "windows/amd64:10.0.26100.1", True, "HostProcess containers run on every build"),
        (DOCKER, HOST, True, "windows/amd64", False, "Docker runs no HostProcess containers"),
        (linux(), HOST, True, "linux/amd64", True, "containerd 2.0 takes linux/amd64, which is for its processor"),
        (windows(), SINGLE, None, "windows/amd64:10.0.20348.1", True, "the image is windows/amd64:10.0.20348.1, stands without an index and runs on Windows Server 2022"),
        (linux(), SINGLE, False, "windows/amd64:10.0.20348.1", False, "the image is windows/amd64:10.0.20348.1, stands without an index and does not run on linux/amd64"),
    ],
)  # fmt: skip
def test_an_image_on_a_node(
    node: Member, image: Offer, host_process: bool | None, taken: str, runs: bool, reason: str
) -> None:
    """Which entry, whether it runs there, and why."""
    found = answer(node, image, host_process=host_process)
    assert (found.entry, found.runs, found.reason) == (entry(taken) if taken else None, runs, reason)


def test_an_image_of_one_windows_release_needs_no_index() -> None:
    """The matcher of the node is not asked: what Windows runs counts."""
    newer = member(windows_node("n", 26200, runtime_for("containerd://2.2.0")))
    assert answer(newer, SINGLE).runs
    assert not answer(newer, replace(SINGLE, single=False)).runs


def test_the_systems_of_an_image() -> None:
    """In index order; attestations are none."""
    assert offer("x", "windows/amd64", "linux/amd64", "unknown/unknown").systems == ("windows", "linux")
    assert [image.for_host_process for image in (HOST, MIXED, offer("x", "linux/amd64"))] == [
        True,
        False,
        False,
    ]


X = "{containers: [{name: c, image: x}]}"


def outcome(one: Workload, members: Sequence[Member], offers: Mapping[str, Offer]) -> Outcome:
    """What becomes of it."""
    return Cluster(members, offers).outcome(one)


def test_alike_nodes_are_asked_once() -> None:
    """And answer for each other, whatever their names."""
    found = outcome(pod(X), [windows("a"), windows("b"), windows("a", 17763)], {"x": MIXED})
    one, two, other = (landing.answers[0][1] for landing in found.landings)
    assert one is two
    assert [landing.member.name for landing in found.landings] == ["a", "b", "a"]
    assert other is not None
    assert other.entry == entry("windows/amd64:10.0.17763.1")


def test_a_workload_runs() -> None:
    """Wherever it may land."""
    found = outcome(pod(X), [linux(), windows()], {"x": MIXED})
    assert (found.verdict, [one.runs for one in found.landings], found.refusals) == ("runs", [True, True], ())


def test_a_workload_fails_somewhere() -> None:
    """Because of one of its containers, or of the kubelet."""
    found = outcome(
        pod("{initContainers: [{name: i, image: y}], containers: [{name: c, image: x}]}"),
        [linux(), windows()],
        {"x": MIXED, "y": offer("y", "linux/amd64")},
    )
    assert (found.verdict, [one.runs for one in found.landings]) == ("fails", [True, False])
    found = outcome(
        pod("{os: {name: linux}, containers: [{name: c, image: x}]}"), [linux(), windows()], {"x": MIXED}
    )
    assert [(one.runs, one.refused) for one in found.landings] == [
        (True, ""),
        (False, "spec.os.name is linux, so the kubelet refuses the pod"),
    ]


def test_a_workload_lands_nowhere() -> None:
    """And each node has its reason."""
    found = outcome(pod("{nodeSelector: {a: b}, containers: [{name: c, image: x}]}"), [linux()], {})
    ((node, refusal),) = found.refusals
    assert (found.verdict, node.name, refusal.reason) == ("nowhere", "lin", "nodeSelector asks for a=b")


def test_a_workload_with_an_image_that_was_not_looked_at() -> None:
    """Is neither good nor bad."""
    found = outcome(pod(X), [linux()], {})
    assert (found.verdict, found.landings[0].unknown, found.landings[0].runs) == ("unknown", True, True)


def test_a_container_may_deny_what_its_pod_says() -> None:
    """HostProcess is asked container by container."""
    spec = "{securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: a, image: h}, {name: b, image: h, securityContext: {windowsOptions: {hostProcess: false}}}]}"
    (landing,) = outcome(pod(spec), [windows()], {"h": HOST}).landings
    assert [one.runs for _, one in landing.answers if isinstance(one, Answer)] == [True, False]
