"""The generated cluster-aks runs: whatever happens on the way, the cluster is deleted."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes import azure, mixed
from tests.fakes.act import Act, run_act
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.git import commit_all
from tests.fakes.recorder import Recorder, Rule, says

ROOT = Path(__file__).parents[2]
GUID = "00000000-0000-0000-0000-00000000000"
VARS = tuple(
    f"--var={name}={GUID}{number}"
    for number, name in enumerate(("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"))
)


@pytest.fixture
def place(dist: Path, registry: DockerRegistry) -> str:
    """Where the images of this repository are, under the tag main."""
    for image in ("whoami", "network-validator", "cni-installer"):
        target = f"docker://{registry.host}/acme/{image}:main"
        command = [require("skopeo"), "copy", "--quiet", "--all", "--dest-tls-verify=false"]
        subprocess.run([*command, f"oci:{dist / 'oci' / image}", target], check=True)
    return registry.host


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout with this repository's definitions and workflows."""
    require("act")
    root = tmp_path / "checkout"
    for name in ("images", ".github"):
        shutil.copytree(ROOT / name, root / name)
    commit_all(root)
    return root


def run(
    root: Path,
    work: Path,
    *rules: Rule,
    place: str = "127.0.0.1:9",
    name: str = "cluster-aks",
    event: str = "schedule",
    options: tuple[str, ...] = (),
) -> tuple[Act, list[str]]:
    """Run the workflow against programs that answer by these rules; gives the run and the calls."""
    recorder = Recorder(folder=work / "programs")
    recorder.script(*rules)
    mirrors = {"BUILDTOOLS_MIRRORS": f"ghcr.io=http://{place}", "BUILDTOOLS_MAX_WAIT": "0"}
    act = run_act(
        event, root, work / "act", name=name, first=recorder.folder, options=(*VARS, *options), **mirrors
    )
    return act, recorder.calls


def az(calls: list[str]) -> list[str]:
    """The words by which each call of az is known."""
    return [" ".join(call.split()[1:3]) for call in calls if call.startswith("az ")]


GONE = ["group exists", "group show", "group delete"]
MADE = ["group create", "aks create", "aks show", "aks nodepool", "aks nodepool", "aks get-credentials"]
ROLLED = "kubectl apply --filename dist/cluster"


def test_everything_works(checkout: Path, place: str, tmp_path: Path) -> None:
    """The manifests that were rolled out name the published tag; at the end the group is deleted."""
    act, calls = run(checkout, tmp_path, *azure.works(), *mixed.works(), says("kubectl"), place=place)
    assert act.code == 0, act.log
    assert az(calls) == [*MADE, *GONE]
    assert ROLLED in calls
    assert calls.index(ROLLED) < next(place for place, call in enumerate(calls) if "slow?for=8s" in call)
    (group,) = {call.split("--name ")[1].split()[0] for call in calls if call.startswith("az group")}
    assert group.startswith("buildtools-")
    kept = act.store / "artifacts" / "cluster-aks"
    texts = [path.read_text() for path in kept.rglob("*.yaml")]
    assert any("image: ghcr.io/acme/whoami:main\n" in text for text in texts)
    assert [*kept.rglob("events.txt")]


@pytest.mark.parametrize(
    ("rule", "made", "rolled"),
    [
        (says("az", "group", "create", err="boom", code=1), MADE[:1], False),
        (says("az", "aks", "create", err="boom", code=1), MADE[:2], False),
        (says("az", "aks", "nodepool", err="boom", code=1), MADE, False),
        (says("kubectl", "apply", err="boom", code=1), MADE, True),
        (
            says(
                "kubectl",
                "get",
                "pods",
                *mixed.NS,
                *mixed.VALIDATOR,
                out=mixed.items(
                    mixed.pod("v", "linux", **mixed.ended(1)), mixed.pod("w", "windows", **mixed.ended(95))
                ),
            ),
            MADE,
            True,
        ),
    ],
    ids=["group", "create", "pool", "apply", "e2e"],
)
def test_it_is_deleted_whatever_fails(
    checkout: Path, place: str, tmp_path: Path, rule: Rule, made: list[str], rolled: bool
) -> None:
    """The run fails, what comes after the fault is left out, and the group is deleted all the same."""
    act, calls = run(checkout, tmp_path, rule, *azure.works(), *mixed.works(), says("kubectl"), place=place)
    assert act.code == 1, act.log
    assert az(calls) == [*made, *GONE]
    assert (ROLLED in calls) is rolled


def test_the_sweeper(checkout: Path, tmp_path: Path) -> None:
    """It deletes the group whose time is up."""
    groups = [azure.group("old", "2020-01-01T00:00:00Z"), azure.group("new", "2999-01-01T00:00:00Z")]
    act, calls = run(
        checkout, tmp_path, says("az", "group", "list", out=groups), *azure.works(), name="cluster-sweep"
    )
    assert act.code == 0, act.log
    assert calls == [
        "az group list --tag buildtools=cluster-e2e --output json",
        "az group delete --name old --yes --no-wait",
    ]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ((), 0),
        ((says("k2s", "install", err="no virtualisation", code=1),), 1),
        ((says("kubectl", "apply", code=1),), 1),
    ],
    ids=["works", "install", "apply"],
)
def test_k2s_is_taken_away_whatever_happens(
    checkout: Path, place: str, tmp_path: Path, rules: tuple[Rule, ...], code: int
) -> None:
    """On the runner that was asked for; the last call is the one that clears up."""
    windows = mixed.node("windows")
    windows["spec"]["taints"] = [{"key": "OS", "value": "Windows", "effect": "NoSchedule"}]
    nodes = says("kubectl", "get", "nodes", out=mixed.items(mixed.node("linux"), windows))
    others = (says("net"), says("k2s"), nodes, *mixed.works(), says("kubectl"))
    options = ("--input=machine=k2s", "--input=tag=main", "--platform=k2s=-self-hosted")
    act, calls = run(
        checkout, tmp_path, *rules, *others,
        place=place, name="cluster-k2s", event="workflow_dispatch", options=options,
    )  # fmt: skip
    assert act.code == code, act.log
    assert calls[:2] == ["net stop docker", "k2s install --master-cpus 2"]
    assert calls[-1] == "k2s uninstall"
    assert (ROLLED in calls) is (not rules or rules[0].words[0] == "kubectl")
