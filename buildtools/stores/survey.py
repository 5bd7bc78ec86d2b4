"""What a copy would have to do: which manifests there are, what refers to them, and what the target has.

Source and target are asked side by side, each thing as soon as it is known, because round trips are what a
copy between registries waits for. Nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from buildtools.errors import AuthenticationError, BuildError
from buildtools.oci.descriptor import INDEX_TYPES, Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index, Manifest
from buildtools.stores.base import DeniedError, NotFoundError, Readable, read_manifest
from buildtools.stores.layout import REF_NAME, Layout
from buildtools.stores.parallel import LOOK_SECONDS
from buildtools.stores.referrers import fallback_tag, layout_referrers
from buildtools.stores.registry import Registry

OLD_KINDS: Final = ("sig", "att", "sbom")
"""What cosign has attached under tags of its own before registries knew referrers (`sha256-<hex>.sig`)."""
_DEEPEST: Final = 3
"""An index of indexes of indexes: a hostile chain may have a million."""
_MOST_NODES: Final = 10_000
"""Nobody has so many; a registry that makes them up as it is asked would never end."""


@dataclass(slots=True, kw_only=True)
class Node:
    """One manifest or index on the way.

    `generation` is 0 for what was asked for and what that names, and one more for what refers to it. `depth`
    counts the indexes above it.
    `subject` is what it refers to, `tags` are those that must point at it because of its own. `there` is
    whether the target has it, with all that it names; a `stray` was named as a referrer and is none;
    what is `untold` is there, and the target does not know yet what it refers to.
    """

    descriptor: Descriptor
    generation: int = 0
    depth: int = 0
    subject: Digest | None = None
    document: Manifest | Index | None = None
    there: bool = False
    stray: bool = False
    untold: bool = False
    tags: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """Whether it must be written."""
        return not self.stray and (not self.there or self.untold or bool(self.tags))


_Task = Callable[[], Iterable[Node]]


@dataclass(kw_only=True)
class Survey:
    """Looks at a source and a target; `run` fills `nodes`.

    With `referrers` it follows what refers to each manifest. `eager` asks for the parts of an index before
    it is known whether the target has the index. Unless `by_parts`, the parts of an index that the target
    lacks are taken to be missing, too: their blobs are looked for, and a round trip is spared. `tags` are
    those of the source that begin with `sha256-`, None where they are not known. `kept` are tags of the
    target that stay, because what they point at would
    be lost.
    """

    source: Readable
    target: Readable
    pool: ThreadPoolExecutor
    referrers: bool = False
    eager: bool = False
    by_parts: bool = True
    tags: frozenset[str] | None = None
    nodes: dict[Digest, Node] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def run(self, root: Descriptor, raw: bytes | None = None, *, there: bool = False) -> None:
        """Look at a manifest or index and all that it names; `there` is whether the target has it."""
        node = Node(descriptor=root, there=there)
        if raw is not None:
            node.document = read_manifest(raw, root.media_type, self._called(root.digest))
        ahead: list[Node] = [node]
        running: set[Future[list[Node]]] = set()
        try:
            while ahead or running:
                tasks = [task for one in ahead for task in self._begun(one)]
                running |= {self.pool.submit(_done, task) for task in tasks}
                done, running = wait(running, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
                ahead = [one for future in done for one in future.result()]
        finally:
            for future in running:
                future.cancel()

    def wanted(self) -> list[Node]:
        """What must be written, in an order that does not depend on who answered first."""
        found = [node for node in self.nodes.values() if node.wanted]
        return sorted(found, key=lambda node: (node.generation, node.descriptor.digest))

    def blobs(self) -> list[Descriptor]:
        """The blobs of what must be written, each once and large ones first, as they are waited for longest.

        Those that registries must not hold are left out.
        """
        found: dict[Digest, Descriptor] = {}
        for node in self.wanted():
            if isinstance(node.document, Manifest):
                parts = (node.document.config, *node.document.layers)
                found |= {part.digest: part for part in parts if not part.is_foreign}
        return sorted(found.values(), key=lambda blob: (-blob.size, blob.digest))

    def levels(self) -> list[list[Node]]:
        """What must be written, each level after those that it builds on, referrers after all subjects."""
        heights: dict[tuple[int, int], list[Node]] = {}
        for node in self.wanted():
            heights.setdefault((node.generation, self._height(node)), []).append(node)
        return [heights[key] for key in sorted(heights)]

    def _begun(self, node: Node) -> Iterator[_Task]:
        """Take note of a node; the tasks that find out about it."""
        known = self.nodes.setdefault(node.descriptor.digest, node)
        if known is not node:
            known.tags += node.tags
            known.untold |= node.subject is not None and not node.there
            return
        if len(self.nodes) > _MOST_NODES:
            raise BuildError(f"{self.source.name} has more than {_MOST_NODES} manifests that belong together")
        asked = node.subject is not None or node.there or not isinstance(self.target, Registry)
        asked |= node.depth > 0 and not self.by_parts
        if self.eager or asked:
            yield lambda: self._read(node)
            if not asked:
                yield lambda: self._ask(node)
        else:
            yield lambda: self._ask(node) or self._read(node)
        if self.referrers and node.subject is None:
            yield lambda: self._referrers(node)

    def _ask(self, node: Node) -> list[Node]:
        # A registry does not take a manifest before it has all parts; a layout may leave parts out.
        node.there = resolved(self.target, node.descriptor.digest) is not None
        return []

    def _read(self, node: Node) -> Iterator[Node]:
        """Read a node, and name its parts; what the target has is read only where it names others."""
        descriptor = node.descriptor
        if node.document is None and not (node.there and self._ends(node)):
            found, raw = self.source.get_manifest(descriptor.digest)
            node.document = read_manifest(raw, found.media_type, self._called(descriptor.digest))
        document = node.document
        if node.subject and document:
            named = document.subject.digest if document.subject else None
            node.stray = not node.tags and named != node.subject
        if node.stray:
            return
        if isinstance(document, Index):
            if node.depth >= _DEEPEST:
                raise BuildError(
                    f"{descriptor.digest} in {self.source.name} is an index below {_DEEPEST} others",
                    hint="copy one of the indexes inside it",
                )
            for part in document.manifests:
                yield Node(
                    descriptor=part, generation=node.generation, depth=node.depth + 1, there=node.there
                )
        if self.referrers and node.subject:
            yield from self._referrers(node)

    def _ends(self, node: Node) -> bool:
        """Whether there is nothing to look for in a manifest that the target has."""
        return not self.referrers or node.descriptor.media_type not in INDEX_TYPES

    def _referrers(self, node: Node) -> Iterator[Node]:
        """What refers to a node, and whether the target names it as well."""
        subject, generation = node.descriptor.digest, node.generation + 1
        if named := self._named(subject):
            there: set[Digest] = set()
            if isinstance(self.target, Registry):
                there = {entry.digest for entry in self.target.named_referrers.named(subject)}
            for entry in named:
                yield Node(
                    descriptor=entry, generation=generation, subject=subject, there=entry.digest in there
                )
        for kind in OLD_KINDS:
            tag = f"{fallback_tag(subject)}.{kind}"
            if self.tags is None or tag in self.tags:
                yield from self._attached(tag, generation, subject)

    def _named(self, subject: Digest) -> tuple[Descriptor, ...]:
        if isinstance(self.source, Registry):
            return self.source.named_referrers.named(subject, tags=self.tags)
        return layout_referrers(self.source, subject) if isinstance(self.source, Layout) else ()

    def _attached(self, tag: str, generation: int, subject: Digest) -> Iterator[Node]:
        """What a tag of cosign's points at, where the target's is another one that would not be missed."""
        try:
            found = self.source.resolve(tag)
        except NotFoundError:
            return
        current = resolved(self.target, tag)
        if current == found.digest:
            return
        if current and not self._covers(found.digest, current):
            self.kept.append(tag)
            return
        yield Node(descriptor=found, generation=generation, subject=subject, tags=[tag])

    def _covers(self, digest: Digest, other: Digest) -> bool:
        """Whether the source's manifest has every layer of the target's: signatures are layers."""
        (ours_type, ours), (theirs_type, theirs) = [
            (found.media_type, raw)
            for found, raw in (self.source.get_manifest(digest), self.target.get_manifest(other))
        ]
        mine = read_manifest(ours, ours_type, self._called(digest))
        its = read_manifest(theirs, theirs_type, self._called(other))
        if isinstance(mine, Index) or isinstance(its, Index):
            return False
        return {layer.digest for layer in its.layers} <= {layer.digest for layer in mine.layers}

    def _height(self, node: Node) -> int:
        if not isinstance(node.document, Index):
            return 0
        parts = [self.nodes[part.digest] for part in node.document.manifests if part.digest in self.nodes]
        return 1 + max((self._height(part) for part in parts), default=0)

    def _called(self, digest: Digest) -> str:
        return f"Manifest {digest} in {self.source.name}"


def resolved(store: Readable, identifier: str) -> Digest | None:
    """What a tag or digest stands for, None where that cannot be told: writing will tell why."""
    try:
        return store.resolve(identifier).digest
    except (NotFoundError, DeniedError):
        return None


def known_tags(store: Readable) -> frozenset[str] | None:
    """The tags of a store that begin with `sha256-`, None where they cannot be listed."""
    if isinstance(store, Layout):
        return frozenset(entry.annotations.get(REF_NAME, "") for entry in store.entries())
    try:
        return store.named_referrers.tags() if isinstance(store, Registry) else frozenset()
    except (BuildError, AuthenticationError):
        return None


def _done(task: _Task) -> list[Node]:
    return list(task())
