"""Where an image's lifecycle contract can be run: one protocol, one file a tier, and a table of all."""

from importlib import import_module
from typing import Final, Literal, NamedTuple, cast

from buildtools.settings import Settings
from buildtools.tiers.base import Tier

Need = Literal["files", "image", "reference"]


class TierRow(NamedTuple):
    """One tier: what it takes of an image, and what it shows.

    `need` is the image's file tree, the image itself, or a name that it is published under. One that is
    tried only where it is `asked` for changes something that belongs to others.
    """

    name: str
    need: Need
    shows: str
    asked: bool = False

    def make(self, settings: Settings) -> Tier:
        """The tier, loaded now: the class of its name in the module of its name, by its method `of`."""
        module = import_module(f"{__name__}.{self.name}")
        return cast("Tier", getattr(module, self.name.capitalize()).of(settings))


TIERS: Final = (
    TierRow("native", "files", "Linux images as programs of this machine"),
    TierRow("docker", "image", "images in this machine's Docker Engine, Windows ones on Windows"),
    TierRow("wine", "files", "Windows images under wine, on Linux"),
    TierRow("cluster", "reference", "published images as pods of the current cluster", asked=True),
)
"""Every tier; the verb tries them in this order."""
