"""kubectl as the cluster tier needs it: calls that end, and some that go on while a pod runs."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from buildtools.tiers.base import StartError

_SECONDS: Final = 60.0
_MOST_TOLD: Final = 400


class Kubectl:
    """The kubectl at a path, in its current context."""

    def __init__(self, path: str) -> None:
        self._path = path

    @classmethod
    def find(cls) -> "Kubectl | None":
        """The one on PATH, if there is one."""
        path = shutil.which("kubectl")
        return cls(path) if path else None

    def call(self, *arguments: str, text: str = "") -> str:
        """Its output; raises StartError with its complaint."""
        try:
            done = subprocess.run(
                [self._path, *arguments],
                input=text,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StartError(f"kubectl {arguments[0]} says nothing within {_SECONDS:g} seconds") from None
        except OSError as error:
            raise StartError(f"kubectl cannot be started: {error.strerror}") from error
        if done.returncode:
            told = " ".join((done.stderr or done.stdout).split())[:_MOST_TOLD]
            raise StartError(f"kubectl {arguments[0]} failed: {told.removeprefix('error: ')}")
        return done.stdout

    def json(self, *arguments: str) -> dict[str, Any]:
        """What it answers, as an object; raises StartError."""
        try:
            found = json.loads(self.call(*arguments, "--output", "json"))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise StartError(f"kubectl {arguments[0]} does not answer with a JSON object")
        return found

    @contextmanager
    def running(self, *arguments: str, output: "IO[bytes] | int") -> "Iterator[subprocess.Popen[bytes]]":
        """Start it and go on meanwhile; it does not outlive the block, nor is it told of our Ctrl-C."""
        with subprocess.Popen(
            [self._path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


class Watch:
    """The last state of an object that `kubectl get --watch --output json` tells; `ended` once it is over."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.latest: dict[str, Any] = {}
        self.ended = False
        self.changed = threading.Condition()
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self, within: float) -> None:
        """Wait for a change, so many seconds at most."""
        with self.changed:
            if not self.ended:
                self.changed.wait(within)

    def close(self) -> None:
        """Wait until the stream has ended."""
        self._thread.join()

    def _read(self) -> None:
        decoder, text = json.JSONDecoder(), ""
        for line in self._stream:
            text += line.decode("utf-8", "replace")
            # A document ends with a brace in the first column.
            if line.rstrip() == b"}" or (line.startswith(b"{") and line.rstrip().endswith(b"}")):
                with suppress(ValueError):
                    found, _ = decoder.raw_decode(text.lstrip())
                    self._tell(found)
                text = ""
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _tell(self, found: dict[str, Any]) -> None:
        with self.changed:
            self.latest = found
            self.changed.notify_all()


def last_lines(path: Path, count: int) -> tuple[str, ...]:
    """The end of a text file."""
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    return tuple(line.rstrip() for line in lines[-count:])
