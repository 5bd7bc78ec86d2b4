"""What is read from a registry: checked, capped, mirrored, and named when it is not there."""

import pytest

from buildtools.errors import (
    BuildError,
    UnavailableError,
    VerificationError,
)
from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.reference import parse_reference
from buildtools.settings import Settings
from buildtools.stores.base import NotFoundError, read_document
from buildtools.stores.client import Client
from buildtools.stores.registry import Registries, Registry
from tests.fakes import registry as fake
from tests.fakes.clock import FakeClock
from tests.fakes.docker_registry import free_port
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule
from tests.fakes.story import BLOB_GET, IMAGE, INDEX, LARGE, LARGE_BLOB, MANIFEST_GET, story

OTHER_DIGEST = digest_of(b"something else")


@pytest.mark.parametrize("method", ["get_manifest", "resolve"])
def test_a_declared_digest_must_be_the_computed_one(method: str) -> None:
    """A registry or proxy that says one digest and sends another is refused."""
    rule = Rule(pattern=".", fault=fake.header("Docker-Content-Digest", OTHER_DIGEST), times=ALWAYS)
    identifier = "1.0" if method == "get_manifest" else INDEX.descriptor.digest
    declared, sent = (
        (OTHER_DIGEST, INDEX.descriptor.digest)
        if method == "get_manifest"
        else (INDEX.descriptor.digest, OTHER_DIGEST)
    )
    with story(rule) as told, pytest.raises(VerificationError) as caught:
        getattr(told.registry, method)(identifier)
    assert caught.value.message == (
        f"{told.name} should answer for {identifier} with digest {declared}, it answers with {sent}"
    )
    assert len(told.server.seen) == 1


def test_altered_bytes_are_refused() -> None:
    """A manifest asked for by digest has that digest."""
    altered = INDEX.raw.replace(b"amd64", b"arm64")
    rule = Rule(pattern="manifests", fault=fake.body(altered))
    with story(rule) as told, pytest.raises(VerificationError) as caught:
        told.registry.get_manifest(INDEX.descriptor.digest)
    assert caught.value.message == (
        f"The bytes of manifest {INDEX.descriptor.digest} in {told.name} have digest {digest_of(altered)}"
    )


def test_a_flipped_bit_is_found() -> None:
    """A damaged blob is refused before its last byte is handed out."""
    damaged = LARGE[:-1] + b"\0"
    rule = Rule(pattern=BLOB_GET, fault=fake.body(damaged), times=ALWAYS)
    with story(rule) as told, pytest.raises(VerificationError) as caught:
        told.read()
    assert caught.value.message == (
        f"The bytes of blob {LARGE_BLOB.digest} in {told.name} have digest {digest_of(damaged)}"
    )
    assert len(told.server.seen) == 1


def test_a_longer_body_is_refused_unread() -> None:
    """Content-Length tells before anything is read."""
    rule = Rule(pattern=BLOB_GET, fault=fake.body(LARGE + b"more"))
    with story(rule) as told, pytest.raises(VerificationError) as caught:
        told.read()
    assert caught.value.message == (
        f"Blob {LARGE_BLOB.digest} in {told.name} has {len(LARGE) + 4} bytes, "
        f"its descriptor says {len(LARGE)}"
    )


@pytest.mark.parametrize("told_length", [True, False])
def test_a_manifest_above_the_limit_is_not_read(told_length: bool) -> None:
    """64 MiB are not taken into memory, whether or not the registry says how much it is."""
    faults = [fake.body(b" " * (64 * 1024 * 1024))]
    if not told_length:
        faults += [fake.header("Content-Length", None), fake.header("Connection", "close")]
    rules = [Rule(pattern=MANIFEST_GET, fault=fault) for fault in faults]
    with story(*rules) as told, pytest.raises(BuildError) as caught:
        told.registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"Manifest {told.name}:1.0 has more than 4194304 bytes, registries and nodes take at most 4194304: "
        "it has too many entries, layers or annotations"
    )


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"[" * 200_000, "the manifest or index nests deeper than 32 levels"),
        (b"[]", "the manifest or index must be a JSON object, it is a list"),
        (
            b"{}",
            (
                "media type 'application/vnd.strange+json' is neither an image manifest nor an index: "
                "name the reference of an image"
            ),
        ),
        (
            INDEX.raw,
            (
                "the document is served as 'application/vnd.strange+json' "
                "and says it is 'application/vnd.oci.image.index.v1+json'"
            ),
        ),
    ],
    ids=["deep", "list", "empty", "served as something else"],
)
def test_a_document_that_is_none_is_refused(raw: bytes, problem: str) -> None:
    """What is no manifest is named with the place it came from."""
    rules = [
        Rule(pattern=MANIFEST_GET, fault=fake.body(raw)),
        Rule(pattern=MANIFEST_GET, fault=fake.header("Docker-Content-Digest", None)),
        Rule(pattern=MANIFEST_GET, fault=fake.header("Content-Type", "application/vnd.strange+json")),
    ]
    with story(*rules) as told, pytest.raises(VerificationError) as caught:
        told.registry.get_manifest("1.0")
    assert caught.value.message == f"Manifest {told.name}:1.0 cannot be used: {problem}"


@pytest.mark.parametrize("status", [400, 403, 405])
def test_a_registry_that_knows_no_head(status: int) -> None:
    """Where HEAD is denied, GET tells."""
    rule = Rule(pattern="^HEAD", fault=fake.status(status), times=ALWAYS)
    with story(rule) as told:
        assert told.registry.resolve("1.0") == INDEX.descriptor
        assert told.registry.has_blob(LARGE_BLOB)
        assert not told.registry.has_blob(Descriptor.of(b"none", OCI_LAYER))


def test_a_head_that_says_too_little() -> None:
    """Without the digest header the bytes are fetched and hashed."""
    rule = Rule(pattern=".", fault=fake.header("Docker-Content-Digest", None), times=ALWAYS)
    with story(rule) as told:
        assert told.registry.resolve("1.0") == INDEX.descriptor


def test_a_blob_that_nobody_may_ask_about() -> None:
    """Where HEAD and GET are denied the answer is no."""
    rule = Rule(pattern="blobs", fault=fake.status(403), times=ALWAYS)
    with story(rule) as told:
        assert not told.registry.has_blob(LARGE_BLOB)


def test_connections_are_reused() -> None:
    """Many requests go over one connection, large HEADs and errors included."""
    with story() as told:
        for _ in range(5):
            told.registry.get_manifest("1.0")
            told.registry.resolve("1.0")
            assert told.registry.has_blob(LARGE_BLOB)
            assert told.read() == LARGE
            with pytest.raises(NotFoundError):
                told.registry.get_manifest("none")
        assert told.server.connections == 1


def test_a_mirror_is_read_in_place() -> None:
    """The repository's path is appended to the mirror's, and the upstream is never asked."""
    with FakeRegistry() as server:
        IMAGE.put(server.repository("mcr/windows/nanoserver"), tag="ltsc2022")
        settings = Settings(mirrors={"mcr.microsoft.com": f"{server.host}/mcr"})
        registry = Registries(settings).open(parse_reference("mcr.microsoft.com/windows/nanoserver:ltsc2022"))
        descriptor, raw = registry.get_manifest("ltsc2022")
        assert raw == IMAGE.manifest.raw
        assert read_document(registry, IMAGE.manifest.config) == IMAGE.blobs[0]
        assert descriptor == registry.resolve("ltsc2022")
    assert registry.name == (
        f"mcr.microsoft.com/windows/nanoserver (read from its mirror {server.host}/mcr/windows/nanoserver)"
    )


def test_what_a_mirror_lacks_names_both() -> None:
    """People learn where it was looked for, and on whose behalf."""
    with FakeRegistry() as server:
        settings = Settings(mirrors={"mcr.microsoft.com": f"{server.host}/mcr"})
        registry = Registry("mcr.microsoft.com", "windows/nanoserver", settings=settings)
        with pytest.raises(NotFoundError) as caught:
            registry.get_manifest("ltsc2022")
    assert str(caught.value) == (
        "Manifest mcr.microsoft.com/windows/nanoserver:ltsc2022 "
        f"(read from its mirror {server.host}/mcr/windows/nanoserver) was not found "
        "(NAME_UNKNOWN: repository name not known to registry): "
        f"copy it to {server.host}/mcr/windows/nanoserver, or take that mirror out of the settings"
    )


def test_a_mirror_that_is_away_names_both() -> None:
    """The upstream is not asked in its place."""
    host = f"127.0.0.1:{free_port()}"
    settings = Settings(mirrors={"mcr.microsoft.com": host})
    client = Client(settings, clock=FakeClock().clock)
    registry = Registry("mcr.microsoft.com", "windows/nanoserver", settings=settings, client=client)
    with pytest.raises(UnavailableError) as caught:
        registry.get_manifest("ltsc2022")
    assert str(caught.value) == (
        f"{host} (the mirror of mcr.microsoft.com/windows/nanoserver) cannot be connected to: "
        "check the network; it is safe to run the command again"
    )


def test_a_digest_that_is_gone_is_named() -> None:
    """A pin that the registry has pruned is named with its digest."""
    gone = Digest("sha256:" + "1" * 64)
    with story() as told, pytest.raises(NotFoundError) as caught:
        told.registry.get_manifest(gone)
    assert caught.value.message == (
        f"Manifest {told.name}@{gone} was not found (MANIFEST_UNKNOWN: manifest unknown)"
    )
