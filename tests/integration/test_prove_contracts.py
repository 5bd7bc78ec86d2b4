# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What an engine has pulled is started and held against its contract, as the job `prove` does it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from buildtools.cli import main
from tests.fakes.act import passed, run_act
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.workflows import checked_out, tags_of

IMAGE = """\
name: tool
platforms: [linux/amd64]
base: scratch
files: [{from: busybox, to: /busybox, mode: "0755"}]
config: {entrypoint: [/busybox]}
lifecycle: {args: [sh, -c, exit 3], exit: 3, within: 20}
"""
WORKFLOW = """\
from buildtools.workflow import jobs
from buildtools.workflow.model import Workflow


def workflow(plan):
    return Workflow(
        name="images",
        on=jobs.events(),
        concurrency=jobs.PER_RUN,
        jobs=jobs.gated(*jobs.images(plan, host="HOST")),
    )
"""
BROKEN = "tool linux/amd64 on docker: ended with 3, expected 0"


def put_tool(root: Path, contract: str = IMAGE) -> None:
    """The project's image with a contract."""
    folder = root / "images" / "tool"
    folder.mkdir(parents=True)
    (folder / "image.yaml").write_text(contract)
    shutil.copy(require("busybox"), folder / "busybox")


@pytest.fixture
def engine(docker_engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    """The engine of this machine; what a test leaves there is looked at through it."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    client = docker.DockerClient(base_url=docker_engine)
    yield client
    client.close()


@pytest.fixture
def published(
    tmp_path: Path,
    registry: DockerRegistry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """The index of `tool` by its digest; its project is the current folder."""
    root = tmp_path / "project"
    put_tool(root)
    place = f"{registry.host}/acme-{free_port()}"
    (root / "images" / "defaults.yaml").write_text(f"registry: {place}\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    assert main(["publish", "--tag", "1", "--json"]) == 0
    (image,) = json.loads(capsys.readouterr().out)["published"]
    return f"{place}/tool@{image['digest']}"


def test_what_came_is_started(
    published: str, engine: docker.DockerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """The very image that was pulled, without a second one; its container is gone afterwards."""
    assert main(["prove", published, "--contracts", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["what"] for one in said["images"]] == ["right"]
    assert said["contracts"]["kept"] is True
    states = {one["tier"]: one["state"] for one in said["contracts"]["results"]}
    assert states == {"checks": "kept", "docker": "kept"}
    assert engine.containers.list(all=True) == []
    assert [tag for one in engine.images.list() for tag in one.tags if "buildtools-smoke" in tag] == []
    assert engine.images.get(published).attrs["Os"] == "linux"


def test_a_contract_that_is_not_kept(
    published: str, engine: docker.DockerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """The definition is named; left out by its name, the image is only looked at."""
    Path("images/tool/image.yaml").write_text(IMAGE.replace("exit: 3,", "exit: 0,"))
    assert main(["prove", published, "--contracts"]) == 4
    told = capsys.readouterr().err
    assert f"images/tool/image.yaml: error: {BROKEN}" in told
    assert told.endswith("error: 1 error: see `buildtools verify` for what is published\n")
    assert main(["prove", published, "--contracts", "--without", "tool"]) == 0
    assert main(["prove", published]) == 0
    assert "contract" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["NAME/tool@D", "--without", "tool"], "--without leaves out contracts, and none is tried: add --contracts"),
        (["NAME/tool@D", "--contracts", "--without", "tol"], "no image is called tol: there is tool"),
        (["NAME/other@D", "--contracts"], "no definition is called other: the contract is read from the definition; there is tool"),
    ],
)  # fmt: skip
def test_what_cannot_be_tried(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Said before the engine is asked for anything."""
    put_tool(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    digest = f"sha256:{'0' * 64}"
    texts = [one.replace("NAME", "ghcr.io/acme").replace("@D", f"@{digest}") for one in arguments]
    assert main(["prove", *texts]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_a_run_is_red_where_a_contract_is_not_kept(
    project: Path,
    registry: DockerRegistry,
    vendor: DockerRegistry,
    docker_engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The generated job tries it: all else of the run has passed, and the gate has not."""
    put_tool(project, IMAGE.replace("exit: 3,", "exit: 0,"))
    place = checked_out(project, registry, monkeypatch, images=WORKFLOW)
    mirrors = {"BUILDTOOLS_MIRRORS": f"mcr.microsoft.com={vendor.host}/mcr"}
    run = passed(run_act("push", project, tmp_path / "act", DOCKER_HOST=docker_engine, **mirrors), code=1)
    assert run.results == ["failure", *["success"] * 4]
    assert BROKEN in run.log
    assert "main" in tags_of(place, "tool")
