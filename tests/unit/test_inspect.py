"""What is in a store: an index with its images, a single image, and what cannot be read."""

import io
from functools import partial
from pathlib import Path

import pytest

from buildtools.cluster.nodes import NODE_KINDS
from buildtools.errors import BuildError, UsageError
from buildtools.inspect import Inspection, inspect_reference, inspect_store
from buildtools.oci.descriptor import (
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
)
from buildtools.oci.documents import Index, Manifest
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.stores.base import NotFoundError
from buildtools.stores.layout import Layout
from buildtools.stores.memory import MemoryStore
from buildtools.stores.open import only_name
from buildtools.windows.bases import stand_in_base
from tests.fakes.images import Image, image, index

LINUX = image(layers=(b"one", b"three"))
ARM = image(Platform(os="linux", architecture="arm64"), manifest_type=DOCKER_MANIFEST)
WINDOWS = image(Platform(os="windows", architecture="amd64", os_version="10.0.20348.1"))


def stored(*images: Image, document: Index | None = None) -> tuple[MemoryStore, str]:
    """A store with an index of these images, and the index's digest."""
    store = MemoryStore()
    for item in images:
        item.put(store)
    made = document or index(*images)
    return store, store.put_manifest(made.raw, made.media_type, tag="1.0").digest


def layout(path: Path, *images: Image, left_out: bytes = b"") -> Layout:
    """A layout with these images as one index, but for one blob."""
    made = Layout(path)
    for item in images:
        for blob in item.blobs:
            if blob != left_out:
                made.put_blob(Descriptor.of(blob, OCI_LAYER), partial(io.BytesIO, blob))
        made.put_manifest(item.manifest.raw, item.manifest.media_type)
    found = index(*images)
    made.put_index(made.put_manifest(found.raw, found.media_type), ref_name="latest")
    return made


def refused(store: MemoryStore, identifier: str) -> str:
    """The sentence about what cannot be read."""
    with pytest.raises(BuildError) as caught:
        inspect_store(store, identifier)
    return str(caught.value)


def test_an_index(tmp_path: Path) -> None:
    """By digest or tag: its images in their order, and what each kind of node takes."""
    store, digest = stored(LINUX, ARM, WINDOWS)
    found = inspect_store(store, digest)
    assert found == inspect_store(store, "1.0")
    assert (found.name, found.descriptor.digest, found.descriptor.media_type) == ("memory", digest, OCI_INDEX)
    assert [entry.manifest for entry in found.entries] == [item.manifest for item in (LINUX, ARM, WINDOWS)]
    assert [str(entry.platform) for entry in found.entries] == [
        "linux/amd64",
        "linux/arm64",
        "windows/amd64:10.0.20348.1",
    ]
    assert [entry.size for entry in found.entries] == [8, 5, 5]
    assert [entry.missing for entry in found.entries] == [(), (), ()]
    assert found.others == ()
    assert tuple(node for node, _ in found.choices) == NODE_KINDS
    taken = {node.name: choice.descriptor for node, choice in found.choices}
    assert taken["linux/amd64"] == LINUX.entry
    assert taken["Windows Server 2022"] == WINDOWS.entry


def test_a_single_image_is_an_index_of_one(tmp_path: Path) -> None:
    """Its platform is what its config says."""
    store, _ = stored(LINUX, WINDOWS)
    digest = WINDOWS.manifest.descriptor.digest
    found = inspect_store(store, digest)
    assert found.descriptor == Descriptor.of(WINDOWS.manifest.raw, OCI_MANIFEST)
    (entry,) = found.entries
    assert entry.descriptor == WINDOWS.entry
    assert entry.manifest == WINDOWS.manifest
    assert found.index.manifests == (WINDOWS.entry,)
    # Nobody chooses: every node takes it.
    assert all(choice.descriptor == WINDOWS.entry for _, choice in found.choices)
    assert {choice.right for node, choice in found.choices if node.os == "linux"} == {False}


def test_the_platform_of_a_silent_index(tmp_path: Path) -> None:
    """Is the config's, too."""
    silent = Index.build(manifests=[Descriptor.of(ARM.manifest.raw, DOCKER_MANIFEST)])
    found = inspect_store(*stored(ARM, document=silent))
    assert found.entries[0].platform == Platform(os="linux", architecture="arm64")
    assert found.entries[0].descriptor.platform is None


def test_what_is_no_image_stands_apart(tmp_path: Path) -> None:
    """A nested index is not read, and need not be there."""
    nested = Descriptor.of(b"{}", OCI_INDEX)
    found = inspect_store(*stored(LINUX, document=Index.build(manifests=[LINUX.entry, nested])))
    assert [entry.descriptor for entry in found.entries] == [LINUX.entry]
    assert found.others == (nested,)


def test_a_stand_in_is_told(tmp_path: Path) -> None:
    """By the label that everything on it inherits."""
    base = stand_in_base(WINDOWS.platform, title="nanoserver")
    made = Image(manifest=base.manifest, blobs=tuple(base.blobs.values()), platform=WINDOWS.platform)
    found = inspect_store(*stored(made, LINUX))
    assert [entry.is_stand_in for entry in found.entries] == [True, False]


def test_blobs_that_a_layout_leaves_to_a_registry(tmp_path: Path) -> None:
    """Are named entry by entry."""
    made = layout(tmp_path / "x", LINUX, ARM, left_out=b"three")
    found = inspect_store(made, "latest")
    assert [entry.missing for entry in found.entries] == [(Descriptor.of(b"three", OCI_LAYER),), ()]


def described(path: Path, suffix: str = "") -> Inspection:
    """What people name on the command line."""
    return inspect_reference(f"oci:{path}{suffix}", Settings())


def test_a_layout_by_path(tmp_path: Path) -> None:
    """Its only index, or the one that is named."""
    made = layout(tmp_path / "x", LINUX)
    whole = described(tmp_path / "x")
    assert whole.index.raw == index(LINUX).raw
    assert described(tmp_path / "x", ":latest") == whole
    assert described(tmp_path / "x", f"@{whole.descriptor.digest}") == whole
    assert only_name(made) == whole.descriptor.digest
    made.put_manifest(ARM.manifest.raw, ARM.manifest.media_type, tag="other")
    with pytest.raises(UsageError) as several:
        described(tmp_path / "x")
    assert str(several.value) == (
        f"{made.name} holds 2 images: name one of oci:{made.name}:latest, oci:{made.name}:other"
    )
    for number in range(8):
        made.put_manifest(ARM.manifest.raw, ARM.manifest.media_type, tag=f"t{number}")
    with pytest.raises(UsageError, match=r":t5, 2 more$"):
        described(tmp_path / "x")
    with pytest.raises(UsageError) as usage:
        described(tmp_path / "gone")
    assert str(usage.value) == (
        f"{tmp_path}/gone is not an OCI image layout: name a folder that holds an oci-layout file"
    )


def test_a_layout_without_an_image(tmp_path: Path) -> None:
    """It holds nothing to name."""
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    with pytest.raises(UsageError) as caught:
        described(tmp_path)
    assert str(caught.value) == f"{tmp_path} holds no image: build one into it, or name another layout"


def test_one_image_under_two_names_is_one(tmp_path: Path) -> None:
    """As tools leave it that copy a tag and its version."""
    made = layout(tmp_path / "x", LINUX)
    descriptor, raw = made.get_manifest("latest")
    made.put_manifest(raw, descriptor.media_type, tag="1.0")
    assert only_name(made) == descriptor.digest


def test_a_registry_has_latest() -> None:
    """As everywhere."""
    assert only_name(MemoryStore()) == "latest"


def broken_config(raw: bytes) -> Image:
    """An image with this config."""
    manifest = Manifest.build(config=Descriptor.of(raw, OCI_CONFIG), layers=[])
    return Image(manifest=manifest, blobs=(raw,), platform=LINUX.platform)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"os": 5}', b"\xff"])
def test_a_broken_config_is_a_sentence(raw: bytes) -> None:
    """In an index, and alone."""
    made = broken_config(raw)
    store, digest = stored(made)
    for identifier in (digest, made.manifest.descriptor.digest):
        assert refused(store, identifier).startswith(f"{identifier} in memory cannot be read: ")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"schemaVersion": 1}'])
@pytest.mark.parametrize("media_type", [OCI_INDEX, OCI_MANIFEST, "text/plain"])
def test_a_broken_document_is_a_sentence(raw: bytes, media_type: str) -> None:
    """Whatever it says that it is."""
    store = MemoryStore()
    digest = store.put_manifest(raw, media_type).digest
    assert refused(store, digest).startswith(f"{digest} in memory cannot be read: ")


def test_what_is_not_there() -> None:
    """Neither the index nor, where it is, its image."""
    store = MemoryStore()
    with pytest.raises(NotFoundError):
        inspect_store(store, "1.0")
    made = index(LINUX)
    store.put_manifest(made.raw, made.media_type, tag="1.0")
    with pytest.raises(NotFoundError) as caught:
        inspect_store(store, "1.0")
    assert str(caught.value) == f"Manifest {LINUX.manifest.descriptor.digest} is not in memory"
