"""Program files of Windows: which processor and subsystem one is for, and which DLLs it asks for.

Source: Microsoft Learn, "PE Format". Only what is declared is believed, and only within bounds: the file
may be anybody's.
"""

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

MAGIC: Final = b"MZ"
CONSOLE: Final = 3
GUI: Final = 2

_MACHINES: Final[Mapping[int, str]] = {0x8664: "amd64", 0xAA64: "arm64", 0x14C: "386", 0x1C4: "arm"}
_DLL: Final = 0x2000
_PE32: Final = 0x10B
_PE32_PLUS: Final = 0x20B
_MOST_SECTIONS: Final = 96
_MOST_IMPORTS: Final = 4096
_IMPORT_DIRECTORY: Final = 1
_DELAY_DIRECTORY: Final = 13
_NET_DIRECTORY: Final = 14


class PeError(ValueError):
    """The file is not a program file of Windows, or it is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a program file says of itself; `imports` are DLL names in lower case, delayed ones too.

    `architecture` is OCI's word, empty for a processor that OCI has none for. `minimum_os` is the lowest
    Windows version as major and minor.
    """

    architecture: str
    subsystem: int
    minimum_os: tuple[int, int]
    is_dll: bool
    is_dotnet: bool
    imports: tuple[str, ...]


def read_program(file: BinaryIO | bytes) -> Program:
    """Read a program's headers and imports; raises PeError. A file must be seekable."""
    return _Reader(io.BytesIO(file) if isinstance(file, bytes) else file).program()


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sections: list[tuple[int, int, int]] = []

    def program(self) -> Program:
        if self._bytes(0, 2) != MAGIC:
            raise PeError("the file does not begin with MZ")
        (header,) = struct.unpack("<I", self._bytes(0x3C, 4))
        if self._bytes(header, 4) != b"PE\0\0":
            raise PeError("the file is for MS-DOS, not for Windows")
        machine, sections, _, _, _, optional_size, flags = struct.unpack(
            "<HHIIIHH", self._bytes(header + 4, 20)
        )
        optional = header + 24
        (magic,) = struct.unpack("<H", self._bytes(optional, 2))
        if magic not in {_PE32, _PE32_PLUS}:
            raise PeError(f"the optional header has the unknown magic {magic:#x}")
        self._read_sections(optional + optional_size, sections)
        # The headers are mapped, too, at address 0; small linkers put the imports there.
        self._sections.append((0, struct.unpack("<I", self._bytes(optional + 60, 4))[0], 0))
        directories = self._directories(optional, optional_size, wide=magic == _PE32_PLUS)
        major, minor = struct.unpack("<HH", self._bytes(optional + 48, 4))
        (subsystem,) = struct.unpack("<H", self._bytes(optional + 68, 2))
        names = {name.lower() for name in self._imports(directories)}
        return Program(
            architecture=_MACHINES.get(machine, ""),
            subsystem=subsystem,
            minimum_os=(major, minor),
            is_dll=bool(flags & _DLL),
            is_dotnet=directories.get(_NET_DIRECTORY, 0) != 0,
            imports=tuple(sorted(names)),
        )

    def _bytes(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) != size:
            raise PeError(f"the file ends before byte {offset + size}")
        return data

    def _read_sections(self, offset: int, count: int) -> None:
        if count > _MOST_SECTIONS:
            raise PeError(f"the file says it has {count} sections, Windows loads at most {_MOST_SECTIONS}")
        for number in range(count):
            fields = struct.unpack("<8sIIIIIIHHI", self._bytes(offset + 40 * number, 40))
            size, address, raw_size, raw_offset = fields[1:5]
            self._sections.append((address, max(size, raw_size), raw_offset))

    def _directories(self, optional: int, size: int, *, wide: bool) -> dict[int, int]:
        """Relative addresses by the number of the data directory."""
        fixed = 112 if wide else 96
        if size < fixed:
            raise PeError(f"the optional header has {size} bytes, at least {fixed} belong there")
        start = optional + fixed
        (count,) = struct.unpack("<I", self._bytes(start - 4, 4))
        # Directories that the header has no room for would be read out of the section table.
        count = min(count, (size - fixed) // 8)
        numbers = [n for n in (_IMPORT_DIRECTORY, _DELAY_DIRECTORY, _NET_DIRECTORY) if n < count]
        return {n: struct.unpack("<I", self._bytes(start + 8 * n, 4))[0] for n in numbers}

    def _imports(self, directories: Mapping[int, int]) -> Iterator[str]:
        tables = ((_IMPORT_DIRECTORY, 20, 12), (_DELAY_DIRECTORY, 32, 4))
        for number, size, name_at in tables:
            address = directories.get(number, 0)
            if not address:
                continue
            offset = self._offset(address)
            for _ in range(_MOST_IMPORTS):
                entry = self._bytes(offset, size)
                (name,) = struct.unpack_from("<I", entry, name_at)
                if not name:
                    break
                yield self._text(self._offset(name))
                offset += size
            else:
                raise PeError(f"the file imports from more than {_MOST_IMPORTS} DLLs")

    def _offset(self, address: int) -> int:
        for start, size, raw in self._sections:
            if start <= address < start + size:
                return raw + address - start
        raise PeError(f"address {address:#x} lies in no section")

    def _text(self, offset: int) -> str:
        self._file.seek(offset)
        name, end, _ = self._file.read(260).partition(b"\0")
        if not end or not name.isascii():
            raise PeError("the name of an imported DLL is damaged")
        return name.decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A DLL that a base has not, and what to do."""

    bases: tuple[str, ...]
    hint: str


_COMPILER: Final = "link it statically (-static) or ship the DLL beside the program"

MISSING_DLLS: Final[Mapping[str, Missing]] = {
    # K2s copies it out of Server Core for its exporters.
    "netapi32.dll": Missing(
        bases=("nanoserver",), hint="copy it from servercore, or use servercore as the base"
    ),
    "libgcc_s_seh-1.dll": Missing(bases=("",), hint=_COMPILER),
    "libstdc++-6.dll": Missing(bases=("",), hint=_COMPILER),
    "libwinpthread-1.dll": Missing(bases=("",), hint=_COMPILER),
}
"""DLLs that a base whose reference holds one of the words is known to lack; an empty word is every base."""


def missing_dlls(program: Program, base: str) -> dict[str, str]:
    """Imports that the base is known to lack, each with what to do."""
    return {
        name: missing.hint
        for name in program.imports
        if (missing := MISSING_DLLS.get(name)) and any(word in base for word in missing.bases)
    }
