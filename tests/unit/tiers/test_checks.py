# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What an image's files and config say before anything is started."""

from pathlib import Path
from typing import Any

import pytest

from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import canonical_json
from buildtools.tiers.checks import check_image
from tests.fakes.definitions import variant
from tests.fakes.programs import Elf, Pe


def config(system: str, *entrypoint: str, **run: Any) -> ImageConfig:
    """The config of an image."""
    document = {
        "os": system,
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Entrypoint": list(entrypoint), **run},
    }
    return ImageConfig.parse(canonical_json(document))


def put(root: Path, name: str, data: bytes, mode: int = 0o755) -> None:
    """A file below the root."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def checked(root: Path, image: ImageConfig, base: str = "scratch") -> list[str]:
    """Severity, code and sentence of what is found."""
    one = variant(image.platform.os, base=base)
    return [f"{found.severity} {found.code}: {found}" for found in check_image(one, image, root)]


CASES = {
    "a good program": ("linux", "/app", {"app": bytes(Elf())}, "scratch", []),
    "a good Windows program": ("windows", r"C:\app.exe", {"app.exe": bytes(Pe())}, "nanoserver", []),
    "none there": (
        "linux", "/app", {}, "scratch",
        ["error entrypoint-missing: the entrypoint app is not in the image: copy it there with `files`, or mend `entrypoint`"],
    ),
    "another processor": (
        "linux", "/app", {"app": bytes(Elf(machine=183))}, "scratch",
        ["error program-architecture: app is for arm64 in an image for amd64: copy the program of this platform"],
    ),
    "no loader": (
        "linux", "/app", {"app": bytes(Elf(interpreter=b"/lib64/ld-linux-x86-64.so.2"))}, "scratch",
        ["error loader-missing: app needs the dynamic loader /lib64/ld-linux-x86-64.so.2, which the image has not: link it statically (CGO_ENABLED=0 for Go), or use a base that has it"],
    ),
    "a loader of the base": (
        "linux", "/app", {"app": bytes(Elf(interpreter=b"/lib64/ld-linux-x86-64.so.2")), "lib64/ld-linux-x86-64.so.2": bytes(Elf())}, "scratch", [],
    ),
    "a missing DLL": (
        "windows", r"C:\app.exe", {"app.exe": bytes(Pe(imports=[b"NETAPI32.dll"]))}, "mcr.example/nanoserver",
        ["error dll-missing: app.exe needs netapi32.dll, which mcr.example/nanoserver lacks: copy it from servercore, or use servercore as the base"],
    ),
    "a program with windows": (
        "windows", r"C:\app.exe", {"app.exe": bytes(Pe(subsystem=2))}, "nanoserver",
        ["warning subsystem: the entrypoint app.exe is a program with windows, so it has no output in a container: build it for the console (-H=windowsgui off, /SUBSYSTEM:CONSOLE)"],
    ),
    "a program of Linux": (
        "windows", r"C:\app.exe", {"app.exe": bytes(Elf())}, "nanoserver",
        ["error program-os: app.exe is a program for Linux (ELF) in an image for windows: copy the program of this platform"],
    ),
    "what a linter is for": ("linux", "/app", {"app": bytes(Elf()), ".env": b"A=1"}, "scratch", []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_files(tmp_path: Path, case: str) -> None:
    """What keeps the program from starting is an error; what does not concern it is left to `check`."""
    system, entrypoint, files, base, found = CASES[case]
    for name, data in files.items():
        put(tmp_path, name, data)
    assert checked(tmp_path, config(system, entrypoint), base) == found


def test_links_and_modes(tmp_path: Path) -> None:
    """A program that is not executable does not start; a link is no file."""
    put(tmp_path, "bin/app", bytes(Elf()), mode=0o644)
    (tmp_path / "link").symlink_to("bin/app")
    (found,) = checked(tmp_path, config("linux", "/bin/app"))
    assert found.startswith("error entrypoint-mode: the entrypoint bin/app is not executable (mode 0644): ")


@pytest.mark.parametrize(
    ("system", "value", "found"),
    [
        ("linux", "SIGQUIT", []),
        ("linux", "SIGNAL", ["error stop-signal: its StopSignal is wrong: 'SIGNAL' is not a signal: write a name such as SIGTERM, or a number from 1 to 64"]),
        ("windows", "SIGTERM", []),
        ("windows", "SIGINT", ["warning stop-signal: its StopSignal is wrong: SIGINT is number 2, which Windows takes for CTRL_CLOSE and not for CTRL_C; leave stop-signal out, so that the program gets CTRL_SHUTDOWN"]),
        ("windows", "SIGUSR1", ["error stop-signal: its StopSignal is wrong: SIGUSR1 is a name that Windows nodes do not know; leave stop-signal out, so that the program gets CTRL_SHUTDOWN"]),
    ],
)  # fmt: skip
def test_stop_signals(tmp_path: Path, system: str, value: str, found: list[str]) -> None:
    """One that stops nothing is an error; one that becomes another event is worth a remark."""
    if system == "linux":
        put(tmp_path, "app", bytes(Elf()))
    else:
        put(tmp_path, "app.exe", bytes(Pe()))
    entrypoint = "/app" if system == "linux" else r"C:\app.exe"
    assert checked(tmp_path, config(system, entrypoint, StopSignal=value), "nanoserver") == found
