"""Time that passes only when someone sleeps."""

from buildtools.stores.retry import Clock


class FakeClock:
    """Counts what was slept; `chance` is what every draw gives."""

    def __init__(self, *, chance: float = 0.5, now: float = 1_800_000_000.0) -> None:
        self.slept: list[float] = []
        self.time = now
        self._chance = chance

    @property
    def clock(self) -> Clock:
        """The clock to hand in."""
        return Clock(sleep=self.sleep, now=lambda: self.time, random=lambda: self._chance)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.time += seconds
