"""Several requests at once: threads that have all begun, and that nobody waits for after Ctrl-C."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Barrier
from typing import Final, TypeVar

_S = TypeVar("_S")
_T = TypeVar("_T")

THREADS: Final = 8
"""Requests at once: a registry is mostly waited for."""
LOOK_SECONDS: Final = 0.5
"""Windows tells no Ctrl-C to a thread that waits without an end."""


@contextmanager
def workers(size: int) -> Iterator[ThreadPoolExecutor]:
    """A pool whose threads have all begun; they are waited for at the end, unless a person interrupts.

    One that begins them as work comes takes threads for idle that have just taken other work, so that
    requests wait for each other although there are threads left. What is still sent after an interrupt is
    not named by anything, and an upload may take minutes.
    """
    pool = ThreadPoolExecutor(size)
    interrupted = False
    try:
        ready = Barrier(size + 1)
        for _ in range(size):
            pool.submit(ready.wait)
        ready.wait()
        yield pool
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        pool.shutdown(wait=not interrupted, cancel_futures=True)


def in_parallel(pool: ThreadPoolExecutor, action: Callable[[_S], _T], items: Sequence[_S]) -> list[_T]:
    """The results of an action for each item, several at once; after a failure no further one begins."""
    futures = [pool.submit(action, item) for item in items]
    pending = set(futures)
    try:
        while pending:
            done, pending = wait(pending, timeout=LOOK_SECONDS, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
    finally:
        for future in futures:
            future.cancel()
    return [future.result() for future in futures]


def side_by_side(action: Callable[[_S], _T], items: Iterable[_S]) -> list[_T]:
    """The results of an action for each item, several at once.

    Of several failures the first one in the order of the items is raised, so that the same input gives the
    same sentence.
    """
    wanted = list(items)
    if len(wanted) < 2:
        return [action(item) for item in wanted]
    with workers(min(THREADS, len(wanted))) as pool:
        futures = [pool.submit(action, item) for item in wanted]
        try:
            for future in futures:
                while not future.done():
                    wait((future,), timeout=LOOK_SECONDS)
                future.result()
        finally:
            for future in futures:
                future.cancel()
    return [future.result() for future in futures]
