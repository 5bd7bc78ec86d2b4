"""A Docker Engine on a socket that answers what it is told to: for machines that are not here.

The answers have the shape that engine 29 on Windows Server gives (moby/moby:api/swagger.yaml).
"""

import io
import json
import socketserver
import tarfile
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from docker.api.client import APIClient

VERSION = {"ApiVersion": "1.45", "MinAPIVersion": "1.24"}
WINDOWS = {
    "OSType": "windows",
    "Architecture": "x86_64",
    "OperatingSystem": "Microsoft Windows Server Version 24H2 (OS Build 26100.33296)",
    "KernelVersion": "10.0 26100 (26100.1.amd64fre.ge_release.240331-1435)",
}


@dataclass
class FakeEngine:
    """One engine; `info` is what it says of its machine, `answers` replaces what it says to a request.

    An answer is a status and a document, by the method and the end of the path. `endpoint` is the address
    that its containers have, `ends` the exit code that a signal ends one with.
    """

    info: dict[str, Any] = field(default_factory=lambda: dict(WINDOWS))
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    networks: tuple[str, ...] = ("nat",)
    endpoint: str = "127.0.0.1"
    ends: int = 0
    seen: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    code: int | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="buildtools-")
        path = str(Path(self._folder.name) / "s")
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                engine.answer(self)

            do_POST = do_DELETE = do_GET  # noqa: N815 - http.server asks for these names

            def log_message(self, *_args: Any) -> None:
                pass

            def address_string(self) -> str:
                return ""

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self._server = Server(path, Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.host = f"unix://{path}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def connect(self) -> APIClient:
        """A connection to it."""
        return APIClient(base_url=self.host, version="auto", timeout=20)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = _body(handler)
        place = urlsplit(unquote(handler.path))
        path = "/".join(part for part in place.path.split("/") if part and not part.startswith("v1."))
        name = f"{handler.command} {path}"
        self.asked.append(f"{name}?{place.query}" if place.query else name)
        status, document = next(
            (
                told
                for end, told in self.answers.items()
                if name.startswith(end.split(" ")[0]) and path.endswith(end.split(" ")[1])
            ),
            (0, None),
        )
        if not status:
            status, document = self._usual(name, body)
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "0" if status == 204 else str(len(data)))
        handler.end_headers()
        if status != 204:
            handler.wfile.write(data)

    def _usual(self, name: str, body: bytes) -> tuple[int, Any]:
        fixed = {
            "GET version": VERSION,
            "GET info": self.info,
            "GET networks": [{"Name": one} for one in self.networks],
            "GET containers/c1/json": self._container(),
            "GET containers/c1/logs": b"\x01\0\0\0\0\0\0\x0aone\r\ntwo\r\n",
        }
        if name in fixed:
            return 200, fixed[name]
        if name == "POST images/load":
            return 200, self._load(body)
        if name == "POST containers/create":
            self.created.append(json.loads(body))
            return 201, {"Id": "c1", "Warnings": []}
        if name.endswith("/kill"):
            self.code = self.ends
        image = " images/" in name
        return (200, self.seen if name.startswith("GET") else []) if image else (204, None)

    def _load(self, body: bytes) -> dict[str, str]:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            saved = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type] # it is a file
            self.loaded += archive.getnames()
        return {"stream": f"Loaded image: {saved[0]['RepoTags'][0]}\n"}

    def _container(self) -> dict[str, Any]:
        networks = {"nat": {"IPAddress": self.endpoint}}
        return {
            "Config": {"Tty": False},
            "State": {"Running": self.code is None, "ExitCode": self.code or 0},
            "NetworkSettings": {"Networks": networks, "Ports": {}},
        }


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = []
    while size := int(handler.rfile.readline(), 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)
