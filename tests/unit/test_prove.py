# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What an engine has pulled is held against what it should have taken, on any kind of machine."""

import json
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.cluster.nodes import Node
from buildtools.cluster.runtimes import runtime_for
from buildtools.errors import MissingToolError, VerificationError
from buildtools.oci.platform import Platform
from buildtools.prove import host_version, prove
from buildtools.stores.memory import MemoryStore
from buildtools.views.prove import prove_json, prove_table
from tests.fakes.images import Image, image, index
from tests.fakes.shapes import V2022, V2025

NAME = "ghcr.io/acme/app"
LINUX = image(Platform(os="linux", architecture="amd64"))
OLD = image(Platform(os="windows", architecture="amd64", os_version=V2022))
NEW = image(Platform(os="windows", architecture="amd64", os_version=V2025))


@dataclass
class Engine:
    """A machine that says what it is told to; `told` replaces what inspecting says."""

    os: str = "windows"
    version: str = "10.0.26100.9000"
    told: dict[str, Any] = field(default_factory=dict)
    pulled: list[str] = field(default_factory=list)

    def node(self) -> Node:
        """This machine."""
        version = self.version if self.os == "windows" else ""
        runtime = runtime_for("docker://29.1.5")
        return Node(name="m", os=self.os, architecture="amd64", os_version=version, runtime=runtime)

    def pull(self, reference: str) -> dict[str, Any]:
        """What is there after it."""
        self.pulled.append(reference)
        return self.told


def inspected(one: Image, **changes: Any) -> dict[str, Any]:
    """What Docker says of the image."""
    platform = one.platform
    return {
        "Id": one.manifest.config.digest,
        "Os": platform.os,
        "Architecture": platform.architecture,
        "OsVersion": platform.os_version,
    } | changes


def store(*images: Image) -> tuple[MemoryStore, str]:
    """A repository with their index, and its reference."""
    found = MemoryStore(NAME)
    for one in images:
        one.put(found)
    made = index(*images)
    found.put_manifest(made.raw, made.media_type)
    return found, f"{NAME}@{made.descriptor.digest}"


def findings(engine: Engine, *images: Image) -> list[str]:
    """What is wrong, after a pull of their index."""
    found, reference = store(*images)
    (one,) = prove([reference], engine, lambda _: (found, reference.partition("@")[2]))
    return [f"{finding.severity} {finding.code}: {finding}" for finding in one.findings]


@pytest.mark.parametrize("told", [inspected(NEW), inspected(NEW, Id=NEW.entry.digest)])
def test_a_windows_machine_takes_its_own(told: dict[str, Any]) -> None:
    """By the config's digest, or the manifest's where the engine's store goes by that."""
    engine = Engine(told=told)
    assert findings(engine, LINUX, NEW, OLD) == []
    assert len(engine.pulled) == 1


def test_a_linux_machine_takes_its_own() -> None:
    """An image for Linux has no version; nothing is said of a host's patches."""
    told = inspected(LINUX)
    del told["OsVersion"]
    assert findings(Engine(os="linux", told=told), LINUX, NEW) == []


def test_another_entry_than_expected() -> None:
    """The digest and the platform tell."""
    assert findings(Engine(told=inspected(OLD)), LINUX, NEW, OLD) == [
        f"error other-entry: the engine has {OLD.manifest.config.digest}, and the entry for this machine {NEW.manifest.config.digest}: see `buildtools inspect` for which entry each node takes",
        f"error other-platform: the engine says OsVersion {V2022!r}, the config {V2025!r}: publish it again",
    ]


def test_a_host_that_is_patched_less() -> None:
    """It has pulled the image, and may not start it."""
    assert findings(Engine(version="10.0.26100.7000", told=inspected(NEW)), NEW) == [
        f"warning older-host: the image is of {V2025}, and this host of 10.0.26100.7000: under process isolation it may not start: wait for the host's update before the base's (0xc0370106; actions/runner-images#11582)"
    ]
    # An older build runs on the newer one whatever its patches are.
    assert findings(Engine(version="10.0.26100.1", told=inspected(OLD)), OLD) == []


def test_nothing_for_this_machine() -> None:
    """That is as it should be, and nothing is pulled."""
    engine = Engine(version="10.0.20348.5000")
    found, reference = store(LINUX)
    (one,) = prove([reference], engine, lambda _: (found, reference.partition("@")[2]))
    assert (one.what, one.findings, engine.pulled) == ("nothing for it", (), [])
    table = prove_table([one])
    assert (table.title, [*table.rows]) == (
        "windows/amd64 10.0.20348.5000, Docker",
        [(NAME, "–", "–", "nothing for it")],
    )


def test_what_is_taken_and_does_not_run() -> None:
    """Windows 11 25H2 takes images of Windows Server 2025."""
    (finding,) = findings(Engine(version="10.0.26200.1", told=inspected(NEW)), NEW)
    assert finding.startswith("error cannot-run: Docker takes ")


def test_the_document() -> None:
    """Every key."""
    found, reference = store(NEW)
    engine = Engine(told=inspected(NEW, Os="linux"))
    proven = prove([reference], engine, lambda _: (found, reference.partition("@")[2]))
    (one,) = prove_json(proven)["images"]
    assert {key: one[key] for key in ("reference", "machine", "entry", "what")} == {
        "reference": reference,
        "machine": "windows/amd64:10.0.26100.9000",
        "entry": NEW.entry.digest,
        "what": "wrong",
    }
    assert [finding["code"] for finding in one["findings"]] == ["other-platform"]


def test_a_single_image_is_refused() -> None:
    """There would be nothing to choose."""
    found = MemoryStore(NAME)
    digest = NEW.put(found).digest
    with pytest.raises(VerificationError) as caught:
        prove([f"{NAME}@{digest}"], Engine(), lambda _: (found, digest))
    assert str(caught.value) == f"{NAME}@{digest} is a single image and no index: name an index"


@pytest.mark.skipif(sys.platform == "win32", reason="only where there is no such version")
def test_only_windows_has_a_windows_version() -> None:
    """An engine of Windows that is asked from elsewhere."""
    with pytest.raises(MissingToolError) as caught:
        host_version()
    assert str(caught.value) == (
        "the Docker Engine is of Windows, and this machine is not: run it where the engine is"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "error: there is nothing to prove: name an index, as ghcr.io/acme/whoami@sha256:...\n"),
        (["a/b:1"], "error: a/b:1 names no digest: a tag may move meanwhile: write NAME@sha256:...\n"),
    ],
)
def test_what_cannot_be_proven(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any engine is asked."""
    assert main(["prove", *arguments]) == 2
    assert capsys.readouterr().err == sentence


def test_a_machine_without_an_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tool is missing: exit code 7."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    images = json.dumps({"include": [{"name": NAME, "digest": NEW.entry.digest}]})
    assert main(["prove", "-q", "--images", images]) == 7
    err = capsys.readouterr().err
    assert err == (
        "error: no Docker Engine answers at tcp://127.0.0.1:9 (DOCKER_HOST): nobody listens there: start a Docker "
        "Engine, name one in DOCKER_HOST or with `docker context use`, or describe the image with `files`, "
        "which needs none\n"
    )


def test_what_is_no_list_of_images(capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error."""
    with pytest.raises(SystemExit):
        main(["prove", "--images", "{}"])
    assert (
        "argument --images: it is not what `publish --github-output` gives: 'include'"
        in capsys.readouterr().err
    )
