"""How the proxy hands a request on and its answer back, piece by piece, as far as a fault lets it."""

import http.client
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.fakes.proxy import Fault, Passed, Value

PIECE: Final = 64 * 1024
_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "proxy-connection"})


class BrokenError(Exception):
    """The connection to the client is to be cut now."""


def hand_on(
    handler: BaseHTTPRequestHandler, upstream: http.client.HTTPConnection, passed: "Passed", fault: "Fault"
) -> None:
    """Hand a request on and its answer back, as far as the fault lets it."""
    body = _counted(_body(handler), passed)
    if fault.act and fault.when == "before":
        fault.act(passed)
    if fault.breaks == "before":
        raise BrokenError
    if fault.raw:
        handler.wfile.write(fault.raw)
        handler.close_connection = True
        return
    if fault.status and not fault.passed:
        for _ in body:
            pass
        _own_answer(handler, passed, fault)
        return
    answer = _asked(handler, upstream, body, fault)
    passed.status = answer.status
    if fault.act and fault.when == "after":
        fault.act(passed)
    if fault.breaks == "after":
        answer.read()
        raise BrokenError
    if fault.status:
        answer.read()
        _own_answer(handler, passed, fault)
        return
    _answer(handler, answer, passed, fault)
    handler.close_connection |= fault.hangs_up


def _body(handler: BaseHTTPRequestHandler) -> Iterator[bytes]:
    """The pieces of a request's body as they come."""
    if "chunked" in handler.headers.get("Transfer-Encoding", "").lower():
        while size := int(handler.rfile.readline().partition(b";")[0], 16):
            yield handler.rfile.read(size)
            handler.rfile.readline()
        while handler.rfile.readline().strip():
            pass
        return
    left = int(handler.headers.get("Content-Length") or 0)
    while left:
        data = handler.rfile.read1(min(left, PIECE))  # type: ignore[attr-defined] # a BufferedReader
        if not data:
            raise BrokenError
        left -= len(data)
        yield data


def _counted(pieces: Iterator[bytes], passed: "Passed") -> Iterator[bytes]:
    for data in pieces:
        passed.size += len(data)
        yield data


def _asked(
    handler: BaseHTTPRequestHandler,
    upstream: http.client.HTTPConnection,
    body: Iterator[bytes],
    fault: "Fault",
) -> http.client.HTTPResponse:
    """What the registry answers to the request."""
    upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
    for name, value in handler.headers.items():
        if name.lower() not in _HOP | {"expect"} | fault.forgets:
            upstream.putheader(name, value)
    chunked = "chunked" in handler.headers.get("Transfer-Encoding", "").lower()
    if chunked:
        upstream.putheader("Transfer-Encoding", "chunked")
    upstream.endheaders()
    place = 0
    for piece in body:
        data = fault.sent(place, piece) if fault.sent else piece
        if fault.breaks == "request":
            data = data[: max(0, fault.at - place)]
        upstream.send(b"%x\r\n%b\r\n" % (len(data), data) if chunked and data else data)
        place += len(piece)
        if fault.breaks == "request" and place >= fault.at:
            raise BrokenError
    if chunked:
        upstream.send(b"0\r\n\r\n")
    if fault.breaks == "request":
        raise BrokenError
    return upstream.getresponse()


def _own_answer(handler: BaseHTTPRequestHandler, passed: "Passed", fault: "Fault") -> None:
    headers = [("Content-Length", f"{len(fault.body)}"), *_changed(fault.headers, None)]
    _head(handler, passed, fault.status, headers)
    if handler.command != "HEAD":
        handler.wfile.write(fault.body)


def _answer(
    handler: BaseHTTPRequestHandler, answer: http.client.HTTPResponse, passed: "Passed", fault: "Fault"
) -> None:
    """Hand the registry's answer to the client."""
    changed = {name.lower() for name in fault.headers} | _HOP
    headers: list[tuple[str, str | None]] = [
        (name, value) for name, value in answer.getheaders() if name.lower() not in changed
    ]
    empty = handler.command == "HEAD" or answer.status in {204, 304}
    chunked = not empty and answer.length is None
    headers += _changed(fault.headers, answer)
    headers.append(("Transfer-Encoding", "chunked" if chunked else None))
    _head(handler, passed, fault.restated or answer.status, headers)
    place = 0
    while not empty and (piece := answer.read1(PIECE)):
        data = fault.received(place, piece) if fault.received else piece
        if fault.breaks == "answer":
            data = data[: max(0, fault.at - place)]
        passed.sent = time.monotonic()
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked and data else data)
        place += len(piece)
        if fault.breaks == "answer" and place >= fault.at:
            break
    if fault.breaks == "answer":
        raise BrokenError
    # The connection to the registry is free again only when this one is at its end.
    answer.read()
    if chunked:
        handler.wfile.write(b"0\r\n\r\n")


def _changed(
    headers: "Mapping[str, Value]", answer: http.client.HTTPResponse | None
) -> Iterator[tuple[str, str | None]]:
    for name, value in headers.items():
        old = answer.getheader(name, "") if answer else ""
        yield name, value(old) if callable(value) else value


def _head(
    handler: BaseHTTPRequestHandler, passed: "Passed", code: int, headers: Iterable[tuple[str, str | None]]
) -> None:
    passed.answered, passed.sent = code, time.monotonic()
    handler.send_response_only(code)
    for name, value in headers:
        if value is not None:
            handler.send_header(name, value)
    handler.end_headers()


def cut(handler: Any) -> None:
    """Close with RST: the client learns that something broke, not that this is the end."""
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
