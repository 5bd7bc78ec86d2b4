"""What `index` and `rebase` make and print, with stores in memory."""

import pytest

from buildtools.console import size
from buildtools.errors import BuildError, PartialError, UsageError, VerificationError
from buildtools.index import IndexPlan, Joiner, Wish
from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME
from buildtools.oci.config import ConfigSettings, build_config
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import digest_of, short
from buildtools.oci.documents import Manifest
from buildtools.oci.platform import Platform
from buildtools.rebase import RebasePlan, Rebaser
from buildtools.stores.base import NotFoundError
from buildtools.stores.memory import MemoryStore
from buildtools.stores.parallel import side_by_side
from buildtools.stores.parcel import Moved, Parcel
from buildtools.stores.tagging import parse_expected, put_tags, standing
from buildtools.views.index import index_json, index_summary, index_table
from buildtools.views.rebase import rebase_json, rebase_summary, rebase_table
from buildtools.windows.bases import BuiltInBase, stand_in_base
from tests.fakes.images import Image, image, index


def windows(version: str) -> Platform:
    """Windows of this version."""
    return Platform(os="windows", architecture="amd64", os_version=version)


LINUX = image(layers=(b"linux",))
OLD = image(windows("10.0.20348.1"), layers=(b"old",))
NEW = image(windows("10.0.20348.2"), layers=(b"new",))
LAST = image(windows("10.0.17763.1"), layers=(b"last",))


def stored(name: str, *images: Image) -> MemoryStore:
    """A store with an index of images under the tag 1."""
    store = MemoryStore(name)
    for item in images:
        item.put(store)
    document = index(*images)
    store.put_manifest(document.raw, document.media_type, tag="1")
    return store


def planned(action: str = "merge") -> tuple[Joiner, IndexPlan]:
    """An index of Linux and two Windows images that gets a newer one for the first of these."""
    target, source = stored("target", LINUX, OLD, LAST), stored("source", NEW)
    joiner = Joiner(target=target, tags=("1", "2"), open_base=lambda _: (source, ""))
    return joiner, joiner.plan(Wish(action=action, sources=(("source:1", source, "1"),)))


def test_an_index_as_a_table() -> None:
    """Each entry with where it is from and what became of it; then what is in it no more."""
    _, plan = planned()
    table = index_table(plan)
    assert table.title == f"target:1  {plan.digest}"
    assert table.columns == ("#", "platform", "digest", "from", "what")
    assert table.rows == [
        ("1", "linux/amd64", short(LINUX.entry.digest), "target:1", "kept"),
        (
            "2",
            "windows/amd64:10.0.20348.2",
            short(NEW.entry.digest),
            "source:1",
            f"replaces {short(OLD.entry.digest)}",
        ),
        ("3", "windows/amd64:10.0.17763.1", short(LAST.entry.digest), "target:1", "kept"),
    ]
    _, plan = planned("create")
    assert [row[4] for row in index_table(plan).rows] == [
        f"replaces {short(OLD.entry.digest)}",
        "removed",
        "removed",
    ]


def test_an_index_as_json_and_in_a_sentence() -> None:
    """What is to be moved, what was, and that there is nothing to do."""
    joiner, plan = planned()
    count = sum(map(len, NEW.blobs))
    assert index_summary(plan, joiner.weigh(plan), dry_run=True) == (
        f"1, 2 of target would be {plan.digest}; {count} B to send, 0 B to mount."
    )
    moved = joiner.publish(plan)
    assert index_summary(plan, moved, dry_run=False) == (
        f"1, 2 of target is {plan.digest}; {count} B sent, 0 B mounted."
    )
    document = index_json(plan, moved, dry_run=False)
    entries = document.pop("entries")
    assert document == {
        "schema": 1,
        "name": "target",
        "tags": ["1", "2"],
        "digest": plan.digest,
        "media_type": "application/vnd.oci.image.index.v1+json",
        "before": index(LINUX, OLD, LAST).descriptor.digest,
        "changed": True,
        "dry_run": False,
        "removed": [OLD.entry.to_json()],
        "annotations": {},
        "sent": count,
        "mounted": 0,
        "warnings": [],
    }
    assert entries[0] == LINUX.entry.to_json() | {"from": "target:1", "what": "kept"}
    again = joiner.plan(Wish(action="merge", sources=(("source:1", stored("source", NEW), "1"),)))
    assert joiner.publish(again) == Moved()
    assert index_summary(again, Moved(), dry_run=False) == f"Nothing to do: 1, 2 of target is {plan.digest}."


def test_an_index_that_nodes_would_misread_is_refused() -> None:
    """Every error comes with it: a layer that the config does not count, for one."""
    broken = image(layers=(b"a",))
    config = image(layers=(b"a", b"b")).blobs[0]
    manifest = Manifest.build(
        config=Descriptor.of(config, broken.manifest.config.media_type), layers=broken.manifest.layers
    )
    store = MemoryStore("source")
    store.blobs[digest_of(config)] = config
    store.put_manifest(manifest.raw, manifest.media_type, tag="1")
    joiner = Joiner(target=MemoryStore("target"), tags=("1",), open_base=lambda _: (store, ""))
    with pytest.raises(VerificationError) as caught:
        joiner.plan(Wish(action="create", sources=(("source:1", store, "1"),)))
    assert [finding.code for finding in caught.value.diagnostics] == ["layer-count"]
    assert str(caught.value) == "the index would not be right: mend or leave out those images"


def test_what_is_in_no_store_is_an_error() -> None:
    """A parcel that lacks a blob says so."""
    parcel = Parcel()
    parcel.add(LINUX.manifest)
    with pytest.raises(NotFoundError) as caught:
        parcel.send(MemoryStore(), LINUX.manifest)
    assert str(caught.value) == (
        f"Blob {LINUX.manifest.config.digest} is in none of the stores that were named"
    )


class Refusing(MemoryStore):
    """A store that does not take one tag, and puts another document under a second one."""

    def put_manifest(self, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Write it, or not."""
        if tag == "no":
            raise BuildError("no such tag is taken", hint="use another one")
        put = super().put_manifest(raw, media_type, tag=tag)
        if tag == "other":
            super().put_manifest(raw + b" ", media_type, tag=tag)
        return put


def test_tags_that_cannot_be_set() -> None:
    """The first one is the error itself, later ones say what is done; what is read back counts."""
    document, store = index(LINUX), Refusing("store")
    digest = document.descriptor.digest
    store.put_manifest(document.raw, document.media_type)
    with pytest.raises(BuildError) as caught:
        put_tags(store, document.descriptor, document.raw, ("no",))
    assert str(caught.value) == "no such tag is taken: use another one"
    with pytest.raises(PartialError) as partial:
        put_tags(store, document.descriptor, document.raw, ("1", "2", "no", "4"))
    assert str(partial.value) == (
        "store: 1, 2 set, no, 4 not: no such tag is taken: use another one: "
        "run the command again: it does only what is missing"
    )
    with pytest.raises(VerificationError) as wrong:
        put_tags(store, document.descriptor, document.raw, ("other",))
    assert str(wrong.value).startswith(
        f"store:other is {digest_of(document.raw + b' ')} right after it was set"
    )
    with pytest.raises(VerificationError) as moved:
        put_tags(store, document.descriptor, document.raw, ("1",), expected={"1": None, "3": None})
    assert str(moved.value) == (
        f"store:1 stands on {digest}, and nothing was expected: "
        "somebody else has published: look at what is there, then run the command again"
    )
    assert standing(store, ("1", "3")) == {"1": digest, "3": None}


def test_a_tag_that_moves_while_another_one_is_set() -> None:
    """Each is looked at right before it is set; no tag is set where one of them is not as expected."""
    document = index(LINUX)

    class Busy(MemoryStore):
        """A store in which somebody else sets a tag behind each of ours."""

        def put_manifest(self, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
            super().put_manifest(raw + b" ", media_type, tag="b")
            return super().put_manifest(raw, media_type, tag=tag)

    store = Busy("store")
    with pytest.raises(PartialError) as caught:
        put_tags(store, document.descriptor, document.raw, ("a", "b"), expected={"a": None, "b": None})
    theirs = digest_of(document.raw + b" ")
    assert str(caught.value).startswith(f"store: a set, b not: store:b stands on {theirs}, and nothing was")
    with pytest.raises(VerificationError):
        put_tags(store, document.descriptor, document.raw, ("c", "b"), expected={"c": None, "b": None})
    assert standing(store, ("c",)) == {"c": None}


def test_what_is_expected_of_a_tag() -> None:
    """A digest, or that it is not there."""
    assert parse_expected("none") is None
    assert parse_expected(digest_of(b"")) == digest_of(b"")
    with pytest.raises(UsageError) as caught:
        parse_expected("1.0")
    assert str(caught.value) == (
        "--expect-current: '1.0' is not a digest: write sha256: and 64 hexadecimal digits: or none for a tag "
        "that is not there yet"
    )


def test_the_first_failure_ends_what_is_done_side_by_side() -> None:
    """In the order of the items."""
    assert side_by_side(str, range(20)) == [str(number) for number in range(20)]
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 // number, range(3))

    def fails(number: int) -> None:
        raise BuildError(str(number))

    for _ in range(20):
        with pytest.raises(BuildError, match=r"^0$"):
            side_by_side(fails, range(8))


def put_base(store: MemoryStore, base: BuiltInBase, tag: str) -> str:
    """A base in a store; returns its digest."""
    for blob in base.blobs.values():
        store.blobs[digest_of(blob)] = blob
    return store.put_manifest(base.manifest.raw, base.manifest.media_type, tag=tag).digest


def rebased(*, kept: bool = False) -> tuple[Rebaser, RebasePlan]:
    """An image on a stand-in base, and a newer one under the base's tag."""
    bases, target = MemoryStore("bases"), MemoryStore("target")
    first, second = (
        stand_in_base(windows(version), title="base:1") for version in ("10.0.20348.1", "10.0.20348.2")
    )
    digest = put_base(bases, first, "1")
    if not kept:
        put_base(bases, second, "1")
    made = build_config(
        first.config, platform=windows("10.0.20348"), settings=ConfigSettings(user="app"),
        diff_ids=[digest_of(b"tar")], history=["app"], created="2026-06-01T00:00:00Z",
    )  # fmt: skip
    manifest = Manifest.build(
        config=made.descriptor,
        layers=[*first.manifest.layers, Descriptor.of(b"app", OCI_LAYER_GZIP)],
        annotations={BASE_NAME: "base:1", BASE_DIGEST: digest},
    )
    for blob in (made.raw, b"app", *first.blobs.values()):
        target.blobs[digest_of(blob)] = blob
    target.put_manifest(manifest.raw, manifest.media_type, tag="1")
    rebaser = Rebaser(
        target=target,
        identifier="1",
        tags=("1",),
        open_base=lambda name: (bases, name.partition("@")[2] or "1"),
    )
    return rebaser, rebaser.plan()


def test_a_rebase_as_a_table_and_in_a_sentence() -> None:
    """From base to base, with the versions and what was sent."""
    rebaser, plan = rebased()
    (entry,) = plan.entries
    assert rebase_summary(plan, rebaser.weigh(plan), dry_run=True).startswith(
        f"1 of 1 images would be rebased; 1 of target would be {plan.digest}; "
    )
    moved = rebaser.publish(plan)
    table = rebase_table(plan, moved)
    assert table.title == f"target  {plan.digest}"
    assert table.rows == [
        (
            "windows/amd64:10.0.20348.1",
            short(plan.digest),
            "base:1",
            short(entry.old.manifest.descriptor.digest) if entry.old else "",
            short(entry.new.manifest.descriptor.digest) if entry.new else "",
            "10.0.20348.1 → 10.0.20348.2",
            size(moved.sent),
            "0 B",
            "rebased",
        )
    ]
    assert rebase_summary(plan, moved, dry_run=False) == (
        f"1 of 1 images rebased; 1 of target is {plan.digest}; {size(moved.sent)} sent, 0 B mounted."
    )
    again = rebaser.plan()
    assert rebaser.publish(again) == rebaser.weigh(again) == Moved()
    assert rebase_summary(again, Moved(), dry_run=False) == (f"Nothing to do: 1 of target is {plan.digest}.")


def test_a_rebase_as_json() -> None:
    """One image with its bases; and one that is kept."""
    _, plan = rebased()
    document = rebase_json(plan, Moved(), dry_run=True)
    (entry,) = document.pop("entries")
    assert document == {
        "schema": 1,
        "name": "target",
        "tags": ["1"],
        "before": plan.before,
        "digest": plan.digest,
        "changed": True,
        "dry_run": True,
        "sent": 0,
        "mounted": 0,
        "warnings": [],
    }
    assert (entry["old_os_version"], entry["os_version"]) == ("10.0.20348.1", "10.0.20348.2")
    assert (entry["rebased"], entry["base"], entry["reason"], entry["conflicts"]) == (True, "base:1", "", [])
    _, plan = rebased(kept=True)
    (entry,) = rebase_json(plan, Moved(), dry_run=False)["entries"]
    assert (entry["rebased"], entry["reason"], entry["old_base"]) == (False, "up to date", "")
    assert rebase_table(plan, Moved()).rows[0][8] == "kept: up to date"


def test_a_base_without_a_tag_cannot_be_followed() -> None:
    """A name with a digest alone says what a base was and not what it is."""
    rebaser, _ = rebased()
    rebaser.open_base = lambda _: (rebaser.target, "1")
    store = rebaser.target
    assert isinstance(store, MemoryStore)
    manifest = Manifest.parse(store.get_manifest("1")[1])
    name = f"base@{manifest.annotations[BASE_DIGEST]}"
    other = Manifest.build(config=manifest.config, layers=manifest.layers, annotations={BASE_NAME: name})
    store.put_manifest(other.raw, other.media_type, tag="1")
    with pytest.raises(BuildError) as caught:
        rebaser.plan()
    assert str(caught.value).endswith(
        f"stands on {name}, which names no tag to follow: name the new base with --to-base"
    )
