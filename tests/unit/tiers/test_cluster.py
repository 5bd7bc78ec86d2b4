# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The cluster tier: which nodes are for an image, the pod that is made, and what goes wrong on the way."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.spec.model import StopSpec
from buildtools.tiers import cluster as cluster_tier
from buildtools.tiers.base import CancelledError, Contract
from buildtools.tiers.cluster import Cluster
from buildtools.tiers.pod import pending, pod, settled, terminated
from buildtools.tiers.story import hold
from buildtools.windows.releases import EXAMPLE, RELEASES
from tests.fakes.definitions import write_script
from tests.fakes.stands import contract_of

KUBECTL = Path(__file__).parents[2] / "fakes" / "kubectl.py"
REFERENCE = f"registry.example/stand@sha256:{'0' * 64}"
VERSION = f"10.0.{EXAMPLE.build}.2700"
NEWER = f"10.0.{RELEASES[-1].build}.1"


def contract(folder: Path, system: str = "linux", os_version: str = "", **told: Any) -> Contract:
    """A contract whose program is never started."""
    program = folder / f"stand-{system}-amd64"
    program.write_bytes(b"program")
    made = contract_of(program, folder / "root", os_version=os_version, **told)
    return replace(made, reference=REFERENCE)


def node(system: str, kernel: str = "6.1", *, ready: str = "True", **spec: Any) -> dict[str, Any]:
    """A node as Kubernetes lists it."""
    info = {"operatingSystem": system, "architecture": "amd64", "kernelVersion": kernel}
    return {
        "spec": spec,
        "status": {"nodeInfo": info, "conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what kubectl knows: one node of Linux."""
    folder = tmp_path / "state"
    folder.mkdir()
    write_script(tmp_path / "bin" / "kubectl", KUBECTL.read_text(encoding="utf-8"), program=sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("KUBECTL_STATE", str(folder))
    monkeypatch.setenv("KUBECTL_PROGRAM", "/gone")
    nodes(folder, node("linux"))
    return folder


def nodes(state: Path, *items: dict[str, Any]) -> None:
    """The nodes of the cluster."""
    (state / "nodes.json").write_text(json.dumps({"items": items}))


@pytest.mark.parametrize(
    ("items", "image", "reason"),
    [
        ([node("linux")], ("linux", ""), ""),
        ([node("windows", VERSION)], ("windows", VERSION), ""),
        ([node("windows", VERSION)], ("windows", f"10.0.{EXAMPLE.build}.1"), ""),
        ([node("windows", VERSION)], ("windows", ""), ""),
        ([node("windows", NEWER)], ("windows", VERSION), f"no ready node of the cluster is for windows/amd64:{VERSION}; there is windows/amd64:{NEWER}"),
        ([node("windows", "odd")], ("windows", VERSION), f"no ready node of the cluster is for windows/amd64:{VERSION}; there is windows/amd64:odd"),
        ([node("linux", ready="False"), node("linux", unschedulable=True)], ("linux", ""), "no ready node of the cluster is for linux/amd64; there is none"),
        ([node("windows", VERSION)], ("linux", ""), f"no ready node of the cluster is for linux/amd64; there is windows/amd64:{VERSION}"),
    ],
)  # fmt: skip
def test_which_images_a_cluster_runs(
    tmp_path: Path, state: Path, items: list[dict[str, Any]], image: tuple[str, str], reason: str
) -> None:
    """Those that have a ready node of their platform and build, whatever its patches are."""
    nodes(state, *items)
    assert Cluster().unavailable(contract(tmp_path, *image).config) == reason


def test_clusters_that_do_not_answer(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubectl, one that complains, one that answers something else."""
    config = contract(tmp_path).config
    (state / "nodes.json").write_text("[]")
    assert (
        Cluster().unavailable(config)
        == "no cluster answers (kubectl get nodes did not answer with an object)"
    )
    (state / "nodes.json").write_text("no")
    assert (
        Cluster().unavailable(config)
        == "no cluster answers (kubectl get nodes did not answer with JSON: Expecting value: line 1 column 1 (char 0))"
    )
    program = tmp_path / "bin" / "kubectl"
    write_script(program, 'echo "error: current-context is not set" >&2; exit 1')
    assert (
        Cluster().unavailable(config)
        == "no cluster answers (kubectl get nodes failed: error: current-context is not set)"
    )
    program.write_bytes(b"\0")
    assert (
        Cluster().unavailable(config)
        == f"no cluster answers ({program} cannot be started (Exec format error))"
    )
    monkeypatch.setenv("PATH", str(state))
    assert Cluster().unavailable(config) == "kubectl is not on PATH"
    assert hold(contract(tmp_path), Cluster()).findings == ("cannot be started (kubectl is not on PATH)",)


def test_contracts_that_no_cluster_tries(tmp_path: Path) -> None:
    """Those with an interrupt, and images that cannot be pulled."""
    one = contract(tmp_path)
    assert Cluster().refuses(one) == ""
    assert Cluster().refuses(replace(one, reference="")) == "it pulls, and the image is not published"
    other = contract(tmp_path, stop=StopSpec(event="interrupt"))
    assert Cluster().refuses(other) == "a cluster sends no interrupt, only the image's stop signal"


def test_the_pod(tmp_path: Path) -> None:
    """It pulls the image by digest, runs once, and has nothing of the cluster's."""
    made = pod(contract(tmp_path, env={"A": "$(B) {port}"}), name="n", port=1234, grace=50)
    assert made["metadata"]["name"] == "n"
    assert made["spec"] == {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 50,
        "nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
        "containers": [
            {
                "name": "smoke",
                "image": REFERENCE,
                "args": ["-addr", ":1234"],
                "env": [{"name": "A", "value": "$$(B) 1234"}],
            }
        ],
    }


def test_pods_for_windows(tmp_path: Path) -> None:
    """On nodes of the image's own build, tainted or not; a HostProcess image on the node itself."""
    spec = pod(contract(tmp_path, "windows", VERSION), name="n", port=1, grace=1)["spec"]
    assert spec["nodeSelector"]["node.kubernetes.io/windows-build"] == f"10.0.{EXAMPLE.build}"
    assert [one["value"] for one in spec["tolerations"]] == ["windows", "Windows"]
    assert "securityContext" not in spec
    spec = pod(contract(tmp_path, "windows"), name="n", port=1, grace=1)["spec"]
    assert spec["hostNetwork"]
    assert spec["securityContext"]["windowsOptions"]["hostProcess"]
    assert "node.kubernetes.io/windows-build" not in spec["nodeSelector"]


def test_a_port_among_the_image_s_own_words(tmp_path: Path) -> None:
    """Entrypoint and cmd are named only where they hold the port."""
    config = {"entrypoint": ("/stand", "-addr=:{port}"), "cmd": ("x{port}",)}
    (one,) = pod(contract(tmp_path, config=config, args=()), name="n", port=7, grace=1)["spec"]["containers"]
    assert (one["command"], one["args"]) == (["/stand", "-addr=:7"], ["x7"])
    (one,) = pod(contract(tmp_path, args=()), name="n", port=7, grace=1)["spec"]["containers"]
    assert "command" not in one
    assert "args" not in one


def status(state: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A pod's status with one container in this state."""
    return {"status": {"containerStatuses": [{"state": state}] if state is not None else [], **more}}


@pytest.mark.parametrize(
    ("found", "done", "code"),
    [
        ({}, (False, ""), None),
        (status(), (False, ""), None),
        (status({}), (False, ""), None),
        (status({"running": {}}), (True, ""), None),
        (status({"terminated": {"exitCode": 3}}), (True, ""), 3),
        (status({"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file"}}), (False, "no such file"), 128),
        (status({"terminated": {"exitCode": 128, "reason": "StartError"}}), (False, "StartError"), 128),
        (status({"waiting": {"reason": "ContainerCreating"}}), (False, ""), None),
        (status({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}), (False, "ImagePullBackOff: not found"), None),
        (status({"waiting": {"reason": "InvalidImageName"}}), (False, "InvalidImageName"), None),
        (status(phase="Failed", message="evicted"), (False, "the pod has failed: evicted"), None),
        (status(phase="Failed"), (False, "the pod has failed: no reason"), None),
    ],
)  # fmt: skip
def test_what_a_status_says(found: dict[str, Any], done: tuple[bool, str], code: int | None) -> None:
    """Started or not, the exit code, and what is in vain."""
    assert (settled(found), terminated(found)) == (done, code)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({}, "no reason is given"),
        (status(conditions=[{"status": "False", "message": "0/3 nodes are available"}]), "0/3 nodes are available"),
        (status({"waiting": {"reason": "ContainerCreating"}}), "ContainerCreating"),
    ],
)  # fmt: skip
def test_what_a_pod_waits_for(found: dict[str, Any], reason: str) -> None:
    """The scheduler's word first."""
    assert pending(found) == reason


def asked(state: Path) -> list[str]:
    """The first words of each call."""
    return [" ".join(line.split()[:2]) for line in (state / "asked").read_text().splitlines()]


def test_an_image_that_cannot_be_pulled(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node's words, and the pod is taken away."""
    monkeypatch.setenv("KUBECTL_WAITS", "ImagePullBackOff")
    outcome = hold(contract(tmp_path), Cluster())
    assert outcome.findings == ("cannot be started (ImagePullBackOff: as told)",)
    assert asked(state)[-1] == "delete pod"


def test_a_pod_that_never_runs(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a time, or at once where the run is interrupted."""
    monkeypatch.setenv("KUBECTL_WAITS", "ContainerCreating")
    monkeypatch.setattr(cluster_tier, "_START_SECONDS", 0.3)
    outcome = hold(contract(tmp_path), Cluster())
    assert outcome.findings == ("cannot be started (the pod does not run within 0.3 seconds: as told)",)
    one = contract(tmp_path)
    one.cancelled.set()
    with pytest.raises(CancelledError):
        hold(one, Cluster())
    assert asked(state)[-1] == "delete pod"


def test_a_port_that_cannot_be_reached(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What port-forward says."""
    text = KUBECTL.read_text(encoding="utf-8").replace("signal.pause()", 'sys.exit("error: no route")')
    text = text.replace("Forwarding from", "Not from")
    write_script(tmp_path / "bin" / "kubectl", text, program=sys.executable)
    write_script(tmp_path / "program", "exec sleep 100")
    monkeypatch.setenv("KUBECTL_PROGRAM", str(tmp_path / "program"))
    assert hold(contract(tmp_path), Cluster()).findings == (
        "cannot be started (its port cannot be reached: error: no route)",
    )
    assert asked(state)[-1] == "delete pod"
