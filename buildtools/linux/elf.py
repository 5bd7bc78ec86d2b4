"""Program files of Linux: which processor one is for, and which dynamic loader it asks for.

Source: System V ABI, "ELF Header" and "Program Header". The file may be anybody's, so every number is held
against bounds.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

MAGIC: Final = b"\x7fELF"

_MACHINES: Final[Mapping[int, str]] = {
    3: "386",
    8: "mips",
    21: "ppc64",
    22: "s390x",
    40: "arm",
    62: "amd64",
    183: "arm64",
    243: "riscv64",
    258: "loong64",
}
_EXECUTABLE: Final = 2
_SHARED: Final = 3
_INTERPRETER: Final = 3
_MOST_HEADERS: Final = 1024
_MOST_PATH: Final = 4096


class ElfError(ValueError):
    """The file is not a program file of Linux, or it is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a program file says of itself.

    `architecture` is OCI's word, empty for a processor that OCI has none for. `interpreter` is the dynamic
    loader's path, empty for a static program. `runs` is false for object files and core dumps.
    """

    architecture: str
    interpreter: str
    runs: bool


def read_program(file: BinaryIO) -> Program:
    """Read a program file's headers; raises ElfError. The file must be seekable."""
    ident = _bytes(file, 0, 16)
    if ident[:4] != MAGIC:
        raise ElfError("the file does not begin with the ELF magic")
    wide, order = _CLASSES.get(ident[4]), _ORDERS.get(ident[5])
    if wide is None or order is None:
        raise ElfError("the file's class or byte order is unknown")
    kind, machine = struct.unpack(f"{order}HH", _bytes(file, 16, 4))
    return Program(
        architecture=_architecture(machine, order),
        interpreter=_interpreter(file, order, wide=wide),
        runs=kind in {_EXECUTABLE, _SHARED},
    )


_CLASSES: Final[Mapping[int, bool]] = {1: False, 2: True}
_ORDERS: Final[Mapping[int, str]] = {1: "<", 2: ">"}


def _architecture(machine: int, order: str) -> str:
    name = _MACHINES.get(machine, "")
    return f"{name}le" if name in {"ppc64", "mips"} and order == "<" else name


def _interpreter(file: BinaryIO, order: str, *, wide: bool) -> str:
    # Offset of the program headers, their size and number: at other places in the two classes.
    (start,) = struct.unpack(
        f"{order}Q" if wide else f"{order}I", _bytes(file, 32 if wide else 28, 8 if wide else 4)
    )
    size, count = struct.unpack(f"{order}HH", _bytes(file, 54 if wide else 42, 4))
    if count > _MOST_HEADERS:
        raise ElfError(f"the file says it has {count} program headers")
    for number in range(count):
        header = _bytes(file, start + size * number, 56 if wide else 32)
        (kind,) = struct.unpack_from(f"{order}I", header)
        if kind == _INTERPRETER:
            offset, length = _segment(header, order, wide=wide)
            if length > _MOST_PATH:
                raise ElfError(f"the dynamic loader's path has {length} bytes")
            return _bytes(file, offset, length).rstrip(b"\0").decode("utf-8", "backslashreplace")
    return ""


def _segment(header: bytes, order: str, *, wide: bool) -> tuple[int, int]:
    """Where a program header's bytes lie in the file, and how many they are."""
    if wide:
        offset, _, _, length = struct.unpack_from(f"{order}QQQQ", header, 8)
    else:
        offset, _, _, length = struct.unpack_from(f"{order}IIII", header, 4)
    return offset, length


def _bytes(file: BinaryIO, offset: int, size: int) -> bytes:
    try:
        file.seek(offset)
    except (OverflowError, OSError, ValueError) as error:
        raise ElfError(f"the file refers to byte {offset}") from error
    data = file.read(size)
    if len(data) != size:
        raise ElfError(f"the file ends before byte {offset + size}")
    return data
