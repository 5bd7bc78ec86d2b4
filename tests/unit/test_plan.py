# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The plan: what must be built and why, on which machine, and the document that CI reads."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from buildtools import plan
from buildtools.compare import Compared
from buildtools.oci.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from buildtools.oci.digest import Digest, digest_of
from buildtools.plan import Base, Observed, Plan, Target
from buildtools.record import BaseRecord, BlobRecord, BuildRecord
from buildtools.spec import expand
from buildtools.spec.docker import DockerSpec
from buildtools.spec.variant import Key, Variant
from buildtools.views.compare import compare_json
from buildtools.workflow.legs import pack

DEFAULTS = """\
releases: [ltsc2019, ltsc2022, ltsc2025]
bases:
  nanoserver: {windows: "mcr.microsoft.com/windows/nanoserver:{release}"}
"""
IMAGE = """\
name: x
platforms: [linux/amd64, linux/arm64, windows/amd64]
base: {linux: scratch, windows: nanoserver}
requires: {windows-build: 17763}
build:
  run: [[make, "{out}/x{exe}"]]
files:
  - from: "{out}/x{exe}"
    to: {linux: /x, windows: 'C:\\x.exe'}
config:
  labels: {a: b}
"""
WITH_DOCKERFILE = """\
name: x
platforms: [linux/amd64, linux/arm64, linux/s390x, windows/amd64]
engine: dockerfile
dockerfile: Dockerfile
args: {A: "1"}
"""
HOST = """\
name: x
kind: host-process
platforms: [linux/amd64, windows/amd64]
base: {linux: scratch}
"""
BASE = digest_of(b"base")
SEEN = Observed(
    inputs={"main.go": digest_of(b"main")},
    assets={"https://example.com/a": "ab" * 32},
    tools={"go": "1.27.3"},
    created=1767225600,
)


def variants(image: str = IMAGE) -> tuple[Variant, ...]:
    """The variants of a definition."""
    texts = {"images/defaults.yaml": DEFAULTS.encode(), "images/x/image.yaml": image.encode()}
    return expand.load(texts).images["x"].variants


def base_of(variant: Variant) -> Base:
    """A base as pinned."""
    if variant.release is None:
        return Base(reference=variant.base)
    version = f"10.0.{variant.release.build}.1"
    return Base(reference=variant.base, digest=digest_of(version.encode()), os_version=version)


def planned(
    image: str = IMAGE, *, observed: Observed = SEEN, records: Mapping[Key, BuildRecord] | None = None
) -> Plan:
    """The plan of a definition."""
    made = variants(image)
    keys = {variant.key: variant for variant in made}
    return plan.make(
        made,
        bases={key: base_of(variant) for key, variant in keys.items()},
        observed=dict.fromkeys(keys, observed),
        records=records or {},
        builder="builder 1",
    )


def record_with(ingredients: Mapping[str, str], label: str = "linux/amd64") -> BuildRecord:
    """The record of a build out of these ingredients: 8 + 16 + 32 bytes beyond the base."""
    blobs = [
        BlobRecord(media_type=kind, size=size, digest=digest_of(kind.encode()), diff_id=BASE)
        for kind, size in ((OCI_MANIFEST, 8), (OCI_CONFIG, 16), (OCI_LAYER_GZIP, 32))
    ]
    return BuildRecord(
        image="x",
        label=label,
        os="linux",
        architecture="amd64",
        fingerprint=digest_of(b""),
        layer_fingerprint=digest_of(b""),
        ingredients=dict(ingredients),
        manifest=blobs[0],
        config=blobs[1],
        layers=tuple(blobs[2:]),
        base_layers=tuple(blobs[2:]),
        base=BaseRecord(reference="scratch"),
    )


def records_of(targets: Sequence[Target]) -> dict[Key, BuildRecord]:
    """The records that building these targets leaves behind."""
    return {target.key: record_with(target.ingredients, target.variant.label) for target in targets}


def test_what_was_never_built_is_new() -> None:
    """All of it, in the order of the definition."""
    made = planned()
    assert [target.name for target in made.targets] == [
        "x linux/amd64",
        "x linux/arm64",
        "x windows/amd64:ltsc2019",
        "x windows/amd64:ltsc2022",
        "x windows/amd64:ltsc2025",
    ]
    assert {(target.reasons, target.up_to_date, target.send) for target in made.targets} == {
        (("new",), False, None)
    }
    assert made.to_build == made.targets


def test_what_was_built_of_the_same_is_not_built_again() -> None:
    """Its record tells what publishing it sends: manifest, config and layers, without the base's."""
    built = planned().targets
    again = planned(records=records_of(built[1:]))
    assert [target.reasons for target in again.targets] == [("new",), (), (), (), ()]
    assert again.to_build == again.targets[:1]
    assert [target.send for target in again.targets] == [None, 56, 56, 56, 56]
    assert [target.fingerprint for target in again.targets] == [target.fingerprint for target in built]


CHANGES = [
    ({}, ()),
    ({"base": f"a.io/b:1@{digest_of(b'2')}"}, (f"base moved: scratch → a.io/b:1@{digest_of(b'2')[7:19]}",)),
    ({"base": "host-process"}, ("base moved: scratch → host-process",)),
    ({"base": "a.io/b:1"}, ("base not pinned: a.io/b:1",)),
    ({"base": ""}, ("base moved: scratch → nothing",)),
    ({"builder": "builder 2"}, ("another version of the builder",)),
    ({"created": "1"}, ("time of the source moved",)),
    ({"definition/config": "2"}, ("definition changed: config",)),
    ({"definition/files": "2", "definition/build": "2"}, ("definition changed: build, files",)),
    ({"inputs/a": "2"}, ("inputs changed: a",)),
    ({"inputs/a": ""}, ("inputs changed: a",)),
    ({"inputs/b/c": "1"}, ("inputs changed: b/c",)),
    ({f"inputs/{name}": "2" for name in "cab"}, ("inputs changed: a, b, c",)),
    ({f"inputs/{name}": "2" for name in "abcd"}, ("inputs changed: a, b, c and 1 more",)),
    ({f"inputs/{name}": "2" for name in "abcdefg"}, ("inputs changed: a, b, c and 4 more",)),
    ({"assets/https://a.io/b": "2"}, ("asset moved: https://a.io/b",)),
    ({"tools/go": "1.28"}, ("tool changed: go 1.27 → 1.28",)),
    ({"tools/go": "", "tools/zig": "0.15"}, ("tool changed: go 1.27 → none, zig none → 0.15",)),
    ({"later/part": "1"}, ("another version of the builder",)),
    ({"later/part": "1", "builder": "2"}, ("another version of the builder",)),
    (
        {"tools/go": "1.28", "inputs/a": "2", "created": "1", "base": "b:1", "definition/engine": "2"},
        (
            "base not pinned: b:1",
            "time of the source moved",
            "definition changed: engine",
            "inputs changed: a",
            "tool changed: go 1.27 → 1.28",
        ),
    ),
]
BEFORE = {
    "assets/https://a.io/b": "1",
    "base": "scratch",
    "builder": "builder 1",
    "created": "0",
    "definition/config": "1",
    "inputs/a": "1",
    "tools/go": "1.27",
}


@pytest.mark.parametrize(("changed", "reasons"), CHANGES)
def test_each_kind_of_change_has_its_sentence(changed: dict[str, str], reasons: tuple[str, ...]) -> None:
    """What is new, other and gone (written as nothing here)."""
    now = {name: value for name, value in {**BEFORE, **changed}.items() if value}
    assert plan.reasons_for(now, record_with(BEFORE)) == reasons


def test_a_record_of_another_version_is_no_traceback() -> None:
    """It may tell of ingredients that this version has not."""
    before = record_with({**BEFORE, "later": "1", "later/part": "1", "": "1"})
    assert plan.reasons_for(BEFORE, before) == ("another version of the builder",)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("b:1", f"b:1@{BASE}", f"base moved: b:1 → b:1@{BASE[7:19]}"),
        (f"b@{BASE}", f"b@{BASE}@{digest_of(b'1')}", f"base moved: b@{BASE[7:19]} → b@{digest_of(b'1')[7:19]}"),
        (
            f"b@{BASE}@{digest_of(b'1')}",
            f"b@{BASE}@{digest_of(b'2')}",
            f"base moved: b@{digest_of(b'1')[7:19]} → b@{digest_of(b'2')[7:19]}",
        ),
    ],
)  # fmt: skip
def test_a_base_that_is_named_by_digest_moves_visibly(old: str, new: str, sentence: str) -> None:
    """What is shown is the image on this platform, not the index that the definition names."""
    assert plan.reasons_for(BEFORE | {"base": new}, record_with(BEFORE | {"base": old})) == (sentence,)


EDITS = [
    ("labels: {a: b}", "labels: {a: c}", ("definition changed: config",), True),
    ("windows: 'C:\\x.exe'", "windows: 'C:\\y.exe'", ("definition changed: files",), False),
    ("[make,", "[make, -B,", ("definition changed: build",), False),
    ("name: x\n", "# says x\nname: x\n", (), True),
    ("windows-build: 17763", "windows-build: 17000", (), True),
    ("name: x\n", "name: x\ndescription: Says x.\n", ("definition changed: config",), True),
]


@pytest.mark.parametrize(("old", "new", "reasons", "same_layer"), EDITS)
def test_a_changed_definition_is_built_anew_where_it_counts(
    old: str, new: str, reasons: tuple[str, ...], same_layer: bool
) -> None:
    """A label costs no new layer; comments, places in the file and what nodes must have cost nothing."""
    before = planned().targets[-1]
    after = planned(IMAGE.replace(old, new), records=records_of([before])).targets[-1]
    assert after.reasons == reasons
    assert (after.layer_fingerprint == before.layer_fingerprint) == same_layer
    assert (after.fingerprint == before.fingerprint) == (not reasons)


@pytest.mark.parametrize(
    ("seen", "reason", "same_layer"),
    [
        ({"created": 1}, "time of the source moved", True),
        ({"inputs": {"main.go": digest_of(b"2")}}, "inputs changed: main.go", False),
        ({"assets": {"https://example.com/a": "cd" * 32}}, "asset moved: https://example.com/a", False),
        ({"tools": {"go": "1.28"}}, "tool changed: go 1.27.3 → 1.28", False),
    ],
)
def test_what_was_seen_is_an_ingredient(seen: dict[str, Any], reason: str, same_layer: bool) -> None:
    """Another time costs another config and no layer."""
    before = planned().targets[0]
    parts = {"inputs": SEEN.inputs, "assets": SEEN.assets, "tools": SEEN.tools, "created": SEEN.created}
    after = planned(observed=Observed(**(parts | seen)), records=records_of([before])).targets[0]
    assert after.reasons == (reason,)
    assert (after.layer_fingerprint == before.layer_fingerprint) == same_layer
    assert (after.tools, after.created) == ((parts | seen)["tools"], (parts | seen)["created"])


def test_the_windows_releases_share_one_layer() -> None:
    """Only their bases differ; each Linux processor has a layer of its own."""
    targets = planned().targets
    layers = [target.layer_fingerprint for target in targets]
    assert len(set(layers[:3])) == 3
    assert layers[2] == layers[3] == layers[4]
    assert len({target.fingerprint for target in targets}) == 5


RUNNERS = [
    (IMAGE, ["ubuntu-24.04"] * 5),
    (HOST, ["ubuntu-24.04"] * 2),
    (WITH_DOCKERFILE, ["ubuntu-24.04", "ubuntu-24.04-arm", "", "", "windows-2022", "windows-2025"]),
]


@pytest.mark.parametrize(("image", "runners"), RUNNERS)
def test_a_target_has_a_machine_that_can_build_it(image: str, runners: list[str]) -> None:
    """Layers are made on any Linux; a Dockerfile needs its own system, which GitHub does not always have."""
    assert [target.runner for target in planned(image).targets] == runners


def test_the_ingredients_have_names() -> None:
    """One for each thing that may change on its own."""
    target = planned().targets[3]
    expected = {
        "builder": "builder 1",
        "created": "1767225600",
        "base": f"mcr.microsoft.com/windows/nanoserver:ltsc2022@{digest_of(b'10.0.20348.1')}",
        "inputs/main.go": digest_of(b"main"),
        "assets/https://example.com/a": "ab" * 32,
        "tools/go": "1.27.3",
    }
    parts = {"definition/config", "definition/files", "definition/build", "definition/engine"}
    assert target.ingredients.keys() == expected.keys() | parts
    assert expected.items() <= target.ingredients.items()
    assert planned().targets[0].ingredients["base"] == "scratch"


def test_the_arguments_of_a_dockerfile_are_ingredients() -> None:
    """They decide about its bytes."""
    before = planned(WITH_DOCKERFILE).targets[0]
    after = planned(WITH_DOCKERFILE.replace('"1"', '"2"'), records=records_of([before])).targets[0]
    assert after.reasons == ("definition changed: engine",)


def test_what_nobody_looked_at_has_no_ingredients_but_its_definition() -> None:
    """A variant without files needs no look."""
    made = variants(HOST)
    bases = {variant.key: base_of(variant) for variant in made}
    target = plan.make(made, bases=bases, observed={}, records={}, builder="1").targets[1]
    assert (target.created, target.tools, target.base) == (0, {}, Base(reference="host-process"))
    assert sorted(name.partition("/")[0] for name in target.ingredients) == [
        *("base", "builder", "created"),
        *["definition"] * 4,
    ]


DOCUMENT = {
    "image": "x",
    "platform": "windows/amd64:ltsc2022",
    "os": "windows",
    "architecture": "amd64",
    "variant": "",
    "release": "ltsc2022",
    "kind": "container",
    "engine": "assemble",
    "runner": "ubuntu-24.04",
    "base": {
        "reference": "mcr.microsoft.com/windows/nanoserver:ltsc2022",
        "digest": digest_of(b"10.0.20348.1"),
        "os_version": "10.0.20348.1",
        "stand_in": False,
    },
    "tools": {"go": "1.27.3"},
    "created": 1767225600,
    "fingerprint": "",
    "digest": "",
    "build": True,
    "reasons": ["new"],
    "bytes_to_send": None,
}


def test_the_document_is_stable() -> None:
    """Schema 1, each key with its value: CI reads it."""
    document = planned().to_json()
    assert json.loads(json.dumps(document)) == document
    assert list(document) == ["schema", "targets"]
    assert (document["schema"], len(document["targets"])) == (1, 5)
    target = document["targets"][3]
    assert target == DOCUMENT | {"fingerprint": planned().targets[3].fingerprint}
    assert list(target) == list(DOCUMENT)


def test_the_document_tells_of_the_last_build() -> None:
    """The digest only where it still holds, the bytes as an estimate where it does not."""
    targets = planned().targets
    kept = planned(records=records_of(targets)).to_json()["targets"][0]
    moved = planned(observed=Observed(), records=records_of(targets)).to_json()["targets"][0]
    told = ("build", "reasons", "digest", "bytes_to_send", "release")
    assert [kept[key] for key in told] == [False, [], digest_of(OCI_MANIFEST.encode()), 56, ""]
    assert [moved[key] for key in told] == [
        True,
        [
            "asset moved: https://example.com/a",
            "time of the source moved",
            "inputs changed: main.go",
            "tool changed: go 1.27.3 → none",
        ],
        *("", 56, ""),
    ]


def documented(page: str) -> set[str]:
    """The keys in the first cells of a page's tables."""
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(?:\w+\[\])?\.?([a-z_.]+)`", row)}


def test_every_key_of_the_document_is_in_the_reference() -> None:
    """And no other; those of a comparison and of legs are in tables of their own."""
    page = (Path(plan.__file__).parents[1] / "docs" / "reference" / "plan.md").read_text(encoding="utf-8")
    about_plans, about_comparisons, about_legs = page.split("## `plan --")
    keys = {f"base.{key}" for key in DOCUMENT["base"]} | set(DOCUMENT) - {"base"}
    assert documented(about_plans) == keys | {"schema", "targets"}
    row = Compared(image="x", reference="registry.example/x:1", platform="linux/amd64", state="extra")
    assert documented(about_comparisons) == {"against", *compare_json([row])[0]}
    (leg,) = pack(planned().targets)
    assert documented(about_legs) == {"legs", *leg.to_json()}


def sha256(document: Any) -> str:
    """The digest of a document in its canonical form, by the standard library."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_a_fingerprint_is_the_digest_of_the_ingredients() -> None:
    """Of all, or of those whose names begin as asked for."""
    target = planned().targets[0]
    assert target.fingerprint == sha256(dict(target.ingredients))
    assert plan.fingerprint_of(BEFORE, "base", "tools/") == sha256({"base": "scratch", "tools/go": "1.27"})
    assert plan.fingerprint_of(BEFORE, "none") == sha256({})


NAMES = st.sampled_from([*BEFORE, "inputs/b", "definition/files", "later"]) | st.text(max_size=6)
INGREDIENTS = st.dictionaries(NAMES, st.sampled_from("12") | st.text(max_size=3), max_size=8)


@given(INGREDIENTS, INGREDIENTS)
def test_there_is_a_reason_exactly_where_something_differs(
    now: dict[str, str], before: dict[str, str]
) -> None:
    """As the fingerprints do, whatever the names; no reason stands twice, and order does not count."""
    reasons = plan.reasons_for(now, record_with(before))
    assert (not reasons) == (now == before) == (plan.fingerprint_of(now) == plan.fingerprint_of(before))
    assert len(set(reasons)) == len(reasons)
    turned = dict(reversed(now.items()))
    assert plan.fingerprint_of(turned) == plan.fingerprint_of(now)
    assert plan.reasons_for(turned, record_with(before)) == reasons


def held(*names: str) -> tuple[Plan, list[Digest]]:
    """A plan in which every variant holds, and the manifests that its records name."""
    first = planned()
    records = records_of(first.targets)
    digests = [digest_of(target.name.encode()) for target in first.targets]
    records = {
        key: structs.replace(record, manifest=structs.replace(record.manifest, digest=digest))
        for (key, record), digest in zip(records.items(), digests, strict=True)
    }
    return planned(records={key: one for key, one in records.items() if key[1] not in names}), digests


def test_an_index_that_names_just_what_holds_is_left_alone() -> None:
    """Whatever the order of its entries."""
    made, digests = held()
    assert plan.with_index_reasons(made, {"x": frozenset(digests)}).to_build == ()


@pytest.mark.parametrize("named", [[], [digest_of(b"another")], [0, 1], [0, 1, 2, 3, digest_of(b"gone")]])
def test_an_index_that_names_others_is_written_anew(named: list[Any]) -> None:
    """After a killed build, and after a platform was taken out of the definition."""
    made, digests = held()
    index = frozenset(digests[item] if isinstance(item, int) else item for item in named)
    found = plan.with_index_reasons(made, {"x": index} if named else {})
    assert [target.reasons for target in found.targets] == [("the index names other images",)] * len(digests)


def test_an_index_is_not_looked_at_while_variants_are_to_be_built() -> None:
    """Building them writes it anyway."""
    made, _ = held("linux/amd64")
    assert plan.with_index_reasons(made, {}) == made


def test_an_image_of_the_project_is_a_base_wherever_it_lies() -> None:
    """Its digest counts, not whether a layout or a registry has it; one that is built first is said so."""
    variant = replace(planned().targets[0].variant, base="image:b")
    key = variant.key

    def made(base: Base, record: BuildRecord | None = None) -> Target:
        records = {key: record} if record else {}
        (target,) = plan.make(
            [variant], bases={key: base}, observed={key: SEEN}, records=records, builder="b"
        ).targets
        return target

    local = made(Base(reference="image:b", digest=BASE))
    record = records_of([local])[key]
    published = made(Base(reference="r.example/b:1", digest=BASE), record)
    assert local.ingredients["base"] == f"image:b@{BASE}"
    assert (local.base.is_published, published.base.is_published) == (False, True)
    assert published.up_to_date
    waiting = made(Base(reference="image:b"), record)
    assert waiting.reasons == ("its base is built first: b",)
    assert plan.on_base(waiting, Base(reference="image:b", digest=BASE)).up_to_date
    moved = plan.on_base(waiting, Base(reference="image:b", digest=digest_of(b"other")))
    assert moved.reasons == (f"base moved: image:b@{BASE[7:19]} → image:b@{digest_of(b'other')[7:19]}",)
    assert moved.fingerprint == made(Base(reference="image:b", digest=digest_of(b"other"))).fingerprint


def test_further_images_of_a_dockerfile_and_its_options_count() -> None:
    """A stage's base that moved, a target, a network; what makes a build only faster does not."""
    (variant, *_) = planned(WITH_DOCKERFILE).targets
    one = variant.variant
    key = one.key

    def ingredients(seen: Observed = SEEN, **options: Any) -> Mapping[str, str]:
        changed = replace(one, docker=DockerSpec(**options))
        return plan.ingredients_of(changed, Base(reference="scratch"), seen, builder="b")

    assert ingredients() == ingredients(pull="always", cache_from=("x",))
    assert ingredients() != ingredients(target="x")
    assert ingredients(network="none") != ingredients(network="host")
    moved = ingredients(replace(SEEN, bases={"golang:1": BASE}))
    record = structs.replace(records_of([variant])[key], ingredients=dict(ingredients()))
    assert plan.reasons_for(moved, record) == ("image of the Dockerfile moved: golang:1",)
