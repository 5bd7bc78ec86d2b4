"""The wine tier: a Windows program out of its image's file tree, on Linux, without Windows.

Each run has a prefix of its own which reports the Windows of its image. What it can show and what it cannot:
docs/testing-windows-without-windows.md.
"""

import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from buildtools.errors import MissingToolError
from buildtools.oci.config import ImageConfig
from buildtools.settings import Settings
from buildtools.spec.model import LifecycleSpec
from buildtools.stores.disk import explained
from buildtools.tiers.base import Contract, StartError, StopEvent
from buildtools.tiers.console_helper import Helper, lacking
from buildtools.tiers.native import free_port
from buildtools.tiers.wine_drive import find, lay
from buildtools.tiers.wine_prefix import (
    SHUTDOWN,
    Installation,
    find_wine,
    lines,
    prefix,
    text_of,
    unhandled,
)
from buildtools.windows.paths import PathError
from buildtools.windows.pe import PeError, read_program
from buildtools.windows.releases import RELEASES, OsVersion, OsVersionError, parse_os_version
from buildtools.windows.reported import CURRENT_VERSION, reported, with_values

_EVENTS: Final[Mapping[StopEvent, tuple[str, int]]] = {
    "shutdown": ("CTRL_SHUTDOWN", SHUTDOWN),
    "interrupt": ("CTRL_C", 0),
}
_ENDED_BY_EVENT: Final = 0xC000013A
"""What Windows' own handler of console events ends a process with; wine's does with 0."""
_NO_DLL: Final = 0xC0000135
_CODES: Final[Mapping[int, str]] = {
    0xC0000005: "0xC0000005, it touched memory that is not its own",
    0xC000007B: "0xC000007B, a DLL that it needs is for another processor",
    0xC0000139: "0xC0000139, a DLL that it needs lacks a function",
    0xC0000142: "0xC0000142, a DLL that it needs does not start",
}
_REFUSALS: Final[Mapping[int, str]] = {
    2: "there is no {program}",
    3: "there is no {program}",
    5: "{program} is not to be executed",
    193: "{program} is no program for Windows on amd64",
    267: "its working directory {folder} does not exist",
}
_UNHANDLED: Final[Mapping[int, str]] = {
    SHUTDOWN: "0xC000013A, it does not handle CTRL_SHUTDOWN, which is what Kubernetes sends to stop a "
    "Windows container, and so ends at once: handle it beside CTRL_C",
    0: "0xC000013A, it does not handle CTRL_C, and so ends at once",
}
_MISSING: Final = re.compile(r"err:module:import_dll Library (\S+) \(which is needed by [^\n]*\) not found")
_SCRIPTS: Final = frozenset({".bat", ".cmd"})
_LOG_LINES: Final = 20
_START: Final = 60.0
_HOST_PROCESS: Final = "hpc"
"""Where containerd mounts a HostProcess image, below C:."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wine:
    """Runs Windows images under wine; `cache` is the user's folder for things that are kept over runs.

    A HostProcess image is only started: there is no node of Windows to act on.
    """

    cache: Path | None
    name: str = "wine"
    events: Mapping[StopEvent, str] = field(
        default_factory=lambda: {event: name for event, (name, _) in _EVENTS.items()}, hash=False
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The tier with the user's cache."""
        return cls(cache=settings.cache)

    def unavailable(self, config: ImageConfig) -> str:
        """Why this machine cannot run such an image under wine; empty if it can."""
        if config.platform.os != "windows":
            return "runs Windows images only"
        if config.platform.architecture != "amd64":
            return f"runs images for amd64 only, this one is for {config.platform.architecture}"
        if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
            return "needs a Linux machine of amd64"
        if find_wine() is None:
            return "needs wine, and there is none on PATH: install the package wine of the distribution"
        if self.cache is None:
            return "needs a folder to keep wine's prefix in: set HOME or XDG_CACHE_HOME"
        return lacking(self.cache / "wine")

    @contextmanager
    def started(self, contract: Contract) -> Iterator["_Program"]:
        """The running program; afterwards it and all it started are gone, and its prefix is."""
        wine = find_wine()
        if wine is None or self.cache is None:
            raise StartError(self.unavailable(contract.config))
        with tempfile.TemporaryFile() as log, ExitStack() as stack:
            try:
                helper, port = _start(stack, wine, self.cache / "wine", contract, log)
            except (MissingToolError, OsVersionError) as error:
                raise StartError(str(error)) from error
            except OSError as error:
                raise StartError(str(explained(error, self.cache, "written"))) from error
            yield _Program(helper=helper, port=port, output=log)


def _start(
    stack: ExitStack, wine: Installation, cache: Path, contract: Contract, log: IO[bytes]
) -> tuple[Helper, int]:
    """The program, and its port, in a prefix with the image's files which reports the image's Windows."""
    version = contract.config.platform.os_version
    values = reported(_version(version))
    own = stack.enter_context(prefix(wine, cache))
    registry = own.registry.read_text("utf-8")
    own.registry.write_text(with_values(registry, CURRENT_VERSION, values), "utf-8")
    lay(contract.root, _top(own.drive, host_process=not version))
    run = _plan(contract, own.drive, port=free_port())
    helper = stack.enter_context(own.helper(log))
    helper.order(run.words, folder=run.folder, environment=run.environment)
    helper.listen(_START, start=True)
    if helper.pid is None:
        raise StartError(_refusal(helper, run, log))
    return helper, run.port


def _version(text: str) -> OsVersion:
    """The Windows of the image; one that is for all gets the newest."""
    return parse_os_version(text) if text else OsVersion(10, 0, max(row.build for row in RELEASES), 0)


def _top(drive: Path, *, host_process: bool) -> Path:
    if not host_process:
        return drive
    (drive / _HOST_PROCESS).mkdir()
    return drive / _HOST_PROCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be started: the command line's words, where, in which environment, for which port."""

    words: tuple[str, ...]
    folder: str
    environment: tuple[str, ...]
    port: int


def _plan(contract: Contract, drive: Path, *, port: int) -> Run:
    """What is started; raises StartError where it is no program for Windows on amd64."""
    run = plan(contract.config, contract.lifecycle, port=port)
    _check(run.words[0], drive)
    return run


def plan(config: ImageConfig, lifecycle: LifecycleSpec, *, port: int) -> Run:
    """The image's program with the contract's arguments, folder and environment on drive C:."""
    top = "C:\\" if config.platform.os_version else rf"C:\{_HOST_PROCESS}"
    arguments = lifecycle.args or config.cmd
    added = [f"{name}={text}" for name, text in lifecycle.env.items()]
    if not config.platform.os_version:
        added = [f"CONTAINER_SANDBOX_MOUNT_POINT={top}", *added]
    here = [text.replace("{port}", str(port)) for text in (*config.entrypoint, *arguments)]
    return Run(
        words=tuple(here),
        folder=_folder(config.working_dir) or top,
        environment=(*config.env, *(entry.replace("{port}", str(port)) for entry in added)),
        port=port,
    )


def _folder(text: str) -> str:
    r"""The folder with its drive: `\app` and `/app` are on C:."""
    text = text.replace("/", "\\")
    return f"C:{text}" if text.startswith("\\") else text


def _check(name: str, drive: Path) -> None:
    """Raises StartError for a file that Windows would not start: wine starts programs of Linux, too."""
    try:
        path = find(drive, name)
    except PathError:
        # A name without a path is searched for, as Windows does it.
        return
    if path is None:
        raise StartError(f"there is no {name}")
    if path.suffix.lower() in _SCRIPTS:
        return
    try:
        with path.open("rb") as file:
            found = read_program(file).architecture
    except (OSError, PeError) as error:
        raise StartError(f"{name} is no program for Windows on amd64: {error}") from error
    if found != "amd64":
        raise StartError(f"{name} is a program for {found or 'an unknown processor'}, not for amd64")


def _refusal(helper: Helper, run: Run, log: IO[bytes]) -> str:
    if helper.refused is None:
        last = " ".join(lines(log, 1))
        return f"wine does not start: {last or f'nothing happened for {_START:g} seconds'}"
    text = _REFUSALS.get(helper.refused, "Windows error {error}")
    return text.format(program=run.words[0], folder=run.folder, error=helper.refused)


@dataclass(kw_only=True)
class _Program:
    """A program under wine, as the helper tells of it."""

    helper: Helper
    port: int
    output: IO[bytes]
    _asked: list[int] = field(default_factory=list)

    @property
    def endpoint(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def deliver(self, event: StopEvent) -> None:
        number = _EVENTS[event][1]
        self._asked.append(number)
        self.helper.send(number)

    def wait(self, within: float) -> int | None:
        self.helper.listen(within)
        if self.helper.code == 0 and self._unhandled() is not None:
            return _ENDED_BY_EVENT
        return self.helper.code

    def leftovers(self) -> tuple[str, ...]:
        return tuple(sorted(self.helper.left))

    def log(self) -> tuple[str, ...]:
        trouble = tuple(f"the event was not sent, for Windows error {error}" for error in self.helper.lost)
        return (*lines(self.output, _LOG_LINES), *trouble)[-_LOG_LINES:]

    def explain(self, code: int) -> str:
        if code == _ENDED_BY_EVENT and (event := self._unhandled()) is not None:
            return _UNHANDLED[event]
        if code == _NO_DLL:
            names = ", ".join(dict.fromkeys(_MISSING.findall(self._text())))
            return f"0xC0000135, a DLL that it needs is missing: {names or 'wine does not say which'}"
        return _CODES.get(code, "")

    def _unhandled(self) -> int | None:
        """The event that was sent and that nothing in the program handled."""
        pid, text = self.helper.pid or 0, self._text()
        return next((event for event in self._asked if unhandled(pid, event, text)), None)

    def _text(self) -> str:
        return text_of(self.output)
