"""Programs of Windows: what their headers say, and a sentence for each that lies."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.pe import CONSOLE, GUI, PeError, Program, missing_dlls, read_program
from tests.fakes.programs import PE_AT, SECTION_OFFSET, Pe

COFF_AT = PE_AT + 4
OPTIONAL_AT = COFF_AT + 20
WIDE_SECTION_AT = OPTIONAL_AT + 112 + 128
DIRECTORIES_AT = OPTIONAL_AT + 112
IMPORTS = Pe(imports=[b"KERNEL32.dll"])


def patched(pe: Pe, *parts: tuple[int, bytes]) -> bytes:
    """The program with other bytes at these offsets."""
    copy = bytearray(bytes(pe))
    for offset, piece in parts:
        copy[offset : offset + len(piece)] = piece
    return bytes(copy)


def u32(number: int) -> bytes:
    """Four bytes, the lowest first."""
    return struct.pack("<I", number)


def test_a_console_program_is_read_whole() -> None:
    """Every field at once; names in lower case, sorted, each once, delayed ones too."""
    program = Pe(imports=[b"KERNEL32.dll", b"ws2_32.DLL"], delayed=[b"Bcrypt.dll", b"kernel32.dll"])
    assert read_program(bytes(program)) == Program(
        architecture="amd64",
        subsystem=CONSOLE,
        minimum_os=(6, 1),
        is_dll=False,
        is_dotnet=False,
        imports=("bcrypt.dll", "kernel32.dll", "ws2_32.dll"),
    )


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize(
    ("machine", "architecture"),
    [(0x8664, "amd64"), (0xAA64, "arm64"), (0x14C, "386"), (0x1C4, "arm"), (0x200, ""), (0, "")],
)
def test_the_processor_has_its_name_at_oci(machine: int, architecture: str, wide: bool) -> None:
    """In both forms of the header; nothing for a processor that OCI has no word for."""
    program = read_program(bytes(Pe(machine=machine, wide=wide, imports=[b"a.dll"])))
    assert (program.architecture, program.imports) == (architecture, ("a.dll",))


@pytest.mark.parametrize("wide", [True, False])
def test_what_is_said_of_the_program(wide: bool) -> None:
    """Subsystem, lowest Windows, library, .NET."""
    made = Pe(wide=wide, subsystem=2, minimum_os=(10, 3), flags=0x2022, dotnet=True)
    program = read_program(bytes(made))
    assert (program.subsystem, program.minimum_os) == (GUI, (10, 3))
    assert (program.is_dll, program.is_dotnet, program.imports) == (True, True, ())


def test_a_file_is_read_like_bytes() -> None:
    """From wherever it stands."""
    file = io.BytesIO(bytes(IMPORTS))
    file.seek(100)
    assert read_program(file) == read_program(bytes(IMPORTS))


@pytest.mark.parametrize("count", [0, 1])
def test_directories_that_are_not_there_are_not_read(count: int) -> None:
    """What the header does not count stays unread, whatever lies there."""
    made = Pe(imports=[b"a.dll"], delayed=[b"b.dll"], dotnet=True, directories=count)
    assert read_program(bytes(made)).imports == ()
    assert not read_program(bytes(made)).is_dotnet


def test_directories_that_the_header_has_no_room_for_are_not_read() -> None:
    """The section table stands there."""
    made = patched(
        Pe(delayed=[b"b.dll"], imports=[b"a.dll"], optional_size=112 + 16, sections=0, directories=2**32 - 1),
        (DIRECTORIES_AT + 8, u32(SECTION_OFFSET - 20)),
        (SECTION_OFFSET - 20, bytes(20)),
    )
    assert read_program(made).imports == ()


def test_imports_may_lie_in_the_headers() -> None:
    """They are mapped at address 0."""
    made = patched(
        Pe(sections=0),
        (DIRECTORIES_AT + 8, u32(0x200)),
        (0x200, struct.pack("<5I", 0, 0, 0, 0x300, 0)),
        (0x300, b"Tiny.dll\0"),
    )
    assert read_program(made).imports == ("tiny.dll",)


def test_an_address_behind_the_raw_bytes_lies_in_the_section_all_the_same() -> None:
    """Its size is the larger of the two that it states."""
    for size, raw_size in ((0x98, 0), (0, 0x98)):
        made = patched(IMPORTS, (WIDE_SECTION_AT + 8, u32(size)), (WIDE_SECTION_AT + 16, u32(raw_size)))
        assert read_program(made).imports == ("kernel32.dll",)


FAULTS = [
    (b"", "the file ends before byte 2"),
    (b"M", "the file ends before byte 2"),
    (b"\x7fELF", "the file does not begin with MZ"),
    (b"MZ" + bytes(40), "the file ends before byte 64"),
    (b"MZ".ljust(64, b"\0"), "the file is for MS-DOS, not for Windows"),
    (b"MZ".ljust(0x3C, b"\0") + u32(0x10000), "the file ends before byte 65540"),
    (patched(Pe(), (PE_AT, b"NE\0\0")), "the file is for MS-DOS, not for Windows"),
    (bytes(Pe(magic=0x107)), "the optional header has the unknown magic 0x107"),
    (bytes(Pe(sections=97)), "the file says it has 97 sections, Windows loads at most 96"),
    (bytes(Pe(sections=96, imports=[b"a.dll"]))[:0x400], "the file ends before byte 1032"),
    (bytes(Pe(optional_size=111)), "the optional header has 111 bytes, at least 112 belong there"),
    (bytes(Pe(wide=False, optional_size=95)), "the optional header has 95 bytes, at least 96 belong there"),
    (bytes(IMPORTS)[:0x410], "the file ends before byte 1044"),
    (bytes(IMPORTS)[:-1], "the name of an imported DLL is damaged"),
    (bytes(Pe(imports=["grün.dll".encode()])), "the name of an imported DLL is damaged"),
    (bytes(Pe(imports=[b"x" * 260])), "the name of an imported DLL is damaged"),
    (patched(IMPORTS, (DIRECTORIES_AT + 8, u32(0x9000))), "address 0x9000 lies in no section"),
    (patched(IMPORTS, (SECTION_OFFSET + 12, u32(0xFFF))), "address 0xfff lies in no section"),
    (patched(IMPORTS, (WIDE_SECTION_AT + 20, u32(2**32 - 1))), "the file ends before byte 4294967315"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "sentence"), FAULTS)
def test_a_damaged_file_has_its_sentence(data: bytes, sentence: str) -> None:
    """Only what is declared is believed, and only within bounds."""
    with pytest.raises(PeError) as caught:
        read_program(data)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("size", [1, 259])
def test_a_name_may_be_this_long(size: int) -> None:
    """260 bytes with the zero behind it are the longest path."""
    name = b"x" * size
    assert read_program(bytes(Pe(imports=[name]))).imports == (name.decode(),)


def test_imports_are_counted() -> None:
    """A table without an end is one without a bound."""
    assert len(read_program(bytes(Pe(imports=[b"%d" % number for number in range(4095)]))).imports) == 4095
    with pytest.raises(PeError) as caught:
        read_program(bytes(Pe(imports=[b"a.dll"] * 4096)))
    assert str(caught.value) == "the file imports from more than 4096 DLLs"


@pytest.mark.parametrize(
    ("base", "missing"),
    [
        (
            "mcr.microsoft.com/windows/nanoserver:ltsc2022",
            {
                "netapi32.dll": "copy it from servercore, or use servercore as the base",
                "libstdc++-6.dll": "link it statically (-static) or ship the DLL beside the program",
            },
        ),
        (
            "mcr.microsoft.com/windows/servercore:ltsc2022",
            {"libstdc++-6.dll": "link it statically (-static) or ship the DLL beside the program"},
        ),
    ],
)
def test_dlls_that_a_base_lacks_are_named_with_what_to_do(base: str, missing: dict[str, str]) -> None:
    """Nanoserver lacks more than Server Core; the compiler's own are nowhere."""
    program = read_program(bytes(Pe(imports=[b"NETAPI32.dll", b"KERNEL32.dll", b"libstdc++-6.dll"])))
    assert missing_dlls(program, base) == missing


NAMES = st.lists(st.from_regex(rb"[A-Za-z0-9_.+-]{1,12}", fullmatch=True), max_size=5)


@given(
    pe=st.builds(
        Pe,
        wide=st.booleans(),
        subsystem=st.integers(0, 65535),
        minimum_os=st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
        flags=st.integers(0, 65535),
        imports=NAMES,
        delayed=NAMES,
        dotnet=st.booleans(),
        section_address=st.integers(0x400, 2**31).map(lambda place: place & ~0xFFF | 0x1000),
    )
)
def test_what_was_written_is_read(pe: Pe) -> None:
    """Whatever the headers say."""
    program = read_program(bytes(pe))
    assert (program.subsystem, program.minimum_os, program.is_dll, program.is_dotnet) == (
        *(pe.subsystem, pe.minimum_os),
        *(bool(pe.flags & 0x2000), pe.dotnet),
    )
    names = {name.decode().lower() for name in (*pe.imports, *pe.delayed)}
    assert program.imports == tuple(sorted(names))


FULL = bytes(Pe(imports=[b"a.dll", b"b.dll"], delayed=[b"c.dll"], dotnet=True))


@given(st.integers(0, len(FULL) - 1))
def test_a_file_that_is_cut_is_refused(size: int) -> None:
    """Wherever it ends."""
    with pytest.raises(PeError):
        read_program(FULL[:size])


PLACES = st.integers(0, 0x40) | st.integers(PE_AT, WIDE_SECTION_AT + 40) | st.integers(0x400, len(FULL))


@given(st.lists(st.tuples(PLACES, st.binary(max_size=6)), max_size=6) | st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(parts: list[tuple[int, bytes]] | bytes) -> None:
    """Nothing but PeError, whatever has been overwritten."""
    data = b"MZ" + parts if isinstance(parts, bytes) else bytearray(FULL)
    if isinstance(data, bytearray):
        for offset, piece in parts:
            data[offset : offset + len(piece)] = piece
    try:
        program = read_program(bytes(data))
    except PeError:
        return
    assert program.imports == tuple(sorted(set(program.imports)))
