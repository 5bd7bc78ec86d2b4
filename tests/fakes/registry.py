"""A registry inside the test's own process that can misbehave in any way a rule says.

It speaks the distribution API over real sockets on a loopback port. Every answer is first made as the
specification wants it, then each rule that matches the request may change it.
"""

import base64
import itertools
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import digest_of
from buildtools.stores.base import NotFoundError
from buildtools.stores.memory import MemoryStore

_ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<identifier>[^/]+)")


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


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def line(self) -> str:
        """`GET /v2/app/manifests/1`."""
        return f"{self.method} {self.target}"


Fault = Callable[[Response], Response]


def status(code: int, *, body: bytes = b"", **headers: str) -> Fault:
    """Answer with this status instead; `Retry_After` names the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Response(status=code, headers=named, body=body)


def errors(code: int, name: str, message: str) -> Fault:
    """Answer with this status and the specification's error document."""
    body = json.dumps({"errors": [{"code": name, "message": message}]}).encode()
    return status(code, body=body, Content_Type="application/json")


def reset() -> Fault:
    """Break the connection instead of answering."""
    return lambda response: replace(response, reset=True, sent=None)


def cut(after: int) -> Fault:
    """Send all headers and so many bytes of the body, then break the connection."""
    return lambda response: replace(response, sent=after)


def pieces(size: int) -> Fault:
    """Send the body in pieces, so that the client gets them one by one."""
    return lambda response: replace(response, pieces=size)


def whole(data: bytes) -> Fault:
    """Send all of a blob, whatever range was asked for."""
    return lambda _: Response(body=data)


def body(data: bytes) -> Fault:
    """Send this body, with the same headers but for its length."""
    return lambda response: replace(
        response, body=data, headers={**response.headers, "Content-Length": str(len(data))}
    )


def header(name: str, value: str | None) -> Fault:
    """Send this header, or leave it out."""
    return lambda response: replace(
        response,
        headers={
            **{key: text for key, text in response.headers.items() if key != name},
            **({} if value is None else {name: value}),
        },
    )


def redirect(url: str) -> Fault:
    """Send the client elsewhere."""
    return status(307, Location=url)


@dataclass(kw_only=True)
class Rule:
    """A fault for requests whose line (`GET /v2/…`) the pattern finds: `times` of them, after `skip`."""

    pattern: str
    fault: Fault
    times: int = 1
    skip: int = 0

    def applies(self, seen: Seen) -> bool:
        """Whether this request is one of them; counts it."""
        if not re.search(self.pattern, seen.line):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0


ALWAYS = 1_000_000


@dataclass(kw_only=True)
class Login:
    """How the registry asks for a log-in.

    `uses` is how many requests a token is good for, `realm` another token service than its own, `wanted`
    the scope in the challenge in place of the request's.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = True
    schemes: tuple[str, ...] = ("bearer",)
    uses: int = ALWAYS
    expires_in: int | None = 300
    realm: str = ""
    wanted: str = ""
    oauth: bool = True
    refresh_tokens: tuple[str, ...] = ()


class FakeRegistry:
    """The server: a context manager. `host` is where it listens, `seen` what it was asked."""

    def __init__(
        self, *, login: Login | None = None, rules: Iterable[Rule] = (), tls: ssl.SSLContext | None = None
    ) -> None:
        self.login = login
        self.rules = list(rules)
        self.seen: list[Seen] = []
        self.tokens: dict[str, int] = {}
        self.repositories: dict[str, MemoryStore] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections clients have opened."""
        return self._server.connections

    def repository(self, name: str) -> MemoryStore:
        """The content of a repository, to be seeded and looked at."""
        return self.repositories.setdefault(name, MemoryStore(name))

    def put_blob(self, name: str, data: bytes) -> None:
        """Seed a blob."""
        self.repository(name).blobs[digest_of(data)] = data

    def put_manifest(self, name: str, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Seed a manifest."""
        return self.repository(name).put_manifest(raw, media_type, tag=tag)

    def lines(self) -> list[str]:
        """The request lines so far."""
        return [seen.line for seen in self.seen]

    def answer(self, seen: Seen, data: bytes) -> Response:
        """The response to a request, faults included."""
        with self._lock:
            self.seen.append(seen)
            parts = urlsplit(seen.target)
            response = self._refused(seen, parts.path) or self._routed(seen, parts.path, parts.query, data)
            for rule in self.rules:
                if rule.applies(seen):
                    response = rule.fault(response)
        return response

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

    def _routed(self, seen: Seen, path: str, query: str, data: bytes) -> Response:
        if path == "/token":
            return self._token(seen, query, data)
        match = _ROUTE.fullmatch(path)
        if not match or seen.method not in {"GET", "HEAD"}:
            return errors(404, "NOT_FOUND", "no such page")(Response())
        store = self.repositories.get(match["name"])
        if store is None:
            return errors(404, "NAME_UNKNOWN", "repository name not known to registry")(Response())
        reader = {"manifests": _manifest, "blobs": _blob}[match["kind"]]
        return reader(store, match["identifier"], seen.headers)

    def _refused(self, seen: Seen, path: str) -> Response | None:
        if self.login is None or path == "/token":
            return None
        scheme, _, value = seen.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and self.tokens.get(value, 0) > 0:
            self.tokens[value] -= 1
            return None
        if scheme == "Basic" and "basic" in self.login.schemes and self._knows(value):
            return None
        match = _ROUTE.fullmatch(path)
        scope = self.login.wanted or f"repository:{match['name'] if match else ''}:pull"
        realm = self.login.realm or f"http://{self.host}/token"
        offers = {
            "bearer": f'Bearer realm="{realm}",service="fake",scope="{scope}"',
            "basic": 'Basic realm="fake"',
            "negotiate": "Negotiate",
        }
        return replace(
            errors(401, "UNAUTHORIZED", "authentication required")(Response()),
            challenges=tuple(offers[scheme] for scheme in self.login.schemes),
        )

    def _token(self, seen: Seen, query: str, data: bytes) -> Response:
        login = self.login or Login()
        _, _, value = seen.headers.get("authorization", "").partition(" ")
        if seen.method == "POST":
            if not login.oauth:
                return Response(status=404)
            form = parse_qs(data.decode())
            allowed = form["refresh_token"][0] in login.refresh_tokens
        else:
            allowed = self._knows(value) if value else login.anonymous
        if not allowed:
            return errors(401, "UNAUTHORIZED", "incorrect username or password")(Response())
        token = f"token-{next(self._numbers)}-of-the-fake-registry"
        self.tokens[token] = login.uses
        document: dict[str, Any] = {"token": token}
        if login.expires_in is not None:
            document["expires_in"] = login.expires_in
        return Response(body=json.dumps(document).encode(), headers={"Content-Type": "application/json"})

    def _knows(self, value: str) -> bool:
        name, _, password = base64.b64decode(value).decode().partition(":")
        return self.login is not None and self.login.users.get(name) == password

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                """Tests read `seen`."""

            def do_GET(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                # A client behind a proxy sends the whole URL; its path is what counts here.
                target = re.sub(r"^https?://[^/]+", "", self.path)
                seen = Seen(method=self.command, target=target, headers=headers)
                _send(self, registry.answer(seen, data))

            do_HEAD = do_GET  # noqa: N815 - http.server's name
            do_POST = do_GET  # noqa: N815 - http.server's name

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    connections = 0

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no failure of a test."""


def _manifest(store: MemoryStore, identifier: str, headers: Mapping[str, str]) -> Response:
    try:
        descriptor, raw = store.get_manifest(identifier)
    except NotFoundError:
        return errors(404, "MANIFEST_UNKNOWN", "manifest unknown")(Response())
    return Response(
        headers={
            "Content-Type": descriptor.media_type,
            "Docker-Content-Digest": descriptor.digest,
            "Content-Length": str(len(raw)),
        },
        body=raw,
    )


def _blob(store: MemoryStore, identifier: str, headers: Mapping[str, str]) -> Response:
    data = {str(digest): data for digest, data in store.blobs.items()}.get(identifier)
    if data is None:
        return errors(404, "BLOB_UNKNOWN", "blob unknown to registry")(Response())
    about = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": identifier}
    asked = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
    if not asked:
        return Response(headers={**about, "Content-Length": str(len(data))}, body=data)
    start = int(asked[1])
    part = data[start:]
    place = f"bytes {start}-{len(data) - 1}/{len(data)}"
    return Response(
        status=206,
        headers={**about, "Content-Length": str(len(part)), "Content-Range": place},
        body=part,
    )


def _send(handler: BaseHTTPRequestHandler, response: Response) -> None:
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
