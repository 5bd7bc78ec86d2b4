# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What a cluster says of itself against what should be: every sentence of every check."""

from typing import Any

import pytest

from buildtools.cluster import checks
from buildtools.cluster.checks import Check
from tests.fakes.mixed import answer, ended, node, pod, ready

BOTH = ("linux", "windows")
NODES = [node("linux"), node("windows")]


def told(check: Check) -> list[str]:
    """The check's details; the outcome goes with them."""
    assert check.outcome == ("failed" if check.details else "passed")
    return list(check.details)


def test_values_that_are_not_there() -> None:
    """Whatever is missing on the way, and whatever is no mapping."""
    assert checks.at({"a": {"b": 1}}, "a", "b") == 1
    assert checks.at({"a": [1]}, "a", "b") is None
    assert checks.at(None, "a") is None
    assert (checks.name_of({}), checks.system_of({}), checks.condition({}, "Ready")) == ("?", "", {})
    assert not checks.is_ready({})


def test_a_pod_that_goes_is_not_ready() -> None:
    """Although it says so for a while."""
    going = pod("a", "linux")
    going["metadata"]["deletionTimestamp"] = "2026-11-25T12:00:00Z"
    assert checks.is_ready(pod("a", "linux"))
    assert not checks.is_ready(going)


@pytest.mark.parametrize(
    ("nodes", "details"),
    [
        (NODES, []),
        ([], ["there is no linux node", "there is no windows node"]),
        (
            [node("linux", conditions=[]), node("windows", **ready("Unknown", "kubelet is silent"))],
            [
                "node linux-1 (linux) is not ready: it says nothing",
                "node windows-1 (windows) is not ready: kubelet is silent",
            ],
        ),
    ],
)
def test_nodes(nodes: list[Any], details: list[str]) -> None:
    """One of each operating system, and all of them ready."""
    assert told(checks.nodes_check(nodes, BOTH)) == details


def container(**state: Any) -> dict[str, Any]:
    """The status of a container in this state."""
    return {"name": "c", "state": state}


UNPLACED = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/2 nodes fit"}]}


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        ({}, "pod p is not ready: slow"),
        (
            {"containerStatuses": [container(waiting={"reason": "ErrImagePull", "message": "no match"})]},
            "pod p is not ready: c is waiting (ErrImagePull, no match)",
        ),
        (
            {"containerStatuses": [container(terminated={"exitCode": 3, "reason": "Error"})]},
            "pod p is not ready: c is terminated (Error with 3)",
        ),
        ({"containerStatuses": [container(waiting={"message": "x"})]}, "pod p is not ready: c is waiting (no reason, x)"),
        ({"containerStatuses": [container(running={})]}, "pod p is not ready: slow"),
        (UNPLACED, "pod p is not ready: 0/2 nodes fit"),
    ],
)  # fmt: skip
def test_pods_that_are_not_ready(status: dict[str, Any], detail: str) -> None:
    """The reason is what a person would look for."""
    bad = pod("p", "windows", **{**ready("False", "slow"), **status})
    assert told(checks.pods_check([pod("a", "linux"), bad], BOTH)) == [detail]


def test_pods() -> None:
    """One of each, all ready."""
    good = checks.pods_check([pod("a", "linux"), pod("b", "windows")], BOTH)
    assert (told(good), good.sentence) == ([], "pods are ready: 1 linux, 1 windows")
    assert told(checks.pods_check([pod("a", "linux")], BOTH)) == ["there is no pod for windows"]


@pytest.mark.parametrize(
    ("said", "details"),
    [
        (answer("windows", "x"), []),
        (answer("windows", "x", os_version="10.0.26100.1"), []),
        (answer("windows", "x", os="linux"), ["pod p says os linux, and its node windows-1 has windows"]),
        (
            answer("windows", "x", os_version="10.0.20348.1"),
            ["pod p says Windows build 10.0.20348, and its node windows-1 has 10.0.26100"],
        ),
        ("nothing", ["pod p did not answer with a JSON object: 'nothing'"]),
        ("[]", ["pod p did not answer with a JSON object: '[]'"]),
    ],
)
def test_identity(said: str, details: list[str]) -> None:
    """The revision may differ: a base is as old as it is."""
    assert [*checks.identity_faults(pod("p", "windows"), said, NODES[1])] == details


def test_identity_on_linux_has_no_build() -> None:
    """And a node that is not listed is said."""
    assert [*checks.identity_faults(pod("p", "linux"), answer("linux", "x", os_version=""), NODES[0])] == []
    assert [*checks.identity_faults(pod("p", "linux"), "", None)] == [
        "pod p is on the node linux-1, which is not listed"
    ]


@pytest.mark.parametrize(
    ("log", "details"),
    [
        (answer("windows", "WHOAMI-WINDOWS-"), []),
        (answer("windows", "whoami-windows-abc"), []),
        ("probe: refused\n" + answer("windows", "whoami-windows-abc"), []),
        ("", ["c got no answer from windows: its log is empty"]),
        ("probe: refused\n", ["c got no answer from windows: probe: refused"]),
        (answer("linux", "x"), ["c asked for windows and got an answer from linux"]),
        (answer("windows", "other"), ["c got an answer from other, which is no pod for windows"]),
    ],
)
def test_clients(log: str, details: list[str]) -> None:
    """The last answer counts, and a pod of the right operating system has given it."""
    assert [*checks.client_faults("c", "windows", log, ["whoami-windows-abc"])] == details


def job(name: str, *conditions: dict[str, str]) -> dict[str, Any]:
    """A Job with these conditions."""
    return {"metadata": {"name": name}, "status": {"conditions": list(conditions)}}


def test_jobs() -> None:
    """All are there, and all complete."""
    done = job("a", {"type": "Complete", "status": "True"})
    failed = job("b", {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"})
    assert told(checks.jobs_check([done, done], 2)) == []
    assert told(checks.jobs_check([done, failed, job("c")], 4)) == [
        "there are 3 client jobs, and 4 should be",
        "job b is not complete: DeadlineExceeded",
        "job c is not complete: it still runs",
    ]


def test_validators() -> None:
    """Each has ended, and with the expected code."""
    done = pod("v", "linux", **ended(95))
    assert checks.has_ended(done)
    assert checks.has_ended(pod("v", "linux", **ended(0)))
    assert not checks.has_ended(pod("v", "linux"))
    assert told(checks.validator_check([done, pod("w", "windows", **ended(95))], BOTH, 95)) == []
    assert told(checks.validator_check([done, pod("w", "windows", **ended(0))], BOTH, 95)) == [
        "pod w ended with 0, expected 95"
    ]
    waiting = pod("w", "windows", containerStatuses=[container(waiting={"reason": "ErrImagePull"})])
    assert told(checks.validator_check([done, waiting, pod("x", "windows")], BOTH, 95)) == [
        "pod w has not ended: c is waiting (ErrImagePull)",
        "pod x has not ended: it still runs",
    ]
    assert told(checks.validator_check([done], BOTH, 95)) == ["there is no validator for windows"]


def daemon(system: str, wanted: int, have: int) -> dict[str, Any]:
    """A DaemonSet of the installer."""
    labels = {"app.kubernetes.io/component": system}
    status = {"desiredNumberScheduled": wanted, "numberReady": have}
    return {"metadata": {"name": f"i-{system}", "labels": labels}, "status": status}


def test_installers() -> None:
    """Ready on every node, and there is a node."""
    assert told(checks.installer_check([daemon("linux", 1, 1), daemon("windows", 2, 2)], BOTH)) == []
    assert told(checks.installer_check([daemon("linux", 0, 0), daemon("linux", 2, 1)], BOTH)) == [
        "there is no installer for windows",
        "daemon set i-linux is ready on 0 of 0 nodes",
        "daemon set i-linux is ready on 1 of 2 nodes",
    ]
