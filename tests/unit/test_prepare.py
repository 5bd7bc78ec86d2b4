"""From definitions to a Plan: bases, times, tools and records as they are on this disk, without a network."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.errors import ConfigurationError, UsageError
from buildtools.oci.digest import digest_of
from buildtools.pins import AssetPin, BasePin, Pins
from buildtools.prepare import Choice, Prepared, asset_pin, pin_key, prepare, selected, stand_in
from buildtools.settings import Settings
from buildtools.spec.variant import Fetch
from buildtools.windows.bases import BuiltInBase, host_process_base, stand_in_base
from buildtools.workspace import Workspace
from tests.fakes.definitions import write_script
from tests.fakes.git import git
from tests.fakes.project import make_project

EPOCH = 1_767_225_600
NANOSERVER = "mcr.microsoft.com/windows/nanoserver:ltsc2022"


def project(root: Path, *, epoch: int | None = EPOCH, **changed: str) -> Workspace:
    """The small project with other files."""
    made = make_project(root, **changed)
    return Workspace(root=made, dist=root / "dist", settings=Settings(source_date_epoch=epoch))


def base_of(prepared: Prepared, image: str, label: str) -> Any:
    """What a variant of the plan stands on."""
    return next(target.base for target in prepared.plan.targets if target.key == (image, label))


def pinned(base: BuiltInBase, version: str) -> BasePin:
    """The pin of a base that is built in."""
    return BasePin(
        digest=base.manifest.descriptor.digest,
        media_type=base.manifest.media_type,
        os_version=version,
        manifest=base.manifest.raw,
        config=base.config.raw,
    )


def test_the_plan_has_all_variants_of_the_images_that_it_is_about(tmp_path: Path) -> None:
    """The targets are what was asked for; an index is made of all of them."""
    prepared = prepare(project(tmp_path), Choice(images=("hello",), platforms=("linux",)))
    assert [target.name for target in prepared.targets] == ["hello linux/amd64", "hello linux/arm64"]
    assert [target.name for target in prepared.plan.targets] == [
        "hello linux/amd64",
        "hello linux/arm64",
        "hello windows/amd64:ltsc2019",
        "hello windows/amd64:ltsc2022",
        "hello windows/amd64:ltsc2025",
    ]
    assert prepared.warnings == ()
    assert all(target.reasons == ("new",) for target in prepared.plan.targets)


def test_what_does_not_exist_is_said(tmp_path: Path) -> None:
    """Before anything is looked at."""
    with pytest.raises(UsageError):
        prepare(project(tmp_path), Choice(images=("helo",)))


FETCHING = """\
name: tool
platforms: [linux/amd64]
base: scratch
fetch:
  tool: {version: "1", url: "https://example.com/tool", checksum: "{url}.sha256"}
files:
  - {from: "{fetch}/tool", to: {linux: /tool}}
config:
  linux: {entrypoint: [/tool]}
"""


def test_a_run_without_network_leaves_fetching_variants_out(tmp_path: Path) -> None:
    """Also where nothing is left."""
    workspace = project(tmp_path, **{"images/tool/image.yaml": FETCHING})
    names = {made.image for made in selected(workspace.project, Choice(offline_only=True))}
    assert names == {"hello", "host", "made"}
    assert "tool" in {made.image for made in selected(workspace.project, Choice())}
    prepared = prepare(workspace, Choice(images=("tool",), offline_only=True))
    assert prepared.targets == prepared.plan.targets == ()


def test_bases_that_are_not_pinned(tmp_path: Path) -> None:
    """Stay unknown; what needs none has none; the HostProcess base is built in."""
    prepared = prepare(project(tmp_path), Choice())
    assert base_of(prepared, "hello", "linux/amd64").digest == ""
    assert base_of(prepared, "hello", "linux/amd64").reference == "scratch"
    unknown = base_of(prepared, "hello", "windows/amd64:ltsc2022")
    assert (unknown.reference, unknown.digest, unknown.os_version) == (NANOSERVER, "", "")
    host = host_process_base().manifest.descriptor.digest
    assert base_of(prepared, "host", "windows/amd64").digest == host
    assert list(prepared.bases) == [host]


def test_stand_in_bases(tmp_path: Path) -> None:
    """For each release its own, marked as such; not for scratch, and not for the HostProcess base."""
    prepared = prepare(project(tmp_path), Choice(stand_in_bases=True))
    found = base_of(prepared, "hello", "windows/amd64:ltsc2022")
    assert (found.reference, found.os_version, found.stand_in) == (NANOSERVER, "10.0.20348.1", True)
    image = prepared.bases[found.digest]
    assert image.blobs.keys() >= {layer.digest for layer in image.manifest.layers}
    assert not base_of(prepared, "host", "windows/amd64").stand_in
    assert base_of(prepared, "hello", "linux/amd64").digest == ""
    assert len(prepared.bases) == 4


def test_a_linux_stand_in_has_no_version(tmp_path: Path) -> None:
    """Its platform is the variant's."""
    text = "name: x\nplatforms: [linux/arm64]\nbase: docker.io/library/debian:13\n"
    workspace = project(tmp_path, **{"images/x/image.yaml": text})
    (made,) = selected(workspace.project, Choice(images=("x",)))
    base = stand_in(made)
    assert base == stand_in_base(made.platform, title="docker.io/library/debian:13")
    assert base.config.platform.os_version == ""
    assert pin_key(made) == "linux/arm64"


def test_pinned_bases(tmp_path: Path) -> None:
    """By reference, platform and Windows build; the pins file is read where none are handed in."""
    workspace = project(tmp_path)
    variants = {made.label: made for made in selected(workspace.project, Choice(images=("hello",)))}
    made = variants["windows/amd64:ltsc2022"]
    assert pin_key(made) == "windows/amd64:10.0.20348"
    base = stand_in_base(replace(made.platform, os_version="10.0.20348.4000"), title="x")
    pins = Pins().with_base(NANOSERVER, pin_key(made), pinned(base, "10.0.20348.4000"))
    handed_in = prepare(workspace, Choice(images=("hello",)), pins=pins)
    workspace.save_pins(pins)
    for prepared in (handed_in, prepare(workspace, Choice(images=("hello",)))):
        found = base_of(prepared, "hello", made.label)
        assert (found.digest, found.os_version, found.stand_in) == (
            base.manifest.descriptor.digest,
            "10.0.20348.4000",
            False,
        )
        assert prepared.pins == pins
        assert list(prepared.bases) == [found.digest]
        assert prepared.bases[found.digest].blobs == {}


@pytest.mark.parametrize(
    ("version", "said"), [("10.0.17763.1", "10.0.17763.1"), ("10.0.203480.1", "10.0.203480.1"), ("", "none")]
)
def test_a_pin_of_another_release_is_refused(tmp_path: Path, version: str, said: str) -> None:
    """The definition may have changed since: a wrong os.version must not get into an image."""
    workspace = project(tmp_path)
    (made,) = selected(workspace.project, Choice(images=("hello",), platforms=("windows/amd64:ltsc2022",)))
    base = stand_in_base(replace(made.platform, os_version=version), title="x")
    pins = Pins().with_base(NANOSERVER, pin_key(made), pinned(base, version))
    with pytest.raises(ConfigurationError) as caught:
        prepare(workspace, Choice(images=("hello",)), pins=pins)
    assert str(caught.value) == (
        f"images/pins.json: the pinned base of hello windows/amd64:ltsc2022 has os.version {said}: "
        "run `buildtools pins --update`"
    )


def test_a_dockerfile_brings_its_own_base(tmp_path: Path) -> None:
    """Nothing is pinned for it."""
    text = "name: x\nplatforms: [linux/amd64]\nengine: dockerfile\nbase: docker.io/library/debian:13\n"
    prepared = prepare(
        project(tmp_path, **{"images/x/image.yaml": text, "images/x/Dockerfile": "FROM debian"}),
        Choice(images=("x",), stand_in_bases=True),
    )
    assert base_of(prepared, "x", "linux/amd64").digest == ""
    assert prepared.bases == {}


def test_assets(tmp_path: Path) -> None:
    """By their checksum where it is known: the definition's own, then the pins'."""
    workspace = project(tmp_path, **{"images/tool/image.yaml": FETCHING})
    url = "https://example.com/tool"
    pins = Pins().with_asset(url, AssetPin(size=7, sha256="a" * 64))
    for known, name in ((Pins(), {}), (pins, {f"assets/{url}": "a" * 64})):
        (target,) = prepare(workspace, Choice(images=("tool",)), pins=known).targets
        found = {key: text for key, text in target.ingredients.items() if key.startswith("assets/")}
        assert found == name
    assert asset_pin(Fetch(name="tool", url=url), pins) == AssetPin(size=7, sha256="a" * 64)
    assert asset_pin(Fetch(name="tool", url=url, sha256="b" * 64), pins) == AssetPin(size=0, sha256="b" * 64)
    assert asset_pin(Fetch(name="tool", url=url + "2"), pins) is None


def test_inputs_are_seen_by_content(tmp_path: Path) -> None:
    """What builds read and what is copied; the digests are kept for the next run."""
    workspace = project(tmp_path)
    (target, *_) = prepare(workspace, Choice(images=("made",))).targets
    path = tmp_path / "images" / "made" / "make.py"
    assert target.ingredients["inputs/make.py"] == digest_of(path.read_bytes())


COMPILED = """\
name: x
platforms: [linux/amd64]
base: scratch
build:
  run: [[zig, cc, "{{out}}"]]
  tools: {{zig: "{wanted}"}}
files:
  - {{from: "{{out}}/x", to: {{linux: /x}}}}
"""


@pytest.mark.parametrize(
    ("wanted", "here", "version"),
    [
        ("==0.15.1", "", "0.15.1"),
        (">=0.14", "0.15.2", "0.15.2"),
        (">=0.14", "0.13.0", "missing"),
        (">=0.14", "", "missing"),
    ],
)
def test_tools_count_by_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, here: str, version: str
) -> None:
    """A pinned one is not even looked for; a missing one is found out when it is needed."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    if here:
        write_script(tmp_path / "bin" / "zig", f"echo {here}")
    text = COMPILED.format(wanted=wanted)
    workspace = project(tmp_path / "project", **{"images/x/image.yaml": text})
    (target,) = prepare(workspace, Choice(images=("x",))).targets
    assert target.tools == {"zig": version}


def commit(root: Path, time: int) -> None:
    """Commit all of a project."""
    git(root, "init", "-q")
    git(root, "add", "images")
    git(root, "commit", "-q", "-m", "all", time=time)


def created(workspace: Workspace) -> dict[str, int]:
    """The time of each image."""
    targets = prepare(workspace, Choice()).targets
    return {target.variant.image: target.created for target in targets}


def test_times_come_from_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the image's own folder; 1980 before its first commit; SOURCE_DATE_EPOCH has the last word, 0 too."""
    workspace = project(tmp_path, epoch=None)
    commit(tmp_path, EPOCH)
    (tmp_path / "images" / "hello" / "hello.sh").write_text("#!/bin/sh\n")
    commit(tmp_path, EPOCH + 60)
    assert created(workspace) == {"hello": EPOCH + 60, "host": EPOCH, "made": EPOCH}
    assert set(created(project(tmp_path, epoch=0)).values()) == {0}
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / ".git").rename(tmp_path / "git")
    assert set(created(workspace).values()) == {315532800}


def test_a_shallow_clone_is_warned_about(tmp_path: Path) -> None:
    """Its times are not those that other machines get, unless it is told the time."""
    source = tmp_path / "source"
    project(source)
    commit(source, EPOCH)
    (source / "images" / "hello" / "hello.sh").write_text("#!/bin/sh\n")
    commit(source, EPOCH + 60)
    clone = ["git", "clone", "-q", "--depth=1", f"file://{source}", str(tmp_path / "clone")]
    subprocess.run(clone, check=True, capture_output=True)
    prepared = prepare(project(tmp_path / "clone", epoch=None), Choice(images=("hello",)))
    assert prepared.warnings == (
        (
            "this is a shallow clone, so images are not dated by their commits: fetch the whole history or "
            "set SOURCE_DATE_EPOCH to get the digests that other machines get"
        ),
    )
    assert prepare(project(tmp_path / "clone"), Choice(images=("hello",))).warnings == ()


def test_files_that_are_not_there_are_found_for_all_images_at_once(tmp_path: Path) -> None:
    """Each once, however many variants need it, with its place."""
    workspace = project(tmp_path)
    for name in ("hello/hello.sh", "host/host.cmd", "made/make.py"):
        (tmp_path / "images" / name).unlink()
    with pytest.raises(ConfigurationError) as caught:
        prepare(workspace, Choice())
    places = [(item.path, item.line, item.column) for item in caught.value.diagnostics]
    assert places == [
        ("images/hello/image.yaml", 6, 11),
        ("images/host/image.yaml", 6, 11),
        ("images/made/image.yaml", 7, 11),
    ]
