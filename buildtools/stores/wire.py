"""Requests on connections of our own, which are kept: the standard library's HTTP, since it starts fastest.

What goes wrong leaves as a Trouble that says which kind of thing it was; what that means for a person, and
whether another try may help, is `transport`'s to say.
"""

import http.client
import select
import socket
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, Protocol
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0
PIECE: Final = 1024 * 1024
"""Bytes handed to a connection at once; the 16 KiB of the libraries below cost two thirds of the speed."""

_PORTS: Final = {"http": 80, "https": 443}
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
"""Characters of a URL that stand for themselves, and the percent sign of those that are quoted already."""

Kind = Literal["certificate", "tls", "proxy", "name", "refused", "no-answer", "silence", "cut", "other"]


class Trouble(Exception):  # noqa: N818 - it becomes a Fault, and then perhaps an error
    """The network did not do what it should; `kind` is what it did instead."""

    def __init__(self, kind: Kind, cause: BaseException) -> None:
        super().__init__(f"{kind}: {cause}")
        self.kind = kind
        self.cause = cause


class SourceError(Exception):
    """The source of a body cannot be read: nothing that the network has done."""


class Stream:
    """A body in pieces, of a length that is known before."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self.len = size
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        left = self.len
        while left and (data := self._read(min(PIECE, left))):
            left -= len(data)
            yield data

    def _read(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except OSError as error:
            raise SourceError from error


class Reply(Protocol):
    """What came back, however it came. Reading raises Trouble."""

    status: int

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to read."""

    def header(self, name: str) -> str | None:
        """A header's value, several of them joined with commas."""

    def every(self, name: str) -> tuple[str, ...]:
        """The values of a header that may stand there several times."""

    def read1(self, size: int) -> bytes:
        """The next bytes as sent, at most `size`, empty at the end."""

    def close(self) -> None:
        """Give it up; the connection is used again only where it is at its end."""


class Sender(Protocol):
    """Something that sends requests."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | Stream | None) -> Reply:
        """The reply to one request, whatever its status; raises Trouble."""

    def close(self) -> None:
        """Close all connections."""


class Wire:
    """Sends requests straight to their hosts; safe to use from several threads."""

    def __init__(self, ca_bundle: Path | None = None) -> None:
        self._ca_bundle = ca_bundle
        self._idle: dict[tuple[str, str, int], list[http.client.HTTPConnection]] = {}
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        # Whoever forgets to close it still leaves no open sockets behind.
        weakref.finalize(self, _close_all, self._idle)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | Stream | None) -> Reply:
        """The reply to one request, whatever its status; raises Trouble."""
        try:
            parts = urlsplit(url)
            place = parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]
            target = quote(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", safe=_SAFE)
            connection = self._taken(place) or self._connected(*place)
        except (ValueError, KeyError) as error:
            # No URL, or no host name that could be looked up.
            raise Trouble("other", error) from error
        try:
            response = _asked(connection, method, target, headers, body)
        except BaseException:
            connection.close()
            raise
        return _Direct(response, connection, lambda: self._put_back(place, connection))

    def close(self) -> None:
        """Close all connections that nothing is on."""
        with self._lock:
            _close_all(self._idle)

    def _taken(self, place: tuple[str, str, int]) -> http.client.HTTPConnection | None:
        """A connection that is free and that the host has not closed."""
        while True:
            with self._lock:
                free = self._idle.get(place)
                connection = free.pop() if free else None
            if connection is None or not _is_over(connection.sock):
                return connection
            connection.close()

    def _put_back(self, place: tuple[str, str, int], connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.setdefault(place, []).append(connection)

    def _connected(self, scheme: str, host: str, port: int) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        # It says which port need not be named.
        connection.default_port = _PORTS[scheme]
        try:
            connection.connect()
        except socket.gaierror as error:
            raise Trouble("name", error) from error
        except TimeoutError as error:
            raise Trouble("no-answer", error) from error
        except OSError as error:
            raise Trouble("refused", error) from error
        try:
            if scheme == "https":
                connection.sock = self._secured(connection.sock, host)
            connection.sock.settimeout(READ_SECONDS)
        except BaseException:
            connection.close()
            raise
        return connection

    def _secured(self, plain: socket.socket, host: str) -> "ssl.SSLSocket":
        import ssl  # only where it is spoken

        with self._lock:
            if self._context is None:
                self._context = _context(self._ca_bundle)
        try:
            return self._context.wrap_socket(plain, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise Trouble("certificate", error) from error
        except ssl.SSLError as error:
            raise Trouble("tls", error) from error
        except TimeoutError as error:
            raise Trouble("no-answer", error) from error
        except OSError as error:
            raise Trouble("cut", error) from error


def _close_all(idle: dict[tuple[str, str, int], list[http.client.HTTPConnection]]) -> None:
    for connection in (connection for every in idle.values() for connection in every):
        connection.close()
    idle.clear()


def _context(ca_bundle: Path | None) -> "ssl.SSLContext":
    """Trust in a file of authorities, else in those that requests trusts, too."""
    import ssl

    import certifi

    context = ssl.create_default_context(cafile=str(ca_bundle or certifi.where()))
    context.set_alpn_protocols(["http/1.1"])
    return context


def _asked(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | Stream | None,
) -> http.client.HTTPResponse:
    """Send a request and read the head of its answer."""
    length = {"Content-Length": f"{body.len}"} if isinstance(body, Stream) else {}
    try:
        # Who does not want the body may have answered already.
        with suppress(BrokenPipeError):
            connection.request(method, target, body, {**headers, **length})
        return connection.getresponse()
    except TimeoutError as error:
        raise Trouble("silence", error) from error
    except ValueError as error:
        # A header or URL that cannot be sent.
        raise Trouble("other", error) from error
    except (OSError, http.client.HTTPException) as error:
        raise Trouble("cut", error) from error


class _Direct:
    """A reply on a connection of a Wire."""

    def __init__(
        self,
        response: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        put_back: Callable[[], None],
    ) -> None:
        self.status = response.status
        self._response = response
        self._connection = connection
        self._put_back: Callable[[], None] | None = put_back
        if response.length == 0:
            self._end()

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to read."""
        return self._put_back is None

    def header(self, name: str) -> str | None:
        """A header's value, several of them joined with commas."""
        return self._response.getheader(name)

    def every(self, name: str) -> tuple[str, ...]:
        """The values of a header that may stand there several times."""
        return tuple(self._response.headers.get_all(name, ()))

    def read1(self, size: int) -> bytes:
        """The next bytes as sent, at most `size`, empty at the end."""
        if self._put_back is None or not size:
            return b""
        try:
            data = self._response.read1(size)
        except TimeoutError as error:
            raise Trouble("silence", error) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Trouble("cut", error) from error
        left = self._response.length
        if not data and left:
            raise Trouble("cut", http.client.IncompleteRead(b"", left))
        if left == 0 or not data:
            self._end()
        return data

    def close(self) -> None:
        """Give it up; the connection is used again only where it is at its end."""
        if self._put_back is not None:
            self._put_back = None
            self._response.close()
            self._connection.close()

    def _end(self) -> None:
        """All is read: the connection is free."""
        put_back, self._put_back = self._put_back, None
        self._response.close()
        if self._response.will_close or self._connection.sock is None:
            self._connection.close()
        elif put_back:
            put_back()


def _is_over(sock: socket.socket | None) -> bool:
    """Whether a connection that should be silent is closed, or says something that nobody asked for."""
    if sock is None:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])
