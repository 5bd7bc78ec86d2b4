# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What the docker tier decides, above all on Windows machines, which answer here as they were recorded."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import UnavailableError
from buildtools.oci.platform import PlatformError
from buildtools.spec.model import ProbeSpec, StopSpec
from buildtools.tiers import docker as docker_tier
from buildtools.tiers.base import CancelledError, Contract
from buildtools.tiers.docker import Docker
from buildtools.tiers.docker_host import engine_host, loaded_faults, patch_remark, refusal
from buildtools.tiers.story import hold
from buildtools.windows.releases import RELEASES
from tests.fakes.running_engine import WINDOWS, RunningEngine, ver
from tests.fakes.stands import contract_of

BUILDS = {row.name: row.build for row in RELEASES}
OLD, MIDDLE, NEW = (BUILDS[name] for name in ("ltsc2019", "ltsc2022", "ltsc2025"))
LINUX = {"OSType": "linux", "Architecture": "x86_64"}


def windows(build: int, revision: int | str = 5000) -> dict[str, Any]:
    """What an engine on such a machine says."""
    return WINDOWS | {
        "OperatingSystem": f"Microsoft Windows Server Version 21H2 (OS Build {build}.{revision})",
        "KernelVersion": f"10.0 {build} ({build}.1.amd64fre.x_release.1)",
    }


def image(tmp_path: Path, os_version: str = "", name: str = "stand-windows-amd64", **told: Any) -> Contract:
    """The contract of an image whose program is never started."""
    program = tmp_path / name
    program.write_bytes(b"MZ program")
    return contract_of(program, tmp_path / "root", os_version=os_version, **told)


@pytest.mark.parametrize(
    ("info", "build", "reason"),
    [
        (windows(NEW), NEW, ""),
        (windows(NEW), MIDDLE, ""),
        (windows(MIDDLE), MIDDLE, ""),
        (windows(OLD), OLD, ""),
        (windows(NEW), OLD, f"a host of build {NEW} runs images of build {OLD} under Hyper-V only"),
        (windows(MIDDLE), OLD, f"a host of build {MIDDLE} runs images of build {OLD} under Hyper-V only"),
        (windows(MIDDLE), NEW, f"the image is of build {NEW}, newer than this host's {MIDDLE}"),
        (windows(26200), NEW, f"a host of build 26200 runs images of build {NEW} under Hyper-V only"),
        (windows(26200), MIDDLE, ""),
        (windows(14393), 14393, ""),
        (windows(NEW), 14393, f"a host of build {NEW} runs images of build 14393 under Hyper-V only"),
        (LINUX, NEW, "needs an engine for windows containers, this one is for linux"),
        (WINDOWS | {"Architecture": "aarch64"}, NEW, "needs an engine on amd64, this one is on arm64"),
        (
            WINDOWS | {"KernelVersion": "<unknown>", "OperatingSystem": "?"},
            NEW,
            "the engine does not say which Windows it is of",
        ),
    ],
)
def test_which_windows_images_a_host_runs(
    tmp_path: Path, info: dict[str, Any], build: int, reason: str
) -> None:
    """By the table of releases, and under process isolation only."""
    config = image(tmp_path, f"10.0.{build}.1000").config
    assert refusal(config, engine_host(info, "localnpipe")) == reason


@pytest.mark.parametrize(
    ("os_version", "reason"),
    [
        ("", "HostProcess images run on nodes of a cluster only"),
        ("ten", "'ten' is not a Windows version: it has four numbers, as in 10.0.20348.2700"),
    ],
)
def test_images_without_a_version(tmp_path: Path, os_version: str, reason: str) -> None:
    """One for the node itself, and one that is broken."""
    assert refusal(image(tmp_path, os_version).config, engine_host(WINDOWS, "localhost")) == reason


def test_an_engine_elsewhere(tmp_path: Path) -> None:
    """Its containers cannot be asked."""
    host = engine_host(LINUX, "build.example")
    assert refusal(image(tmp_path, name="stand-linux-amd64").config, host) == (
        "the Docker Engine is on another machine, whose ports cannot be asked from here"
    )


@pytest.mark.parametrize(
    ("host", "image_version", "remark"),
    [
        ((NEW, 2894), f"10.0.{NEW}.3194", f"the image is of 10.0.{NEW}.3194, and this host of 10.0.{NEW}.2894: under process isolation it may not start before the host's update (0xc0370106; actions/runner-images#11582)"),
        ((NEW, 3194), f"10.0.{NEW}.3194", ""),
        ((NEW, 1), f"10.0.{MIDDLE}.5000", ""),
        ((NEW, "x"), f"10.0.{NEW}.5000", ""),
        ((NEW, 1), "", ""),
    ],
)  # fmt: skip
def test_a_host_that_is_patched_less(
    tmp_path: Path, host: tuple[int, int | str], image_version: str, remark: str
) -> None:
    """Only within one build, and where the engine tells the revision."""
    assert patch_remark(image(tmp_path, image_version).config, engine_host(windows(*host), "localhost")) == (
        remark
    )


@given(info=st.dictionaries(st.sampled_from([*WINDOWS]), st.one_of(st.none(), st.text(), st.integers())))
def test_any_answer_of_an_engine(info: dict[str, Any]) -> None:
    """It is read, or refused with a reason."""
    with suppress(PlatformError):
        assert engine_host(info, "localhost").platform.os


def test_what_the_engine_has_loaded(tmp_path: Path) -> None:
    """The very image, by its config's digest or its manifest's, and its platform."""
    contract = image(tmp_path, f"10.0.{NEW}.1")
    assert contract.manifest
    digest, other = contract.manifest.descriptor.digest, "sha256:" + "0" * 64
    seen = {"Os": "windows", "Architecture": "amd64", "OsVersion": f"10.0.{NEW}.1"}
    for good in (contract.config.descriptor.digest, digest):
        assert loaded_faults(seen | {"Id": good}, contract.config, digest) == ""
    assert loaded_faults({"Os": "windows", "Id": other}, contract.config, digest) == (
        f"Architecture None for 'amd64', OsVersion None for '10.0.{NEW}.1', Id {other} for {contract.config.descriptor.digest}"
    )


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Something that answers at the port of every container."""
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(docker_tier, "_PORT", listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\n{}")

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def seen(contract: Contract) -> dict[str, Any]:
    """What an engine says of the contract's image once it is loaded."""
    platform = contract.config.platform
    return {
        "Id": contract.config.descriptor.digest,
        "Os": platform.os,
        "Architecture": platform.architecture,
        "OsVersion": platform.os_version,
    }


@pytest.mark.usefixtures("program")
def test_a_windows_container(tmp_path: Path) -> None:
    """Loaded, started in isolation as a process, asked at its address, shut down, and removed with its image."""
    contract = image(tmp_path, f"10.0.{NEW}.40000", env={"PORT": "{port}"})
    with RunningEngine(seen=seen(contract)) as engine:
        tier = Docker(engine.connect)
        assert tier.unavailable(contract.config) == ""
        outcome = hold(contract, tier)
    assert outcome.findings == ()
    assert outcome.remarks == (
        f"the image is of 10.0.{NEW}.40000, and this host of 10.0.{NEW}.33296: under process isolation it may not start before the host's update (0xc0370106; actions/runner-images#11582)",
    )
    assert outcome.log == ("one", "two")
    (created,) = engine.created
    port = docker_tier._PORT
    assert created["HostConfig"]["Isolation"] == "process"
    assert created["HostConfig"]["NetworkMode"] == "nat"
    assert (created["Cmd"], created["Env"]) == (["-addr", f":{port}"], [f"PORT={port}"])
    assert contract.manifest
    blobs = [contract.manifest.descriptor, *(contract.manifest.config, *contract.manifest.layers)]
    assert engine.loaded == [
        "oci-layout",
        "index.json",
        "manifest.json",
        *(f"blobs/sha256/{blob.digest[7:]}" for blob in blobs),
    ]
    ends = [line for line in engine.asked if line.startswith("DELETE") or "/kill" in line]
    tag = created["Image"]
    assert ends == [
        "POST containers/c1/kill?signal=SIGTERM",
        "DELETE containers/c1?v=True&link=False&force=True",
        f"DELETE images/{tag}?force=False&noprune=False",
    ]


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(("digest", "again"), [("", False), (f"sha256:{'1' * 64}", True)])
def test_an_image_that_was_pulled(tmp_path: Path, digest: str, again: bool) -> None:
    """It is started as it came and left there; under an index's own digest the engine gets it by itself."""
    reference = f"ghcr.io/acme/app@sha256:{'a' * 64}"
    contract = replace(image(tmp_path, f"10.0.{NEW}.1"), reference=reference)
    there = seen(contract) | ({"Id": digest} if digest else {})
    with RunningEngine(seen=seen(contract), answers={f"GET images/{reference}/json": (200, there)}) as engine:
        assert hold(contract, Docker(engine.connect)).findings == ()
    (created,) = engine.created
    assert (created["Image"] != reference, bool(engine.loaded)) == (again, again)
    assert any(line.startswith("DELETE images") for line in engine.asked) == again


def test_an_image_that_was_not_pulled(tmp_path: Path) -> None:
    """A published image of which the engine knows nothing is loaded."""
    reference = f"ghcr.io/acme/app@sha256:{'a' * 64}"
    contract = replace(image(tmp_path, f"10.0.{NEW}.1"), reference=reference)
    unknown = (404, {"message": "No such image"})
    with RunningEngine(seen=seen(contract), answers={f"GET images/{reference}/json": unknown}) as engine:
        hold(contract, Docker(engine.connect))
    assert engine.created[0]["Image"].startswith("buildtools-smoke:")


FAULTS = {
    "the engine does not load its image: no space left on device": {
        "POST images/load": (200, {"error": "no space left on device", "errorDetail": {}})
    },
    "unable to load": {"POST images/load": (500, {"message": "unable to load"})},
    f"hcs::System::Start: 0xc0370106 The virtual machine or container exited unexpectedly.; the image is of 10.0.{NEW}.40000, and this host of 10.0.{NEW}.33296: under process isolation it may not start before the host's update (0xc0370106; actions/runner-images#11582)": {
        "POST /start": (500, {"message": "hcs::System::Start: 0xc0370106 The virtual machine or container exited unexpectedly."})
    },
    "the engine has no nat network; restart the docker service (actions/runner-images#13729)": {
        "GET networks": (200, [])
    },
    "no such file": {"POST /start": (400, {"message": "no such file"})},
}  # fmt: skip


@pytest.mark.parametrize("sentence", FAULTS)
def test_what_cannot_be_started(tmp_path: Path, sentence: str) -> None:
    """The engine's own words, with the reason where it is known; the image is removed all the same."""
    contract = image(tmp_path, f"10.0.{NEW}.40000")
    with RunningEngine(seen=seen(contract), answers=FAULTS[sentence]) as engine:
        outcome = hold(contract, Docker(engine.connect))
    assert outcome.findings == (f"cannot be started ({sentence})",)
    assert engine.asked[-1].startswith("DELETE images/buildtools-smoke:")


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        (
            (200, ver(f"10.0.{MIDDLE}.2700")),
            f"its container says that it is Windows 10.0.{MIDDLE}.2700, and the image 10.0.{NEW}.1",
        ),
        (
            (400, {"message": "The system cannot find the file specified."}),
            "its Windows version was not asked for, since cmd /c ver does not run in it",
        ),
        ((200, ver("none")), "its Windows version was not asked for, since cmd /c ver does not run in it"),
    ],
)
def test_another_windows_inside(tmp_path: Path, answer: tuple[int, Any], remark: str) -> None:
    """What the container itself tells stands beside what the image says of itself."""
    contract = image(tmp_path, f"10.0.{NEW}.1")
    with RunningEngine(seen=seen(contract), answers={"POST exec/e1/start": answer}) as engine:
        outcome = hold(contract, Docker(engine.connect))
    assert outcome.findings == ()
    assert outcome.remarks == (remark,)


def test_another_image_than_loaded(tmp_path: Path) -> None:
    """What it says of the image is held against it before anything is started."""
    contract = image(tmp_path, f"10.0.{NEW}.1")
    with RunningEngine(seen=seen(contract) | {"OsVersion": "10.0.1.1"}) as engine:
        outcome = hold(contract, Docker(engine.connect))
    assert outcome.findings == (
        f"cannot be started (the engine has loaded another image: OsVersion '10.0.1.1' for '10.0.{NEW}.1')",
    )
    assert engine.created == []


def test_an_engine_that_dies(tmp_path: Path) -> None:
    """In the middle of a contract: it is safe to run again, which is what the error says."""
    contract = image(tmp_path, name="stand-linux-amd64", ready=None, probe=None)
    dead = {"POST /kill": (204, None), "GET /logs": (500, {"message": "bye"})}
    with RunningEngine(info=LINUX, seen=seen(contract), answers=dead, code=0) as engine:
        with pytest.raises(UnavailableError) as caught:
            hold(contract, Docker(engine.connect))
        assert str(caught.value) == "the Docker Engine has gone: bye: start it and run again"
        assert engine.asked[-1].startswith("DELETE images/buildtools-smoke:")


def test_an_interrupted_load(tmp_path: Path) -> None:
    """Nothing more is sent to the engine."""
    contract = image(tmp_path, name="stand-linux-amd64")
    contract.cancelled.set()
    with RunningEngine(info=LINUX, seen=seen(contract)) as engine:
        with pytest.raises(CancelledError):
            hold(contract, Docker(engine.connect))
        assert engine.created == []


def test_windows_sends_no_interrupt(tmp_path: Path) -> None:
    """Such a contract is for other tiers; any other is not refused."""
    contract = image(tmp_path, f"10.0.{NEW}.1", stop=StopSpec(event="interrupt"))
    with RunningEngine() as engine:
        tier = Docker(engine.connect)
        assert tier.refuses(contract) == "an engine of Windows sends no interrupt, only a shutdown"
        assert tier.refuses(image(tmp_path, f"10.0.{NEW}.1")) == ""
    with RunningEngine(info=LINUX) as engine:
        assert Docker(engine.connect).refuses(contract) == ""


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers, or somebody who is of no known platform."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    contract = image(tmp_path, f"10.0.{NEW}.1")
    reason = Docker().unavailable(contract.config)
    assert reason.startswith("no Docker Engine answers at ")
    tier = Docker()
    assert hold(contract, tier).findings == (f"cannot be started ({reason})",)
    assert tier.refuses(contract) == ""
    with RunningEngine(info={"OSType": "?", "Architecture": "?"}) as engine:
        assert (
            Docker(engine.connect)
            .unavailable(contract.config)
            .startswith("the Docker Engine is of an unknown platform (")
        )


def test_a_published_port(tmp_path: Path) -> None:
    """Where the engine has a bridge the port is published on loopback, and on no other address."""
    contract = image(tmp_path, name="stand-linux-amd64", ready=None, probe=ProbeSpec(http="/who"))
    with RunningEngine(info=LINUX, networks=("bridge",), seen=seen(contract)) as engine:
        outcome = hold(contract, Docker(engine.connect))
    (created,) = engine.created
    assert created["HostConfig"]["PortBindings"] == {"18080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    assert "Isolation" not in created["HostConfig"]
    assert outcome.findings == ("answered nothing to /who",)
    assert outcome.remarks == ()
    alone = image(
        tmp_path,
        name="stand-linux-amd64",
        ready=None,
        probe=ProbeSpec(http="/who"),
        args=("127.0.0.1:{port}",),
    )
    with RunningEngine(info=LINUX, networks=("bridge",), seen=seen(alone)) as engine:
        assert hold(alone, Docker(engine.connect)).remarks == (
            "its arguments name 127.0.0.1, which is the container's own: listen on all addresses, :{port}",
        )
