"""The default engine: one layer on a base, written straight into the store; no daemon and no Windows."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from buildtools.engines.base import BaseImage, record_of
from buildtools.errors import BuildError, BuildtoolsError
from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME, CREATED
from buildtools.oci.config import ImageConfig, build_config
from buildtools.oci.descriptor import OCI_MANIFEST, Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Manifest
from buildtools.oci.layer import COMPRESSOR, Entry, Layer, LayerError, layer_diff_id, write_layer
from buildtools.plan import Target
from buildtools.record import BlobRecord, BuildRecord
from buildtools.sources.entries import LAYER_FORMATS
from buildtools.spec.variant import OWN, SCRATCH, Variant
from buildtools.stores.base import Store

BUILDER: Final = f"assemble/1 {COMPRESSOR}"
LAYER_EPOCH: Final = 315532800
"""1980-01-01T00:00:00Z, the time of every entry of every layer: the same files are the same layer on any
commit, and no tool that packs the file again (zip, FAT) meets a date that it cannot write."""

_READ: Final = 1024 * 1024


@dataclass(kw_only=True)
class Assemble:
    """Assembles targets from the entries that `entries` makes for a variant.

    `bases` maps a base manifest's digest to its image. `published` gives the layers of an image's published
    variants by diff_id: what is there is hashed and not compressed, and left to its registry. Targets that
    differ only in their base share one layer, which is written once however many threads ask for it.
    """

    entries: Callable[[Variant], list[Entry]]
    bases: Mapping[str, BaseImage]
    published: Callable[[str], Mapping[Digest, Descriptor]] = lambda _: {}
    _layers: dict[tuple[str, Digest], "Future[Layer]"] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def build(self, target: Target, store: Store) -> BuildRecord:
        """Put the target's image into the store; raises BuildError."""
        base = self.bases[target.base.digest] if target.base.digest else None
        layer = self._layer(target, store)
        created = rfc3339(target.created)
        config = build_config(
            base.config if base else None,
            platform=target.variant.platform,
            settings=target.variant.config,
            diff_ids=(layer.diff_id,),
            history=(f"buildtools layer {target.variant.image}",),
            created=created,
        )
        manifest = Manifest.build(
            config=config.descriptor,
            layers=(*(base.manifest.layers if base else ()), layer.descriptor),
            annotations=_annotations(target, created),
            media_type=OCI_MANIFEST,
        )
        self._put(store, config, manifest, base)
        return _record(target, layer, config, manifest, base)

    def _put(self, store: Store, config: ImageConfig, manifest: Manifest, base: BaseImage | None) -> None:
        put_bytes(store, config.descriptor, config.raw)
        if base:
            for descriptor in base.manifest.layers:
                if descriptor.digest in base.blobs:
                    put_bytes(store, descriptor, base.blobs[descriptor.digest])
        store.put_manifest(manifest.raw, manifest.media_type)

    def _layer(self, target: Target, store: Store) -> Layer:
        """The application layer: from the last build, from another thread, or written now."""
        # Each image has a layout of its own, so one that is made of the same files needs the layer, too.
        key = target.variant.image, target.layer_fingerprint
        with self._lock:
            future = self._layers.get(key)
            mine = future is None
            if future is None:
                future = self._layers[key] = Future()
        if mine:
            try:
                future.set_result(self._kept(target, store) or self._written(target, store))
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()

    def _kept(self, target: Target, store: Store) -> Layer | None:
        record = target.record
        if record is None or record.layer_fingerprint != target.layer_fingerprint or len(record.layers) != 1:
            return None
        blob = record.layers[0]
        if not store.has_blob(blob.descriptor):
            return None
        return Layer(descriptor=blob.descriptor, diff_id=Digest(blob.diff_id), size=0)

    def _written(self, target: Target, store: Store) -> Layer:
        entries = self.entries(target.variant)
        system = LAYER_FORMATS[target.variant.platform.os]
        known = self.published(target.variant.image)
        try:
            if known:
                diff_id = layer_diff_id(entries, system=system, epoch=LAYER_EPOCH)
                if descriptor := known.get(diff_id):
                    return Layer(descriptor=descriptor, diff_id=diff_id)
            with store.new_blob() as blob:
                layer = write_layer(entries, blob, system=system, epoch=LAYER_EPOCH)
                blob.commit(layer.descriptor)
        except LayerError as error:
            raise BuildError(f"{target.name}: {error}", hint="build again") from error
        return layer


def put_bytes(store: Store, descriptor: Descriptor, data: bytes) -> None:
    """Put a small blob into the store unless its bytes are there: a disk may rot, and this heals it."""
    if not (store.has_blob(descriptor) and _reads(store, descriptor)):
        with store.new_blob() as blob:
            blob.write(data)
            blob.commit(descriptor)


def _reads(store: Store, descriptor: Descriptor) -> bool:
    try:
        with store.get_blob(descriptor) as blob:
            while blob.read(_READ):
                pass
    except BuildtoolsError:
        return False
    return True


def rfc3339(seconds: int) -> str:
    """Seconds since 1970 as the specs write a time: `2026-11-24T00:00:00Z`."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _annotations(target: Target, created: str) -> dict[str, str]:
    annotations = {CREATED: created}
    if target.base.reference != SCRATCH:
        # An image of the project has its name only there.
        if not target.base.reference.startswith(OWN):
            annotations[BASE_NAME] = target.base.reference
        if target.base.digest:
            annotations[BASE_DIGEST] = target.base.digest
    return annotations


def _record(
    target: Target, layer: Layer, config: ImageConfig, manifest: Manifest, base: BaseImage | None
) -> BuildRecord:
    pairs = zip(base.manifest.layers, base.config.diff_ids, strict=True) if base else ()
    return record_of(
        target,
        config,
        manifest,
        layers=(BlobRecord.of(layer.descriptor, diff_id=layer.diff_id),),
        base_layers=(BlobRecord.of(descriptor, diff_id=diff_id) for descriptor, diff_id in pairs),
        tools=target.tools,
    )
