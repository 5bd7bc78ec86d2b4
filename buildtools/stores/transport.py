"""HTTP: one request, its redirects and its answer; the only module that knows which library does it.

No retries and no log-in here: a failed try leaves as a Fault that says whether another one may help, and
an answer of any status is returned. Credentials are handed in per request and never cross to another
origin.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self
from urllib.parse import urljoin, urlsplit

from buildtools import __version__
from buildtools.errors import BuildError, BuildtoolsError, UnavailableError
from buildtools.stores.addresses import is_loopback, origin, refusal
from buildtools.stores.redact import Redactor
from buildtools.stores.retry import MOST_TRIES, Clock, Fault, parse_date, retry_after

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0
_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_DRAINED: Final = 64 * 1024
_WINDOW_SECONDS: Final = 60.0
_WINDOW_BYTES: Final = 60 * 1024
"""A body must bring that much in that time; a server that trickles would hold a build for ever."""


_SENT: Final = 1024 * 1024
"""Bytes handed to the connection at once; the 16 KiB of the library below cost two thirds of the speed."""


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


class _SourceError(Exception):
    """The source of a body cannot be read: nothing that the network has done."""


class _Stream:
    """A body as the library below takes it: pieces, with the length of all of them known before."""

    def __init__(self, body: Body, source: BinaryIO) -> None:
        self.len = body.size
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        left = self.len
        while left and (data := self._read(min(_SENT, left))):
            left -= len(data)
            yield data

    def _read(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except OSError as error:
            raise _SourceError from error


class Answer:
    """One response: its status, its headers, and a body that is read as it comes.

    Reading raises Fault when the connection breaks. Close it, or use it as a context manager.
    """

    def __init__(self, response: "requests.Response", *, host: str, clock: Clock) -> None:
        self._response = response
        self._clock = clock
        self._waited = 0.0
        self._brought = 0
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.host = host

    @property
    def challenges(self) -> tuple[str, ...]:
        """The WWW-Authenticate headers, which may be several."""
        return tuple(self._response.raw.headers.getlist("WWW-Authenticate"))

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
            # read1, not read: that would wait until all `size` bytes have come, however slowly.
            data: bytes = self._response.raw.read1(size, decode_content=False)
        except Exception as error:
            raise _fault(error, self.host) from error
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
            # A body of no bytes is read, too: only then is the connection used again.
            short = self.length is not None and self.length <= _DRAINED
            if short or self.status == 204 or self._response.request.method == "HEAD":
                self.read1(_DRAINED)
                self.read1(1)
        self._response.close()

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
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def send(self, request: Request) -> Answer:
        """The answer, after redirects of GET and HEAD; raises Fault, and BuildError for a bad redirect."""
        url, authorization = request.url, request.authorization
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._send_once(request, url, authorization)
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or location is None or request.method not in {"GET", "HEAD"}:
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
            if self._session is not None:
                self._session.close()
            self._session = None

    def _send_once(self, request: Request, url: str, authorization: str) -> Answer:
        headers = dict(request.headers)
        if authorization:
            headers["Authorization"] = authorization
        host = urlsplit(url).netloc
        direct = dict.fromkeys(("http", "https", "all"), "") if is_loopback(host) else {}
        if request.shown and host == urlsplit(request.url).netloc:
            host = request.shown
        with ExitStack() as opened:
            data: Any = request.body
            if isinstance(data, Body):
                data = _Stream(data, opened.enter_context(data.open()))
            try:
                response = self._opened().request(
                    request.method,
                    url,
                    headers=headers,
                    data=data,
                    proxies=direct,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    verify=True if self._ca_bundle is None else str(self._ca_bundle),
                    allow_redirects=False,
                    stream=True,
                )
            except _SourceError as error:
                raise error.__cause__ or error from None
            except Exception as error:
                raise _fault(error, host) from error
        return Answer(response, host=host, clock=self._clock)

    def _opened(self) -> "requests.Session":
        with self._lock:
            if self._session is None:
                self._session = _new_session()
            return self._session


def _new_session() -> "requests.Session":
    import requests  # costs a tenth of a second; only verbs that ask a registry need it
    from requests.adapters import HTTPAdapter
    from requests.cookies import RequestsCookieJar

    session = requests.Session()
    # Bodies are held to digests as they are sent: a compressed transfer would only cost time.
    session.headers.update({"User-Agent": f"buildtools/{__version__}", "Accept-Encoding": "identity"})
    # A log-in of requests' own would come from ~/.netrc and overrule ours; this one changes nothing.
    session.auth = _unchanged
    session.cookies = RequestsCookieJar(policy=_no_cookies())
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=0, pool_connections=8, pool_maxsize=16))
    return session


def _unchanged(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    return request


def _no_cookies() -> Any:
    from http.cookiejar import DefaultCookiePolicy  # comes with requests

    return DefaultCookiePolicy(allowed_domains=())


def _unavailable(host: str, reason: str, hint: str = "") -> UnavailableError:
    return UnavailableError(
        f"{host} {reason}", hint=hint or "check the network; it is safe to run the command again"
    )


def _fault(error: Exception, host: str) -> Fault | BuildtoolsError:
    """What a foreign exception means; raises it again when it is none of the network's."""
    import requests.exceptions as above

    if isinstance(error, Fault | BuildtoolsError):
        # The source of a body that was being sent has failed: it has said how.
        return error
    for applies, reason, hint, tries in _meanings(error):
        if applies:
            return Fault(_unavailable(host, reason, hint), tries=tries)
    if isinstance(error, above.RequestException):
        return BuildError(f"{host} cannot be asked: {type(error).__name__}", hint="check how it is written")
    raise error


def _meanings(error: Exception) -> Sequence[tuple[bool, str, str, int]]:
    """Whether each kind of fault is this one, what the host does then, what to do, and how many tries."""
    import requests.exceptions as above
    import urllib3.exceptions as below

    causes = [error, *_causes(error)]

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    return (
        (
            "CERTIFICATE_VERIFY_FAILED" in str(error),
            "has a certificate that is not trusted",
            "name the file of its certificate authority in SSL_CERT_FILE, and check host name and dates",
            1,
        ),
        (
            caused_by(above.SSLError, below.SSLError),
            "does not speak TLS as expected",
            "if it speaks plain HTTP, name it in BUILDTOOLS_PLAIN_HTTP",
            1,
        ),
        (
            caused_by(above.ProxyError, below.ProxyError),
            "cannot be reached through the proxy",
            "check HTTPS_PROXY and NO_PROXY, and the proxy's log-in",
            1,
        ),
        (
            caused_by(below.NameResolutionError),
            "is a host name that nobody knows",
            "check its spelling and the network",
            1,
        ),
        # Before the timeouts: NewConnectionError is a ConnectTimeoutError to urllib3.
        (caused_by(below.NewConnectionError), "cannot be connected to", "", MOST_TRIES),
        (
            caused_by(above.ConnectTimeout, below.ConnectTimeoutError),
            f"does not answer within {CONNECT_SECONDS:.0f} seconds",
            "",
            MOST_TRIES,
        ),
        (
            caused_by(above.ReadTimeout, below.ReadTimeoutError, TimeoutError),
            f"sent nothing for {READ_SECONDS:.0f} seconds",
            "",
            MOST_TRIES,
        ),
        (caused_by(above.ConnectionError, below.HTTPError, OSError), "cut the connection", "", MOST_TRIES),
    )


def _causes(error: BaseException) -> list[BaseException]:
    """What is wrapped in an exception of requests or urllib3: arguments, reasons, causes."""
    found: list[BaseException] = []
    ahead: list[object] = [error]
    while ahead and len(found) < 20:
        item = ahead.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            ahead += [*item.args, getattr(item, "reason", None), item.__cause__]
    return found
