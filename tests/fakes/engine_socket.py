"""What fake Docker Engines share: HTTP on a socket, bodies with and without a length, answers as JSON."""

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

VERSION = {"ApiVersion": "1.45", "MinAPIVersion": "1.24"}
"""What an engine answers first, so that its client speaks a version that both know."""


class EngineHandler(BaseHTTPRequestHandler, ABC):
    """One connection; who inherits says what is answered."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer any request."""
        self.answer()

    do_POST = do_DELETE = do_GET  # noqa: N815 - http.server asks for these names

    @abstractmethod
    def answer(self) -> None:
        """Answer this request."""

    def body(self) -> bytes:
        """All that was sent with the request."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def stream(self, data: bytes) -> None:
        """Send what a call in a container prints, and hang up."""
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.raw-stream")
        self.end_headers()
        # The client reads past its own buffer: what comes along with the headers is lost to it.
        time.sleep(0.1)
        self.wfile.write(data)
        self.close_connection = True

    def reply(self, document: Any, status: int = 200) -> None:
        """Answer with a document, or with bytes as they are; 204 has neither."""
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        data = b"" if status == 204 else data
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        """Clients of such a socket have no address."""
        return ""


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients of these tests go away on purpose."""


@contextmanager
def listening(socket: Path, handler: type[EngineHandler]) -> Iterator[None]:
    """Answer at the socket while the block runs."""
    with _Server(str(socket), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
