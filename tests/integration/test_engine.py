# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Dockerfiles with RUN through a real Docker Engine: built, taken out, published, pulled back by tag, run."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from buildtools.cli import main
from buildtools.oci.config import ConfigSettings, ImageConfig, build_config
from buildtools.oci.documents import Manifest
from buildtools.oci.layer import LINUX, Entry, write_layer
from buildtools.oci.platform import Platform
from buildtools.stores.layout import Layout
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry, free_port

IMAGE = """\
name: tool
platforms: [linux/amd64]
engine: dockerfile
docker: {network: host}
args: {GREETING: hello, UNUSED: "{os}"}
config: {ports: [8080]}
"""
DOCKERFILE = """\
# syntax is that of the engine
ARG BASE=scratch
FROM ${BASE} AS build
ARG GREETING=none
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin; echo $GREETING > /made"]
FROM scratch
COPY --from=build /bin/ /bin/
COPY --from=build /made /made
COPY . /context/
RUN cat /made > /ran
WORKDIR /context
CMD ["cat", "/ran"]
"""

WINDOWS = """\
name: win
platforms: [windows/amd64]
base: nanoserver
files: [{from: hello.cmd, to: 'C:\\hello.cmd'}]
config: {entrypoint: ['C:\\hello.cmd']}
"""


@pytest.fixture
def engine(docker_engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    """A client of the engine that the builds of this test use, with nothing left of earlier ones."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    client = docker.DockerClient(base_url=docker_engine)
    yield client
    client.images.prune({"dangling": True})
    client.close()


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one image that has a Dockerfile, and the folder of that."""
    root = tmp_path / "project"
    folder = write(root, "tool", IMAGE, DOCKERFILE)
    (folder / ".dockerignore").write_text("busybox\n!busybox\n*.log\nimage.yaml\n")
    (folder / "kept.txt").write_text("kept\n")
    (folder / "left.log").write_text("left out\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    return folder


def write(root: Path, name: str, image: str, dockerfile: str) -> Path:
    """An image with a Dockerfile and a busybox beside it."""
    folder = root / "images" / name
    folder.mkdir(parents=True)
    (folder / "image.yaml").write_text(image)
    (folder / "Dockerfile").write_text(dockerfile)
    shutil.copy(require("busybox"), folder / "busybox")
    return folder


def built(root: Path, name: str = "tool") -> tuple[Layout, Manifest, ImageConfig]:
    """The first image in a layout."""
    layout = Layout(root / "dist/oci" / name)
    (entry,) = layout.entries()
    first = json.loads(layout.get_manifest(entry.digest)[1])["manifests"][0]["digest"]
    manifest = Manifest.parse(layout.get_manifest(first)[1])
    with layout.get_blob(manifest.config) as file:
        return layout, manifest, ImageConfig.parse(file.read())


def test_a_dockerfile_with_run(
    tool: Path, engine: docker.DockerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Built once, whole, without ids and times of the engine; not again while its ingredients are the same."""
    assert main(["build"]) == 0
    told = capsys.readouterr().err
    assert "tool linux/amd64: Step 11/12 : WORKDIR /context\n" in told
    root = tool.parents[1]
    layout, manifest, config = built(root)
    assert layout.missing() == ()
    assert len(manifest.layers) == len(config.diff_ids) == 4
    assert config.labels["org.opencontainers.image.title"] == "tool"
    assert (config.cmd, config.working_dir, config.exposed_ports) == (
        ("cat", "/ran"),
        "/context",
        ("8080/tcp",),
    )
    assert {entry.created for entry in config.history} == {"2026-01-01T00:00:00Z"}
    assert not config.document.keys() & {"container", "container_config", "docker_version"}
    assert engine.containers.list(all=True) == []
    assert main(["check", "oci:dist/oci/tool"]) == 0
    assert main(["verify", "oci:dist/oci/tool"]) == 0
    capsys.readouterr()
    assert main(["build"]) == 0
    assert capsys.readouterr().err.endswith("Nothing to build: the variant is up to date.\n")
    (tool / "left.log").write_text("ignored, so nothing changed\n")
    assert main(["plan", "--exit-code", "-q"]) == 0
    (tool / "kept.txt").write_text("another\n")
    capsys.readouterr()
    assert main(["plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["targets"][0]["reasons"] == ["inputs changed: kept.txt"]


def test_published_beside_windows_and_run_by_tag(
    tool: Path, project: Path, registry: DockerRegistry, engine: docker.DockerClient
) -> None:
    """One index with assembled Windows variants; the engine pulls its entry by tag, runs it, stops it."""
    assert tool == project / "images/tool"
    (project / "images/win").mkdir()
    (project / "images/win/image.yaml").write_text(WINDOWS)
    (project / "images/win/hello.cmd").write_text("@echo hello\n")
    place = f"{registry.host}/engine-{free_port()}"
    assert main(["publish", "tool", "win", "-C", str(project), "-q", "--to", place, "--tag", "t"]) == 0
    assert main(["index", "create", f"{place}/both:t", f"{place}/tool:t", f"{place}/win:t"]) == 0
    assert main(["verify", f"{place}/both:t"]) == 0
    name = f"{place}/both"
    image = engine.images.pull(name, tag="t")
    assert engine.containers.run(image, network_mode="host", remove=True) == b"hello\n"
    container = engine.containers.run(image, ["sleep", "600"], network_mode="host", detach=True)
    try:
        container.stop(timeout=1)
        assert container.wait(timeout=30)["StatusCode"] == 137
        assert (
            engine.containers.run(image, ["ls", "/context"], network_mode="host", remove=True)
            == b"Dockerfile\nbusybox\nkept.txt\n"
        )
    finally:
        container.remove(force=True)
        engine.images.remove(f"{name}:t", force=True)


def test_a_base_is_taken_by_its_digest(
    tool: Path,
    registry: DockerRegistry,
    engine: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """FROM by tag is pinned, read at the mirror, and its layers stay there; a tag that moved changes nothing."""
    busybox = Path(require("busybox")).read_bytes()
    name = f"engine-base-{free_port()}"
    put_program(registry, f"{name}/busybox", busybox, "one")
    monkeypatch.setenv("BUILDTOOLS_MIRRORS", f"docker.io/acme={registry.host}/{name}")
    (tool / "Dockerfile").write_text(
        'ARG NAME=busybox\nFROM acme/$NAME AS x\nRUN ["/busybox", "cp", "/said", "/copied"]\n'
    )
    assert main(["pins", "-q"]) == 0
    put_program(registry, f"{name}/busybox", busybox, "two")
    assert main(["build", "-q", "--locked"]) == 0
    layout, manifest, config = built(tool.parents[1])
    assert len(config.diff_ids) == 2
    assert layout.missing() == (manifest.layers[0],)
    assert manifest.annotations["org.opencontainers.image.base.name"] == "docker.io/acme/busybox:latest"
    place = f"{registry.host}/engine-{free_port()}"
    assert main(["publish", "-q", "--locked", "--to", place, "--tag", "t"]) == 0
    verify = ["verify", f"{place}/tool:t", "--expect", "images/tool/image.yaml"]
    assert main(verify) == 0
    capsys.readouterr()
    assert main(["pins", "--check", "-q"]) == 3
    assert main(["pins", "--update", "-q"]) == 0
    capsys.readouterr()
    assert main(verify) == 4
    assert "does not stand on the pinned base docker.io/acme/busybox:latest" in capsys.readouterr().err
    assert main(["plan"]) == 0
    assert "base moved: docker.io/acme/busybox:latest@" in capsys.readouterr().out


def put_program(registry: DockerRegistry, name: str, program: bytes, said: str) -> None:
    """An image of one program and one text under the tag `latest`."""
    out = io.BytesIO()
    files = {"busybox": program, "said": said.encode()}
    entries = [
        Entry(path=path, size=len(data), mode=0o755, open=lambda data=data: io.BytesIO(data))  # type: ignore[misc] # bound now
        for path, data in files.items()
    ]
    layer = write_layer(entries, out, system=LINUX, epoch=0)
    config = build_config(
        None, platform=Platform(os="linux", architecture="amd64"), settings=ConfigSettings(),
        diff_ids=(layer.diff_id,), history=("x",), created="2026-01-01T00:00:00Z",
    )  # fmt: skip
    manifest = Manifest.build(config=config.descriptor, layers=(layer.descriptor,))
    registry.put_blob(name, out.getvalue())
    registry.put_blob(name, config.raw)
    registry.put_manifest(name, manifest.raw, manifest.media_type, tag="latest")


IGNORES = [
    "*.log",
    "**/*.log",
    "!keep.log\n*.log",
    "*.log\n!keep.log",
    "sub",
    "sub/\n!sub/deep/b.txt",
    "/sub/deep",
    "./a.txt",
    "sub/*",
    "*\n!a.txt",
    "*/*.txt",
    "**/deep",
    "# comment\n\n  a.txt  \n#a.txt",
    "a.tx?",
    "[ab].txt",
    "Dockerfile\n.dockerignore",
    "../x\nsub/../a.txt",
    "s*\n!sub/keep.log",
]


@pytest.mark.parametrize("ignore", IGNORES)
def test_dockerignore_is_read_as_docker_reads_it(
    tool: Path, engine: docker.DockerClient, ignore: str, docker_engine: str
) -> None:
    """The same files are in the image as where Docker's own client sends the context."""
    client = require("docker")
    for path in (
        "a.txt",
        "b.txt",
        "keep.log",
        "x.log",
        "sub/c.txt",
        "sub/keep.log",
        "sub/deep/b.txt",
        "sub/deep/y.log",
    ):
        (tool / path).parent.mkdir(parents=True, exist_ok=True)
        (tool / path).write_text(path)
    (tool / "Dockerfile").write_text("FROM scratch\nCOPY . /c/\n")
    (tool / ".dockerignore").write_text(ignore)
    assert main(["build", "-q"]) == 0
    _, manifest, _config = built(tool.parents[1])
    ours = names_in(Layout(tool.parents[1] / "dist/oci/tool"), manifest)
    environment = {**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_HOST": docker_engine}
    done = subprocess.run(
        [client, "build", "-q", str(tool)], env=environment, capture_output=True, text=True, check=True
    )
    saved = io.BytesIO(b"".join(engine.api.get_image(done.stdout.strip())))
    with tarfile.open(fileobj=saved) as archive:
        layer = next(name for name in archive.getnames() if name.endswith("layer.tar"))
        found = archive.extractfile(layer)
        assert found is not None
        with tarfile.open(fileobj=io.BytesIO(found.read())) as inner:
            theirs = sorted(inner.getnames())
    engine.images.remove(done.stdout.strip(), force=True)
    assert ours == theirs


def names_in(layout: Layout, manifest: Manifest) -> list[str]:
    """All paths of the one layer."""
    with (
        layout.get_blob(manifest.layers[0]) as blob,
        tarfile.open(fileobj=io.BytesIO(blob.read())) as archive,
    ):
        return sorted(archive.getnames())
