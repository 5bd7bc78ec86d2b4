"""What every tier is: a place where the lifecycle contract of a built image can be tried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from buildtools.oci.config import ImageConfig
from buildtools.spec.model import LifecycleSpec


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


class Tier(Protocol):
    """Runs contracts; leaves no process and no file behind, whatever happens."""

    name: str

    def unavailable(self, config: ImageConfig) -> str:
        """Why this machine cannot run such an image here; empty if it can."""
        ...

    def run(self, contract: Contract) -> Outcome:
        """Start, wait until ready, ask, stop, and say what happened."""
        ...
