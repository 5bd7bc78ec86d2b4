"""A registry inside the test's own process that can misbehave in any way a rule says.

It is the product's throw-away registry with repositories in memory: every answer is first made as that makes
it, then each rule that matches the request may change it.
"""

import base64
import io
import itertools
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import digest_of
from buildtools.throwaway.api import Api
from buildtools.throwaway.server import Handler, Server
from tests.fakes.answers import Response, send
from tests.fakes.uploads import MemoryShelf, OddUploads

_ROUTE = re.compile(r"/v2/(?P<name>.+?)/(?:manifests|blobs|tags|referrers)/.*")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    size: int = 0

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
    """A fault for requests whose line (`GET /v2/…`) the pattern finds: `times` of them, after `skip`.

    With `before` the registry does nothing of what was asked for; else it has done all of it when the answer
    is changed. `takes` breaks the connection after so many bytes of the request's body, which are kept.
    """

    pattern: str
    fault: Fault
    times: int = 1
    skip: int = 0
    before: bool = False
    takes: int | None = None

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
    """The server: a context manager. `host` is where it listens, `seen` what it was asked.

    `latency` is how many seconds each answer takes, and twice as many each connection. `referrers` is
    whether it has the referrers API.
    """

    def __init__(
        self,
        *,
        login: Login | None = None,
        rules: Iterable[Rule] = (),
        tls: ssl.SSLContext | None = None,
        referrers: bool = True,
        latency: float = 0,
    ) -> None:
        self.login = login
        self.rules = list(rules)
        self.latency = latency
        self.seen: list[Seen] = []
        self.tokens: dict[str, int] = {}
        self.repositories: dict[str, MemoryShelf] = {}
        self.api = Api(found=self.repositories.get, made=self.repository, referrers=referrers)
        self.uploads = OddUploads(
            made=self.repository, found=self.repositories.get, changing=self.api.changing
        )
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = Server(self.api.answer, self._handler())
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def uploads(self) -> OddUploads:
        """The sessions."""
        uploads = self.api.uploads
        assert isinstance(uploads, OddUploads)
        return uploads

    @uploads.setter
    def uploads(self, uploads: OddUploads) -> None:
        self.api.uploads = uploads

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        """Host and port."""
        return self._server.host

    @property
    def connections(self) -> int:
        """How many connections clients have opened."""
        return self._server.connections

    def repository(self, name: str) -> MemoryShelf:
        """The content of a repository, to be seeded and looked at."""
        return self.repositories.setdefault(name, MemoryShelf(name))

    def put_blob(self, name: str, data: bytes) -> None:
        """Seed a blob."""
        self.repository(name).blobs[digest_of(data)] = data

    def put_manifest(self, name: str, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Seed a manifest."""
        return self.repository(name).put_manifest(raw, media_type, tag=tag)

    def lines(self) -> list[str]:
        """The request lines so far."""
        return [seen.line for seen in self.seen]

    def noted(self, seen: Seen) -> list[Rule]:
        """Take note of a request; returns the rules for it."""
        with self._lock:
            self.seen.append(seen)
            return [rule for rule in self.rules if rule.applies(seen)]

    def answer(self, seen: Seen, data: bytes, rules: Iterable[Rule]) -> Response:
        """The response to a request, faults included."""
        with self._lock:
            parts = urlsplit(seen.target)
            if any(rule.before for rule in rules):
                response = Response()
            else:
                refused = self._refused(seen, parts.path, parts.query)
                response = refused or self._routed(seen, parts.path, parts.query, data)
        for rule in rules:
            response = rule.fault(response)
        return response

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

    def _routed(self, seen: Seen, path: str, query: str, data: bytes) -> Response:
        if path == "/token":
            return self._token(seen, query, data)
        headers = {**seen.headers, "content-length": str(seen.size)}
        return Response.of(self.api.answer(seen.method, seen.target, headers, io.BytesIO(data)))

    def _refused(self, seen: Seen, path: str, query: str) -> Response | None:
        if self.login is None or path == "/token":
            return None
        scheme, _, value = seen.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and self.tokens.get(value, 0) > 0:
            self.tokens[value] -= 1
            return None
        if scheme == "Basic" and "basic" in self.login.schemes and self._knows(value):
            return None
        match = _ROUTE.fullmatch(path)
        actions = "pull" if seen.method in {"GET", "HEAD"} else "pull,push"
        scope = self.login.wanted or f"repository:{match['name'] if match else ''}:{actions}"
        scope += "".join(f" repository:{name}:pull" for name in parse_qs(query).get("from", []))
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

    def _handler(self) -> type[Handler]:
        registry = self

        class Faulty(Handler):
            def setup(self) -> None:
                super().setup()
                time.sleep(2 * registry.latency)

            def do_GET(self) -> None:  # noqa: N802 - http.server's name
                size = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                # A client behind a proxy sends the whole URL; its path is what counts here.
                target = re.sub(r"^https?://[^/]+", "", self.path)
                seen = Seen(method=self.command, target=target, headers=headers, size=size)
                rules = registry.noted(seen)
                takes = min((rule.takes for rule in rules if rule.takes is not None), default=size)
                data = self.rfile.read(takes)
                time.sleep(registry.latency)
                response = registry.answer(seen, data, rules)
                send(self, response if takes == size else reset()(response))

            do_HEAD = do_GET  # noqa: N815 - http.server's name
            do_POST = do_GET  # noqa: N815 - http.server's name
            do_PUT = do_GET  # noqa: N815 - http.server's name
            do_PATCH = do_GET  # noqa: N815 - http.server's name
            do_DELETE = do_GET  # noqa: N815 - http.server's name

        return Faulty
