# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What is wrong with an image's files: every code of the table in docs/reference/check.md."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.config import ConfigSettings
from buildtools.oci.layer import Entry, Kind
from buildtools.sources.examine import examine, program_path
from buildtools.spec.variant import Variant
from tests.fakes.definitions import variant
from tests.fakes.programs import Elf, Pe

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "check.md"
NANOSERVER = "mcr.microsoft.com/windows/nanoserver:ltsc2022"


MACHINES_ELF = {"amd64": 62, "arm64": 183, "386": 3}
MACHINES_PE = {"amd64": 0x8664, "arm64": 0xAA64, "386": 0x14C}


def elf(architecture: str = "amd64", *, loader: str = "") -> bytes:
    """A Linux program; with a loader it is dynamically linked."""
    return bytes(Elf(machine=MACHINES_ELF[architecture], interpreter=loader.encode()))


def pe(
    architecture: str = "amd64", *, imports: tuple[str, ...] = (), subsystem: int = 3, dotnet: bool = False
) -> bytes:
    """A Windows program."""
    names = [name.encode() for name in imports]
    return bytes(Pe(machine=MACHINES_PE[architecture], imports=names, subsystem=subsystem, dotnet=dotnet))


def file(path: str, data: bytes = b"text", **changes: Any) -> Entry:
    """A file of the image."""
    return Entry(path=path, size=len(data), open=lambda: io.BytesIO(data), origin=f"src/{path}", **changes)


def linux(*entrypoint: str, cmd: tuple[str, ...] | None = None, **changes: Any) -> Variant:
    """A Linux image that starts this program."""
    return variant(config=ConfigSettings(entrypoint=entrypoint or None, cmd=cmd), **changes)


def windows(*entrypoint: str, base: str = NANOSERVER, **changes: Any) -> Variant:
    """A Windows image that starts this program."""
    config = ConfigSettings(entrypoint=entrypoint or None)
    return variant("windows", config=config, base=base, label="windows/amd64:ltsc2022", **changes)


def found(made: Variant, *entries: Entry) -> list[str]:
    """Severity, code and sentence of each finding."""
    return [f"{item.severity} {item.code} {item}" for item in examine(made, entries)]


LINUX = [
    (
        linux("/app"),
        (),
        (
            "error entrypoint-missing images/app/image.yaml: app linux/amd64: the entrypoint app is not in the "
            "image: copy it there with `files`, or mend `entrypoint`"
        ),
    ),
    (
        linux(cmd=("/bin/app", "-v")),
        (),
        (
            "error entrypoint-missing images/app/image.yaml: app linux/amd64: the entrypoint bin/app is not in "
            "the image: copy it there with `files`, or mend `entrypoint`"
        ),
    ),
    (
        linux("/app"),
        (file("app", mode=0o644),),
        (
            "error entrypoint-mode src/app: app linux/amd64: the entrypoint app is not executable (mode 0644): "
            'give it `mode: "0755"`'
        ),
    ),
    (
        linux("/app"),
        (Entry(path="app", kind=Kind.DIRECTORY, mode=0o755),),
        (
            "error entrypoint-directory images/app/image.yaml: app linux/amd64: the entrypoint app is a "
            "directory: name the program"
        ),
    ),
    (
        linux("/app"),
        (file("app", pe(), mode=0o755),),
        (
            "error program-os src/app: app linux/amd64: app is a program for Windows (PE) in an image for linux: "
            "copy the program of this platform"
        ),
    ),
    (
        linux(),
        (file("tools/x.exe", pe()),),
        (
            "warning program-os src/tools/x.exe: app linux/amd64: tools/x.exe is a program for Windows (PE) in "
            "an image for linux: copy the program of this platform"
        ),
    ),
    (
        linux(),
        (file("app", elf("arm64")),),
        (
            "error program-architecture src/app: app linux/amd64: app is for arm64 in an image for amd64: "
            "copy the program of this platform"
        ),
    ),
    (
        linux(),
        (file("app", elf()[:20]),),
        "error program-damaged src/app: app linux/amd64: app: the file ends before byte 40: build it again",
    ),
    (
        linux(),
        (file("app", elf(loader="/lib64/ld-linux-x86-64.so.2")),),
        (
            "error loader-missing src/app: app linux/amd64: app needs the dynamic loader "
            "/lib64/ld-linux-x86-64.so.2, which the image has not: link it statically (CGO_ENABLED=0 for Go), "
            "or use a base that has it"
        ),
    ),
    (
        linux(),
        (file("home/.env.local"),),
        (
            "warning secret src/home/.env.local: app linux/amd64: home/.env.local looks like a secret, and "
            "everybody who pulls the image can read it: leave it out with `exclude`, mount it at run time"
        ),
    ),
]

WINDOWS = [
    (
        windows(),
        (file("nul.txt"),),
        (
            "error layer images/app/image.yaml: app windows/amd64:ltsc2022: nul.txt (src/nul.txt): 'nul.txt' is "
            "a device's name on Windows, whatever its extension: rename it, leave it out with `exclude`, or mend "
            "`files`"
        ),
    ),
    (
        windows(),
        (file("A.txt"), file("a.txt")),
        (
            "error layer images/app/image.yaml: app windows/amd64:ltsc2022: A.txt (src/A.txt) and a.txt "
            "(src/a.txt) are the same path in the image: rename it, leave it out with `exclude`, or mend `files`"
        ),
    ),
    (
        windows("app\\app.exe", base="host-process"),
        (),
        (
            "error entrypoint-missing images/app/image.yaml: app windows/amd64:ltsc2022: the entrypoint "
            "app\\app.exe is not in the image, so it must be on the node's PATH: copy it there with `files`, "
            "or mend `entrypoint`"
        ),
    ),
    (
        windows("app.exe", base="host-process"),
        (),
        (
            "warning entrypoint-missing images/app/image.yaml: app windows/amd64:ltsc2022: the entrypoint "
            "app.exe is not in the image, so it must be on the node's PATH: copy it there with `files`, "
            "or mend `entrypoint`"
        ),
    ),
    (
        windows("C:\\app\\app", base="host-process"),
        (file("app/app.exe", pe()),),
        (
            "error entrypoint-node images/app/image.yaml: app windows/amd64:ltsc2022: the entrypoint "
            "C:\\app\\app is looked for on the node's own drive, not in the image: write it relative to the "
            "image: app\\app"
        ),
    ),
    (
        windows("C:\\App"),
        (Entry(path="app", kind=Kind.DIRECTORY),),
        (
            "error entrypoint-directory images/app/image.yaml: app windows/amd64:ltsc2022: the entrypoint App "
            "is a directory: name the program"
        ),
    ),
    (
        windows("C:\\APP\\app.exe"),
        (file("app/App.exe", elf()),),
        (
            "error program-os src/app/App.exe: app windows/amd64:ltsc2022: app/App.exe is a program for Linux "
            "(ELF) in an image for windows: copy the program of this platform"
        ),
    ),
    (
        windows("C:\\app\\app"),
        (file("app/app.exe", elf()),),
        (
            "error program-os src/app/app.exe: app windows/amd64:ltsc2022: app/app.exe is a program for Linux "
            "(ELF) in an image for windows: copy the program of this platform"
        ),
    ),
    (
        windows(),
        (file("app/tool", elf()),),
        (
            "warning program-os src/app/tool: app windows/amd64:ltsc2022: app/tool is a program for Linux (ELF) "
            "in an image for windows: copy the program of this platform"
        ),
    ),
    (
        windows(),
        (file("app.exe", pe("arm64")),),
        (
            "error program-architecture src/app.exe: app windows/amd64:ltsc2022: app.exe is for arm64 in an "
            "image for amd64: copy the program of this platform"
        ),
    ),
    (
        windows(),
        (file("x/Lib.DLL", b"MZ" + bytes(100)),),
        (
            "error program-damaged src/x/Lib.DLL: app windows/amd64:ltsc2022: x/Lib.DLL: the file is for MS-DOS, "
            "not for Windows: build it again"
        ),
    ),
    (
        windows(),
        (file("app/app.exe", pe(imports=("KERNEL32.dll", "NETAPI32.dll"))),),
        (
            "error dll-missing src/app/app.exe: app windows/amd64:ltsc2022: app/app.exe needs netapi32.dll, "
            f"which {NANOSERVER} lacks: copy it from servercore, or use servercore as the base"
        ),
    ),
    (
        windows(base="mcr.microsoft.com/windows/servercore:ltsc2022"),
        (file("app.exe", pe(imports=("libstdc++-6.dll",))),),
        (
            "error dll-missing src/app.exe: app windows/amd64:ltsc2022: app.exe needs libstdc++-6.dll, which "
            "mcr.microsoft.com/windows/servercore:ltsc2022 lacks: link it statically (-static) or ship the DLL "
            "beside the program"
        ),
    ),
    (
        windows("C:\\app"),
        (file("app.exe", pe(subsystem=2)),),
        (
            "warning subsystem src/app.exe: app windows/amd64:ltsc2022: the entrypoint app.exe is a program with "
            "windows, so it has no output in a container: build it for the console (-H=windowsgui off, "
            "/SUBSYSTEM:CONSOLE)"
        ),
    ),
    (
        windows(),
        (file("Program Files/app/x.txt"),),
        (
            "warning base-directory src/Program Files/app/x.txt: app windows/amd64:ltsc2022: "
            "Program Files/app/x.txt lies in a folder of Windows, whose access list this layer replaces: "
            "put it into a folder of its own, as in C:\\app"
        ),
    ),
]


@pytest.mark.parametrize(("made", "entries", "sentence"), LINUX + WINDOWS)
def test_each_fault_is_found(made: Variant, entries: tuple[Entry, ...], sentence: str) -> None:
    """Alone, at its file, with what to do."""
    assert found(made, *entries) == [sentence]


def test_every_documented_code_is_in_the_tables() -> None:
    """With the severity that the reference says."""
    section = DOCS.read_text(encoding="utf-8").partition("## Files of an image")[2].partition("\n## ")[0]
    documented = {
        (severity, code)
        for code, text in re.findall(r"^\| `([a-z-]+)` \| ([^|]+)\|", section, re.MULTILINE)
        for severity in re.findall(r"error|warning", text)
    }
    shown = {tuple(sentence.split(" ", 2)[:2]) for _, _, sentence in LINUX + WINDOWS}
    assert shown == documented


GOOD = [
    (linux(), (file("a.txt"),)),
    (linux("/app"), (file("app", elf(), mode=0o755),)),
    (linux("/app"), (Entry(path="app", kind=Kind.SYMLINK, target="bin/app"), file("bin/app", elf()))),
    (linux("app"), ()),
    (linux("/app", base="docker.io/library/debian:13"), ()),
    (linux("/app", base="docker.io/library/debian:13"), (file("app", elf(loader="/lib/ld.so"), mode=0o755),)),
    (linux(), (file("app", elf(loader="/lib/ld.so")), file("lib/ld.so", elf()))),
    (linux(), (file("app", elf("386")),)),
    (linux(), (file("notes.txt", b"MZ is how programs of DOS begin"),)),
    (linux(), (file("program files/x"), file("windows/x"), file("environment"), file("my.git"))),
    (windows("C:\\app\\app"), (file("APP/App.exe", pe()),)),
    (windows("app.exe"), ()),
    (windows("C:\\app.exe"), ()),
    (windows("C:\\Windows\\System32\\cmd.exe", base="host-process"), (file("app.exe", pe()),)),
    (windows("app", base="host-process"), (file("app.exe", pe()),)),
    (windows("bin/app.exe", base="host-process"), (file("bin/app.exe", pe()),)),
    (windows("C:\\hpc\\app.exe", base="host-process"), (file("app.exe", pe()),)),
    (windows("%CONTAINER_SANDBOX_MOUNT_POINT%\\a\\b.exe", base="host-process"), (file("a/b.exe", pe()),)),
    (windows("D:\\app.exe", base="host-process"), ()),
    (windows(base="host-process"), (file("Windows/x.txt"),)),
    (windows(), (file("app.exe", pe("386")), file("il.dll", pe("arm64", dotnet=True)))),
    (windows("C:\\app.exe"), (file("app.exe", pe()), file("gui.exe", pe(subsystem=2)))),
    (windows(base="servercore"), (file("app.exe", pe(imports=("netapi32.dll",))),)),
    (windows(), (file("app.exe", pe(imports=("netapi32.dll",))), file("NetApi32.DLL", pe()))),
    (windows(), (file("a/app.exe", pe(imports=("netapi32.dll",))), file("a/NetAPI32.dll", pe()))),
]


@pytest.mark.parametrize(("made", "entries"), GOOD)
def test_a_good_image_has_no_findings(made: Variant, entries: tuple[Entry, ...]) -> None:
    """A base may have what the image has not; a 32-bit program runs; what only looks odd is left alone."""
    assert found(made, *entries) == []


@pytest.mark.parametrize(
    "path",
    [".env", "a/.env.production", "root/id_rsa", ".ssh/id_ed25519", "src/.git/config", "NuGet.Config", ".npmrc",
     ".netrc", ".pypirc", "x/.docker/config.json", "cert.PFX", "credentials", "a/credentials.json", ".aws/config"],
)  # fmt: skip
def test_names_of_secrets(path: str) -> None:
    """In any folder and any case."""
    assert [item.code for item in examine(linux(), [file(path)])] == ["secret"]


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (linux(), None),
        (linux("app"), None),
        (linux("/bin/app", "-v"), "bin/app"),
        (linux(cmd=("/bin/app",)), "bin/app"),
        (windows(), None),
        (windows("cmd"), None),
        (windows("C:\\App\\x.exe"), "App/x.exe"),
        (windows("C:/App/x.exe"), "App/x.exe"),
        (windows("D:\\x.exe"), None),
        (windows("x.exe", base="host-process"), "x.exe"),
        (windows("%Container_Sandbox_Mount_Point%/a/x.exe", base="host-process"), "a/x.exe"),
        (windows("C:\\HPC\\x.exe", base="host-process"), "x.exe"),
    ],
)
def test_the_program_that_is_started(made: Variant, path: str | None) -> None:
    """Only an absolute path says which file it is: anything else is looked for in PATH."""
    assert program_path(made) == path


@given(magic=st.sampled_from([elf()[:20], pe()[:90], b"MZ", b"\x7fELF"]), rest=st.binary(max_size=300))
def test_no_program_makes_a_traceback(magic: bytes, rest: bytes) -> None:
    """The file may be anybody's."""
    for made in (linux("/x.exe"), windows("C:\\x.exe")):
        assert {item.severity for item in examine(made, [file("x.exe", magic + rest)])} <= {
            "error",
            "warning",
        }
