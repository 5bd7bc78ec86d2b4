"""What is below an index in a store, read side by side: images, indexes within it, and what cannot be read.

A fault of one entry ends nothing: it is kept with the entry's name and the others are read on. Faults of
the network and of permissions are raised, since they say nothing about the image.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from buildtools.errors import (
    AuthenticationError,
    BuildError,
    BuildtoolsError,
    Diagnostic,
    UnavailableError,
    VerificationError,
)
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import MAX_ENTRIES, DocumentError, Index, Manifest, parse_document
from buildtools.oci.platform import Platform
from buildtools.oci.validate import entry_name
from buildtools.stores.base import NotFoundError, Readable, read_document
from buildtools.stores.layout import Layout
from buildtools.stores.parallel import side_by_side
from buildtools.windows.bases import is_stand_in

MAX_NESTED: Final = 3
"""Indexes within each other that are read, the outermost included."""

MAX_TOGETHER: Final = 64 * 1024 * 1024
"""Bytes of all documents of a tree that are kept; those of real ones together have less than one MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One image of an index. `missing` are blobs that a layout leaves to the base's registry.

    `name` is what findings call it, such as `manifests[0] (linux/amd64)`.
    """

    descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig
    missing: tuple[Descriptor, ...] = ()
    name: str = ""

    @property
    def platform(self) -> Platform:
        """What the index says of the image; what its config says where the index is silent."""
        return self.descriptor.platform or self.config.platform

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(layer.size for layer in self.manifest.layers)

    @property
    def is_stand_in(self) -> bool:
        """Whether it stands on a base that stands for another one."""
        return is_stand_in(self.config)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What of an entry cannot be read, and why; `error` is what was raised."""

    name: str
    what: Literal["manifest", "config", "index"]
    error: BuildtoolsError | DocumentError

    @property
    def finding(self) -> Diagnostic:
        """The fault as a finding."""
        if isinstance(self.error, NotFoundError):
            return _missing(self.name, self.what)
        return Diagnostic(
            code="damaged" if isinstance(self.error, VerificationError) else "unreadable",
            message=f"the {self.what} of {self.name} cannot be read: {_said(self.error)}",
            hint=getattr(self.error, "hint", "") or "publish it again",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """An index within an index, with its images."""

    name: str
    index: Index
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """An index with all below it; for a single image an index of that one.

    `others` are entries that are no images. `nested` and `faults` are in the order in which they were met.
    """

    name: str
    descriptor: Descriptor
    index: Index
    entries: tuple[Entry, ...]
    others: tuple[Descriptor, ...] = ()
    nested: tuple[Nested, ...] = ()
    faults: tuple[Fault, ...] = ()
    refused: tuple[Diagnostic, ...] = ()

    @property
    def single(self) -> bool:
        """Whether it is one image that stands without an index."""
        return self.descriptor.media_type in MANIFEST_TYPES

    @property
    def images(self) -> tuple[Entry, ...]:
        """The images of the index and of those within it."""
        return (*self.entries, *(entry for nested in self.nested for entry in nested.entries))


def read_tree(store: Readable, identifier: str, *, deep: bool = False) -> Tree:
    """Read an index or a single image by tag or digest; indexes within it only where it goes `deep`.

    Raises DocumentError and what stores raise where the outermost document cannot be read, and
    UnavailableError and AuthenticationError wherever they come from.
    """
    descriptor, raw = store.get_manifest(identifier)
    document = parse_document(raw, descriptor.media_type)
    reading = _Reading(store)
    if isinstance(document, Manifest):
        config = ImageConfig.parse(read_document(store, document.config), document.config.media_type)
        only = replace(Descriptor.of(raw, document.media_type), platform=config.platform)
        document = Index.build(manifests=[only])
        reading.images[only.digest] = Manifest.parse(raw, descriptor.media_type), config
    entries = reading.entries(document, "")
    if deep:
        reading.nested(document)
    return Tree(
        name=store.name,
        descriptor=descriptor,
        index=document,
        entries=entries,
        others=tuple(entry for entry in document.manifests if entry.media_type not in MANIFEST_TYPES),
        nested=tuple(reading.found),
        faults=tuple(reading.faults),
        refused=tuple(reading.refused),
    )


class _Reading:
    """One tree on its way: every digest is read once."""

    def __init__(self, store: Readable) -> None:
        self.store = store
        self.images: dict[Digest, tuple[Manifest, ImageConfig] | Fault] = {}
        self.found: list[Nested] = []
        self.faults: list[Fault] = []
        self.refused: list[Diagnostic] = []
        self._together = 0
        self._lock = threading.Lock()

    def entries(self, index: Index, parent: str) -> tuple[Entry, ...]:
        """The images of an index, in its order."""
        named = list(_named(index, parent, MANIFEST_TYPES))
        new = {item.digest: name for name, item in named if item.digest not in self.images}
        self.images |= zip(new, side_by_side(lambda pair: self._image(*pair), new.items()), strict=True)
        return tuple(self._told(named))

    def _told(self, named: Iterable[tuple[str, Descriptor]]) -> Iterator[Entry]:
        for name, descriptor in named:
            image = self.images[descriptor.digest]
            if isinstance(image, Fault):
                self.faults.append(replace(image, name=name))
                continue
            manifest, config = image
            missing: tuple[Descriptor, ...] = ()
            if isinstance(self.store, Layout):
                missing = tuple(layer for layer in manifest.layers if not self.store.has_blob(layer))
            yield Entry(descriptor=descriptor, manifest=manifest, config=config, missing=missing, name=name)

    def nested(self, root: Index) -> None:
        """Read the indexes within an index, level by level."""
        seen = {root.descriptor.digest}
        entries = len(root.manifests)
        ahead = list(_named(root, "", INDEX_TYPES))
        for depth in range(1, MAX_NESTED + 1):
            # The same index twice, or one that is its own part, is read once.
            level = {item.digest: name for name, item in reversed(ahead) if item.digest not in seen}
            level = dict(reversed(level.items()))
            if level and depth == MAX_NESTED:
                self._refuse(next(iter(level.values())), f"lies deeper than {MAX_NESTED} indexes")
                return
            seen |= level.keys()
            ahead = []
            for name, index in self._indexes(level):
                entries += len(index.manifests)
                if entries > MAX_ENTRIES:
                    self._refuse(name, f"brings the entries to more than {MAX_ENTRIES}")
                    return
                self.found.append(Nested(name=name, index=index, entries=self.entries(index, name)))
                ahead += _named(index, name, INDEX_TYPES)

    def _indexes(self, level: dict[Digest, str]) -> list[tuple[str, Index]]:
        found = []
        read = side_by_side(lambda pair: self._index(*pair), level.items())
        for name, index in zip(level.values(), read, strict=True):
            if isinstance(index, Fault):
                self.faults.append(index)
            else:
                found.append((name, index))
        return found

    def _refuse(self, name: str, reason: str) -> None:
        hint = "put the images into one index"
        message = f"{name} {reason}, and is not read"
        self.refused.append(Diagnostic(code="too-much", message=message, hint=hint))

    def _image(self, digest: Digest, name: str) -> tuple[Manifest, ImageConfig] | Fault:
        what: Literal["manifest", "config"] = "manifest"
        try:
            found, raw = self.store.get_manifest(digest)
            manifest = Manifest.parse(self._counted(raw), found.media_type)
            what = "config"
            config = self._counted(read_document(self.store, manifest.config))
            return manifest, ImageConfig.parse(config, manifest.config.media_type)
        except (AuthenticationError, UnavailableError):
            raise
        except (BuildtoolsError, DocumentError) as error:
            return Fault(name=name, what=what, error=error)

    def _counted(self, raw: bytes) -> bytes:
        """The document, unless all of them together are too large to be kept; raises DocumentError."""
        with self._lock:
            self._together += len(raw)
            if self._together > MAX_TOGETHER:
                raise DocumentError(f"all documents together have more than {MAX_TOGETHER} bytes")
        return raw

    def _index(self, digest: Digest, name: str) -> Index | Fault:
        try:
            found, raw = self.store.get_manifest(digest)
            return Index.parse(self._counted(raw), found.media_type)
        except (AuthenticationError, UnavailableError):
            raise
        except (BuildtoolsError, DocumentError) as error:
            return Fault(name=name, what="index", error=error)


def first_error(tree: Tree, identifier: str) -> BuildtoolsError | None:
    """What reading for people who want all of it raises: the first fault as its own kind of error."""
    for fault in tree.faults:
        if isinstance(fault.error, BuildtoolsError):
            return fault.error
        return unreadable(identifier, tree.name, fault.error)
    return None


def unreadable(identifier: str, store: str, error: DocumentError) -> BuildError:
    """The error for a document that is not what the specifications say."""
    return BuildError(f"{identifier} in {store} cannot be read: {error}")


def _named(index: Index, parent: str, kinds: Iterable[str]) -> Sequence[tuple[str, Descriptor]]:
    inside = f" of {parent}" if parent else ""
    return [
        (f"{entry_name(place, entry)}{inside}", entry)
        for place, entry in enumerate(index.manifests)
        if entry.media_type in kinds
    ]


def _missing(name: str, what: str) -> Diagnostic:
    if what == "config":
        return Diagnostic(
            code="blob-missing",
            message=f"the config of {name} is not in the repository",
            hint="publish the image again",
        )
    return Diagnostic(
        code="child-missing",
        message=f"{name} is not in the repository",
        hint="publish the image before the index, in the same repository",
    )


def _said(error: Exception) -> str:
    text = error.message if isinstance(error, BuildtoolsError) else str(error)
    return f"{text[:1].lower()}{text[1:]}" if text.startswith(("The ", "Blob ", "Manifest ")) else text
