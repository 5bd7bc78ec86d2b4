"""Content digests of files, remembered as long as nothing about the file says that it changed."""

import hashlib
import json
import os
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from buildtools.oci.digest import Digest
from buildtools.stores import disk

_SCHEMA: Final = 1
_TIE: Final = 2_000_000_000
"""Nanoseconds: the coarsest clock of a file system in use (FAT). A file that was changed this close to the
moment of looking may change again without its time moving, so what was seen then is not remembered."""


class HashCache:
    """Digest by path, held against size, times and inode; safe to use from several threads.

    Used as a context manager it is written back once at the end. A cache that cannot be read or written is
    no fault: files are hashed again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, list[Any]] | None = None
        self._changed = False

    def digest(self, path: Path) -> Digest:
        """The digest of the file's content; raises OSError."""
        status = path.stat()
        key, seen = str(path), _identity(status)
        with self._lock:
            entry = self._load().get(key)
        if entry is not None and entry[:-1] == seen:
            return Digest(entry[-1])
        looked = time.time_ns()
        digest = _digest(path)
        # What changed meanwhile has another identity at the next look, or falls under the tie.
        if looked - max(status.st_mtime_ns, status.st_ctime_ns) > _TIE:
            with self._lock:
                self._load()[key] = [*seen, digest]
                self._changed = True
        return digest

    def save(self) -> None:
        """Write the cache back in one step, unless nothing was learnt."""
        with self._lock:
            if self._known is None or not self._changed:
                return
            text = json.dumps({"schema": _SCHEMA, "files": self._known}, separators=(",", ":"))
            self._changed = False
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                Path(name).replace(self._path)
            finally:
                Path(name).unlink(missing_ok=True)
            disk.sweep_beside(self._path)

    def _load(self) -> dict[str, list[Any]]:
        if self._known is None:
            try:
                document = json.loads(self._path.read_bytes())
                files = document["files"] if document["schema"] == _SCHEMA else {}
                self._known = {key: entry for key, entry in files.items() if len(entry) == _FIELDS}
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self._known = {}
        return self._known

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.save()


def _identity(status: os.stat_result) -> list[Any]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


_FIELDS: Final = 5


def _digest(path: Path) -> Digest:
    with path.open("rb", buffering=0) as file:
        return Digest(f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")
