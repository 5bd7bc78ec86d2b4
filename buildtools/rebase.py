"""The `rebase` verb: published images on the newest patches of their bases, without a build.

Each entry of an index is put from its base to what that base's tag stands for now, for the very same
Windows build. The application's layers are in the repository already; a base's layers are mounted or read
from its registry. Children come first, then the index, then the tag; what is up to date stays as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from buildtools.assemble import SUBJECT
from buildtools.errors import BuildError, UsageError, VerificationError
from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME, CREATED
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import INDEX_TYPES, Descriptor
from buildtools.oci.digest import Digest, short
from buildtools.oci.documents import DocumentError, Index, Manifest
from buildtools.oci.rebase import Rebased, Stack, is_older, later, rebase, stands_on
from buildtools.oci.validate import validate_index
from buildtools.parts import BASE_PART, base_part
from buildtools.pins import Pins
from buildtools.stores.base import Readable, Writable
from buildtools.stores.bases import UNKNOWN, BaseFinder, NewBase, OnBase, OpenReference, Said
from buildtools.stores.images import ImageReader, Root, StoredImage
from buildtools.stores.layout import Layout
from buildtools.stores.parallel import side_by_side, workers
from buildtools.stores.parcel import Moved, Parcel
from buildtools.stores.registry import Registry
from buildtools.stores.tagging import Standing, check_standing, put_tags, standing
from buildtools.windows.bases import is_stand_in

UP_TO_DATE: Final = "up to date"
_EARLIEST: Final = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What becomes of one image.

    `base` is the new base's name, `base_store` what holds it. `reason` says why an image is kept.
    """

    image: StoredImage
    reason: str = ""
    base: str = ""
    base_store: Readable | None = None
    old: Stack | None = None
    new: Stack | None = None
    rebased: Rebased | None = None

    @property
    def manifest(self) -> Manifest:
        """The image's manifest, as it will be."""
        return self.rebased.manifest if self.rebased else self.image.manifest

    @property
    def config(self) -> ImageConfig:
        """The image's config, as it will be."""
        return self.rebased.config if self.rebased else self.image.config


@dataclass(frozen=True, slots=True, kw_only=True)
class RebasePlan:
    """What is to be published under which tags, and what those stand for now."""

    name: str
    tags: tuple[str, ...]
    standing: Standing
    before: Digest
    root: Index | Manifest
    entries: tuple[Entry, ...]
    parcel: Parcel = field(hash=False)
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> Digest:
        """The digest of the index or image."""
        return self.root.descriptor.digest

    @property
    def stale(self) -> tuple[str, ...]:
        """The tags that do not stand for it yet."""
        return tuple(tag for tag in self.tags if self.standing[tag] != self.digest)

    @property
    def pending(self) -> bool:
        """Whether there is anything to do: a tag to set, or without tags something to write."""
        return bool(self.stale) if self.tags else self.digest != self.before


@dataclass(kw_only=True)
class Rebaser:
    """Rebases what the tag `identifier` names in `target`, and sets `tags`; without any it stays untagged.

    `open_base` opens a base by name. `old` and `new` are what a person says of bases, before what images
    say of themselves; `pins` are bases that a project has pinned. `created` is the time that everything
    new carries, in RFC 3339; without it each image takes the later of its own and its new base's, or with
    `keep_times` its own: a build of the same sources on the new pins gives just that.
    Images on stand-in bases are refused in a registry unless `stand_ins` says that it is one to throw away.
    """

    target: Writable
    identifier: str
    tags: tuple[str, ...]
    open_base: OpenReference
    old: Sequence[Said] = ()
    new: Sequence[Said] = ()
    pins: Pins = field(default_factory=Pins)
    created: str = ""
    keep_times: bool = False
    stand_ins: bool = False

    def plan(self, *, expected: Digest | None = None) -> RebasePlan:
        """Read the image and its bases, and make what is to be published; nothing is written.

        `expected` is what the image must be now. Raises BuildError where a base is not known or does not
        fit, VerificationError, and what stores raise.
        """
        reader = ImageReader()
        root = reader.root(self._name, self.target, self.identifier)
        _refuse_nested(root)
        finder = BaseFinder(
            reader=reader, open_reference=self.open_base, pins=self.pins, old=self.old, new=self.new
        )
        reader.images(root)
        with workers(1) as pool:
            ahead = pool.submit(finder.prefetch, root)
            (found,) = reader.entries([root])
            ahead.result()
        entries = self._entries(found.images, finder)
        document, dropped = _document(root.document, entries, found.attestations, self.created)
        _refuse_new_errors(root.document, document, entries)
        others = tuple(tag for tag in self.tags if tag != self.identifier)
        state = {**standing(self.target, others), self.identifier: root.digest}
        plan = RebasePlan(
            name=self.target.name,
            tags=self.tags,
            standing={tag: state[tag] for tag in self.tags},
            before=root.digest,
            root=document,
            entries=tuple(entries),
            parcel=self._parcel(entries),
            warnings=(*dropped, *_conflicts(entries), *_older(entries)),
        )
        # Where all is done what was expected before is no matter: the run that did it had looked.
        if expected and plan.pending:
            check_standing(self.target.name, found=state, expected={self.identifier: expected})
        return plan

    def publish(self, plan: RebasePlan) -> Moved:
        """Write the new images, then the index, then the tags; read all back."""
        if not plan.pending:
            return Moved()
        moved = plan.parcel.send(self.target, plan.root)
        if not plan.tags:
            self.target.resolve(plan.digest)
        put_tags(self.target, plan.root.descriptor, plan.root.raw, plan.stale, expected=plan.standing)
        return moved

    def weigh(self, plan: RebasePlan) -> Moved:
        """The blobs that `publish` would move."""
        return plan.parcel.weigh(self.target) if plan.pending else Moved()

    @property
    def _name(self) -> str:
        """What is rebased, as sentences call it."""
        return f"{self.target.name}{'@' if ':' in self.identifier else ':'}{self.identifier}"

    def _entries(self, images: Sequence[StoredImage], finder: BaseFinder) -> list[Entry]:
        self._refuse_unused(images)
        found = {image.digest: finder.standing(image) for image in images}
        known = [one for one in found.values() if not one.reason]
        if not known and any(one.reason == UNKNOWN for one in found.values()):
            raise BuildError(
                f"no image of {self._name} says what it stands on",
                hint="name the base that it was built on with --base",
            )
        newest = dict(zip((one.image.digest for one in known), finder.newest(known), strict=True))
        moving = [one for one in known if newest[one.image.digest].entry.digest != one.digest]
        made = side_by_side(lambda one: self._moved(one, newest[one.image.digest], finder), moving)
        done = {entry.image.digest: entry for entry in made}
        return [
            done.get(image.digest)
            or Entry(
                image=image, reason=found[image.digest].reason or UP_TO_DATE, base=found[image.digest].new
            )
            for image in images
        ]

    def _moved(self, one: OnBase, base: NewBase, finder: BaseFinder) -> Entry:
        """One image on its new base."""
        image = one.image
        reads: tuple[Callable[[], Stack], ...] = (
            partial(finder.below, one),
            partial(finder.read, base, image),
        )
        old, new = side_by_side(lambda read: read(), reads)
        stack = Stack(manifest=image.manifest, config=image.config)
        if reason := _kept(stack, one, old=old, new=new):
            return Entry(image=image, reason=reason, base=one.new)
        times = (image.config.created, "" if self.keep_times else new.config.created)
        created = self.created or later(*times) or _EARLIEST
        try:
            rebased = rebase(stack, old=old, new=new, name=one.new, created=created)
        except DocumentError as error:
            raise BuildError(
                f"{image} cannot be put from {one.old} to {one.new}: {error}",
                hint="name the base that it was built on with --base",
            ) from error
        if is_stand_in(new.config) and isinstance(self.target, Registry) and not self.stand_ins:
            raise BuildError(
                f"{one.new} is a stand-in base, and what stands on it is never published",
                hint="name a real base with --to-base",
            )
        return Entry(image=image, base=one.new, base_store=base.root.store, old=old, new=new, rebased=rebased)

    def _refuse_unused(self, images: Sequence[StoredImage]) -> None:
        """Raise UsageError for what a person says of images that are not there."""
        for option, all_said in (("--base", self.old), ("--to-base", self.new)):
            for said in all_said:
                if not any(said.fits(image.config.platform) for image in images):
                    has = ", ".join(str(image.config.platform) for image in images)
                    raise UsageError(f"{option} {said} fits no image", hint=f"there are {has}")

    def _parcel(self, entries: Iterable[Entry]) -> Parcel:
        """What must be written: manifests and configs, and the new bases' layers."""
        parcel = Parcel()
        for entry in entries:
            if not (entry.rebased and entry.old and entry.new and entry.base_store):
                continue
            parcel.add(entry.manifest, config=entry.config.raw)
            layers = [layer.digest for layer in entry.new.manifest.layers]
            parcel.places |= dict.fromkeys(layers, entry.base_store)
            if isinstance(self.target, Layout) and not all(
                map(self.target.has_blob, entry.old.manifest.layers)
            ):
                parcel.left_out.update(layers)
        return parcel


def _kept(stack: Stack, one: OnBase, *, old: Stack, new: Stack) -> str:
    """Why an image stays where it is, empty where it moves."""
    if old.manifest.raw == new.manifest.raw and stands_on(stack, old):
        return UP_TO_DATE
    # A person names the old base a second time, where an earlier run has put the image on the new one.
    platforms = [found.config.platform.normalised() for found in (stack, new)]
    if not stands_on(stack, old) and stands_on(stack, new) and platforms[0] == platforms[1]:
        return UP_TO_DATE
    if not one.chosen and is_older(new.config.platform, stack.config.platform):
        # A mirror that lags behind, or a tag that was taken back, takes no patch away.
        return f"its base is newer, {new.config.platform.os_version} is offered"
    return ""


def _refuse_nested(root: Root) -> None:
    """Raise BuildError for an index whose entries are indexes: those would have to be written anew, too."""
    if isinstance(root.document, Index) and any(
        item.media_type in INDEX_TYPES for item in root.document.manifests
    ):
        raise BuildError(
            f"{root.name} has an index within the index, whose images cannot be replaced",
            hint=f"open it first: buildtools index create {root.name} {root.name}",
        )


def _document(
    root: Index | Manifest, entries: Sequence[Entry], attestations: Sequence[Descriptor], created: str
) -> tuple[Index | Manifest, list[str]]:
    """The index with the new images in the places of the old ones; what is said of dropped attestations."""
    if isinstance(root, Manifest):
        return entries[0].manifest, []
    made = {entry.image.digest: entry for entry in entries if entry.rebased}
    if not made:
        return root, []
    dropped = [item for item in attestations if item.annotations.get(SUBJECT) in made]
    manifests = [_entry(item, made.get(item.digest)) for item in root.manifests if item not in dropped]
    annotations = dict(root.annotations)
    if CREATED in annotations:
        times = (entry.config.created for entry in made.values())
        annotations[CREATED] = created or later(annotations[CREATED], *times)
    warnings = [
        f"attestation {short(item.digest)} is about {short(Digest(item.annotations[SUBJECT]))}, which is "
        "replaced, and is left out: attest the new image"
        for item in dropped
    ]
    return replace(root, annotations=annotations).with_manifests(manifests), warnings


def _entry(item: Descriptor, made: Entry | None) -> Descriptor:
    """The index entry: as it was for an image that is kept."""
    if made is None or made.new is None:
        return item
    digest = made.new.manifest.descriptor.digest
    renewed = {
        BASE_NAME: made.base,
        BASE_DIGEST: digest,
        CREATED: made.config.created,
        BASE_PART: base_part(made.base, digest),
    }
    descriptor = made.manifest.descriptor
    return replace(
        item,
        digest=descriptor.digest,
        size=descriptor.size,
        platform=replace(made.config.platform, extra={}),
        annotations={key: renewed.get(key, value) for key, value in item.annotations.items()},
    )


def _refuse_new_errors(before: Index | Manifest, after: Index | Manifest, entries: Sequence[Entry]) -> None:
    """Raise VerificationError for what is wrong with the new index and was not with the old one."""
    if not (isinstance(before, Index) and isinstance(after, Index)):
        return
    old = {entry.image.digest: (entry.image.manifest, entry.image.config) for entry in entries}
    new = {entry.manifest.descriptor.digest: (entry.manifest, entry.config) for entry in entries}
    known = [finding.code for finding in validate_index(before, old)]
    errors = []
    for finding in validate_index(after, new):
        if finding.code in known:
            known.remove(finding.code)
        elif finding.severity == "error":
            errors.append(finding)
    if errors:
        raise VerificationError(
            "the index would not be right", hint="name other bases with --to-base", diagnostics=tuple(errors)
        )


def _older(entries: Iterable[Entry]) -> list[str]:
    return [
        f"{entry.image} goes back to an older patch, {entry.config.platform.os_version}"
        for entry in entries
        if entry.rebased and is_older(entry.config.platform, entry.image.config.platform)
    ]


def _conflicts(entries: Iterable[Entry]) -> list[str]:
    return [
        f"{entry.image} and its base have both changed {', '.join(entry.rebased.conflicts)}: the image's own "
        "values stay; build it again if the base's matter"
        for entry in entries
        if entry.rebased and entry.rebased.conflicts
    ]
