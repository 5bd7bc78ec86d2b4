"""The throw-away registry as a server on a loopback port, and HTTP as it needs it.

Nothing is asked of who comes: it listens on 127.0.0.1 only and lives as long as its `with`.
"""

import io
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Protocol, Self, cast

from buildtools.stores.disk import explained
from buildtools.throwaway.api import Api
from buildtools.throwaway.replies import Part, Refused, Reply
from buildtools.throwaway.shelves import Shelves

_PIECE: Final = 1024 * 1024
_IDLE_SECONDS: Final = 300
_POLL_SECONDS: Final = 0.01


class ThrowAway:
    """A registry that keeps blobs as files in `folder`, which must exist; a context manager.

    `host` is what its images' names begin with, `referrers` whether it has the referrers API. It holds
    nothing when it begins, and closes all connections when it ends. The folder belongs to the caller.
    Without a `port` a free one is taken; raises OSError for one that is not free.
    """

    def __init__(self, folder: Path, *, referrers: bool = True, port: int = 0) -> None:
        shelves = Shelves(folder)
        self._folder = folder
        self._api = Api(found=shelves.get, made=shelves.made, referrers=referrers)
        self._server = Server(self._answer, port=port)

    @property
    def host(self) -> str:
        """Host and port, such as `127.0.0.1:40123`."""
        return self._server.host

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._api.uploads.close()

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: BinaryIO) -> Reply:
        try:
            return self._api.answer(method, target, headers, body)
        except ConnectionError:
            raise
        except OSError as error:
            return Refused(500, "UNKNOWN", explained(error, self._folder, "written").message).reply


class Answering(Protocol):
    """Makes the reply to a request, as `Api.answer` does."""

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: BinaryIO, /) -> Reply:
        """`target` is path and query, `headers` are by lower-case names."""


class Server(ThreadingHTTPServer):
    """A thread a connection on a loopback port, any free one for 0; `stop` closes what is still open."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self, answering: Answering, handler: "type[Handler] | None" = None, *, port: int = 0
    ) -> None:
        super().__init__(("127.0.0.1", port), handler or Handler)
        self.answering = answering
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; returns when every thread has ended."""
        self.shutdown()
        self._thread.join()
        with self._guard:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def get_request(self) -> Any:
        """The next connection."""
        connection, address = super().get_request()
        self.connections += 1
        with self._guard:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """A client that hangs up concerns nobody."""


class Handler(BaseHTTPRequestHandler):
    """One connection: requests with bodies of a known length or in chunks, each read to its end."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    wbufsize = 64 * 1024

    def log_message(self, *_: object) -> None:
        """Nobody reads a log of it."""

    def handle_expect_100(self) -> bool:
        """Let a client go on that asks first; it waits for this."""
        told = super().handle_expect_100()
        self.wfile.flush()
        return told

    def do_GET(self) -> None:
        """Answer any request."""
        body = self.request_body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        answering = cast("Server", self.server).answering
        try:
            reply = answering(self.command, self.path, headers, cast("BinaryIO", body))
            while body.read(_PIECE):
                pass
            self.send(reply)
        except ConnectionError:
            self.close_connection = True

    def request_body(self) -> "_Sized | _Chunked":
        """What the request carries."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return _Chunked(self.rfile)
        length = self.headers.get("Content-Length", "")
        return _Sized(self.rfile, int(length) if length.isascii() and length.isdigit() else 0)

    def send(self, reply: Reply) -> None:
        """Send a reply."""
        self.send_response_only(reply.status)
        # 204 has no body, and so no length either (RFC 9110, 8.6).
        length = {} if reply.status == 204 else {"Content-Length": str(reply.size)}
        for name, value in {**length, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(reply.body)
        self.wfile.flush()

    def _send_body(self, body: bytes | Part) -> None:
        if isinstance(body, bytes):
            self.wfile.write(body)
            return
        with body.open() as file:
            file.seek(body.start)
            left = body.size
            while left and (data := file.read(min(_PIECE, left))):
                self.wfile.write(data)
                left -= len(data)
        if left:
            # The length was promised: only a broken connection tells that this is not all.
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - http.server's name
    do_POST = do_GET  # noqa: N815 - http.server's name
    do_PUT = do_GET  # noqa: N815 - http.server's name
    do_PATCH = do_GET  # noqa: N815 - http.server's name
    do_DELETE = do_GET  # noqa: N815 - http.server's name


class _Sized:
    """A body of a known length; raises ConnectionError when the connection ends before."""

    def __init__(self, source: io.BufferedIOBase, size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._source.read(wanted) if wanted else b""
        if len(data) < wanted and not data:
            raise ConnectionError
        self._left -= len(data)
        return data


class _Chunked:
    """A body in chunks (RFC 9112, 7.1); raises ConnectionError when the connection ends before."""

    def __init__(self, source: io.BufferedIOBase) -> None:
        self._source = source
        self._left = 0
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        parts: list[bytes] = []
        wanted = size
        while wanted and not self._ended:
            if not self._left and not self._next():
                break
            data = self._source.read(self._left if wanted < 0 else min(wanted, self._left))
            if not data:
                raise ConnectionError
            self._left -= len(data)
            wanted -= len(data) if wanted > 0 else 0
            parts.append(data)
            if not self._left:
                self._source.readline()
        return b"".join(parts)

    def _next(self) -> bool:
        """Begin the next chunk; False at the end, after the trailers."""
        line = self._source.readline(100)
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            raise ConnectionError from None
        if not self._left:
            while self._source.readline(10_000).strip():
                pass
            self._ended = True
        return not self._ended
