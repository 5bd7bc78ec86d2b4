"""A small image that tests push to a fake registry, and what must be there afterwards."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.settings import Settings
from buildtools.stores.client import Client
from buildtools.stores.registry import Registry
from tests.fakes.images import image, index
from tests.fakes.registry import FakeRegistry, Login, Rule
from tests.fakes.story import Story, logged_in, story

PLACE = "team/new"
APP = image(layers=(b"a layer", b"another layer"))
APP_INDEX = index(APP)
LAYER = Descriptor.of(b"a layer", OCI_LAYER)
DATA = bytes(range(256)) * 40_000
BLOB = Descriptor.of(DATA, OCI_LAYER)

UPLOADS = f"/v2/{PLACE}/blobs/uploads/"
POST = rf"^POST {UPLOADS}"
PUT = rf"^PUT {UPLOADS}"
PATCH = rf"^PATCH {UPLOADS}"
SESSION = rf"^GET {UPLOADS}"
HEAD_BLOB = rf"^HEAD /v2/{PLACE}/blobs/"
TAG_PUT = rf"^PUT /v2/{PLACE}/manifests/1.0"
CHILD_PUT = rf"^PUT /v2/{PLACE}/manifests/sha256"


@dataclass
class Source:
    """Bytes that each try opens again; counts how often."""

    data: bytes
    opened: int = 0

    def open(self) -> BinaryIO:
        """The bytes from their start."""
        self.opened += 1
        return io.BytesIO(self.data)


def target(told: Story) -> Registry:
    """The repository that is written."""
    return Registry(told.server.host, PLACE, settings=Settings(), client=told.client)


@contextmanager
def known(login: Login, *rules: Rule) -> Iterator[Story]:
    """A registry that wants a log-in, and a client that has its password."""
    with story(*rules, login=login) as told:
        client = Client(logged_in(told.server.host), clock=told.time.clock)
        yield replace(told, client=client)
        client.close()


def push(told: Story) -> None:
    """Blobs, then the manifest by digest, then the index by tag."""
    registry = target(told)
    for data in APP.blobs:
        descriptor = Descriptor.of(data, OCI_LAYER)
        if not registry.has_blob(descriptor):
            registry.put_blob(descriptor, partial(io.BytesIO, data))
    registry.put_manifest(APP.manifest.raw, APP.manifest.media_type)
    registry.put_manifest(APP_INDEX.raw, APP_INDEX.media_type, tag="1.0")


def is_complete(server: FakeRegistry) -> bool:
    """Whether the repository holds the image, byte for byte, and nothing else."""
    store = server.repository(PLACE)
    documents = {item.descriptor.digest: (item.media_type, item.raw) for item in (APP.manifest, APP_INDEX)}
    return (
        store.blobs == {digest_of(data): data for data in APP.blobs}
        and store.manifests == documents
        and store.tags == {"1.0": APP_INDEX.descriptor.digest}
    )


def asked(told: Story, *methods: str) -> list[str]:
    """Method and size of the body of each request about uploads, in their order."""
    return [
        f"{seen.method} {seen.size}"
        for seen in told.server.seen
        if UPLOADS in seen.target and (not methods or seen.method in methods)
    ]
