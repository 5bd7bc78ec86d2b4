"""A client that only plays writing: reads are made, writes are noted and answered as a registry would.

Whatever stands on it decides as in earnest, so what it says it would do is what it does.
"""

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from buildtools.oci.digest import digest_of
from buildtools.settings import Settings
from buildtools.stores.client import Client
from buildtools.stores.credentials import Keyring
from buildtools.stores.mirrors import Location
from buildtools.stores.retry import Clock
from buildtools.stores.transport import Answer, Body

SESSION: Final = "SESSION"
"""What stands in upload addresses for the name that a registry gives an upload."""
_READS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request to a repository: bytes of its body, and whether it changes something there."""

    registry: str
    method: str
    target: str
    size: int = 0
    writes: bool = False


class RehearsalClient(Client):
    """Notes every request in `asked`. What was written is there when it is read again, here alone.

    Mounts succeed, and no body is opened. Whether a registry would let us write is not found out.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, keyring: Keyring | None = None
    ) -> None:
        super().__init__(settings, clock=clock, keyring=keyring)
        self.asked: list[Asked] = []
        self._written: dict[tuple[str, str], tuple[str, bytes]] = {}
        self._noting = threading.Lock()

    def attempt(
        self,
        location: Location,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        scope: str = "",
    ) -> Answer:
        """One request: made where it reads, else only noted."""
        parts = urlsplit(path)
        target = f"/v2/{location.repository}/{path}"
        if parts.netloc:
            target = parts._replace(scheme="", netloc="").geturl()
        size = body.size if isinstance(body, Body) else len(body or b"")
        writes = method not in _READS
        asked = Asked(registry=location.host, method=method, target=target, size=size, writes=writes)
        with self._noting:
            self.asked.append(asked)
            kept = self._written.get((location.host, target))
        if writes:
            return self._play(location, asked, headers or {}, body)
        if kept:
            return self._kept(asked, *kept)
        return super().attempt(location, method, path, headers=headers, body=body, scope=scope)

    def _play(
        self, location: Location, asked: Asked, headers: Mapping[str, str], body: bytes | Body | None
    ) -> Answer:
        session = f"/v2/{location.repository}/blobs/uploads/{SESSION}"
        if asked.method == "POST":
            mounts = "?mount=" in asked.target
            return self._answer(asked, 201 if mounts else 202, {"Location": session})
        if asked.method == "PATCH":
            return self._answer(asked, 202, {"Location": session, "Range": f"0-{max(asked.size, 1) - 1}"})
        if isinstance(body, bytes) and "/manifests/" in asked.target:
            with self._noting:
                self._written[location.host, asked.target] = headers.get("Content-Type", ""), body
            return self._answer(asked, 201, {"Docker-Content-Digest": digest_of(body)})
        return self._answer(asked, 201, {})

    def _kept(self, asked: Asked, media_type: str, raw: bytes) -> Answer:
        headers = {
            "Content-Type": media_type,
            "Content-Length": str(len(raw)),
            "Docker-Content-Digest": digest_of(raw),
        }
        return self._answer(asked, 200, headers, raw if asked.method == "GET" else b"")

    def _answer(self, asked: Asked, status: int, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One that no registry has given."""
        return Answer(_Made(status, headers, body), host=asked.registry, clock=self.clock)


class _Made:
    """A reply made up here; it holds to what `wire.Reply` says."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self._headers = headers
        self._body = io.BytesIO(body)
        self.ended = not body

    def header(self, name: str) -> str | None:
        """A header, by the name that it was made with."""
        return self._headers.get(name)

    def every(self, name: str) -> tuple[str, ...]:
        """The same as a list."""
        return tuple(filter(None, (self.header(name),)))

    def read1(self, size: int) -> bytes:
        """The next bytes."""
        data = self._body.read(size)
        self.ended = not data
        return data

    def close(self) -> None:
        """Nothing is open."""
