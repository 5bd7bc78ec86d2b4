"""Tar archives by hand, out of POSIX's table of ustar fields, and what Python's own reader sees in one."""

import io
import struct
import tarfile
from typing import Final, NamedTuple

BLOCK: Final = 512
END: Final = bytes(1024)
FIELDS: Final = "100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x"
"""Name, mode, uid, gid, size, mtime, checksum, kind, link, magic, version, owners, devices, prefix."""


def header(
    name: bytes = b"a",
    *,
    kind: bytes = b"0",
    size: int | bytes = 0,
    mode: bytes = b"0000644\0",
    uid: bytes = b"0000000\0",
    gid: bytes = b"0000000\0",
    mtime: bytes = b"00000000000\0",
    link: bytes = b"",
    magic: bytes = b"ustar\0",
    version: bytes = b"00",
    prefix: bytes = b"",
    devices: bytes = b"0000000\0",
    checksum: bytes | None = None,
) -> bytes:
    """One header; the checksum is right unless it is given."""

    def packed(check: bytes) -> bytes:
        return struct.pack(
            FIELDS, name, mode, uid, gid, octal(size), mtime, check, kind, link, magic, version,
            b"", b"", devices, devices, prefix,
        )  # fmt: skip

    return packed(b"%06o\0 " % sum(packed(b" " * 8)) if checksum is None else checksum)


def octal(size: int | bytes) -> bytes:
    """A number as the size field holds it; bytes stay as they are."""
    return size if isinstance(size, bytes) else b"%011o\0" % size


def padded(data: bytes) -> bytes:
    """The data filled up with zeros to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def member(name: bytes = b"a", data: bytes = b"", *, kind: bytes = b"0") -> bytes:
    """A header with its content."""
    return header(name, kind=kind, size=len(data)) + padded(data)


def pax(*records: bytes) -> bytes:
    """A PAX header with these records, which count their own length."""
    return member(b"././@PaxHeader", b"".join(records), kind=b"x")


class Seen(NamedTuple):
    """One member of an archive."""

    name: str
    kind: bytes
    mode: int
    uid: int
    gid: int
    mtime: float
    link: str
    data: bytes


def seen_by_python(archive: bytes) -> list[Seen]:
    """The members as the standard library reads them."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:", encoding="utf-8") as tar:
        for info in tar:
            file = tar.extractfile(info) if info.isreg() else None
            data = b"" if file is None else file.read()
            found.append(
                Seen(info.name, info.type, info.mode, info.uid, info.gid, info.mtime, info.linkname, data)
            )
    return found


class Dribble(io.BytesIO):
    """A stream that gives at most so many bytes at once."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        """A few bytes, none at the end."""
        return super().read(self.most if size is None or size < 0 else min(size, self.most))
