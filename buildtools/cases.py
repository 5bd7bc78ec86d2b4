"""What `smoke` tries: the variants of a project that are built, or those of an index in a registry."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import BinaryIO, Final

from buildtools.build import Built, Report
from buildtools.errors import UsageError
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Manifest
from buildtools.smoke import Case
from buildtools.spec.variant import Variant
from buildtools.stores.base import Readable, read_document
from buildtools.stores.layout import Layout
from buildtools.stores.open import LAYOUT
from buildtools.tree import Entry, Tree
from buildtools.windows.releases import OsVersionError, parse_os_version
from buildtools.workspace import Workspace

_OURS: Final = "buildtools layer "
"""How history begins of a layer that was assembled here."""

OpenStore = Callable[[str], tuple[Readable, str]]


def is_reference(text: str) -> bool:
    """Whether the text names something that lies in a store, and no image of the project."""
    return text.startswith(LAYOUT) or "/" in text or "@" in text


def built_cases(
    workspace: Workspace, report: Report, variants: Iterable[Variant], open_store: OpenStore
) -> list[Case]:
    """The cases of what a build has made of these variants."""
    chosen = {variant.key for variant in variants}
    return [
        _built_case(workspace, built, open_store) for built in report.variants if built.target.key in chosen
    ]


def _built_case(workspace: Workspace, built: Built, open_store: OpenStore) -> Case:
    layout, record = workspace.layout(built.record.image), built.record
    raw = layout.get_manifest(record.manifest.digest)[1]
    return Case(
        variant=built.target.variant,
        manifest=Manifest.parse(raw, record.manifest.media_type),
        config=ImageConfig.parse(read_document(layout, record.config.descriptor)),
        own=tuple(layer.descriptor for layer in record.layers),
        open_blob=_Blobs(layout, record.base.reference, open_store).open,
    )


class _Blobs:
    """The blobs of a layout; what it leaves to the base's registry comes from there."""

    def __init__(self, layout: Layout, base: str, open_store: OpenStore) -> None:
        self._layout = layout
        self._base = base
        self._open_store = open_store

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob; raises what stores raise."""
        if self._layout.has_blob(descriptor):
            return self._layout.get_blob(descriptor)
        return self._below.get_blob(descriptor)

    @cached_property
    def _below(self) -> Readable:
        return self._open_store(self._base)[0]


def published_cases(tree: Tree, store: Readable, text: str, variants: Sequence[Variant]) -> list[Case]:
    """The cases of the images of an index that these variants describe; raises UsageError where none is.

    `text` is what a person has called the index.
    """
    found = [*_published(tree, store, text, variants)]
    if not found:
        offered = ", ".join(str(entry.platform) for entry in tree.entries) or "no image"
        wanted = ", ".join(variant.label for variant in variants)
        raise UsageError(f"{text} has nothing that was asked for", hint=f"it has {offered}, not {wanted}")
    return found


def _published(tree: Tree, store: Readable, text: str, variants: Sequence[Variant]) -> Iterator[Case]:
    name = text.partition("@")[0]
    reference = "" if text.startswith(LAYOUT) else f"{_untagged(name)}@{tree.descriptor.digest}"
    for variant in variants:
        entry = next((entry for entry in tree.entries if _fits(variant, entry)), None)
        if entry:
            yield Case(
                variant=variant,
                manifest=entry.manifest,
                config=entry.config,
                own=_own_layers(entry),
                open_blob=store.get_blob,
                reference=reference,
            )


def image_name(text: str) -> str:
    """The image that a reference is of, by its name: `whoami` for `oci:dist/oci/whoami:1` and the like."""
    return _untagged(text.removeprefix(LAYOUT).partition("@")[0]).rstrip("/").rpartition("/")[2]


def _untagged(name: str) -> str:
    """The name without a tag: what follows the last colon, unless that is a port's."""
    before, colon, after = name.rpartition(":")
    return before if colon and "/" not in after else name


def _fits(variant: Variant, entry: Entry) -> bool:
    found, wanted = entry.platform.normalised(), variant.platform.normalised()
    if (found.os, found.architecture, found.variant) != (wanted.os, wanted.architecture, wanted.variant):
        return False
    if variant.release is None:
        return True
    try:
        return parse_os_version(found.os_version).build == variant.release.build
    except OsVersionError:
        return False


def _own_layers(entry: Entry) -> tuple[Descriptor, ...]:
    """The layers that were assembled here; all of another tool's Linux image, none of its Windows image."""
    history = entry.config.layer_history
    if len(history) == len(entry.manifest.layers):
        pairs = zip(entry.manifest.layers, history, strict=True)
        if ours := tuple(layer for layer, told in pairs if told.created_by.startswith(_OURS)):
            return ours
    return entry.manifest.layers if entry.config.platform.os == "linux" else ()
