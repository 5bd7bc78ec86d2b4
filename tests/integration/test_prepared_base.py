# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""An image whose Dockerfile has RUN below others of the project: ordered, stacked, published, rebuilt when it must be."""

import json
from pathlib import Path

import docker
import pytest

from buildtools.cli import main
from buildtools.stores.layout import Layout
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.integration.test_engine import built, engine, write

__all__ = ["engine"]

PREPARED = "name: zbase\nplatforms: [linux/amd64]\nengine: dockerfile\ndocker: {network: host}\n"
DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN echo prepared > /prepared
"""
APP = """\
name: app
platforms: [linux/amd64]
base: image:zbase
files: [{from: app.sh, to: /app.sh, mode: "0755"}]
config: {entrypoint: [/app.sh]}
"""
TOP = (
    APP.replace("name: app", "name: top")
    .replace("image:zbase", "image:app")
    .replace("/app.sh, mode", "/top.sh, mode")
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of three images, each on the one before."""
    root = tmp_path / "project"
    write(root, "zbase", PREPARED, DOCKERFILE)
    for name, text in {"app": APP, "top": TOP}.items():
        (root / "images" / name).mkdir()
        (root / "images" / name / "image.yaml").write_text(text)
        (root / "images" / name / "app.sh").write_text("#!/bin/sh\ncat /prepared\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    return root


def test_what_stands_on_a_prepared_base(
    root: Path, engine: docker.DockerClient, registry: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Built in order however they are named; published whole, also alone; pulled and run by the engine."""
    assert main(["plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)["targets"]
    assert [target["image"] for target in plan] == ["zbase", "app", "top"]
    assert main(["build", "top", "-q"]) == 0
    layout, manifest, config = built(root, "top")
    assert len(manifest.layers) == len(config.diff_ids) == 5
    assert len(layout.missing()) == 4
    capsys.readouterr()
    assert main(["build"]) == 0
    assert main(["build"]) == 0
    assert capsys.readouterr().err.endswith("Nothing to build: all 3 variants are up to date.\n")
    place = f"{registry.host}/prepared-{free_port()}"
    assert main(["publish", "top", "-q", "--to", f"{place}/alone", "--tag", "t"]) == 0
    assert main(["publish", "-q", "--to", place, "--tag", "t"]) == 0
    for name in (f"{place}/alone/top:t", f"{place}/top:t", f"{place}/app:t"):
        assert main(["verify", name]) == 0
    image = engine.images.pull(f"{place}/top", tag="t")
    try:
        assert engine.containers.run(image, network_mode="host", remove=True) == b"prepared\n"
    finally:
        engine.images.remove(f"{place}/top:t", force=True)
    capsys.readouterr()
    assert main(["build", "top", "-q", "--full"]) == 0
    assert (
        Layout(root / "dist/oci/top").missing() == ()
        or main(["build", "top", "-q", "--full", "--force"]) == 0
    )


def test_a_changed_base_moves_what_is_above(
    root: Path, engine: docker.DockerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says why; who asks only for the top gets all below it; a base that came out the same moves nothing."""
    assert main(["build", "-q"]) == 0
    (root / "images/zbase/Dockerfile").write_text(DOCKERFILE.replace("echo prepared", "echo other"))
    capsys.readouterr()
    assert main(["plan", "--json"]) == 0
    reasons = {
        target["image"]: target["reasons"] for target in json.loads(capsys.readouterr().out)["targets"]
    }
    assert reasons == {
        "zbase": ["inputs changed: Dockerfile"],
        "app": ["its base is built first: zbase"],
        "top": ["its base is built first: app"],
    }
    before = built(root, "top")[1].layers
    assert main(["build", "top", "-q"]) == 0
    after = built(root, "top")[1].layers
    assert before[:2] == after[:2]
    assert before[2] != after[2]
    assert before[3:] == after[3:]
    capsys.readouterr()
    assert main(["build", "top"]) == 0
    assert capsys.readouterr().err.endswith("Nothing to build: the variant is up to date.\n")


def test_a_base_that_fails(
    root: Path, engine: docker.DockerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own error is told once, and nothing is stacked."""
    (root / "images/zbase/Dockerfile").write_text(f"{DOCKERFILE}RUN false\n")
    assert main(["build", "-q"]) == 1
    told = capsys.readouterr().err
    assert told.count("error: ") == 1
    assert told.startswith(
        "error: zbase linux/amd64: The command '/bin/sh -c false' returned a non-zero code: 1\n"
    )
    assert not (root / "dist/records").exists()


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("app", "image:zbase", "image:zbas", 'images/app/image.yaml:3:7: error: there is no image "zbas" in the project: did you mean image:zbase?\n'),
        ("app", "image:zbase", "image:top", "images/app/image.yaml:3:7: error: app would stand on itself: give one of the images another base\nimages/top/image.yaml:3:7: error: top would stand on itself: give one of the images another base\n"),
        ("top", "[linux/amd64]", "[linux/arm64]", "images/top/image.yaml:3:7: error: app has no linux/arm64 that top could stand on: add the platform there, or give linux/arm64 another base\n"),
    ],
)  # fmt: skip
def test_bases_that_cannot_be(
    root: Path, name: str, old: str, new: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told with their place."""
    path = root / "images" / name / "image.yaml"
    path.write_text(path.read_text().replace(old, new))
    assert main(["plan", "-q"]) == 2
    assert capsys.readouterr().err == sentence


def test_a_published_base_needs_no_engine(
    root: Path, engine: docker.DockerClient, registry: DockerRegistry, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Pinned with the definition it was built of: a machine without engine and network stacks on it, until that changes."""
    place = f"{registry.host}/own-{free_port()}"
    (root / "images/defaults.yaml").write_text(f"registry: {place}\ntags: [daily]\n")
    assert main(["pins", "app"]) == 0
    told = capsys.readouterr()
    assert told.out == "all is pinned\n"
    assert f"{place}/zbase:daily has no linux/amd64 of today's definition: publish it first\n" in told.err
    assert main(["publish", "zbase", "-q"]) == 0
    assert main(["pins", "app", "-q"]) == 0
    assert main(["pins", "app", "--check", "-q"]) == 0
    assert main(["build", "app", "-q"]) == 0
    here = built(root, "app")[1].layers
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    capsys.readouterr()
    elsewhere = tmp_path / "elsewhere"
    assert main(["build", "app", "--locked", "--dist", str(elsewhere)]) == 0
    layout = Layout(elsewhere / "oci/app")
    assert len(layout.missing()) == 3
    assert not (elsewhere / "oci/zbase").exists()
    (root / "images/app/app.sh").write_text("#!/bin/sh\ncat /prepared # daily\n")
    assert main(["publish", "app", "-q", "--locked", "--dist", str(elsewhere)]) == 0
    assert main(["verify", f"{place}/app:daily"]) == 0
    assert built(root, "app")[1].layers == here
    image = engine.images.pull(f"{place}/app", tag="daily")
    assert engine.containers.run(image, network_mode="host", remove=True) == b"prepared\n"
    engine.images.remove(f"{place}/app:daily", force=True)
    capsys.readouterr()
    assert main(["build", "app", "--locked", "--dist", str(elsewhere)]) == 0
    assert capsys.readouterr().err.endswith("Nothing to build: the variant is up to date.\n")
    (root / "images/zbase/Dockerfile").write_text(f"{DOCKERFILE}RUN true\n")
    assert main(["plan", "app", "--json", "--dist", str(elsewhere)]) == 0
    (target,) = json.loads(capsys.readouterr().out)["targets"]
    assert target["reasons"] == ["its base is built first: zbase"]
