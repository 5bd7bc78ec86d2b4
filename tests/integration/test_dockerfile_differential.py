"""Dockerfiles that only copy, built by us and by a real Docker Engine: the same files and the same config."""

import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.utils.build import tar

from buildtools.build import Builder
from buildtools.errors import ConfigurationError
from buildtools.oci.compress import inflated
from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import Manifest
from buildtools.oci.pieces import PieceReader
from buildtools.oci.tar import read_tar
from buildtools.prepare import Choice, prepare
from buildtools.settings import Settings
from buildtools.stores.base import read_document
from buildtools.windows.releases import RELEASES
from buildtools.workspace import Workspace
from tests.fakes.dockerfiles import Case, made_up, windows_twin

Tree = dict[str, tuple[Any, ...]]
RELEASE = RELEASES[1]
SETTINGS = (
    "Env",
    "Entrypoint",
    "Cmd",
    "User",
    "WorkingDir",
    "Labels",
    "ExposedPorts",
    "Volumes",
    "StopSignal",
)


@pytest.fixture(scope="module")
def engine(docker_engine: str) -> Iterator[docker.APIClient]:
    """The engine's API."""
    client = docker.APIClient(base_url=docker_engine, timeout=120)
    yield client
    client.close()


def built_by_engine(engine: docker.APIClient, root: Path, case: Case) -> tuple[Tree, dict[str, Any]] | str:
    """Files and config of what BuildKit makes of the context that docker-py sends; text for an error."""
    rules = [line for line in case.ignore.splitlines() if line and not line.startswith("#")]
    with tar(str(root), exclude=rules, dockerfile=("Dockerfile", None), gzip=True) as file:
        context = file.read()
    tag = f"{root.name}:1"
    # docker-py knows the classic builder only; version 2 is BuildKit, which everybody else uses.
    answer = engine._post(
        engine._url("/build"),
        params={
            "version": "2",
            "t": tag,
            "networkmode": "host",
            "dockerfile": "Dockerfile",
            "buildargs": json.dumps(dict(case.args)),
        },
        data=context,
        headers={"Content-Type": "application/x-tar"},
        stream=True,
    )
    events = [json.loads(line) for line in answer.iter_lines() if line]
    errors = [event["error"] for event in events if "error" in event]
    if errors:
        return str(errors[0])
    saved = io.BytesIO(b"".join(engine.get_image(tag)))
    engine.remove_image(tag, force=True)
    with tarfile.open(fileobj=saved) as archive:
        member = archive.extractfile("manifest.json")
        assert member
        (manifest,) = json.load(member)
        config = archive.extractfile(manifest["Config"])
        assert config
        settings = json.load(config)["config"]
        files: Tree = {}
        for name in manifest["Layers"]:
            layer = archive.extractfile(name)
            assert layer
            files |= tree_of(layer)
    return files, settings


def tree_of(layer: Any) -> Tree:
    """Kind, mode, owner, link and content of everything in a plain tar."""
    found: Tree = {}
    with tarfile.open(fileobj=layer) as archive:
        for member in archive:
            content = archive.extractfile(member).read() if member.isreg() else b""  # type: ignore[union-attr]
            mode = 0 if member.issym() else member.mode & 0o7777
            kind = member.type if not member.isreg() else tarfile.REGTYPE
            found[member.name.rstrip("/")] = (kind, mode, member.uid, member.gid, member.linkname, content)
    return found


def built_by_us(root: Path, case: Case, platform: str = "linux/amd64") -> tuple[Tree, dict[str, Any]]:
    """The same from the layout that `build` writes."""
    images = root.parent / f"{root.name}-{platform.partition('/')[0]}" / "images"
    arguments = json.dumps(dict(case.args))
    (images / "x").mkdir(parents=True)
    (images / "x" / "image.yaml").write_text(
        f"name: x\nplatforms: ['{platform}']\nengine: dockerfile\ncontext: ../../context\n"
        f"dockerfile: ../../context/Dockerfile\nargs: {arguments}\n"
    )
    shutil.copytree(root, images.parent / "context", symlinks=True)
    workspace = Workspace(
        root=images.parent, dist=images.parent / "dist", settings=Settings(source_date_epoch=0)
    )
    prepared = prepare(workspace, Choice(stand_in_bases=True))
    assert [target.variant.engine for target in prepared.targets] == ["copied"]
    report = Builder(
        workspace=workspace, prepared=prepared, clock=lambda: 0.0,
        base_layers=lambda _: pytest.fail("no base"), download=lambda *_: pytest.fail("no asset"),
    ).run()  # fmt: skip
    report.raise_failures()
    store = workspace.layout("x")
    descriptor, raw = store.get_manifest(report.variants[0].record.manifest.digest)
    manifest = Manifest.parse(raw, descriptor.media_type)
    config = ImageConfig.parse(read_document(store, manifest.config))
    found: Tree = {}
    with store.get_blob(manifest.layers[-1]) as blob:
        for entry, body in read_tar(PieceReader(inflated(blob))):
            mode = 0 if entry.kind == b"2" else entry.mode
            found[entry.name] = (entry.kind, mode, entry.uid, entry.gid, entry.link, body.read())
    return found, dict(config.document["config"])


def plain(files: Tree) -> Tree:
    """Kinds, links and contents alone."""
    return {
        name: (value[0], *value[4:])
        for name, value in files.items()
        if name and not name.endswith("Dockerfile")
    }


def said(settings: dict[str, Any]) -> dict[str, Any]:
    """What a config says, with what is the same in all writings."""
    found = {key: settings.get(key) or None for key in SETTINGS}
    found["Env"] = sorted(found["Env"] or [])
    found["WorkingDir"] = found["WorkingDir"] or "/"
    labels = {
        key: value
        for key, value in (found["Labels"] or {}).items()
        if not key.startswith("org.opencontainers")
    }
    return found | {"Labels": labels}


@pytest.mark.parametrize("seed", range(48))
def test_a_made_up_dockerfile(engine: docker.APIClient, seed: int, tmp_path: Path) -> None:
    """Files, modes, owners, links and contents, and every setting; for Windows the same files."""
    case = made_up(seed)
    root = case.write(tmp_path / f"made-up-{seed}")
    found = built_by_engine(engine, root, case)
    if isinstance(found, str):
        assert "not found" in found, case.text
        with pytest.raises(ConfigurationError, match=r"there is no .* to copy"):
            built_by_us(root, case)
        return
    files, settings = found
    ours, mine = built_by_us(root, case)
    assert ours == files, case.text
    assert said(mine) == said(settings), case.text
    if twin := windows_twin(case):
        (root / "Dockerfile").write_text(twin)
        base = f"mcr.microsoft.com/windows/servercore:{RELEASE.name}"
        args = {**case.args, "BASE": base}
        windows, _ = built_by_us(root, replace(case, args=args), f"windows/amd64:{RELEASE.name}")
        # Attributes and access lists take the place of modes and owners, and the Dockerfile is another.
        found = {name[6:]: value for name, value in windows.items() if name.startswith("Files/")}
        assert plain(found) == plain(files), twin
