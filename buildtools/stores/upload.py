"""Uploads: one blob into one repository, a small state machine that knows what each fault leaves behind.

A session is asked for with POST, which a mount may make needless. Small blobs follow in one PUT, larger ones
in one PATCH that is taken up again where it broke, and in chunks where a registry takes no more at once.
Source: opencontainers/distribution-spec:spec.md, "Pushing blobs".
"""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import quote, urljoin

from buildtools.errors import AuthenticationError, BuildError, UnavailableError
from buildtools.oci.descriptor import Descriptor
from buildtools.stores.base import OpenBody
from buildtools.stores.client import Client
from buildtools.stores.mirrors import Location
from buildtools.stores.profiles import Way, profile_for
from buildtools.stores.retry import RETRIED, Fault
from buildtools.stores.transport import Answer, Body

MOST_CHUNK: Final = 64 * 1024 * 1024
PROGRESS: Final = 1024 * 1024
"""Bytes after which an upload counts as getting on, so that its tries start anew."""

_TAKEN: Final = frozenset({200, 201, 202, 204})
_OCTETS: Final = "application/octet-stream"
_RANGE: Final = re.compile(r"(?:bytes=)?0-(\d{1,18})")
_TOO_LARGE: Final = frozenset({413, 416})
_GONE: Final[Mapping[str | int, int]] = {
    # The session is gone, or its bytes were damaged on the way: a new one may do better.
    404: 3,
    410: 3,
    416: 3,
    "BLOB_UPLOAD_UNKNOWN": 3,
    "BLOB_UPLOAD_INVALID": 3,
    "DIGEST_INVALID": 2,
    "SIZE_INVALID": 2,
}


@dataclass(kw_only=True)
class _Session:
    """An upload on its way: where the next request goes, and how many bytes the registry has."""

    url: str
    least: int = 0
    place: int = 0
    spoilt: bool = False


class Upload:
    """One blob into one repository; `run` returns once it is there.

    `open_body` opens its bytes anew for each try; what it raises ends the upload. `mount` names a repository
    of the same registry that may hold the blob already. Raises AuthenticationError, BuildError,
    UnavailableError.
    """

    def __init__(
        self,
        client: Client,
        location: Location,
        descriptor: Descriptor,
        open_body: OpenBody,
        *,
        mount: str = "",
    ) -> None:
        self._client = client
        self._location = location
        self._descriptor = descriptor
        self._open_body = open_body
        # A second time where the first one failed on the way: a mount may spare gigabytes.
        self._mounts = [mount, mount] if mount else []
        self._profile = profile_for(location.host)
        self._way: Way = "whole" if descriptor.size <= self._profile.at_once else self._profile.large
        self._furthest = 0
        self._what = f"blob {descriptor.digest} for {location}"
        self._scope = f"repository:{location.repository}:pull,push"

    def run(self) -> bool:
        """Mount the blob, or send its bytes; returns whether they had to be sent."""
        tries = self._client.tries()
        session: _Session | None = None
        while True:
            try:
                session = session or self._begin()
                if session is None:
                    return False
                self._send(session)
            except Fault as fault:
                tries.pause(fault)
                # A lost answer does not say that the blob is not there.
                if session and self._arrived():
                    return True
                session = session and self._resumed(session)
                if session and session.place >= self._furthest + PROGRESS:
                    self._furthest = session.place
                    tries.progressed()
            else:
                return True

    def _begin(self) -> _Session | None:
        """A new session; None where the registry has mounted the blob instead."""
        if self._mounts:
            done, session = self._mounted(self._mounts.pop())
            if done:
                return session
        with self._ask("POST", "blobs/uploads/") as answer:
            if answer.status == 201:
                return None
            if answer.status != 202:
                what = (
                    f"repository {self._location}" if answer.status == 404 else f"uploads to {self._location}"
                )
                hint = "create it first where the registry wants that, and check its name"
                raise self._client.failure(answer, self._location, what, hint=hint)
            return self._session(answer)

    def _mounted(self, source: str) -> tuple[bool, _Session | None]:
        """Whether asking for a mount was an answer, and which; if not, it only costs one more request."""
        digest = quote(self._descriptor.digest, safe="")
        path = f"blobs/uploads/?mount={digest}&from={quote(source, safe='')}"
        try:
            with self._ask("POST", path, scope=f"{self._scope} repository:{source}:pull") as answer:
                if answer.status in RETRIED and self._mounts:
                    raise self._failure(answer)
                self._mounts.clear()
                if answer.status == 201:
                    return True, None
                if answer.status == 202:
                    return True, self._session(answer)
        except AuthenticationError:
            # Whoever may not read there may still write here.
            self._mounts.clear()
        except Fault:
            if self._mounts:
                raise
        return False, None

    def _session(self, answer: Answer) -> _Session:
        target = answer.headers.get("Location", "")
        if not target:
            error = UnavailableError(
                f"{self._location.host} answered {answer.status} for {self._what} "
                "without saying where to send it",
                hint="it is safe to run the command again",
            )
            raise Fault(error, tries=3)
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        base_url = self._client.base_url(self._location)
        return _Session(
            url=urljoin(base_url, target), least=int(least[:18]) if least.isascii() and least.isdigit() else 0
        )

    def _send(self, session: _Session) -> None:
        left = self._descriptor.size - session.place
        if self._way == "whole" and not session.place:
            self._finish(session, self._body(0))
            return
        if self._way == "chunks":
            self._send_chunks(session)
        elif left:
            self._patch(session, self._body(session.place), left)
        self._finish(session, b"")

    def _body(self, start: int) -> bytes | Body:
        size = self._descriptor.size - start
        if size:
            return Body(size=size, open=lambda: self._opened(start))
        # Nothing is sent, so nobody else would see that the source has something.
        with self._open_body() as source:
            source.read()
        return b""

    def _opened(self, start: int) -> BinaryIO:
        """The bytes from `start` on; those before are read, too, since they are held to the digest."""
        with ExitStack() as failed:
            body = failed.enter_context(self._open_body())
            while start and (data := body.read(min(start, PROGRESS))):
                start -= len(data)
            failed.pop_all()
        return body

    def _finish(self, session: _Session, body: bytes | Body) -> None:
        """PUT with the digest: the registry checks all bytes and lets the blob be seen."""
        joint = "&" if "?" in session.url else "?"
        url = f"{session.url}{joint}digest={quote(self._descriptor.digest, safe='')}"
        with self._ask("PUT", url, {"Content-Type": _OCTETS}, body) as answer:
            if answer.status not in _TAKEN:
                session.spoilt = answer.status not in RETRIED
                raise self._refused(answer)

    def _patch(self, session: _Session, body: bytes | Body, size: int) -> None:
        """PATCH with the next bytes; the session goes on where the answer says."""
        headers = {"Content-Type": _OCTETS}
        end = session.place + size
        # GHCR takes a whole blob in one PATCH only if nothing looks like a chunk.
        if session.place or isinstance(body, bytes):
            headers["Content-Range"] = f"{session.place}-{end - 1}"
        with self._ask("PATCH", session.url, headers, body) as answer:
            # ECR says 201 here.
            if answer.status not in _TAKEN:
                raise self._refused(answer)
            session.url = urljoin(session.url, answer.headers.get("Location", ""))
            kept = _kept(answer)
        if session.place < kept < end:
            message = f"{self._location.host} kept {kept} of the first {end} bytes of {self._what}"
            raise Fault(UnavailableError(message, hint="it is safe to run the command again"))
        session.place = end

    def _send_chunks(self, session: _Session) -> None:
        size = min(max(self._profile.chunk, session.least), MOST_CHUNK)
        with self._opened(session.place) as body:
            while data := body.read(size):
                self._patch(session, data, len(data))

    def _refused(self, answer: Answer) -> Exception:
        """What it means that a registry did not take bytes; another try goes another way."""
        if answer.status in _TOO_LARGE and self._way != "chunks":
            self._way = "chunks"
            message = f"{self._location.host} answered {answer.status} for {self._what}"
            return Fault(BuildError(message), retry_after=0.0)
        if answer.status == 404 and self._way == "whole":
            # Artifactory has lost sessions that nothing was sent to before the last PUT.
            self._way = "stream"
        return self._failure(answer)

    def _arrived(self) -> bool:
        """Whether the blob is there after all; a registry that does not say is taken to lack it."""
        try:
            with self._ask("HEAD", f"blobs/{self._descriptor.digest}") as answer:
                return answer.status == 200 and answer.length in {None, self._descriptor.size}
        except (Fault, AuthenticationError):
            return False

    def _resumed(self, session: _Session) -> _Session | None:
        """The session and how much of a large blob it has; None where it is better to begin anew."""
        size = self._descriptor.size
        least = self._profile.chunk if self._way == "chunks" else self._profile.at_once
        if session.spoilt or not self._profile.resumes or size <= least:
            return None
        try:
            with self._ask("GET", session.url) as answer:
                if answer.status not in {200, 204}:
                    return None
                place, target = _kept(answer), answer.headers.get("Location", "")
        except (Fault, AuthenticationError):
            return None
        # Less than before: ECR repeats the first chunk's range, and Aliyun counts from the chunk's start.
        if not max(session.place, 1) <= place <= size:
            return None
        return _Session(url=urljoin(session.url, target), least=session.least, place=place)

    def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        *,
        scope: str = "",
    ) -> Answer:
        return self._client.attempt(
            self._location, method, path, headers=headers, body=body, scope=scope or self._scope
        )

    def _failure(self, answer: Answer) -> Exception:
        return self._client.failure(answer, self._location, self._what, passing=_GONE)


def _kept(answer: Answer) -> int:
    """How many bytes an answer's Range says are there, 0 where it does not say."""
    found = _RANGE.fullmatch(answer.headers.get("Range", ""))
    last = int(found[1]) if found else 0
    # distribution says 0-0 for nothing and for one byte.
    return last + 1 if last else 0
