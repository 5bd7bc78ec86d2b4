"""Windows Dockerfiles built on Linux: the shapes of public projects, on bases of a real registry."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.oci.compress import inflated
from buildtools.oci.config import ConfigSettings, ImageConfig, build_config
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Index, Manifest
from buildtools.oci.layer import LINUX as LINUX_LAYER
from buildtools.oci.layer import Entry, LayerFormat, write_layer
from buildtools.oci.pieces import PieceReader
from buildtools.oci.platform import Platform
from buildtools.oci.tar import read_tar
from buildtools.stores.base import read_document
from buildtools.stores.layout import Layout
from buildtools.windows.layer import WINDOWS as WINDOWS_LAYER
from tests.fakes.bases import BUILDS, linux, put_base, put_base_index, windows
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.windows_dockerfiles import SHAPES, Shape

DLL = "Windows/System32/netapi32.dll"


def put_image(registry: DockerRegistry, name: str, platform: Platform, system: LayerFormat) -> Descriptor:
    """Seed an image with a DLL in its second layer, which takes a file of the first one away."""
    blobs, layers = [], []
    gone = Entry(path="Windows/gone.txt", size=1, open=lambda: io.BytesIO(b"g"))
    dll = Entry(path=DLL, size=3, open=lambda: io.BytesIO(b"dll"))
    for entries in ([gone], [dll]):
        blob = io.BytesIO()
        layers.append(write_layer(entries, blob, system=system, epoch=0))
        blobs.append(blob.getvalue())
    config = build_config(
        None, platform=platform, settings=ConfigSettings(), diff_ids=[layer.diff_id for layer in layers],
        history=("a", "b"), created="2026-01-01T00:00:00Z",
    )  # fmt: skip
    manifest = Manifest.build(config=config.descriptor, layers=[layer.descriptor for layer in layers])
    for blob in (*blobs, config.raw):
        registry.put_blob(name, blob)
    put = registry.put_manifest(name, manifest.raw, manifest.media_type)
    return Descriptor(media_type=put.media_type, size=put.size, digest=put.digest, platform=platform)


@pytest.fixture
def shelf(project: Path, vendor: DockerRegistry) -> Path:
    """The project with an empty image folder, and everything in the registry that the shapes stand on."""
    for folder in (project / "images").iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    for tag, version in BUILDS.items():
        entry = put_image(vendor, "mcr/windows/servercore", windows(version), WINDOWS_LAYER)
        put_base_index(vendor, "mcr/windows/servercore", "ltsc2019" if tag == "1809" else tag, [entry])
    cache = put_image(vendor, "mcr/cache", linux(), LINUX_LAYER)
    put_base_index(vendor, "mcr/cache", "1.0-linux-amd64", [cache])
    name = "mcr/oss/kubernetes/windows-host-process-containers-base-image"
    put_base_index(
        vendor, name, "v1.0.0", [put_base(vendor, name, Platform(os="windows", architecture="amd64"))]
    )
    return project


def write(root: Path, shape: Shape) -> None:
    """Put a shape into the project."""
    folder = root / "images" / shape.name
    for name, text in {**shape.context, "Dockerfile": shape.text}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "image.yaml").write_text(
        f"name: {shape.name}\nplatforms: [windows/amd64]\nengine: dockerfile\n{shape.definition}"
    )


def images(root: Path, name: str) -> list[tuple[Manifest, ImageConfig, dict[str, bytes]]]:
    """Manifest, config and the files of the last layer of every image."""
    layout = Layout(root / "dist" / "oci" / name)
    (entry,) = layout.entries()
    index = Index.parse(layout.get_manifest(entry.digest)[1], entry.media_type)
    found = []
    for one in index.manifests:
        manifest = Manifest.parse(layout.get_manifest(one.digest)[1], one.media_type)
        with layout.get_blob(manifest.layers[-1]) as blob:
            files = {item.name: body.read() for item, body in read_tar(PieceReader(inflated(blob)))}
        found.append((manifest, ImageConfig.parse(read_document(layout, manifest.config)), files))
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_public_shape(shape: Shape, shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It builds unchanged, for every release, holds what it copies, and nothing is wrong with it."""
    write(shelf, shape)
    assert main(["build", "-q"]) == 0
    made = images(shelf, shape.name)
    assert len(made) == (1 if shape.name == "hpc-tool" else len(BUILDS))
    for manifest, config, files in made:
        assert sorted(files) == sorted(["Files", "Hives", *(f"Files/{path}" for path in shape.paths)])
        document = config.document["config"]
        assert {key: document.get(key) for key in shape.config} == shape.config
        assert len(manifest.layers) == 2
    # All releases share the layer, unless it is made of something that differs between them.
    assert len({manifest.layers[-1].digest for manifest, *_ in made}) == 1
    if any(path.endswith(".dll") for path in shape.paths):
        assert made[0][2][f"Files/{DLL}"] == b"dll"
    assert main(["check", f"oci:dist/oci/{shape.name}"]) == 0
    capsys.readouterr()
    assert main(["build", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {variant["built"] for image in again["images"] for variant in image["variants"]} == {False}


def test_it_is_published_and_verified(shelf: Path, vendor: DockerRegistry) -> None:
    """As every image: base layers are mounted, and what is there is what the definition says."""
    shape = next(shape for shape in SHAPES if shape.name == "otel")
    text = shape.text + 'LABEL org.opencontainers.image.title="Collector"\n'
    write(shelf, Shape(**{**_fields(shape), "text": text}))
    assert main(["publish", "-q", "--to", f"{vendor.host}/acme", "--tag", "1"]) == 0
    definition = shelf / "images" / "otel" / "image.yaml"
    assert main(["verify", f"{vendor.host}/acme/otel:1", "--expect", str(definition)]) == 0


def plan(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The targets that `plan` prints."""
    capsys.readouterr()
    assert main(["plan", "--json"]) == 0
    targets: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["targets"]
    return targets


WITH_RUN = Shape(
    name="runs",
    text="FROM mcr.microsoft.com/windows/nanoserver:${R}\nCOPY a C:/\n  RUN mkdir C:\\b\nRUN more\n",
    definition='args: {R: "{release}"}\n',
    context={"a": "a"},
    paths=(),
    config={},
)


def test_run_in_a_windows_stage(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Is planned for a Windows runner, and says where it stands and what to do where there is none."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{shelf}/nothing")
    write(shelf, Shape(**{**_fields(WITH_RUN), "text": "ARG R\n" + WITH_RUN.text}))
    assert main(["build", "-q", "--platform", "windows/amd64:ltsc2022"]) == 7
    assert capsys.readouterr().err == (
        f"error: no Docker Engine answers at unix://{shelf}/nothing (DOCKER_HOST): there is nothing of "
        "this name: start a Docker Engine, name one in DOCKER_HOST or with `docker context use`, or describe "
        "the image with `files`, which needs none\nit is not assembled without an engine either:\n"
        "images/runs/Dockerfile:4:3: RUN executes Windows programs, and files are only assembled here: "
        "copy files that are made elsewhere, put what it does into a base that is built once and named in "
        "FROM, or build this image on a Windows runner or another machine with Windows containers\n"
    )
    found = {target["platform"]: (target["engine"], target["runner"]) for target in plan(capsys)}
    assert found == {
        "windows/amd64:ltsc2019": ("dockerfile", ""),
        "windows/amd64:ltsc2022": ("dockerfile", "windows-2022"),
        "windows/amd64:ltsc2025": ("dockerfile", "windows-2025"),
    }


def _fields(shape: Shape) -> dict[str, Any]:
    return {
        name: getattr(shape, name) for name in ("name", "text", "definition", "context", "paths", "config")
    }


def test_the_plan_of_what_only_copies(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any Linux machine will do; a changed file is a reason, one that nothing copies is none."""
    write(shelf, SHAPES[0])
    assert main(["build", "-q"]) == 0
    assert {target["runner"] for target in plan(capsys)} == {"ubuntu-24.04"}
    folder = shelf / "images" / "calico"
    (folder / "scripts" / "c.sh").write_text("changed")
    assert {reason for target in plan(capsys) for reason in target["reasons"]} == set()
    (folder / "scripts" / "a.ps1").write_text("changed")
    assert {reason for target in plan(capsys) for reason in target["reasons"]} == {
        "inputs changed: scripts/a.ps1"
    }
    with (folder / "Dockerfile").open("a") as file:
        file.write("LABEL more=1\n")
    reasons = {reason for target in plan(capsys) for reason in target["reasons"]}
    assert reasons == {"definition changed: config", "inputs changed: scripts/a.ps1"}


BUILT = Shape(
    name="antrea",
    text="""\
FROM --platform=linux/amd64 scratch AS build
COPY busybox /bin/busybox
ARG VERSION
COPY src /src
RUN ["/bin/busybox", "sh", "-c", "busybox mkdir /out && busybox sh /src/make.sh $VERSION > /out/agent.exe"]

FROM mcr.microsoft.com/oss/kubernetes/windows-host-process-containers-base-image:v1.0.0
COPY --from=build /out /agent
COPY conf C:/agent/conf/
""",
    definition='kind: host-process\nargs: {VERSION: "7"}\n',
    context={"src/make.sh": "echo made in $1\n", "conf/a.yaml": "a"},
    paths=("agent", "agent/agent.exe", "agent/conf", "agent/conf/a.yaml"),
    config={},
)


@pytest.fixture
def built(shelf: Path) -> Path:
    """A project whose Windows image takes a file of a Linux stage with RUN."""
    write(shelf, BUILT)
    busybox = shelf / "images" / "antrea" / "busybox"
    shutil.copy(require("busybox"), busybox)
    busybox.chmod(0o755)
    return shelf


def test_a_linux_stage_is_built_by_the_engine(
    built: Path, docker_engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the Windows stage is assembled out of it."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    assert main(["build", "-q"]) == 0
    ((_, _, files),) = images(built, "antrea")
    assert files["Files/agent/agent.exe"] == b"made in 7\n"
    assert files["Files/agent/conf/a.yaml"] == b"a"


def test_a_linux_stage_without_an_engine(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said which stage wants one, and why."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{built}/nothing")
    assert main(["build", "-q"]) == 7
    assert capsys.readouterr().err == (
        "error: stage build of images/antrea/Dockerfile needs a Docker Engine, and no Docker Engine answers "
        f"at unix://{built}/nothing (DOCKER_HOST): there is nothing of this name: "
        "start a Docker Engine for linux containers, or name one in DOCKER_HOST\n"
        "images/antrea/Dockerfile:5:1: RUN executes Linux programs, and files are only assembled here: "
        "build it on a machine with a Docker Engine for Linux containers\n"
    )
