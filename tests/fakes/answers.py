"""What the fake registry answers with, and how badly that goes over the socket."""

import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from buildtools.throwaway.replies import Part, Reply
from buildtools.throwaway.server import Handler


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

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """A reply of the real thing, its body read so that faults can change it."""
        body = reply.body
        if isinstance(body, Part):
            with body.open() as file:
                file.seek(body.start)
                body = file.read(body.size)
        return cls(
            status=reply.status, headers={"Content-Length": str(len(body)), **reply.headers}, body=body
        )


def send(handler: Handler, response: Response) -> None:
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
        handler.wfile.flush()
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


def _break(handler: Handler) -> None:
    """Close with RST: the client learns that something broke, not that this is the end."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True
