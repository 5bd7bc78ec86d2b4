"""Debian's docker-registry, started on a free loopback port for a test."""

import http.client
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import digest_of

_CONFIG = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: "{storage}"}}
  delete: {{enabled: true}}
http: {{addr: "{host}"{tls}}}
"""
_TLS = ', tls: {{certificate: "{certificate}", key: "{key}"}}'
_AUTH = 'auth: {{htpasswd: {{realm: tests, path: "{path}"}}}}\n'
_START_SECONDS = 30


class DockerRegistry:
    """The process, its content in `folder`; a context manager.

    `htpasswd` are lines `name:bcrypt` of those who may use it, everybody where it is empty. `tls` is a file
    of a certificate with its chain and one of its key.
    """

    def __init__(
        self, program: str, folder: Path, *, htpasswd: str = "", tls: tuple[Path, Path] | None = None
    ) -> None:
        self._program = program
        self._folder = folder
        self._htpasswd = htpasswd
        self._tls = tls
        self.host = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def put_blob(self, name: str, data: bytes) -> None:
        """Seed a blob."""
        start = self._ask("POST", f"/v2/{name}/blobs/uploads/", 202)
        parts = urlsplit(start)
        joint = "&" if parts.query else ""
        target = f"{parts.path}?{parts.query}{joint}digest={digest_of(data)}"
        self._ask("PUT", target, 201, data, "application/octet-stream")

    def put_manifest(self, name: str, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Seed a manifest whose children are there."""
        descriptor = Descriptor.of(raw, media_type)
        for identifier in filter(None, (descriptor.digest, tag)):
            self._ask("PUT", f"/v2/{name}/manifests/{identifier}", 201, raw, media_type)
        return descriptor

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "config.yml"
        config.write_text(self._config())
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen([self._program, "serve", str(config)], stdout=log, stderr=log)
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()

    def _config(self) -> str:
        tls = _TLS.format(certificate=self._tls[0], key=self._tls[1]) if self._tls else ""
        text = _CONFIG.format(storage=self._folder / "storage", host=self.host, tls=tls)
        if not self._htpasswd:
            return text
        path = self._folder / "htpasswd"
        path.write_text(self._htpasswd)
        return text + _AUTH.format(path=path)

    def _wait(self) -> None:
        host, port = self.host.split(":")
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=5).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def _ask(self, method: str, target: str, expected: int, data: bytes = b"", kind: str = "") -> str:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, target, body=data, headers={"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == expected, (method, target, answer.status, text)
            return answer.headers.get("Location", "")
        finally:
            connection.close()


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
