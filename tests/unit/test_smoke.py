# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What `smoke` says of its results: tables, the document, JUnit, and what ends the run."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools import smoke
from buildtools.cases import image_name, is_reference, published_cases
from buildtools.errors import MissingToolError, UnavailableError, UsageError
from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import canonical_json
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.smoke import CHECKS, Case, Result, Smoker, SmokeReport
from buildtools.spec.model import LifecycleSpec
from buildtools.stores.memory import MemoryStore
from buildtools.tiers import TIERS, TierRow
from buildtools.tiers.base import Contract, Outcome, StopEvent
from buildtools.tree import read_tree
from buildtools.views.junit import junit, safe
from buildtools.views.smoke import smoke_json, smoke_summary, smoke_table, tiers_table
from buildtools.windows.releases import EXAMPLE, RELEASES
from tests.fakes.definitions import variant
from tests.fakes.images import image, index

CONTRACT = LifecycleSpec(args=("x",))
VERSION = f"10.0.{EXAMPLE.build}.1"


def case(os: str = "linux", os_version: str = "", *, name: str = "app", **changes: Any) -> Case:
    """One variant on nothing."""
    made = image(Platform(os=os, architecture="amd64", os_version=os_version), layers=())
    told: dict[str, Any] = {"lifecycle": CONTRACT, "image": name} | changes
    return Case(
        variant=variant(os, **told),
        manifest=made.manifest,
        config=ImageConfig.parse(made.blobs[0]),
        own=(),
        open_blob=lambda _: BytesIO(),
    )


LINUX, WINDOWS = case(), case("windows", VERSION, label=f"windows/amd64:{EXAMPLE.name}")
KEPT = Outcome(ready=0.25, answer={"os": "linux", "n": 1}, exit_code=0, log=("one", "two\x1b[0m"))
BROKEN = Outcome(findings=("ended with 1, expected 0", "left running: x"), exit_code=1, remarks=("odd",))
REPORT = SmokeReport(
    results=(
        Result(case=LINUX, tier=CHECKS, outcome=Outcome()),
        Result(case=LINUX, tier="native", outcome=KEPT, seconds=1.25),
        Result(case=LINUX, tier="docker", outcome=BROKEN),
        Result(case=WINDOWS, tier=CHECKS, outcome=Outcome(remarks=("odd",))),
        Result(case=WINDOWS, tier="native", reason="needs windows"),
        Result(case=WINDOWS, tier="docker", reason="no engine"),
    )
)


def test_the_tables() -> None:
    """What was tried, what was not and why, and what is wrong."""
    assert [row[:2] + row[3:] for row in tiers_table(REPORT).rows] == [
        ("native", "1", "needs windows"),
        ("docker", "1", "no engine"),
    ]
    assert [*smoke_table(REPORT).rows] == [
        ("app", "linux/amd64", "–", "native", "0.2 s", "os=linux", "0", "kept"),
        ("app", "linux/amd64", "–", "docker", "", "", "1", "ended with 1, expected 0; left running: x"),
        (
            "app",
            f"windows/amd64:{EXAMPLE.name}",
            VERSION,
            "checks",
            "",
            "",
            "",
            "not tried; its files are right; odd",
        ),
    ]
    assert smoke_summary(REPORT) == "1 of 2 contracts kept; 1 of 2 variants was tried nowhere."
    assert smoke_summary(SmokeReport(results=REPORT.results[:2])) == "1 of 1 contracts kept."


def test_the_document() -> None:
    """Every result with what a script needs; the digest says which image it was."""
    told = smoke_json(REPORT)
    assert (told["schema"], told["kept"]) == (1, False)
    assert told["tiers"][1] == {"tier": "docker", "tried": 1, "reasons": ["no engine"]}
    assert told["results"][1] == {
        "image": "app",
        "platform": "linux/amd64",
        "os": "linux",
        "architecture": "amd64",
        "os_version": "",
        "digest": LINUX.manifest.descriptor.digest,
        "tier": "native",
        "state": "kept",
        "reason": "",
        "seconds": 1.25,
        "findings": [],
        "remarks": [],
        "ready_after": 0.25,
        "answer": {"os": "linux", "n": 1},
        "exit_code": 0,
        "log": ["one", "two\x1b[0m"],
    }
    assert told["results"][4]["reason"] == "needs windows"
    assert told["results"][4]["os_version"] == VERSION


def test_junit() -> None:
    """An XML parser reads it, and finds each result where CI services look for it."""
    whole = ET.fromstring(junit(REPORT))
    assert dict(whole.attrib) == {
        "name": "buildtools smoke", "tests": "6", "failures": "1", "errors": "0", "skipped": "2", "time": "1.250",
    }  # fmt: skip
    cases = whole.findall("testsuite/testcase")
    assert [(one.get("classname"), one.get("name")) for one in cases] == [
        ("app.checks", "linux/amd64"),
        ("app.native", "linux/amd64"),
        ("app.docker", "linux/amd64"),
        *(
            (f"app.{tier}", f"windows/amd64:{EXAMPLE.name} ({VERSION})")
            for tier in ("checks", "native", "docker")
        ),
    ]
    assert cases[1].findtext("system-out") == "one\ntwo\\x1b[0m"
    assert [one.get("message") for one in cases[2].findall("failure")] == [*BROKEN.findings]
    assert cases[2].findtext("system-err") == "odd"
    skipped = cases[4].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "needs windows"


@given(text=st.text())
def test_junit_of_any_text(text: str) -> None:
    """Whatever a program prints, the document can be read, and what XML can hold comes back."""
    outcome = Outcome(findings=(text,), log=(text,), remarks=(text,))
    report = SmokeReport(results=(Result(case=LINUX, tier="native", outcome=outcome),))
    found = ET.fromstring(junit(report)).find("testsuite/testcase")
    assert found is not None
    (failure,) = found.findall("failure")
    assert failure.get("message") == safe(text)
    assert (found.findtext("system-out") or "") == safe(text)


def test_what_a_run_without_a_tier_ends_with() -> None:
    """Nothing that was asked for is left out silently."""
    REPORT.raise_missing()
    with pytest.raises(MissingToolError) as caught:
        SmokeReport(results=REPORT.results[3:], asked=("docker",)).raise_missing()
    assert str(caught.value) == (
        "nothing was tried on docker (no engine): see `buildtools doctor` for what this machine has"
    )
    with pytest.raises(MissingToolError) as caught:
        SmokeReport(results=REPORT.results[3:]).raise_missing()
    assert caught.value.message == "nothing was tried on native (needs windows) and docker (no engine)"
    SmokeReport(results=REPORT.results, asked=("docker", "native")).raise_missing()


class FakeTier:
    """A tier that says what it is told to; it counts what it has started and ended."""

    name = "native"
    events: Mapping[StopEvent, str] = MappingProxyType({"shutdown": "stop", "interrupt": "stop"})

    def __init__(self, refuses: str = "") -> None:
        self.refused = refuses
        self.contracts: list[Contract] = []
        self.ended = 0
        self.waiting = threading.Event()

    def unavailable(self, config: ImageConfig) -> str:
        """Linux only."""
        return "" if config.platform.os == "linux" else "linux only"

    def refuses(self, _contract: Contract) -> str:
        """What it was made with."""
        return self.refused

    @contextmanager
    def started(self, contract: Contract) -> Iterator[Any]:
        """Itself."""
        self.contracts.append(contract)
        try:
            yield self
        finally:
            self.ended += 1

    def wait(self, _within: float) -> int | None:
        """Ended at once."""
        return 0

    def leftovers(self) -> tuple[str, ...]:
        """None."""
        return ()

    def log(self) -> tuple[str, ...]:
        """None."""
        return ()


def states(report: SmokeReport) -> list[tuple[str, str, str]]:
    """Tier, state and reason of each result."""
    return [(one.tier, one.state, one.reason) for one in report.results]


def run(tier: FakeTier, *cases: Case, asked: tuple[str, ...] = ()) -> SmokeReport:
    """Try the cases on this one tier."""
    return Smoker(tiers={"native": tier, "docker": tier, "cluster": tier}, asked=asked).run(cases)


@pytest.fixture(autouse=True)
def one_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with one tier that takes files, and one that changes what belongs to others."""
    rows = (TierRow("native", "files", "all"), TierRow("cluster", "reference", "pods", asked=True))
    monkeypatch.setattr(smoke, "TIERS", rows)


def test_what_is_tried() -> None:
    """Each case on each tier, unless there is a reason."""
    tier = FakeTier()
    report = run(tier, LINUX, WINDOWS, case(lifecycle=None))
    assert states(report) == [
        ("checks", "kept", ""),
        ("native", "kept", ""),
        ("cluster", "not tried", "it is tried only where --tier names it"),
        ("checks", "kept", ""),
        ("native", "not tried", "linux only"),
        ("cluster", "not tried", "it is tried only where --tier names it"),
        ("checks", "kept", ""),
        ("native", "not tried", "its definition has no lifecycle"),
        ("cluster", "not tried", "its definition has no lifecycle"),
    ]
    (contract,) = tier.contracts
    assert not contract.root.exists()


def unreadable(_descriptor: object) -> BytesIO:
    """A registry that is gone."""
    raise UnavailableError("the registry is gone")


def test_files_that_cannot_be_had() -> None:
    """The image's own: nothing can be said of it. Its base's: only tiers that take files do without."""
    layer = image(layers=(b"layer",)).manifest
    tier = FakeTier()
    own = replace(LINUX, manifest=layer, own=layer.layers, open_blob=unreadable)
    reason = "its files cannot be laid out here: the registry is gone"
    assert states(run(tier, own, asked=("native",))) == [
        ("checks", "not tried", reason),
        ("native", "not tried", reason),
    ]
    needy = replace(
        own,
        own=(),
        config=ImageConfig.parse(canonical_json(json.loads(own.config.raw) | {"config": {"User": "app"}})),
    )
    assert states(run(tier, needy, asked=("native",))) == [
        ("checks", "kept", ""),
        ("native", "not tried", reason),
    ]
    assert states(run(tier, replace(own, own=()), asked=("native",)))[1] == ("native", "kept", "")


def test_tiers_by_name() -> None:
    """Only those; one that pulls needs something published."""
    assert states(run(FakeTier(), LINUX, asked=("cluster",)))[1:] == [
        ("cluster", "not tried", "it pulls: name a published image, as in ghcr.io/acme/app@sha256:...")
    ]
    assert states(run(FakeTier("not this one"), LINUX, asked=("native",)))[1:] == [
        ("native", "not tried", "not this one")
    ]


def test_an_interrupt_ends_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is cancelled and cleaned up before the interrupt goes on."""
    tier = FakeTier()
    waited = threading.Event()

    def wait(_within: float) -> int | None:
        waited.set()
        return None

    def interrupted(_self: Smoker, _case: Case, _row: TierRow, _contract: Contract) -> Result:
        waited.wait()
        raise KeyboardInterrupt

    whole = Smoker._try
    monkeypatch.setattr(tier, "wait", wait)
    monkeypatch.setattr(
        Smoker, "_try",
        lambda self, one, row, contract: (interrupted if one.variant.image == "b" else whole)(self, one, row, contract),
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        Smoker(tiers={"native": tier, "cluster": tier}, jobs=2).run([case(name="b"), case(name="a")])
    assert tier.ended == 1


@pytest.mark.parametrize(
    ("text", "reference", "name"),
    [
        ("whoami", False, "whoami"),
        ("oci:dist/oci/whoami", True, "whoami"),
        ("oci:whoami", True, "whoami"),
        ("ghcr.io/acme/whoami:1.4", True, "whoami"),
        ("127.0.0.1:5000/whoami", True, "whoami"),
        ("127.0.0.1:5000/a/whoami:1@sha256:00", True, "whoami"),
    ],
)
def test_names(text: str, reference: bool, name: str) -> None:
    """What is published is told from a project's image, and is an image of the project by its own name."""
    assert (is_reference(text), image_name(text)) == (reference, name)


def test_what_is_published() -> None:
    """Each variant by its platform and build, with a name that is a digest."""
    old, new = (f"10.0.{row.build}.1000" for row in (RELEASES[0], EXAMPLE))
    made = [image(Platform(os="linux", architecture="amd64"))]
    made += [image(Platform(os="windows", architecture="amd64", os_version=one)) for one in (new, old)]
    store = MemoryStore("r")
    for one in made:
        one.put(store)
    whole = index(*made)
    store.put_manifest(whole.raw, whole.media_type)
    digest = whole.descriptor.digest
    tree = read_tree(store, digest)
    variants = [
        variant("windows", label="w", release=EXAMPLE),
        variant("linux"),
        variant("linux", "arm64"),
        variant("windows", label="none", release=RELEASES[-1]),
    ]
    found = published_cases(tree, store, "r.example:5/app:1", variants)
    assert [(one.variant.label, one.config.platform.os_version) for one in found] == [
        ("w", new),
        ("linux/amd64", ""),
    ]
    assert {one.reference for one in found} == {f"r.example:5/app@{digest}"}
    assert published_cases(tree, store, "oci:app", variants[:1])[0].reference == ""
    with pytest.raises(UsageError) as caught:
        published_cases(tree, store, "r/app", variants[2:3])
    assert str(caught.value) == (
        f"r/app has nothing that was asked for: it has linux/amd64, windows/amd64:{new}, windows/amd64:{old}, not linux/arm64"
    )


def test_every_tier_of_the_table() -> None:
    """Each can be made, and is called what its row says."""
    assert [row.make(Settings()).name for row in TIERS] == [row.name for row in TIERS]
