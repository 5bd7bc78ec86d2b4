"""Store to store: an index or manifest with all that it names, each blob once, mounted where it can be.

Parts come before what names them: blobs, then manifests, then the index, then the tag. Wherever it breaks,
the tag points at something complete, and the same copy made again sends only what is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Literal, TypeVar

from buildtools.errors import AuthenticationError
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index
from buildtools.stores.base import NotFoundError, Readable, Writable, read_manifest
from buildtools.stores.registry import Registry

_T = TypeVar("_T")
_Fate = Literal["sent", "mounted", "present"]

THREADS: Final = 8
"""Requests at once: a registry is mostly waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What became of the blobs: sent, mounted, or there before; not `changed` where the tag was right."""

    sent: tuple[Descriptor, ...] = ()
    mounted: tuple[Descriptor, ...] = ()
    present: tuple[Descriptor, ...] = ()
    changed: bool = True


def copy(
    source: Readable,
    target: Writable,
    descriptor: Descriptor,
    *,
    tag: str = "",
    elsewhere: Mapping[Digest, Readable] | None = None,
    threads: int = THREADS,
) -> Copied:
    """Copy a manifest or index and all that it names, and let `tag` point at it at the end.

    `elsewhere` says where blobs are read that `source` does not hold, such as layers of a base. Layers that
    registries must not hold (`is_foreign`) are left out. With one of `threads` the order of requests is
    always the same. Raises what the stores raise.
    """
    if tag and isinstance(target, Registry) and resolved(target, tag) == descriptor.digest:
        return Copied(changed=False)
    with ThreadPoolExecutor(threads) as pool:
        copying = _Copying(source, target, elsewhere or {}, pool)
        copied = copying.run(descriptor)
        if tag:
            media_type, raw = copying.document(descriptor)
            target.put_manifest(raw, media_type, tag=tag)
    return copied


@dataclass
class _Copying:
    """One copy on its way."""

    source: Readable
    target: Writable
    elsewhere: Mapping[Digest, Readable]
    pool: ThreadPoolExecutor
    documents: dict[Digest, tuple[str, bytes]] = field(default_factory=dict)

    def run(self, root: Descriptor) -> Copied:
        levels, blobs = self._named_by(root)
        found: dict[_Fate, list[Descriptor]] = {"sent": [], "mounted": [], "present": []}
        for blob, fate in zip(blobs, self._each(self._copy_blob, blobs), strict=True):
            found[fate].append(blob)
        written: set[Digest] = set()
        for level in reversed(levels):
            self._each(self._put_manifest, [item for item in level if item.digest not in written])
            written.update(item.digest for item in level)
        return Copied(
            sent=tuple(found["sent"]), mounted=tuple(found["mounted"]), present=tuple(found["present"])
        )

    def _named_by(self, root: Descriptor) -> tuple[list[list[Descriptor]], list[Descriptor]]:
        """The manifests that must be written, each level after those below it, and all their blobs."""
        levels: list[list[Descriptor]] = []
        blobs: dict[Digest, Descriptor] = {}
        ahead = [root]
        while ahead:
            present = self._each(self._is_complete, ahead)
            level = [item for item, done in zip(ahead, present, strict=True) if not done]
            levels.append(level)
            below: dict[Digest, Descriptor] = {}
            for (media_type, raw), item in zip(self._each(self.document, level), level, strict=True):
                document = read_manifest(raw, media_type, f"Manifest {item.digest} in {self.source.name}")
                if isinstance(document, Index):
                    below.update({part.digest: part for part in document.manifests})
                else:
                    parts = (document.config, *document.layers)
                    blobs.update({part.digest: part for part in parts if not part.is_foreign})
            ahead = list(below.values())
        return levels, list(blobs.values())

    def document(self, descriptor: Descriptor) -> tuple[str, bytes]:
        """Media type and bytes of a manifest, read once."""
        if descriptor.digest not in self.documents:
            found, raw = self.source.get_manifest(descriptor.digest)
            self.documents[descriptor.digest] = found.media_type, raw
        return self.documents[descriptor.digest]

    def _is_complete(self, descriptor: Descriptor) -> bool:
        """Whether a registry has the manifest: it does not take one before it has all parts.

        A layout may leave parts out, so that its manifests say nothing about them.
        """
        return isinstance(self.target, Registry) and resolved(self.target, descriptor.digest) is not None

    def _copy_blob(self, blob: Descriptor) -> _Fate:
        stores = [store for store in (self.elsewhere.get(blob.digest), self.source) if store]

        def open_body() -> BinaryIO:
            # A layout has most blobs and is nearer than where a base comes from.
            return next((store for store in stores[1:] if store.has_blob(blob)), stores[0]).get_blob(blob)

        target = self.target
        names = map(target.mountable, stores) if isinstance(target, Registry) else ()
        mount = next(filter(None, names), "")
        if isinstance(target, Registry) and mount:
            return "sent" if target.send_blob(blob, open_body, mount=mount) else "mounted"
        if target.has_blob(blob):
            return "present"
        target.put_blob(blob, open_body)
        return "sent"

    def _put_manifest(self, descriptor: Descriptor) -> None:
        media_type, raw = self.document(descriptor)
        self.target.put_manifest(raw, media_type)

    def _each(self, action: Callable[[Descriptor], _T], items: Sequence[Descriptor]) -> list[_T]:
        """The results of an action for each item, several at once; after a failure no further one begins."""
        futures = [self.pool.submit(action, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            for future in futures:
                future.cancel()
        return [future.result() for future in futures]


def resolved(registry: Registry, identifier: str) -> Digest | None:
    """What a tag or digest stands for, None where that cannot be told: writing will tell why."""
    try:
        return registry.resolve(identifier).digest
    except (NotFoundError, AuthenticationError):
        return None
