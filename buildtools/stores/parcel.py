"""Images on their way to where an index will name them: new documents, and where each of their blobs is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index, Manifest
from buildtools.stores.base import NotFoundError, Readable, Writable
from buildtools.stores.copy import copy
from buildtools.stores.images import StoredImage
from buildtools.stores.memory import MemoryStore
from buildtools.stores.parallel import side_by_side
from buildtools.stores.registry import Registry
from buildtools.stores.tagging import standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Blobs that are sent, and those that are mounted, each once."""

    blobs_sent: tuple[Descriptor, ...] = ()
    blobs_mounted: tuple[Descriptor, ...] = ()

    @property
    def sent(self) -> int:
        """Bytes that are sent."""
        return sum(blob.size for blob in self.blobs_sent)

    @property
    def mounted(self) -> int:
        """Bytes that are mounted."""
        return sum(blob.size for blob in self.blobs_mounted)

    def of(self, manifest: Manifest) -> "Moved":
        """The part that one image needs."""
        mine = {blob.digest for blob in (manifest.config, *manifest.layers)}
        return Moved(
            blobs_sent=tuple(blob for blob in self.blobs_sent if blob.digest in mine),
            blobs_mounted=tuple(blob for blob in self.blobs_mounted if blob.digest in mine),
        )


@dataclass(kw_only=True)
class Parcel:
    """Manifests that a target may not have yet.

    `places` says which store holds a blob that is not in `documents`; `left_out` are blobs that a layout
    does not get, such as layers that it leaves to their base's registry.
    """

    manifests: list[Manifest] = field(default_factory=list)
    places: dict[Digest, Readable] = field(default_factory=dict)
    left_out: set[Digest] = field(default_factory=set)
    documents: MemoryStore = field(default_factory=MemoryStore)

    def add(self, manifest: Manifest, *, config: bytes | None = None) -> None:
        """Take a manifest along, and its config where that is at hand."""
        self.manifests.append(manifest)
        self.documents.put_manifest(manifest.raw, manifest.media_type)
        if config is not None:
            self.documents.blobs[manifest.config.digest] = config

    def add_image(self, image: StoredImage) -> None:
        """Take an image along; its layers are where it lies."""
        self.add(image.manifest, config=image.config.raw)
        self.places |= dict.fromkeys((blob.digest for blob in image.blobs), image.store)

    def send(self, target: Writable, root: Index | Manifest) -> Moved:
        """Write blobs, then manifests, then the root by digest."""
        if not self.manifests:
            target.put_manifest(root.raw, root.media_type)
            return Moved()
        self.documents.name = target.name
        self.documents.put_manifest(root.raw, root.media_type)
        if isinstance(target, Registry):
            copied = copy(self.documents, target, root.descriptor, elsewhere=self.places)
            return Moved(blobs_sent=copied.sent, blobs_mounted=copied.mounted)
        sent = []
        for blob in self._blobs():
            if not target.has_blob(blob):
                target.put_blob(blob, partial(self._store(blob).get_blob, blob))
                sent.append(blob)
        for manifest in self.manifests:
            target.put_manifest(manifest.raw, manifest.media_type)
        target.put_manifest(root.raw, root.media_type)
        return Moved(blobs_sent=tuple(sent))

    def weigh(self, target: Writable) -> Moved:
        """What `send` would move; nothing is written."""
        there = standing(target, [manifest.descriptor.digest for manifest in self.manifests])
        registry = target if isinstance(target, Registry) else None
        absent = Parcel(
            manifests=[
                manifest
                for manifest in self.manifests
                if not (registry and there[manifest.descriptor.digest])
            ],
            left_out=set() if registry else self.left_out,
        )
        blobs = list(absent._blobs())
        mounts = [blob for blob in blobs if registry and self._mountable(registry, blob)]
        others = [blob for blob in blobs if blob not in mounts]
        present = side_by_side(target.has_blob, others)
        missing = [blob for blob, found in zip(others, present, strict=True) if not found]
        return Moved(blobs_sent=tuple(missing), blobs_mounted=tuple(mounts))

    def _blobs(self) -> Iterator[Descriptor]:
        """The blobs of all manifests, each once."""
        found: dict[Digest, Descriptor] = {}
        for manifest in self.manifests:
            for blob in (manifest.config, *manifest.layers):
                if not blob.is_foreign and blob.digest not in self.left_out:
                    found.setdefault(blob.digest, blob)
        yield from found.values()

    def _store(self, blob: Descriptor) -> Readable:
        if self.documents.has_blob(blob):
            return self.documents
        try:
            return self.places[blob.digest]
        except KeyError:
            raise NotFoundError(f"Blob {blob.digest} is in none of the stores that were named") from None

    def _mountable(self, registry: Registry, blob: Descriptor) -> bool:
        place = self.places.get(blob.digest)
        return place is not None and bool(registry.mountable(place))
