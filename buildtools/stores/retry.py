"""When a request is tried again: a small state machine for one operation, with the clock handed in.

A retry covers the whole operation (ask, read, check), because only the operation knows what a second try
must do differently: resume, reopen a body, ask whether the first one has worked after all.
"""

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from buildtools.errors import BuildtoolsError, UnavailableError

_T = TypeVar("_T")

MOST_TRIES: Final = 6
RETRIED: Final[Mapping[int, int]] = {
    408: MOST_TRIES,
    # Without Retry-After a registry under load needs longer than a connection that was cut.
    429: 8,
    # distribution answers 500 to some manifests for ever (layers with urls): do not insist.
    500: 3,
    502: MOST_TRIES,
    503: MOST_TRIES,
    504: MOST_TRIES,
    # Of proxies in between. Source: google/go-containerregistry:pkg/v1/remote/options.go
    499: MOST_TRIES,
    522: MOST_TRIES,
}
"""Statuses worth another try, and how many tries in all."""

OVERLOADED: Final = frozenset({429, 503})
"""Statuses by which a host says that it is asked too much."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
LONGEST_WAIT: Final = 300.0
"""Seconds of Retry-After that are waited for; a longer wait is for people to decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time and chance, so that tests need to wait for neither: seconds, seconds since 1970, [0, 1)."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random


class Fault(Exception):  # noqa: N818 - not an error yet: another try may mend it
    """A try that failed: the error to raise if it was the last one, and what is known about another."""

    def __init__(
        self, error: BuildtoolsError, *, tries: int = MOST_TRIES, retry_after: float | None = None
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.tries = tries
        self.retry_after = retry_after


class Tries:
    """The tries of one operation; `longest` is the longest Retry-After in seconds that is obeyed."""

    def __init__(self, clock: Clock, *, longest: float = LONGEST_WAIT) -> None:
        self._clock = clock
        self._longest = longest
        self._failed = 0

    def progressed(self) -> None:
        """The operation got on: what failed before counts no more."""
        self._failed = 0

    def pause(self, fault: Fault) -> None:
        """Wait until the next try; raises the fault's error when there is none."""
        self._failed += 1
        if self._failed >= fault.tries:
            raise fault.error from fault
        wait = fault.retry_after
        if wait is not None and wait > self._longest:
            raise UnavailableError(
                fault.error.message,
                hint=f"it asks to come back in {wait:.0f} seconds; run the command again then, "
                f"or wait for it with --max-wait {math.ceil(wait)}",
            ) from fault
        # Full jitter: many runners that failed together must not come back together.
        jitter = self._clock.random() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._failed - 1))
        self._clock.sleep(jitter if wait is None else wait + self._clock.random())


def retrying(operation: Callable[[], _T], *, clock: Clock, longest: float = LONGEST_WAIT) -> _T:
    """The result of `operation`, tried again while it raises Fault and tries are left."""
    tries = Tries(clock, longest=longest)
    while True:
        try:
            return operation()
        except Fault as fault:
            tries.pause(fault)


def retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, None when there is none that can be read.

    `value` is a number of seconds or a date (RFC 9110, 10.2.3), `now` seconds since 1970.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    date = parse_date(text)
    return None if date is None else max(0.0, date - now)


def parse_date(text: str | None) -> float | None:
    """An HTTP date in seconds since 1970, None when it is none."""
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (ValueError, OverflowError):
        return None
