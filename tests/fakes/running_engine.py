"""A Docker Engine that runs containers, and answers what it is told to: for machines that are not here.

The answers have the shape that engine 29 on Windows Server gives (moby/moby:api/swagger.yaml).
"""

import io
import json
import tarfile
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from docker.api.client import APIClient

from tests.fakes.engine_socket import VERSION, EngineHandler, listening

WINDOWS = {
    "OSType": "windows",
    "Architecture": "x86_64",
    "OperatingSystem": "Microsoft Windows Server Version 24H2 (OS Build 26100.33296)",
    "KernelVersion": "10.0 26100 (26100.1.amd64fre.ge_release.240331-1435)",
}


@dataclass
class RunningEngine:
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
        engine = self

        class Handler(EngineHandler):
            def answer(self) -> None:
                engine.answer(self)

        self._open = ExitStack()
        path = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="buildtools-"))) / "s"
        self._open.enter_context(listening(path, Handler))
        self.host = f"unix://{path}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def connect(self) -> APIClient:
        """A connection to it."""
        return APIClient(base_url=self.host, version="auto", timeout=20)

    def answer(self, handler: EngineHandler) -> None:
        """Answer one request."""
        body = handler.body()
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
        if name == "POST exec/e1/start" and status == 200:
            handler.stream(document)
        else:
            handler.reply(document, status)

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
        if name == "POST containers/c1/exec":
            return 201, {"Id": "e1"}
        if name == "POST exec/e1/start":
            return 200, ver(self.seen.get("OsVersion", ""))
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


def ver(version: str) -> bytes:
    """What `cmd /c ver` prints, framed as an engine sends it."""
    text = f"\r\nMicrosoft Windows [Version {version}]\r\n".encode()
    return b"\x01\0\0\0" + len(text).to_bytes(4, "big") + text
