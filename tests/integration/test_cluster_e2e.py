# ruff: noqa: E501 - calls are asserted whole, each on its line
"""`cluster e2e`: each check against a kubectl that answers as a cluster would, right and wrong."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from buildtools import e2e
from buildtools.cli import main
from tests.fakes.mixed import (
    CLIENT,
    NS,
    SERVERS,
    SYSTEMS,
    VALIDATOR,
    WHOAMI,
    answer,
    ended,
    host,
    items,
    node,
    pod,
    raw,
    ready,
    works,
)
from tests.fakes.recorder import Recorder, Rule, says


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Programs first on PATH, and no pause between two looks."""
    made = Recorder(folder=tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
    monkeypatch.setattr(e2e, "PAUSE", 0.0)
    monkeypatch.setattr(e2e, "BEFORE_DELETE", 0.2)
    return made


def checks(capsys: pytest.CaptureFixture[str], *words: str, code: int = 4) -> dict[str, Any]:
    """Every check by its name."""
    assert main(["cluster", "e2e", "--json", "-q", "--timeout", "0", *words]) == code
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}


def test_everything_works(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """Every check passes and says what it has seen; the calls are these."""
    recorder.script(*works())
    found = checks(capsys, code=0)
    assert {name: one["sentence"] for name, one in found.items()} == {
        "nodes": "nodes are ready: 1 linux, 1 windows",
        "pods": "pods are ready: 1 linux, 1 windows",
        "identity": "every pod says what its node is",
        "clients": "pods reach pods through Services: linux to linux, linux to windows, windows to linux, windows to windows",
        "validator": "every validator ended with 95",
        "installer": "the installer is ready on every node",
        "drain": "a request in flight survives the deletion of its pod",
    }
    assert {one["outcome"] for one in found.values()} == {"passed"}
    here, json_ = "--namespace buildtools-e2e", "--output json"
    servers = f"kubectl get pods {here} {' '.join(WHOAMI)} {json_}"
    assert recorder.calls == [
        f"kubectl get nodes {json_}",
        servers,
        f"kubectl get nodes {json_}",
        servers,
        *(f"kubectl get --raw {raw(one, 'who-am-i')}" for one in SYSTEMS),
        f"kubectl get jobs {here} {' '.join(CLIENT)} {json_}",
        servers,
        f"kubectl get pods {here} {' '.join(CLIENT)} {json_}",
        *(f"kubectl logs client-{one} {here} --container to-{other}" for one in SYSTEMS for other in SYSTEMS),
        f"kubectl get pods {here} {' '.join(VALIDATOR)} {json_}",
        f"kubectl get daemonsets {here}-cni --selector app.kubernetes.io/name=cni-installer {json_}",
        servers,
        *(
            call
            for one in SYSTEMS
            for call in (
                f"kubectl get --raw {raw(one, 'slow?for=8s')}",
                f"kubectl delete pod {SERVERS[one]} {here} --ignore-not-found --wait --timeout=90s",
            )
        ),
    ]


GET = ("kubectl", "get")
WAITING = {
    "name": "whoami",
    "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no match for platform"}},
}
WRONG: list[tuple[str, Rule, list[str]]] = [
    ("nodes", says(*GET, "nodes", out=items(node("linux"))), ["there is no windows node"]),
    (
        "nodes",
        says(*GET, "nodes", out=items(node("linux"), node("windows", **ready("False", "no CNI")))),
        ["node windows-1 (windows) is not ready: no CNI"],
    ),
    (
        "pods",
        says(*GET, "pods", *NS, *WHOAMI, out=items(pod("a", "linux"), pod("b", "windows", **ready("False"), containerStatuses=[WAITING]))),
        ["pod b is not ready: whoami is waiting (ImagePullBackOff, no match for platform)"],
    ),
    ("pods", says(*GET, "pods", *NS, *WHOAMI, out=items()), ["there is no pod for linux", "there is no pod for windows"]),
    (
        "identity",
        says(*GET, "--raw", raw("windows", "who-am-i"), out=answer("windows", "x", os_version="10.0.20348.1")),
        ["pod whoami-windows-5c8b says Windows build 10.0.20348, and its node windows-1 has 10.0.26100"],
    ),
    (
        "identity",
        says(*GET, "--raw", raw("linux", "who-am-i"), out=answer("linux", "x", architecture="arm64")),
        ["pod whoami-linux-7d9f says architecture arm64, and its node linux-1 has amd64"],
    ),
    (
        "identity",
        says(*GET, "--raw", raw("linux", "who-am-i"), err="error: unable to upgrade", code=1),
        ["pod whoami-linux-7d9f did not answer with a JSON object: 'kubectl get --raw failed: error: unable to upgrade'"],
    ),
    (
        "clients",
        says("kubectl", "logs", "client-linux", *NS, "--container", "to-windows", out=answer("linux", host("linux"))),
        ["client-linux asked for windows and got an answer from linux"],
    ),
    (
        "clients",
        says("kubectl", "logs", "client-windows", *NS, "--container", "to-linux", out=answer("linux", "elsewhere")),
        ["client-windows got an answer from elsewhere, which is no pod for linux"],
    ),
    (
        "clients",
        says("kubectl", "logs", "client-windows", *NS, "--container", "to-linux", out="probe: no route\n"),
        ["client-windows got no answer from linux: probe: no route"],
    ),
    (
        "clients",
        says(*GET, "jobs", *NS, *CLIENT, out=items({"metadata": {"name": "c"}, "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}})),
        ["there are 1 client jobs, and 2 should be", "job c is not complete: DeadlineExceeded"],
    ),
    (
        "validator",
        says(*GET, "pods", *NS, *VALIDATOR, out=items(pod("v", "linux", **ended(95)), pod("w", "windows", **ended(0)))),
        ["pod w ended with 0, expected 95"],
    ),
    (
        "validator",
        says(*GET, "pods", *NS, *VALIDATOR, out=items(pod("v", "linux", **ended(95)))),
        ["there is no validator for windows"],
    ),
    (
        "installer",
        says(*GET, "daemonsets", out=items({"metadata": {"name": "d", "labels": {"app.kubernetes.io/component": "linux"}}, "status": {"desiredNumberScheduled": 2, "numberReady": 1}})),
        ["there is no installer for windows", "daemon set d is ready on 1 of 2 nodes"],
    ),
    (
        "drain",
        says(*GET, "--raw", raw("windows", "slow?for=8s"), err="unexpected EOF", code=1, until=("kubectl", "delete", "pod", SERVERS["windows"])),
        ["pod whoami-windows-5c8b was deleted, and its request got unexpected EOF"],
    ),
    (
        "drain",
        says(*GET, "--raw", raw("linux", "slow?for=8s"), err="not found", code=1),
        ["pod whoami-linux-7d9f did not hold the request: not found"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rule", "details"), WRONG, ids=[str(n) + "-" + one[0] for n, one in enumerate(WRONG)]
)
def test_what_is_wrong_is_said(
    recorder: Recorder, capsys: pytest.CaptureFixture[str], name: str, rule: Rule, details: list[str]
) -> None:
    """The check fails alone, unless others stand on it; exit code 4."""
    recorder.script(rule, *works())
    found = checks(capsys)
    assert found[name]["outcome"] == "failed"
    assert found[name]["details"] == details
    failed = [one for one in found if found[one]["outcome"] == "failed"]
    assert failed == [name]


def test_what_stands_on_a_failed_check_is_skipped(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says why; nothing is deleted."""
    recorder.script(says(*GET, "nodes", out=items()), *works())
    found = checks(capsys)
    assert {name: one["outcome"] for name, one in found.items()} == {
        "nodes": "failed", "pods": "skipped", "identity": "skipped", "clients": "skipped",
        "validator": "skipped", "installer": "skipped", "drain": "skipped",
    }  # fmt: skip
    assert found["pods"]["sentence"] == "not looked at, since nodes did not pass"
    assert not any("delete" in call for call in recorder.calls)


def test_a_check_is_asked_again_until_it_passes(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """What comes late is no failure."""
    late = says(*GET, "nodes", out=items(node("linux")), times=3)
    recorder.script(late, *works())
    assert main(["cluster", "e2e", "--json", "-q", "--timeout", "60", "--check", "nodes"]) == 0
    capsys.readouterr()
    assert len(recorder.calls) == 4


def test_another_exit_code_may_be_expected(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """In a mesh the validator ends with 0."""
    recorder.script(*works())
    found = checks(capsys, "--validator-exit", "0", "--check", "validator")
    assert found["validator"]["details"] == [
        f"pod validator-{one} ended with 95, expected 0" for one in SYSTEMS
    ]


def test_nodes_are_waited_for_and_written_down(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As preflight reads them."""
    recorder.script(*works())
    out = tmp_path / "nodes.json"
    assert main(["cluster", "nodes", "--out", str(out), "-q"]) == 0
    assert main(["preflight", "--nodes", str(out), "--image", "a=oci:nowhere", "--json"]) == 2
    recorder.script(says(*GET, "nodes", out=items(node("linux"))))
    capsys.readouterr()
    assert main(["cluster", "nodes", "--timeout", "0"]) == 4
    assert "nodes are missing or not ready: there is no windows node: wait longer with --timeout" in " ".join(
        capsys.readouterr().err.split()
    )


def test_logs_are_collected_whatever_happens(recorder: Recorder, tmp_path: Path) -> None:
    """What cannot be had leaves a file that says why."""
    recorder.script(
        says(*GET, "nodes", "--output", "wide", out="a node\n"),
        says(*GET, "pods", *NS, "--output", out=items(pod("p", "linux"))),
        says("kubectl", "logs", "p", out="its log\n"),
        says("kubectl", err="connection refused", code=1),
    )
    logs = tmp_path / "logs"
    assert main(["cluster", "e2e", "--timeout", "0", "--logs", str(logs)]) == 6
    assert (logs / "nodes.txt").read_text() == "a node\n"
    assert (logs / "buildtools-e2e.p.log").read_text() == "its log\n"
    assert "connection refused" in (logs / "events.txt").read_text()
    assert "connection refused" in (logs / "buildtools-e2e-cni.log").read_text()
    again = tmp_path / "again"
    assert main(["cluster", "logs", "--out", str(again)]) == 0
    assert sorted(path.name for path in again.iterdir()) == sorted(path.name for path in logs.iterdir())


@pytest.mark.parametrize(
    ("err", "code"),
    [
        ("Unable to connect to the server: dial tcp", 6),
        ("error: You must be logged in to the server (Unauthorized)", 5),
        ("boom", 1),
    ],
)
def test_a_cluster_that_does_not_answer(
    recorder: Recorder, capsys: pytest.CaptureFixture[str], err: str, code: int
) -> None:
    """Its complaint is the sentence, and its kind the exit code."""
    recorder.script(says("kubectl", err=err, code=1))
    assert main(["cluster", "e2e"]) == code
    assert f"kubectl get nodes failed: {err}" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("out", ["", "[]", "{}", '{"items": [1]}'])
def test_an_answer_that_is_no_list(recorder: Recorder, capsys: pytest.CaptureFixture[str], out: str) -> None:
    """It is a sentence, no traceback."""
    recorder.script(says("kubectl", out=out))
    assert main(["cluster", "nodes"]) == 1
    assert "did not answer with" in capsys.readouterr().err


def test_a_missing_kubectl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 7, and where it is to be had."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert main(["cluster", "e2e"]) == 7
    assert " ".join(capsys.readouterr().err.split()) == (
        "error: kubectl is not on PATH: install it (kubernetes.io/docs/tasks/tools) or name it with --kubectl"
    )
    assert main(["cluster", "e2e", "--kubectl", "/nowhere/kubectl"]) == 7


def test_a_context_goes_before_everything(recorder: Recorder) -> None:
    """So that no other cluster is asked."""
    recorder.script(says("kubectl", "--context", "mine", out=items(node("linux"), node("windows"))))
    assert main(["cluster", "nodes", "--context", "mine", "-q"]) == 0
    assert recorder.calls == ["kubectl --context mine get nodes --output json"]
