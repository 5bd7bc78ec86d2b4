"""What every tier is: a place where the lifecycle contract of a built image can be tried.

A tier starts the program and hands out what is running; `tiers.story` asks the same of all of them.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from buildtools.oci.config import ImageConfig
from buildtools.spec.model import LifecycleSpec

StopEvent = Literal["shutdown", "interrupt"]


class StartError(Exception):
    """The program was not started; the text says why, in words that follow `cannot be started`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A built image as a tier gets it: its config, its own file tree, and what it has to do."""

    name: str
    config: ImageConfig
    root: Path
    lifecycle: LifecycleSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened; the contract was kept where `findings` is empty.

    `ready` is the seconds until the program was ready, None where the contract has no such thing. `answer`
    is what the probe got, `log` the end of the program's output.
    """

    findings: tuple[str, ...] = ()
    ready: float | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, hash=False)
    exit_code: int | None = None
    log: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the contract was kept."""
        return not self.findings


class Running(Protocol):
    """A program that a tier has started."""

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port at which the port of the contract can be asked from here."""
        ...

    def deliver(self, event: StopEvent) -> None:
        """Ask the program to stop, as the platform does it."""
        ...

    def wait(self, within: float) -> int | None:
        """The exit code as soon as it has ended; None where it still runs after these seconds, 0 for now."""
        ...

    def leftovers(self) -> tuple[str, ...]:
        """The names of programs that it has started and that still run after its end."""
        ...

    def log(self) -> tuple[str, ...]:
        """The last lines of what it has printed."""
        ...


class Tier(Protocol):
    """Runs contracts, several at a time; leaves no process and no file behind, whatever happens."""

    name: str
    events: Mapping[StopEvent, str]
    """What each event is called here, such as SIGTERM."""

    def unavailable(self, config: ImageConfig) -> str:
        """Why this machine cannot run such an image here; empty if it can."""
        ...

    def started(self, contract: Contract) -> AbstractContextManager[Running]:
        """Start the program; at the end of the context it and all it started are gone.

        Raises StartError, on entry, where it cannot be started.
        """
        ...
