# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""`plan --published --or-all --legs`: what a pull request's first job hands on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from tests.fakes.project import DEFAULTS
from tests.fakes.registry import FakeRegistry


@pytest.fixture
def outputs(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `plan` with an output file; gives what it was told."""

    def run(*arguments: str, code: int = 0) -> dict[str, Any]:
        path = tmp_path / "output"
        path.unlink(missing_ok=True)
        monkeypatch.setenv("GITHUB_OUTPUT", str(path))
        assert main(["plan", "-q", "--github-output", *arguments]) == code
        lines = path.read_text().splitlines() if path.exists() else []
        plain = {"registry", "host"}
        found = (line.partition("=") for line in lines)
        return {name: value if name in plain else json.loads(value) for name, _, value in found}

    return run


def test_what_differs_is_packed(project: Path, outputs: Any) -> None:
    """Nothing at first, then the image that was changed."""
    with FakeRegistry() as server:
        place = f"{server.host}/acme"
        (project / "images/defaults.yaml").write_text(DEFAULTS.replace("registry.example/acme", place))
        everything = outputs("--published", "--or-all", "--tag", "main", "--legs", "3")
        assert (everything["any"], len(everything["targets"]), len(everything["legs"]["include"])) == (
            True,
            10,
            1,
        )
        assert main(["publish", "-q", "--tag", "main"]) == 0
        shutil.rmtree(project / "dist")
        assert outputs("--published", "--tag", "main", "--legs", "3") == {
            "any": False,
            "targets": [],
            "legs": {"include": []},
            "machines": {
                "include": [
                    {"runner": "ubuntu-24.04", "os": "linux"},
                    {"runner": "ubuntu-24.04-arm", "os": "linux"},
                    {"runner": "windows-2022", "os": "windows"},
                    {"runner": "windows-2025", "os": "windows"},
                ]
            },
            "registry": place,
            "host": server.host,
        }
        (project / "images/host/host.cmd").write_text("@echo other\n")
        changed = outputs("--published", "--tag", "main", "--legs", "3")
        assert changed["legs"]["include"] == [
            {
                "name": "ubuntu-24-04-1",
                "runner": "ubuntu-24.04",
                "os": "linux",
                "targets": "host@windows/amd64",
            }
        ]


def test_a_registry_that_is_away(
    project: Path, outputs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error, or with --or-all a warning and everything."""
    monkeypatch.setenv("BUILDTOOLS_MAX_WAIT", "0")
    line = ("--against", "127.0.0.1:9/acme", "--tag", "main", "--legs", "2")
    assert outputs(*line, code=6) == {}
    assert main(["build", "-q"]) == 0
    capsys.readouterr()
    found = outputs(*line, "--or-all")
    # What lies here is no reason to leave anything out: another machine builds it.
    assert (found["any"], len(found["targets"])) == (True, 10)
    assert capsys.readouterr().err.startswith(
        "warning: what is published cannot be read, so everything is planned: 127.0.0.1:9 cannot be connected to"
    )


def test_legs_are_in_the_document(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For other CI services than GitHub's."""
    assert main(["plan", "host", "--json", "-q", "--legs", "1"]) == 0
    assert [leg["targets"] for leg in json.loads(capsys.readouterr().out)["legs"]] == ["host@windows/amd64"]


def test_another_place(project: Path, outputs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named in the outputs, and compared with; what is none is refused."""
    with FakeRegistry() as server:
        place = f"{server.host}/other"
        found = outputs("host", "--published", "--to", f"{place}/", "--tag", "main", "--legs", "1")
        assert (found["any"], found["registry"], found["host"]) == (True, place, server.host)
        assert any(line.startswith("GET /v2/other/host/") or "other/host" in line for line in server.lines())
    capsys.readouterr()
    assert outputs("--to", "acme", "--legs", "1", code=2) == {}
    assert capsys.readouterr().err == "error: 'acme' is no place for images: write docker.io/acme\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--or-all"], "error: --or-all is for a comparison: add --published or --against\n"),
        (
            ["--published"],
            "error: --published needs a registry in images/defaults.yaml: add `registry: ghcr.io/acme`, or name a place with --to or --against\n",
        ),
    ],
)
def test_options_that_lack_something(
    project: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors with a sentence."""
    defaults = project / "images/defaults.yaml"
    defaults.write_text(DEFAULTS.replace("registry: registry.example/acme\n", ""))
    assert main(["plan", "-q", *arguments]) == 2
    assert capsys.readouterr().err == sentence


def test_no_legs_at_all(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A number from one on."""
    with pytest.raises(SystemExit):
        main(["plan", "--legs", "0"])
    assert "argument --legs: '0' is not a number from 1 on" in capsys.readouterr().err
