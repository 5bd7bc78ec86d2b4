"""What every engine is: something that turns one Target into an image in a store."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from buildtools.oci.config import ImageConfig
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Manifest
from buildtools.oci.layer import COMPRESSOR
from buildtools.plan import Target
from buildtools.record import BaseRecord, BlobRecord, BuildRecord
from buildtools.stores.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """The image below: its manifest and config, and the layers themselves where they are built in."""

    manifest: Manifest
    config: ImageConfig
    blobs: Mapping[Digest, bytes] = field(default_factory=dict, hash=False)


class Engine(Protocol):
    """Builds targets; safe to call from several threads at once."""

    def build(self, target: Target, store: Store) -> BuildRecord:
        """Put the target's image into the store and say what was built.

        Raises BuildError when the target cannot be built and MissingToolError when this machine lacks
        what the engine needs.
        """
        ...


def record_of(
    target: Target,
    config: ImageConfig,
    manifest: Manifest,
    *,
    layers: Iterable[BlobRecord],
    base_layers: Iterable[BlobRecord],
    tools: Mapping[str, str],
) -> BuildRecord:
    """What was built of the target: its own layers, those of its base, and the tools that made them."""
    platform = config.platform
    return BuildRecord(
        image=target.variant.image,
        label=target.variant.label,
        os=platform.os,
        architecture=platform.architecture,
        variant=platform.variant,
        os_version=platform.os_version,
        os_features=platform.os_features,
        fingerprint=target.fingerprint,
        layer_fingerprint=target.layer_fingerprint,
        ingredients=dict(target.ingredients),
        manifest=BlobRecord.of(manifest.descriptor),
        config=BlobRecord.of(config.descriptor),
        layers=tuple(layers),
        base_layers=tuple(base_layers),
        base=BaseRecord(
            reference=target.base.reference,
            digest=target.base.digest,
            os_version=target.base.os_version,
            stand_in=target.base.stand_in,
        ),
        tools=dict(tools),
        compressor=COMPRESSOR,
        created=target.created,
    )
