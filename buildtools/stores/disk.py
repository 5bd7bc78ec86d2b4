"""Writing on disk so that a reader, a crash or a second process never meets half of anything.

A file appears under its name only when it is complete (temporary file, fsync, rename), and a lock is one
the kernel drops with its process, so that a dead one never blocks.
"""

import errno
import glob
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from buildtools.errors import BuildError

_REASONS: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOSPC: ("the disk is full", "free some space and run the command again"),
    errno.EFBIG: ("the file would be larger than allowed", "raise the limit or use another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run the command again"),
    errno.EACCES: ("permission is denied", "check who owns it, or choose another place"),
    errno.EPERM: ("permission is denied", "check who owns it, or choose another place"),
    errno.EROFS: ("the disk is read-only", "choose another place"),
    errno.ENOTDIR: ("a file stands where a folder should be", "move it away or choose another place"),
    errno.EISDIR: ("a folder stands where a file should be", "move it away or choose another place"),
}
_REPLACE_TRIES: Final = 50
_PAUSE: Final = 0.02
_LEFT_SECONDS: Final = 3600.0
"""A temporary file lives for milliseconds; one that is as old as this has lost its process."""

if sys.platform == "win32":
    import msvcrt

    def try_lock(handle: int) -> bool:
        """Take the lock of an open file without waiting; it is dropped when the file is closed."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def wait_lock(handle: int) -> None:
        """Take the lock of an open file, waiting for whoever has it."""
        # LK_LOCK gives up after ten seconds; a build may hold the lock for longer.
        while not try_lock(handle):
            time.sleep(_PAUSE)

    def sync_folder(path: Path) -> None:
        """Nothing: a folder cannot be opened here, and NTFS keeps renames in its journal."""

    def replace(source: Path, target: Path) -> None:
        """Rename over `target`, in one step.

        Windows refuses while another process has `target` open for a moment (a reader, an indexer, a
        virus scanner), so a refusal is tried again for about a second.
        """
        for _ in range(_REPLACE_TRIES - 1):
            with suppress(PermissionError):
                source.replace(target)
                return
            time.sleep(_PAUSE)
        source.replace(target)
else:
    import fcntl

    def try_lock(handle: int) -> bool:
        """Take the lock of an open file without waiting; it is dropped when the file is closed."""
        try:
            # flock belongs to the open file, so two threads of one process exclude each other too.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait_lock(handle: int) -> None:
        """Take the lock of an open file, waiting for whoever has it."""
        fcntl.flock(handle, fcntl.LOCK_EX)

    def sync_folder(path: Path) -> None:
        """Make renames in a folder survive a power failure."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def replace(source: Path, target: Path) -> None:
        """Rename over `target`, in one step."""
        source.replace(target)


@contextmanager
def errors_name(path: Path, action: str) -> Iterator[None]:
    """Turn an OSError into a BuildError: `action` is `written` or `read`, the error's own path wins."""
    try:
        yield
    except OSError as error:
        raise explained(error, path, action) from error


def explained(error: OSError, path: Path, action: str) -> BuildError:
    """What the system refused, as a sentence; the error's own path wins over `path`."""
    reason, hint = _REASONS.get(error.errno or 0, (error.strerror or "the system gives no reason", ""))
    # A file descriptor is no name for people.
    place = error.filename if isinstance(error.filename, str) else path
    return BuildError(f"{place} cannot be {action}: {reason}", hint=hint)


def open_lock_file(path: Path) -> int:
    """Open, and if need be create, a file to lock; returns its file descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, waiting for whoever has it."""
    handle = open_lock_file(path)
    try:
        wait_lock(handle)
        yield
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, *, temporary: Path) -> None:
    """Write a whole file: it has its old content or this one, whatever happens in between.

    `temporary` is a free name on the same disk. Raises OSError.
    """
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise
    sync_folder(path.parent)


def sweep_beside(path: Path) -> None:
    """Delete what killed processes left beside `path`: files named `.<its name>.<anything>`, an hour old."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                left.unlink()


def remove(path: Path) -> bool:
    """Delete a file if it is there and free; returns whether it was deleted."""
    with suppress(OSError):
        path.unlink()
        return True
    return False
