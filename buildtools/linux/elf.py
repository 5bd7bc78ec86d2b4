"""Program files of Linux: which processor one is for, and which dynamic loader it asks for.

Source: System V ABI, "ELF Header" and "Program Header". The file may be anybody's, so every number is held
against bounds.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

MAGIC: Final = b"\x7fELF"

Kind = Literal["executable", "shared", "other"]

_LITTLE: Final = "<"
_BIG: Final = ">"
_CLASSES: Final[Mapping[int, int]] = {1: 32, 2: 64}
_ORDERS: Final[Mapping[int, str]] = {1: _LITTLE, 2: _BIG}
_KINDS: Final[Mapping[int, Kind]] = {2: "executable", 3: "shared"}
# One machine number stands for several of OCI's architectures: word size and byte order decide.
# Which variant of arm it is (v5 to v7) the header does not say.
_ARCHITECTURES: Final[Mapping[tuple[int, int, str], str]] = {
    (3, 32, _LITTLE): "386",
    (8, 32, _BIG): "mips",
    (8, 32, _LITTLE): "mipsle",
    (8, 64, _BIG): "mips64",
    (8, 64, _LITTLE): "mips64le",
    (21, 64, _BIG): "ppc64",
    (21, 64, _LITTLE): "ppc64le",
    (22, 64, _BIG): "s390x",
    (40, 32, _LITTLE): "arm",
    (62, 64, _LITTLE): "amd64",
    (183, 64, _LITTLE): "arm64",
    (243, 64, _LITTLE): "riscv64",
    (258, 64, _LITTLE): "loong64",
}
_INTERPRETER: Final = 3
_MOST_HEADERS: Final = 1024
_MOST_PATH: Final = 4096


class ElfError(ValueError):
    """The file is not a program file of Linux, or it is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a program file says of itself.

    `architecture` is OCI's word, empty for a processor that OCI has none for; `bits` is 32 or 64. `kind` is
    "shared" for libraries and for programs that may be loaded anywhere (the usual form today), "other" for
    object files and core dumps. `interpreter` is the dynamic loader's path, empty for a static program.
    """

    architecture: str
    bits: int
    kind: Kind
    interpreter: str

    @property
    def runs(self) -> bool:
        """Whether this can be started at all: false for object files and core dumps."""
        return self.kind != "other"


def read_program(file: BinaryIO | bytes) -> Program:
    """Read a program's headers; raises ElfError. A file must be seekable."""
    source = io.BytesIO(file) if isinstance(file, bytes) else file
    ident = _bytes(source, 0, 16)
    if ident[:4] != MAGIC:
        raise ElfError("the file does not begin with the ELF magic")
    bits, order = _CLASSES.get(ident[4]), _ORDERS.get(ident[5])
    if bits is None or order is None:
        raise ElfError("the file's class or byte order is unknown")
    kind, machine = struct.unpack(f"{order}HH", _bytes(source, 16, 4))
    return Program(
        architecture=_ARCHITECTURES.get((machine, bits, order), ""),
        bits=bits,
        kind=_KINDS.get(kind, "other"),
        interpreter=_interpreter(source, order, wide=bits == 64),
    )


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
