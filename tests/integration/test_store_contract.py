"""What every store promises, asked of each of them: memory, layout, and registries of three kinds."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import pytest

from buildtools.errors import BuildError, VerificationError
from buildtools.oci.descriptor import OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import Digest, digest_of
from buildtools.settings import Settings
from buildtools.stores.base import NotFoundError, Readable, Store, Writable
from buildtools.stores.layout import Layout
from buildtools.stores.memory import MemoryStore
from buildtools.stores.registry import Registry
from buildtools.throwaway.server import ThrowAway
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.images import image, index
from tests.fakes.registry import FakeRegistry

REPOSITORY = "team/app"
LINUX = image()
OTHER = image(replace(LINUX.platform, architecture="arm64"), layers=(b"another layer", b""))
INDEX = index(LINUX, OTHER)
LARGE = bytes(range(256)) * 12_345
NOWHERE = Digest("sha256:" + "0" * 64)


class _Server(Protocol):
    host: str

    def put_blob(self, name: str, data: bytes) -> None: ...

    def put_manifest(self, name: str, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor: ...


def _seed_store(store: Writable) -> None:
    for data in {*LINUX.blobs, *OTHER.blobs, LARGE}:
        store.put_blob(Descriptor.of(data, OCI_LAYER), partial(io.BytesIO, data))
    for item in (LINUX, OTHER):
        store.put_manifest(item.manifest.raw, item.manifest.media_type)
    store.put_manifest(INDEX.raw, INDEX.media_type, tag="1.0")


def _seed_server(server: _Server) -> None:
    for data in {*LINUX.blobs, *OTHER.blobs, LARGE}:
        server.put_blob(REPOSITORY, data)
    for item in (LINUX, OTHER):
        server.put_manifest(REPOSITORY, item.manifest.raw, item.manifest.media_type)
    server.put_manifest(REPOSITORY, INDEX.raw, INDEX.media_type, tag="1.0")


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A seeded docker-registry, one for all tests: they only read."""
    with DockerRegistry(require("docker-registry"), tmp_path_factory.mktemp("registry")) as registry:
        _seed_server(registry)
        yield registry


def _memory(_: pytest.FixtureRequest) -> Iterator[Readable]:
    store = MemoryStore()
    _seed_store(store)
    yield store


def _layout(request: pytest.FixtureRequest) -> Iterator[Readable]:
    layout = Layout(request.getfixturevalue("tmp_path") / "layout")
    _seed_store(layout)
    yield layout
    layout.close()


def _fake(_: pytest.FixtureRequest) -> Iterator[Readable]:
    with FakeRegistry() as server:
        _seed_server(server)
        yield Registry(server.host, REPOSITORY, settings=Settings())


def _throw_away(request: pytest.FixtureRequest) -> Iterator[Readable]:
    with ThrowAway(request.getfixturevalue("tmp_path")) as server:
        store = Registry(server.host, REPOSITORY, settings=Settings())
        _seed_store(store)
        yield store


def _real(request: pytest.FixtureRequest) -> Iterator[Readable]:
    server: DockerRegistry = request.getfixturevalue("docker_registry")
    yield Registry(server.host, REPOSITORY, settings=Settings())


@pytest.fixture(
    params=[_memory, _layout, _fake, _throw_away, _real],
    ids=["memory", "layout", "fake", "throw-away", "docker-registry"],
)
def readable(request: pytest.FixtureRequest) -> Iterator[Readable]:
    """A store that holds INDEX under the tag 1.0, with all that it names, and LARGE."""
    yield from request.param(request)


@pytest.fixture(params=["memory", "layout"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store that can be written."""
    if request.param == "memory":
        yield MemoryStore()
        return
    layout = Layout(tmp_path / "layout")
    yield layout
    layout.close()


@dataclass(frozen=True)
class _Asked:
    """A blob that is asked for, and its bytes."""

    data: bytes

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor.of(self.data, OCI_LAYER)


_READERS: dict[str, Callable[[BinaryIO], bytes]] = {
    "at once": lambda body: body.read(),
    "by lines": b"".join,
    "in pieces": lambda body: b"".join(iter(lambda: body.read(1_000_000), b"")),
    "a bit, then the rest": lambda body: body.read(7) + body.read(),
}


@pytest.mark.parametrize("data", [b"", b"layer", LARGE], ids=["empty", "small", "large"])
@pytest.mark.parametrize("read", _READERS.values(), ids=_READERS)
def test_a_blob_is_read_whole(readable: Readable, data: bytes, read: Callable[[BinaryIO], bytes]) -> None:
    """However it is read, a blob has its bytes."""
    with readable.get_blob(_Asked(data).descriptor) as body:
        assert read(body) == data


def test_a_blob_may_be_left_half_read(readable: Readable) -> None:
    """Closing early is no error, and the store still serves."""
    with readable.get_blob(_Asked(LARGE).descriptor) as body:
        assert body.read(10) == LARGE[:10]
    with readable.get_blob(_Asked(b"layer").descriptor) as body:
        assert body.read() == b"layer"


def test_has_blob(readable: Readable) -> None:
    """A blob is there with its size, or is not there."""
    descriptor = _Asked(b"layer").descriptor
    assert readable.has_blob(descriptor)
    assert not readable.has_blob(replace(descriptor, size=6))
    assert not readable.has_blob(replace(descriptor, digest=NOWHERE))


def test_a_missing_blob_is_named(readable: Readable) -> None:
    """The error says which blob is missing where."""
    with pytest.raises(NotFoundError) as caught:
        readable.get_blob(replace(_Asked(b"layer").descriptor, digest=NOWHERE))
    assert NOWHERE in caught.value.message
    assert readable.name in caught.value.message


@pytest.mark.parametrize(("size", "found"), [(4, ("5", "more")), (6, ("5",))])
def test_a_blob_of_another_size_is_refused(readable: Readable, size: int, found: tuple[str, ...]) -> None:
    """A descriptor with a wrong size gets no bytes past it."""
    descriptor = replace(_Asked(b"layer").descriptor, size=size)
    with pytest.raises(VerificationError) as caught, readable.get_blob(descriptor) as body:
        body.read()
    assert caught.value.message in {
        f"Blob {descriptor.digest} in {readable.name} has {count} bytes, its descriptor says {size}"
        for count in found
    }


@pytest.mark.parametrize("identifier", ["1.0", INDEX.descriptor.digest], ids=["tag", "digest"])
def test_a_manifest_keeps_its_bytes(readable: Readable, identifier: str) -> None:
    """Tag and digest lead to the same bytes and descriptor."""
    expected = Descriptor.of(INDEX.raw, OCI_INDEX)
    assert readable.get_manifest(identifier) == (expected, INDEX.raw)
    assert readable.resolve(identifier) == expected


def test_children_are_found_by_digest(readable: Readable) -> None:
    """What an index names is there."""
    for item in (LINUX, OTHER):
        descriptor = item.manifest.descriptor
        assert readable.get_manifest(descriptor.digest) == (descriptor, item.manifest.raw)
        assert readable.resolve(descriptor.digest).media_type == OCI_MANIFEST


@pytest.mark.parametrize("identifier", ["2.0", NOWHERE], ids=["tag", "digest"])
@pytest.mark.parametrize("method", ["get_manifest", "resolve"])
def test_a_missing_manifest_is_named(readable: Readable, identifier: str, method: str) -> None:
    """The error says what is missing where."""
    ask: Callable[[str], object] = getattr(readable, method)
    with pytest.raises(NotFoundError) as caught:
        ask(identifier)
    assert identifier in caught.value.message
    assert readable.name in caught.value.message


@pytest.mark.parametrize("identifier", ["sha256:abc", "../x:y", "md5:" + "0" * 32])
def test_an_identifier_that_is_none_is_refused(readable: Readable, identifier: str) -> None:
    """Text that is neither tag nor digest never reaches a path or URL."""
    with pytest.raises(BuildError, match="digest") as caught:
        readable.get_manifest(identifier)
    assert not isinstance(caught.value, NotFoundError)


def test_many_threads_read(readable: Readable) -> None:
    """A store may be used from several threads at once."""

    def read(data: bytes) -> bool:
        with readable.get_blob(_Asked(data).descriptor) as body:
            return body.read() == data and readable.get_manifest("1.0")[1] == INDEX.raw

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, [LARGE, b"layer", b""] * 8))


@pytest.mark.parametrize("data", [b"", b"layer", LARGE], ids=["empty", "small", "large"])
def test_put_blob(writable: Writable, data: bytes) -> None:
    """What was written can be read, and writing it again changes nothing."""
    descriptor = _Asked(data).descriptor
    assert not writable.has_blob(descriptor)
    for _ in range(2):
        writable.put_blob(descriptor, partial(io.BytesIO, data))
        assert writable.has_blob(descriptor)
        with writable.get_blob(descriptor) as body:
            assert body.read() == data


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"longer", "Blob {digest} in {name} has {size} bytes, its descriptor says 5"),
        (b"late", "Blob {digest} in {name} has {size} bytes, its descriptor says 5"),
        (b"LAYER", "The bytes of blob {digest} in {name} have digest {other}"),
    ],
)
def test_bytes_that_do_not_fit_are_not_kept(writable: Writable, data: bytes, problem: str) -> None:
    """A blob that does not fit its descriptor never becomes visible."""
    descriptor = _Asked(b"layer").descriptor
    with pytest.raises(VerificationError) as caught:
        writable.put_blob(descriptor, partial(io.BytesIO, data))
    assert caught.value.message in {
        problem.format(digest=descriptor.digest, name=writable.name, other=digest_of(data), size=size)
        for size in (len(data), "more")
    }
    assert not writable.has_blob(descriptor)
    with pytest.raises(NotFoundError):
        writable.get_blob(descriptor)


def test_new_blob_is_visible_after_commit(store: Store) -> None:
    """A blob written in pieces is there once it is committed, not before."""
    descriptor = _Asked(b"in two pieces").descriptor
    with store.new_blob() as writer:
        assert writer.write(b"in two ") == 7
        assert writer.write(memoryview(b"pieces")) == 6
        assert not store.has_blob(descriptor)
        writer.commit(descriptor)
        assert store.has_blob(descriptor)
    with store.get_blob(descriptor) as body:
        assert body.read() == b"in two pieces"


def test_an_abandoned_blob_leaves_nothing(store: Store) -> None:
    """Without commit, and after an error, nothing is there."""
    descriptor = _Asked(b"never").descriptor
    with store.new_blob() as writer:
        writer.write(b"never")
    with pytest.raises(VerificationError), store.new_blob() as writer:
        writer.commit(descriptor)
    assert not store.has_blob(descriptor)


def test_a_tag_moves(writable: Writable) -> None:
    """A tag points at what was last put under it; digests stay."""
    _seed_store(writable)
    first = LINUX.manifest
    assert writable.put_manifest(first.raw, first.media_type, tag="1.0") == first.descriptor
    assert writable.resolve("1.0") == first.descriptor
    assert writable.resolve(INDEX.descriptor.digest) == INDEX.descriptor


def test_a_manifest_above_the_limit_is_refused(writable: Writable) -> None:
    """Registries would not take it, so no store does."""
    with pytest.raises(BuildError) as caught:
        writable.put_manifest(b" " * (4 * 1024 * 1024 + 1), OCI_INDEX, tag="big")
    assert str(caught.value) == (
        f"The manifest for {writable.name} has 4194305 bytes, registries and nodes take at most 4194304: "
        "it has too many entries, layers or annotations"
    )


def test_many_threads_write(writable: Writable) -> None:
    """The same and other blobs from several threads at once, and a tag each."""
    for part in LINUX.blobs:
        writable.put_blob(_Asked(part).descriptor, partial(io.BytesIO, part))

    def write(number: int) -> None:
        data = f"blob {number % 5}".encode() * 1000
        writable.put_blob(_Asked(data).descriptor, partial(io.BytesIO, data))
        writable.put_manifest(LINUX.manifest.raw, OCI_MANIFEST, tag=f"tag-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert {writable.resolve(f"tag-{number}") for number in range(40)} == {LINUX.manifest.descriptor}
    for number in range(5):
        assert writable.has_blob(_Asked(f"blob {number}".encode() * 1000).descriptor)
