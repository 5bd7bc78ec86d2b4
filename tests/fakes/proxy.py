"""A proxy on loopback in front of a real registry: it breaks what its rules say, and counts all that passes.

It speaks HTTP/1.1 with a thread a connection, and hands bodies on as they come. A rule finds requests by
their line (`PUT /v2/…`) and does one thing to them, so that each fault has a name; all else passes unchanged.
"""

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Literal, Self

from tests.fakes.relay import BrokenError, cut, hand_on

Value = str | None | Callable[[str], str]
Broken = Literal["", "before", "request", "answer", "after"]
"""Where a connection breaks: before the request is passed on, in its body, the answer's, or in its place."""


@dataclass(kw_only=True)
class Passed:
    """One request: its line and headers, and what became of it. Times are of the monotonic clock.

    `status` is what the registry answered, 0 where it was not asked or could not answer; `answered` what the
    client was sent, `sent` when the last bytes of that were about to go. `met` is the fault that a rule
    chose for it.
    """

    number: int
    method: str
    target: str
    headers: Mapping[str, str]
    connection: int = 0
    size: int = 0
    status: int = 0
    answered: int = 0
    started: float = 0.0
    sent: float = 0.0
    ended: float = 0.0
    met: "Fault | None" = None

    @property
    def line(self) -> str:
        """`GET /v2/app/manifests/1`."""
        return f"{self.method} {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is done to a request.

    With `status` the client gets that answer, in place of the registry's: without `passed` the registry never
    hears of the request. `restated` changes nothing but the real answer's status. `breaks` cuts the
    connection, in a body after `at` bytes. `sent` and `received` change bodies on their way to the registry
    and to the client, byte for byte, `headers` the answer's headers: None takes one out, a function makes the
    new value of the old one. The request's headers in `forgets` are not passed on. `raw` is sent
    as it stands in place of an answer; with `hangs_up` the connection is closed after the answer, without a
    word before. `act` is called `when` the request is passed on or has been answered.
    """

    status: int = 0
    passed: bool = False
    restated: int = 0
    headers: Mapping[str, Value] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    breaks: Broken = ""
    at: int = 0
    sent: Callable[[int, bytes], bytes] | None = None
    received: Callable[[int, bytes], bytes] | None = None
    forgets: frozenset[str] = frozenset()
    raw: bytes = b""
    hangs_up: bool = False
    act: Callable[[Passed], None] | None = None
    when: Literal["before", "after"] = "before"


def status(code: int, *, body: bytes = b"", passed: bool = False, **headers: str) -> Fault:
    """Answer with this; `Retry_After` names the header. With `passed` the registry has done it all."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status=code, body=body, headers=named, passed=passed)


def error(code: int, name: str, *, passed: bool = False) -> Fault:
    """Answer with this status and an error document of the specification."""
    body = f'{{"errors":[{{"code":"{name}","message":"so it is"}}]}}'.encode()
    return status(code, body=body, passed=passed, Content_Type="application/json")


def refused() -> Fault:
    """Break the connection before anything is passed on."""
    return Fault(breaks="before")


def lost() -> Fault:
    """Pass the request on, and break the connection in place of the answer."""
    return Fault(breaks="after")


def cut_request(at: int) -> Fault:
    """Break both connections after so many bytes of the request's body."""
    return Fault(breaks="request", at=at)


def cut_answer(at: int) -> Fault:
    """Break the connection after all headers and so many bytes of the answer's body."""
    return Fault(breaks="answer", at=at)


def header(name: str, value: Value) -> Fault:
    """Change one header of the answer, or take it out."""
    return Fault(headers={name: value})


def redirect(url: str) -> Fault:
    """Send the client elsewhere."""
    return status(307, Location=url)


def flipped(at: int) -> Callable[[int, bytes], bytes]:
    """Change the lowest bit of one byte of a body."""

    def change(start: int, data: bytes) -> bytes:
        place = at - start
        if not 0 <= place < len(data):
            return data
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    return change


@dataclass(kw_only=True)
class Rule:
    """A fault for requests whose line the pattern finds, and `only` agrees: `times` of them, after `skip`."""

    pattern: str
    fault: Fault
    times: int = 1
    skip: int = 0
    only: Callable[[Passed], bool] = field(default=lambda _: True)

    def applies(self, passed: Passed) -> bool:
        """Whether this request is one of them; counts it."""
        if self.times < 1 or not re.search(self.pattern, passed.line) or not self.only(passed):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


ALWAYS: Final = 1_000_000


class Proxy:
    """The proxy in front of `upstream`, which is a host and port; a context manager.

    `latency` is seconds that each request waits before it is passed on, `connecting` that each new connection
    waits before its first request is read.
    """

    def __init__(
        self, upstream: str, *, rules: Iterable[Rule] = (), latency: float = 0.0, connecting: float = 0.0
    ) -> None:
        self.upstream = upstream
        self.rules = list(rules)
        self.latency = latency
        self.connecting = connecting
        self.log: list[Passed] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def reset(self, *rules: Rule) -> None:
        """Wait until nothing is on its way, forget what has passed, and go on with these rules."""
        self.wait_idle()
        with self._changed:
            self.log, self.rules, self.connections = [], list(rules), 0

    def wait_idle(self) -> None:
        """Wait until no request is on its way."""
        with self._changed:
            self._changed.wait_for(lambda: all(passed.ended for passed in self.log), 60)

    def lines(self) -> list[str]:
        """The request lines so far."""
        return [passed.line for passed in self.log]

    def depth(self) -> int:
        """How many requests came one after the other: the fewest round trips that a client has waited for.

        It is the largest number of requests of which none began before another one's end.
        """
        self.wait_idle()
        count, until = 0, 0.0
        # A client may go on before the proxy knows that it has all of an answer.
        for end, start in sorted((passed.sent or passed.ended, passed.started) for passed in self.log):
            if start >= until:
                count, until = count + 1, end
        return count

    def begin(self, handler: BaseHTTPRequestHandler, connection: int) -> tuple[Passed, Fault]:
        """Take note of a request; returns it with the fault that it meets."""
        with self._changed:
            passed = Passed(
                number=len(self.log),
                method=handler.command,
                target=handler.path,
                headers={name.lower(): value for name, value in handler.headers.items()},
                connection=connection,
                started=time.monotonic(),
            )
            self.log.append(passed)
            met = [rule.fault for rule in self.rules if rule.applies(passed)]
            passed.met = met[0] if met else None
        return passed, passed.met or Fault()

    def end(self, passed: Passed) -> None:
        """Take note of a request's end."""
        with self._changed:
            passed.ended = time.monotonic()
            self._changed.notify_all()

    def connected(self) -> int:
        """Take note of a connection; returns its number."""
        with self._changed:
            self.connections += 1
            number = self.connections
        time.sleep(self.connecting)
        return number

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no failure of a test."""


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A client that tries TLS first is told by a status line that this is not it.
        default_request_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.number = proxy.connected()
            self.upstream = http.client.HTTPConnection(proxy.upstream, timeout=60)

        def finish(self) -> None:
            self.upstream.close()
            with suppress(OSError):
                super().finish()

        def log_message(self, *_: object) -> None:
            """Tests read the proxy's log."""

        def do_GET(self) -> None:
            passed, fault = proxy.begin(self, self.number)
            try:
                time.sleep(proxy.latency + fault.delay)
                hand_on(self, self.upstream, passed, fault)
            except (BrokenError, OSError, http.client.HTTPException):
                self.upstream.close()
                cut(self)
            finally:
                proxy.end(passed)

        do_HEAD = do_GET  # noqa: N815 - http.server's name
        do_POST = do_GET  # noqa: N815 - http.server's name
        do_PUT = do_GET  # noqa: N815 - http.server's name
        do_PATCH = do_GET  # noqa: N815 - http.server's name
        do_DELETE = do_GET  # noqa: N815 - http.server's name

    return Handler
