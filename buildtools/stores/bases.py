"""The bases that published images stand on: what they were, and what their tags stand for now."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from buildtools.errors import BuildError, VerificationError
from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Manifest
from buildtools.oci.platform import Platform
from buildtools.oci.quote import quoted
from buildtools.oci.rebase import Stack, stands_on
from buildtools.oci.reference import InvalidReference, Reference, parse_reference
from buildtools.oci.validate import is_attestation, node_key
from buildtools.parts import BASE_PART, base_part
from buildtools.pins import BasePin, Pins
from buildtools.spec.variant import HOST_PROCESS, SCRATCH
from buildtools.stores.base import NotFoundError, Readable
from buildtools.stores.images import ImageReader, Root, StoredImage
from buildtools.stores.parallel import side_by_side
from buildtools.windows.pattern import PlatformPattern

OpenReference = Callable[[str], tuple[Readable, str]]

_MOST_LISTED: Final = 12
UNKNOWN: Final = "no base is known"
_BUILT_IN: Final[Mapping[str, str]] = {
    SCRATCH: "on nothing",
    HOST_PROCESS: "on the HostProcess base",
}
_NO_BASE: Final = frozenset({"", *_BUILT_IN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says of the bases of some images (of all without a pattern): a reference."""

    reference: str
    pattern: PlatformPattern | None = None

    def fits(self, platform: Platform) -> bool:
        """Whether this is about an image of that platform."""
        return self.pattern is None or self.pattern.matches(platform)

    def __str__(self) -> str:
        """As it was written."""
        return f"{self.pattern.text}={self.reference}" if self.pattern else self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBase:
    """What an image stands on as far as that is known before any base is read.

    `old` names its base, empty where `reason` says why it has none to move to; `digest` is that base's,
    empty where only a tag is known. `new` names the base that it is to stand on, which a person has `chosen`
    or its tag says.
    """

    image: StoredImage
    reason: str = ""
    old: str = ""
    digest: str = ""
    new: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBase:
    """The entry of a base for an image; its documents are not read yet."""

    name: str
    root: Root
    entry: Descriptor


@dataclass(kw_only=True)
class BaseFinder:
    """Finds bases for images; `open_reference` opens them by name.

    `old` and `new` are what a person says, which counts more than what images say. Raises BuildError for a
    base that is not there or has no image for the platform, and what stores raise.
    """

    reader: ImageReader
    open_reference: OpenReference
    pins: Pins
    old: Sequence[Said] = ()
    new: Sequence[Said] = ()
    _roots: dict[str, Root] = field(default_factory=dict, init=False)

    def prefetch(self, root: Root) -> None:
        """Read what the tags of an image's bases stand for while its configs are read.

        Only where no person says otherwise, which may be about some platforms alone.
        """
        if self.old or self.new:
            return
        told = [
            {**item.annotations, **self.reader.manifest(root.store, item.digest, root.name).annotations}
            for item in self.reader.images(root)
        ]
        names = {_followed(one[BASE_NAME]) for one in told if one.get(BASE_NAME, "") not in _NO_BASE}
        self._read_roots(sorted(filter(None, names)))

    def standing(self, image: StoredImage) -> OnBase:
        """What the image stands on, by a person's word, its annotations, or the pins."""
        told = {**(image.entry.annotations if image.entry else {}), **image.manifest.annotations}
        said = next((said for said in self.old if said.fits(image.config.platform)), None)
        old, digest = (said.reference, "") if said else (told.get(BASE_NAME, ""), told.get(BASE_DIGEST, ""))
        if not old and told.get(BASE_PART) == base_part(SCRATCH, ""):
            old = SCRATCH
        if not old:
            old, digest = self._pinned_below(image)
        if not old or old in _BUILT_IN:
            reason = _BUILT_IN.get(old, UNKNOWN)
            return OnBase(image=image, reason=reason)
        target = next((said for said in self.new if said.fits(image.config.platform)), None)
        new = target.reference if target else _followed(old)
        if not new:
            raise BuildError(
                f"{image} stands on {old if _reference(old) else quoted(old)}, which names no tag to follow",
                hint="name the new base with --to-base",
            )
        return OnBase(image=image, old=old, digest=digest, new=new, chosen=bool(target))

    def newest(self, found: Sequence[OnBase]) -> list[NewBase]:
        """The base that each image is to stand on, as its tag is now."""
        names = list(dict.fromkeys(one.new for one in found))
        self._read_roots(names)
        return [
            NewBase(name=one.new, root=self._roots[one.new], entry=_entry(self._roots[one.new], one.image))
            for one in found
        ]

    def read(self, base: NewBase, image: StoredImage) -> Stack:
        """The documents of a base, held against the image: an index may say anything."""
        stack = self._stack(base.root, base.entry)
        if node_key(stack.config.platform) != node_key(image.config.platform):
            raise VerificationError(
                f"the base {base.name} for {image} is an image for {stack.config.platform}",
                hint="its index is wrong; name another base with --to-base",
            )
        if any(layer.is_foreign for layer in stack.manifest.layers):
            raise BuildError(
                f"the base {base.name} for {image} has foreign layers, which registries refuse today",
                hint="name a tag from after June 2023, when Microsoft stopped using them",
            )
        return stack

    def below(self, one: OnBase) -> Stack:
        """The documents of the base that an image stands on: the pinned ones, else what its registry has."""
        for pin in self._pins_of(one.old):
            if pin.digest == one.digest:
                return _pinned(pin)
        name = f"{one.old.partition('@')[0]}@{one.digest}" if one.digest else one.old
        try:
            root = self._root(name)
            stack = self._stack(root, _entry(root, one.image))
        except NotFoundError as error:
            raise BuildError(
                f"the base {name} of {one.image} is gone: {error.message}",
                hint="name another tag or digest of it with --base, or of a base with the same layers",
            ) from error
        return stack

    def _read_roots(self, names: Sequence[str]) -> None:
        self._roots |= zip(names, side_by_side(self._root, names), strict=True)

    def _root(self, name: str) -> Root:
        if name in self._roots:
            return self._roots[name]
        store, identifier = self.open_reference(name)
        return self.reader.root(name, store, identifier)

    def _stack(self, root: Root, entry: Descriptor) -> Stack:
        image = self.reader.image(root, entry)
        return Stack(manifest=image.manifest, config=image.config)

    def _pins_of(self, name: str) -> Iterable[BasePin]:
        return self.pins.bases.get(name, {}).values()

    def _pinned_below(self, image: StoredImage) -> tuple[str, str]:
        """Name and digest of the pinned base with the most layers that the image stands on."""
        stack = Stack(manifest=image.manifest, config=image.config)
        found = [
            (len(base.manifest.layers), name, pin.digest)
            for name, pin in _all(self.pins)
            if stands_on(stack, base := _pinned(pin))
            and node_key(base.config.platform) == node_key(image.config.platform)
        ]
        _, name, digest = max(found, default=(0, "", ""))
        return name, digest


def _followed(name: str) -> str:
    """The tag that gets a base's patches; empty for a mere digest, and for what is no reference."""
    reference = _reference(name)
    return name.partition("@")[0] if reference and (reference.tag or not reference.digest) else ""


def _reference(name: str) -> Reference | None:
    try:
        return parse_reference(name)
    except InvalidReference:
        return None


def _all(pins: Pins) -> Iterator[tuple[str, BasePin]]:
    for name, platforms in pins.bases.items():
        for pin in platforms.values():
            yield name, pin


def _pinned(pin: BasePin) -> Stack:
    return Stack(manifest=Manifest.parse(pin.manifest, pin.media_type), config=ImageConfig.parse(pin.config))


def _entry(root: Root, image: StoredImage) -> Descriptor:
    """The base's entry for the image's very platform and Windows build."""
    if isinstance(root.document, Manifest):
        return root.document.descriptor
    wanted = node_key(image.config.platform)
    entries = [item for item in root.document.manifests if item.platform and not is_attestation(item)]
    for item in entries:
        if item.platform and node_key(item.platform) == wanted:
            return item
    offered = [str(item.platform) for item in entries]
    rest = f" and {len(offered) - _MOST_LISTED} more" if len(offered) > _MOST_LISTED else ""
    raise BuildError(
        f"the base {root.name} has no image for {image}",
        hint=f"it offers {', '.join(offered[:_MOST_LISTED]) or 'nothing'}{rest}",
    )
