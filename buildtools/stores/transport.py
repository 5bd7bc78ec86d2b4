"""HTTP: one request, its redirects and its answer; the only module that knows which library does it.

No retries and no log-in here: a failed try leaves as a Fault that says whether another one may help, and
an answer of any status is returned. Credentials are handed in per request and never cross to another
origin.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self
from urllib.parse import urljoin, urlsplit

from buildtools import __version__
from buildtools.errors import BuildError, BuildtoolsError, UnavailableError
from buildtools.stores.addresses import is_loopback, origin, refusal
from buildtools.stores.proxied import Proxied, proxy_for
from buildtools.stores.redact import Redactor
from buildtools.stores.retry import MOST_TRIES, Clock, Fault, parse_date, retry_after
from buildtools.stores.wire import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Kind,
    Reply,
    Sender,
    SourceError,
    Stream,
    Trouble,
    Wire,
)

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_DRAINED: Final = 64 * 1024
_WINDOW_SECONDS: Final = 60.0
_WINDOW_BYTES: Final = 60 * 1024
"""A body must bring that much in that time; a server that trickles would hold a build for ever."""
# Bodies are held to digests as they are sent: a compressed transfer would only cost time.
_HEADERS: Final = {"User-Agent": f"buildtools/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries: `size` bytes out of a stream that `open` opens anew for each try."""

    size: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; `authorization` is the header's value and stays with the URL's origin.

    `shown` is what sentences call the URL's host, where it is more than its name.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str = field(default="", repr=False)
    shown: str = ""
    body: bytes | Body | None = field(default=None, repr=False)


class _Headers:
    """Headers of an answer, by names in any case."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def get(self, name: str, default: str = "") -> str:
        """Its value, several of them joined with commas."""
        found = self._reply.header(name)
        return default if found is None else found

    def __contains__(self, name: str) -> bool:
        return self._reply.header(name) is not None


class Answer:
    """One response: its status, its headers, and a body that is read as it comes.

    Reading raises Fault when the connection breaks. Close it, or use it as a context manager.
    """

    def __init__(self, reply: Reply, *, host: str, clock: Clock) -> None:
        self._reply = reply
        self._clock = clock
        self._waited = 0.0
        self._brought = 0
        self.status = reply.status
        self.headers = _Headers(reply)
        self.host = host

    @property
    def challenges(self) -> tuple[str, ...]:
        """The WWW-Authenticate headers, which may be several."""
        return self._reply.every("WWW-Authenticate")

    @property
    def length(self) -> int | None:
        """What Content-Length says, None where it says nothing usable."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait; a date counts from the server's own."""
        now = parse_date(self.headers.get("Date")) or self._clock.now()
        return retry_after(self.headers.get("Retry-After"), now=now)

    def read1(self, size: int) -> bytes:
        """The next bytes of the body as sent, at most `size`, empty at its end; raises Fault."""
        started = self._clock.now()
        try:
            data = self._reply.read1(size)
        except Trouble as trouble:
            raise _fault(trouble, self.host) from trouble.cause
        self._waited += self._clock.now() - started
        self._brought += len(data)
        if self._waited >= _WINDOW_SECONDS:
            if data and self._brought < _WINDOW_BYTES:
                raise Fault(_unavailable(self.host, f"sent only {self._brought} bytes in a minute"))
            self._waited, self._brought = 0.0, 0
        return data

    def read(self, limit: int) -> bytes | None:
        """The whole body if it has at most `limit` bytes, else None; raises Fault."""
        if (self.length or 0) > limit:
            return None
        parts: list[bytes] = []
        size = 0
        while data := self.read1(limit + 1 - size):
            parts.append(data)
            size += len(data)
            if size > limit:
                return None
        return b"".join(parts)

    def close(self) -> None:
        """Give the connection up; a short rest of the body is read first, so that it can be used again."""
        with suppress(Fault):
            if not self._reply.ended and (self.length or _DRAINED + 1) <= _DRAINED:
                while self.read1(_DRAINED):
                    pass
        self._reply.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Transport:
    """Sends requests; safe to use from several threads.

    `plain` says whether a host may be reached over plain HTTP, `ca_bundle` names a file of certificate
    authorities. Proxies come from the environment, except for loopback addresses.
    """

    def __init__(
        self, *, clock: Clock, redact: Redactor, plain: Callable[[str], bool], ca_bundle: Path | None = None
    ) -> None:
        self._clock = clock
        self._redact = redact
        self._plain = plain
        self._ca_bundle = ca_bundle
        self._wire = Wire(ca_bundle)
        self._proxied: dict[str, Proxied] = {}
        self._proxies: dict[object, str] = {}
        self._lock = threading.Lock()

    def send(self, request: Request) -> Answer:
        """The answer, after redirects of GET and HEAD; raises Fault, and BuildError for a bad redirect."""
        url, authorization = request.url, request.authorization
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._send_once(request, url, authorization)
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not location or request.method not in {"GET", "HEAD"}:
                return answer
            answer.close()
            target = urljoin(url, location)
            if reason := refusal(url, target, plain=self._plain):
                shown = self._redact.foreign(target)
                raise BuildError(
                    f"{urlsplit(url).netloc} redirects to {shown}, {reason}",
                    hint="nothing was sent there; tell whoever runs that registry",
                )
            if origin(target) != origin(url):
                authorization = ""
            url = target
        raise BuildError(f"{urlsplit(request.url).netloc} redirects more than {_MOST_REDIRECTS} times")

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            proxied, self._proxied = self._proxied, {}
        senders: list[Sender] = [self._wire, *proxied.values()]
        for sender in senders:
            sender.close()

    def _send_once(self, request: Request, url: str, authorization: str) -> Answer:
        headers = {**_HEADERS, **request.headers}
        if authorization:
            headers["Authorization"] = authorization
        host = urlsplit(url).netloc
        sender = self._sender(url, host)
        if request.shown and host == urlsplit(request.url).netloc:
            host = request.shown
        with ExitStack() as opened:
            data: bytes | Stream | None = None if isinstance(request.body, Body) else request.body
            if isinstance(request.body, Body):
                data = Stream(opened.enter_context(request.body.open()), request.body.size)
            try:
                reply = sender.send(request.method, url, headers, data)
            except SourceError as error:
                raise error.__cause__ or error from None
            except Trouble as trouble:
                raise _fault(trouble, host) from trouble.cause
        return Answer(reply, host=host, clock=self._clock)

    def _sender(self, url: str, host: str) -> Sender:
        """The one that reaches a host: straight, or through the proxy that the environment names for it."""
        if is_loopback(host):
            return self._wire
        with self._lock:
            place = origin(url)
            if place not in self._proxies:
                self._proxies[place] = proxy_for(url)
            proxy = self._proxies[place]
            if not proxy:
                return self._wire
            return self._proxied.setdefault(proxy, Proxied(proxy, self._ca_bundle))


def _unavailable(host: str, reason: str, hint: str = "") -> UnavailableError:
    return UnavailableError(
        f"{host} {reason}", hint=hint or "check the network; it is safe to run the command again"
    )


def _fault(trouble: Trouble, host: str) -> Fault | BuildtoolsError:
    """What it means that the network did not do what it should."""
    if trouble.kind == "other":
        name = type(trouble.cause).__name__
        return BuildError(f"{host} cannot be asked: {name}", hint="check how it is written")
    reason, hint, tries = _MEANINGS[trouble.kind]
    return Fault(_unavailable(host, reason, hint), tries=tries)


_MEANINGS: Final[Mapping[Kind, tuple[str, str, int]]] = {
    "certificate": (
        "has a certificate that is not trusted",
        "name the file of its certificate authority in SSL_CERT_FILE, and check host name and dates",
        1,
    ),
    "tls": (
        "does not speak TLS as expected",
        "if it speaks plain HTTP, name it in BUILDTOOLS_PLAIN_HTTP",
        1,
    ),
    "proxy": (
        "cannot be reached through the proxy",
        "check HTTPS_PROXY and NO_PROXY, and the proxy's log-in",
        1,
    ),
    "name": ("is a host name that nobody knows", "check its spelling and the network", 1),
    "refused": ("cannot be connected to", "", MOST_TRIES),
    "no-answer": (f"does not answer within {CONNECT_SECONDS:.0f} seconds", "", MOST_TRIES),
    "silence": (f"sent nothing for {READ_SECONDS:.0f} seconds", "", MOST_TRIES),
    "cut": ("cut the connection", "", MOST_TRIES),
}
"""What the host does, what to do about it, and how many tries."""
