"""`rebase --published`: every published image of a project on the newest patches of its bases.

Tags that stand on one index are looked at together, so that it is rebased once and they stay together.
All images are planned before the first one is written. They keep their times, so that a build of the same
sources on the same bases is the same index: once the new pins are committed, publishing finds nothing to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from buildtools.oci.digest import Digest
from buildtools.pins import Pins
from buildtools.rebase import RebasePlan, Rebaser
from buildtools.stores.base import NotFoundError, Writable
from buildtools.stores.bases import OpenReference
from buildtools.stores.parcel import Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """One published index: the tags that stand on it, and what is to become of it."""

    image: str
    tags: tuple[str, ...]
    rebaser: Rebaser = field(hash=False)
    plan: RebasePlan = field(hash=False)

    def publish(self) -> Moved:
        """Write it, and set the tags where that was asked for."""
        return self.rebaser.publish(self.plan)

    def weigh(self) -> Moved:
        """The blobs that `publish` would move."""
        return self.rebaser.weigh(self.plan)


@dataclass(kw_only=True)
class Renewer:
    """Finds what is published of a project and plans its rebase.

    `open_target` opens the repository of an image, `open_base` a base by name. Where `tagging`, tags are
    moved to what is written, else it stays without tags. `absent` has afterwards what is not there.
    """

    open_target: Callable[[str], Writable]
    open_base: OpenReference
    pins: Pins
    created: str = ""
    tagging: bool = True
    absent: list[str] = field(default_factory=list, init=False)

    def plan(self, images: Sequence[str], tags: Sequence[str]) -> list[Renewal]:
        """What becomes of these images under these tags; nothing is written.

        Raises what `Rebaser.plan` raises.
        """
        return [
            self._renewal(image, target, together)
            for image in images
            for target in (self.open_target(image),)
            for together in self._together(target, tags)
        ]

    def _together(self, target: Writable, tags: Sequence[str]) -> list[tuple[str, ...]]:
        """The tags that are there, those of one index together."""
        found: dict[Digest, list[str]] = {}
        for tag in tags:
            try:
                found.setdefault(target.resolve(tag).digest, []).append(tag)
            except NotFoundError:
                self.absent.append(f"{target.name}:{tag}")
        return [tuple(group) for group in found.values()]

    def _renewal(self, image: str, target: Writable, tags: tuple[str, ...]) -> Renewal:
        rebaser = Rebaser(
            target=target,
            identifier=tags[0],
            tags=tags if self.tagging else (),
            open_base=self.open_base,
            pins=self.pins,
            created=self.created,
            keep_times=True,
        )
        return Renewal(image=image, tags=tags, rebaser=rebaser, plan=rebaser.plan())
