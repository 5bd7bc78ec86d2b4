"""Release assets: pinned by their publisher's checksum, kept, held to it always, and put into layers."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.oci.documents import Index, Manifest
from buildtools.stores.layout import Layout
from tests.fakes.files import FileServer
from tests.fakes.project import make_project

IMAGE = """\
name: tool
platforms: [linux/amd64, linux/arm64, windows/amd64:ltsc2022]
base: {{linux: scratch, windows: nanoserver}}
fetch:
  tool:
    version: "1.4.2"
    url: "{url}/v{{version}}/tool-{{version}}-{{os}}-{{arch}}.{{format}}"
    checksum: "{{url}}.sha256"
    os-names: {{windows: win}}
    arch-names: {{amd64: x86_64}}
    members: {{"tool": "tool-*/bin/tool{{exe}}"}}
    platforms: [linux]
  zipped:
    version: "1.4.2"
    url: "{url}/v{{version}}/tool-win.zip"
    checksum: "{url}/v{{version}}/SHA256SUMS"
    members: {{"tool": "bin/tool.exe"}}
    platforms: [windows]
files:
  - from: {{linux: "{{fetch}}/tool/tool", windows: "{{fetch}}/zipped/tool"}}
    to: {{linux: /tool, windows: 'C:\\tool.cmd'}}
config:
  linux: {{entrypoint: [/tool]}}
  windows: {{entrypoint: ['C:\\tool.cmd']}}
"""


def tar_gz(members: Mapping[str, bytes]) -> bytes:
    """A tar.gz with a folder of its own and these files."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return blob.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip with these files."""
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return blob.getvalue()


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A publisher of one tool, for two Linux architectures and Windows."""
    with FileServer() as made:
        for architecture in ("x86_64", "arm64"):
            path = f"/v1.4.2/tool-1.4.2-linux-{architecture}.tar.gz"
            program = f"#!/bin/sh\necho {architecture}\n".encode()
            data = tar_gz(
                {"tool-1.4.2/README": b"read me", "tool-1.4.2/bin/tool": program, "../../evil": b"no"}
            )
            made.files[path] = data
            made.files[f"{path}.sha256"] = f"{hashlib.sha256(data).hexdigest()}  {path[8:]}\n".encode()
        data = zipped({"bin/tool.exe": b"@echo windows\r\n", "LICENSE": b"free"})
        made.files["/v1.4.2/tool-win.zip"] = data
        sums = f"{'0' * 64}  other.zip\n{hashlib.sha256(data).hexdigest()} *tool-win.zip\n"
        made.files["/v1.4.2/SHA256SUMS"] = sums.encode()
        yield made


@pytest.fixture
def project(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose only image fetches that tool."""
    text = IMAGE.format(url=server.url).replace("{format}", "tar.gz")
    root = make_project(tmp_path / "project", **{"images/tool/image.yaml": text})
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    return root


def build(*options: str) -> int:
    """Build the image on stand-in bases."""
    return main(["build", "tool", "--stand-in-bases", "-q", *options])


def contents(root: Path) -> dict[str, bytes]:
    """The tool in each variant's layer."""
    layout = Layout(root / "dist" / "oci" / "tool")
    (entry,) = layout.entries()
    found = {}
    for child in Index.parse(layout.get_manifest(entry.digest)[1], entry.media_type).manifests:
        manifest = Manifest.parse(layout.get_manifest(child.digest)[1], child.media_type)
        with layout.get_blob(manifest.layers[-1]) as blob:
            data = io.BytesIO(blob.read())
        with tarfile.open(fileobj=data) as archive:
            for member in archive:
                if member.isreg():
                    file = archive.extractfile(member)
                    assert file
                    found[f"{child.platform} {member.name}"] = file.read()
    return found


def test_assets_come_into_the_layers(project: Path, server: FileServer) -> None:
    """Chosen members of tar.gz and zip, per platform; nothing else of the archive, wherever it points."""
    assert main(["pins", "tool", "--platform", "linux"]) == 0
    assert build("--platform", "linux") == 0
    assert contents(project) == {
        "linux/amd64 tool": b"#!/bin/sh\necho x86_64\n",
        "linux/arm64 tool": b"#!/bin/sh\necho arm64\n",
    }
    assert not list(project.parent.rglob("evil"))


def test_a_checksum_file_of_many(
    project: Path, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line that names the asset counts; a build pins what is not pinned, on stand-in bases, too."""
    assert build("--platform", "windows") == 0
    assert contents(project) == {"windows/amd64:10.0.20348.1 Files/tool.cmd": b"@echo windows\r\n"}
    server.files["/v1.4.2/SHA256SUMS"] = b"nothing here\n"
    (project / "images" / "pins.json").unlink()
    assert build("--platform", "windows", "--force") == 1
    assert "has no sha256 in it: mend the `checksum` pattern, or write the `sha256` itself" in (
        capsys.readouterr().err
    )


def test_a_replaced_asset_is_refused(
    project: Path, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other bytes under the same name never get into a layer, and nothing of them is kept."""
    assert main(["pins", "tool", "--platform", "linux/amd64"]) == 0
    path = "/v1.4.2/tool-1.4.2-linux-x86_64.tar.gz"
    pinned = hashlib.sha256(server.files[path]).hexdigest()
    server.files[path] = tar_gz({"tool-1.4.2/bin/tool": b"#!/bin/sh\necho evil\n"})
    capsys.readouterr()
    assert build("--platform", "linux/amd64") == 4
    assert (
        f"{server.url}{path} does not have the sha256 {pinned} that it is pinned to: "
        "it was replaced: if that is right, run `buildtools pins --update`"
    ) in capsys.readouterr().err
    kept = [item.name for item in project.glob("dist/cache/fetched/*") if item.suffix != ".lock"]
    assert kept == []


def test_a_kept_asset_is_not_fetched_again(project: Path, server: FileServer) -> None:
    """Once pinned and kept, no request is made; a rotten copy is fetched again."""
    assert main(["pins", "tool", "--platform", "linux/amd64"]) == 0
    assert build("--platform", "linux/amd64") == 0
    server.asked.clear()
    assert build("--platform", "linux/amd64", "--force") == 0
    assert server.asked == []
    (asset,) = [item for item in project.glob("dist/cache/fetched/*") if len(item.name) == 64]
    asset.write_bytes(b"rot")
    assert build("--platform", "linux/amd64", "--force") == 0
    assert server.asked == ["GET /v1.4.2/tool-1.4.2-linux-x86_64.tar.gz"]


def test_a_broken_download_is_tried_again(project: Path, server: FileServer) -> None:
    """A connection that ends in the middle costs one more request and nothing else."""
    assert main(["pins", "tool", "--platform", "linux/amd64"]) == 0
    path = "/v1.4.2/tool-1.4.2-linux-x86_64.tar.gz"
    server.cut[path] = 100
    server.asked.clear()
    assert build("--platform", "linux/amd64") == 0
    assert server.asked == [f"GET {path}", f"GET {path}"]


def test_a_new_release_is_seen_and_taken(
    project: Path, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` says that the checksum moved, `--update` takes it, and the plan names the asset."""
    assert main(["pins", "tool", "--platform", "linux/amd64"]) == 0
    assert build("--platform", "linux/amd64") == 0
    path = "/v1.4.2/tool-1.4.2-linux-x86_64.tar.gz"
    data = tar_gz({"tool-1.4.2/bin/tool": b"#!/bin/sh\necho newer\n"})
    server.files[path] = data
    server.files[f"{path}.sha256"] = hashlib.sha256(data).hexdigest().encode()
    assert main(["pins", "tool", "--platform", "linux/amd64", "--check"]) == 3
    assert main(["pins", "tool", "--platform", "linux/amd64", "--update"]) == 0
    capsys.readouterr()
    assert main(["plan", "tool", "--platform", "linux/amd64", "--stand-in-bases", "--json"]) == 0
    ((reason,),) = [target["reasons"] for target in json.loads(capsys.readouterr().out)["targets"]]
    assert path in reason
    assert build("--platform", "linux/amd64") == 0
    assert contents(project) == {"linux/amd64 tool": b"#!/bin/sh\necho newer\n"}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"other": b""}, "'tool-*/bin/tool' matches nothing in the archive tool"),
        (
            {"tool-1/bin/tool": b"", "tool-2/bin/tool": b""},
            "'tool-*/bin/tool' matches 2 files (tool-1/bin/tool, tool-2/bin/tool) in the archive tool",
        ),
    ],
)
def test_a_pattern_fits_one_member(
    project: Path,
    server: FileServer,
    capsys: pytest.CaptureFixture[str],
    members: dict[str, bytes],
    said: str,
) -> None:
    """None and several are errors that name what there is."""
    path = "/v1.4.2/tool-1.4.2-linux-x86_64.tar.gz"
    data = tar_gz(members)
    server.files[path] = data
    server.files[f"{path}.sha256"] = hashlib.sha256(data).hexdigest().encode()
    assert main(["pins", "tool", "--platform", "linux/amd64"]) == 0
    assert build("--platform", "linux/amd64") == 1
    assert f"{said}: write a pattern that one file has" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"not an archive", tar_gz({"tool-1/bin/tool": bytes(5000)})[:-400]])
def test_a_damaged_archive_is_said(
    project: Path, server: FileServer, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    """An archive that cannot be read is a sentence, whatever is wrong with it."""
    path = "/v1.4.2/tool-1.4.2-linux-x86_64.tar.gz"
    server.files[path] = data
    server.files[f"{path}.sha256"] = hashlib.sha256(data).hexdigest().encode()
    assert main(["pins", "tool", "--platform", "linux/amd64"]) == 0
    assert build("--platform", "linux/amd64") == 1
    said = capsys.readouterr().err
    assert "the archive tool cannot be read as tar.gz" in said
    assert "Traceback" not in said


def test_an_asset_that_is_not_there(
    project: Path, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong version or pattern says so, with the URL."""
    server.files.clear()
    assert main(["pins", "tool", "--platform", "linux/amd64"]) == 1
    said = capsys.readouterr().err
    assert f"answered 404 for {server.url}/v1.4.2/tool-1.4.2-linux-x86_64.tar.gz.sha256" in said
    assert "check version and URL pattern" in said
