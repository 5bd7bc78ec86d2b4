"""The smallest valid registry hive: one key without values, for the base of HostProcess images.

Windows Server 2025 and later refuse a HostProcess base whose five hives are empty files
(microsoft/windows-host-process-containers-base-image, New-HostProcessBaseImage.ps1). Format:
msuhanov/regf, "Windows registry file format specification".
"""

import struct
from collections.abc import Iterator
from typing import Final

from buildtools.windows.sddl_names import RIGHTS, SIDS
from buildtools.windows.security import Ace, SecurityDescriptor

PAGE: Final = 0x1000
SIZE: Final = 2 * PAGE
"""Bytes of a hive: the base block and one bin."""

FILETIME: Final = 133480704000000000
"""2023-12-26T13:20:00Z in 100 ns since 1601; any fixed time will do."""

_NONE: Final = 0xFFFFFFFF
_KEY_OFFSET: Final = 0x20
_KEY_SIZE: Final = 0x68
_SECURITY_OFFSET: Final = _KEY_OFFSET + _KEY_SIZE
_SECURITY_SIZE: Final = 0x98
_CHECKSUM_OFFSET: Final = 0x1FC
# Hive entry key, cannot be deleted, name in ASCII.
_HIVE_ENTRY: Final = 0x04
_ROOT_FLAGS: Final = _HIVE_ENTRY | 0x08 | 0x20
_VERSION_AT: Final = 0x14
_ROOT_AT: Final = 0x24
_BINS_SIZE_AT: Final = 0x28
_BIN_HEADER: Final = 0x20


def minimal_hive() -> bytes:
    """The hive, always the same bytes."""
    bin_header = b"hbin" + struct.pack("<IIQQI", 0, PAGE, 0, FILETIME, 0)
    cells = _cell(_root_key(b"ROOT"), _KEY_SIZE) + _cell(_security(), _SECURITY_SIZE)
    used = len(bin_header) + len(cells)
    free = struct.pack("<i", PAGE - used)
    return _base_block() + (bin_header + cells + free).ljust(PAGE, b"\0")


def check_hive(data: bytes) -> list[str]:
    """What a loader would refuse in header, checksum, bins, cells and root key; empty if nothing."""
    if len(data) < SIZE or len(data) % PAGE:
        return [f"a hive has whole pages, at least two: this has {len(data)} bytes"]
    if data[:4] != b"regf":
        return ["the hive does not begin with regf"]
    return [*_header_faults(data), *_bin_faults(data), *_root_faults(data)]


def _header_faults(data: bytes) -> Iterator[str]:
    first, second = struct.unpack_from("<II", data, 4)
    if first != second:
        yield "the hive's two sequence numbers differ: it was not closed properly"
    if struct.unpack_from("<I", data, _CHECKSUM_OFFSET)[0] != checksum(data):
        yield "the hive's checksum is wrong"
    major, minor, kind, form = struct.unpack_from("<IIII", data, _VERSION_AT)
    if major != 1 or not 3 <= minor <= 6:
        yield f"the hive is of version {major}.{minor}, known are 1.3 to 1.6"
    # Other types are transaction logs.
    if (kind, form) != (0, 1):
        yield f"the hive is of type {kind} and format {form}, a hive file has 0 and 1"


def _bin_faults(data: bytes) -> Iterator[str]:
    (total,) = struct.unpack_from("<I", data, _BINS_SIZE_AT)
    if not total or total % PAGE or PAGE + total > len(data):
        yield f"the hive says that its bins have {total} bytes, but the file has {len(data) - PAGE} for them"
        return
    start = 0
    while start < total:
        magic, offset, size = struct.unpack_from("<4sII", data, PAGE + start)
        if magic != b"hbin" or offset != start:
            yield f"the hive has no bin at {start:#x}"
            return
        if not size or size % PAGE or start + size > total:
            yield f"the bin at {start:#x} has the impossible size {size}"
            return
        yield from _cell_faults(data, start + _BIN_HEADER, start + size)
        start += size


def _cell_faults(data: bytes, place: int, end: int) -> Iterator[str]:
    while place < end:
        (size,) = struct.unpack_from("<i", data, PAGE + place)
        if size == 0 or size % 8:
            yield f"the cell at {place:#x} has the impossible size {size}"
            return
        place += abs(size)
    if place != end:
        yield "the hive's cells do not fill its bin"


def _root_faults(data: bytes) -> Iterator[str]:
    (root,) = struct.unpack_from("<I", data, _ROOT_AT)
    cell = data[PAGE + root : PAGE + root + 8]
    size, magic, flags = struct.unpack("<i2sH", cell) if len(cell) == 8 else (0, b"", 0)
    if size >= 0 or magic != b"nk" or not flags & _HIVE_ENTRY:
        yield f"the hive has no root key at {root:#x}"


def checksum(data: bytes) -> int:
    """The base block's checksum: its first 127 words by exclusive or; 0 and 2^32-1 are never stored."""
    value = 0
    for (word,) in struct.iter_unpack("<I", data[:_CHECKSUM_OFFSET]):
        value ^= word
    return {0: 1, _NONE: _NONE - 1}.get(value, value)


def _base_block() -> bytes:
    # Both sequence numbers are equal: the hive was closed properly. Then version 1.3, type "file", format
    # "direct", the root's offset, the bins' size, clustering 1.
    block = b"regf" + struct.pack("<IIQ", 1, 1, FILETIME)
    block += struct.pack("<IIIIIII", 1, 3, 0, 1, _KEY_OFFSET, PAGE, 1)
    block = block.ljust(_CHECKSUM_OFFSET, b"\0")
    return (block + struct.pack("<I", checksum(block))).ljust(PAGE, b"\0")


def _root_key(name: bytes) -> bytes:
    key = b"nk" + struct.pack("<HQ", _ROOT_FLAGS, FILETIME)
    key += struct.pack("<IIII", 0, 0, 0, 0)  # access bits, parent, subkeys, volatile subkeys
    key += struct.pack("<IIII", _NONE, _NONE, 0, _NONE)  # subkey lists, number of values, value list
    key += struct.pack("<II", _SECURITY_OFFSET, _NONE)  # security cell, class name
    key += struct.pack("<IIIII", 0, 0, 0, 0, 0)  # longest names and values, work variable
    return key + struct.pack("<HH", len(name), 0) + name


def _security() -> bytes:
    aces = (
        Ace(0, 0, RIGHTS["KA"], SIDS["BA"]),
        Ace(0, 0, RIGHTS["KA"], SIDS["SY"]),
        Ace(0, 0, RIGHTS["KR"], SIDS["BU"]),
    )
    descriptor = SecurityDescriptor(owner=SIDS["BA"], group=SIDS["SY"], dacl=aces).encode()
    # Both list links point at the cell itself; one key refers to it.
    links = struct.pack("<IIII", _SECURITY_OFFSET, _SECURITY_OFFSET, 1, len(descriptor))
    return b"sk" + struct.pack("<H", 0) + links + descriptor


def _cell(body: bytes, size: int) -> bytes:
    """A cell in use: its size as a negative number, then the body."""
    return struct.pack("<i", -size) + body.ljust(size - 4, b"\0")
