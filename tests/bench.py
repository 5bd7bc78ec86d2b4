"""`nox -s bench`: builds measured beside other tools that this machine has, in the same run.

Every row is a task; each tool does it so many times, from the same files, and the median is shown with its
ratio to ours. Tools that are not here are named. Times are wall time with start-up, as people feel them.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
OURS = "buildtools"
FILES = 60
MEGABYTES = 150

Step = Callable[[Path], None]


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
    """A row: what is done, on which files, by whom."""

    name: str
    prepare: Step
    ways: Sequence[Way]


@dataclass(kw_only=True)
class Result:
    """Seconds of every run, by tool; an empty list for a tool that is not here."""

    task: str
    seconds: dict[str, list[float]] = field(default_factory=dict)


def command(*argv: str, cwd: Path) -> None:
    """Run one program to its end; its output is shown when it fails."""
    done = subprocess.run(
        argv, cwd=cwd, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}")


def ours(*arguments: str) -> Step:
    """One verb of this project."""
    return lambda folder: command(sys.executable, "-m", "buildtools", *arguments, "-q", cwd=folder)


def without(*names: str) -> Step:
    """Remove what an earlier run left."""

    def remove(folder: Path) -> None:
        for name in names:
            shutil.rmtree(folder / name, ignore_errors=True)

    return remove


def copy_examples(folder: Path) -> None:
    """The images of this repository that need no network."""
    for source in ROOT.glob("images/*/src"):
        shutil.copytree(source.parent, folder / "images" / source.parent.name)
    shutil.copy(ROOT / "images" / "defaults.yaml", folder / "images")


def make_files(folder: Path) -> None:
    """One Linux image of many files that compress as programs do: half text, half noise."""
    noise = random.Random(1)
    image = folder / "images" / "big"
    content = image / "content"
    content.mkdir(parents=True)
    size = MEGABYTES * 1_000_000 // FILES
    words = [noise.randbytes(noise.randrange(2, 12)).hex() for _ in range(2000)]
    for number in range(FILES):
        text = " ".join(noise.choices(words, k=size // 24)).encode()[: size // 2]
        place = content / f"part{number % 7}"
        place.mkdir(exist_ok=True)
        (place / f"file{number}.bin").write_bytes(text + noise.randbytes(size - len(text)))
    (image / "image.yaml").write_text(
        "name: big\nplatforms: [linux/amd64]\nbase: scratch\nfiles: [{from: content, to: /content/}]\n"
    )


def buildah(folder: Path, name: str = "big", content: str = "images/big/content") -> None:
    """From scratch, one copy, one commit to a layout; storage in the folder, no daemon."""
    storage = ["--root", str(folder / "storage"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
    (folder / "out").mkdir(exist_ok=True)
    (folder / "Containerfile").write_text("FROM scratch\nCOPY . /content\n")
    command(
        "buildah", *storage, "build", "--isolation", "chroot", "--network", "host", "--quiet",
        "--tag", f"oci:{folder}/out/{name}:latest", "--file", str(folder / "Containerfile"),
        str(folder / content), cwd=folder,
    )  # fmt: skip


def umoci(folder: Path, name: str = "big", content: str = "images/big/content") -> None:
    """An empty layout, one inserted folder, then a copy by skopeo as a tool chain would do."""
    (folder / "out").mkdir(exist_ok=True)
    command("umoci", "init", "--layout", f"made-{name}", cwd=folder)
    command("umoci", "new", "--image", f"made-{name}:latest", cwd=folder)
    command("umoci", "insert", "--image", f"made-{name}:latest", content, "/content", cwd=folder)
    command("skopeo", "copy", "--quiet", f"oci:made-{name}:latest", f"oci:out/{name}:latest", cwd=folder)


def linux_products(folder: Path) -> Iterator[tuple[str, str]]:
    """What our build has compiled for Linux: a name for the image, and the folder."""
    for product in sorted(folder.glob("dist/work/*/linux-*/out")):
        yield "-".join(product.parts[-3:-1]), str(product)


def buildah_examples(folder: Path) -> None:
    """The six Linux images out of programs that are compiled already."""
    for name, product in linux_products(folder):
        buildah(folder, name, product)


def umoci_examples(folder: Path) -> None:
    """The same six."""
    for name, product in linux_products(folder):
        umoci(folder, name, product)


BUILD = ours("build", "--stand-in-bases")
LEFT = without("dist", "storage", "run", "out", "made-big")


def packed_anew(folder: Path) -> None:
    """Compiled programs stay, all that was packed goes."""
    made = [path.name for path in folder.glob("made-*")]
    without("dist/oci", "dist/records", "storage", "run", "out", *made)(folder)


def compiled(folder: Path) -> None:
    """The examples, with their programs compiled."""
    copy_examples(folder)
    BUILD(folder)


TASKS = (
    Task(
        name="example set, 13 variants (others: its 6 for Linux), programs compiled, cold",
        prepare=compiled,
        ways=[
            Way(tool=OURS, before=packed_anew, run=BUILD),
            Way(tool="buildah", before=packed_anew, run=buildah_examples, needs=["buildah"]),
            Way(tool="skopeo+umoci", before=packed_anew, run=umoci_examples, needs=["umoci", "skopeo"]),
        ],
    ),
    Task(
        name="example set, 13 variants (others: its 6 for Linux), nothing to do",
        prepare=compiled,
        ways=[
            Way(tool=OURS, before=BUILD, run=BUILD),
            Way(tool="buildah", run=buildah_examples, needs=["buildah"]),
        ],
    ),
    Task(
        name=f"{FILES} files, {MEGABYTES} MB, cold",
        prepare=make_files,
        ways=[
            Way(tool=OURS, before=LEFT, run=BUILD),
            Way(tool="buildah", before=LEFT, run=buildah, needs=["buildah"]),
            Way(tool="skopeo+umoci", before=LEFT, run=umoci, needs=["umoci", "skopeo"]),
        ],
    ),
    Task(
        name=f"{FILES} files, {MEGABYTES} MB, nothing to do",
        prepare=make_files,
        ways=[
            Way(tool=OURS, before=BUILD, run=BUILD),
            Way(tool="buildah", run=buildah, needs=["buildah"]),
        ],
    ),
)


def measure(task: Task, runs: int, note: Callable[[str], None]) -> Result:
    """Each tool in turn, round by round, so that a busy moment hits all of them."""
    result = Result(task=task.name)
    with scratch() as folder:
        places = {}
        for way in task.ways:
            result.seconds[way.tool] = []
            if way.missing:
                note(f"{task.name}: {way.tool} is left out, {', '.join(way.missing)} is not on PATH")
                continue
            places[way.tool] = folder / way.tool
            places[way.tool].mkdir()
            task.prepare(places[way.tool])
            # The first round fills caches of compilers and of the file system; it does not count.
            way.before(places[way.tool])
            way.run(places[way.tool])
        for number in range(runs):
            for way in task.ways:
                if way.tool not in places:
                    continue
                way.before(places[way.tool])
                start = time.perf_counter()
                way.run(places[way.tool])
                result.seconds[way.tool].append(time.perf_counter() - start)
            note(f"{task.name}: round {number + 1} of {runs}")
    return result


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on disk that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="buildtools-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def table(results: Sequence[Result], runs: int) -> Table:
    """Medians and ratios to ours."""
    shown = Table(title=f"Median of {runs}, {platform.machine()}, {os.cpu_count()} processors")
    for name in ("task", "tool", "seconds", "× ours"):
        shown.add_column(name, justify="right" if name in {"seconds", "× ours"} else "left")
    for result in results:
        base = statistics.median(result.seconds[OURS])
        for tool, seconds in result.seconds.items():
            if seconds:
                median = statistics.median(seconds)
                shown.add_row(result.task, tool, f"{median:.2f}", f"{median / base:.1f}")
    return shown


def main() -> None:
    """Measure all tasks, or those whose name holds a word."""
    parser = argparse.ArgumentParser(description="Measure builds beside other tools.")
    parser.add_argument("word", nargs="?", default="", help="only tasks whose name holds this")
    parser.add_argument("--runs", type=int, default=3, help="rounds that count (default: 3)")
    parser.add_argument("--json", action="store_true", help="print every time as JSON")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    results = [
        measure(task, arguments.runs, lambda text: console.print(text, style="dim"))
        for task in TASKS
        if arguments.word in task.name
    ]
    if arguments.json:
        document = {"runs": arguments.runs, "tasks": {result.task: result.seconds for result in results}}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        Console().print(table(results, arguments.runs))


if __name__ == "__main__":
    main()
