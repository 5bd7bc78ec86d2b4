"""How a task is measured: each tool in turn, round by round, and what each run has cost."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
OURS = "buildtools"
_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(kw_only=True)
class Run:
    """What one run of a tool has cost: wall seconds, most bytes of memory, and what registries were asked."""

    seconds: float = 0.0
    peak: int = 0
    requests: int = 0
    rounds: int = 0


@dataclass(kw_only=True)
class Place:
    """Where a task is done: `host` is a registry, as the tools reach it, and `other` is one more.

    `behind` are the two themselves, `proxies` what stands in front of them.
    """

    folder: Path
    host: str = ""
    other: str = ""
    proxies: Sequence[Proxy] = ()
    behind: Sequence[DockerRegistry] = ()


@dataclass(kw_only=True)
class Job:
    """One run of one tool: its folder, its round, and where registries are."""

    folder: Path
    place: Place
    number: int = 0
    run: Run = field(default_factory=Run)

    @property
    def name(self) -> str:
        """A path in the registry that is the tool's own."""
        return self.folder.name.replace("+", "-")

    @property
    def repository(self) -> str:
        """One that no other run has written to."""
        return f"{self.name}/run{self.number}"

    def command(self, *argv: str) -> None:
        """Run one program to its end, and count what it cost; its output is shown when it fails."""
        # Interpreters write no byte code where this says so, and would compile themselves each time.
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "BUILDTOOLS_MIRRORS": self.mirrors}
        report = self.folder / ".launched"
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(report)]
        done = subprocess.run(
            [*launch, *argv], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}")
        found = json.loads(report.read_text(encoding="ascii"))
        self.run.seconds += found["seconds"]
        self.run.peak = max(self.run.peak, found["peak"])

    @property
    def mirrors(self) -> str:
        """Where the vendor's bases are read."""
        return f"mcr.microsoft.com={self.place.host}/mcr" if self.place.host else ""


Step = Callable[[Job], None]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How one tool does a task: what is done before the clock starts, and what is measured."""

    tool: str
    run: Step
    before: Step = lambda _: None
    needs: Sequence[str] = ()

    @property
    def missing(self) -> list[str]:
        """The programs that this machine lacks."""
        return [name for name in self.needs if shutil.which(name) is None]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A row: what is done, on which files, by whom; `opened` makes the place for all of them."""

    name: str
    prepare: Step
    ways: Sequence[Way]
    opened: Callable[[Path], AbstractContextManager[Place]] = lambda folder: nullcontext(Place(folder=folder))


@dataclass(kw_only=True)
class Result:
    """Every run, by tool; an empty list for a tool that is not here."""

    task: str
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def median(self, tool: str, name: str) -> float:
        """The median of one cost of a tool."""
        return statistics.median(getattr(run, name) for run in self.runs[tool])


def ours(*arguments: str) -> Step:
    """One verb of this project."""
    return lambda job: job.command(sys.executable, "-m", "buildtools", *arguments, "-q")


def without(*names: str) -> Step:
    """Remove what an earlier run left."""

    def remove(job: Job) -> None:
        for name in names:
            shutil.rmtree(job.folder / name, ignore_errors=True)

    return remove


def measure(task: Task, rounds: int, note: Callable[[str], None], *, alone: str = "") -> Result:
    """Each tool in turn, round by round, so that a busy moment hits all of them.

    The first round fills caches of compilers and of the file system; it does not count. `alone` is the only
    tool that is asked.
    """
    ways = [way for way in task.ways if alone in {"", way.tool}]
    result = Result(task=task.name)
    with scratch() as folder, task.opened(folder) as place:
        jobs = {}
        for way in ways:
            result.runs[way.tool] = []
            if way.missing:
                note(f"{task.name}: {way.tool} is left out, {', '.join(way.missing)} is not on PATH")
                continue
            jobs[way.tool] = Job(folder=folder / way.tool, place=place)
            jobs[way.tool].folder.mkdir()
            task.prepare(jobs[way.tool])
        for number in range(rounds + 1):
            for way in (way for way in ways if way.tool in jobs):
                job = Job(folder=jobs[way.tool].folder, place=place, number=number)
                way.before(job)
                _counted(way, job)
                if number:
                    result.runs[way.tool].append(job.run)
            note(f"{task.name}: round {number} of {rounds}")
    return result


def _counted(way: Way, job: Job) -> None:
    """One run that counts, with the requests that came by."""
    for proxy in job.place.proxies:
        proxy.reset()
    job.run = Run()
    way.run(job)
    job.run.requests = sum(len(proxy.lines()) for proxy in job.place.proxies)
    job.run.rounds = max((proxy.depth() for proxy in job.place.proxies), default=0)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on disk that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="buildtools-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)
