"""Answers that take long: read in a thread of their own, so that silence and an interrupted run end them."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

from buildtools.errors import BuildError

_T = TypeVar("_T")
_POLL: Final = 0.1
_QUEUED: Final = 16
_RUNNING: Final[set["Stream[Any]"]] = set()
_LOCK: Final = threading.Lock()


class SilenceError(BuildError):
    """Nothing came for too long."""


class StoppedError(BuildError):
    """The run was interrupted."""


class Stream(Generic[_T]):
    """The items of what `start` gives; `end` is called once to let go of whoever sends them.

    `silence` is how many seconds may pass between two items: how long all of it takes does not matter.
    """

    def __init__(self, start: Callable[[], Iterator[_T]], *, silence: float, end: Callable[[], None]) -> None:
        self._start = start
        self._silence = silence
        self._end = end
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue(_QUEUED)
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[_T]:
        """Every item; raises what the sender raises, SilenceError and StoppedError."""
        with _LOCK:
            _RUNNING.add(self)
        threading.Thread(target=self._read, name="engine", daemon=True).start()
        try:
            while (item := self._next())[0] == "item":
                yield item[1]
            if item[1] is not None:
                raise item[1]
        finally:
            self._stopped.set()
            self._end()
            with _LOCK:
                _RUNNING.discard(self)

    def stop(self) -> None:
        """End it from another thread."""
        self._stopped.set()

    def _next(self) -> tuple[str, Any]:
        begun = time.monotonic()
        while not self._stopped.is_set():
            try:
                return self._queue.get(timeout=_POLL)
            except queue.Empty:
                if time.monotonic() - begun > self._silence:
                    raise SilenceError(f"nothing came for {self._silence:.0f} seconds") from None
        raise StoppedError("the run was interrupted")

    def _read(self) -> None:
        try:
            for item in self._start():
                if not self._put(("item", item)):
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self._put(("end", error))
        else:
            self._put(("end", None))

    def _put(self, item: tuple[str, Any]) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL)
            except queue.Full:
                continue
            return True
        return False


def stop_all() -> None:
    """End all that is being read: for an interrupted run, whose threads would wait for it."""
    with _LOCK:
        for stream in _RUNNING:
            stream.stop()
