"""`plan --against`: a published index alone says what another build would change."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from tests.fakes.bases import put_base, put_base_index, windows
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.images import image, index
from tests.fakes.registry import FakeRegistry

LABELS = [
    "linux/amd64",
    "linux/arm64",
    *(f"windows/amd64:{tag}" for tag in ("ltsc2019", "ltsc2022", "ltsc2025")),
]


@pytest.fixture
def published(project: Path) -> Any:
    """A registry that the project's `hello` is published to; nothing of the build is left."""
    with FakeRegistry() as server:
        assert main(["publish", "hello", "-q", "--tag", "latest", "--to", f"{server.host}/acme"]) == 0
        shutil.rmtree(project / "dist")
        server.seen.clear()
        yield server


def against(
    capsys: pytest.CaptureFixture[str], server: FakeRegistry, *arguments: str, code: int = 0
) -> list[dict[str, Any]]:
    """The comparison with what is published, of `hello` where nothing else is named."""
    capsys.readouterr()
    images = [] if arguments and not arguments[0].startswith("-") else ["hello"]
    line = ["plan", *images, *arguments, "--json", "-q", "--exit-code", "--against", f"{server.host}/acme"]
    assert main(line) == code
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["against"]
    return rows


def states(rows: list[dict[str, Any]]) -> dict[str, tuple[str, list[str]]]:
    """State and what differs, by platform."""
    return {row["platform"]: (row["state"], row["what"]) for row in rows}


def test_a_fresh_checkout_knows_that_all_is_published(
    published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is built for it, and one request an image tells."""
    rows = against(capsys, published)
    assert states(rows) == dict.fromkeys(LABELS, ("up to date", []))
    assert published.lines() == ["GET /v2/acme/hello/manifests/latest"]
    assert {row["reference"] for row in rows} == {f"{published.host}/acme/hello:latest"}


def test_digests_decide_where_something_was_built(
    project: Path, published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was built again has the digests that are published."""
    assert main(["build", "hello", "-q"]) == 0
    rows = against(capsys, published)
    assert {row["state"] for row in rows} == {"up to date"}
    assert all(row["digest"] == row["published"] for row in rows)


def test_a_changed_file_changes_files(
    project: Path, published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of every variant, with exit code 3."""
    (project / "images/hello/hello.sh").write_text("#!/bin/sh\necho hello, world\n")
    assert states(against(capsys, published, code=3)) == dict.fromkeys(LABELS, ("changed", ["files"]))


def test_a_changed_setting_changes_the_config_where_it_counts(
    project: Path, published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user on Windows is none on Linux."""
    definition = project / "images/hello/image.yaml"
    definition.write_text(definition.read_text().replace("ContainerUser", "ContainerAdministrator"))
    changed = dict.fromkeys(LABELS[2:], ("changed", ["config"]))
    assert states(against(capsys, published, code=3)) == changed | dict.fromkeys(
        LABELS[:2], ("up to date", [])
    )


def test_a_moved_pin_changes_the_base(
    project: Path, vendor: DockerRegistry, published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the one release that moved."""
    entry = put_base(vendor, "mcr/windows/nanoserver", windows("10.0.20348.9999"))
    put_base_index(vendor, "mcr/windows/nanoserver", "ltsc2022", [entry])
    assert main(["pins", "--update", "-q"]) == 0
    found = states(against(capsys, published, code=3))
    assert found == dict.fromkeys(LABELS, ("up to date", [])) | {
        "windows/amd64:ltsc2022": ("changed", ["base"])
    }


def test_what_was_never_published_is_missing_and_what_nobody_asks_for_is_extra(
    project: Path, published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """By image and by platform."""
    rows = against(capsys, published, "host", code=3)
    assert states(rows) == {"windows/amd64": ("missing", [])}
    definition = project / "images/hello/image.yaml"
    definition.write_text(definition.read_text().replace("linux/arm64, ", ""))
    found = states(against(capsys, published, code=3))
    assert found["linux/arm64"] == ("extra", [])


def test_the_platforms_that_were_not_chosen_are_not_extra(
    project: Path, published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Definitions ask for them, if this run does not; an entry that none asks for stays extra."""
    found = states(against(capsys, published, "--platform", "linux/amd64"))
    assert found == {"linux/amd64": ("up to date", [])}
    definition = project / "images/hello/image.yaml"
    definition.write_text(definition.read_text().replace("linux/arm64, ", ""))
    found = states(against(capsys, published, "--platform", "linux/amd64", code=3))
    assert found == {"linux/amd64": ("up to date", []), "linux/arm64": ("extra", [])}


def test_another_tool_s_image_is_changed(
    project: Path, published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its entries say nothing of what they were made of."""
    foreign = image()
    foreign.put(published.repository("acme/hello"))
    made = index(foreign)
    published.put_manifest("acme/hello", made.raw, made.media_type, tag="latest")
    found = states(against(capsys, published, code=3))
    assert ("changed", ["published by another tool"]) in found.values()


def test_a_single_image_under_the_name_is_said(
    project: Path, published: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to compare with."""
    foreign = image()
    foreign.put(published.repository("acme/hello"))
    published.put_manifest("acme/hello", foreign.manifest.raw, foreign.manifest.media_type, tag="latest")
    assert main(["plan", "hello", "-q", "--against", f"{published.host}/acme"]) == 4
    assert capsys.readouterr().err == (
        f"error: {published.host}/acme/hello:latest is a single image and no index: "
        "something else was published under this name: compare with another tag\n"
    )


def test_the_matrix_holds_what_differs(
    project: Path, published: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request builds what it changes."""
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    definition = project / "images/hello/image.yaml"
    definition.write_text(definition.read_text().replace("ContainerUser", "ContainerAdministrator"))
    line = ["plan", "hello", "-q", "--github-output", "--against", f"{published.host}/acme"]
    assert main(line) == 0
    named = dict(text.split("=", 1) for text in output.read_text().splitlines())
    assert [target["platform"] for target in json.loads(named["targets"])] == LABELS[2:]
