# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Windows Dockerfiles through an engine of recorded answers: mode, isolation, versions, base layers."""

import gzip
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildtools import pins as pins_file
from buildtools.cli import main
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Manifest
from buildtools.oci.layer import Entry, write_layer
from buildtools.pins import BasePin
from buildtools.stores.layout import Layout
from buildtools.windows.layer import WINDOWS
from tests.fakes.building_engine import BuildingEngine, hexed, tar_of, windows
from tests.fakes.docker_registry import DockerRegistry

IMAGE = """\
name: app
platforms: ['windows/amd64:RELEASE']
engine: dockerfile
args: {TAG: TAG}
"""
DOCKERFILE = """\
# escape=`
ARG TAG=none
FROM mcr.microsoft.com/windows/nanoserver:${TAG} AS base
RUN echo hello > C:\\hello.txt
"""


def _layer() -> bytes:
    """A layer as Windows' own importer takes it."""
    out = io.BytesIO()
    entry = Entry(path="hello.txt", size=7, open=lambda: io.BytesIO(b"hello\r\n"))
    write_layer([entry], out, system=WINDOWS, epoch=0)
    return gzip.decompress(out.getvalue())


LAYER = _layer()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[BuildingEngine]:
    """An engine on Windows Server 2022."""
    folder = Path(tempfile.mkdtemp(prefix="buildtools-"))
    with BuildingEngine(socket=folder / "s", info=windows(20348, 9000)) as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        yield fake
    shutil.rmtree(folder)


def define(project: Path, release: str, tag: str = "") -> BasePin:
    """The image for one release, and its base as it is pinned."""
    folder = project / "images/app"
    folder.mkdir(exist_ok=True)
    (folder / "image.yaml").write_text(
        IMAGE.replace("RELEASE", release).replace("TAG: TAG", f"TAG: '{tag or release}'")
    )
    (folder / "Dockerfile").write_text(DOCKERFILE)
    assert main(["pins", "app", "-q"]) == 0
    pins = pins_file.parse((project / "images/pins.json").read_text())
    (pin,) = pins.bases[f"mcr.microsoft.com/windows/nanoserver:{tag or release}"].values()
    return pin


def builds(engine: BuildingEngine, pin: BasePin, **more: str) -> None:
    """Let the engine build one layer on the base, and save both as its own store has them."""
    base = ImageConfig.parse(pin.config)
    document = {**base.document, **more}
    document["rootfs"] = {"type": "layers", "diff_ids": [*base.diff_ids, f"sha256:{hexed(LAYER)}"]}
    config = json.dumps(document).encode()
    names = [f"blobs/sha256/{diff_id[7:]}" for diff_id in base.diff_ids]
    manifest = [
        {"Config": f"blobs/sha256/{hexed(config)}", "Layers": [*names, f"blobs/sha256/{hexed(LAYER)}"]}
    ]
    files = dict.fromkeys(names, b"what the base's registry has and nobody reads here")
    files |= {f"blobs/sha256/{hexed(LAYER)}": LAYER, f"blobs/sha256/{hexed(config)}": config}
    engine.builds(config, tar_of(files | {"manifest.json": json.dumps(manifest).encode()}))


def test_a_windows_dockerfile(
    project: Path, engine: BuildingEngine, registry: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """FROM goes by digest to where the project reads bases; base layers stay there until publishing mounts them."""
    pin = define(project, "ltsc2022")
    builds(engine, pin)
    capsys.readouterr()
    assert main(["build", "app", "-q", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["images"][0]["variants"][0]["os_version"] == pin.os_version
    (query,) = [query for method, _, query in engine.asked if method == "POST"]
    assert (query["isolation"], query["buildargs"], "platform" in query) == (
        "process",
        '{"TAG": "ltsc2022"}',
        False,
    )
    with tarfile.open(fileobj=io.BytesIO(engine.context)) as context:
        sent = context.extractfile("Dockerfile")
        assert sent is not None
        line = sent.read().decode().splitlines()[2]
    assert line.endswith(f"/mcr/windows/nanoserver@{pin.digest} AS base")
    layout = Layout(project / "dist/oci/app")
    assert [blob.digest for blob in layout.missing()] == [layer.digest for layer in pins_layers(pin)]
    record = json.loads((project / "dist/records/app/windows-amd64-ltsc2022.json").read_text())
    assert record["base"]["digest"] == pin.digest
    assert len(record["base_layers"]) == len(pins_layers(pin))
    assert main(["publish", "app", "-q", "--to", f"{registry.host}/windows-engine", "--tag", "t"]) == 0
    assert main(["verify", f"{registry.host}/windows-engine/app:t"]) == 0


def pins_layers(pin: BasePin) -> tuple[Descriptor, ...]:
    """The layers of the base's manifest."""
    return Manifest.parse(pin.manifest, pin.media_type).layers


@pytest.mark.parametrize(
    ("release", "tag", "host", "isolation", "said"),
    [
        ("ltsc2022", "", (20348, 9000), "process", ""),
        ("ltsc2022", "", (26100, 1), "process", ""),
        ("ltsc2022", "", (20348, 1), "process", "app windows/amd64:ltsc2022: the base is of {image} and the engine's host of 10.0.20348.1: under process isolation a container that is patched further than its host may end with 0xc0370106: update the host, or pin the base's earlier patch\n"),
        ("ltsc2019", "1809", (20348, 9000), "hyperv", "app windows/amd64:ltsc2019: the base is Windows Server 2019 ({image}), which Windows Server 2022 (10.0.20348.9000) runs in a virtual machine only: the host needs Hyper-V for that; COPY alone needs no container and builds either way\n"),
    ],
)  # fmt: skip
def test_isolation_goes_by_the_releases(
    project: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str],
    release: str, tag: str, host: tuple[int, int], isolation: str, said: str,
) -> None:  # fmt: skip
    """Explicit, so that a mismatch fails in place of switching; what may go wrong is said before."""
    pin = define(project, release, tag)
    builds(engine, pin)
    engine.info = windows(*host)
    capsys.readouterr()
    assert main(["build", "app"]) == 0
    assert said.format(image=pin.os_version) in capsys.readouterr().err
    (query,) = [query for method, _, query in engine.asked if method == "POST"]
    assert query["isolation"] == isolation


def test_a_base_that_is_newer_than_its_host(
    project: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused before anything is sent."""
    pin = define(project, "ltsc2025")
    capsys.readouterr()
    assert main(["build", "app", "-q"]) == 7
    assert capsys.readouterr().err == (
        f"error: app windows/amd64:ltsc2025: the base is Windows Server 2025 ({pin.os_version}), and the engine's host is the "
        "older Windows Server 2022 (10.0.20348.9000), which starts no container that is newer than itself (0xc0370106): "
        "build it on a host of that version, such as the runner windows-2025\n"
    )
    assert not [one for one in engine.asked if one[0] == "POST"]


def test_what_windows_says_of_a_newer_container_is_explained(
    project: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """With both versions."""
    pin = define(project, "ltsc2022")
    engine.info = windows(20348, 1)
    engine.lines = [
        {
            "errorDetail": {
                "message": "hcs::System::Start: The virtual machine or container exited unexpectedly. (0xc0370106)"
            }
        }
    ]
    capsys.readouterr()
    assert main(["build", "app", "-q"]) == 1
    assert capsys.readouterr().err == (
        "error: app windows/amd64:ltsc2022: hcs::System::Start: The virtual machine or container exited unexpectedly. (0xc0370106): "
        f"the base is of {pin.os_version} and the engine's host of 10.0.20348.1: a container that is newer than its host does not "
        "start; update the host, or pin the base's earlier patch\n"
    )


def test_an_engine_in_linux_mode(
    project: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """H02: on a Windows machine, too."""
    define(project, "ltsc2022")
    engine.info = {
        "OSType": "linux",
        "Architecture": "x86_64",
        "ServerVersion": "29.1.5",
        "Name": "docker-desktop",
    }
    capsys.readouterr()
    assert main(["build", "app", "-q"]) == 7
    assert capsys.readouterr().err == (
        "error: app windows/amd64:ltsc2022 needs a Docker Engine for windows, and the Docker Engine 29.1.5 for linux/amd64 at "
        f"{engine.address} (DOCKER_HOST) is for linux: switch Docker Desktop to Windows containers, or build it on windows-2022\n"
        "it is not assembled without an engine either:\n"
        "images/app/Dockerfile:4:1: RUN executes Windows programs, and files are only assembled here: copy files that are made "
        "elsewhere, put what it does into a base that is built once and named in FROM, or build this image on a Windows runner "
        "or another machine with Windows containers\n"
    )


def test_another_release_than_asked_for(
    project: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the engine made has the last word on its os.version."""
    pin = define(project, "ltsc2022")
    builds(engine, pin, **{"os.version": "10.0.26100.1"})
    capsys.readouterr()
    assert main(["build", "app", "-q"]) == 4
    assert capsys.readouterr().err == (
        "error: app windows/amd64:ltsc2022: the engine built an image with os.version 10.0.26100.1, and ltsc2022 is 10.0.20348: "
        "let FROM name a base of that release, with an ARG that image.yaml fills with {release}\n"
    )


def test_a_dockerfile_is_not_built_on_stand_ins(
    project: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing in a stand-in that RUN could run."""
    define(project, "ltsc2022")
    (project / "images/pins.json").unlink()
    capsys.readouterr()
    assert main(["build", "app", "-q", "--stand-in-bases"]) == 1
    assert capsys.readouterr().err == (
        "error: app windows/amd64:ltsc2022: mcr.microsoft.com/windows/nanoserver:ltsc2022 in images/app/Dockerfile:3 is not pinned "
        "for windows/amd64:10.0.20348: run `buildtools pins`; a Dockerfile is never built on stand-in bases\n"
    )
