"""A Docker Engine that builds, of recorded answers: what no engine on this machine will say or do."""

import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from buildtools.oci.compress import gzip_to
from tests.fakes.engine_socket import VERSION, EngineHandler, listening

LINUX = {"OSType": "linux", "Architecture": "x86_64", "ServerVersion": "28.2.2", "Name": "m", "Isolation": ""}


def windows(build: int, revision: int, **more: Any) -> dict[str, Any]:
    """What an engine on a Windows host of this version says of itself (moby/moby:daemon/info.go)."""
    return {
        "OSType": "windows",
        "Architecture": "x86_64",
        "OSVersion": f"10.0.{build}",
        "OperatingSystem": f"Microsoft Windows Server Version 24H2 (OS Build {build}.{revision})",
        "ServerVersion": "29.1.5",
        "Name": "m",
        "Isolation": "process",
        **more,
    }


def hexed(data: bytes) -> str:
    """The sha256 in digits."""
    return sha256(data).hexdigest()


def tar_of(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """Files as a tar, as Go writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return out.getvalue()


def config_of(*layers: bytes, **more: Any) -> bytes:
    """The config of an image of these layers, as plain tars."""
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hexed(layer)}" for layer in layers]}
    history = [{"created": "2026-11-25T00:00:00Z", "created_by": "RUN x"} for _ in layers]
    document = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["x"]}, "rootfs": rootfs}
    return json.dumps(document | {"history": history} | more).encode()


def old_form(config: bytes, *layers: bytes) -> bytes:
    """What engines before 25 save: a folder a layer; one that comes twice is a link."""
    names = [f"{hexed(str(place).encode())}/layer.tar" for place, _ in enumerate(layers)]
    first = {layer: name for name, layer in reversed(list(zip(names, layers, strict=True)))}
    links = {
        name: f"../{first[layer]}" for name, layer in zip(names, layers, strict=True) if first[layer] != name
    }
    manifest = [{"Config": f"{hexed(config)}.json", "RepoTags": None, "Layers": names}]
    files = {name: layer for layer, name in first.items()}
    return tar_of(
        {**files, f"{hexed(config)}.json": config, "manifest.json": json.dumps(manifest).encode()}, links
    )


def oci_form(config: bytes, *layers: bytes, gzip: bool = False) -> bytes:
    """What later engines save: a layout; their own store has plain layers, containerd's compressed ones."""
    blobs = [gzipped(layer) if gzip else layer for layer in layers]
    names = [f"blobs/sha256/{hexed(blob)}" for blob in blobs]
    manifest = [{"Config": f"blobs/sha256/{hexed(config)}", "RepoTags": None, "Layers": names}]
    return tar_of(
        {
            **dict(zip(names, blobs, strict=True)),
            f"blobs/sha256/{hexed(config)}": config,
            "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
            "manifest.json": json.dumps(manifest).encode(),
        }
    )


def gzipped(data: bytes) -> bytes:
    """The layer as our compressor writes it."""
    out = io.BytesIO()
    gzip_to([data], out)
    return out.getvalue()


@dataclass(kw_only=True)
class BuildingEngine:
    """Answers at `socket`; `lines` are what a build says, `image` what is saved.

    `hang` says nothing more after the lines, `cut` sends so many bytes of the image and closes.
    """

    socket: Path
    info: Mapping[str, Any] = field(default_factory=lambda: dict(LINUX))
    lines: list[Any] = field(default_factory=list)
    config: bytes = b""
    image: bytes = b""
    hang: bool = False
    cut: int | None = None
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    context: bytes = b""
    released: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Listen."""
        handler = type("Handler", (_Handler,), {"engine": self})
        self._open = ExitStack()
        self._open.enter_context(listening(self.socket, handler))
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.released.set()
        self._open.close()

    @property
    def address(self) -> str:
        """What DOCKER_HOST is set to."""
        return f"unix://{self.socket}"

    def builds(self, config: bytes, image: bytes) -> None:
        """Let builds succeed with this image."""
        self.config, self.image = config, image
        identity = f"sha256:{hexed(config)}"
        self.lines = [
            {"stream": "Step 1/1 : FROM scratch\n"},
            {"aux": {"ID": identity}},
            {"stream": f"Successfully built {identity[7:19]}\n"},
        ]


class _Handler(EngineHandler):
    engine: BuildingEngine

    def answer(self) -> None:
        parts = self._asked()
        if self.command == "POST":
            self.engine.context = self.body()
            lines = (json.dumps(line).encode() + b"\r\n" for line in self.engine.lines)
            self._chunks(lines, hang=self.engine.hang)
        elif self.command == "DELETE":
            self.reply([])
        elif parts.endswith("/version"):
            self.reply(VERSION)
        elif parts.endswith("/info"):
            self.reply(self.engine.info)
        elif parts.endswith("/json"):
            config = json.loads(self.engine.config)
            identity = f"sha256:{hexed(self.engine.config)}"
            self.reply({"Id": identity, "RepoTags": [], "RootFS": {"Layers": config["rootfs"]["diff_ids"]}})
        else:
            self._chunks(self._image(), broken=self.engine.cut is not None)

    def _asked(self) -> str:
        url = urlsplit(self.path)
        self.engine.asked.append((self.command, url.path, {k: v[0] for k, v in parse_qs(url.query).items()}))
        return url.path

    def _image(self) -> Iterator[bytes]:
        image = self.engine.image if self.engine.cut is None else self.engine.image[: self.engine.cut]
        for start in range(0, len(image), 1000):
            yield image[start : start + 1000]

    def _chunks(self, pieces: Iterator[bytes], *, hang: bool = False, broken: bool = False) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if hang:
            self.engine.released.wait(60)
        if hang or broken:
            self.connection.shutdown(SHUT_RDWR)
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")
