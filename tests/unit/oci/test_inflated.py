"""Inflating: gzip with all its liberties, plain tars, and an end to what is damaged or too large."""

import gzip
import io
import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.compress import BLOCK, CompressionError, gzip_to, inflated
from tests.fakes.tars import Dribble

PLAIN = bytes(range(256)) * 20
ZIPPED = gzip.compress(PLAIN, mtime=0)


def plain(data: bytes, most: int = 1 << 30) -> bytes:
    """All of it."""
    return b"".join(inflated(io.BytesIO(data), most=most))


def with_flags() -> bytes:
    """A gzip stream with extra field, name, comment and a checksum of its header: RFC 1952, 2.3."""
    head = (
        b"\x1f\x8b\x08\x1e\x11\x22\x33\x44\x02\x03" + struct.pack("<H", 4) + b"AB\0\0" + b"layer.tar\0why\0"
    )
    return head + struct.pack("<H", zlib.crc32(head) & 0xFFFF) + ZIPPED[10:]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ZIPPED, PLAIN),
        (with_flags(), PLAIN),
        (ZIPPED + ZIPPED, PLAIN + PLAIN),
        (gzip.compress(b"") + ZIPPED + gzip.compress(b""), PLAIN),
        (ZIPPED + bytes(3), PLAIN),
        (ZIPPED + bytes(2 * BLOCK) + ZIPPED + bytes(1), PLAIN + PLAIN),
        (gzip.compress(bytes(3 * BLOCK + 1)), bytes(3 * BLOCK + 1)),
        (gzip.compress(bytes(BLOCK)), bytes(BLOCK)),
        (gzip.compress(b""), b""),
        (b"", b""),
        (b"a", b"a"),
        (b"\x1f", b"\x1f"),
        (b"\x1f\x8c\x08\x00", b"\x1f\x8c\x08\x00"),
        (PLAIN, PLAIN),
        (bytes(2 * BLOCK + 3), bytes(2 * BLOCK + 3)),
    ],
    ids=[
        "gzip", "every flag", "two members", "empty members", "filling", "filling between members",
        "more than a block", "one block", "nothing, compressed", "nothing", "one byte", "half a magic",
        "nearly the magic", "plain", "plain, more than a block",
    ],
)  # fmt: skip
def test_a_stream_is_read(data: bytes, expected: bytes) -> None:
    """Members follow each other, zeros behind one are filling, and what is not compressed stays."""
    assert plain(data) == expected


def test_no_piece_is_larger_than_a_block() -> None:
    """However well the stream is compressed."""
    bomb = gzip.compress(bytes(5 * BLOCK)) + gzip.compress(bytes(BLOCK + 1))
    assert max(map(len, inflated(io.BytesIO(bomb)))) == BLOCK
    assert max(map(len, inflated(io.BytesIO(bytes(3 * BLOCK))))) == BLOCK


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(4, 60))
def test_members_and_reads_of_any_size_give_the_same(parts: list[bytes], most: int) -> None:
    """A stream may come in drops."""
    data = b"".join(gzip.compress(part) for part in parts)
    assert b"".join(inflated(Dribble(data, most))) == b"".join(parts)


@given(st.lists(st.binary(max_size=2000), max_size=3))
def test_what_we_compress_is_inflated(pieces: list[bytes]) -> None:
    """The two halves of the module fit."""
    sink = io.BytesIO()
    gzip_to(pieces, sink)
    assert plain(sink.getvalue()) == b"".join(pieces)


def damage(data: bytes) -> str:
    """The sentence that reading gives."""
    with pytest.raises(CompressionError) as caught:
        plain(data)
    return str(caught.value)


def test_a_stream_cut_off_anywhere_is_refused() -> None:
    """In its header, its data and its checksum, the first member or the second."""
    for end in range(2, len(ZIPPED)):
        assert damage(ZIPPED[:end]) == "the layer's gzip stream ends too early"
        assert damage(ZIPPED + ZIPPED[:end]) == "the layer's gzip stream ends too early"


@pytest.mark.parametrize(
    "data",
    [
        ZIPPED[:-8] + bytes(4) + ZIPPED[-4:],
        ZIPPED[:-4] + bytes(4),
        ZIPPED[:2] + b"\x07" + ZIPPED[3:],
        ZIPPED[:10] + b"\x07" + ZIPPED[11:],
        ZIPPED + b"garbage behind it",
        ZIPPED + bytes(9) + PLAIN,
    ],
    ids=["checksum", "size", "method", "block type", "garbage behind it", "a tar behind it"],
)
def test_a_damaged_stream_is_refused(data: bytes) -> None:
    """With zlib's own word for the damage."""
    behind = data.removeprefix(ZIPPED).lstrip(b"\0")
    with pytest.raises(zlib.error) as caught:
        zlib.decompressobj(31).decompress(behind)
    assert damage(data) == f"the layer's gzip stream is damaged ({caught.value})"


def test_zstd_is_told_apart() -> None:
    """It is a format of layers, so its name is given."""
    sentence = "the layer is compressed with zstd, which is not read here: use gzip"
    assert damage(b"\x28\xb5\x2f\xfd" + bytes(20)) == sentence


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(bytes(20 * BLOCK)),
        b"".join([gzip.compress(bytes(BLOCK))] * 20),
        bytes(20 * BLOCK),
    ],
    ids=["one member", "many members", "plain"],
)
def test_a_bomb_ends_at_the_limit(data: bytes) -> None:
    """G06: what comes before is handed out, and never more than the limit."""
    got: list[int] = []
    with pytest.raises(CompressionError) as caught:
        got.extend(map(len, inflated(io.BytesIO(data), most=3 * BLOCK + 5)))
    assert str(caught.value) == f"the layer inflates to more than {3 * BLOCK + 5} bytes"
    assert 2 * BLOCK < sum(got) <= 3 * BLOCK + 5


def test_the_limit_itself_is_allowed() -> None:
    """One byte less is not."""
    assert plain(ZIPPED, most=len(PLAIN)) == PLAIN
    with pytest.raises(CompressionError):
        plain(ZIPPED, most=len(PLAIN) - 1)


@given(st.integers(0, len(ZIPPED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed_or_harmless(place: int, change: int) -> None:
    """Nothing but CompressionError is raised, and wrong bytes never pass as whole."""
    data = bytearray(ZIPPED)
    data[place] ^= change
    if data[:2] != b"\x1f\x8b":
        assert plain(bytes(data)) == data
        return
    try:
        assert plain(bytes(data)) == PLAIN
    except CompressionError:
        assert place not in range(4, 10)  # time and system of the writer mean nothing


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\x00", ZIPPED]))
def test_any_bytes_are_read_or_refused(tail: bytes, head: bytes) -> None:
    """Nothing but CompressionError is raised, and what is not compressed comes back as it is."""
    data = head + tail
    if data[:2] != b"\x1f\x8b" and data[:4] != b"\x28\xb5\x2f\xfd":
        assert plain(data) == data
        return
    with suppress(CompressionError):
        assert plain(data).startswith(PLAIN if head == ZIPPED else b"")
