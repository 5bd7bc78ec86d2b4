"""Program files made by hand from the specifications: headers and nothing that could run.

Sources: Microsoft Learn, "PE Format"; System V ABI, "ELF Header" and "Program Header".
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

SECTION_ADDRESS = 0x1000
SECTION_OFFSET = 0x400
PE_AT = 0x80


@dataclass(frozen=True, kw_only=True)
class Pe:
    """A Windows program with one section that holds its import tables; the defaults are a console program.

    `optional_size` and `directories` are what the headers say, None for what they have.
    """

    wide: bool = True
    machine: int = 0x8664
    flags: int = 0x0022
    magic: int | None = None
    subsystem: int = 3
    minimum_os: tuple[int, int] = (6, 1)
    imports: Sequence[bytes] = ()
    delayed: Sequence[bytes] = ()
    dotnet: bool = False
    sections: int | None = None
    optional_size: int | None = None
    directories: int = 16
    section_address: int = SECTION_ADDRESS

    @property
    def _fixed(self) -> int:
        return 112 if self.wide else 96

    def section(self) -> tuple[bytes, int, int]:
        """The section's bytes, and where in it the two tables begin."""
        names_at = 20 * (len(self.imports) + 1) + 32 * (len(self.delayed) + 1)
        names, addresses = b"", []
        for name in (*self.imports, *self.delayed):
            addresses.append(self.section_address + names_at + len(names))
            names += name + b"\0"
        split = len(self.imports)
        ordinary = b"".join(struct.pack("<5I", 1, 0, 0, at, 2) for at in addresses[:split]) + bytes(20)
        delayed = b"".join(struct.pack("<8I", 1, at, *[3] * 6) for at in addresses[split:]) + bytes(32)
        return ordinary + delayed + names, 0, len(ordinary)

    def __bytes__(self) -> bytes:
        body, ordinary, delayed = self.section()
        tables = [0] * 16
        tables[1] = self.section_address + ordinary if self.imports else 0
        tables[13] = self.section_address + delayed if self.delayed else 0
        tables[14] = self.section_address if self.dotnet else 0
        size = self._fixed + 128
        magic = self.magic or (0x20B if self.wide else 0x10B)
        optional = bytearray(struct.pack("<H", magic).ljust(size, b"\0"))
        struct.pack_into("<II", optional, 32, 0x1000, 0x200)  # alignment in memory and in the file
        struct.pack_into("<HH", optional, 48, *self.minimum_os)
        struct.pack_into("<II", optional, 56, 0x2000, SECTION_OFFSET)  # SizeOfImage, SizeOfHeaders
        struct.pack_into("<H", optional, 68, self.subsystem)
        rows = b"".join(struct.pack("<II", at, len(body) if at else 0) for at in tables)
        struct.pack_into("<I128s", optional, self._fixed - 4, self.directories, rows)
        count = 1 if self.sections is None else self.sections
        told = size if self.optional_size is None else self.optional_size
        coff = struct.pack("<HHIIIHH", self.machine, count, 0, 0, 0, told, self.flags)
        row = struct.pack("<8s6I2HI", b".rdata", len(body), self.section_address, len(body), SECTION_OFFSET,
                          0, 0, 0, 0, 0)  # fmt: skip
        head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", PE_AT)
        return (head.ljust(PE_AT, b"\0") + b"PE\0\0" + coff + optional + row).ljust(
            SECTION_OFFSET, b"\0"
        ) + body


@dataclass(frozen=True, kw_only=True)
class Elf:
    """A Linux program with one loadable segment, and one that names its loader where it has one."""

    bits: int = 64
    order: str = "<"
    kind: int = 2
    machine: int = 62
    interpreter: bytes = b""
    headers: int | None = None

    def __bytes__(self) -> bytes:
        wide = self.bits == 64
        ident = b"\x7fELF" + bytes((2 if wide else 1, 1 if self.order == "<" else 2, 1)).ljust(12, b"\0")
        start, size = (64, 56) if wide else (52, 32)
        segments = [(1, 0, 0)]
        if self.interpreter:
            segments.append((3, start + 2 * size, len(self.interpreter) + 1))
        count = len(segments) if self.headers is None else self.headers
        pointer = "Q" if wide else "I"
        header = struct.pack(
            f"{self.order}HHI3{pointer}I6H",
            *(self.kind, self.machine, 1, 0, start, 0, 0),
            *(start, size, count, 0, 0, 0),
        )
        table = b"".join(self._segment(*segment) for segment in segments)
        return ident + header + table + (self.interpreter + b"\0" if self.interpreter else b"")

    def _segment(self, kind: int, offset: int, length: int) -> bytes:
        if self.bits == 64:
            return struct.pack(f"{self.order}II6Q", kind, 4, offset, 0, 0, length, length, 1)
        return struct.pack(f"{self.order}8I", kind, offset, 0, 0, length, length, 4, 1)
