"""What is wrong with a variant's files before they become a layer: programs, loaders, secrets."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from buildtools.errors import Diagnostic, Severity
from buildtools.linux import elf
from buildtools.oci.layer import Entry, Kind, LayerError, arrange
from buildtools.sources.entries import LAYER_FORMATS
from buildtools.spec.secrets import is_secret_file
from buildtools.spec.variant import HOST_PROCESS, SCRATCH, Variant
from buildtools.windows import pe
from buildtools.windows.paths import PathError, image_path

_MOUNT_POINT: Final = re.compile(r"(%CONTAINER_SANDBOX_MOUNT_POINT%|c:[\\/]hpc)[\\/]", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_OWNED: Final = ("windows", "program files", "program files (x86)", "programdata", "users")
_HEAD: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """The variant with its entries by path, without case on Windows."""

    variant: Variant
    entries: Mapping[str, Entry] = field(repr=False)
    ahead: Sequence[str] = ()

    def fold(self, path: str) -> str:
        return path.casefold() if self.variant.platform.os == "windows" else path

    def find(self, path: str) -> Entry | None:
        return self.entries.get(self.fold(path))

    def is_ahead(self, path: str) -> bool:
        """Whether the path is missing, and something that is still to be made or fetched may bring it."""
        places = (self.fold(place).strip("/") for place in self.ahead)
        path = self.fold(path)
        return self.program() is None and any(
            not place or f"{path}/".startswith(f"{place}/") or f"{path}.exe" == place for place in places
        )

    def program(self) -> Entry | None:
        """The file that the config starts; Windows finds it without its `.exe`, too."""
        path = program_path(self.variant)
        if path is None:
            return None
        windows = self.variant.platform.os == "windows"
        return self.find(path) or (self.find(f"{path}.exe") if windows else None)

    def finding(
        self, code: str, message: str, hint: str, *, severity: Severity = "error", entry: Entry | None = None
    ) -> Diagnostic:
        where = entry.origin or entry.path if entry else f"{self.variant.folder}/image.yaml"
        text = f"{self.variant.image} {self.variant.label}: {message}"
        return Diagnostic(code=code, message=text, hint=hint, path=where, severity=severity)


def examine(variant: Variant, entries: Sequence[Entry], *, ahead: Sequence[str] = ()) -> list[Diagnostic]:
    """Everything that is wrong, errors and warnings; an empty list is what a good image has.

    `ahead` are the destinations of files that are still to be made or fetched.
    """
    fold = str.casefold if variant.platform.os == "windows" else str
    image = _Image(variant=variant, entries={fold(entry.path): entry for entry in entries}, ahead=ahead)
    found = [*_layer(image, entries), *_entrypoint(image)]
    for entry in entries:
        found.extend(_names(image, entry))
        if entry.kind is Kind.FILE and entry.open:
            with entry.open() as file:
                found.extend(_program(image, entry, file))
    return found


def _layer(image: _Image, entries: Sequence[Entry]) -> Iterator[Diagnostic]:
    """What no layer can hold: names that Windows has not, two things in one place."""
    try:
        arrange(entries, system=LAYER_FORMATS[image.variant.platform.os])
    except LayerError as error:
        for fault in error.faults:
            yield image.finding("layer", fault, "rename it, leave it out with `exclude`, or mend `files`")


def program_path(variant: Variant) -> str | None:
    """The path inside the image of the program that its config starts; None where it is not absolute."""
    program = (*(variant.config.entrypoint or ()), *(variant.config.cmd or ()))[:1]
    if not program:
        return None
    if variant.platform.os != "windows":
        return program[0].strip("/") if program[0].startswith("/") else None
    try:
        return image_path(_mounted(program[0]) if variant.base == HOST_PROCESS else program[0])
    except PathError:
        return None


def _mounted(program: str) -> str:
    r"""Where a HostProcess image has the program, as if the image were drive C; else as it is written.

    Such an image is bound at `C:\hpc`, its working directory, and what lies elsewhere is the node's.
    """
    if match := _MOUNT_POINT.match(program):
        return f"C:\\{program[match.end() :]}"
    return program if _DRIVE.match(program) else f"C:\\{program}"


def _node_program(image: _Image) -> Iterator[Diagnostic]:
    r"""An entrypoint on the node's own drive is right for `C:\Windows\...`, wrong for a file of the image."""
    program = (*(image.variant.config.entrypoint or ()), *(image.variant.config.cmd or ()))[0]
    path = program_path(image.variant)
    if _DRIVE.match(program) and not _MOUNT_POINT.match(program):
        if path and (image.find(path) or image.find(f"{path}.exe")):
            text = f"the entrypoint {program} is looked for on the node's own drive, not in the image"
            hint = f"write it relative to the image: {program[3:]}"
            yield image.finding("entrypoint-node", text, hint)
    elif path and image.program() is None:
        text = f"the entrypoint {program} is not in the image, so it must be on the node's PATH"
        hint = "copy it there with `files`, or mend `entrypoint`"
        alone = "\\" not in program and "/" not in program
        yield image.finding("entrypoint-missing", text, hint, severity="warning" if alone else "error")


def _entrypoint(image: _Image) -> Iterator[Diagnostic]:
    path = program_path(image.variant)
    if path is None or image.is_ahead(path):
        return
    if image.variant.base == HOST_PROCESS:
        yield from _node_program(image)
        return
    entry = image.program()
    if entry is None:
        # On a base with content of its own the program may be the base's.
        if image.variant.base == SCRATCH:
            text = f"the entrypoint {path} is not in the image"
            yield image.finding(
                "entrypoint-missing", text, "copy it there with `files`, or mend `entrypoint`"
            )
    elif entry.kind is Kind.FILE and image.variant.platform.os != "windows" and not entry.mode & 0o111:
        text = f"the entrypoint {path} is not executable (mode {entry.mode:04o})"
        yield image.finding("entrypoint-mode", text, 'give it `mode: "0755"`', entry=entry)
    elif entry.kind is Kind.DIRECTORY:
        yield image.finding(
            "entrypoint-directory", f"the entrypoint {path} is a directory", "name the program"
        )


def _names(image: _Image, entry: Entry) -> Iterator[Diagnostic]:
    if is_secret_file(entry.path):
        text = f"{entry.path} looks like a secret, and everybody who pulls the image can read it"
        yield image.finding(
            "secret",
            text,
            "leave it out with `exclude`, mount it at run time",
            severity="warning",
            entry=entry,
        )
    first = entry.path.partition("/")[0].casefold()
    if image.variant.platform.os == "windows" and image.variant.base != HOST_PROCESS and first in _OWNED:
        text = f"{entry.path} lies in a folder of Windows, whose access list this layer replaces"
        hint = "put it into a folder of its own, as in C:\\app"
        yield image.finding("base-directory", text, hint, severity="warning", entry=entry)


def _program(image: _Image, entry: Entry, file: BinaryIO) -> Iterator[Diagnostic]:
    head = file.read(_HEAD)
    for magic, check in _PROGRAMS.items():
        if head.startswith(magic):
            yield from check(image, entry, file)


def _elf_program(image: _Image, entry: Entry, file: BinaryIO) -> Iterator[Diagnostic]:
    if image.variant.platform.os == "windows":
        yield _foreign(image, entry, "a program for Linux (ELF)")
        return
    try:
        program = elf.read_program(file)
    except elf.ElfError as error:
        yield image.finding("program-damaged", f"{entry.path}: {error}", "build it again", entry=entry)
        return
    yield from _architecture(image, entry, program.architecture)
    loader = program.interpreter.strip("/")
    if loader and image.variant.base == SCRATCH and image.find(loader) is None:
        text = f"{entry.path} needs the dynamic loader {program.interpreter}, which the image has not"
        hint = "link it statically (CGO_ENABLED=0 for Go), or use a base that has it"
        yield image.finding("loader-missing", text, hint, entry=entry)


def _pe_program(image: _Image, entry: Entry, file: BinaryIO) -> Iterator[Diagnostic]:
    try:
        program = pe.read_program(file)
    except pe.PeError as error:
        if entry.path.lower().endswith((".exe", ".dll")):
            yield image.finding("program-damaged", f"{entry.path}: {error}", "build it again", entry=entry)
        return
    if image.variant.platform.os != "windows":
        yield _foreign(image, entry, "a program for Windows (PE)")
        return
    if not program.is_dotnet:
        yield from _architecture(image, entry, program.architecture)
    if program.subsystem == pe.GUI and entry is image.program():
        text = f"the entrypoint {entry.path} is a program with windows, so it has no output in a container"
        hint = "build it for the console (-H=windowsgui off, /SUBSYSTEM:CONSOLE)"
        yield image.finding("subsystem", text, hint, severity="warning", entry=entry)
    for name, hint in pe.missing_dlls(program, image.variant.base).items():
        folder = entry.path.rpartition("/")[0]
        if image.find(f"{folder}/{name}".lstrip("/")) is None:
            text = f"{entry.path} needs {name}, which {image.variant.base} lacks"
            yield image.finding("dll-missing", text, hint, entry=entry)


def _foreign(image: _Image, entry: Entry, what: str) -> Diagnostic:
    started = entry is image.program()
    severity: Severity = "error" if started else "warning"
    text = f"{entry.path} is {what} in an image for {image.variant.platform.os}"
    return image.finding(
        "program-os", text, "copy the program of this platform", severity=severity, entry=entry
    )


def _architecture(image: _Image, entry: Entry, found: str) -> Iterator[Diagnostic]:
    wanted = image.variant.platform.architecture
    if found and found != wanted and not (found == "386" and wanted == "amd64"):
        text = f"{entry.path} is for {found} in an image for {wanted}"
        yield image.finding("program-architecture", text, "copy the program of this platform", entry=entry)


_PROGRAMS: Final[Mapping[bytes, Callable[[_Image, Entry, BinaryIO], Iterator[Diagnostic]]]] = {
    elf.MAGIC: _elf_program,
    pe.MAGIC: _pe_program,
}
