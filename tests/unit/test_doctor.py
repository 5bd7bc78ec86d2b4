# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What `doctor` finds on machines that have nothing, little and broken things."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildtools import doctor
from buildtools.cli import main
from buildtools.doctor import TOOLS, registries
from buildtools.settings import Settings
from buildtools.tiers import TIERS
from buildtools.workspace import Workspace
from tests.fakes.project import make_project

Install = Callable[[str, str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts programs on a PATH that has no others; there is no engine, no project and nobody to log in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    for name in ("HOME", "DOCKER_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)

    def put(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return put


def found(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> dict[tuple[str, str], Any]:
    """The document's findings by kind and name."""
    assert main(["doctor", "-q", "--json", *args]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    return {(one["kind"], one["name"]): one for one in document["found"]}


@pytest.mark.usefixtures("install")
def test_a_machine_that_has_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything is named, with what it is good for and how one gets it; that is no fault."""
    told = found(capsys)
    assert [name for kind, name in told if kind == "tool"] == [
        "python", *(one.name for one in TOOLS), "engine", "context",
    ]  # fmt: skip
    assert [name for kind, name in told if kind == "tier"] == [row.name for row in TIERS]
    assert told["tool", "python"]["there"]
    for name in ("git", "wine", "az"):
        one = told["tool", name]
        assert (one["there"], one["what"]) == (False, "not on PATH")
        assert one["good_for"]
        assert one["get"]
    assert told["tool", "engine"]["what"].startswith("no Docker Engine answers at ")
    assert told["tool", "context"]["what"] == "no kubectl"
    assert told["tier", "docker"]["what"].startswith("no Docker Engine answers at ")
    assert told["registry", "ghcr.io"]["what"] == "no credentials: it is asked anonymously"


def test_programs(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its version; one that hangs, fails or cannot be started is missing, with the reason."""
    go = install("go", '[ "$GOTOOLCHAIN" = local ] && echo "go version go1.27.3 linux/amd64"')
    wine = install("wine", 'echo "wine-8.0 (Debian 8.0~repack-4)"')
    odd = install("gh", "echo hello")
    install("git", "echo broken >&2; exit 3")
    install("az", "exit 3")
    install("node", "exec /bin/sleep 100")
    (Path(go).parent / "kubectl").write_bytes(b"\0")
    (Path(go).parent / "kubectl").chmod(0o755)
    monkeypatch.setattr(doctor, "_SECONDS", 1.0)
    told = found(capsys)
    assert {
        name: told["tool", name]["what"] for name in ("go", "wine", "gh", "git", "az", "node", "kubectl")
    } == {
        "go": f"1.27.3 at {go}",
        "wine": f"8.0 at {wine}",
        "gh": f"of unknown version at {odd}",
        "git": "does not answer (broken)",
        "az": "does not answer (it ended with 3)",
        "node": "does not answer (nothing within 1 seconds)",
        "kubectl": "does not answer (Exec format error)",
    }
    assert told["tool", "go"]["there"]
    assert not told["tool", "git"]["there"]


def test_the_current_context(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named; without one kubectl says so."""
    install("kubectl", '[ "$*" = "config current-context" ] && echo kind-a || echo "Client Version: v1.32.4"')
    told = found(capsys)
    assert told["tool", "context"]["what"] == "kubectl's current context is kind-a"
    assert told["tool", "context"]["there"]
    install("kubectl", 'echo "error: current-context is not set" >&2; exit 1')
    assert found(capsys)["tool", "context"]["what"] == "current-context is not set"


def test_credentials(install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where they are, and never what they are; a file that cannot be read is said."""
    assert install
    auths = {"auths": {"ghcr.io": {"auth": "bWU6c2VjcmV0LXdvcmQ="}}}
    (tmp_path / "config.json").write_text(json.dumps(auths))
    told = found(capsys)
    assert told["registry", "ghcr.io"]["what"].startswith("credentials in ")
    assert "secret-word" not in json.dumps([*told.values()])
    (tmp_path / "config.json").write_text("{")
    assert "config.json" in found(capsys)["registry", "ghcr.io"]["what"]


def test_what_is_required(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    """7 where it is missing, 2 where nothing has that name."""
    install("git", "echo git version 2.39.5")
    found(capsys, "--require", "git,python")
    assert main(["doctor", "-q", "--require", "git,gh", "--require", "az, git"]) == 7
    assert capsys.readouterr().err == (
        "error: missing is tool az: not on PATH; tool gh: not on PATH: learn.microsoft.com/cli/azure; cli.github.com\n"
    )
    assert main(["doctor", "-q", "--require", "wime"]) == 2
    assert capsys.readouterr().err.startswith("error: nothing is called wime: there is az, ")
    with pytest.raises(SystemExit):
        main(["doctor", "--require", ","])
    assert "argument --require: it names nothing" in capsys.readouterr().err


@pytest.mark.usefixtures("install")
def test_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its registries count; a broken one is no matter here, one that is named and not there is."""
    root = make_project(tmp_path / "p")
    workspace = Workspace(root=root, dist=root / "dist", settings=Settings())
    assert registries(Settings(), workspace.project) == ("registry.example", "mcr.microsoft.com")
    assert ("registry", "registry.example") in found(capsys, "-C", str(root))
    (root / "images" / "defaults.yaml").write_text("x: y\n")
    assert ("registry", "docker.io") in found(capsys, "-C", str(root))
    assert main(["doctor", "-q", "-C", str(tmp_path / "gone")]) == 2
    settings = Settings(registry_host="r.example", registry_username="a", registry_password="b")
    assert registries(settings, None)[0] == "r.example"


def test_the_table(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    """A thing a row."""
    install("git", "echo git version 2.39.5")
    assert main(["doctor", "-q"]) == 0
    out = capsys.readouterr().out
    assert "yes   2.39.5 at" in out
    assert "how to get it" in out
