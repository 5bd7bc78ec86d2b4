"""SIGKILL at every request and every step on the disk: tags stay whole, the next run finishes the work.

Each point is a process of its own that is really killed. The default profile takes a spread of the points,
the long one all of them.
"""

import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import pytest

from buildtools import pins, record
from tests.fakes.forks import Ended, Running, killed
from tests.fakes.proxy import Fault, Passed, Rule
from tests.integration.faults.conftest import Lab
from tests.integration.faults.works import (
    Work,
    creating,
    first_run,
    merging,
    promoting,
    publishing,
    rebasing,
)

Side = Literal["before", "after"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A way to make a place and its work; `sample` is how many points the default profile takes."""

    prepare: Callable[..., Work]
    sample: int = 3


SHAPES = {
    "one image": Shape(prepare=partial(publishing, image="host")),
    "five entries": Shape(prepare=publishing, sample=5),
    "three tags, two registries": Shape(
        prepare=partial(publishing, tags=("1.0.0", "1.0", "latest"), twice=True)
    ),
    "a first run": Shape(prepare=first_run),
    "with referrers": Shape(prepare=promoting, sample=6),
    "index create": Shape(prepare=creating),
    "index merge": Shape(prepare=merging),
    "rebase": Shape(prepare=rebasing),
}


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_kill_at_any_request(name: str, side: Side, lab: Lab, everything: bool) -> None:
    """Before a request is passed on or after it was answered: every tag is absent, old or complete."""
    story = Story(lab, SHAPES[name])
    totals = [story.undisturbed(old=old) for old in (False, True)]
    assert min(totals) > 10
    for point in spread(min(totals), None if everything else SHAPES[name].sample):
        story.killed_at(point, side, old=point % 2 == 0)


def spread(total: int, most: int | None) -> Iterator[int]:
    """Points from the first to the last of `total`, at equal distances."""
    if most is None or most >= total:
        yield from range(total)
        return
    yield from sorted({round(number * (total - 1) / (most - 1)) for number in range(most)})


class Story:
    """One shape, done and killed again and again, each time to a place of its own."""

    def __init__(self, lab: Lab, shape: Shape) -> None:
        self.lab = lab
        self.shape = shape
        self.digests: dict[bool, str] = {}

    def undisturbed(self, *, old: bool) -> int:
        """How many requests a run makes that nobody disturbs."""
        work = self.shape.prepare(self.lab, old=old)
        for proxy in work.proxies:
            proxy.reset()
        ended = self.start(work).wait()
        assert (ended.code, ended.err) == (0, "")
        (self.digests[old],) = set(work.states())
        assert self.digests[old] not in {"", *work.befores}
        assert work.digest in {"", self.digests[old]}
        work.ended()
        return sum(len(proxy.log) for proxy in work.proxies)

    def killed_at(self, point: int, side: Side, *, old: bool) -> None:
        """Kill at the request with that number, look at all tags, and run again."""
        work, digest = self.shape.prepare(self.lab, old=old), self.digests[old]
        known, ready = list[Running](), threading.Event()

        def act(_: Passed) -> None:
            ready.wait(30)
            killed(known[0].pid)(None)

        counted, lock = [0], threading.Lock()

        def only(_: Passed) -> bool:
            with lock:
                counted[0] += 1
                return counted[0] == point + 1

        fault = Fault(act=act, when=side, breaks=side)
        for proxy in work.proxies:
            proxy.reset(Rule(pattern=".", fault=fault, only=only))
        known.append(self.start(work))
        ready.set()
        ended = known[0].wait()
        # Threads that ask the same thing at once make some more requests one time than another.
        assert ended.code == -9 or (ended.code == 0 and counted[0] <= point), (point, side, ended)
        arrived = committed(work)
        states = work.states()
        assert set(states) <= work.befores | {digest}, (point, side, states)
        work.sound()
        for proxy in work.proxies:
            proxy.reset()
        said = self.lab.run(*work.command)
        assert (said.code, said.err) == (0, ""), (point, side)
        assert set(work.states()) == {digest}
        work.sound()
        work.ended()
        assert not arrived & committed(work), (point, side)

    def start(self, work: Work) -> Running:
        """A run in a process of its own."""
        return self.lab.forks.start(*work.command, "-q", cwd=work.cwd, environment=self.lab.environment)


def committed(work: Work) -> set[tuple[str, str]]:
    """The blobs that a registry has said to have taken."""
    found = set()
    for proxy in work.proxies:
        proxy.wait_idle()
        for passed in proxy.log:
            if passed.method == "PUT" and "/blobs/uploads/" in passed.target and passed.status == 201:
                digest = re.search("digest=([^&]+)", passed.target)
                assert digest
                found.add((proxy.host, unquote(digest[1])))
    return found


@pytest.mark.parametrize("pinned", [True, False])
def test_a_kill_at_any_step_on_the_disk(pinned: bool, lab: Lab, tmp_path: Path, everything: bool) -> None:
    """Around each fsync, rename and deletion of a build and a publish, nothing half written has a name.

    The pins file is written by the run, or is there before.
    """

    def run(name: str, place: str, die: int = 0) -> Ended:
        root, dist = tmp_path / name / "project", tmp_path / name / "dist"
        if not root.exists():
            left_out = shutil.ignore_patterns(*([] if pinned else ["pins.json"]))
            shutil.copytree(lab.root, root, ignore=left_out)
        words = ("publish", "hello", "-q", "--to", f"{lab.proxy.host}/{place}", "--dist", str(dist))
        return lab.forks.run(*words, cwd=root, environment=lab.environment, die=die)

    counted = run("counted", lab.place(), -1)
    assert (counted.code, counted.err) == (0, "")
    assert counted.steps > 40
    whole = names(tmp_path / "counted")
    for point in spread(counted.steps, None if everything else 8):
        folder, place = tmp_path / f"{point}", lab.place(old="latest")
        ended = run(f"{point}", place, point + 1)
        assert ended.code == -9, (point, ended)
        sound(folder)
        age(folder)
        assert lab.state(place) in {"old", lab.digest()}
        again = run(f"{point}", place)
        assert (again.code, again.err) == (0, ""), point
        assert lab.state(place) == lab.digest()
        sound(folder)
        assert names(folder) == whole, point


def names(folder: Path) -> set[str]:
    """Every file of a project and its build, but for two kinds.

    Whether there is a cache of hashes is a matter of seconds, and the session of a process that was killed at
    its very end stays until somebody writes to the layout again.
    """
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in files if name != "dist/cache/hashes.json" and not name.endswith(".session")}


def age(folder: Path) -> None:
    """Make what the dead run left look as old as it will be: what is new may be another process's."""
    for path in folder.rglob(".*.*"):
        os.utime(path, (0, 0))


def sound(folder: Path) -> None:
    """Every file that has its final name is whole."""
    dist = folder / "dist"
    for path in (folder / "project" / "images").glob("pins.json"):
        pins.parse(path.read_text(encoding="utf-8"))
    for blob in dist.glob("oci/*/blobs/sha256/*"):
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    for path in (*dist.glob("oci/*/index.json"), *dist.glob("oci/*/oci-layout")):
        json.loads(path.read_bytes())
    for path in dist.glob("records/*/[!.]*.json"):
        record.parse(path.read_bytes())
