"""Store to store: an index or manifest with all that it names, each blob once, mounted where it can be.

Parts come before what names them: blobs, then manifests, then the index, then what refers to them, then the
tag. Wherever it breaks, the tag points at something complete, and the same copy made again sends only what
is missing.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Literal

from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index, Manifest, parse_document
from buildtools.stores.base import Readable, Writable
from buildtools.stores.layout import Layout
from buildtools.stores.parallel import THREADS, in_parallel, workers
from buildtools.stores.referrers import referrer_descriptor
from buildtools.stores.registry import Registry
from buildtools.stores.survey import Node, Survey, resolved

Fate = Literal["sent", "mounted", "present"]


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
    registries must not hold (`is_foreign`) are left out. With one of `threads` the requests have one order.
    Raises what the stores raise.
    """
    if tag and isinstance(target, Registry) and resolved(target, tag) == descriptor.digest:
        return Copied(changed=False)
    with workers(threads) as pool:
        survey = Survey(source=source, target=target, pool=pool, by_parts=not isinstance(source, Layout))
        survey.run(descriptor)
        copying = Copying(source=source, target=target, pool=pool, elsewhere=elsewhere or {})
        copied = copying.blobs(survey.blobs())
        copying.manifests(survey)
        if tag:
            found, raw = source.get_manifest(descriptor.digest)
            target.put_manifest(raw, found.media_type, tag=tag)
    return copied


@dataclass(kw_only=True)
class Copying:
    """Writes what a survey has found; `held` are blobs whose bytes were read already."""

    source: Readable
    target: Writable
    pool: ThreadPoolExecutor
    elsewhere: Mapping[Digest, Readable] = field(default_factory=dict)
    held: Mapping[Digest, bytes] = field(default_factory=dict)

    def blobs(self, blobs: Sequence[Descriptor], *, gates: Sequence[Callable[[], None]] = ()) -> Copied:
        """Bring blobs to the target; unless every gate lets them through (returns), no byte is sent."""
        steps: list[Callable[[], Fate | None]] = [partial(_passed, gate) for gate in gates]
        steps += [partial(self._without_sending, blob) for blob in blobs]
        fates = in_parallel(self.pool, lambda step: step(), steps)[len(gates) :]
        missing = [blob for blob, fate in zip(blobs, fates, strict=True) if fate is None]
        in_parallel(self.pool, self._send, missing)
        found: dict[Fate | None, list[Descriptor]] = {"sent": missing, "mounted": [], "present": [], None: []}
        for blob, fate in zip(blobs, fates, strict=True):
            found[fate].append(blob)
        return Copied(
            sent=tuple(found["sent"]), mounted=tuple(found["mounted"]), present=tuple(found["present"])
        )

    def foreseen(self, blobs: Sequence[Descriptor]) -> Copied:
        """What `blobs` would do."""
        there = in_parallel(self.pool, self.target.has_blob, blobs)
        present = tuple(blob for blob, here in zip(blobs, there, strict=True) if here)
        missing = [blob for blob, here in zip(blobs, there, strict=True) if not here]
        return Copied(
            sent=tuple(blob for blob in missing if not self.mount_of(blob)),
            mounted=tuple(blob for blob in missing if self.mount_of(blob)),
            present=present,
        )

    def manifests(self, survey: Survey) -> None:
        """Write manifests by digest, parts first, referrers after their subjects; then referrers' own tags.

        Where the registry takes no note of subjects, the referrers of each are named under its fallback tag.
        """
        for level in survey.levels():
            untold: dict[Digest, list[Descriptor]] = {}
            for document, noted in in_parallel(self.pool, self._put_manifest, level):
                if not noted and document.subject:
                    untold.setdefault(document.subject.digest, []).append(referrer_descriptor(document))
            in_parallel(self.pool, lambda item: self._name(*item), list(untold.items()))
        in_parallel(self.pool, self._put_tags, [node for node in survey.wanted() if node.tags])

    def mount_of(self, blob: Descriptor) -> str:
        """The repository beside the target that a blob can be mounted from; empty where there is none."""
        target = self.target
        names = map(target.mountable, self._stores(blob)) if isinstance(target, Registry) else ()
        return next(filter(None, names), "")

    def _stores(self, blob: Descriptor) -> list[Readable]:
        return [store for store in (self.elsewhere.get(blob.digest), self.source) if store]

    def _without_sending(self, blob: Descriptor) -> Fate | None:
        """Mount a blob, or see that it is there; None where it must be sent.

        A mount is asked for without looking first. A registry that does not mount gets the bytes at once.
        """
        mount, target = self.mount_of(blob), self.target
        if not mount or not isinstance(target, Registry):
            return "present" if target.has_blob(blob) else None
        return "sent" if target.send_blob(blob, lambda: self._open(blob), mount=mount) else "mounted"

    def _send(self, blob: Descriptor) -> None:
        self.target.put_blob(blob, lambda: self._open(blob))

    def _open(self, blob: Descriptor) -> BinaryIO:
        if blob.digest in self.held:
            return io.BytesIO(self.held[blob.digest])
        # A layout has most blobs and is nearer than where a base comes from.
        stores = self._stores(blob)
        return next((store for store in stores[1:] if store.has_blob(blob)), stores[0]).get_blob(blob)

    def _document(self, node: Node) -> Manifest | Index:
        """What a node is; it was not read where the target seemed to have it."""
        if node.document is None:
            found, raw = self.source.get_manifest(node.descriptor.digest)
            node.document = parse_document(raw, found.media_type)
        return node.document

    def _put_manifest(self, node: Node) -> tuple[Manifest | Index, bool]:
        """Write a manifest; returns it, and whether the target knows what it refers to."""
        document = self._document(node)
        if isinstance(self.target, Registry):
            return document, self.target.put_noted(document.raw, document.media_type)
        self.target.put_manifest(document.raw, document.media_type)
        return document, True

    def _name(self, subject: Digest, entries: Sequence[Descriptor]) -> None:
        if isinstance(self.target, Registry):
            self.target.named_referrers.add(subject, entries)

    def _put_tags(self, node: Node) -> None:
        document = self._document(node)
        for tag in node.tags:
            self.target.put_manifest(document.raw, document.media_type, tag=tag)


def _passed(gate: Callable[[], None]) -> None:
    gate()
