"""The native tier: a Linux program straight from its image's file tree, on this machine."""

import os
import platform
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from buildtools.oci.config import ImageConfig
from buildtools.settings import Settings
from buildtools.spec.model import LifecycleSpec
from buildtools.tiers.base import Contract, StartError, StopEvent
from buildtools.tiers.users import Account, account
from buildtools.windows.signals import number_of

_ARCHITECTURES: Final[Mapping[str, str]] = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SIGNALS: Final[Mapping[StopEvent, signal.Signals]] = {
    "shutdown": signal.SIGTERM,
    "interrupt": signal.SIGINT,
}
_LOG_LINES: Final = 20


class Native:
    """Runs Linux images as processes, without isolation: the program sees this machine's files and network.

    Its own files are read from the image, its working directory is the image's, and its user where we are
    root. A signal that the image asks for stands for SIGTERM.
    """

    name = "native"
    events: Mapping[StopEvent, str] = {event: one.name for event, one in _SIGNALS.items()}

    @classmethod
    def of(cls, _settings: Settings) -> Self:
        """The tier of this machine."""
        return cls()

    def unavailable(self, config: ImageConfig) -> str:
        """Why this machine cannot run such an image natively; empty if it can."""
        here = _ARCHITECTURES.get(platform.machine(), platform.machine())
        if config.platform.os != "linux" or not sys.platform.startswith("linux"):
            return f"needs {config.platform.os}"
        if config.platform.architecture != here:
            return f"is for {config.platform.architecture}, and this machine is {here}"
        return ""

    @contextmanager
    def started(self, contract: Contract) -> Iterator["_Process"]:
        """The running program; afterwards it and all it started are gone."""
        port = free_port()
        with tempfile.TemporaryFile() as log:
            user = account(contract.config.user, contract.root)
            remarks = () if _may_switch(user) else (_not_switched(contract.config.user),)
            try:
                process = _popen(contract, port, log, user)
            except OSError as error:
                raise StartError(_closed(contract.root, user) or error.strerror) from error
            try:
                asked = number_of(contract.config.stop_signal) or _SIGNALS["shutdown"]
                yield _Process(process=process, port=port, output=log, shutdown=asked, remarks=remarks)
            finally:
                # The group outlives its leader where the program left children behind.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """A process that leads a group of its own."""

    process: "subprocess.Popen[bytes]"
    port: int
    output: IO[bytes]
    shutdown: int
    remarks: tuple[str, ...]

    @property
    def endpoint(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def deliver(self, event: StopEvent) -> None:
        self.process.send_signal(self.shutdown if event == "shutdown" else _SIGNALS[event])

    def wait(self, within: float) -> int | None:
        if not within:
            return self.process.poll()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(within)
        return self.process.returncode

    def leftovers(self) -> tuple[str, ...]:
        found = (_member(folder, self.process.pid) for folder in Path("/proc").glob("[0-9]*"))
        return tuple(sorted(name for name in found if name))

    def log(self) -> tuple[str, ...]:
        self.output.seek(0)
        return tuple(line.decode("utf-8", "replace").rstrip() for line in deque(self.output, _LOG_LINES))


def _member(folder: Path, group: int) -> str:
    """The name of a process that runs in the group, else nothing; one that has ended waits as a zombie."""
    try:
        name, _, rest = (folder / "stat").read_text("utf-8", "replace").rpartition(")")
    except OSError:
        return ""
    # proc_pid_stat(5): pid (name) state parent group ...
    state, _, its_group = rest.split()[:3]
    return name.partition("(")[2] if int(its_group) == group and state not in "ZX" else ""


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(config: ImageConfig, lifecycle: LifecycleSpec, *, root: Path, port: int) -> list[str]:
    """The command line: the image's entrypoint out of `root`, with the contract's arguments."""
    arguments = list(lifecycle.args) if lifecycle.args else list(config.cmd)
    words = [word.replace("{port}", str(port)) for word in (*config.entrypoint, *arguments)]
    return [str(root / words[0].lstrip("/")), *words[1:]]


def _may_switch(user: Account) -> bool:
    """Whether the program runs as that user: we are root of whoever there is, or the user already."""
    ours = os.geteuid()
    return ours == user.uid or (ours == 0 and is_mapped(Path("/proc/self/uid_map"), user.uid))


def is_mapped(table: Path, uid: int) -> bool:
    """Whether a user exists in our user namespace: its root may be alone in it (user_namespaces(7))."""
    try:
        rows = [[int(word) for word in line.split()] for line in table.read_text("ascii").splitlines()]
    except OSError:
        return True
    return any(inside <= uid < inside + count for inside, _, count in rows)


def _not_switched(user: str) -> str:
    return f"ran as the user of this session and not as {user or 'root'}, which only root can switch to"


def _closed(root: Path, user: Account) -> str:
    """A sentence about a folder above the image's files that its user may not enter; empty without one."""
    closed = [folder for folder in root.parents if user.uid and not folder.stat().st_mode & stat.S_IXOTH]
    return f"its user may not enter {closed[-1]}: name another folder in TMPDIR" if closed else ""


def _popen(contract: Contract, port: int, log: IO[bytes], user: Account) -> "subprocess.Popen[bytes]":
    switch: Any = {}
    if os.geteuid() == 0 and _may_switch(user):
        switch = {"user": user.uid, "group": user.gid, "extra_groups": user.groups}
    environment = dict(entry.partition("=")[::2] for entry in contract.config.env)
    environment |= {name: text.replace("{port}", str(port)) for name, text in contract.lifecycle.env.items()}
    return subprocess.Popen(
        command(contract.config, contract.lifecycle, root=contract.root, port=port),
        cwd=contract.root / contract.config.working_dir.lstrip("/"),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **switch,
    )
