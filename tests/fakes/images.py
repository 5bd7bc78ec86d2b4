"""Small images, made of few bytes and valid all the same."""

from dataclasses import dataclass

from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index, Manifest, canonical_json
from buildtools.oci.platform import Platform
from buildtools.stores.memory import MemoryStore
from buildtools.tree import Entry


@dataclass(frozen=True, kw_only=True)
class Image:
    """A manifest with the blobs that it names."""

    manifest: Manifest
    blobs: tuple[bytes, ...]
    platform: Platform

    @property
    def entry(self) -> Descriptor:
        """The image as an index entry."""
        return Descriptor(
            media_type=self.manifest.media_type,
            size=self.manifest.descriptor.size,
            digest=self.manifest.descriptor.digest,
            platform=self.platform,
        )

    def put(self, store: MemoryStore, *, tag: str = "") -> Descriptor:
        """Write all of it into a store."""
        for blob in self.blobs:
            store.blobs[digest_of(blob)] = blob
        return store.put_manifest(self.manifest.raw, self.manifest.media_type, tag=tag)


def image(
    platform: Platform | None = None,
    *,
    layers: tuple[bytes, ...] = (b"layer",),
    layer_type: str = OCI_LAYER,
    manifest_type: str = OCI_MANIFEST,
    config_type: str = OCI_CONFIG,
    config_platform: Platform | None = None,
) -> Image:
    """An image for `platform`; `config_platform` is what its config says where that is something else."""
    platform = platform or Platform(os="linux", architecture="amd64")
    said = config_platform or platform
    config = canonical_json(
        said.to_json()
        | {"config": {}, "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}}
    )
    manifest = Manifest.build(
        config=Descriptor.of(config, config_type),
        layers=[Descriptor.of(layer, layer_type) for layer in layers],
        media_type=manifest_type,
    )
    return Image(manifest=manifest, blobs=(config, *layers), platform=platform)


def entries(*images: Image) -> list[Entry]:
    """The images as entries of one index."""
    return [
        Entry(
            descriptor=image.entry,
            manifest=image.manifest,
            config=ImageConfig.parse(image.blobs[0]),
            name=f"entry {number}",
        )
        for number, image in enumerate(images)
    ]


def index(*images: Image, media_type: str = OCI_INDEX) -> Index:
    """An index of images."""
    return Index.build(manifests=[item.entry for item in images], media_type=media_type)
