"""GitHub's REST API on loopback, over real HTTP: repositories with releases and tags, and what goes wrong.

Shapes are those of github/docs:content/rest; what it was asked is kept with the headers.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


@dataclass(kw_only=True)
class Repository:
    """Tags with their commits, the times of releases, and tags that are objects of their own."""

    tags: dict[str, str] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    annotated: dict[str, str] = field(default_factory=dict)
    previews: frozenset[str] = frozenset()
    committed: str = "2026-01-01T00:00:00Z"


class FakeGitHub:
    """A context manager; `broken` may answer in the API's place, `page` is how much a page holds."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.broken: Callable[[str], Answer | None] = lambda _: None
        self.page = 100
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fake.asked.append((self.path, dict(self.headers)))
                status, headers, body = fake.broken(self.path) or fake.answer(self.path)
                self.send_response_only(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """What GITHUB_API_URL is set to."""
        return f"http://{self.host}/api/v3"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, target: str) -> Answer:
        """What the API says."""
        parts = urlsplit(target)
        path = parts.path.removeprefix("/api/v3/repos/")
        name, rest = "/".join(path.split("/")[:2]), path.split("/")[2:]
        if new := self.moved.get(name):
            return 301, {"Location": f"{self.url}/repos/{'/'.join([new, *rest])}"}, b"{}"
        if not (one := self.repositories.get(name)):
            return _json(404, {"message": "Not Found"})
        match rest:
            case []:
                return _json(200, {"full_name": name, "private": False})
            case ["releases"]:
                found = [self._release(one, tag, when) for tag, when in one.releases.items()]
                return self._paged(target, found, int(parse_qs(parts.query).get("page", ["1"])[0]))
            case ["git", *kind]:
                return self._git(target, one, kind)
        return _json(404, {"message": "Not Found"})

    def _git(self, target: str, one: Repository, kind: list[str]) -> Answer:
        match kind:
            case ["matching-refs", "tags", ""]:
                return self._paged(target, [_reference(one, tag) for tag in one.tags], 1)
            case ["ref", "tags", tag] if tag in one.tags:
                return _json(200, _reference(one, tag))
            case ["tags", sha] if sha in one.annotated:
                made = {"sha": one.annotated[sha], "type": "commit"}
                return _json(200, {"object": made, "tagger": {"date": "2026-02-01T00:00:00Z"}})
            case ["commits", _]:
                return _json(200, {"committer": {"date": one.committed}})
        return _json(404, {"message": "Not Found"})

    def _paged(self, target: str, rows: list[Any], number: int) -> Answer:
        status, headers, body = _json(200, rows[(number - 1) * self.page : number * self.page])
        if number * self.page < len(rows):
            base = f"http://{self.host}{urlsplit(target).path}"
            headers["Link"] = (
                f'<{base}?per_page=100&page={number + 1}>; rel="next", <{base}?page=9>; rel="last"'
            )
        return status, headers, body

    @staticmethod
    def _release(one: Repository, tag: str, when: str) -> dict[str, Any]:
        return {"tag_name": tag, "published_at": when, "draft": False, "prerelease": tag in one.previews}


def _reference(one: Repository, tag: str) -> dict[str, Any]:
    sha = one.tags[tag]
    kind = "tag" if sha in one.annotated else "commit"
    return {"ref": f"refs/tags/{tag}", "object": {"sha": sha, "type": kind}}


def _json(status: int, document: Any) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()
