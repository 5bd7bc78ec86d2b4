"""A stream out of pieces: the same bytes in the same order, however they are asked for."""

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.pieces import PieceReader

PIECES = st.lists(st.binary(max_size=12), max_size=8)


@given(PIECES, st.lists(st.integers(0, 15), max_size=20))
def test_reads_are_those_of_a_file(pieces: list[bytes], sizes: list[int]) -> None:
    """`read` gives what BytesIO gives: the whole size, less only at the end."""
    reader, file = PieceReader(iter(pieces)), io.BytesIO(b"".join(pieces))
    for size in sizes:
        assert reader.read(size) == file.read(size)
    assert reader.read() == file.read()
    assert reader.read() == b""


@given(PIECES)
def test_what_is_at_hand_comes_piece_by_piece(pieces: list[bytes]) -> None:
    """`read1` passes over empty pieces, since no bytes mean the end."""
    reader = PieceReader(iter(pieces))
    assert list(iter(reader.read1, b"")) == [piece for piece in pieces if piece]


@pytest.mark.parametrize("size", [-1, None])
def test_no_size_is_all(size: int | None) -> None:
    """As in Python's own streams."""
    assert PieceReader(iter([b"ab", b"", b"c"])).read(size) == b"abc"
    assert PieceReader(iter([b"ab", b"c"])).read1(size) == b"ab"


def test_a_piece_may_be_taken_in_parts() -> None:
    """What is left of it comes first."""
    reader = PieceReader(iter([b"abc", b"d"]))
    assert [reader.read1(2), reader.read1(2), reader.read1(2), reader.read1(2)] == [b"ab", b"c", b"d", b""]


def test_one_piece_is_held_at_a_time() -> None:
    """The next one is made when the one before is used up."""
    made = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"xy"

    reader = PieceReader(pieces())
    assert made == []
    reader.read(2)
    assert made == [0]
    reader.read(1)
    assert made == [0, 1]
    reader.read(1)
    assert made == [0, 1]


def test_it_is_a_stream_of_python() -> None:
    """Lines and buffers come with it."""
    reader = PieceReader(iter([b"a\nb", b"c\nd"]))
    assert reader.readable()
    assert not reader.writable()
    assert list(reader) == [b"a\n", b"bc\n", b"d"]
    buffer = bytearray(3)
    assert PieceReader(iter([b"a", b"bcd"])).readinto(buffer) == 3
    assert buffer == b"abc"


def test_an_error_of_the_pieces_is_raised() -> None:
    """Nobody takes a broken stream for a short one."""

    def pieces() -> Iterator[bytes]:
        yield b"ab"
        raise OSError("gone")

    reader = PieceReader(pieces())
    assert reader.read(2) == b"ab"
    with pytest.raises(OSError, match=r"\Agone\Z"):
        reader.read(1)
