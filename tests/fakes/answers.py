"""What the fake registry answers with, and how that goes over the socket."""

import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Response:
    """What is about to be sent.

    `sent` cuts the body after so many bytes, `reset` breaks the connection, `pieces` sends the body in
    pieces of so many bytes with a pause between them.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    challenges: tuple[str, ...] = ()
    sent: int | None = None
    reset: bool = False
    pieces: int = 0


class Server(ThreadingHTTPServer):
    """Counts the connections that clients open."""

    daemon_threads = True
    connections = 0

    def get_request(self) -> Any:
        """The next connection."""
        self.connections += 1
        return super().get_request()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no failure of a test."""


def send(handler: BaseHTTPRequestHandler, response: Response) -> None:
    """Send a response, as badly as it says."""
    with suppress(ConnectionError):
        if response.reset:
            _break(handler)
            return
        handler.send_response_only(response.status)
        for name, value in {"Content-Length": str(len(response.body)), **response.headers}.items():
            handler.send_header(name, value)
        for challenge in response.challenges:
            handler.send_header("WWW-Authenticate", challenge)
        handler.end_headers()
        if handler.command == "HEAD":
            return
        data = response.body[: response.sent]
        for start in range(0, len(data), response.pieces or len(data) or 1):
            handler.wfile.write(data[start : start + (response.pieces or len(data))])
            handler.wfile.flush()
            time.sleep(0.02 if response.pieces else 0)
        if response.sent is not None:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True


def _break(handler: BaseHTTPRequestHandler) -> None:
    """Close with RST: the client learns that something broke, not that this is the end."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True
