"""How fast one host is asked: requests at a time, and pauses that all who ask it keep.

A registry that is overloaded answers 429 to many requests at once. Whoever gets such an answer makes
everybody wait as long as it says and halves what is in flight; it grows again as answers are good.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from buildtools.stores.retry import Clock

MOST: Final = 8
"""Requests at a time to one host: what is sent is bound by the network, what is asked by round trips."""
_GOOD_ANSWERS: Final = 5
"""Good answers in a row after which one more request may be in flight."""


class Pace:
    """The turns of one host; safe to use from several threads.

    `longest` is the longest pause in seconds that is kept; a longer one is for each operation to fail with.
    """

    def __init__(self, clock: Clock, *, longest: float, most: int = MOST) -> None:
        self._clock = clock
        self._longest = longest
        self._most = most
        self._limit = most
        self._busy = 0
        self._good = 0
        self._until = 0.0
        self._free = threading.Condition()

    @property
    def limit(self) -> int:
        """Requests that may be in flight now."""
        return self._limit

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and give it back at the end."""
        with self._free:
            while self._busy >= self._limit:
                self._free.wait()
            self._busy += 1
            pause = self._until - self._clock.now()
        try:
            if pause > 0:
                self._clock.sleep(pause)
            yield
        finally:
            with self._free:
                self._busy -= 1
                self._free.notify_all()

    def overloaded(self, retry_after: float | None) -> None:
        """The host has more to do than it can: fewer requests, and none before `retry_after` seconds."""
        with self._free:
            self._good = 0
            self._limit = max(1, self._limit // 2)
            # Nobody waits longer than `longest`: whoever asks is told the same, and ends at once.
            if retry_after is not None and retry_after <= self._longest:
                self._until = max(self._until, self._clock.now() + retry_after)

    def well(self) -> None:
        """The host has answered as it should."""
        with self._free:
            self._good += 1
            if self._good >= _GOOD_ANSWERS and self._limit < self._most:
                self._good = 0
                self._limit += 1
                self._free.notify_all()
