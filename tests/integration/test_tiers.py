# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Every tier is told the same stories of one program, and gives the same answers; afterwards nothing is left."""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import pytest

from buildtools.settings import Settings
from buildtools.spec.model import ProbeSpec, ReadySpec, StopSpec
from buildtools.tiers import TIERS
from buildtools.tiers.base import CancelledError, Choosy, Contract, Running, Tier
from buildtools.tiers.cluster import Cluster
from buildtools.tiers.docker import Docker
from buildtools.tiers.native import Native
from buildtools.tiers.story import get, hold
from buildtools.windows.releases import EXAMPLE
from tests.fakes.components import missing
from tests.fakes.definitions import write_script
from tests.fakes.stands import compile_stand, contract_of

KUBECTL = Path(__file__).parents[1] / "fakes" / "kubectl.py"
DRAIN = StopSpec(within=20.0, drain="/slow")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A tier with the program that it runs; `left` names what it has left behind."""

    tier: Tier
    program: Path
    os_version: str
    left: Callable[[], list[str]]

    @property
    def system(self) -> str:
        """The operating system of its images."""
        return self.program.name.split("-")[1]

    def contract(self, root: Path, *args: str, **told: Any) -> Contract:
        """A contract of the program as an image for this tier."""
        made = contract_of(self.program, root, *args, os_version=self.os_version, **told)
        return replace(made, reference=f"registry.example/stand@sha256:{'0' * 64}")


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compiles the program for an operating system, once for each."""
    folder, made = tmp_path_factory.mktemp("stand"), dict[str, Path]()

    def program(system: str) -> Path:
        if system not in made:
            made[system] = compile_stand(folder, system)
        return made[system]

    return program


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files are made, so that one that is left is seen."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture(params=[row.name for row in TIERS])
def place(
    request: pytest.FixtureRequest, programs: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Place:
    """Each tier, with an image that it runs."""
    if request.param == "docker":
        engine = request.getfixturevalue("docker_engine")
        monkeypatch.setenv("DOCKER_HOST", engine)
        return Place(tier=Docker(), program=programs("linux"), os_version="", left=lambda: in_engine(engine))
    if request.param == "cluster":
        state = cluster(request.getfixturevalue("tmp_path"), programs("linux"), monkeypatch)
        return Place(tier=Cluster(), program=programs("linux"), os_version="", left=lambda: in_cluster(state))
    if request.param == "native":
        return Place(tier=Native(), program=programs("linux"), os_version="", left=list)
    # What runs Windows images.
    (row,) = (row for row in TIERS if row.name == request.param)
    tier, version = row.make(Settings.from_env(os.environ)), f"10.0.{EXAMPLE.build}.2700"
    made = Place(tier=tier, program=programs("windows"), os_version=version, left=list)
    if reason := tier.unavailable(made.contract(request.getfixturevalue("tmp_path") / "first").config):
        missing(reason)
    return made


def cluster(folder: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl first on PATH whose pods run the program here; gives the folder of what it knows."""
    state, bin_folder = folder / "cluster", folder / "bin"
    for path in (state, bin_folder):
        path.mkdir()
    write_script(bin_folder / "kubectl", KUBECTL.read_text(encoding="utf-8"), program=sys.executable)
    (state / "nodes.json").write_text(json.dumps({"items": [node("linux", "amd64")]}))
    monkeypatch.setenv("PATH", str(bin_folder), prepend=os.pathsep)
    monkeypatch.setenv("KUBECTL_STATE", str(state))
    monkeypatch.setenv("KUBECTL_PROGRAM", str(program))
    return state


def node(system: str, architecture: str) -> dict[str, Any]:
    """A ready node."""
    info = {"operatingSystem": system, "architecture": architecture, "kernelVersion": "6.1"}
    return {"status": {"nodeInfo": info, "conditions": [{"type": "Ready", "status": "True"}]}}


def in_cluster(state: Path) -> list[str]:
    """Pods that nobody has deleted, and programs of pods that still run."""
    pods = [path.stem for path in state.glob("buildtools-smoke-*.json")]
    kept = [pod for pod in pods if not (state / f"{pod}.deleted").exists()]
    deadline = time.monotonic() + 20
    while running := [path.stem for path in state.glob("*.pid") if not path.with_suffix(".code").exists()]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return kept + running


def in_engine(engine: str) -> list[str]:
    """Containers and images of the tier that the engine still has."""
    client = docker.DockerClient(base_url=engine)
    try:
        found = [str(one.name) for one in client.containers.list(all=True)]
        tags = [tag for image in client.images.list(all=True) for tag in image.tags]
        return found + [tag for tag in tags if tag.startswith("buildtools-smoke")]
    finally:
        client.close()


STORIES = {
    "kept": ((), {}, (), 0),
    "its own exit code": (("-exit", "7"), {"exit": 7}, (), 7),
    "answers as expected": (
        ("-answer", '{"n": 1, "os": "SYSTEM", "arch": "x86_64"}'),
        {"probe": ProbeSpec(http="/who", json={"n": 1})},
        (),
        0,
    ),
    "wrong answer": (
        ("-answer", '{"n": 2}'),
        {"probe": ProbeSpec(http="/who", json={"n": 1})},
        ("answered n = 2, expected 1",),
        0,
    ),
    "another processor": (
        ("-answer", '{"architecture": "arm64"}'),
        {"probe": ProbeSpec(http="/who", json={"architecture": "arm64"})},
        ("answered architecture = 'arm64', its image is for amd64",),
        0,
    ),
    "wrong exit code": (("-exit", "7"), {}, ("ended with 7, expected 0",), 7),
    "never ready": (
        ("-never-ready",),
        {"ready": ReadySpec(http="/ready", within=0.5)},
        ("was not ready within 0.5 seconds",),
        None,
    ),
    "dies early": (("-die", "4"), {}, ("ended with 4 before it was ready",), 4),
    "ends by itself": (("-die", "4"), {"ready": None, "probe": None, "stop": None, "exit": 4}, (), 4),
    "request in flight kept": ((), {"stop": DRAIN}, (), 0),
    "request in flight lost": (
        ("-lose",),
        {"stop": DRAIN},
        ("the request in flight, /slow, was lost",),
        0,
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_one_story_for_every_tier(place: Place, temporary: Path, tmp_path: Path, story: str) -> None:
    """The same findings and the same exit code wherever the program runs."""
    args, told, findings, code = STORIES[story]
    args = tuple(word.replace("SYSTEM", place.system) for word in args)
    outcome = hold(place.contract(tmp_path / "root", *args, **told), place.tier)
    assert (outcome.findings, outcome.exit_code) == (findings, code)
    assert outcome.log[:1] == ("begun",)
    assert place.left() == []
    assert [*temporary.iterdir()] == []


def test_a_program_that_goes_on(place: Place, temporary: Path, tmp_path: Path) -> None:
    """It is named by what it was sent, and gone afterwards."""
    contract = place.contract(tmp_path / "root", "-ignore", stop=StopSpec(within=2.0))
    outcome = hold(contract, place.tier)
    assert outcome.findings == (f"{place.tier.events['shutdown']} did not end it within 2 seconds",)
    assert outcome.exit_code is None
    assert outcome.log == ("begun", "asked to stop")
    assert place.left() == []
    assert [*temporary.iterdir()] == []


def test_an_interrupt(place: Place, tmp_path: Path) -> None:
    """A program that handles Ctrl-C only is stopped by that."""
    contract = place.contract(
        tmp_path / "root", "-only-interrupt", stop=StopSpec(event="interrupt", within=20.0)
    )
    if not (isinstance(place.tier, Choosy) and place.tier.refuses(contract)):
        assert hold(contract, place.tier).findings == ()


def test_what_cannot_be_started(
    place: Place, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image names a program that it has not."""
    monkeypatch.setenv("KUBECTL_PROGRAM", "/gone")
    gone = {"linux": "/gone", "windows": r"C:\gone.exe"}[place.system]
    contract = place.contract(tmp_path / "root", config={"entrypoint": (gone,)})
    (finding,) = hold(contract, place.tier).findings
    assert finding.startswith("cannot be started (")
    assert "no such file or directory" in finding.lower() or f"there is no {gone}" in finding
    assert place.left() == []
    assert [*temporary.iterdir()] == []


def test_an_interrupted_story(place: Place, temporary: Path, tmp_path: Path) -> None:
    """Its program ends at once, with a request in flight, and nothing is left: no process, container or file."""
    seen: list[Running] = []
    contract = place.contract(tmp_path / "root", "-ignore", stop=StopSpec(within=600.0, drain="/slow"))

    class Watched:
        """The tier, whose program interrupts the run as soon as it is asked to stop."""

        name, events = place.tier.name, place.tier.events
        unavailable = staticmethod(place.tier.unavailable)

        def started(self, contract: Contract) -> Any:
            """What the tier has started."""
            made = place.tier.started(contract)

            class Entered:
                def __enter__(self) -> Running:
                    running = made.__enter__()
                    seen.append(running)
                    threading.Timer(1.0, contract.cancelled.set).start()
                    return running

                def __exit__(self, *error: object) -> bool | None:
                    return made.__exit__(*error)

            return Entered()

    with pytest.raises(CancelledError):
        hold(contract, Watched())
    (running,) = seen
    assert get(running.endpoint, "/ready", within=1) == (0, b"")
    assert place.left() == []
    assert [*temporary.iterdir()] == []


def test_many_at_once(place: Place, tmp_path: Path) -> None:
    """Each has a port and a place of its own."""
    contracts = [
        place.contract(
            tmp_path / str(n), "-answer", f'{{"n": {n}}}', probe=ProbeSpec(http="/who", json={"n": n})
        )
        for n in range(3)
    ]
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(lambda one: hold(one, place.tier), contracts))
    assert [outcome.findings for outcome in outcomes] == [()] * 3
    assert [outcome.answer for outcome in outcomes] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert place.left() == []


def test_ready_comes_first(place: Place, tmp_path: Path) -> None:
    """The seconds until then are told, and only where the contract asks."""
    assert hold(place.contract(tmp_path / "a"), place.tier).ready is not None
    assert hold(place.contract(tmp_path / "b", ready=None, probe=None), place.tier).ready is None
