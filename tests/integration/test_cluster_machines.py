"""`cluster up`, `down` and `sweep`: exactly which calls, in which order, and what is left where one fails."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from buildtools import aks
from buildtools.cli import main
from buildtools.programs import find
from tests.fakes.azure import deleted, group, pool, works
from tests.fakes.recorder import Recorder, says

WIN22, WIN25 = pool("win22", "Windows2022"), pool("win25", "Windows2025", "--enable-fips-image")


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Programs first on PATH."""
    made = Recorder(folder=tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
    return made


def called(recorder: Recorder) -> list[str]:
    """The calls, without what differs from run to run."""
    texts = [
        re.sub(r"expires=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "expires=TIME", call) for call in recorder.calls
    ]
    return [re.sub(r"@\S+/password", "@PASSWORD", call) for call in texts]


CREATE = [
    "az group create --name g --location westeurope --tags buildtools=cluster-e2e expires=TIME --output none",
    (
        "az aks create --resource-group g --name mixed --tier free --node-count 1 "
        "--node-vm-size Standard_D2s_v5 --network-plugin azure --network-plugin-mode overlay "
        "--generate-ssh-keys "
        "--windows-admin-username winadmin --windows-admin-password @PASSWORD --output none"
    ),
]
SHOW = "az aks show --resource-group g --name mixed --query currentKubernetesVersion --output tsv"
CREDENTIALS = "az aks get-credentials --resource-group g --name mixed --overwrite-existing"
UP = ("cluster", "up", "--provider", "aks", "--group", "g")


def test_a_cluster_with_a_pool_for_each_release(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that AKS still has with the version that it chose."""
    recorder.script(*works())
    assert main([*UP, "--json"]) == 0
    assert called(recorder) == [*CREATE, SHOW, WIN22, WIN25, CREDENTIALS]
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "kubernetes": "1.35.4",
        "pools": [
            {"name": "win22", "release": "ltsc2022", "made": True, "fault": ""},
            {"name": "win25", "release": "ltsc2025", "made": True, "fault": ""},
        ],
    }


def test_a_newer_kubernetes_has_fewer(recorder: Recorder) -> None:
    """Windows Server 2022 ends with 1.36; what is asked for is handed on."""
    recorder.script(*works(version="1.37.0"))
    assert main([*UP, "--kubernetes", "1.37", "--kubeconfig", "k", "-q"]) == 0
    assert called(recorder)[1:] == [
        CREATE[1].replace("--tier free", "--tier free --kubernetes-version 1.37"),
        SHOW,
        WIN25,
        f"{CREDENTIALS} --file k",
    ]


def test_the_password_is_strong_hidden_and_gone(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in no argument and no output but the line that masks it; its file is gone afterwards."""
    recorder.script(*works())
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main([*UP]) == 0
    (password,) = recorder.files
    assert len(password) >= 14
    assert all(re.search(kind, password) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
    err = capsys.readouterr().err
    assert err.count(password) == err.count(f"::add-mask::{password}\n") == 1
    assert err.index("::add-mask::") < err.index("az aks create")
    assert not any(password in call for call in recorder.calls)
    (path,) = re.findall(r"@(\S+/password)", recorder.calls[1])
    assert not Path(path).exists()


def test_a_create_that_fails_says_how_to_clear_up(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing more is made; the group is there, and `down` deletes it."""
    recorder.script(says("az", "aks", "create", err="(QuotaExceeded) no cores left", code=1), *works())
    assert main([*UP]) == 1
    err = " ".join(capsys.readouterr().err.split())
    assert "delete what was made: buildtools cluster down --provider aks --group g" in err
    assert "error: az aks create failed: (QuotaExceeded) no cores left" in err
    assert called(recorder) == CREATE
    assert main(["cluster", "down", "--provider", "aks", "--group", "g"]) == 0
    assert called(recorder)[2:] == deleted()


def test_an_interrupt_says_how_to_clear_up(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was made by then stays, and a person is told how it goes."""
    recorder.script(*works())

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(aks, "_add", interrupted)
    assert main([*UP]) == 130
    assert "delete what was made: buildtools cluster down --provider aks --group g" in capsys.readouterr().err


def test_a_pool_that_fails_does_not_keep_the_others(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is made and can be looked at; exit code 9."""
    recorder.script(says("az", "aks", "nodepool", also=("win22",), err="(SkuNotAvailable)", code=3), *works())
    assert main([*UP]) == 9
    assert called(recorder) == [*CREATE, SHOW, WIN22, WIN25, CREDENTIALS]
    assert (
        "1 of 2 Windows pools are missing: ltsc2022: az aks nodepool failed: (SkuNotAvailable): "
        "delete what was made: buildtools cluster down --provider aks --group g"
    ) in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "--provider aks needs --group: name a resource group that is not there yet"),
        (("--group", "g", "--kubernetes", "new"), "--kubernetes new is no version: write it as 1.36"),
        (
            ("--group", "g", "--release", "ltsc2019"),
            "AKS has no pool of ltsc2019: it has ltsc2022, ltsc2025",
        ),
        (
            ("--group", "g", "--release", "ltsc2022", "--kubernetes", "1.37"),
            "AKS has no pool of ltsc2022 with Kubernetes 1.37: it has ltsc2025 with Kubernetes 1.37",
        ),
    ],
)
def test_what_cannot_be_made(
    recorder: Recorder, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    """It is said before anything is made."""
    recorder.script(*works())
    assert main(["cluster", "up", "--provider", "aks", "-q", *words]) == 2
    assert " ".join(capsys.readouterr().err.split()) == f"error: {sentence}"
    assert recorder.calls == []


def test_a_version_without_any_windows(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """The cluster is there by then, so how it is deleted is said, too."""
    recorder.script(*works(version="1.24.1"))
    assert main([*UP]) == 1
    err = " ".join(capsys.readouterr().err.split())
    assert "AKS has no Windows pool for Kubernetes 1.24.1: it has ltsc2022, ltsc2025" in err
    assert "delete what was made" in err


DOWN = ("cluster", "down", "--provider", "aks", "--group", "g")


def test_down_deletes_nothing_of_others(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """A group without our tag stays."""
    recorder.script(says("az", "group", "show", out={"team": "x"}), *works())
    assert main([*DOWN, "-q"]) == 2
    assert " ".join(capsys.readouterr().err.split()) == (
        "error: the resource group g has no tag buildtools=cluster-e2e, so it was not made here: "
        "delete it with `az group delete`, if it is to go"
    )
    assert recorder.calls == deleted()[:2]


def test_down_of_nothing(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not there is deleted."""
    recorder.script(says("az", "group", "exists", out="false\n"))
    assert main([*DOWN]) == 0
    assert "there is no group g: nothing to delete" in capsys.readouterr().err
    assert recorder.calls == deleted()[:1]
    assert main(["cluster", "down", "--provider", "aks"]) == 2


NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OLD, NEW = "2026-11-25T11:59:59Z", "2026-11-25T12:00:01Z"


def test_sweep_deletes_what_is_ours_and_over(recorder: Recorder) -> None:
    """Not what has time left, has no readable time, or is somebody else's."""
    groups = [
        group("old", OLD),
        group("new", NEW),
        group("odd", "tomorrow"),
        group("older", "2025-01-01T00:00:00Z"),
        {"name": "theirs", "tags": {"expires": OLD}},
        {"name": "bare", "tags": None},
    ]
    recorder.script(says("az", "group", "list", out=groups), *works())
    found = aks.sweep(find(aks.KIND), NOW)
    assert [(one.group, one.what) for one in found] == [
        ("old", f"deleted: its time was up at {OLD}"),
        ("new", f"kept until {NEW}"),
        ("odd", "kept: its tag expires is no time: 'tomorrow'"),
        ("older", "deleted: its time was up at 2025-01-01T00:00:00Z"),
    ]
    assert recorder.calls == [
        "az group list --tag buildtools=cluster-e2e --output json",
        "az group delete --name old --yes --no-wait",
        "az group delete --name older --yes --no-wait",
    ]


SWEEP = ("cluster", "sweep", "--provider", "aks", "--json", "-q")


def test_sweep_of_nothing(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list is a result."""
    recorder.script(says("az", "group", "list", out=[]))
    assert main([*SWEEP]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "groups": []}
    recorder.script(says("az", "group", "list", out={}))
    assert main([*SWEEP]) == 1


def test_a_group_that_cannot_be_swept_does_not_keep_the_others(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are deleted; exit code 9."""
    old = "2020-01-01T00:00:00Z"
    recorder.script(
        says("az", "group", "list", out=[group("a", old), group("b", old)]),
        says("az", "group", "delete", "--name", "a", err="(AuthorizationFailed) no", code=1),
        says("az", "group", "delete"),
    )
    assert main([*SWEEP]) == 9
    out = json.loads(capsys.readouterr().out)
    assert [one["what"] for one in out["groups"]] == ["not deleted", f"deleted: its time was up at {old}"]
    assert recorder.calls[-1] == "az group delete --name b --yes --no-wait"


@pytest.mark.parametrize(
    ("err", "code"),
    [("ERROR: Please run 'az login' to setup account.", 5), ("Max retries exceeded with url", 6), ("", 1)],
)
def test_what_az_complains_of(
    recorder: Recorder, capsys: pytest.CaptureFixture[str], err: str, code: int
) -> None:
    """Its kind is the exit code."""
    recorder.script(says("az", err=err, code=1))
    assert main([*SWEEP]) == code
    assert (err or "it says nothing") in capsys.readouterr().out.replace("\\", "")


def test_a_missing_az(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 7."""
    monkeypatch.setenv("PATH", "/nonexistent")
    for words in (UP, DOWN, SWEEP[:-2]):
        assert main([*words]) == 7
        assert "az is not on PATH: install the Azure CLI" in " ".join(capsys.readouterr().err.split())


def test_k2s_is_installed_after_docker_is_stopped_and_taken_away(recorder: Recorder) -> None:
    """A Docker that is not there is no obstacle."""
    recorder.script(says("net", "stop", "docker", err="not started", code=2), says("k2s"))
    assert main(["cluster", "up", "--provider", "k2s", "-q"]) == 0
    assert main(["cluster", "down", "--provider", "k2s", "-q"]) == 0
    assert recorder.calls == ["net stop docker", "k2s install --master-cpus 2", "k2s uninstall"]
    recorder.script(says("net"), says("k2s", err="must be run as Administrator", code=1))
    assert main(["cluster", "up", "--provider", "k2s", "-q", "--master-cpus", "4"]) == 5
    assert main(["cluster", "down", "--provider", "k2s", "--k2s", "/nowhere/k2s"]) == 7
