# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Linkerd's own case: the proxy out of assets of the released form, under one name, and how it takes a stop."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.spec.presets import PRESETS
from buildtools.stores.layout import Layout
from buildtools.tiers.native import Native
from buildtools.tiers.story import hold
from buildtools.tiers.wine import Wine
from tests.fakes.bases import linux, put_base, put_base_index
from tests.fakes.contracts import contracts_of
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.files import FileServer
from tests.fakes.project import make_project
from tests.fakes.standins import compiled
from tests.fakes.wines import shared_wine

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "images"
VERSION = "2.359.0"
RELEASE = f"/linkerd/linkerd2-proxy/releases/download/release%2Fv{VERSION}"
ADDRESS = "LINKERD2_PROXY_ADMIN_LISTEN_ADDR"
PLATFORMS = (("linux", "amd64"), ("linux", "arm64"), ("windows", "amd64"))


def archive(name: str, os_name: str, program: bytes) -> bytes:
    """The archive of a release: one folder of its name with licence, program and debug symbols."""
    file = "linkerd2-proxy.exe" if os_name == "windows" else "linkerd2-proxy"
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w:gz", format=tarfile.GNU_FORMAT) as written:
        folder = tarfile.TarInfo(f"{name}/")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        written.addfile(folder)
        for path, data, mode in (
            ("LICENSE", b"Apache License\n", 0o644),
            (file, program, 0o755),
            (f"{file}.dbg", b"symbols", 0o644),
        ):
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size, info.mode = len(data), mode
            written.addfile(info, io.BytesIO(data))
    return blob.getvalue()


@pytest.fixture
def released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: DockerRegistry
) -> Iterator[Callable[[str], Path]]:
    """Builds the project's own definition out of a release whose program for Windows stops in this way."""
    entries = [
        put_base(vendor, "gcr/distroless/cc-debian12", linux(architecture))
        for architecture in ("amd64", "arm64")
    ]
    put_base_index(vendor, "gcr/distroless/cc-debian12", "nonroot", entries)
    mirrors = f"mcr.microsoft.com={vendor.host}/mcr,gcr.io={vendor.host}/gcr"
    monkeypatch.setenv("BUILDTOOLS_MIRRORS", mirrors)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    preset = PRESETS["linkerd-proxy"]
    with FileServer() as server:
        there = {
            field: getattr(preset, field).replace("https://github.com", server.url)
            for field in ("url", "checksum")
        }
        monkeypatch.setitem(PRESETS, "linkerd-proxy", replace(preset, **there))

        def built(handles: str) -> Path:
            for os_name, architecture in PLATFORMS:
                stop = handles if os_name == "windows" else "drain"
                name = f"linkerd2-proxy-v{VERSION}-{os_name}-{architecture}"
                program = compiled(
                    tmp_path, os_name=os_name, architecture=architecture, handles=stop, address=ADDRESS
                )
                data = archive(name, os_name, program.read_bytes())
                server.files[f"{RELEASE}/{name}.tar.gz"] = data
                text = f"{hashlib.sha256(data).hexdigest()}  {name}.tar.gz\n"
                server.files[f"{RELEASE}/{name}.txt"] = text.encode()
            root = make_project(
                tmp_path / handles,
                **{
                    "images/defaults.yaml": (IMAGES / "defaults.yaml").read_text(),
                    "images/linkerd-proxy/image.yaml": (IMAGES / "linkerd-proxy/image.yaml").read_text(),
                },
            )
            monkeypatch.chdir(root)
            assert main(["pins", "linkerd-proxy", "-q"]) == 0
            assert main(["build", "linkerd-proxy", "-q"]) == 0
            return root

        yield built


def files(root: Path, os_name: str, layers: list[str]) -> list[str]:
    """The files of the layers that the build made for an operating system."""
    layout = Layout(root / "dist" / "oci" / "linkerd-proxy")
    found = []
    for record in sorted((root / "dist" / "records" / "linkerd-proxy").glob(f"{os_name}-*.json")):
        document = json.loads(record.read_bytes())
        path = layout.path / "blobs" / document["layers"][-1]["digest"].replace(":", "/")
        with tarfile.open(path) as layer:
            found += [member.name for member in layer if member.isreg()]
        layers.append(document["layers"][-1]["digest"])
    return found


def test_the_released_assets_become_one_image(
    released: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Pinned by the release's checksums, program and licence of each platform, and nothing to find fault with."""
    root = released("drain")
    assets = json.loads((root / "images" / "pins.json").read_bytes())["assets"]
    assert len(assets) == len(PLATFORMS)
    made: list[str] = []
    assert (
        files(root, "windows", made)
        == [
            "Files/linkerd/LICENSE",
            "Files/linkerd/linkerd2-proxy.exe",
        ]
        * 2
    )
    assert len(set(made)) == 1
    assert (
        files(root, "linux", [])
        == [
            "usr/lib/linkerd/LICENSE",
            "usr/lib/linkerd/linkerd2-proxy",
        ]
        * 2
    )
    capsys.readouterr()
    assert main(["check", "oci:dist/oci/linkerd-proxy"]) == 0, capsys.readouterr().out


def test_what_the_proxy_makes_of_a_stop(
    released: Callable[[str], Path], open_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One that handles only Ctrl-C, as the released one does, is red on Windows; one that drains is green."""
    wine = shared_wine(tmp_path_factory)
    outcomes = {}
    for handles in ("ctrl-c", "drain"):
        root = released(handles)
        (open_folder / handles).mkdir()
        for os_name, tier in (("windows", wine), ("linux", Native())):
            for contract in contracts_of(
                root / "dist", "linkerd-proxy", open_folder / handles, os_name=os_name, root=root
            ):
                assert isinstance(tier, Wine | Native)
                assert tier.unavailable(contract.config) == ""
                outcomes[handles, contract.name] = hold(contract, tier).findings
    red = "ended with 3221225786, expected 0: 0xC000013A, it does not handle CTRL_SHUTDOWN, which is what Kubernetes sends to stop a Windows container, and so ends at once: handle it beside CTRL_C"
    assert outcomes == {
        ("ctrl-c", "windows/amd64:ltsc2022"): (red,),
        ("ctrl-c", "windows/amd64:ltsc2025"): (red,),
        ("ctrl-c", "linux/amd64"): (),
        ("drain", "windows/amd64:ltsc2022"): (),
        ("drain", "windows/amd64:ltsc2025"): (),
        ("drain", "linux/amd64"): (),
    }
