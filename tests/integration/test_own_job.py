"""The example of a project with a job of its own: its file is fresh, and a push runs all of it."""

import shutil
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.act import passed, run_act
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.git import commit_all

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "own-job"


def test_its_file_is_what_its_module_makes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So the example stays true."""
    monkeypatch.chdir(EXAMPLE)
    assert main(["workflows", "--check"]) == 0
    assert capsys.readouterr().err == "every workflow is what workflows/*.py make\n"
    module = (EXAMPLE / "workflows" / "images.py").read_text()
    function = module[module.index("def announce") : module.index("def workflow")].strip()
    assert function in (EXAMPLE.parents[1] / "ci" / "your-own-job.md").read_text()


def test_its_job_is_told_what_was_published(
    registry: DockerRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary of the run names each image."""
    require("act")
    root, place = tmp_path / "own", f"{registry.host}/acme-{free_port()}"
    shutil.copytree(EXAMPLE, root)
    monkeypatch.chdir(root)
    (root / "images" / "defaults.yaml").write_text(f"registry: {place}\n")
    (root / ".gitignore").write_text("/dist/\n")
    assert main(["pins", "-q"]) == 0
    commit_all(root)
    run = passed(run_act("push", root, tmp_path / "act"))
    assert run.results == ["success"] * 4
    assert f"- `{place}/hello@sha256:" in run.log
