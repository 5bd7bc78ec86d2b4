"""A stream to read from out of pieces that come one after another."""

import io
from collections.abc import Iterator


class PieceReader(io.BufferedIOBase):
    """Reads an iterator of bytes as a binary stream, holding one piece at a time."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def read1(self, size: int | None = -1, /) -> bytes:
        """What is at hand, at most `size` bytes; empty at the end."""
        while not len(self._piece):
            try:
                self._piece = memoryview(next(self._pieces))
            except StopIteration:
                return b""
        count = len(self._piece) if size is None or size < 0 else size
        data = bytes(self._piece[:count])
        self._piece = self._piece[count:]
        return data

    def read(self, size: int | None = -1, /) -> bytes:
        """`size` bytes, fewer only at the end; all that is left where `size` is negative."""
        parts = []
        left = -1 if size is None else size
        while left and (data := self.read1(left)):
            parts.append(data)
            left -= len(data) if left > 0 else 0
        return b"".join(parts)
