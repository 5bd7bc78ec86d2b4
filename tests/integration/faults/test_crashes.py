"""SIGKILL at every request and every step on the disk: tags stay whole, the next run finishes the work.

Each point is a process of its own that is really killed. The default profile takes a spread of the points,
the long one all of them.
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import pytest

from buildtools import record
from tests.fakes.forks import Running, killed
from tests.fakes.proxy import Fault, Passed, Proxy, Rule
from tests.integration.faults.conftest import Lab

Side = Literal["before", "after"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What is published: an image, its tags, whether to two registries, and points of the default profile."""

    image: str
    tags: tuple[str, ...] = ("latest",)
    twice: bool = False
    sample: int = 3


SHAPES = {
    "one image": Shape(image="host"),
    "five entries": Shape(image="hello", sample=5),
    "three tags, two registries": Shape(image="hello", tags=("1.0.0", "1.0", "latest"), twice=True),
    # An index with referrers has its row here once there is a verb that publishes them.
}


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_kill_at_any_request(name: str, side: Side, lab: Lab, everything: bool) -> None:
    """Before a request is passed on or after it was answered: every tag is absent, old or complete."""
    story = Story(lab, SHAPES[name])
    total = sum(len(proxy.log) for proxy in story.undisturbed())
    assert total > 10
    for point in spread(total, None if everything else SHAPES[name].sample):
        story.killed_at(point, side, old=point % 2 == 0)


def spread(total: int, most: int | None) -> Iterator[int]:
    """Points from the first to the last of `total`, at equal distances."""
    if most is None or most >= total:
        yield from range(total)
        return
    yield from sorted({round(number * (total - 1) / (most - 1)) for number in range(most)})


class Story:
    """One shape, published and killed again and again, each time to a place of its own."""

    def __init__(self, lab: Lab, shape: Shape) -> None:
        self.lab = lab
        self.shape = shape
        self.proxies = [lab.proxy, lab.other] if shape.twice else [lab.proxy]

    def undisturbed(self) -> Sequence[Proxy]:
        """The proxies after a run that nobody disturbs."""
        assert self.start(self.lab.place(image=self.shape.image)).wait().code == 0
        return self.proxies

    def killed_at(self, point: int, side: Side, *, old: bool) -> None:
        """Kill at the request with that number, look at all tags, and run again."""
        place = self.lab.place(old=self.shape.tags[-1] if old else "", image=self.shape.image)
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
        for proxy in self.proxies:
            proxy.reset(Rule(pattern=".", fault=fault, only=only))
        known.append(self.start(place))
        ready.set()
        ended = known[0].wait()
        assert ended.code == -9, (point, side, ended)
        committed = self.committed()
        states = self.states(place)
        digest = self.lab.digest(self.shape.image)
        assert set(states) <= {"absent", "old", digest}, (point, side, states)
        for proxy in self.proxies:
            proxy.reset()
        said = self.lab.at(*self.arguments(place))
        assert (said.code, said.err) == (0, ""), (point, side)
        assert set(self.states(place)) == {digest}
        assert not committed & self.committed(), (point, side)

    def arguments(self, place: str) -> list[str]:
        """What is published where."""
        places = [f"{proxy.host}/{place}" for proxy in self.proxies]
        return [
            "publish",
            self.shape.image,
            *(word for one in places for word in ("--to", one)),
            *(word for tag in self.shape.tags for word in ("--tag", tag)),
        ]

    def start(self, place: str) -> Running:
        """A run in a process of its own."""
        more = ["-q", "--dist", str(self.lab.dist)]
        return self.lab.forks.start(
            *self.arguments(place), *more, cwd=self.lab.root, environment=self.lab.environment
        )

    def states(self, place: str) -> list[str]:
        """What each tag in each registry is on; what it leads to is found to be complete."""
        for proxy in self.proxies:
            proxy.wait_idle()
        return [
            self.lab.state(place, tag, image=self.shape.image, host=proxy.upstream)
            for proxy in self.proxies
            for tag in self.shape.tags
        ]

    def committed(self) -> set[tuple[str, str]]:
        """The blobs that a registry has said to have taken."""
        found = set()
        for proxy in self.proxies:
            proxy.wait_idle()
            for passed in proxy.log:
                if passed.method == "PUT" and "/blobs/uploads/" in passed.target and passed.status == 201:
                    digest = re.search("digest=([^&]+)", passed.target)
                    assert digest
                    found.add((proxy.host, unquote(digest[1])))
        return found


def test_a_kill_at_any_step_on_the_disk(lab: Lab, tmp_path: Path, everything: bool) -> None:
    """Around each fsync, rename and deletion of a build and a publish, nothing half written has a name."""
    counted = lab.rerun(lab.place(), dist=tmp_path / "counted", die=-1)
    assert (counted.code, counted.err) == (0, "")
    assert counted.steps > 40
    whole = names(tmp_path / "counted")
    for point in spread(counted.steps, None if everything else 8):
        dist, place = tmp_path / f"{point}", lab.place(old="latest")
        ended = lab.rerun(place, dist=dist, die=point + 1)
        assert ended.code == -9, (point, ended)
        sound(dist)
        age(dist)
        assert lab.state(place) in {"old", lab.digest()}
        again = lab.rerun(place, dist=dist)
        assert (again.code, again.err) == (0, ""), point
        assert lab.state(place) == lab.digest()
        sound(dist)
        assert names(dist) == whole, point


def names(dist: Path) -> set[str]:
    """Every file below a folder, but for two kinds.

    Whether there is a cache of hashes is a matter of seconds, and the session of a process that was killed at
    its very end stays until somebody writes to the layout again.
    """
    files = {path.relative_to(dist).as_posix() for path in dist.rglob("*") if path.is_file()}
    return {name for name in files if name != "cache/hashes.json" and not name.endswith(".session")}


def age(dist: Path) -> None:
    """Make what the dead run left look as old as it will be: what is new may be another process's."""
    for path in dist.rglob(".*.*"):
        os.utime(path, (0, 0))


def sound(dist: Path) -> None:
    """Every file that has its final name is whole."""
    for blob in dist.glob("oci/*/blobs/sha256/*"):
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    for path in (*dist.glob("oci/*/index.json"), *dist.glob("oci/*/oci-layout")):
        json.loads(path.read_bytes())
    for path in dist.glob("records/*/[!.]*.json"):
        record.parse(path.read_bytes())
