"""A DLL that holds no code: each of its exports stands for a function of another DLL.

Source: Microsoft Learn, "PE Format": an export whose address lies in the export directory itself names the
function that it stands for.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Final

RANDOM: Final[Mapping[str, str]] = {"ProcessPrng": "advapi32.SystemFunction036"}
"""What programs of Go 1.22 and Rust 1.78 and later ask of bcryptprimitives.dll, which Windows has and wine
before 8.13 has not (libuv pull request 4836); SystemFunction036 is RtlGenRandom."""

_AMD64: Final = 0x8664
_EXECUTABLE_DLL: Final = 0x2022
_PE32_PLUS: Final = 0x20B
_CONSOLE: Final = 3
_DYNAMIC_BASE_NX_NO_SEH: Final = 0x540
_INITIALISED_READABLE: Final = 0x40000040
_BASE: Final = 0x180000000
_SECTION: Final = 0x1000
"""Where the only section begins in memory; also how sections are aligned there."""
_IN_FILE: Final = 0x200
"""Where it begins in the file; also how sections are aligned there."""
_MADE_FOR: Final = (6, 0)
"""Every Windows that has this form of program."""
_DIRECTORIES: Final = 16
_HEADERS_AT: Final = 0x40


def forwarder(name: str, exports: Mapping[str, str]) -> bytes:
    """The DLL `name` for amd64 whose `exports` stand for `dll.function` each."""
    body = _exports(name, exports)
    size = -(-len(body) // _IN_FILE) * _IN_FILE
    headers = b"".join((_dos(), _coff(), _optional(len(body), size), _section(len(body), size)))
    return headers.ljust(_IN_FILE, b"\0") + body.ljust(size, b"\0")


def _exports(name: str, exports: Mapping[str, str]) -> bytes:
    """The export directory with its three tables and texts."""
    # The loader searches names in the order of their bytes.
    names = sorted(exports, key=str.encode)
    count = len(names)
    functions, pointers, ordinals = 40, 40 + 4 * count, 40 + 8 * count
    texts, places = _texts((name, *names, *(exports[one] for one in names)), start=ordinals + 2 * count)
    directory = struct.pack(
        "<IIHHIIIIIII",
        *(0, 0, 0, 0, places[0], 1, count, count),
        *(_SECTION + table for table in (functions, pointers, ordinals)),
    )
    addresses = (*places[1 + count :], *places[1 : 1 + count])
    return directory + struct.pack(f"<{2 * count}I{count}H", *addresses, *range(count)) + texts


def _texts(texts: Iterable[str], *, start: int) -> tuple[bytes, list[int]]:
    """The texts, each with its end, and their addresses in memory."""
    written, places = b"", []
    for text in texts:
        places.append(_SECTION + start + len(written))
        written += text.encode("ascii") + b"\0"
    return written, places


def _dos() -> bytes:
    return b"MZ".ljust(_HEADERS_AT - 4, b"\0") + struct.pack("<I", _HEADERS_AT)


def _coff() -> bytes:
    size = 112 + 8 * _DIRECTORIES
    return b"PE\0\0" + struct.pack("<HHIIIHH", _AMD64, 1, 0, 0, 0, size, _EXECUTABLE_DLL)


def _optional(length: int, size: int) -> bytes:
    # Without an entry point nothing is called when the DLL is loaded.
    standard = struct.pack("<HBBIIIII", _PE32_PLUS, 0, 0, 0, size, 0, 0, 0)
    image = _SECTION + -(-length // _SECTION) * _SECTION
    windows = struct.pack(
        "<QIIHHHHHHIIIIHHQQQQII",
        *(_BASE, _SECTION, _IN_FILE, *_MADE_FOR, 0, 0, *_MADE_FOR, 0, image, _IN_FILE, 0),
        *(_CONSOLE, _DYNAMIC_BASE_NX_NO_SEH, 0x100000, 0x1000, 0x100000, 0x1000, 0, _DIRECTORIES),
    )
    return standard + windows + struct.pack("<II", _SECTION, length).ljust(8 * _DIRECTORIES, b"\0")


def _section(length: int, size: int) -> bytes:
    return struct.pack(
        "<8sIIIIIIHHI", b".edata", length, _SECTION, size, _IN_FILE, 0, 0, 0, 0, _INITIALISED_READABLE
    )
