"""A DLL without code: read back by the project's own reader and by the layout of the format."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.forwarder import RANDOM, forwarder
from buildtools.windows.pe import CONSOLE, Program, read_program

NAMES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)


def exports(data: bytes) -> tuple[str, dict[str, str]]:
    """The DLL's own name and what each of its names stands for, by the export directory."""
    at, size = struct.unpack_from("<II", data, 0x40 + 24 + 112)
    directory = data[0x200 : 0x200 + size]

    def text(address: int) -> str:
        start = address - at
        return directory[start : directory.index(b"\0", start)].decode()

    name, base, functions, names, *tables = struct.unpack_from("<7I", directory, 12)
    assert (base, functions) == (1, names)
    places = [table - at for table in tables]
    found = {}
    for number in range(names):
        (called,) = struct.unpack_from("<I", directory, places[1] + 4 * number)
        (ordinal,) = struct.unpack_from("<H", directory, places[2] + 2 * number)
        (target,) = struct.unpack_from("<I", directory, places[0] + 4 * ordinal)
        # What makes it a forwarder: the address lies in the directory.
        assert at <= target < at + size
        found[text(called)] = text(target)
    return text(name), found


def test_the_one_that_wine_lacks() -> None:
    """A DLL for amd64 of 1 KiB that imports nothing."""
    data = forwarder("bcryptprimitives.dll", RANDOM)
    assert len(data) == 1024
    assert read_program(data) == Program(
        architecture="amd64", subsystem=CONSOLE, minimum_os=(6, 0), is_dll=True, is_dotnet=False, imports=()
    )
    assert exports(data) == ("bcryptprimitives.dll", {"ProcessPrng": "advapi32.SystemFunction036"})


@given(name=NAMES, wanted=st.dictionaries(NAMES, NAMES, max_size=60))
def test_every_export_is_read_back(name: str, wanted: dict[str, str]) -> None:
    """In the order in which the loader searches them, in a file of whole sections."""
    data = forwarder(name, wanted)
    assert len(data) % 0x200 == 0
    assert read_program(data).is_dll
    assert exports(data) == (name, wanted)
    assert list(exports(data)[1]) == sorted(wanted)


def test_names_are_ascii() -> None:
    """As the format has it."""
    with pytest.raises(UnicodeEncodeError):
        forwarder("ä.dll", {})
