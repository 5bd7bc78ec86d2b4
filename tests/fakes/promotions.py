"""An index with signatures and SBOMs that tests promote, and whether all of it has arrived."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from buildtools.oci.descriptor import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.documents import Index, Manifest
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.stores.client import Client
from buildtools.stores.referrers import fallback_tag
from buildtools.stores.registry import Registry
from tests.fakes.clock import FakeClock
from tests.fakes.images import image, index
from tests.fakes.registry import FakeRegistry
from tests.fakes.uploads import MemoryShelf

SOURCE = "team/app"
TARGET = "release/app"
SHARED = b"a base's layer"
LINUX = image(layers=(SHARED, b"linux"))
ARM = image(Platform(os="linux", architecture="arm64"), layers=(SHARED, b"arm"))
WINDOWS = image(Platform(os="windows", architecture="amd64", os_version="10.0.20348.1"), layers=(b"windows",))
IMAGES = (LINUX, ARM, WINDOWS)
INDEX = index(*IMAGES)
NESTED = Index.build(manifests=[index(LINUX, ARM).descriptor, WINDOWS.entry])
EMPTY = b"{}"


@dataclass(frozen=True)
class Referrer:
    """An artifact that names a subject."""

    manifest: Manifest
    blobs: tuple[bytes, ...]


def referrer(subject: Descriptor, text: bytes = b"an SBOM", kind: str = "application/spdx+json") -> Referrer:
    """One with a layer of this text."""
    manifest = Manifest.build(
        config=Descriptor.of(EMPTY, OCI_EMPTY),
        layers=[Descriptor.of(text, "text/plain")],
        subject=replace(subject, platform=None),
        artifact_type=kind,
        annotations={"org.example.kind": kind},
    )
    return Referrer(manifest=manifest, blobs=(EMPTY, text))


SBOM = referrer(LINUX.manifest.descriptor)
PROVENANCE = referrer(INDEX.descriptor, b"provenance", "application/vnd.in-toto+json")
SIGNATURE = referrer(
    PROVENANCE.manifest.descriptor, b"a signature of the provenance", "application/signature"
)
REFERRERS = (SBOM, PROVENANCE, SIGNATURE)


def put_referrers(server: FakeRegistry, name: str, *referrers: Referrer) -> None:
    """Seed referrers, under fallback tags where the registry has no referrers API."""
    shelf = server.repository(name)
    for item in referrers:
        for data in item.blobs:
            shelf.blobs[digest_of(data)] = data
        shelf.put_manifest(item.manifest.raw, OCI_MANIFEST)
        subject = item.manifest.subject
        assert subject is not None
        if not server.api.referrers:
            put_fallback(shelf, subject.digest, [item.manifest.descriptor])


def put_fallback(shelf: MemoryShelf, subject: Digest, entries: Iterable[Descriptor]) -> None:
    """Add to what a fallback tag names."""
    tag = fallback_tag(subject)
    kept = shelf.tags.get(tag)
    there = Index.parse(shelf.manifests[kept][1], OCI_INDEX).manifests if kept else ()
    raw = Index.build(manifests=[*there, *entries]).raw
    shelf.put_manifest(raw, OCI_INDEX, tag=tag)


def seed(
    server: FakeRegistry, *, root: Index = INDEX, referrers: Iterable[Referrer] = (), tag: str = "1.0"
) -> None:
    """Fill the source."""
    shelf = server.repository(SOURCE)
    for item in IMAGES:
        item.put(shelf)
    if root is NESTED:
        shelf.put_manifest(index(LINUX, ARM).raw, OCI_INDEX)
    shelf.put_manifest(root.raw, root.media_type, tag=tag)
    put_referrers(server, SOURCE, *referrers)


def patient(server: FakeRegistry, name: str = TARGET) -> Registry:
    """A repository whose client does not sleep."""
    client = Client(Settings(), clock=FakeClock().clock)
    return Registry(server.host, name, settings=Settings(), client=client)


def faults(
    server: FakeRegistry,
    *,
    tags: Iterable[str] = ("1.0",),
    root: Index = INDEX,
    referrers: Iterable[Referrer] = (),
    name: str = TARGET,
) -> list[str]:
    """What is missing or other than it should be in a repository that was promoted to."""
    shelf = server.repository(name)
    wrong = [f"{tag}: {shelf.tags.get(tag)}" for tag in tags if shelf.tags.get(tag) != root.descriptor.digest]
    documents = [(root.media_type, root.raw)]
    documents += [(OCI_MANIFEST, item.manifest.raw) for item in (*IMAGES, *referrers)]
    wrong += [
        f"no {digest_of(raw)}"
        for kind, raw in documents
        if shelf.manifests.get(digest_of(raw)) != (kind, raw)
    ]
    data = [blob for item in (*IMAGES, *referrers) for blob in item.blobs]
    wrong += [f"no blob {blob!r}" for blob in data if shelf.blobs.get(digest_of(blob)) != blob]
    for item in referrers:
        subject = item.manifest.subject
        assert subject is not None
        named = patient(server, name).referrers(subject.digest)
        if item.manifest.descriptor.digest not in {entry.digest for entry in named}:
            wrong.append(f"{item.blobs[1]!r} is not named")
    return wrong


def is_whole(server: FakeRegistry, name: str = TARGET) -> bool:
    """Whether every tag of a repository leads to nothing but what is there."""
    shelf = server.repository(name)
    ahead, seen = list(shelf.tags.values()), set[Digest]()
    while ahead:
        digest = ahead.pop()
        if digest not in seen:
            seen.add(digest)
            if digest not in shelf.manifests:
                return False
            media_type, raw = shelf.manifests[digest]
            if media_type == OCI_INDEX:
                ahead += [entry.digest for entry in Index.parse(raw, media_type).manifests]
            else:
                document = Manifest.parse(raw, media_type)
                if any(part.digest not in shelf.blobs for part in (document.config, *document.layers)):
                    return False
    return True
