"""Layers of published images by diff_id, whatever is published."""

from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.reuse import published_layers
from buildtools.stores.memory import MemoryStore
from buildtools.windows.bases import host_process_base
from tests.fakes.images import Image, image, index

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def store(*images: Image, made: Index | None = None) -> MemoryStore:
    """A store with these images under `latest`."""
    kept = MemoryStore("registry.example/app")
    for one in images:
        one.put(kept)
    whole = made or index(*images)
    kept.put_manifest(whole.raw, whole.media_type, tag="latest")
    return kept


def layer(data: bytes, media_type: str = OCI_LAYER) -> Descriptor:
    """The descriptor of a layer."""
    return Descriptor.of(data, media_type)


def test_the_layers_of_all_images_of_an_index() -> None:
    """By the digest of their tar; what two images share is there once."""
    arm = Platform(os="linux", architecture="arm64")
    found = published_layers(store(image(layers=(b"a", b"b")), image(arm, layers=(b"a", b"c"))), "latest")
    assert found == {digest_of(data): layer(data) for data in (b"a", b"b", b"c")}


def test_the_diff_id_is_not_the_digest_of_a_compressed_layer() -> None:
    """The config says which layer unpacks to which tar."""
    base = host_process_base()
    kept = MemoryStore("registry.example/base")
    kept.blobs.update(base.blobs)
    kept.put_manifest(base.manifest.raw, base.manifest.media_type, tag="latest")
    assert published_layers(kept, "latest") == {base.config.diff_ids[0]: base.manifest.layers[0]}
    assert base.config.diff_ids[0] != base.manifest.layers[0].digest


def test_what_is_left_to_other_servers_is_none_of_ours() -> None:
    """It cannot be copied from this registry."""
    assert published_layers(store(image(layers=(b"a",), layer_type=FOREIGN)), "latest") == {}


def test_entries_that_are_no_images_are_passed_over() -> None:
    """An index may hold another one."""
    one = image()
    nested = index(one)
    kept = store(one)
    kept.put_manifest(nested.raw, nested.media_type)
    outer = Index.build(manifests=[nested.descriptor, one.entry], media_type=nested.media_type)
    kept.put_manifest(outer.raw, outer.media_type, tag="latest")
    assert published_layers(kept, "latest") == {digest_of(b"layer"): layer(b"layer")}
