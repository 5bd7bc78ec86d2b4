"""The project on disk: found, read, and written to so that nobody meets half a file."""

import io
import os
from functools import partial
from pathlib import Path

import pytest

from buildtools.errors import BuildError, ConfigurationError, UsageError
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import digest_of
from buildtools.pins import AssetPin, Pins
from buildtools.settings import Settings
from buildtools.workspace import Workspace, find_root, write_text
from tests.fakes.definitions import step, variant
from tests.fakes.project import make_project
from tests.fakes.records import BLOBS, record

HINT = "run in the project's folder or name it with --project"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A small project."""
    root = make_project(tmp_path / "project")
    return Workspace(root=root, dist=root / "dist", settings=Settings())


def test_where_things_lie(workspace: Workspace) -> None:
    """As the table in docs/how-it-works.md says."""
    root = workspace.root
    made = variant(image="hello", build=step(("true",)))
    assert workspace.images == root / "images"
    assert workspace.cache == root / "dist" / "cache"
    assert workspace.work == root / "dist" / "work"
    assert workspace.product(made) == root / "dist" / "work" / "hello" / "linux-amd64" / "out"
    assert workspace.layout("hello").path == root / "dist" / "oci" / "hello"
    assert workspace.record_path("hello", "windows/amd64:ltsc2022") == (
        root / "dist" / "records" / "hello" / "windows-amd64-ltsc2022.json"
    )
    assert list((root / "dist").rglob("*")) == []


def test_one_object_a_run(workspace: Workspace) -> None:
    """Layouts, hashes and definitions are opened once."""
    assert workspace.layout("hello") is workspace.layout("hello")
    assert workspace.layout("hello") is not workspace.layout("host")
    assert workspace.hashes is workspace.hashes
    assert workspace.project is workspace.project


def test_the_definitions_are_read(workspace: Workspace) -> None:
    """All of them, with what they share; findings name files relative to the project."""
    assert list(workspace.project.images) == ["hello", "host", "made"]
    assert workspace.project.spec.registry == "registry.example/acme"
    (workspace.images / "host" / "image.yaml").write_text("name: host\n")
    (workspace.images / "made" / "image.yaml").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        Workspace(root=workspace.root, dist=workspace.dist, settings=Settings()).project  # noqa: B018
    assert {item.path for item in caught.value.diagnostics} == {
        "images/host/image.yaml",
        "images/made/image.yaml",
    }


def test_defaults_may_be_missing(tmp_path: Path) -> None:
    """A project of one image needs none."""
    (tmp_path / "images" / "x").mkdir(parents=True)
    (tmp_path / "images" / "x" / "image.yaml").write_text(
        "name: x\nplatforms: [linux/amd64]\nbase: scratch\n"
    )
    workspace = Workspace(root=tmp_path, dist=tmp_path / "dist", settings=Settings())
    assert list(workspace.project.images) == ["x"]


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        ([], f"ROOT has no images folder: {HINT}"),
        (["images/x"], "ROOT/images holds no image: write images/<name>/image.yaml"),
    ],
)
def test_a_folder_without_a_project(tmp_path: Path, folders: list[str], sentence: str) -> None:
    """Says what is missing."""
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        Workspace(root=tmp_path, dist=tmp_path, settings=Settings()).project  # noqa: B018
    assert str(caught.value).replace(str(tmp_path), "ROOT") == sentence


def test_the_environment_wins_over_the_projects_mirrors(tmp_path: Path) -> None:
    """Both are used, the machine's own first."""
    defaults = (
        "mirrors: {docker.io: one.example, mcr.microsoft.com: two.example}\nplain-http: [lab.example]\n"
    )
    root = make_project(tmp_path, **{"images/defaults.yaml": defaults})
    for name in ("hello", "host", "made"):
        text = f"name: {name}\nplatforms: [linux/amd64]\nbase: scratch\n"
        (root / "images" / name / "image.yaml").write_text(text)
    settings = Settings(mirrors={"docker.io": "mine.example"}, plain_http=("mine.example",))
    reach = Workspace(root=root, dist=root, settings=settings).reach
    assert reach.mirrors == {"docker.io": "mine.example", "mcr.microsoft.com": "two.example"}
    assert reach.plain_http == ("mine.example", "lab.example")


def test_pins(workspace: Workspace) -> None:
    """None where there is no file; written in one step; broken ones are named."""
    assert workspace.pins() == Pins()
    pins = Pins().with_asset("https://example.com/x", AssetPin(size=1, sha256="a" * 64))
    workspace.save_pins(pins)
    assert workspace.pins() == pins
    path = workspace.images / "pins.json"
    path.write_bytes(b"{\xff")
    with pytest.raises(ConfigurationError) as caught:
        workspace.pins()
    assert str(caught.value).startswith("images/pins.json:1:2: ")


def test_records(workspace: Workspace) -> None:
    """The last build of each variant, as long as it is whole and every blob is there."""
    labels = ("linux/amd64", "linux/arm64", "windows/amd64:ltsc2022", "windows/amd64:ltsc2025")
    variants = [variant(image="hello", label=label) for label in labels]
    lost = Descriptor.of(b"lost", "application/octet-stream")
    good, newer = (record("hello", label) for label in labels[:2])
    workspace.save_record(record("hello", labels[1], created=1))
    workspace.save_record(good)
    workspace.save_record(newer)
    changes = {"manifest": type(good.manifest).of(lost)}
    workspace.save_record(record("hello", labels[2], **changes))
    workspace.record_path("hello", labels[3]).write_text("{}")
    assert workspace.records(variants) == {}
    for kind, data in BLOBS.items():
        workspace.layout("hello").put_blob(Descriptor.of(data, kind), partial(io.BytesIO, data))
    assert workspace.records([*variants, variant(image="other")]) == {
        ("hello", labels[0]): good,
        ("hello", labels[1]): newer,
    }
    assert good.manifest.digest == digest_of(b"manifest")


def test_paths_as_people_write_them(workspace: Workspace, tmp_path: Path) -> None:
    """Relative to the project where they lie in it."""
    assert workspace.shown(workspace.images / "hello" / "image.yaml") == "images/hello/image.yaml"
    assert workspace.shown(tmp_path / "other") == f"{tmp_path.as_posix()}/other"


def test_the_project_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upwards from the current folder; a named one is taken as it is."""
    root = make_project(tmp_path / "project")
    monkeypatch.chdir(root / "images" / "hello" / "conf")
    assert find_root(None) == root
    assert find_root(root) == root
    monkeypatch.chdir(tmp_path)
    assert find_root(Path("project")) == root
    with pytest.raises(UsageError) as caught:
        find_root(root / "images" / "hello")
    assert str(caught.value) == f"{root}/images/hello has no images folder: {HINT}"
    with pytest.raises(UsageError) as caught:
        find_root(None)
    assert str(caught.value) == f"{tmp_path} has no images folder, nor has any folder above it: {HINT}"


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    """In a folder that is made for it, with nothing else left there, byte for byte."""
    path = tmp_path / "a" / "b" / "file"
    write_text(path, "one\n")
    write_text(path, "zwölf\r\n")
    assert path.read_bytes() == b"zw\xc3\xb6lf\r\n"
    assert [item.name for item in path.parent.iterdir()] == ["file"]


def test_what_killed_runs_left_beside_a_file_goes(tmp_path: Path) -> None:
    """Once it is an hour old: what is new may belong to a run beside this one."""
    path = tmp_path / "pins.json"
    for name in (".pins.json.old", ".pins.json.new", ".other.json.old"):
        (tmp_path / name).write_text("half")
        if name.endswith("old"):
            os.utime(tmp_path / name, (0, 0))
    write_text(path, "whole\n")
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        ".other.json.old",
        ".pins.json.new",
        "pins.json",
    ]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The old one stays."""
    (tmp_path / "a").write_text("old")
    with pytest.raises(BuildError) as caught:
        write_text(tmp_path / "a" / "file", "new")
    assert str(caught.value).startswith(f"{tmp_path}/a cannot be written: ")
    assert (tmp_path / "a").read_text() == "old"
