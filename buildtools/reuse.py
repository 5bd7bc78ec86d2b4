"""Layers that a registry holds already: found by the digest of their tar, so that none is compressed twice.

A fresh machine that publishes what is published hashes its files and compresses nothing, and a layer that
another compressor wrote stays the layer that nodes have.
"""

import threading
from collections.abc import Mapping, Sequence

from buildtools.errors import BuildtoolsError
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import MANIFEST_TYPES, Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import DocumentError, Index, Manifest
from buildtools.oci.reference import parse_reference
from buildtools.stores.base import Readable, read_document, read_manifest
from buildtools.stores.parallel import side_by_side
from buildtools.stores.registry import Registries


class PublishedLayers:
    """The layers of each image's published variants, asked for when an image first needs them.

    `places` are looked at in their order, the first that has the image counts; `tags` has the tag of each
    image. What cannot be read counts as nothing: publishing will say why. Safe to use from several threads.
    """

    def __init__(self, registries: Registries, places: Sequence[str], tags: Mapping[str, str]) -> None:
        self._registries = registries
        self._places = places
        self._tags = tags
        self._found: dict[str, tuple[Mapping[Digest, Descriptor], Readable | None]] = {}
        self._lock = threading.Lock()

    def __call__(self, image: str) -> Mapping[Digest, Descriptor]:
        """The layers of an image by diff_id."""
        return self._look(image)[0]

    def sources(self, image: str) -> dict[Digest, Readable]:
        """Where each of these layers is, by its own digest; empty for an image that was never asked for."""
        layers, store = self._found.get(image, ({}, None))
        return {layer.digest: store for layer in layers.values()} if store else {}

    def _look(self, image: str) -> tuple[Mapping[Digest, Descriptor], Readable | None]:
        with self._lock:
            if image not in self._found:
                self._found[image] = self._asked(image)
            return self._found[image]

    def _asked(self, image: str) -> tuple[Mapping[Digest, Descriptor], Readable | None]:
        for place in self._places:
            store = self._registries.open(parse_reference(f"{place}/{image}"))
            try:
                if layers := published_layers(store, self._tags[image]):
                    return layers, store
            except (BuildtoolsError, DocumentError):
                continue
        return {}, None


def published_layers(store: Readable, identifier: str) -> dict[Digest, Descriptor]:
    """The layers of all images of an index by diff_id; raises what the store raises.

    Layers that are left to other servers are not among them.
    """
    descriptor, raw = store.get_manifest(identifier)
    document = read_manifest(raw, descriptor.media_type, f"{store.name}:{identifier}")
    entries = document.manifests if isinstance(document, Index) else (descriptor,)
    images = [entry for entry in entries if entry.media_type in MANIFEST_TYPES]
    found = side_by_side(lambda entry: _layers(store, entry), images)
    return {diff_id: layer for layers in found for diff_id, layer in layers.items()}


def _layers(store: Readable, entry: Descriptor) -> dict[Digest, Descriptor]:
    found, raw = store.get_manifest(entry.digest)
    manifest = Manifest.parse(raw, found.media_type)
    config = ImageConfig.parse(read_document(store, manifest.config), manifest.config.media_type)
    if len(config.diff_ids) != len(manifest.layers):
        return {}
    pairs = zip(config.diff_ids, manifest.layers, strict=True)
    return {diff_id: layer for diff_id, layer in pairs if not layer.is_foreign}
