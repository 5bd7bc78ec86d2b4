# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The `smoke` verb as a person runs it: built and published images, on each tier that is here."""

import io
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import docker
import pytest

from buildtools.cli import main
from buildtools.oci.config import ConfigSettings, build_config
from buildtools.oci.documents import Manifest
from buildtools.oci.layer import LINUX, Entry, write_layer
from buildtools.oci.platform import Platform
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.project import make_project
from tests.fakes.stands import compile_stand
from tests.integration.test_tiers import cluster, in_cluster, in_engine

STAND = """\
name: stand
platforms: [linux/amd64, linux/arm64]
base: {linux: scratch}
files:
  - from: "stand-linux-{arch}"
    to: {linux: /stand}
  - directory: {linux: /own}
    owner: "4242:4343"
    mode: "0700"
config:
  linux: {entrypoint: [/stand], user: "4242:4343", workdir: /own}
lifecycle:
  args: [-addr, ":{port}"EXTRA]
  ready: {http: /ready, within: 20}
  probe: {http: /who}
  stop: {within: 20, drain: /slow}
"""
OTHER = """\
name: other
platforms: [linux/amd64]
base: {linux: scratch}
files: [{directory: {linux: /data}}]
config: {env: {A: b}}
"""

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the images are for amd64")


@pytest.fixture(scope="session")
def stands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The program for both processors."""
    folder = tmp_path_factory.mktemp("stands")
    made = [compile_stand(folder, "linux", architecture=one) for one in ("amd64", "arm64")]
    return {path.name: path.read_bytes() for path in made}


@pytest.fixture
def root(tmp_path: Path, stands: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an image that has a contract, and one that has none; no engine answers."""
    root = make_project(tmp_path / "p")
    for name, data in stands.items():
        path = root / "images" / "stand" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755)
    define(root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    return root


def define(root: Path, *args: str) -> None:
    """The image's contract, whose program has these arguments, too."""
    extra = "".join(f", {json.dumps(one)}" for one in args)
    (root / "images" / "stand" / "image.yaml").write_text(STAND.replace("EXTRA", extra))


def smoke(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> Any:
    """The document of a run that ends with this code."""
    assert main(["smoke", "-q", "--json", *args]) == code
    return json.loads(capsys.readouterr().out)


def results(document: Any) -> dict[tuple[str, str], Any]:
    """By platform and tier."""
    return {(one["platform"], one["tier"]): one for one in document["results"]}


def test_what_this_machine_has(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The native tier runs the image of this processor as its user; what cannot be tried has a reason."""
    document = smoke(capsys, "stand")
    assert document["kept"]
    found = results(document)
    native = found["linux/amd64", "native"]
    assert (native["state"], native["exit_code"], native["findings"]) == ("kept", 0, [])
    assert native["log"] == ["begun", "asked to stop"]
    assert found["linux/arm64", "native"]["reason"] == "is for arm64, and this machine is amd64"
    assert found["linux/arm64", "checks"]["state"] == "kept"
    docker_tier = next(one for one in document["tiers"] if one["tier"] == "docker")
    assert docker_tier["tried"] == 0
    assert docker_tier["reasons"][0].startswith("no Docker Engine answers at ")
    assert (root / "dist" / "oci" / "stand" / "index.json").is_file()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root switches users")
def test_its_own_user(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program runs as the image's user, in a folder that is that user's."""
    script = root / "images" / "stand" / "stand-linux-amd64"
    script.write_text("#!/bin/sh\nid -u; id -g; id -G; touch here && ls -ln | tail -1\n")
    text = STAND.partition("lifecycle:")[0] + "lifecycle: {env: {PATH: /usr/bin}}\n"
    (root / "images" / "stand" / "image.yaml").write_text(text)
    found = results(smoke(capsys, "stand"))["linux/amd64", "native"]
    assert found["log"][:3] == ["4242", "4343", "4343"]
    assert found["log"][3].split()[2:4] == ["4242", "4343"]


def test_a_broken_contract(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 4, a sentence for each finding, an annotation, a row in the step summary, JUnit."""
    define(root, "-exit", "7", "-lose")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(root / "summary.md"))
    assert main(["smoke", "-q", "stand", "--junit", "out/results.xml"]) == 4
    out, err = capsys.readouterr()
    assert "the request in flight, /slow, was lost; ended with 7, expected 0" in out
    assert (
        "::error file=images/stand/image.yaml,title=contract::stand linux/amd64 on native: ended with 7, expected 0\n"
        in err
    )
    assert "error: 1 contract is not kept: see the end of each program's output with --json\n" in err
    assert "| stand | linux/amd64 | – | native |" in (root / "summary.md").read_text()
    suites = ET.parse(root / "out" / "results.xml").getroot()
    assert suites.get("failures") == "1"
    assert [one.get("message") for one in suites.iter("failure")] == [
        "the request in flight, /slow, was lost",
        "ended with 7, expected 0",
    ]


def test_a_tier_that_is_missing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that was asked for by name ends with 7, where the others are tried all the same."""
    assert main(["smoke", "-q", "stand", "--tier", "docker", "--tier", "native"]) == 7
    out, err = capsys.readouterr()
    assert "native" in out
    assert err.startswith("error: nothing was tried on docker (no Docker Engine answers at ")
    assert err.endswith("): see `buildtools doctor` for what this machine has\n")
    assert main(["smoke", "-q", "stand", "--platform", "linux/arm64"]) == 7
    assert (
        "nothing was tried on native (is for arm64, and this machine is amd64) and docker ("
        in capsys.readouterr().err
    )


def test_wrong_input(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each ends with a sentence."""
    (root / "images" / "other").mkdir()
    (root / "images" / "other" / "image.yaml").write_text(OTHER)
    for arguments, code, sentence in [
        (["other"], 2, "error: none of these images has a contract: write `lifecycle` in its image.yaml\n"),
        (["ghcr.io/acme/gone:1"], 2, "error: ghcr.io/acme/gone:1 is called gone, and no definition has that name: the contract is read from the definition; there is hello, host, made, other, stand\n"),
        (["oci:nowhere/stand"], 2, "error: nowhere/stand is not an OCI image layout: name a folder that holds an oci-layout file\n"),
    ]:  # fmt: skip
        assert main(["smoke", "-q", *arguments]) == code
        assert capsys.readouterr().err == sentence
    assert main(["smoke", "-q", "stand", "--no-build"]) == 1
    assert capsys.readouterr().err == (
        "error: 2 of 2 variants are not built: stand linux/amd64 (new); stand linux/arm64 (new): run `buildtools build` first, or leave --no-build out\n"
    )


def test_a_wrong_program(root: Path, stands: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    """A layout that somebody else has built: the files say what breaks before anything is started."""
    assert main(["build", "-q", "stand"]) == 0
    layout = root / "dist" / "oci" / "stand"
    capsys.readouterr()
    document = smoke(capsys, f"oci:{layout}")
    assert results(document)["linux/amd64", "native"]["state"] == "kept"
    assert len({one["digest"] for one in document["results"]}) == 2


def test_what_is_published(
    root: Path,
    registry: DockerRegistry,
    docker_engine: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By tag out of a registry: its layers are read from there, for the native tier and for an engine."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    name = f"{registry.host}/smoke"
    assert main(["publish", "-q", "stand", "--to", name, "--tag", "v1", "--allow-dirty"]) == 0
    capsys.readouterr()
    document = smoke(
        capsys, f"{name}/stand:v1", "--platform", "linux/amd64", "--tier", "native", "--tier", "docker"
    )
    found = results(document)
    assert found["linux/amd64", "native"]["state"] == "kept"
    assert found["linux/amd64", "docker"]["state"] == "kept"
    assert "remarks" in found["linux/amd64", "docker"]
    assert in_engine(docker_engine) == []


def put_users(registry: DockerRegistry) -> str:
    """A base for Linux whose only file names its users; gives its reference."""
    text = b"app:x:4242:4343::/:/bin/false\n"
    blob = io.BytesIO()
    entry = Entry(path="etc/passwd", size=len(text), open=lambda: io.BytesIO(text))
    layer = write_layer([entry], blob, system=LINUX, epoch=0)
    config = build_config(
        None, platform=Platform(os="linux", architecture="amd64"), settings=ConfigSettings(),
        diff_ids=(layer.diff_id,), history=("users",), created="2026-01-01T00:00:00Z",
    )  # fmt: skip
    manifest = Manifest.build(config=config.descriptor, layers=(layer.descriptor,))
    registry.put_blob("users", blob.getvalue())
    registry.put_blob("users", config.raw)
    registry.put_manifest("users", manifest.raw, manifest.media_type, tag="1")
    return f"{registry.host}/users:1"


def test_a_base_in_a_registry(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is read only where the program needs it: here its user has a name in the base's own file."""

    def tried(user: str, code: int = 0) -> Any:
        text = STAND.replace("EXTRA", "").replace("linux: scratch", f'linux: "{base}"')
        text = text.replace("[linux/amd64, linux/arm64]", "[linux/amd64]")
        definition.write_text(text.replace('user: "4242:4343"', f'user: "{user}"'))
        return results(smoke(capsys, "stand", "--tier", "native", code=code))["linux/amd64", "native"]

    definition = root / "images" / "stand" / "image.yaml"
    with DockerRegistry(require("docker-registry"), tmp_path / "users") as registry:
        base = put_users(registry)
        assert tried("4242:4343")["state"] == "kept"
        assert tried("app")["state"] == "kept"
        assert tried("nobody", code=4)["findings"] == [
            "cannot be started (its user 'nobody' is not in the image's /etc/passwd)"
        ]
    assert tried("4242:4343")["state"] == "kept"


def test_a_cluster(
    root: Path,
    registry: DockerRegistry,
    tmp_path: Path,
    stands: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only what is published, and only where it is asked for; the pod has the index by digest."""
    program = tmp_path / "program"
    program.write_bytes(stands["stand-linux-amd64"])
    program.chmod(0o755)
    state = cluster(tmp_path, program, monkeypatch)
    name = f"{registry.host}/pods"
    assert main(["publish", "-q", "stand", "--to", name, "--tag", "v1", "--allow-dirty"]) == 0
    capsys.readouterr()
    reference = f"{name}/stand:v1"
    document = smoke(capsys, reference, "--platform", "linux/amd64")
    assert results(document)["linux/amd64", "cluster"]["reason"] == "it is tried only where --tier names it"
    assert not (state / "asked").exists()
    document = smoke(capsys, reference, "--platform", "linux/amd64", "--tier", "cluster")
    assert results(document)["linux/amd64", "cluster"]["state"] == "kept"
    (pod,) = state.glob("buildtools-smoke-*.json")
    image = json.loads(pod.read_text())["spec"]["containers"][0]["image"]
    assert image.startswith(f"{name}/stand@sha256:")
    assert in_cluster(state) == []
    document = smoke(capsys, "stand", "--tier", "cluster", code=7)
    assert results(document)["linux/amd64", "cluster"]["reason"] == (
        "it pulls: name a published image, as in ghcr.io/acme/app@sha256:..."
    )


@pytest.mark.parametrize("tier", ["native", "docker"])
def test_an_interrupt(root: Path, open_folder: Path, docker_engine: str, tier: str) -> None:
    """Ctrl-C in the middle of a contract: exit code 130 soon, and no process, container, image or file."""
    define(root, "-never-ready")
    environment = {**os.environ, "DOCKER_HOST": docker_engine, "TMPDIR": str(open_folder)}
    chosen = ("stand", "--tier", tier, "--platform", "linux/amd64")
    with subprocess.Popen(
        [sys.executable, "-m", "buildtools", "smoke", *chosen],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            until_running(tier, docker_engine)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert err.endswith("interrupted: what was finished is kept, nothing is half written\n")
    assert process.returncode == 130
    assert [*open_folder.iterdir()] == []
    assert in_engine(docker_engine) == []
    assert stands_running() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root switches users")
def test_a_closed_folder(
    root: Path, open_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image's user cannot come to its files there, which is said."""
    open_folder.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(open_folder))
    document = smoke(capsys, "stand", "--tier", "native", code=4)
    assert results(document)["linux/amd64", "native"]["findings"] == [
        f"cannot be started (its user may not enter {open_folder}: name another folder in TMPDIR)"
    ]


def stands_running() -> list[str]:
    """Processes of the program."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/stand") and b"-never-ready" in words:
            found.append(folder.name)
    return found


def until_running(tier: str, engine: str) -> None:
    """Wait until the program runs."""
    client = docker.DockerClient(base_url=engine)
    deadline = time.monotonic() + 60
    while not (client.containers.list() if tier == "docker" else stands_running()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    client.close()
