"""The `promote` verb: an index with all that it names and all that refers to it, into another repository.

Nothing is built and no byte is changed, so the digest stays, and with it what was signed, scanned and tested.
What the other repository has is not sent, and blobs of the same registry are mounted. Tags come last.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from buildtools.errors import (
    BuildtoolsError,
    ConfigurationError,
    Diagnostic,
    PartialError,
    UsageError,
)
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import CONFIG_TYPES, INDEX_TYPES, Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import DocumentError, Manifest
from buildtools.oci.reference import DEFAULT_TAG, InvalidReference, Reference, parse_reference
from buildtools.stores.base import Readable, read_document
from buildtools.stores.copy import Copied, Copying
from buildtools.stores.layout import REF_NAME, Layout
from buildtools.stores.open import LAYOUT, References, only_entry, only_name
from buildtools.stores.parallel import in_parallel, workers
from buildtools.stores.registry import Registry
from buildtools.stores.survey import Node, Survey, known_tags
from buildtools.stores.tagging import (
    Standing,
    check_standing,
    checked_tags,
    parse_expected,
    put_tags,
    standing,
)
from buildtools.windows.bases import is_stand_in

THREADS: Final = 16
"""Requests at once: most are small, and round trips are what is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing on the way: a blob, manifest, index, referrer or tag.

    `doing` is what a real run would do about it: send, mount, write, set, or nothing where it is there.
    """

    kind: str
    name: str
    doing: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What was promoted, or in a dry run what would be.

    `blobs` says what became of them; `manifests` and `referrers` count what was written. `parts` are those
    of a dry run. `changed` is whether there was anything to do.
    """

    source: str
    target: str
    digest: Digest
    tags: tuple[str, ...]
    blobs: Copied = field(default_factory=Copied)
    manifests: int = 0
    referrers: int = 0
    parts: tuple[Part, ...] = ()
    warnings: tuple[str, ...] = ()
    changed: bool = True
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be promoted where.

    `identifier` is a tag or digest in `source`. Where `guarded`, each tag must stand at `expected` until it
    is set; None is for one that must not be there. `stand_ins` lets images through that stand on stand-in
    bases: for a registry that is thrown away.
    """

    source: Readable
    identifier: str
    target: Registry
    tags: tuple[str, ...]
    referrers: bool = True
    dry_run: bool = False
    guarded: bool = False
    expected: Digest | None = None
    stand_ins: bool = False

    @property
    def same_repository(self) -> bool:
        """Whether nothing but tags can be missing."""
        source = self.source
        return isinstance(source, Registry) and source.is_at(self.target)


def promote(order: Order) -> Promotion:
    """Copy what is missing, then set the tags.

    Raises ConfigurationError for images on stand-in bases before anything is sent, VerificationError for a
    tag that is not where it should be, PartialError when only some tags could be set, and what the stores
    raise.
    """
    with workers(THREADS) as pool:
        return _Promoting(order=order, pool=pool).run()


def promote_all(orders: Sequence[Order]) -> list[Promotion]:
    """Promote several, each whole before the next; where one may not be promoted, none is.

    Raises PartialError when only some could be, and what `promote` raises.
    """
    if len(orders) > 1:
        looks = [promote(replace(order, dry_run=True)) for order in orders]
        if all(order.dry_run for order in orders):
            return looks
    done: list[Promotion] = []
    for order in orders:
        try:
            done.append(promote(order))
        except BuildtoolsError as error:
            if not done:
                raise
            raise PartialError(
                f"{len(done)} of {len(orders)} are promoted, and then: {error}",
                hint="run the command again: it does only what is missing",
            ) from error
    return done


@dataclass(kw_only=True)
class _Promoting:
    """One promotion on its way; `held` are configs, which are read before anything is sent."""

    order: Order
    pool: ThreadPoolExecutor
    held: dict[Digest, bytes] = field(default_factory=dict)

    def run(self) -> Promotion:
        order = self.order
        (root, raw), known, current = self._first_look()
        ahead = [tag for tag in order.tags if current[tag] != root.digest]
        expected = dict.fromkeys(ahead, order.expected) if order.guarded else {}
        check_standing(order.target.name, found=current, expected=expected)
        survey = Survey(
            source=order.source,
            target=order.target,
            pool=self.pool,
            referrers=order.referrers and not order.same_repository,
            eager=True,
            tags=known,
        )
        survey.run(root, raw, there=order.same_repository or len(ahead) < len(order.tags))
        wanted = survey.wanted()
        done = Promotion(
            source=f"{order.source.name}{'@' if ':' in order.identifier else ':'}{order.identifier}",
            target=order.target.name,
            digest=root.digest,
            tags=order.tags,
            manifests=sum(node.generation == 0 for node in wanted),
            referrers=sum(node.generation > 0 for node in wanted),
            warnings=tuple(_kept(order.target, tag) for tag in sorted(survey.kept)),
            changed=bool(wanted or ahead),
            dry_run=order.dry_run,
        )
        copying = Copying(source=order.source, target=order.target, pool=self.pool, held=self.held)
        gates = [partial(self._check_base, node) for node in wanted if not node.generation]
        if order.dry_run:
            in_parallel(self.pool, lambda gate: gate(), gates)
            blobs = copying.foreseen(survey.blobs())
            return replace(done, blobs=blobs, parts=tuple(self._parts(blobs, survey, ahead)))
        blobs = copying.blobs(survey.blobs(), gates=gates)
        copying.manifests(survey)
        put_tags(order.target, root, raw, ahead, expected=expected)
        return replace(done, blobs=blobs)

    def _first_look(
        self,
    ) -> tuple[tuple[Descriptor, bytes], frozenset[str] | None, Standing]:
        """What is to be promoted, the tags of signatures beside it, and where the target's tags stand."""
        order = self.order
        document = self.pool.submit(order.source.get_manifest, order.identifier)
        look = order.referrers and not order.same_repository
        known = self.pool.submit(known_tags, order.source) if look else None
        current = standing(order.target, order.tags)
        return (
            document.result(),
            known.result() if known else frozenset(),
            current,
        )

    def _check_base(self, node: Node) -> None:
        """Raise ConfigurationError for an image on a stand-in base."""
        document = node.document
        if not isinstance(document, Manifest) or document.config.media_type not in CONFIG_TYPES:
            return
        raw = self.held[document.config.digest] = read_document(self.order.source, document.config)
        stand_in = False
        with suppress(DocumentError):
            stand_in = is_stand_in(ImageConfig.parse(raw, document.config.media_type))
        if stand_in and not self.order.stand_ins:
            named = f"{node.descriptor.platform or node.descriptor.digest}"
            text = f"{self.order.source.name} stands on a stand-in base ({named}), which is never published"
            hint = "build it on its real bases"
            raise ConfigurationError(Diagnostic(code="stand-in", message=text, hint=hint))

    def _parts(self, blobs: Copied, survey: Survey, ahead: Sequence[str]) -> Iterator[Part]:
        """What a real run would do, in its order."""
        for doing, found in (("send", blobs.sent), ("mount", blobs.mounted), ("there", blobs.present)):
            for blob in found:
                yield Part(kind="blob", name=blob.digest, doing=doing, size=blob.size)
        for node in (node for level in survey.levels() for node in level):
            item = node.descriptor
            kind = "index" if item.media_type in INDEX_TYPES else "manifest"
            yield Part(
                kind="referrer" if node.generation else kind, name=item.digest, doing="write", size=item.size
            )
            for tag in node.tags:
                yield Part(kind="tag", name=tag, doing="set")
        for tag in self.order.tags:
            yield Part(kind="tag", name=tag, doing="set" if tag in ahead else "there")


def read_order(
    references: References, source: str, target: str, *, tags: Sequence[str] = (), expected: str | None = None
) -> Order:
    """What a command line means; raises UsageError, and NotFoundError for a layout that holds nothing."""
    store, identifier = references.open(source)
    place = _place(target)
    chosen = (*filter(None, (place.tag,)), *tags)
    chosen = chosen or tuple(filter(None, (_own_tag(store, identifier, source),)))
    if not chosen:
        raise UsageError(
            f"{source} has no tag that could be kept",
            hint=f"name one, as in {place.name}:1.0: what has no tag is deleted by many registries",
        )
    return Order(
        source=store,
        identifier=identifier or only_name(store),
        target=references.target(place),
        tags=checked_tags(chosen),
        guarded=expected is not None,
        expected=None if expected is None else parse_expected(expected),
    )


def _place(text: str) -> Reference:
    """Where to promote to; raises UsageError for what is no repository of a registry."""
    if text.startswith(LAYOUT):
        raise UsageError(
            f"{text} is a folder, and images are promoted to registries",
            hint="write registry/repository[:tag]",
        )
    try:
        place = parse_reference(text.removeprefix("docker://"))
    except InvalidReference as error:
        raise UsageError(str(error)) from error
    if place.digest:
        raise UsageError(
            f"{text} names a digest, and what is promoted has its own",
            hint=f"write {place.name}:tag; --expect-current holds a tag to a digest",
        )
    if not text.removeprefix("docker://").startswith(place.name):
        raise UsageError(f"{text} does not say which registry it is in", hint=f"write {place}")
    return place


def _own_tag(store: Readable, identifier: str, text: str) -> str:
    """The tag that the source was named by, or that a layout's only image has."""
    if isinstance(store, Layout):
        tag = identifier if ":" not in identifier else ""
        if not identifier:
            tag = only_entry(store).annotations.get(REF_NAME, "")
        with suppress(InvalidReference):
            return parse_reference("registry.example/image").with_tag(tag).tag
        return ""
    reference = parse_reference(text.removeprefix("docker://"))
    return reference.tag or ("" if reference.digest else DEFAULT_TAG)


def _kept(target: Registry, tag: str) -> str:
    return f"{target.name}:{tag} stays as it is: it holds signatures that the source has not"
