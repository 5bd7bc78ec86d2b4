# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The smallest hive, byte for byte, and what a loader refuses in one."""

import functools
import hashlib
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.hive import check_hive, checksum, minimal_hive

PAGE = 4096
HIVE = minimal_hive()
NOTHING = 0xFFFFFFFF


def at(form: str, offset: int) -> int:
    """The number at this offset of the hive."""
    return struct.unpack_from(f"<{form}", HIVE, offset)[0]


def changed(*parts: tuple[int, bytes], data: bytes = HIVE, resealed: bool = True) -> bytes:
    """The hive with other bytes at these offsets, and the checksum that belongs to them."""
    copy = bytearray(data)
    for offset, piece in parts:
        copy[offset : offset + len(piece)] = piece
    if resealed:
        words = struct.unpack_from("<127I", copy)
        struct.pack_into("<I", copy, 0x1FC, functools.reduce(int.__xor__, words))
    return bytes(copy)


def u32(number: int) -> bytes:
    """Four bytes, the lowest first."""
    return struct.pack("<I", number)


def test_the_hive_is_always_the_same_bytes() -> None:
    """Its digest is part of every HostProcess image's."""
    assert len(HIVE) == 2 * PAGE
    assert minimal_hive() == HIVE
    assert hashlib.sha256(HIVE).hexdigest() == (
        "3a71d2ef8b0d8bede28382f153dd4a4cf9b33248141adfc85d3932fdeb835235"
    )


BASE_BLOCK = [
    ("primary sequence number", "I", 0x04, 1),
    ("secondary sequence number", "I", 0x08, 1),
    ("major version", "I", 0x14, 1),
    ("minor version", "I", 0x18, 3),
    ("file type: primary", "I", 0x1C, 0),
    ("file format: direct memory load", "I", 0x20, 1),
    ("root cell", "I", 0x24, 0x20),
    ("size of the bins", "I", 0x28, PAGE),
    ("clustering factor", "I", 0x2C, 1),
]
BIN_AND_CELLS = [
    ("bin: offset", "I", PAGE + 0x04, 0),
    ("bin: size", "I", PAGE + 0x08, PAGE),
    ("key: cell size", "i", PAGE + 0x20, -0x68),
    ("key: flags, hive entry | no delete | ASCII name", "H", PAGE + 0x26, 0x2C),
    ("key: subkeys", "I", PAGE + 0x38, 0),
    ("key: volatile subkeys", "I", PAGE + 0x3C, 0),
    ("key: list of subkeys", "I", PAGE + 0x40, NOTHING),
    ("key: list of volatile subkeys", "I", PAGE + 0x44, NOTHING),
    ("key: values", "I", PAGE + 0x48, 0),
    ("key: list of values", "I", PAGE + 0x4C, NOTHING),
    ("key: security cell", "I", PAGE + 0x50, 0x88),
    ("key: class name", "I", PAGE + 0x54, NOTHING),
    ("key: length of its name", "H", PAGE + 0x6C, 4),
    ("security: cell size", "i", PAGE + 0x88, -0x98),
    ("security: next", "I", PAGE + 0x90, 0x88),
    ("security: previous", "I", PAGE + 0x94, 0x88),
    ("security: keys that use it", "I", PAGE + 0x98, 1),
    ("security: bytes of the descriptor", "I", PAGE + 0x9C, 124),
    ("free cell", "i", PAGE + 0x120, PAGE - 0x120),
]


@pytest.mark.parametrize(("what", "form", "offset", "value"), BASE_BLOCK + BIN_AND_CELLS)
def test_every_number_stands_where_the_format_wants_it(what: str, form: str, offset: int, value: int) -> None:
    """Offsets from the specification of registry files."""
    assert at(form, offset) == value, what


@pytest.mark.parametrize(
    ("offset", "magic"),
    [
        (0, b"regf"),
        (PAGE, b"hbin"),
        (PAGE + 0x24, b"nk"),
        (PAGE + 0x70, b"ROOT"),
        (PAGE + 0x8C, b"sk"),
    ],
)
def test_every_structure_has_its_magic(offset: int, magic: bytes) -> None:
    """Base block, bin, key, its name, security."""
    assert HIVE[offset : offset + len(magic)] == magic


@pytest.mark.parametrize("offset", [0x0C, PAGE + 0x14, PAGE + 0x28])
def test_all_times_are_one_fixed_time(offset: int) -> None:
    """In units of 100 ns since 1601."""
    seconds = at("Q", offset) // 10_000_000 - 11_644_473_600
    assert datetime.fromtimestamp(seconds, tz=UTC) == datetime(2023, 12, 26, 13, 20, tzinfo=UTC)


def test_the_checksum_covers_the_words_before_it() -> None:
    """All 127 words by exclusive or."""
    words = struct.unpack_from("<127I", HIVE)
    assert at("I", 0x1FC) == functools.reduce(int.__xor__, words) == checksum(HIVE)


def test_administrators_and_the_system_own_the_key_and_users_may_read_it() -> None:
    """A self-relative descriptor: owner, group, access list of three entries."""
    expected = bytes.fromhex(
        "01000480"  # revision 1; access list present, self-relative
        "14000000" "24000000" "00000000" "30000000"  # owner, group, no audit list, access list
        "01020000000000052000000020020000"  # owner S-1-5-32-544
        "010100000000000512000000"  # group S-1-5-18
        "02004c0003000000"  # access list of 76 bytes and three entries
        "00001800" "3f000f00" "01020000000000052000000020020000"  # administrators: all
        "00001400" "3f000f00" "010100000000000512000000"  # the system: all
        "00001800" "19000200" "01020000000000052000000021020000"  # users: read
    )  # fmt: skip
    assert HIVE[PAGE + 0xA0 : PAGE + 0xA0 + 124] == expected


def test_what_no_structure_uses_is_zero() -> None:
    """So nothing of the machine that made it gets in."""
    assert not any(HIVE[0x30:0x1FC])
    assert not any(HIVE[0x200:PAGE])
    assert not any(HIVE[PAGE + 0xA0 + 124 : PAGE + 0x120])
    assert not any(HIVE[PAGE + 0x124 :])


@pytest.mark.parametrize(("words", "value"), [((), 1), ((NOTHING,), NOTHING - 1), ((5, 3), 6)])
def test_two_checksums_are_never_stored(words: tuple[int, ...], value: int) -> None:
    """0 becomes 1, and all bits become all but the lowest; what follows the 127 words does not count."""
    block = b"".join(u32(word) for word in words).ljust(0x1FC, b"\0")
    assert checksum(block) == checksum(block + b"\xff" * 4) == value


SECOND_BIN = b"hbin" + struct.pack("<II", PAGE, PAGE) + bytes(20) + struct.pack("<i", PAGE - 32)
SECOND_BIN = SECOND_BIN.ljust(PAGE, b"\0")


@pytest.mark.parametrize(
    "data",
    [
        HIVE,
        changed((0x28, u32(2 * PAGE)), data=HIVE + SECOND_BIN),
        HIVE + bytes(PAGE),
        changed((0x18, u32(6))),
    ],
    ids=["minimal", "two bins", "room behind the bins", "version 1.6"],
)
def test_a_sound_hive_has_no_faults(data: bytes) -> None:
    """The smallest, a longer one, one with room to grow, one of a later version."""
    assert check_hive(data) == []


FAULTS = [
    (b"", "a hive has whole pages, at least two: this has 0 bytes"),
    (HIVE[:PAGE], "a hive has whole pages, at least two: this has 4096 bytes"),
    (HIVE + b"\0", "a hive has whole pages, at least two: this has 8193 bytes"),
    (changed((0, b"ragf")), "the hive does not begin with regf"),
    (changed((8, u32(2))), "the hive's two sequence numbers differ: it was not closed properly"),
    (changed((0x30, b"x"), resealed=False), "the hive's checksum is wrong"),
    (changed((0x14, u32(2))), "the hive is of version 2.3, known are 1.3 to 1.6"),
    (changed((0x18, u32(2))), "the hive is of version 1.2, known are 1.3 to 1.6"),
    (changed((0x18, u32(7))), "the hive is of version 1.7, known are 1.3 to 1.6"),
    (changed((0x1C, u32(1))), "the hive is of type 1 and format 1, a hive file has 0 and 1"),
    (changed((0x20, u32(0))), "the hive is of type 0 and format 0, a hive file has 0 and 1"),
    (changed((0x28, u32(0))), "the hive says that its bins have 0 bytes, but the file has 4096 for them"),
    (changed((0x28, u32(100))), "the hive says that its bins have 100 bytes, but the file has 4096 for them"),
    (changed((0x28, u32(2 * PAGE))), "the hive says that its bins have 8192 bytes, but the file has 4096 for them"),
    (changed((PAGE, b"hbon")), "the hive has no bin at 0x0"),
    (changed((PAGE + 4, u32(PAGE))), "the hive has no bin at 0x0"),
    (changed((0x28, u32(2 * PAGE)), data=HIVE + bytes(PAGE)), "the hive has no bin at 0x1000"),
    (changed((PAGE + 8, u32(0))), "the bin at 0x0 has the impossible size 0"),
    (changed((PAGE + 8, u32(2048))), "the bin at 0x0 has the impossible size 2048"),
    (changed((PAGE + 8, u32(2 * PAGE))), "the bin at 0x0 has the impossible size 8192"),
    (changed((PAGE + 0x120, u32(0))), "the cell at 0x120 has the impossible size 0"),
    (changed((PAGE + 0x120, struct.pack("<i", -12))), "the cell at 0x120 has the impossible size -12"),
    (changed((PAGE + 0x120, u32(PAGE))), "the hive's cells do not fill its bin"),
    (changed((0x24, u32(0x88))), "the hive has no root key at 0x88"),
    (changed((0x24, u32(0x120))), "the hive has no root key at 0x120"),
    (changed((0x24, u32(NOTHING))), "the hive has no root key at 0xffffffff"),
    (changed((0x24, u32(PAGE - 4))), "the hive has no root key at 0xffc"),
    (changed((PAGE + 0x26, b"\x28")), "the hive has no root key at 0x20"),
    (changed((PAGE + 0x20, struct.pack("<i", 0x68))), "the hive has no root key at 0x20"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "sentence"), FAULTS)
def test_a_fault_has_its_sentence(data: bytes, sentence: str) -> None:
    """One thing wrong is one finding."""
    assert check_hive(data) == [sentence]


def test_all_faults_are_found_at_once() -> None:
    """Header, bins and root key are looked at each on its own."""
    assert check_hive(changed((8, u32(2)), (PAGE, b"x"), (0x24, u32(0)), resealed=False)) == [
        "the hive's two sequence numbers differ: it was not closed properly",
        "the hive's checksum is wrong",
        "the hive has no bin at 0x0",
        "the hive has no root key at 0x0",
    ]


@given(st.integers(32, 0x200 * 8 - 1))
def test_no_flipped_bit_of_the_header_goes_unseen(bit: int) -> None:
    """The checksum covers all of it."""
    flipped = changed((bit // 8, bytes((HIVE[bit // 8] ^ 1 << bit % 8,))), resealed=False)
    assert "the hive's checksum is wrong" in check_hive(flipped)


@given(st.integers(0, len(HIVE) - 1))
def test_a_hive_that_is_cut_is_refused(size: int) -> None:
    """Wherever it ends."""
    assert check_hive(HIVE[:size]) == [f"a hive has whole pages, at least two: this has {size} bytes"]


@given(
    st.lists(st.tuples(st.integers(0, 0x128), st.booleans(), st.binary(max_size=8)), max_size=6), st.data()
)
def test_any_bytes_are_sound_or_have_sentences(
    parts: list[tuple[int, bool, bytes]], data: st.DataObject
) -> None:
    """Never an exception, however the numbers lie."""
    places = [(offset + PAGE * second, piece) for offset, second, piece in parts]
    found = check_hive(changed(*places, resealed=data.draw(st.booleans())))
    assert all(type(sentence) is str for sentence in found)
    page = data.draw(st.binary(min_size=1, max_size=64))
    assert check_hive((b"regf" + page * 2 * PAGE)[: 3 * PAGE]) != []
