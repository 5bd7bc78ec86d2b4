"""Uploads into the throw-away registry: sessions, ranges, mounts and the digest at the end.

Source: opencontainers/distribution-spec:spec.md, "Pushing blobs".
"""

import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, Final

from buildtools.oci.digest import Digest, DigestError, parse_digest
from buildtools.throwaway.replies import Refused, Reply
from buildtools.throwaway.shelves import Incoming, Shelf

_PIECE: Final = 1024 * 1024
_RANGE: Final = re.compile(r"(\d{1,18})-(\d{1,18})")


class Uploads:
    """The sessions of all repositories.

    `made` gives a repository and makes it where it is not there, `found` gives one only where it is there.
    `changing` guards what repositories hold; bytes are written outside of it.
    """

    def __init__(
        self,
        *,
        made: Callable[[str], Shelf],
        found: Callable[[str], Shelf | None],
        changing: threading.RLock,
    ) -> None:
        self.sessions: dict[str, Incoming] = {}
        self._made = made
        self._found = found
        self._changing = changing
        self._busy: dict[str, threading.Lock] = {}

    def begin(self, name: str, query: Mapping[str, str], body: BinaryIO) -> Reply:
        """POST: a mount where that works, a whole blob where `digest` is given, else a session."""
        if "mount" in query and (mounted := self._mounted(name, query)):
            return mounted
        session = secrets.token_hex(16)
        self._busy[session] = threading.Lock()
        self.sessions[session] = self._made(name).begin()
        if "digest" in query and "mount" not in query:
            with self._held(session) as incoming:
                self._write(incoming, body)
                return self.commit(name, session, query["digest"])
        return Reply(status=202, headers=self.headers(name, session))

    def status(self, name: str, session: str) -> Reply:
        """GET: how far a session is."""
        with self._held(session):
            return Reply(status=204, headers=self.headers(name, session))

    def append(self, name: str, session: str, headers: Mapping[str, str], body: BinaryIO) -> Reply:
        """PATCH: the next bytes, a chunk with its range or a stream without."""
        with self._held(session) as incoming:
            self._check_range(name, session, headers)
            self._write(incoming, body)
            return Reply(status=202, headers=self.headers(name, session))

    def finish(
        self, name: str, session: str, headers: Mapping[str, str], query: Mapping[str, str], body: BinaryIO
    ) -> Reply:
        """PUT: the last bytes, if any, and the digest of all."""
        with self._held(session) as incoming:
            self._check_range(name, session, headers)
            self._write(incoming, body)
            return self.commit(name, session, query.get("digest", ""))

    def cancel(self, session: str) -> Reply:
        """DELETE: forget a session."""
        with self._held(session) as incoming:
            self._forget(session)
            incoming.drop()
            return Reply(status=204)

    def close(self) -> None:
        """Forget all sessions."""
        for session in list(self.sessions):
            self.cancel(session)

    def commit(self, name: str, session: str, digest: str) -> Reply:
        """Make a session whose bytes have this digest a blob; a session is used once, whatever comes out."""
        incoming = self.sessions[session]
        self._forget(session)
        wanted = checked_digest(digest, drop=incoming.drop)
        if incoming.digest != wanted:
            incoming.drop()
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        with self._changing:
            incoming.keep()
        return _created(name, wanted)

    def headers(self, name: str, session: str) -> dict[str, str]:
        """Where a session goes on, and how much of it is here."""
        size = self.sessions[session].size
        return {
            "Location": f"/v2/{name}/blobs/uploads/{session}?_state={size}",
            # 0-0 for nothing and for one byte, as distribution has it.
            "Range": f"0-{max(size, 1) - 1}",
            "Docker-Upload-UUID": session,
        }

    def _mounted(self, name: str, query: Mapping[str, str]) -> Reply | None:
        """A blob out of another repository; None leads on to an upload, as the specification wants it."""
        digest = checked_digest(query["mount"])
        source = self._found(query.get("from", ""))
        with self._changing:
            if source is None or not self._made(name).share(digest, source):
                return None
        return _created(name, digest)

    @contextmanager
    def _held(self, session: str) -> Iterator[Incoming]:
        """The session, for one request at a time: a second one waits until a broken first one has ended."""
        lock = self._busy.get(session) or threading.Lock()
        with lock:
            if session not in self.sessions:
                raise Refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
            yield self.sessions[session]

    def _forget(self, session: str) -> None:
        del self.sessions[session]
        self._busy.pop(session, None)

    def _check_range(self, name: str, session: str, headers: Mapping[str, str]) -> None:
        asked = headers.get("content-range")
        if asked is None:
            return
        found = _RANGE.fullmatch(asked)
        if not found or int(found[1]) != self.sessions[session].size:
            raise Refused(
                416, "BLOB_UPLOAD_INVALID", "invalid content range", headers=self.headers(name, session)
            )
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) != int(found[2]) - int(found[1]) + 1:
            raise Refused(400, "SIZE_INVALID", "provided length did not match content length")

    def _write(self, incoming: Incoming, body: BinaryIO) -> None:
        while data := body.read(_PIECE):
            incoming.write(data)


def checked_digest(text: str, *, drop: Callable[[], None] = lambda: None) -> Digest:
    """The text as a digest; raises Refused, after `drop`."""
    try:
        return parse_digest(text)
    except DigestError as error:
        drop()
        raise Refused(400, "DIGEST_INVALID", str(error)) from error


def _created(name: str, digest: Digest) -> Reply:
    return Reply(
        status=201,
        headers={"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest},
    )
