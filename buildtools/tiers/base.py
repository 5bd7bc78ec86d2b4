"""What every tier is: a place where the lifecycle contract of a built image can be tried.

A tier starts the program and hands out what is running; `tiers.story` asks the same of all of them.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Manifest
from buildtools.spec.model import LifecycleSpec

StopEvent = Literal["shutdown", "interrupt"]


class CancelledError(Exception):
    """Nobody wants to hear the story's end: the run was interrupted."""


class StartError(Exception):
    """The program was not started; the text says why, in words that follow `cannot be started`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A built image as a tier gets it: its config, its own file tree, and what it has to do.

    Tiers that take the image itself have its `manifest` and `open_blob`, which opens its layers; tiers that
    pull it have `reference`, a name with a digest, empty for what is not published. `root` is for tiers that
    take files. Who waits gives up soon after `cancelled` is set, by raising CancelledError.
    """

    name: str
    config: ImageConfig
    root: Path
    lifecycle: LifecycleSpec
    manifest: Manifest | None = None
    open_blob: Callable[[Descriptor], BinaryIO] | None = field(default=None, compare=False)
    reference: str = ""
    cancelled: Event = field(default_factory=Event, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened; the contract was kept where `findings` is empty.

    `ready` is the seconds until the program was ready, None where the contract has no such thing. `answer`
    is what the probe got, `log` the end of the program's output. `remarks` are what a reader should know of
    this run although nothing is wrong.
    """

    findings: tuple[str, ...] = ()
    ready: float | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, hash=False)
    exit_code: int | None = None
    log: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

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


@runtime_checkable
class Explains(Protocol):
    """A running program whose tier knows more of an end than the exit code."""

    def explain(self, code: int) -> str:
        """What this exit code means here, in words that follow a colon; empty where it says all."""
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


@runtime_checkable
class Remarking(Protocol):
    """What is running where there is something to say of how it runs."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What differs here from where the image is meant to run, a sentence each."""
        ...


@runtime_checkable
class Choosy(Protocol):
    """A tier that runs such images, yet not every contract."""

    def refuses(self, contract: Contract) -> str:
        """Why it cannot try this contract; empty if it can."""
        ...


def asks(lifecycle: LifecycleSpec) -> bool:
    """Whether the contract asks its program for anything, so that its port must be reached."""
    stop = lifecycle.stop
    return bool(lifecycle.ready or lifecycle.probe or (stop and stop.drain))
