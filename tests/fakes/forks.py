"""Runs of the command line in processes of their own, forked from one that has loaded everything already.

`Forks` starts `python -m tests.fakes.forks` once. Each run is then a fork of that process, which has no
threads: it costs a few milliseconds instead of the third of a second that loading takes, and is killed like
any other.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

ROOT: Final = Path(__file__).parents[2]
_PATCHED: Final = ("fsync", "replace", "rename", "unlink")
"""What changes a disk for good; a layout and a record are written with nothing else."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended: its exit code, -9 where it was killed, and what it said."""

    code: int
    out: str
    err: str
    steps: int = 0


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run that has been started; `wait` for its end."""

    pid: int
    folder: Path
    forks: "Forks" = field(repr=False)

    def wait(self) -> Ended:
        """How it ended."""
        return self.forks.wait(self)


class Forks:
    """The process that forks; a context manager. `folder` is for what runs count."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._process: subprocess.Popen[str] | None = None

    def start(
        self,
        *arguments: str,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        largest: int = 0,
        die: int = 0,
    ) -> Running:
        """Start `buildtools` with these arguments.

        `environment` is added to the variables, `largest` limits each file's bytes (RLIMIT_FSIZE), and `die`
        kills the run at its nth step on the disk: odd numbers before, even ones after it. With `die` negative
        the steps are only counted.
        """
        self._count += 1
        folder = self._folder / f"{self._count}"
        folder.mkdir(parents=True)
        pid = self._ask(
            {
                "arguments": arguments,
                "cwd": str(cwd),
                "environment": dict(environment or {}),
                "folder": str(folder),
                "largest": largest,
                "die": die,
            }
        )
        return Running(pid=pid, folder=folder, forks=self)

    def run(self, *arguments: str, cwd: Path, **settings: Any) -> Ended:
        """Start, and wait."""
        return self.start(*arguments, cwd=cwd, **settings).wait()

    def wait(self, running: Running) -> Ended:
        """How a run ended."""
        steps = running.folder / "steps"
        said = self._ask({"wait": running.pid})
        return Ended(**said, steps=int(steps.read_text() or 0) if steps.exists() else 0)

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process:
            self._process.communicate()


def serve() -> None:
    """Fork a run for each line of stdin; answers with its number, or its exit code."""
    _load()
    said: dict[int, tuple[int, int]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if pid := request.get("wait"):
            out, err = (_read(handle) for handle in said.pop(pid))
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            sys.stdout.write(json.dumps({"code": code, "out": out, "err": err}) + "\n")
            sys.stdout.flush()
            continue
        # Pipes, since a limit on the size of files would count for these, too.
        (out_read, out), (err_read, err) = os.pipe(), os.pipe()
        pid = os.fork()
        if not pid:
            _become(request, out, err)
        os.close(out)
        os.close(err)
        said[pid] = out_read, err_read
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _read(handle: int) -> str:
    with os.fdopen(handle, "rb") as pipe:
        return pipe.read().decode("utf-8", "replace")


def _load() -> None:
    import docker  # noqa: F401
    import isal.igzip_threaded  # noqa: F401
    import jsonschema_rs  # noqa: F401
    import requests.adapters  # noqa: F401
    import rich.console
    import rich.progress
    import rich.table  # noqa: F401
    import yaml  # noqa: F401

    import buildtools.cli
    import buildtools.verbs.build
    import buildtools.verbs.index
    import buildtools.verbs.promote
    import buildtools.verbs.publish
    import buildtools.verbs.rebase  # noqa: F401


def _become(request: Mapping[str, Any], out: int, err: int) -> NoReturn:
    """Be the run that was asked for, up to the interpreter's own end; never returns."""
    from buildtools.__main__ import run

    os.chdir(request["cwd"])
    os.environ.update(request["environment"])
    folder = Path(request["folder"])
    for number, handle in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
        os.dup2(handle, number)
        os.close(handle)
    if largest := request["largest"]:
        import resource  # not on Windows, where nothing forks

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if die := request["die"]:
        _mine(die, folder / "steps")
    sys.argv = ["buildtools", *request["arguments"]]
    sys.exit(run())


def _mine(die: int, path: Path) -> None:
    """Make the process kill itself around its nth step on the disk, or only count the steps."""
    # Threads build side by side; `next` is one step for all of them.
    numbers = itertools.count(1)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    pwrite = os.pwrite

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            number = next(numbers)
            if die < 0:
                pwrite(handle, f"{2 * number}".encode(), 0)
            if die == 2 * number - 1:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*arguments, **named)
            finally:
                if die == 2 * number:
                    os.kill(os.getpid(), signal.SIGKILL)

        return step

    for name in _PATCHED:
        setattr(os, name, around(getattr(os, name)))


def killed(pid: int) -> Callable[[object], None]:
    """Kill this process, as a fault's act."""

    def kill(_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    return kill


if __name__ == "__main__":
    serve()
