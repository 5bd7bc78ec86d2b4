# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What the verbs print: every table and JSON document, from values that were written down."""

from dataclasses import replace
from typing import Any

import pytest

from buildtools.build import Built, BuiltImage, Report
from buildtools.cluster.matchers import Choice
from buildtools.cluster.nodes import NODE_KINDS
from buildtools.demo.proof import Proof, Ran
from buildtools.demo.rollout import Rollout
from buildtools.errors import AuthenticationError, BuildError, Diagnostic, PartialError
from buildtools.inspect import Entry, Inspection, inspect_store
from buildtools.oci.config import ConfigSettings, ImageConfig, build_config
from buildtools.oci.descriptor import OCI_INDEX, OCI_LAYER, OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.pins import Pins
from buildtools.plan import Base, Plan, Target
from buildtools.prepare import Prepared
from buildtools.publish import Published, raise_failures
from buildtools.spec.expand import Project
from buildtools.spec.model import ProjectSpec
from buildtools.stores.memory import MemoryStore
from buildtools.stores.rehearsal import Asked
from buildtools.tagging import Tagged
from buildtools.tiers.base import Outcome
from buildtools.views.build import build_json, build_summary, build_table, plan_json, plan_table
from buildtools.views.demo import demo_json, ran_table, rollout_summary, rollout_tables
from buildtools.views.findings import check_summary, findings_json
from buildtools.views.inspect import choice_text, inspect_json, inspect_table, nodes_table
from buildtools.views.publish import publish_json, publish_table, requests_summary, requests_table
from buildtools.windows.bases import STAND_IN_LABEL
from tests.fakes.definitions import variant
from tests.fakes.images import Image, image, index
from tests.fakes.records import record

LAYER, MANIFEST = digest_of(b"layer"), digest_of(b"manifest")
SIZE = len(b"manifest") + len(b"config") + len(b"layer")


def target(label: str, *reasons: str, **changes: Any) -> Target:
    """A target of the image `app`."""
    fields: dict[str, Any] = {
        "variant": variant(label=label),
        "base": Base(reference="scratch"),
        "created": 0,
        "ingredients": {},
        "fingerprint": digest_of(b"all"),
        "layer_fingerprint": digest_of(b"files"),
        "reasons": reasons,
        "runner": "ubuntu-24.04",
        "record": None if reasons else record("app", label),
    }
    return Target(**(fields | changes))


KEPT = target("linux/amd64", send=2_500_000)
NEW = target(
    "linux/arm64",
    "base moved: a → b",
    "inputs changed: x",
    base=Base(reference="nanoserver", stand_in=True),
    runner="",
)
OTHER = target("linux/s390x", "new")


def prepared(*chosen: Target) -> Prepared:
    """A plan of all three, of which these were asked for."""
    return Prepared(
        project=Project(spec=ProjectSpec(), images={}),
        plan=Plan(targets=(KEPT, NEW, OTHER)),
        chosen=frozenset(one.key for one in chosen),
        pins=Pins(),
        bases={},
    )


def test_the_plan_as_a_table() -> None:
    """What would be built and why, for what was asked for."""
    table = plan_table(prepared(KEPT, NEW))
    assert table.columns == ("image", "platform", "base", "runner", "to send", "what", "why")
    assert table.right == {"to send"}
    assert table.rows == [
        ("app", "linux/amd64", "scratch", "ubuntu-24.04", "2.5 MB", "keep", "up to date"),
        (
            "app",
            "linux/arm64",
            "nanoserver (stand-in)",
            "none hosted",
            "–",
            "build",
            "base moved: a → b; inputs changed: x",
        ),
    ]


def test_the_plan_as_json() -> None:
    """The Plan's own document with what was asked for."""
    made = prepared(NEW, OTHER)
    document = plan_json(made)
    assert document["schema"] == 1
    assert document["targets"] == made.plan.to_json()["targets"][1:]


def built(label: str, *, reused: bool = False, seconds: float = 0.0, **changes: Any) -> Built:
    """A variant that is there now."""
    made = target(label, "new")
    return Built(target=made, record=record("app", label, **changes), reused=reused, seconds=seconds)


def other_manifest(data: bytes) -> Any:
    """A manifest of its own, so that entries can be told apart."""
    made = record("app", "linux/amd64").manifest
    return type(made).of(Descriptor.of(data, made.media_type))


INDEX = Descriptor.of(b"index", OCI_INDEX)
FIRST = built("linux/amd64", seconds=61.0)
SECOND = built(
    "windows/amd64:ltsc2022", reused=True, manifest=other_manifest(b"manifest 2"), os_version="10.0.20348.1"
)
IMAGE = BuiltImage(
    name="app",
    index=INDEX,
    order=(SECOND.record.manifest.digest, FIRST.record.manifest.digest),
    variants=(FIRST, SECOND),
    absent=("linux/arm64",),
    missing=(Descriptor.of(b"base", OCI_LAYER),),
)
REPORT = Report(images=(IMAGE,))


def test_a_build_as_a_table() -> None:
    """In the order of the index, which closes each image."""
    table = build_table(REPORT)
    assert table.columns == ("image", "platform", "os.version", "digest", "size", "what", "time")
    assert table.right == {"size", "time"}
    assert table.rows == [
        (
            "app",
            "windows/amd64:ltsc2022",
            "10.0.20348.1",
            digest_of(b"manifest 2")[7:19],
            "21 B",
            "reused",
            "",
        ),
        ("app", "linux/amd64", "–", MANIFEST[7:19], "19 B", "built", "1 min 01 s"),
        ("app", "index of 2", "", INDEX.digest[7:19], "", "", ""),
    ]


BUILT_JSON = {
    "image": "app",
    "digest": INDEX.digest,
    "absent": ["linux/arm64"],
    "missing_blobs": [digest_of(b"base")],
    "variants": [
        {"platform": "linux/amd64", "os_version": "", "digest": MANIFEST, "size": SIZE, "built": True},
        {
            "platform": "windows/amd64:ltsc2022",
            "os_version": "10.0.20348.1",
            "digest": digest_of(b"manifest 2"),
            "size": SIZE + 2,
            "built": False,
        },
    ],
}


def test_a_build_as_json() -> None:
    """What is there, what is not, and what was built now."""
    assert build_json(REPORT) == {
        "schema": 1,
        "images": [BUILT_JSON],
        "failed": [],
        "failures": [],
    }


@pytest.mark.parametrize(
    ("variants", "sentence"),
    [
        ((FIRST, SECOND), "Built 1 of 2 variants, 1 was up to date."),
        ((FIRST, FIRST), "Built 2 of 2 variants."),
        ((SECOND, SECOND, SECOND), "Nothing to build: all 3 variants are up to date."),
        ((), "Nothing to build: all 0 variants are up to date."),
    ],
)
def test_a_build_in_a_sentence(variants: tuple[Built, ...], sentence: str) -> None:
    """How much was built and how much was there."""
    assert build_summary(Report(images=(replace(IMAGE, variants=variants),))) == sentence


def inspected(*images: Image, others: tuple[Descriptor, ...] = ()) -> Inspection:
    """A store with these images, looked at."""
    store = MemoryStore("dist/oci/app")
    for item in images:
        item.put(store)
    made = index(*images) if not others else Index.build(manifests=[*(one.entry for one in images), *others])
    store.put_manifest(made.raw, made.media_type, tag="1.0")
    return inspect_store(store, "1.0")


def config(**settings: Any) -> ImageConfig:
    """A config with these settings."""
    return build_config(
        None,
        platform=Platform(os="linux", architecture="amd64"),
        settings=ConfigSettings(**settings),
        diff_ids=[],
        history=[],
        created="2026-01-01T00:00:00Z",
    )


LINUX = image()
WINDOWS = image(Platform(os="windows", architecture="amd64", os_version="10.0.20348.1"))
ODD = inspected(LINUX).entries[0]
ODD = Entry(
    descriptor=ODD.descriptor,
    manifest=ODD.manifest,
    config=config(
        labels={STAND_IN_LABEL: "true"},
        entrypoint=("/app",),
        cmd=("x",),
        env={"A": "1"},
        user="u",
        working_dir="/w",
    ),
    missing=(Descriptor.of(b"layer", OCI_LAYER), Descriptor.of(b"other", OCI_LAYER_GZIP)),
)


def test_an_image_as_a_table() -> None:
    """Its entries in their order, with what is remarkable about them."""
    found = inspected(LINUX, WINDOWS)
    table = inspect_table(replace(found, entries=(ODD, found.entries[1])))
    assert table.title == f"dist/oci/app  {found.descriptor.digest}"
    assert table.columns == ("#", "platform", "digest", "layers", "size", "created", "remarks")
    assert table.right == {"#", "layers", "size"}
    assert table.rows == [
        (
            "1",
            "linux/amd64",
            LINUX.manifest.descriptor.digest[7:19],
            "1",
            "5 B",
            "2026-01-01T00:00:00Z",
            f"left to the base's registry: {LAYER[7:19]}, {digest_of(b'other')[7:19]}; on a stand-in base",
        ),
        ("2", "windows/amd64:10.0.20348.1", WINDOWS.manifest.descriptor.digest[7:19], "1", "5 B", "", ""),
    ]


def test_an_image_as_json() -> None:
    """Every entry with its config, other entries, and what each node takes."""
    nested = Descriptor.of(b"{}", OCI_INDEX)
    found = inspected(LINUX, others=(nested,))
    document = inspect_json(replace(found, entries=(ODD,)))
    nodes = document.pop("nodes")
    assert document == {
        "schema": 1,
        "name": "dist/oci/app",
        "digest": found.descriptor.digest,
        "media_type": OCI_INDEX,
        "entries": [
            {
                "platform": {"architecture": "amd64", "os": "linux"},
                "digest": LINUX.manifest.descriptor.digest,
                "config": LINUX.manifest.config.digest,
                "created": "2026-01-01T00:00:00Z",
                "stand_in": True,
                "size": 5,
                "layers": [{"mediaType": OCI_LAYER, "size": 5, "digest": LAYER}],
                "missing_blobs": [LAYER, digest_of(b"other")],
                "entrypoint": ["/app"],
                "cmd": ["x"],
                "env": list(ODD.config.env),
                "user": "u",
                "working_dir": "/w",
                "labels": {STAND_IN_LABEL: "true"},
            }
        ],
        "others": [nested.to_json()],
    }
    assert "A=1" in ODD.config.env
    assert len(nodes) == len(NODE_KINDS)
    assert nodes[0] == {
        "node": "linux/amd64",
        "runtime": str(NODE_KINDS[0].runtime),
        "digest": LINUX.manifest.descriptor.digest,
        "right": True,
        "reason": found.choices[0][1].reason,
    }


TAKEN = Descriptor.of(b"x", OCI_INDEX)


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (Choice(descriptor=None, reason="", right=True, best=True), "none"),
        (Choice(descriptor=None, reason="", right=False, best=False), "none (one would run)"),
        (Choice(descriptor=LINUX.entry, reason="", right=True, best=True), "linux/amd64"),
        (Choice(descriptor=LINUX.entry, reason="", right=True, best=False), "linux/amd64 (not the best)"),
        (Choice(descriptor=LINUX.entry, reason="", right=False, best=False), "linux/amd64 (does not run)"),
        (Choice(descriptor=TAKEN, reason="", right=True, best=True), "an entry without a platform"),
    ],
)
def test_a_choice_in_words(choice: Choice, text: str) -> None:
    """The platform, and whether it runs there."""
    assert choice_text(choice) == text


def test_what_nodes_take_as_a_table() -> None:
    """A column an image; runtimes that agree share a row, under their engine's name where all of it agrees."""
    good = Choice(descriptor=LINUX.entry, reason="", right=True, best=True)
    bad = Choice(descriptor=None, reason="", right=True, best=True)
    whole = replace(inspected(LINUX), name="dist/oci/one", choices=tuple((node, good) for node in NODE_KINDS))
    windows = [node for node in NODE_KINDS if node.name == NODE_KINDS[-1].name]
    parted = tuple((node, bad if node is windows[0] else good) for node in NODE_KINDS)
    table = nodes_table([whole, replace(whole, name="ghcr.io/acme/two", choices=parted)])
    assert table.title == "Which entry a node takes"
    assert table.columns == ("node", "one", "two", "runtime")
    assert len(table.rows) == len({node.name for node in NODE_KINDS}) + 1
    name = windows[0].name
    rest = [str(node.runtime) for node in windows[1:] if node.runtime.engine == "containerd"]
    assert table.rows[-2:] == [
        (name, "linux/amd64", "none", str(windows[0].runtime)),
        (name, "linux/amd64", "linux/amd64", ", ".join([*rest, "docker"])),
    ]
    assert table.rows[0] == ("linux/amd64", "linux/amd64", "linux/amd64", "containerd")
    assert nodes_table([]).rows[0] == ("linux/amd64", "containerd")


RAN = (
    Ran(
        name="app linux/amd64",
        outcome=Outcome(ready=0.25, answer={"os": "linux", "hostname": "x", "os_version": "13"}, exit_code=0),
    ),
    Ran(name="job linux/amd64", outcome=Outcome(findings=("ended with 1, expected 0", "odd"), exit_code=1)),
    Ran(name="gone linux/amd64", outcome=Outcome(findings=("cannot be started (x)",))),
)


def test_contracts_as_a_table() -> None:
    """When each was ready, what it answered of itself, how it ended; nothing for what it has not."""
    table = ran_table(RAN)
    assert table.title == "Run on this machine"
    assert table.columns == ("image", "ready after", "answered", "ended with", "contract")
    assert table.right == {"ready after", "ended with"}
    assert table.rows == [
        ("app linux/amd64", "0.2 s", "os=linux, os_version=13", "0", "kept"),
        ("job linux/amd64", "", "", "1", "ended with 1, expected 0; odd"),
        ("gone linux/amd64", "", "", "", "cannot be started (x)"),
    ]


REFUSED = BuildError("it stands elsewhere", hint="look")
SENT = Published(
    image="app",
    repository="r.io/app",
    digest=INDEX.digest,
    tags=(
        Tagged(name="1.0.0", what="set"),
        Tagged(name="1", what="unchanged", was=INDEX.digest),
        Tagged(name="latest", what="refused", was=LAYER, error=REFUSED),
    ),
    sent=1500,
    mounted=2,
    present=3,
)
NOT_SENT = replace(
    SENT, repository="x.io/app", tags=(Tagged(name="1", what="failed", error=REFUSED),), sent=0
)
REQUESTS = (
    Asked(registry="r.io", method="HEAD", target="/v2/app/manifests/1"),
    Asked(registry="r.io", method="PUT", target="/v2/app/manifests/1", size=1500, writes=True),
)


def test_what_was_published_as_a_table() -> None:
    """A row a tag; what the image took stands in its first one."""
    table = publish_table([SENT, NOT_SENT])
    assert table.columns == (
        "image", "repository", "tag", "what", "was", "digest", "sent", "mounted", "there",
    )  # fmt: skip
    digest = INDEX.digest[7:19]
    assert table.rows == [
        ("app", "r.io/app", "1.0.0", "set", "–", digest, "1.5 kB", "2", "3"),
        ("app", "r.io/app", "1", "unchanged", digest, digest, "", "", ""),
        ("app", "r.io/app", "latest", "refused", LAYER[7:19], digest, "", "", ""),
        ("app", "x.io/app", "1", "failed", "–", digest, "0 B", "2", "3"),
    ]
    assert publish_table([SENT], dry=True).rows[0][3] == "would be set"


def test_what_was_published_as_json() -> None:
    """Where a tag stands on the image, and where none does; a dry run's requests beside it."""
    document = publish_json([SENT, NOT_SENT])
    assert (document["schema"], document["failures"]) == (1, ["it stands elsewhere: look"])
    (one,) = document["published"]
    assert one["tags"] == [
        {"tag": "1.0.0", "what": "set", "was": "", "error": ""},
        {"tag": "1", "what": "unchanged", "was": INDEX.digest, "error": ""},
        {"tag": "latest", "what": "refused", "was": LAYER, "error": "it stands elsewhere: look"},
    ]
    assert (one["sent"], one["mounted"], one["present"], one["changed"]) == (1500, 2, 3, True)
    (other,) = document["not_published"]
    assert (other["repository"], other["changed"]) == ("x.io/app", False)
    dry = publish_json([SENT], REQUESTS)
    assert (document["dry_run"], dry["dry_run"]) == (False, True)
    assert dry["requests"][1] == {
        "registry": "r.io", "method": "PUT", "target": "/v2/app/manifests/1", "size": 1500, "writes": True,
    }  # fmt: skip
    assert dry["total"] == {"requests": 2, "writes": 1, "size": 1500}


def test_the_requests_of_a_dry_run() -> None:
    """What reads has no body, and the sum of what writes."""
    assert requests_table(REQUESTS).rows == [
        ("r.io", "HEAD /v2/app/manifests/1", "", "reads"),
        ("r.io", "PUT /v2/app/manifests/1", "1.5 kB", "writes"),
    ]
    assert requests_summary(REQUESTS) == "Nothing was sent: 1 of 2 requests would write 1.5 kB."
    assert requests_summary(REQUESTS[:1]) == "Nothing was sent, and nothing would be: 1 requests only read."


def test_how_a_publish_ends() -> None:
    """With the fault itself, with what they have in common, or with how much is missing."""
    raise_failures([replace(SENT, tags=SENT.tags[:2])])
    with pytest.raises(BuildError, match="it stands elsewhere"):
        raise_failures([NOT_SENT, NOT_SENT])
    with pytest.raises(PartialError, match="2 of 4 tags were not set"):
        raise_failures([SENT, NOT_SENT])
    denied = replace(NOT_SENT, tags=(Tagged(name="1", what="failed", error=AuthenticationError("no")),))
    more = replace(NOT_SENT, tags=(Tagged(name="1", what="failed", error=AuthenticationError("nor here")),))
    with pytest.raises(AuthenticationError, match="none of 2 tags was set"):
        raise_failures([denied, more])
    with pytest.raises(BuildError, match="none of 2 tags was set"):
        raise_failures([denied, NOT_SENT])


FOUND = Diagnostic(
    code="secret", message="m", hint="h", path="images/x/image.yaml", line=3, column=5, severity="warning"
)
FOUND_JSON = {
    "file": "images/x/image.yaml",
    "line": 3,
    "col": 5,
    "code": "secret",
    "severity": "warning",
    "message": "m",
    "hint": "h",
}


def test_findings_as_json() -> None:
    """All that is known about each."""
    assert findings_json([FOUND]) == {"schema": 1, "findings": [FOUND_JSON]}
    assert findings_json([]) == {"schema": 1, "findings": []}


def test_the_demo_as_json() -> None:
    """The build, what nodes take by image, contracts and findings."""
    found = inspected(LINUX)
    document = demo_json(REPORT, Proof(inspections=(found,), findings=(FOUND,), ran=RAN[:2]), Rollout())
    assert document == {
        "schema": 1,
        "images": [BUILT_JSON],
        "failed": [],
        "failures": [],
        "nodes": {"app": inspect_json(found)["nodes"]},
        "ran": [
            {"name": "app linux/amd64", "kept": True, "findings": []},
            {"name": "job linux/amd64", "kept": False, "findings": ["ended with 1, expected 0", "odd"]},
        ],
        "findings": [FOUND_JSON],
        "publish": publish_json(()),
        "verify": [],
        "rebase": [],
        "promote": [],
        "verify_release": [],
        "preflight": None,
        "faults": [],
    }


def test_a_demo_that_published_nothing() -> None:
    """No table and no sentence."""
    assert (list(rollout_tables(Rollout())), rollout_summary(Rollout())) == ([], "")


def test_a_demo_that_broke() -> None:
    """The steps before are told, the reason is a fault, and no sentence says that all is done."""
    error = BuildError("it broke", hint="mend it")
    published = Published(
        image="app", repository="staging/app", digest=LAYER, tags=(Tagged(name="demo", what="set"),)
    )
    broken = Rollout(published=(published,), error=error)
    assert [table.title for table in rollout_tables(broken)] == ["Published to a throw-away registry"]
    assert broken.faults == ("it broke: mend it",)
    assert rollout_summary(broken) == ""


@pytest.mark.parametrize(
    ("severities", "sentence"),
    [
        ((), "Checked: nothing is wrong."),
        (("error",), "Checked: 1 error."),
        (("note", "warning", "error", "error"), "Checked: 2 errors, 1 warning, 1 note."),
        (("warning", "warning", "note", "note"), "Checked: 2 warnings, 2 notes."),
    ],
)
def test_findings_in_a_sentence(severities: tuple[Any, ...], sentence: str) -> None:
    """Counted by severity."""
    assert check_summary([replace(FOUND, severity=severity) for severity in severities]) == sentence
