"""Writes that are only played: what is noted, what is answered, and that no body is opened."""

from collections.abc import Iterator
from typing import BinaryIO

import pytest

from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.settings import Settings
from buildtools.stores.base import NotFoundError
from buildtools.stores.registry import Registry
from buildtools.stores.rehearsal import RehearsalClient
from tests.fakes.images import image, index
from tests.fakes.registry import FakeRegistry, Login
from tests.fakes.story import PASSWORD, logged_in

APP = image()
INDEX = index(APP)
LARGE = Descriptor(media_type=OCI_LAYER, size=3_000_000_000, digest=digest_of(b"large"))


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry that notes what it is asked."""
    with FakeRegistry() as server:
        yield server


@pytest.fixture
def client(server: FakeRegistry) -> Iterator[RehearsalClient]:
    """A client that only reads."""
    client = RehearsalClient(Settings())
    yield client
    client.close()


@pytest.fixture
def target(server: FakeRegistry, client: RehearsalClient) -> Registry:
    """The repository that is not written."""
    return Registry(server.host, "app", settings=Settings(), client=client)


def unopened() -> BinaryIO:
    """A body that must not be asked for."""
    raise AssertionError("opened")


def noted(client: RehearsalClient) -> list[tuple[str, str, int, bool]]:
    """The requests so far."""
    return [(asked.method, asked.target, asked.size, asked.writes) for asked in client.asked]


def test_a_large_blob_is_not_read(server: FakeRegistry, client: RehearsalClient, target: Registry) -> None:
    """Its requests are those of a stream."""
    assert target.send_blob(LARGE, unopened)
    digest = LARGE.digest.replace(":", "%3A")
    assert noted(client) == [
        ("POST", "/v2/app/blobs/uploads/", 0, True),
        ("PATCH", "/v2/app/blobs/uploads/SESSION", 3_000_000_000, True),
        ("PUT", f"/v2/app/blobs/uploads/SESSION?digest={digest}", 0, True),
    ]
    assert not server.seen


def test_mounts_succeed(client: RehearsalClient, target: Registry) -> None:
    """One request, and no bytes."""
    assert not target.send_blob(LARGE, unopened, mount="base")
    digest = LARGE.digest.replace(":", "%3A")
    assert noted(client) == [("POST", f"/v2/app/blobs/uploads/?mount={digest}&from=base", 0, True)]


def test_what_was_written_is_there(server: FakeRegistry, client: RehearsalClient, target: Registry) -> None:
    """For this client and nobody else."""
    target.put_manifest(INDEX.raw, INDEX.media_type, tag="1.0")
    assert target.resolve("1.0") == INDEX.descriptor
    assert target.get_manifest("1.0") == (INDEX.descriptor, INDEX.raw)
    with pytest.raises(NotFoundError):
        target.resolve(INDEX.descriptor.digest)
    other = Registry(server.host, "app", settings=Settings())
    with pytest.raises(NotFoundError):
        other.resolve("1.0")
    assert [line for line in server.lines() if not line.startswith("HEAD")] == []


def test_what_is_there_is_read(server: FakeRegistry, target: Registry) -> None:
    """By the registry's own answers."""
    APP.put(server.repository("app"))
    server.put_manifest("app", INDEX.raw, INDEX.media_type, tag="1.0")
    assert target.resolve("1.0") == INDEX.descriptor
    assert server.lines() == ["HEAD /v2/app/manifests/1.0"]


def test_whoever_reads_logs_in() -> None:
    """A token to read is asked for as ever, and none to write."""
    with FakeRegistry(login=Login(users={"bot": PASSWORD}, anonymous=False)) as server:
        APP.put(server.repository("app"))
        client = RehearsalClient(logged_in(server.host))
        target = Registry(server.host, "app", settings=Settings(), client=client)
        assert target.resolve(APP.manifest.descriptor.digest) == APP.manifest.descriptor
        target.put_manifest(INDEX.raw, INDEX.media_type, tag="1.0")
        client.close()
    assert [line.partition("?")[0] for line in server.lines()] == [
        f"HEAD /v2/app/manifests/{APP.manifest.descriptor.digest}",
        "GET /token",
        f"HEAD /v2/app/manifests/{APP.manifest.descriptor.digest}",
    ]
    assert not [line for line in server.lines() if "push" in line]
