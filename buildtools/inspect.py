"""The `inspect` verb: what is in a layout or a registry, and which entry each kind of node takes."""

from dataclasses import dataclass

from buildtools.cluster.matchers import Choice, choose, only
from buildtools.cluster.nodes import NODE_KINDS, Node
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import DocumentError, Index
from buildtools.settings import Settings
from buildtools.stores.base import Readable
from buildtools.stores.open import References, only_name
from buildtools.tree import Entry, first_error, read_tree, unreadable

__all__ = ["Entry", "Inspection", "inspect_reference", "inspect_store"]


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
    try:
        tree = read_tree(store, identifier)
    except DocumentError as error:
        raise unreadable(identifier, store.name, error) from error
    if fault := first_error(tree, identifier):
        raise fault
    choice = only if tree.single else choose
    return Inspection(
        name=tree.name,
        descriptor=tree.descriptor,
        index=tree.index,
        entries=tree.entries,
        others=tree.others,
        choices=tuple((node, choice(node, tree.index)) for node in NODE_KINDS),
    )
