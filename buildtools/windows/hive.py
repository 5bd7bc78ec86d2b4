"""The smallest valid registry hive: one key without values, for the base of HostProcess images.

Windows Server 2025 and later refuse a HostProcess base whose five hives are empty files
(microsoft/windows-host-process-containers-base-image, New-HostProcessBaseImage.ps1). Format:
msuhanov/regf, "Windows registry file format specification".
"""

import struct
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
_ROOT_FLAGS: Final = 0x04 | 0x08 | 0x20


class HiveError(ValueError):
    """The bytes are not a valid hive."""


def minimal_hive() -> bytes:
    """The hive, always the same bytes."""
    bin_header = b"hbin" + struct.pack("<IIQQI", 0, PAGE, 0, FILETIME, 0)
    cells = _cell(_root_key(b"ROOT"), _KEY_SIZE) + _cell(_security(), _SECURITY_SIZE)
    used = len(bin_header) + len(cells)
    free = struct.pack("<i", PAGE - used)
    return _base_block() + (bin_header + cells + free).ljust(PAGE, b"\0")


def check_hive(data: bytes) -> None:
    """Walk what a loader reads first: header, checksum, cells that fill the bin; raises HiveError."""
    if len(data) < SIZE or len(data) % PAGE:
        raise HiveError(f"a hive has whole pages, at least two: this has {len(data)} bytes")
    if data[:4] != b"regf":
        raise HiveError("the hive does not begin with regf")
    first, second = struct.unpack_from("<II", data, 4)
    if first != second:
        raise HiveError("the hive's two sequence numbers differ: it was not closed properly")
    if struct.unpack_from("<I", data, _CHECKSUM_OFFSET)[0] != checksum(data):
        raise HiveError("the hive's checksum is wrong")
    if data[PAGE : PAGE + 4] != b"hbin":
        raise HiveError("the hive has no bin")
    (end,) = struct.unpack_from("<I", data, PAGE + 8)
    place = 0x20
    while place < min(end, len(data) - PAGE):
        (size,) = struct.unpack_from("<i", data, PAGE + place)
        if size == 0 or size % 8:
            raise HiveError(f"the cell at {place:#x} has the impossible size {size}")
        place += abs(size)
    if place != end:
        raise HiveError("the hive's cells do not fill its bin")


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
