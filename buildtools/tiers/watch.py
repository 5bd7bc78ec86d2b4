"""What kubectl tells while it runs on: the state of a watched object, and the end of what it printed."""

import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any


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
