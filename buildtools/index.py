"""The `index` verb: one index out of published images, in registries and layouts, and images out of it.

What is there is read first. Images of other repositories are copied or mounted before the index is written
by digest; tags come last. An index that is as it should be is left alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from buildtools.assemble import ACTIONS, SUBJECT, AssemblyError, Member, Selector, index_of, member, remove
from buildtools.errors import AuthenticationError, BuildError, VerificationError
from buildtools.oci.annotations import BASE_NAME
from buildtools.oci.descriptor import INDEX_TYPES, Descriptor
from buildtools.oci.digest import Digest, short
from buildtools.oci.documents import Index, Manifest
from buildtools.oci.platform import Platform
from buildtools.oci.validate import is_attestation, validate_index
from buildtools.stores.base import NotFoundError, Readable, Writable
from buildtools.stores.images import Entries, ImageReader, Root, StoredImage, same_place
from buildtools.stores.layout import Layout
from buildtools.stores.parallel import side_by_side
from buildtools.stores.parcel import Moved, Parcel
from buildtools.stores.registry import Registry
from buildtools.stores.tagging import Standing, check_standing, put_tags, standing
from buildtools.windows.bases import is_stand_in
from buildtools.windows.releases import OsVersion, OsVersionError, parse_os_version

REMOVE: Final = "remove"

Source = tuple[str, Readable, str]
"""What a person wrote, the store that it names, and the tag or digest in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to become of the index: an action with images, or `remove` with selectors.

    `expected` is what the first tag must stand for (None: nothing) where `guarded`.
    """

    action: str
    sources: tuple[Source, ...] = ()
    selectors: tuple[Selector, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    docker: bool = False
    guarded: bool = False
    expected: Digest | None = None

    @property
    def is_derived(self) -> bool:
        """Whether the index that is there counts."""
        return self.action != "create"

    def removes(self, entry: Descriptor) -> bool:
        """Whether the entry is to be taken out."""
        return any(selector.matches(entry) for selector in self.selectors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An index that is to be: where its images are from, and what must be copied for it.

    `before` are the digests of the entries that are there now, `removed` the entries that will not be.
    """

    index: Index
    before: frozenset[Digest]
    origins: Mapping[Digest, str] = field(hash=False)
    removed: tuple[Descriptor, ...] = ()
    parcel: Parcel = field(default_factory=Parcel, hash=False)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPlan:
    """What is made and under which tags; `standing` is what those stand for now.

    `expected` is what tags must stand for right before they are set.
    """

    name: str
    tags: tuple[str, ...]
    standing: Standing
    made: Made
    expected: Standing = field(default_factory=dict, hash=False)

    @property
    def digest(self) -> Digest:
        """The digest of the index."""
        return self.made.index.descriptor.digest

    @property
    def stale(self) -> tuple[str, ...]:
        """The tags that do not stand for the index yet."""
        return tuple(tag for tag in self.tags if self.standing[tag] != self.digest)


@dataclass(kw_only=True)
class Joiner:
    """Makes and publishes the index that the first of `tags` names in `target`.

    `open_base` reads the repository of a base by name, for layers that a layout leaves to it. Images on
    stand-in bases are refused in a registry unless `stand_ins` says that it is one to throw away.
    """

    target: Writable
    tags: tuple[str, ...]
    open_base: Callable[[str], tuple[Readable, str]]
    stand_ins: bool = False

    def plan(self, wish: Wish) -> IndexPlan:
        """Read what is there and what is given, and make the index; nothing is written.

        Raises AssemblyError where the images cannot stand together, VerificationError for an index that
        nodes would misread, and what stores raise.
        """
        reader = ImageReader()
        reads: list[Callable[[], Root | None]] = [
            partial(self._current, wish, reader),
            *(partial(reader.root, *source) for source in wish.sources),
        ]
        further: list[Standing] = []
        reads.append(lambda: further.append(standing(self.target, self.tags[1:])))
        current, *rest = side_by_side(lambda read: read(), reads)
        roots = [root for root in rest if root]
        before = {self.tags[0]: current.digest if current else None}
        made = _unchanged(wish, current, roots) or self._read(wish, current, roots, reader)
        plan = IndexPlan(
            name=self.target.name,
            tags=self.tags,
            standing={**before, **further[0]},
            expected=before if wish.is_derived or wish.guarded else {},
            made=made,
        )
        if plan.stale and wish.guarded:
            check_standing(self.target.name, found=before, expected={self.tags[0]: wish.expected})
        return plan

    def publish(self, plan: IndexPlan) -> Moved:
        """Copy what is missing, write the index, set the tags that are not right, and read all back."""
        if not plan.stale:
            return Moved()
        moved = plan.made.parcel.send(self.target, plan.made.index)
        index = plan.made.index
        put_tags(self.target, index.descriptor, index.raw, plan.stale, expected=plan.expected)
        return moved

    def weigh(self, plan: IndexPlan) -> Moved:
        """The bytes that `publish` would move."""
        return plan.made.parcel.weigh(self.target) if plan.stale else Moved()

    def _current(self, wish: Wish, reader: ImageReader) -> Root | None:
        """What the first tag names now; None where it is not there and need not be."""
        name = f"{self.target.name}:{self.tags[0]}"
        try:
            return reader.root(name, self.target, self.tags[0])
        except NotFoundError:
            if wish.action in {REMOVE, "replace"}:
                raise
        except AuthenticationError:
            # Some registries deny what is not there; where its entries count, none may be lost by that.
            if wish.is_derived:
                raise
        return None

    def _read(self, wish: Wish, current: Root | None, roots: Sequence[Root], reader: ImageReader) -> Made:
        """The index, made from the configs of all images."""
        derived = [current] if current and wish.is_derived else []
        read = reader.entries([*derived, *roots])
        images = {image.digest: image for one in reversed(read) for image in one.images}
        mine, given = read[: len(derived)], read[len(derived) :]
        members = _members(mine)
        chosen = _combined(wish, members, _members(given))
        like = current.document if derived and current and isinstance(current.document, Index) else None
        attestations = [item for one in read for item in one.attestations]
        kept = [item for item in attestations if not wish.removes(item)]
        index = index_of(chosen, kept, like=like, annotations=wish.annotations, docker=wish.docker)
        inside = [images[entry.digest] for entry in index.manifests if entry.digest in images]
        self._refuse_stand_ins(inside)
        now = {one.entry.digest: one.entry for one in members}
        if current and isinstance(current.document, Index):
            now = {entry.digest: entry for entry in current.document.manifests} | now
        staying = {entry.digest for entry in index.manifests}
        return Made(
            index=index,
            before=frozenset(now),
            origins={one.entry.digest: one.origin for one in chosen},
            removed=tuple(entry for digest, entry in now.items() if digest not in staying),
            parcel=self._parcel(inside, given, staying, reader),
            warnings=(
                *_unused(wish, [*now.values(), *attestations]),
                *_older(chosen, members),
                *_differences(inside),
                *_without_subject(kept),
                *_findings(index, inside),
            ),
        )

    def _parcel(
        self,
        inside: Iterable[StoredImage],
        given: Iterable[Entries],
        staying: set[Digest],
        reader: ImageReader,
    ) -> Parcel:
        """What must be copied: images and attestations that lie elsewhere."""
        parcel = Parcel()
        for image in inside:
            if not same_place(image.store, self.target):
                parcel.add_image(image)
                parcel.places |= self._left_out(image)
        wanted = [
            (one.root, item.digest)
            for one in given
            if not same_place(one.root.store, self.target)
            for item in one.attestations
            if item.digest in staying
        ]
        for (root, _), manifest in zip(
            wanted,
            side_by_side(lambda pair: reader.manifest(pair[0].store, pair[1], pair[0].name), wanted),
            strict=True,
        ):
            parcel.add(manifest)
            blobs = (manifest.config, *manifest.layers)
            parcel.places |= dict.fromkeys((blob.digest for blob in blobs), root.store)
        return parcel

    def _left_out(self, image: StoredImage) -> dict[Digest, Readable]:
        """Where the layers are that a layout leaves to its base's registry."""
        name = image.manifest.annotations.get(BASE_NAME, "")
        if not isinstance(image.store, Layout) or not name:
            return {}
        missing = [layer.digest for layer in image.manifest.layers if not image.store.has_blob(layer)]
        return dict.fromkeys(missing, self.open_base(name)[0]) if missing else {}

    def _refuse_stand_ins(self, images: Iterable[StoredImage]) -> None:
        if self.stand_ins or not isinstance(self.target, Registry):
            return
        if labels := [str(image) for image in images if is_stand_in(image.config)]:
            raise BuildError(
                f"{', '.join(labels)} stand{'s' if len(labels) == 1 else ''} on stand-in bases, which are "
                "never published",
                hint="build on real bases",
            )


def _unchanged(wish: Wish, current: Root | None, roots: Sequence[Root]) -> Made | None:
    """The index where the index is as it should be and this tool wrote it, else None.

    The bytes of such an index are those that its own entries give again, which no other tool's are; its
    platforms were the configs' when it was written, and its images are the same today.
    """
    if not current or not isinstance(current.document, Index):
        return None
    document = current.document
    images = {item.digest: item for item in document.manifests if not is_attestation(item)}
    entries = [(entry, root.name) for root in roots for entry in _entries_of(root)]
    given = [(entry, name) for entry, name in entries if not is_attestation(entry)]
    if any(item.digest not in images or item.media_type in INDEX_TYPES for item, _ in given):
        return None
    mine = [Member(entry=item, origin=current.name) for item in images.values()]
    theirs = [Member(entry=images[item.digest], origin=name) for item, name in given]
    every = (*document.manifests, *(item for item, _ in entries))
    attestations = [item for item in every if is_attestation(item)]
    try:
        chosen = _combined(wish, mine if wish.is_derived else [], theirs)
        index = index_of(
            chosen,
            [item for item in attestations if not wish.removes(item)],
            like=document if wish.is_derived else None,
            annotations=wish.annotations,
            docker=wish.docker,
        )
    except AssemblyError:
        return None
    if index.raw != document.raw:
        return None
    return Made(
        index=index,
        before=frozenset(entry.digest for entry in index.manifests),
        origins={one.entry.digest: one.origin for one in chosen},
        warnings=_unused(wish, index.manifests),
    )


def _entries_of(root: Root) -> tuple[Descriptor, ...]:
    return (root.document.descriptor,) if isinstance(root.document, Manifest) else root.document.manifests


def _members(read: Iterable[Entries]) -> list[Member]:
    """The images as members: what stood beside the entry is kept, its platform is the config's."""
    found = []
    for image in (image for one in read for image in one.images):
        plain, told = image.manifest.descriptor, image.entry
        entry = Descriptor(
            media_type=plain.media_type,
            size=plain.size,
            digest=plain.digest,
            annotations=told.annotations if told else {},
        )
        found.append(member(entry, image.config.platform, origin=image.origin))
    return found


def _combined(wish: Wish, current: Sequence[Member], given: Sequence[Member]) -> list[Member]:
    if wish.action == REMOVE:
        return remove(current, wish.selectors)
    return ACTIONS[wish.action](current, given)


def _unused(wish: Wish, entries: Sequence[Descriptor]) -> tuple[str, ...]:
    """A sentence for each selector that means no entry."""
    has = ", ".join(str(entry.platform) for entry in entries if entry.platform and not is_attestation(entry))
    return tuple(
        f"{selector.text} is not in the index: it has {has}"
        for selector in wish.selectors
        if not any(selector.matches(entry) for entry in entries)
    )


def _older(chosen: Iterable[Member], members: Iterable[Member]) -> list[str]:
    """A sentence for each Windows image that takes the place of one that is patched further."""
    present = {one.nodes: one for one in members}
    return [
        f"{one} takes the place of {was}, which is patched further: give the newer image if this is not meant"
        for one in chosen
        if (was := present.get(one.nodes)) and _patch(one) < _patch(was)
    ]


def _patch(one: Member) -> OsVersion:
    platform = one.entry.platform
    try:
        return parse_os_version(platform.os_version if platform else "")
    except OsVersionError:
        return OsVersion(0, 0, 0)


def _differences(images: Iterable[StoredImage]) -> list[str]:
    """What indexes said of images and their configs do not say."""
    told = []
    for image in images:
        if image.entry is None:
            continue
        said = image.entry.platform or Platform(os="", architecture="")
        if _facts(said) != _facts(image.config.platform):
            features = ", ".join(said.os_features)
            name = f"{said}{f' with {features}' if features else ''}" if said.os else "no platform"
            told.append(f"{image} stood there as {name}: what its config says counts")
    return told


def _facts(platform: Platform) -> tuple[object, ...]:
    found = platform.normalised()
    return found.os, found.architecture, found.variant, found.os_version, sorted(found.os_features)


def _without_subject(attestations: Iterable[Descriptor]) -> list[str]:
    return [
        f"attestation {short(item.digest)} does not say which image it is about and is left out"
        for item in attestations
        if SUBJECT not in item.annotations
    ]


def _findings(index: Index, images: Iterable[StoredImage]) -> list[str]:
    """Warnings about the index; raises VerificationError with every error."""
    children = {image.digest: (image.manifest, image.config) for image in images}
    findings = validate_index(index, children)
    if errors := tuple(finding for finding in findings if finding.severity == "error"):
        raise VerificationError(
            "the index would not be right", hint="mend or leave out those images", diagnostics=errors
        )
    return [
        str(finding)
        for finding in findings
        # That there are attestations is no news to who asks for them to be kept.
        if finding.severity == "warning" and finding.code != "attestation-entry"
    ]
