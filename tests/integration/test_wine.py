# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Windows programs under a real wine: what is shown of the ones that keep a contract, and of those that do not."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import canonical_json
from buildtools.spec.model import LifecycleSpec, ReadySpec, StopSpec
from buildtools.tiers.base import Contract, Outcome
from buildtools.tiers.console_helper import SOURCE
from buildtools.tiers.story import hold
from buildtools.tiers.wine import Wine
from buildtools.windows.releases import EXAMPLE, RELEASES
from tests.fakes.components import require
from tests.fakes.contracts import contracts_of
from tests.fakes.standins import compiled
from tests.fakes.wines import prefixes, processes_of, shared_wine

ROOT = Path(__file__).parents[2]
READY = ReadySpec(http="/ready", within=60.0)
STOP = StopSpec(within=60.0, drain="/slow")
NO_SHUTDOWN = "ended with 3221225786, expected 0: 0xC000013A, it does not handle CTRL_SHUTDOWN, which is what Kubernetes sends to stop a Windows container, and so ends at once: handle it beside CTRL_C"
LOST = "the request in flight, /slow, was lost"


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Wine:
    """The tier on this machine."""
    return shared_wine(tmp_path_factory)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The stand-in for Windows."""
    return compiled(tmp_path_factory.mktemp("standin")).read_bytes()


@pytest.fixture
def root(tmp_path: Path, program: bytes) -> Path:
    """An image's file tree with the stand-in in it."""
    folder = tmp_path / "root"
    (folder / "App").mkdir(parents=True)
    (folder / "App" / "App.exe").write_bytes(program)
    return folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where prefixes of runs are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def config(*entrypoint: str, version: str = f"10.0.{EXAMPLE.build}.2700", **run: Any) -> ImageConfig:
    """The config of an image for Windows."""
    document = {
        "architecture": "amd64",
        "os": "windows",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Entrypoint": list(entrypoint), **run},
    }
    return ImageConfig.parse(canonical_json(document | ({"os.version": version} if version else {})))


def run(wine: Wine, root: Path, *args: str, image: ImageConfig | None = None, **lifecycle: Any) -> Outcome:
    """Try a contract of the stand-in."""
    spec = {"args": ("-addr", "127.0.0.1:{port}", *args), "ready": READY, "stop": STOP} | lifecycle
    contract = Contract(
        name="app",
        config=image or config(r"C:\app\app.exe"),
        root=root,
        lifecycle=LifecycleSpec(**spec),
    )
    return hold(contract, wine)


def test_the_helper_is_vetted() -> None:
    """Go finds nothing in it to object to."""
    done = subprocess.run(
        [require("go"), "vet", "."],
        cwd=SOURCE,
        env={**os.environ, "GOOS": "windows", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_whoami_on_every_build_side_by_side(wine: Wine, dist: Path, tmp_path: Path, temporary: Path) -> None:
    """Each says the Windows of its image, drains its request, and ends well; nothing is left of them."""
    contracts = contracts_of(dist, "whoami", tmp_path, os_name="windows")
    assert [wine.unavailable(contract.config) for contract in contracts] == [""] * len(RELEASES)
    with ThreadPoolExecutor(len(contracts)) as pool:
        outcomes = list(pool.map(lambda contract: hold(contract, wine), contracts))
    assert [outcome.findings for outcome in outcomes] == [()] * len(RELEASES)
    said = [outcome.answer["os_version"] for outcome in outcomes]
    assert said == [contract.config.platform.os_version for contract in contracts]
    assert {version.split(".")[2] for version in said} == {str(row.build) for row in RELEASES}
    assert all(outcome.log[-1] == "drained" for outcome in outcomes)
    assert prefixes(temporary) == []
    assert processes_of(str(temporary)) == []


@pytest.mark.parametrize(
    ("handles", "event", "findings", "code"),
    [
        ("drain", "shutdown", (), 0),
        ("drain", "interrupt", (), 0),
        ("ctrl-c", "interrupt", (), 0),
        ("ctrl-c", "shutdown", (LOST, NO_SHUTDOWN), 0xC000013A),
        ("nothing", "interrupt", (LOST, "ended with 3221225786, expected 0: 0xC000013A, it does not handle CTRL_C, and so ends at once"), 0xC000013A),
    ],
)  # fmt: skip
def test_what_a_program_makes_of_events(
    wine: Wine, root: Path, handles: str, event: Any, findings: tuple[str, ...], code: int
) -> None:
    """One that handles only Ctrl-C is ended by what Kubernetes sends, as on Windows."""
    outcome = run(wine, root, "-handles", handles, stop=StopSpec(event=event, within=60.0, drain="/slow"))
    assert (outcome.findings, outcome.exit_code) == (findings, code)


def test_an_unhandled_event_is_seen_without_a_request(wine: Wine, root: Path) -> None:
    """Such a program is ended by wine itself with 0."""
    outcome = run(wine, root, "-handles", "ctrl-c", stop=StopSpec(within=60.0))
    assert outcome.findings == (NO_SHUTDOWN,)


def test_a_program_that_ignores_the_event(wine: Wine, root: Path, temporary: Path) -> None:
    """It is ended all the same."""
    outcome = run(wine, root, "-handles", "ignore", stop=StopSpec(within=0.1))
    assert (outcome.findings, outcome.exit_code) == (
        ("CTRL_SHUTDOWN did not end it within 0.1 seconds",),
        None,
    )
    assert processes_of(str(temporary)) == []


def test_a_program_that_is_never_ready(wine: Wine, root: Path) -> None:
    """In the time that it has."""
    outcome = run(wine, root, ready=ReadySpec(http="/never", within=0.5))
    assert outcome.findings == ("was not ready within 0.5 seconds",)


def test_a_program_that_ends_early(wine: Wine, root: Path) -> None:
    """Its code has all 32 bits; what it printed is there to read."""
    outcome = run(wine, root, "-end", "70000")
    assert outcome.findings == ("ended with 70000 before it was ready",)
    assert outcome.log == ("ending early",)


def test_a_program_that_leaves_another_running(wine: Wine, root: Path, temporary: Path) -> None:
    """It is named, and ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome = run(wine, root, "-child", f"127.0.0.1:{port}")
    assert [one.lower() for one in outcome.findings] == [r"left running: c:\app\app.exe"]
    assert processes_of(str(temporary)) == []


def changed(program: bytes, machine: int) -> bytes:
    """The program, said to be for another processor."""
    data = bytearray(program)
    (header,) = struct.unpack_from("<I", data, 0x3C)
    struct.pack_into("<H", data, header + 4, machine)
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("arm64.exe", r"cannot be started (C:\arm64.exe is a program for arm64, not for amd64)"),
        ("elf.exe", r"cannot be started (C:\elf.exe is no program for Windows on amd64: the file does not begin with MZ)"),
        ("gone.exe", r"cannot be started (there is no C:\gone.exe)"),
    ],
)  # fmt: skip
def test_a_file_that_windows_would_not_start(
    wine: Wine, root: Path, program: bytes, name: str, finding: str
) -> None:
    """Of another processor, of another system (which wine would start), or none."""
    (root / "arm64.exe").write_bytes(changed(program, 0xAA64))
    (root / "elf.exe").write_bytes(Path("/bin/true").read_bytes())
    assert run(wine, root, image=config(f"C:\\{name}")).findings == (finding,)


def test_a_name_that_is_searched_for(wine: Wine, root: Path, program: bytes) -> None:
    """In the image's PATH; wine says what it finds, and that it finds nothing."""
    (root / "App" / "arm64.exe").write_bytes(changed(program, 0xAA64))
    path = r"PATH=C:\app;C:\Windows\System32"
    assert run(wine, root, image=config("app", Env=[path])).findings == ()
    refused = run(wine, root, image=config("arm64.exe", Env=[path])).findings
    assert refused == ("cannot be started (arm64.exe is no program for Windows on amd64)",)
    assert run(wine, root, image=config("gone", Env=[path])).findings == (
        "cannot be started (there is no gone)",
    )


def test_a_missing_dll(wine: Wine, root: Path, program: bytes) -> None:
    """It is named."""
    (root / "app.exe").write_bytes(program.replace(b"kernel32.dll\0", b"nothere7.dll\0"))
    outcome = run(wine, root, image=config(r"C:\app.exe"))
    assert outcome.findings == (
        "ended with 3221225781 before it was ready: 0xC0000135, a DLL that it needs is missing: nothere7.dll",
    )


def said(outcome: Outcome) -> list[str]:
    """What the program itself has printed: on a busy machine wine 8 tells of faults that it gets over."""
    return [line for line in outcome.log if not line.startswith("wine: ")]


def test_what_a_program_sees(wine: Wine, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's environment and the contract's over it, the image's folder, its own drive; nothing of the caller's."""
    monkeypatch.setenv("SECRET", "x")
    image = config(
        r"C:\app\app.exe", "-environment", Cmd=["{port}"], Env=["A=image", "b=b"], WorkingDir=r"\App"
    )
    lifecycle = {"ready": None, "stop": None, "exit": 3}
    seen = run(
        wine, root, image=image, args=("A", "-end", "3", "x y", 'q"'), env={"a": "contract"}, **lifecycle
    )
    assert (seen.findings, said(seen)[:3]) == ((), ["contract", r"C:\App", '[x y q"]'])
    secret = run(wine, root, image=image, args=("SECRET", "-end", "3"), **lifecycle)
    assert (secret.findings, said(secret)[0]) == ((), "")
    gone = config(r"C:\app\app.exe", WorkingDir=r"C:\gone")
    assert run(wine, root, image=gone).findings == (
        r"cannot be started (its working directory C:\gone does not exist)",
    )


def test_the_images_own_files_stay_as_they_are(wine: Wine, root: Path) -> None:
    """A run writes to a copy, whatever it writes, and the template of all runs is not touched."""
    (root / "Windows" / "System32").mkdir(parents=True)
    (root / "Windows" / "System32" / "kernel32.dll").write_bytes(b"Windows' own")
    (root / "note.txt").write_text("image")
    (root / "write.cmd").write_text(
        "@echo off\r\necho run>C:\\note.txt\r\necho run>C:\\windows\\new.txt\r\ntype C:\\note.txt\r\n"
    )
    plain = {"args": (), "ready": None, "stop": None}
    outcome = run(wine, root, image=config(r"C:\write.cmd"), **plain)
    assert (outcome.findings, outcome.log) == ((), ("run",))
    assert (root / "note.txt").read_text() == "image"
    assert wine.cache is not None
    assert not list((wine.cache / "wine" / "prefix").rglob("new.txt"))


def test_a_host_process_image_is_started(wine: Wine, root: Path) -> None:
    """In the folder where a node mounts it, by a relative name; nothing more can be shown."""
    image = config(r"App\App.exe", "-environment", "CONTAINER_SANDBOX_MOUNT_POINT", version="")
    outcome = run(wine, root, image=image, args=("-end", "0"), ready=None, stop=None)
    assert (outcome.findings, outcome.log[:2]) == ((), (r"C:\hpc", r"C:\hpc"))


def test_a_template_that_somebody_changed_is_made_anew(wine: Wine, root: Path, tmp_path: Path) -> None:
    """And one that was never finished is no template."""
    own = Wine(cache=tmp_path / "cache")
    assert wine.cache is not None
    plain: dict[str, Any] = {"args": ("-end", "0"), "ready": None, "stop": None}
    (tmp_path / "cache" / "wine" / "prefix.new" / "drive_c").mkdir(parents=True)
    assert run(own, root, **plain).findings == ()
    library = tmp_path / "cache" / "wine" / "prefix" / "drive_c" / "windows" / "system32" / "kernel32.dll"
    library.write_bytes(b"broken")
    assert run(own, root, **plain).findings == ()
    assert library.stat().st_size > 1000
    assert sorted(path.name.partition("-")[0] for path in (tmp_path / "cache" / "wine").iterdir()) == [
        "console",
        "lock",
        "prefix",
    ]


INTERRUPTED = """\
import sys, tempfile
from pathlib import Path
from buildtools.oci.config import ImageConfig
from buildtools.spec.model import LifecycleSpec, ReadySpec
from buildtools.tiers.base import Contract
from buildtools.tiers.console_helper import SOURCE
from buildtools.tiers.story import hold
from buildtools.tiers.wine import Wine
cache, root, raw = sys.argv[1:]
contract = Contract(name="app", config=ImageConfig.parse(raw.encode()), root=Path(root), lifecycle=LifecycleSpec(
    args=("-addr", "127.0.0.1:{port}"), ready=ReadySpec(http="/never", within=600.0)))
hold(contract, Wine(cache=Path(cache)))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run(wine: Wine, root: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C leaves no process and no file; where there was no time for anything, no process."""
    temporary = tmp_path / "interrupted"
    temporary.mkdir()
    assert run(wine, root, "-end", "0", ready=None, stop=None).findings == ()
    raw = config(r"C:\app\app.exe").raw.decode()
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(wine.cache), str(root), raw],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _until(lambda: "app.exe" in processes_of(str(temporary)))
        process.send_signal(number)
        assert process.wait(60) == -number
    finally:
        process.kill()
        process.wait()
    _until(lambda: not processes_of(str(temporary)))
    if number == signal.SIGKILL:
        # Debian's wine notes in the prefix where its server had its socket.
        for note in temporary.glob("*/wineserver"):
            shutil.rmtree(Path("/tmp", note.read_text().strip()))
    else:
        assert prefixes(temporary) == []


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
