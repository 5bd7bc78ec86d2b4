"""Pins as people keep them: bases from a mirror, exact builds, offline afterwards, moved when asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.oci.descriptor import Descriptor
from buildtools.stores.layout import Layout
from tests.fakes import registry as fake
from tests.fakes.bases import BUILDS, linux, put_base, put_base_index, windows
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.project import HELLO, make_project
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule

NANOSERVER = "mcr.microsoft.com/windows/nanoserver"


def pins_of(root: Path) -> Any:
    """The pins file as it is."""
    return json.loads((root / "images" / "pins.json").read_text())


def hello_configs(root: Path) -> dict[str, Any]:
    """The config of every entry of `hello`, by os.version or architecture."""
    layout = Layout(root / "dist" / "oci" / "hello")
    (entry,) = layout.entries()
    found = {}
    for child in json.loads(layout.get_manifest(entry.digest)[1])["manifests"]:
        manifest = json.loads(layout.get_manifest(child["digest"])[1])
        with layout.get_blob(Descriptor.from_json(manifest["config"])) as blob:
            config = json.load(blob)
        found[child["platform"].get("os.version") or child["platform"]["architecture"]] = config
    return found


def test_pins_are_resolved_through_a_mirror(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each release's base is pinned with its os.version under the vendor's own name, not the mirror's."""
    assert main(["pins"]) == 0
    said = capsys.readouterr().out
    document = pins_of(project)
    found = {
        reference: {key: pin["os_version"] for key, pin in platforms.items()}
        for reference, platforms in document["bases"].items()
    }
    assert found == {
        f"{NANOSERVER}:{tag}": {f"windows/amd64:{version.rpartition('.')[0]}": version}
        for tag, version in BUILDS.items()
    }
    assert "127.0.0.1" not in (project / "images" / "pins.json").read_text()
    for tag in BUILDS:
        assert f"{NANOSERVER}:{tag}" in said
    assert main(["pins"]) == 0
    assert capsys.readouterr().out == "all is pinned\n"


def test_a_build_needs_no_network_once_pinned(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first build pins, the next ones ask nobody; os.version is what the base's config says."""
    assert main(["build", "hello", "-q"]) == 0
    assert sorted(hello_configs(project)) == [
        "10.0.17763.8146",
        "10.0.20348.4529",
        "10.0.26100.7462",
        "amd64",
        "arm64",
    ]
    vendor.__exit__(None, None, None)
    capsys.readouterr()
    assert main(["build", "hello", "--force", "--locked", "--json"]) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    # The base layers stay in the registry, and the layout says which.
    assert len(image["missing_blobs"]) == 3


def test_a_locked_build_pins_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--locked` names everything that is not pinned and writes no file."""
    assert main(["build", "hello", "--locked"]) == 2
    said = capsys.readouterr().err
    for tag, version in BUILDS.items():
        build = version.rpartition(".")[0]
        assert (
            f"images/pins.json: error: the base {NANOSERVER}:{tag} for windows/amd64:{build} is not pinned: "
            "run `buildtools pins` and commit the file"
        ) in said
    assert not (project / "images" / "pins.json").exists()


def test_full_layouts_hold_the_base_layers(project: Path) -> None:
    """`--full` fetches them, so that the layout stands alone; a second run finds nothing to do."""
    assert main(["build", "hello", "--full", "-q"]) == 0
    layout = Layout(project / "dist" / "oci" / "hello")
    assert not layout.missing()
    assert main(["check", "oci:dist/oci/hello"]) == 0
    assert main(["build", "hello", "--full", "-q"]) == 0


def test_stale_pins_are_found_and_moved(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` says what moved and exits with 3, `--update` moves it, `plan` then says why it builds."""
    assert main(["build", "hello", "-q"]) == 0
    newer = put_base(vendor, "mcr/windows/nanoserver", windows("10.0.20348.5000"), text="patched")
    put_base_index(vendor, "mcr/windows/nanoserver", "ltsc2022", [newer])
    before = (project / "images" / "pins.json").read_bytes()
    capsys.readouterr()
    assert main(["pins", "--check"]) == 3
    said = capsys.readouterr()
    assert "os.version 10.0.20348.4529 → 10.0.20348.5000" in said.out
    assert "1 pins are stale: run `buildtools pins --update`" in said.err
    assert (project / "images" / "pins.json").read_bytes() == before
    assert main(["pins", "--update"]) == 0
    capsys.readouterr()
    assert main(["plan", "hello", "--json"]) == 0
    targets = {
        target["platform"]: target["reasons"] for target in json.loads(capsys.readouterr().out)["targets"]
    }
    moved = targets.pop("windows/amd64:ltsc2022")
    assert any("base moved" in reason for reason in moved)
    assert main(["pins", "--check"]) == 0
    assert capsys.readouterr().out == "every pin is up to date\n"


def test_a_base_without_the_build_is_refused(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exact build is asked for, and what the base offers is listed; nothing is pinned."""
    entries = [
        put_base(vendor, "mcr/windows/nanoserver", windows(version))
        for version in ("10.0.20348.1", "10.0.25398.1")
    ]
    put_base_index(vendor, "mcr/windows/nanoserver", "1809", entries)
    assert main(["pins"]) == 1
    assert (
        f"the base {NANOSERVER}:1809 has no image for windows/amd64:10.0.17763: "
        "it offers windows/amd64:10.0.20348.1, windows/amd64:10.0.25398.1"
    ) in capsys.readouterr().err
    assert not (project / "images" / "pins.json").exists()


def test_a_mislabelled_base_is_refused(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The config has the last word: an index that says another build than the image is wrong."""
    wrong = put_base(
        vendor, "mcr/windows/nanoserver", windows("10.0.17763.1"), said=windows("10.0.20348.4529")
    )
    put_base_index(vendor, "mcr/windows/nanoserver", "ltsc2022", [wrong])
    assert main(["pins"]) == 4
    assert (
        f"the base {NANOSERVER}:ltsc2022 for windows/amd64:10.0.20348 says os.version 10.0.17763.1: "
        "its index is wrong; use another tag"
    ) in capsys.readouterr().err


def test_linux_bases_are_pinned_per_architecture(
    project: Path, vendor: DockerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror of another registry, and one index for two architectures."""
    entries = [put_base(vendor, "hub/library/debian", linux(name)) for name in ("amd64", "arm64")]
    put_base_index(vendor, "hub/library/debian", "12", entries)
    text = HELLO.replace("linux: scratch", "linux: 'debian:12'")
    make_project(project, **{"images/hello/image.yaml": text})
    monkeypatch.setenv(
        "BUILDTOOLS_MIRRORS", f"mcr.microsoft.com={vendor.host}/mcr,docker.io={vendor.host}/hub"
    )
    assert main(["build", "hello", "--platform", "linux", "-q"]) == 0
    (pins,) = pins_of(project)["bases"].values()
    assert sorted(pins) == ["linux/amd64", "linux/arm64"]
    for config in hello_configs(project).values():
        assert len(config["rootfs"]["diff_ids"]) == 2


def test_a_base_that_cannot_be_asked_for_says_what_else_can_be_done(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 6, since the same command may work later; nothing is pinned."""
    later = Rule(pattern=".", fault=fake.status(503, Retry_After="3600"), times=ALWAYS)
    with FakeRegistry(rules=[later]) as server:
        monkeypatch.setenv("BUILDTOOLS_MIRRORS", f"mcr.microsoft.com={server.host}/mcr")
        assert main(["build", "hello", "-q"]) == 6
    error = capsys.readouterr().err
    assert error.startswith(f"error: a base or asset is not pinned yet, and {server.host}")
    assert error.endswith("a mirror is named in BUILDTOOLS_MIRRORS, and --stand-in-bases tries things out\n")
    assert not (project / "images" / "pins.json").exists()
