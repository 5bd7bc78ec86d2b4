"""Turns at a host: so many at a time, fewer where it is overloaded, and pauses that all keep."""

import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from buildtools.stores.pace import Pace
from tests.fakes.clock import FakeClock


def pace(time: FakeClock, *, most: int = 8, longest: float = 300.0) -> Pace:
    """A host's turns on this clock."""
    return Pace(time.clock, longest=longest, most=most)


def test_no_more_than_so_many_turns_at_a_time() -> None:
    """The third of two waits until one is given back."""
    turns = pace(FakeClock(), most=2)
    inside: list[int] = []
    peak = 0
    lock, full = threading.Lock(), threading.Barrier(2)

    def work(number: int) -> None:
        nonlocal peak
        with turns.turn():
            with lock:
                inside.append(number)
                peak = max(peak, len(inside))
            full.wait(10)
            with lock:
                inside.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert peak == 2


def test_a_pause_is_kept_by_all() -> None:
    """Who comes after an overload waits for what is left of the pause."""
    time = FakeClock()
    turns = pace(time)
    turns.overloaded(20.0)
    time.time += 5
    with turns.turn():
        assert time.slept == [15.0]
    with turns.turn():
        assert time.slept == [15.0]


def test_a_pause_that_nobody_waits_for_keeps_nobody() -> None:
    """An hour ends whatever is told so; the others ask, are told the same, and end at once, too."""
    time = FakeClock()
    turns = pace(time, longest=30.0)
    turns.overloaded(3600.0)
    with turns.turn():
        assert time.slept == []
    turns.overloaded(30.0)
    with turns.turn():
        assert time.slept == [30.0]


def test_an_overload_halves_and_good_answers_give_back() -> None:
    """From 8 to 4, 2, 1 and no lower; one more for every five good answers, up to 8."""
    turns = pace(FakeClock())
    limits = []
    for _ in range(5):
        turns.overloaded(None)
        limits.append(turns.limit)
    assert limits == [4, 2, 1, 1, 1]
    for _ in range(4):
        turns.well()
    assert turns.limit == 1
    for _ in range(100):
        turns.well()
    assert turns.limit == 8


@given(st.lists(st.one_of(st.none(), st.floats(0, 1000), st.just("well")), max_size=30))
def test_the_limit_stays_within_its_bounds(events: list[float | str | None]) -> None:
    """Whatever a host answers, there is a turn to be had."""
    turns = pace(FakeClock(), most=4)
    for event in events:
        if isinstance(event, str):
            turns.well()
        else:
            turns.overloaded(event)
        assert 1 <= turns.limit <= 4
        with turns.turn():
            pass
