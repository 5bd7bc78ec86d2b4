"""Repositories that tests can look into, and uploads as odd as some registries have them."""

import io
import threading
from collections.abc import Callable, Mapping
from typing import BinaryIO

from buildtools.oci.digest import Digest, digest_of
from buildtools.stores.memory import MemoryStore
from buildtools.throwaway.replies import Refused, Reply
from buildtools.throwaway.shelves import Incoming, Shelf
from buildtools.throwaway.uploads import Uploads


class MemoryShelf(MemoryStore):
    """A repository in dictionaries."""

    def blob_size(self, digest: Digest, /) -> int | None:
        """Bytes of a blob."""
        data = self.blobs.get(digest)
        return None if data is None else len(data)

    def open_blob(self, digest: Digest, /) -> BinaryIO:
        """The bytes of a blob."""
        return io.BytesIO(self.blobs[digest])

    def begin(self) -> Incoming:
        """Begin an upload."""
        return MemoryIncoming(self)

    def share(self, digest: Digest, other: Shelf, /) -> bool:
        """Take a blob from another shelf."""
        assert isinstance(other, MemoryShelf)
        data = other.blobs.get(digest)
        if data is not None:
            self.blobs[digest] = data
        return data is not None

    def remove_blob(self, digest: Digest, /) -> None:
        """Forget a blob."""
        del self.blobs[digest]


class MemoryIncoming(bytearray):
    """A session, whose bytes tests may change."""

    def __init__(self, shelf: MemoryShelf) -> None:
        super().__init__()
        self._shelf = shelf

    @property
    def size(self) -> int:
        """Bytes so far."""
        return len(self)

    @property
    def digest(self) -> Digest:
        """Their digest."""
        return digest_of(bytes(self))

    def write(self, data: bytes, /) -> None:
        """Append bytes."""
        self.extend(data)

    def keep(self) -> None:
        """Make it a blob."""
        self._shelf.blobs[self.digest] = bytes(self)

    def drop(self) -> None:
        """Nothing to do."""


class OddUploads(Uploads):
    """Uploads with what real registries do otherwise.

    `mounts` is whether blobs are mounted, `least` what OCI-Chunk-Min-Length says, `most` how many bytes a
    request may have, `chunk` how many with a Content-Range (GHCR), `reports` whether a session says how far
    it is. `keeps` is whether a session outlives a commit whose bytes were wrong.
    """

    mounts = True
    least: int | None = None
    most: int | None = None
    chunk: int | None = None
    reports = True
    keeps = False

    def __init__(
        self,
        *,
        made: Callable[[str], Shelf],
        found: Callable[[str], Shelf | None],
        changing: threading.RLock,
    ) -> None:
        super().__init__(
            made=made, found=lambda name: found(name) if self.mounts else None, changing=changing
        )

    def status(self, name: str, session: str) -> Reply:
        """How far a session is, or nothing of it."""
        if not self.reports:
            raise Refused(405, "UNSUPPORTED", "method not allowed")
        return super().status(name, session)

    def append(self, name: str, session: str, headers: Mapping[str, str], body: BinaryIO) -> Reply:
        """The next bytes, if they are not too many."""
        size = int(headers.get("content-length", 0))
        most = (self.chunk if "content-range" in headers else None) or self.most
        if session in self.sessions and most and size > most:
            raise Refused(416, "SIZE_INVALID", "request body too large")
        return super().append(name, session, headers, body)

    def finish(
        self, name: str, session: str, headers: Mapping[str, str], query: Mapping[str, str], body: BinaryIO
    ) -> Reply:
        """The last bytes, if they are not too many."""
        if session in self.sessions and self.most and int(headers.get("content-length", 0)) > self.most:
            raise Refused(413, "SIZE_INVALID", "request entity too large")
        return super().finish(name, session, headers, query, body)

    def commit(self, name: str, session: str, digest: str) -> Reply:
        """Make a session a blob; where it is no blob, it may stay."""
        incoming = self.sessions[session]
        try:
            return super().commit(name, session, digest)
        except Refused:
            if self.keeps:
                self.sessions[session] = incoming
            raise

    def headers(self, name: str, session: str) -> dict[str, str]:
        """Where a session goes on, and its least chunk."""
        least = {} if self.least is None else {"OCI-Chunk-Min-Length": str(self.least)}
        return {**super().headers(name, session), **least}
