"""Copies between stores of every kind: all that an index names, each blob once, and the tag last."""

from dataclasses import replace

import pytest

from buildtools.errors import BuildError, UnavailableError
from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index
from buildtools.settings import Settings
from buildtools.stores.base import NotFoundError, Writable
from buildtools.stores.client import Client
from buildtools.stores.copy import Copied, copy
from buildtools.stores.memory import MemoryStore
from buildtools.stores.registry import Registry
from tests.fakes import registry as fake
from tests.fakes.clock import FakeClock
from tests.fakes.images import image, index
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule

SHARED = b"a base's layer"
LINUX = image(layers=(SHARED, b"linux"))
OTHER = image(replace(LINUX.platform, architecture="arm64"), layers=(SHARED, b"", b"arm"))
INDEX = index(LINUX, OTHER)
NESTED = Index.build(manifests=[INDEX.descriptor, LINUX.entry])
BLOBS = {digest_of(data): data for data in (*LINUX.blobs, *OTHER.blobs)}


@pytest.fixture
def target(writable: Writable) -> Writable:
    """An empty store of each kind."""
    return writable


def seeded(store: MemoryStore, *, without: bytes | None = None) -> MemoryStore:
    """A store with all of INDEX and NESTED, but for one blob."""
    for item in (LINUX, OTHER):
        item.put(store)
    store.put_manifest(INDEX.raw, INDEX.media_type)
    store.put_manifest(NESTED.raw, NESTED.media_type)
    if without is not None:
        del store.blobs[digest_of(without)]
    return store


def assert_complete(store: Writable, root: Index, tag: str) -> None:
    """The tag leads to the index, and all below it has its bytes."""
    assert store.get_manifest(tag) == (root.descriptor, root.raw)
    for item in (LINUX, OTHER):
        assert store.get_manifest(item.manifest.descriptor.digest)[1] == item.manifest.raw
    for digest, data in BLOBS.items():
        with store.get_blob(replace(Descriptor.of(data, OCI_LAYER), digest=digest)) as body:
            assert body.read() == data


@pytest.mark.parametrize("root", [INDEX, NESTED], ids=["index", "nested"])
def test_all_that_an_index_names_is_copied(target: Writable, root: Index) -> None:
    """Whatever the target is, it has everything afterwards, and each blob was sent once."""
    source = seeded(MemoryStore())
    copied = copy(source, target, root.descriptor, tag="1.0")
    assert sorted(blob.digest for blob in copied.sent) == sorted(BLOBS)
    assert (copied.mounted, copied.present) == ((), ())
    assert_complete(target, root, "1.0")
    again = copy(source, target, root.descriptor, tag="1.0")
    assert (again.sent, again.mounted) == ((), ())
    copy(source, target, root.descriptor, tag="2.0")
    assert_complete(target, root, "2.0")


def test_a_copy_goes_back(target: Writable) -> None:
    """What was copied to a store is copied out of it, too."""
    copy(seeded(MemoryStore()), target, INDEX.descriptor, tag="1.0")
    back = MemoryStore()
    copy(target, back, target.resolve("1.0"))
    assert back.blobs == BLOBS
    assert back.tags == {}


def test_only_what_is_missing_is_sent(target: Writable) -> None:
    """Blobs that are there already are left alone."""
    source = seeded(MemoryStore())
    copy(source, target, LINUX.manifest.descriptor)
    copied = copy(source, target, INDEX.descriptor, tag="1.0")
    assert not {blob.digest for blob in copied.sent} & {digest_of(data) for data in LINUX.blobs}
    assert_complete(target, INDEX, "1.0")


def test_layers_of_a_base_come_from_elsewhere(target: Writable) -> None:
    """A layout that leaves out the layers of a base is copied with them."""
    base = seeded(MemoryStore("base"))
    source = seeded(MemoryStore(), without=SHARED)
    with pytest.raises(NotFoundError) as caught:
        copy(source, target, INDEX.descriptor, tag="1.0")
    assert str(caught.value) == f"Blob {digest_of(SHARED)} is not in memory"
    with pytest.raises(NotFoundError):
        target.resolve("1.0")
    copy(source, target, INDEX.descriptor, tag="1.0", elsewhere={digest_of(SHARED): base})
    assert_complete(target, INDEX, "1.0")


@pytest.mark.parametrize("writable", ["fake", "throw-away", "docker-registry"], indirect=True)
def test_a_repository_of_the_same_registry_is_mounted(writable: Registry) -> None:
    """Between repositories of one registry no bytes go, and no other request asks for blobs first."""
    target = writable
    host, _, name = target.name.partition("/")
    copy(seeded(MemoryStore()), target, INDEX.descriptor, tag="1.0")
    second = Registry(host, f"{name}/promoted", settings=Settings())
    copied = copy(target, second, INDEX.descriptor, tag="1.0")
    assert sorted(blob.digest for blob in copied.mounted) == sorted(BLOBS)
    assert (copied.sent, copied.present) == ((), ())
    assert_complete(second, INDEX, "1.0")


def test_what_is_published_costs_one_request() -> None:
    """A tag that points at the index already is the whole answer."""
    with FakeRegistry() as server:
        target = Registry(server.host, "copies", settings=Settings())
        copy(seeded(MemoryStore()), target, INDEX.descriptor, tag="1.0")
        del server.seen[:]
        assert copy(seeded(MemoryStore()), target, INDEX.descriptor, tag="1.0") == Copied(changed=False)
        assert server.lines() == ["HEAD /v2/copies/manifests/1.0"]


def test_the_order_of_a_copy() -> None:
    """Blobs, manifests, the index by digest, the tag."""
    with FakeRegistry() as server:
        target = Registry(server.host, "copies", settings=Settings())
        copy(seeded(MemoryStore()), target, NESTED.descriptor, tag="1.0")
        puts = [line.removeprefix("PUT /v2/copies/") for line in server.lines() if line.startswith("PUT")]
    kinds = ["blobs"] * len(BLOBS) + ["manifests"] * 5
    assert [line.partition("/")[0] for line in puts] == kinds
    manifests = [line.partition("/")[2] for line in puts[len(BLOBS) :]]
    assert set(manifests[:2]) == {item.manifest.descriptor.digest for item in (LINUX, OTHER)}
    assert manifests[2:] == [INDEX.descriptor.digest, NESTED.descriptor.digest, "1.0"]


@pytest.mark.parametrize("pattern", ["^PUT .*/blobs/", "^PUT .*/manifests/sha256"])
def test_a_copy_that_fails_leaves_the_tag(pattern: str) -> None:
    """One blob or manifest that cannot be written is an error, and the tag stays where it was."""
    rule = Rule(pattern=pattern, fault=fake.status(503), times=ALWAYS, before=True, skip=1)
    with FakeRegistry() as server:
        client = Client(Settings(), clock=FakeClock().clock)
        target = Registry(server.host, "copies", settings=Settings(), client=client)
        copy(seeded(MemoryStore()), target, LINUX.manifest.descriptor, tag="1.0")
        server.rules.append(rule)
        with pytest.raises(UnavailableError):
            copy(seeded(MemoryStore()), target, NESTED.descriptor, tag="1.0")
        assert server.repository("copies").tags == {"1.0": LINUX.manifest.descriptor.digest}
        server.rules.clear()
        copy(seeded(MemoryStore()), target, NESTED.descriptor, tag="1.0")
        assert_complete(target, NESTED, "1.0")
        client.close()


def test_a_chain_of_indexes_ends() -> None:
    """G03: three levels of indexes are copied, a fourth is refused before anything is written."""
    source, target = seeded(MemoryStore()), MemoryStore("other")
    third = Index.build(manifests=[NESTED.descriptor])
    fourth = Index.build(manifests=[third.descriptor])
    for item in (third, fourth):
        source.put_manifest(item.raw, item.media_type)
    with pytest.raises(BuildError) as caught:
        copy(source, MemoryStore(), fourth.descriptor)
    assert str(caught.value) == (
        f"{INDEX.descriptor.digest} in memory is an index below 3 others: copy one of the indexes inside it"
    )
    copy(source, target, third.descriptor, tag="1.0")
    assert target.get_manifest("1.0") == (third.descriptor, third.raw)


def test_foreign_layers_stay_where_they_are() -> None:
    """A layer that its licence keeps in another registry is named, not copied."""
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    old = image(layers=(b"windows",), layer_type=foreign)
    source, target = MemoryStore(), MemoryStore("other")
    old.put(source)
    copied = copy(source, target, old.manifest.descriptor)
    assert [blob.digest for blob in copied.sent] == [old.manifest.config.digest]
    assert list(target.blobs) == [old.manifest.config.digest]
