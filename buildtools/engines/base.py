"""What every engine is: something that turns one Target into an image in a store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from buildtools.oci.config import ImageConfig
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Manifest
from buildtools.plan import Target
from buildtools.record import BuildRecord
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
