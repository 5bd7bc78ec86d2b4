"""The `inspect` verb: what is in a layout or a registry, and which entry each kind of node takes."""

from collections.abc import Iterator
from dataclasses import dataclass

from buildtools.cluster.matchers import Choice, choose
from buildtools.cluster.nodes import NODE_KINDS, Node
from buildtools.errors import BuildError
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import MANIFEST_TYPES, Descriptor
from buildtools.oci.documents import DocumentError, Index, Manifest, parse_document
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.stores.base import Readable, read_document
from buildtools.stores.layout import Layout
from buildtools.stores.open import References
from buildtools.windows.bases import is_stand_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One image of an index. `missing` are blobs that a layout leaves to the base's registry."""

    descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig
    missing: tuple[Descriptor, ...] = ()

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
class Inspection:
    """An index with all its images; for a single image an index of that one.

    `others` are entries that are no images: attestations, nested indexes. `choices` has the kinds of node.
    """

    name: str
    descriptor: Descriptor
    index: Index
    entries: tuple[Entry, ...]
    others: tuple[Descriptor, ...] = ()
    choices: tuple[tuple[Node, Choice], ...] = ()


def inspect_reference(text: str, settings: Settings) -> Inspection:
    """Read what the text names; raises UsageError, BuildError and what registries raise."""
    store, identifier = References(settings).open(text)
    return inspect_store(store, identifier or only_name(store))


def inspect_store(store: Readable, identifier: str) -> Inspection:
    """Read an index or a single image by tag or digest; raises BuildError."""
    descriptor, raw = store.get_manifest(identifier)
    try:
        document = parse_document(raw, descriptor.media_type)
        if isinstance(document, Manifest):
            config = ImageConfig.parse(read_document(store, document.config))
            only = Descriptor.of(document.raw, document.media_type)
            document = Index.build(manifests=[_with_platform(only, config.platform)])
        entries = tuple(_entries(store, document))
    except DocumentError as error:
        raise BuildError(f"{identifier} in {store.name} cannot be read: {error}") from error
    return Inspection(
        name=store.name,
        descriptor=descriptor,
        index=document,
        entries=entries,
        others=tuple(entry for entry in document.manifests if entry.media_type not in MANIFEST_TYPES),
        choices=tuple((node, choose(node, document)) for node in NODE_KINDS),
    )


def only_name(store: Readable) -> str:
    """The digest of the one image that a layout holds; raises BuildError where there are several."""
    if not isinstance(store, Layout):
        return "latest"
    found = store.entries()
    if len(found) != 1:
        raise BuildError(
            f"{store.name} holds {len(found)} images", hint="name one: oci:PATH:TAG or oci:PATH@DIGEST"
        )
    return found[0].digest


def _with_platform(descriptor: Descriptor, platform: Platform) -> Descriptor:
    return Descriptor(
        media_type=descriptor.media_type, size=descriptor.size, digest=descriptor.digest, platform=platform
    )


def _entries(store: Readable, index: Index) -> Iterator[Entry]:
    for descriptor in index.manifests:
        if descriptor.media_type not in MANIFEST_TYPES:
            continue
        found, raw = store.get_manifest(descriptor.digest)
        manifest = Manifest.parse(raw, found.media_type)
        config = ImageConfig.parse(read_document(store, manifest.config), manifest.config.media_type)
        missing: tuple[Descriptor, ...] = ()
        if isinstance(store, Layout):
            missing = tuple(layer for layer in manifest.layers if not store.has_blob(layer))
        yield Entry(descriptor=descriptor, manifest=manifest, config=config, missing=missing)
