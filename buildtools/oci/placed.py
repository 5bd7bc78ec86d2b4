"""An image where an index names it: what those who judge images need to know of one."""

from typing import Protocol

from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Manifest
from buildtools.oci.platform import Platform


class Placed(Protocol):
    """An entry of an index with its documents; `name` is what findings call it."""

    @property
    def name(self) -> str:
        """Such as `manifests[0] (linux/amd64)`."""

    @property
    def descriptor(self) -> Descriptor:
        """The index's entry."""

    @property
    def manifest(self) -> Manifest:
        """Its manifest."""

    @property
    def config(self) -> ImageConfig:
        """Its config."""

    @property
    def platform(self) -> Platform:
        """What it is for."""
