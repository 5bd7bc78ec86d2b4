"""Compression: one pass, always the same bytes, and an error on either side ends both threads."""

import gzip
import hashlib
import io
import itertools
import queue
import struct
import threading
import zlib
from collections.abc import Iterator
from importlib.metadata import version
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from buildtools.oci import compress
from buildtools.oci.compress import BLOCK, Compressed, compressor_name, gzip_to
from buildtools.oci.digest import digest_of

SMALL = 64
"""Bytes a block where tests need many of them."""
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""RFC 1952: deflate, no flags, no time, no extra flags, unknown operating system."""


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    """Whatever happened, the other thread has ended."""
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "compress"] == []


class Stop(Exception):  # noqa: N818 - the fault of a test
    """What a source raises."""


def zipped(pieces: list[bytes]) -> tuple[bytes, Compressed]:
    """The stream and what is known about it."""
    sink = io.BytesIO()
    done = gzip_to(pieces, sink)
    return sink.getvalue(), done


@pytest.mark.parametrize(
    "plain", [b"", b"a", bytes(BLOCK - 1), bytes(BLOCK), bytes(BLOCK + 1), bytes(range(256)) * 9000]
)
def test_the_stream_is_gzip_with_nothing_of_the_machine(plain: bytes) -> None:
    """A fixed header, a deflate stream, checksum and size as RFC 1952 wants them; Python reads it back."""
    data, done = zipped([plain])
    assert data[:10] == HEADER
    assert data[-8:] == struct.pack("<II", zlib.crc32(plain), len(plain))
    assert zlib.decompress(data[10:-8], wbits=-15) == plain
    assert gzip.decompress(data) == plain
    assert done == Compressed(
        plain_digest=digest_of(plain), plain_size=len(plain), digest=digest_of(data), size=len(data)
    )


def test_the_bytes_are_those_of_every_other_machine() -> None:
    """Recorded once: another digest here means that every layer of every user changes."""
    numbers = (number % 300 if number % 7 else number for number in range(80_000))
    words = b"".join(hashlib.sha256(b"%d" % number).digest() for number in numbers)
    _, done = zipped([words])
    assert done.plain_size == 2_560_000
    assert (done.digest, done.size) == (
        "sha256:102c63b63e2410f90ef4d1daba5e97ebb7651c06b1ecdf31a125154544db4b30",
        798421,
    )


def test_the_compressor_has_a_name_with_its_version_and_level() -> None:
    """It is part of what a layer was made of."""
    assert compressor_name() == f"isal {version('isal')} level 2"


class Feed:
    """Stands for isal: notes how it is made and what it is given."""

    def __init__(self) -> None:
        self.made: list[tuple[int, ...]] = []
        self.blocks: list[bytes] = []

    def __call__(self, *arguments: int) -> "Feed":
        """Make a stream."""
        self.made.append(arguments)
        return self

    def compress(self, block: bytes) -> bytes:
        """Give the bytes back as they are."""
        self.blocks.append(block)
        return block

    def flush(self) -> bytes:
        """Nothing is left."""
        return b"end"


@st.composite
def cut(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """Some bytes, and the same bytes in pieces of any sizes, empty ones among them."""
    data = draw(st.binary(max_size=5 * SMALL))
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return data, [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]


@given(cut())
def test_the_compressor_is_fed_alike_whatever_the_pieces_are(case: tuple[bytes, list[bytes]]) -> None:
    """Whole blocks and a shorter last one, at level 2, without zlib's own header."""
    data, pieces = case
    feed = Feed()
    with patch.object(compress, "BLOCK", SMALL), patch.object(isal_zlib, "compressobj", feed):
        out, _ = zipped(pieces)
    assert feed.blocks == [data[start : start + SMALL] for start in range(0, len(data), SMALL)]
    assert feed.made == [(2, zlib.DEFLATED, -15)]
    assert out == HEADER + data + b"end" + struct.pack("<II", zlib.crc32(data), len(data))


@given(cut())
def test_the_same_bytes_in_other_pieces_give_the_same_stream(case: tuple[bytes, list[bytes]]) -> None:
    """Down to the digest."""
    data, pieces = case
    with patch.object(compress, "BLOCK", SMALL):
        whole = zipped([data])
        assert zipped(pieces) == whole
    assert gzip.decompress(whole[0]) == data


def test_a_slow_compressor_holds_the_reader_back() -> None:
    """Memory stays small: the reader is a handful of blocks ahead at most."""
    taken, given_away, ahead = itertools.count(1), 0, []
    latest = 0

    def source() -> Iterator[bytes]:
        nonlocal latest
        for latest in itertools.islice(taken, 300):  # noqa: B007 - read by the other thread
            yield bytes(SMALL)

    class Slow(Feed):
        def compress(self, block: bytes) -> bytes:
            nonlocal given_away
            given_away += 1
            ahead.append(latest - given_away)
            return block

    with patch.object(compress, "BLOCK", SMALL), patch.object(isal_zlib, "compressobj", Slow()):
        gzip_to(source(), io.BytesIO())
    assert len(ahead) == 300
    assert max(ahead) <= 6


class Failing:
    """A sink that takes `good` writes and then fails."""

    def __init__(self, good: int, error: BaseException) -> None:
        self.good = good
        self.error = error
        self.data = b""

    def write(self, data: bytes, /) -> None:
        """Take or fail."""
        if not self.good:
            raise self.error
        self.good -= 1
        self.data += data


ERRORS = [OSError(28, "No space left on device"), MemoryError(), KeyboardInterrupt(), SystemExit(3)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("good", range(8))
def test_a_sink_that_fails_ends_the_reading(good: int, error: BaseException) -> None:
    """F01: whatever it raises at whichever write is raised here, even out of an endless source."""
    with (
        patch.object(compress, "BLOCK", SMALL),
        patch.object(isal_zlib, "compressobj", Feed()),
        pytest.raises(type(error)) as caught,
    ):
        gzip_to(itertools.repeat(bytes(SMALL)), Failing(good, error))
    assert caught.value is error


@pytest.mark.parametrize("good", range(4))
def test_a_sink_that_fails_behind_the_last_block_is_heard(good: int) -> None:
    """When all is read the other thread still writes: header, data, the end of the stream, checksum."""
    error = OSError(28, "No space left on device")
    with patch.object(isal_zlib, "compressobj", Feed()), pytest.raises(OSError) as caught:
        gzip_to([b"data"], Failing(good, error))
    assert caught.value is error


def test_a_sink_that_fails_before_a_full_queue_sets_the_reader_free() -> None:
    """The reader waits for room; the failed thread makes it."""
    full = threading.Event()

    class Late:
        def write(self, data: bytes, /) -> None:
            full.wait()
            raise Stop("sink")

    def source() -> Iterator[bytes]:
        for number in itertools.count():
            if number == 4:  # as many wait in the queue
                full.set()
            yield bytes(SMALL)

    with patch.object(compress, "BLOCK", SMALL), pytest.raises(Stop, match=r"\Asink\Z"):
        gzip_to(source(), Late())


@pytest.mark.parametrize("blocks", [0, 1, 4, 5, 30])
def test_a_source_that_fails_leaves_no_finished_stream(blocks: int) -> None:
    """Its error is raised, and what was written has no end that a reader could take for whole."""

    def source() -> Iterator[bytes]:
        yield from itertools.repeat(bytes(SMALL), blocks)
        raise Stop("source")

    sink = io.BytesIO()
    with patch.object(compress, "BLOCK", SMALL), pytest.raises(Stop, match=r"\Asource\Z"):
        gzip_to(source(), sink)
    with pytest.raises(EOFError):
        gzip.decompress(sink.getvalue())


def test_of_two_errors_the_source_s_is_raised() -> None:
    """Whoever reads learns why reading ended."""
    failed = threading.Event()

    class Broken:
        def write(self, data: bytes, /) -> None:
            failed.set()
            raise OSError(28, "No space left on device")

    def source() -> Iterator[bytes]:
        failed.wait()
        raise Stop("source")
        yield b""

    with pytest.raises(Stop, match=r"\Asource\Z"):
        gzip_to(source(), Broken())


def test_what_waits_is_thrown_away_when_the_source_fails() -> None:
    """A lost layer is not compressed any further: of three blocks in the queue none is written."""
    given_up = threading.Event()

    class Telling(queue.Queue[bytes | None]):
        def put(self, item: bytes | None, block: bool = True, timeout: float | None = None) -> None:
            if item is None:
                given_up.set()
            super().put(item, block, timeout)

    class Waiting(io.BytesIO):
        def write(self, data: object, /) -> int:
            given_up.wait()
            return super().write(data)  # type: ignore[arg-type]

    def source() -> Iterator[bytes]:
        yield from itertools.repeat(bytes(SMALL), 3)
        raise Stop

    sink = Waiting()
    with patch.object(compress, "BLOCK", SMALL), patch.object(queue, "Queue", Telling), pytest.raises(Stop):
        gzip_to(source(), sink)
    assert sink.getvalue() == HEADER


@pytest.mark.long
def test_the_size_of_a_huge_stream_wraps_around() -> None:
    """RFC 1952: the last four bytes are the size modulo 2^32."""

    class Tail:
        data = b""

        def write(self, data: bytes, /) -> None:
            self.data = data

    tail = Tail()
    done = gzip_to(itertools.chain(itertools.repeat(bytes(BLOCK), 4096), [b"12345"]), tail)
    assert done.plain_size == 2**32 + 5
    assert struct.unpack("<II", tail.data)[1] == 5
