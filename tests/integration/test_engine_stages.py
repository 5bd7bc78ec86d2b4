# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Stages that an engine builds for images that are assembled, and what engine and assembling have in common."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.building_engine import BuildingEngine
from tests.fakes.interrupted import interrupt_build
from tests.integration.test_dockerfile_windows import images
from tests.integration.test_engine import built, names_in, write

WINDOWS = "name: app\nplatforms: ['windows/amd64:ltsc2022']\nengine: dockerfile\ndocker: {network: host}\n"
STAGES = """\
FROM mcr.microsoft.com/windows/nanoserver:ltsc2022 AS windows
COPY kept.txt C:/kept.txt
FROM --platform=$BUILDPLATFORM scratch AS build
ARG TARGETOS
ARG TARGETARCH
COPY . /
RUN ["/busybox", "sh", "-c", "/busybox ls > /list; echo $TARGETOS $TARGETARCH > /made"]
FROM windows
COPY --from=build /made /list C:/
"""
BUILD = ["build", "-q", "--stand-in-bases"]
STAGE = "stage build of images/app/Dockerfile"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose Windows image has files of a Linux stage with RUN; the folder of the image."""
    root = tmp_path / "project"
    folder = write(root, "app", WINDOWS, STAGES)
    (folder / "kept.txt").write_text("kept\n")
    (folder / "secret.txt").write_text("secret\n")
    (folder / ".dockerignore").write_text("kept.txt\n")
    (folder / "Dockerfile.dockerignore").write_text("secret.txt\nDockerfile*\nimage.yaml\n.dockerignore\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    return folder


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[BuildingEngine]:
    """An engine of recorded answers."""
    folder = Path(tempfile.mkdtemp(prefix="buildtools-"))
    with BuildingEngine(socket=folder / "s") as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        yield fake
    shutil.rmtree(folder)


def test_only_what_the_stage_needs(
    app: Path, docker_engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Windows stage in front is none of the Linux engine's; automatic arguments are the target's."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    assert main(BUILD) == 0
    ((_, _, files),) = images(app.parents[1], "app")
    assert files["Files/made"] == b"windows amd64\n"
    assert files["Files/list"] == b"busybox\ndev\netc\nkept.txt\nlist\nproc\nsys\n"
    assert files["Files/kept.txt"] == b"kept\n"
    capsys.readouterr()
    assert main(["verify", "oci:dist/oci/app", "--json"]) == 0
    codes = {finding["code"] for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert "stand-in" in codes
    assert "base-unknown" not in codes


def test_the_rules_of_the_dockerfile_hold_for_the_engine(
    app: Path, docker_engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `Dockerfile.dockerignore` names is in no layer, and BUILDPLATFORM is known in FROM."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    (app / "image.yaml").write_text(WINDOWS.replace("windows/amd64:ltsc2022", "linux/amd64"))
    (app / "Dockerfile").write_text(
        'FROM --platform=$BUILDPLATFORM scratch\nCOPY . /\nRUN ["/busybox", "true"]\nCMD ["/busybox"]\n'
    )
    assert main(["build", "-q"]) == 0
    layout, manifest, _ = built(app.parents[1], "app")
    assert names_in(layout, manifest) == ["busybox", "kept.txt"]


def test_a_forced_build_without_an_engine(
    app: Path, docker_engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there is no success of this run; and a native tier runs what an engine has built."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    (app / "image.yaml").write_text(
        WINDOWS.replace("windows/amd64:ltsc2022", "linux/amd64") + "lifecycle: {exit: 0}\n"
    )
    (app / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/\nRUN ["/bin/busybox", "ln", "-s", "/bin/busybox", "/bin/true"]\n'
        'CMD ["/bin/true"]\n'
    )
    assert main(["build", "-q"]) == 0
    assert main(["smoke", "-q", "--tier", "native"]) == 0
    monkeypatch.setenv("DOCKER_HOST", f"unix://{app}/nothing")
    capsys.readouterr()
    assert main(["build", "-q", "--force"]) == 7
    assert capsys.readouterr().err == (
        f"error: no Docker Engine answers at unix://{app}/nothing (DOCKER_HOST): there is nothing of this name: "
        "start a Docker Engine, name one in DOCKER_HOST or with `docker context use`, or describe the image with "
        "`files`, which needs none\n"
    )


def test_an_error_in_a_stage(app: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]) -> None:
    """With the last lines of output."""
    engine.lines = [
        {"stream": "Step 1/2 : RUN x\n"},
        {"errorDetail": {"code": 1, "message": "The command 'x' returned a non-zero code: 1"}, "error": "y"},
    ]
    assert main(BUILD) == 1
    assert capsys.readouterr().err == (
        f"error: {STAGE}: The command 'x' returned a non-zero code: 1\n    Step 1/2 : RUN x\n"
    )


def test_an_engine_that_ends_in_the_middle_of_a_stage(
    app: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id without the last line is that of another stage, whose files are never taken for this one's."""
    engine.lines = [{"stream": "Step 1/2 : FROM scratch\n"}, {"aux": {"ID": "sha256:" + "1" * 64}}]
    assert main(BUILD) == 1
    assert capsys.readouterr().err == (
        f"error: {STAGE}: the Docker Engine ended in the middle of the build\n"
        "    Step 1/2 : FROM scratch: see the engine's own log; build again once it runs\n"
    )


def test_silence_in_a_stage(
    app: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up as everywhere."""
    monkeypatch.setenv("BUILDTOOLS_ENGINE_SILENCE", "1")
    engine.lines, engine.hang = [{"stream": "Step 1/2 : FROM scratch\n"}], True
    assert main(BUILD) == 1
    assert capsys.readouterr().err == (
        f"error: {STAGE}: the Docker Engine said nothing for 1 seconds while building\n"
        "    Step 1/2 : FROM scratch: let long steps print something, or raise BUILDTOOLS_ENGINE_SILENCE\n"
    )


def test_an_interrupted_stage(app: Path, docker_engine: str) -> None:
    """Ctrl-C ends it soon, on the engine, too."""
    (app / "Dockerfile").write_text(
        STAGES.replace('"sh", "-c", "/busybox ls > /list; echo $TARGETOS $TARGETARCH > /made"', '"sleep", "302"')
    )  # fmt: skip
    interrupt_build(docker_engine, BUILD)
