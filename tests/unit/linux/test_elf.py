# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Programs of Linux: what their headers say, and a sentence for each that lies."""

import io
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.linux.elf import ElfError, Program, read_program
from tests.fakes.programs import Elf

LOADER = b"/lib64/ld-linux-x86-64.so.2"
DYNAMIC = Elf(kind=3, interpreter=LOADER)
NARROW = Elf(bits=32, machine=3, interpreter=b"/lib/ld.so")
SECOND_HEADER = 64 + 56


def patched(elf: Elf, offset: int, piece: bytes) -> bytes:
    """The program with other bytes at this offset."""
    data = bytes(elf)
    return data[:offset] + piece + data[offset + len(piece) :]


def test_a_static_program_is_read_whole() -> None:
    """It asks for no loader."""
    program = read_program(bytes(Elf()))
    assert program == Program(architecture="amd64", bits=64, kind="executable", interpreter="")
    assert program.runs


def test_a_dynamic_program_names_its_loader() -> None:
    """Today's usual form may be loaded anywhere, like a library."""
    program = read_program(bytes(DYNAMIC))
    assert program == Program(
        architecture="amd64", bits=64, kind="shared", interpreter="/lib64/ld-linux-x86-64.so.2"
    )
    assert program.runs


ARCHITECTURES = [
    (3, 32, "<", "386"),
    (8, 32, ">", "mips"),
    (8, 32, "<", "mipsle"),
    (8, 64, ">", "mips64"),
    (8, 64, "<", "mips64le"),
    (21, 64, ">", "ppc64"),
    (21, 64, "<", "ppc64le"),
    (22, 64, ">", "s390x"),
    (40, 32, "<", "arm"),
    (62, 64, "<", "amd64"),
    (183, 64, "<", "arm64"),
    (243, 64, "<", "riscv64"),
    (258, 64, "<", "loong64"),
    (62, 32, "<", ""),
    (183, 64, ">", ""),
    (0, 64, "<", ""),
]


@pytest.mark.parametrize(("machine", "bits", "order", "architecture"), ARCHITECTURES)
def test_machine_class_and_order_are_ocis_architecture(
    machine: int, bits: int, order: str, architecture: str
) -> None:
    """In both classes and byte orders, loader included; nothing where OCI has no word."""
    program = read_program(bytes(Elf(machine=machine, bits=bits, order=order, interpreter=b"/lib/ld.so")))
    assert (program.architecture, program.bits, program.interpreter) == (architecture, bits, "/lib/ld.so")


@pytest.mark.parametrize(
    ("number", "kind", "runs"),
    [
        (0, "other", False),
        (1, "other", False),
        (2, "executable", True),
        (3, "shared", True),
        (4, "other", False),
        (0xFE00, "other", False),
    ],
)
def test_object_files_and_core_dumps_do_not_run(number: int, kind: str, runs: bool) -> None:
    """Only executables and what may be loaded anywhere."""
    program = read_program(bytes(Elf(kind=number)))
    assert (program.kind, program.runs) == (kind, runs)


@pytest.mark.parametrize("headers", [0, 1])
def test_program_headers_beyond_the_count_are_not_read(headers: int) -> None:
    """The second one names the loader."""
    assert read_program(bytes(Elf(interpreter=LOADER, headers=headers))).interpreter == ""


def test_a_loader_of_strange_bytes_is_still_a_text() -> None:
    """What is not UTF-8 is written as escapes; zeros behind it are no part of it."""
    assert read_program(bytes(Elf(interpreter=b"/lib/\xff\0\0"))).interpreter == r"/lib/\xff"


def test_a_path_has_a_longest_length() -> None:
    """4096 bytes with the zero behind it."""
    assert read_program(bytes(Elf(interpreter=b"/" * 4095))).interpreter == "/" * 4095


FAULTS = [
    (b"", "the file ends before byte 16"),
    (b"\x7fELF" + bytes(11), "the file ends before byte 16"),
    (b"MZ" + bytes(62), "the file does not begin with the ELF magic"),
    (patched(Elf(), 4, b"\x00"), "the file's class or byte order is unknown"),
    (patched(Elf(), 4, b"\x03"), "the file's class or byte order is unknown"),
    (patched(Elf(), 5, b"\x00"), "the file's class or byte order is unknown"),
    (patched(Elf(), 5, b"\x03"), "the file's class or byte order is unknown"),
    (bytes(Elf())[:18], "the file ends before byte 20"),
    (bytes(Elf())[:39], "the file ends before byte 40"),
    (bytes(NARROW)[:31], "the file ends before byte 32"),
    (bytes(Elf())[:57], "the file ends before byte 58"),
    (bytes(NARROW)[:45], "the file ends before byte 46"),
    (bytes(Elf(headers=1025)), "the file says it has 1025 program headers"),
    (bytes(Elf(headers=1024)), "the file ends before byte 176"),
    (bytes(DYNAMIC)[:-1], f"the file ends before byte {SECOND_HEADER + 56 + len(LOADER) + 1}"),
    (bytes(Elf(interpreter=b"/" * 4096)), "the dynamic loader's path has 4097 bytes"),
    (patched(Elf(), 32, struct.pack("<Q", 2**40)), f"the file ends before byte {2**40 + 56}"),
    (patched(Elf(), 32, struct.pack("<Q", 2**63)), f"the file refers to byte {2**63}"),
    (patched(DYNAMIC, SECOND_HEADER + 8, struct.pack("<Q", 2**64 - 1)), f"the file refers to byte {2**64 - 1}"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "sentence"), FAULTS)
def test_a_damaged_file_has_its_sentence(data: bytes, sentence: str, tmp_path: Path) -> None:
    """From bytes and from a file alike: every number is held against bounds."""
    path = tmp_path / "program"
    path.write_bytes(data)
    with pytest.raises(ElfError) as caught:
        read_program(data)
    assert str(caught.value) == sentence
    with path.open("rb") as file, pytest.raises(ElfError) as caught:
        read_program(file)
    assert str(caught.value) == sentence


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is Python an ELF program")
def test_a_real_program_is_read() -> None:
    """The Python that runs this."""
    with Path(sys.executable).open("rb") as file:
        program = read_program(file)
    assert program.runs
    assert program.bits == (64 if sys.maxsize > 2**32 else 32)
    assert program.interpreter == "" or Path(program.interpreter).exists()


@given(
    elf=st.builds(
        Elf,
        bits=st.sampled_from([32, 64]),
        order=st.sampled_from("<>"),
        kind=st.sampled_from([1, 2, 3, 4]),
        machine=st.sampled_from([3, 8, 21, 22, 40, 62, 183, 243, 258, 999]),
        interpreter=st.from_regex(rb"(/[a-z0-9.-]{1,9}){0,3}", fullmatch=True),
    )
)
def test_what_was_written_is_read(elf: Elf) -> None:
    """Whatever the headers say, and from a file that stands anywhere."""
    file = io.BytesIO(bytes(elf))
    file.seek(7)
    program = read_program(file)
    assert program == read_program(bytes(elf))
    assert (program.bits, program.interpreter) == (elf.bits, elf.interpreter.decode())
    assert program.runs == (elf.kind in {2, 3})


@given(st.sampled_from([DYNAMIC, NARROW]), st.data())
def test_a_file_that_is_cut_is_refused(elf: Elf, data: st.DataObject) -> None:
    """Wherever it ends: the loader's name is the last of it."""
    whole = bytes(elf)
    with pytest.raises(ElfError):
        read_program(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(
    st.sampled_from([DYNAMIC, NARROW]),
    st.lists(st.tuples(st.integers(4, 180), st.binary(max_size=9)), max_size=5),
    st.binary(max_size=80),
)
def test_any_bytes_are_read_or_refused(elf: Elf, parts: list[tuple[int, bytes]], noise: bytes) -> None:
    """Nothing but ElfError, whatever has been overwritten."""
    data = bytearray(bytes(elf))
    for offset, piece in parts:
        data[offset : offset + len(piece)] = piece
    for each in (bytes(data), noise, b"\x7fELF\x02\x01" + noise):
        try:
            program = read_program(each)
        except ElfError:
            continue
        assert program.bits in {32, 64}
        assert "\0" not in program.interpreter[-1:]
