"""What references name, read side by side: an index or image, the images below it with their configs.

Nested indexes are followed; attestations (BuildKit's `unknown/unknown` entries) are told apart from images.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from buildtools.errors import BuildError
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import CONFIG_TYPES, INDEX_TYPES, Descriptor
from buildtools.oci.digest import Digest, short
from buildtools.oci.documents import MAX_ENTRIES, DocumentError, Index, Manifest, parse_document
from buildtools.oci.quote import quoted
from buildtools.oci.validate import is_attestation
from buildtools.stores.base import Readable, read_document
from buildtools.stores.layout import Layout
from buildtools.stores.parallel import side_by_side
from buildtools.stores.registry import Registry

MAX_DEPTH: Final = 3
"""Indexes within each other that are followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """What a reference names: `name` is what a person wrote, `document` an index or a single image."""

    name: str
    store: Readable
    document: Index | Manifest

    @property
    def digest(self) -> Digest:
        """The digest of the document."""
        return self.document.descriptor.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """An image where it lies; `entry` is what the index says of it, None for one without an index."""

    origin: str
    store: Readable
    manifest: Manifest
    config: ImageConfig
    entry: Descriptor | None = None

    @property
    def digest(self) -> Digest:
        """The digest of the manifest."""
        return self.manifest.descriptor.digest

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers."""
        return self.manifest.config, *self.manifest.layers

    def __str__(self) -> str:
        """`linux/amd64 (0123456789ab) of registry.example/app:1.2`."""
        return f"{self.config.platform} ({short(self.digest)}) of {self.origin}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """All that is below a root, in its order; the attestations are in its store."""

    root: Root
    images: tuple[StoredImage, ...]
    attestations: tuple[Descriptor, ...] = ()


@dataclass(kw_only=True)
class ImageReader:
    """Reads references and what is below them, several at once and each document once.

    Raises BuildError for what is no image, and what stores raise.
    """

    _manifests: dict[Digest, Manifest] = field(default_factory=dict, init=False)
    _configs: dict[Digest, ImageConfig] = field(default_factory=dict, init=False)

    def root(self, name: str, store: Readable, identifier: str) -> Root:
        """What the reference names."""
        descriptor, raw = store.get_manifest(identifier)
        return Root(name=name, store=store, document=_parsed(raw, descriptor.media_type, name))

    def entries(self, roots: Sequence[Root]) -> list[Entries]:
        """The images and attestations below each root, in their order."""
        found = [self._flat(root) for root in roots]
        wanted = [(root, item) for root, (items, _) in zip(roots, found, strict=True) for item in items]
        each = list({item.digest: (root, item) for root, item in reversed(wanted)}.values())
        images = {image.digest: image for image in side_by_side(lambda pair: self.image(*pair), each)}
        return [
            Entries(
                root=root,
                images=tuple(_placed(images[item.digest], root, item) for item in items),
                attestations=tuple(attestations),
            )
            for root, (items, attestations) in zip(roots, found, strict=True)
        ]

    def images(self, root: Root) -> list[Descriptor]:
        """The entries below a root that are images; their manifests are read, their configs are not."""
        if isinstance(root.document, Manifest):
            self._manifests[root.digest] = root.document
        found, _ = self._flat(root)
        side_by_side(lambda item: self.manifest(root.store, item.digest, root.name), found)
        return found

    def manifest(self, store: Readable, digest: Digest, origin: str) -> Manifest:
        """A manifest by digest."""
        if digest not in self._manifests:
            descriptor, raw = store.get_manifest(digest)
            document = _parsed(raw, descriptor.media_type, f"{digest} of {origin}")
            if not isinstance(document, Manifest):
                raise BuildError(f"{digest} of {origin} is an index, its entry says that it is an image")
            self._manifests[digest] = document
        return self._manifests[digest]

    def image(self, root: Root, item: Descriptor) -> StoredImage:
        """The image of a root that an entry, or its own descriptor, names."""
        alone = root.document if isinstance(root.document, Manifest) else None
        manifest = alone or self.manifest(root.store, item.digest, root.name)
        told = manifest.config
        if told.media_type not in CONFIG_TYPES:
            raise BuildError(
                f"{short(item.digest)} of {root.name} is no image, its config has media type "
                f"{quoted(told.media_type)}",
                hint="name an image; signatures and the like are no entries of an index",
            )
        if told.digest not in self._configs:
            try:
                config = ImageConfig.parse(read_document(root.store, told), told.media_type)
            except DocumentError as error:
                raise BuildError(f"{short(item.digest)} of {root.name} cannot be read: {error}") from error
            self._configs[told.digest] = config
        return StoredImage(
            origin=root.name, store=root.store, manifest=manifest, config=self._configs[told.digest]
        )

    def _flat(self, root: Root) -> tuple[list[Descriptor], list[Descriptor]]:
        """The images and attestations below a root, nested indexes followed."""
        if isinstance(root.document, Manifest):
            return [root.document.descriptor], []
        entries = list(root.document.manifests)
        for _ in range(MAX_DEPTH):
            nested = [item for item in entries if item.media_type in INDEX_TYPES]
            if not nested:
                break
            read = side_by_side(lambda item: self._nested(root, item), nested)
            below = dict(zip((item.digest for item in nested), read, strict=True))
            entries = list(_opened(entries, below))
            if len(entries) > MAX_ENTRIES:
                raise BuildError(
                    f"{root.name} has {len(entries)} entries with those of its nested indexes",
                    hint=f"at most {MAX_ENTRIES} are read",
                )
        else:
            raise BuildError(
                f"{root.name} has indexes nested deeper than {MAX_DEPTH}", hint="name the images themselves"
            )
        images = list({item.digest: item for item in entries if not is_attestation(item)}.values())
        return images, [item for item in entries if is_attestation(item)]

    def _nested(self, root: Root, item: Descriptor) -> Index:
        found = self.root(f"{item.digest} of {root.name}", root.store, item.digest).document
        if not isinstance(found, Index):
            raise BuildError(f"{item.digest} of {root.name} is an image, its entry says that it is an index")
        return found


def same_place(one: Readable, other: Readable) -> bool:
    """Whether two stores are one: what one holds the other holds, too."""
    if isinstance(one, Registry) and isinstance(other, Registry):
        return one.location == other.location
    if isinstance(one, Layout) and isinstance(other, Layout):
        return one.path.resolve() == other.path.resolve()
    return one is other


def _placed(image: StoredImage, root: Root, item: Descriptor) -> StoredImage:
    entry = item if isinstance(root.document, Index) else None
    return StoredImage(
        origin=root.name,
        store=image.store,
        manifest=image.manifest,
        config=image.config,
        entry=entry,
    )


def _opened(entries: Iterable[Descriptor], below: dict[Digest, Index]) -> Iterator[Descriptor]:
    """The entries with those of nested indexes in their place."""
    for item in entries:
        if item.digest in below:
            yield from below[item.digest].manifests
        else:
            yield item


def _parsed(raw: bytes, media_type: str, name: str) -> Index | Manifest:
    try:
        return parse_document(raw, media_type)
    except DocumentError as error:
        raise BuildError(f"{name} cannot be read: {error}") from error
