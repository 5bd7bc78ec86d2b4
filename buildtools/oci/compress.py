"""Hashing and compression as streams: gzip whose bytes are the same on every machine, and gunzip with caps.

Levels 1 and 2 of isal give the same bytes on every processor tried, level 3 does not, and the standard
library's zlib differs between Python builds; so isal is used at level 2 and pinned exactly.
"""

import hashlib
import queue
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, Self

from buildtools.oci.digest import Digest

LEVEL: Final = 2
BLOCK: Final = 1024 * 1024
"""Bytes given to the compressor at once: always the same, since its output depends on how it is fed."""

# Deflate, no flags, no time, no extra flags, unknown operating system: nothing of the machine.
_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_RAW_DEFLATE: Final = -15
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_QUEUED: Final = 4
MOST_INFLATED: Final = 32 * 1024**3
"""Bytes that a layer may inflate to where nobody says otherwise: a bomb ends here."""


class CompressionError(ValueError):
    """The stream cannot be inflated."""


class Sink(Protocol):
    """Anything that bytes can be written to."""

    def write(self, data: bytes, /) -> object:
        """Take these bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """What went through: digests and sizes in bytes, before and after compression."""

    plain_digest: Digest
    plain_size: int
    digest: Digest
    size: int


def gzip_to(pieces: Iterable[bytes], sink: Sink) -> Compressed:
    """Hash, compress and hash again in one pass, in constant memory, into `sink`.

    Reading and the first hash run in this thread, compression, second hash and writing in another; both
    leave Python's lock while they work. An error in either ends both and is raised here.
    """
    plain = hashlib.sha256()
    total = 0
    with _Compressor(sink) as compressor:
        for block in _blocks(pieces):
            plain.update(block)
            total += len(block)
            compressor.put(block)
    return Compressed(
        plain_digest=Digest(f"sha256:{plain.hexdigest()}"),
        plain_size=total,
        digest=Digest(f"sha256:{compressor.hash.hexdigest()}"),
        size=compressor.size,
    )


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of BLOCK, the last one shorter."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= BLOCK:
            yield bytes(buffer[:BLOCK])
            del buffer[:BLOCK]
    if buffer:
        yield bytes(buffer)


class _Compressor:
    """The other thread: takes blocks from a short queue, so that memory stays small."""

    def __init__(self, sink: Sink) -> None:
        self.hash = hashlib.sha256()
        self.size = 0
        self._sink = sink
        self._queue: queue.Queue[bytes | None] = queue.Queue(_QUEUED)
        self._error: BaseException | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="compress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is not None:
            # The layer is lost: what waits need not be compressed any more.
            self._error = self._error or CompressionError("given up")
        self._queue.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, block: bytes) -> None:
        """Hand over one block; raises what the other thread met."""
        if self._error is not None:
            raise self._error
        self._queue.put(block)

    def _run(self) -> None:
        try:
            self._compress()
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self._error = error
            self._take()

    def _compress(self) -> None:
        from isal import isal_zlib

        stream = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _RAW_DEFLATE)
        checksum, total = 0, 0
        self._emit(_HEADER)
        while (block := self._take()) is not None:
            checksum = isal_zlib.crc32(block, checksum)
            total += len(block)
            self._emit(stream.compress(block))
        if self._error is None:
            self._emit(stream.flush())
            self._emit(checksum.to_bytes(4, "little") + (total & 0xFFFFFFFF).to_bytes(4, "little"))

    def _take(self) -> bytes | None:
        """The next block; None at the end, and after an error as soon as all that waits is thrown away."""
        while not self._ended:
            block = self._queue.get()
            self._ended = block is None
            if self._error is None:
                return block
        return None

    def _emit(self, data: bytes) -> None:
        if data:
            self.hash.update(data)
            self.size += len(data)
            self._sink.write(data)


def compressor_name() -> str:
    """What made the bytes: another name may mean other bytes for the same files."""
    import isal

    return f"isal {isal.__version__} level {LEVEL}"


def inflated(stream: BinaryIO, *, most: int = MOST_INFLATED) -> Iterator[bytes]:
    """The plain bytes of a gzip or plain stream, at most `most` of them; raises CompressionError."""
    head = stream.read(4)
    if head.startswith(_ZSTD_MAGIC):
        raise CompressionError("the layer is compressed with zstd, which is not read here: use gzip")
    pieces = _gunzip(head, stream) if head.startswith(_GZIP_MAGIC) else _plain(head, stream)
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > most:
            raise CompressionError(f"the layer inflates to more than {most} bytes")
        yield piece


def _plain(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    yield head
    while data := stream.read(BLOCK):
        yield data


def _gunzip(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    member = zlib.decompressobj(31)
    data = head
    ended = False
    while data or (data := stream.read(BLOCK)):
        if ended:
            # Members follow each other; zeros behind the last one are filling.
            data = data.lstrip(b"\0")
            if not data:
                continue
            member, ended = zlib.decompressobj(31), False
        try:
            yield member.decompress(data, BLOCK)
        except zlib.error as error:
            raise CompressionError(f"the layer's gzip stream is damaged ({error})") from error
        data = member.unconsumed_tail
        if member.eof:
            data, ended = member.unused_data, True
    if not ended:
        raise CompressionError("the layer's gzip stream ends too early")
