"""The `build` verb: every variant that the Plan asks for, then one index an image, in OCI layouts."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from buildtools.assemble import assemble_index
from buildtools.engines.assemble import Assemble, rfc3339
from buildtools.engines.base import BaseImage, Engine
from buildtools.engines.copied import Copied, Explained
from buildtools.engines.dockerfile import Dockerfiles
from buildtools.engines.stages import Stages
from buildtools.engines.stream import stop_all as stop_streams
from buildtools.errors import (
    BuildError,
    BuildtoolsError,
    ConfigurationError,
    MissingToolError,
    PartialError,
)
from buildtools.oci.annotations import CREATED
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index
from buildtools.oci.layer import Entry
from buildtools.oci.platform import Platform
from buildtools.oci.reference import parse_reference
from buildtools.parts import to_annotations
from buildtools.pins import AssetPin
from buildtools.plan import INDEX_REASON, Target, on_base
from buildtools.prepare import Prepared, asset_pin, own_base
from buildtools.record import BuildRecord
from buildtools.sources.compile import compile_step, stop_all
from buildtools.sources.entries import entries
from buildtools.sources.examine import examine
from buildtools.sources.fetch import materialise
from buildtools.spec.variant import Fetch, Key, Variant
from buildtools.stores.base import Readable
from buildtools.stores.layout import Layout
from buildtools.stores.mirrors import locate
from buildtools.workspace import Workspace

REF_NAME: Final = "latest"
"""The name of the index in its layout, so that `oci:dist/oci/whoami` and `...:latest` both find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One variant that is there now; `reused` when the last build still held."""

    target: Target
    record: BuildRecord
    reused: bool
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """One image's index and the variants in it.

    `order` is the entries' order, `absent` the labels that the definition has and the index has not,
    `missing` the blobs that the layout leaves to the base's registry.
    """

    name: str
    index: Descriptor
    variants: tuple[Built, ...]
    order: tuple[Digest, ...] = ()
    absent: tuple[str, ...] = ()
    missing: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a build did; `failures` says why the images in `failed` have no new index, each cause once."""

    images: tuple[BuiltImage, ...]
    failed: tuple[str, ...] = ()
    failures: tuple[BuildtoolsError, ...] = ()

    @property
    def variants(self) -> tuple[Built, ...]:
        """Every variant of every image."""
        return tuple(built for image in self.images for built in image.variants)

    def raise_failures(self) -> None:
        """Raise what went wrong: PartialError where other images are whole, else the fault itself."""
        if not self.failures:
            return
        if self.images:
            names = ", ".join(self.failed)
            done = ", ".join(image.name for image in self.images)
            raise PartialError(
                f"{names} could not be built, {done} could", hint="mend what is wrong and build again"
            )
        if len(self.failures) == 1:
            raise self.failures[0]
        raise BuildError("\n".join(str(failure) for failure in self.failures))


@dataclass(kw_only=True)
class Builder:
    """Builds what a Plan asks for.

    `clock` gives seconds and only serves to say how long things took. `base_layers` opens the registry
    that a base lives in; it is asked only for `full` layouts. `download` gets an asset. `published` gives
    an image's layers that need not be compressed (see `Assemble`). `force` builds what is up to date, too.
    """

    workspace: Workspace
    prepared: Prepared
    clock: Callable[[], float]
    base_layers: Callable[[str], Readable]
    download: Callable[[str, AssetPin, Path], None]
    published: Callable[[str], Mapping[Digest, Descriptor]] = lambda _: {}
    full: bool = False
    force: bool = False
    bases: dict[str, BaseImage] = field(init=False)
    """Bases by the digest of their manifest; those that are built on the way are added."""

    def __post_init__(self) -> None:
        self.bases = dict(self.prepared.bases)

    def run(self) -> Report:
        """Build in parallel, then join every image whose variants are all there."""
        engines = self._engines()
        chosen = self.prepared.targets
        wanted = [target for target in self._with_bases(chosen) if not _holds(target)]
        if self.force:
            # Without the record of the last build nothing of it is used again.
            keys = {target.key for target in chosen}
            wanted = [target for target in wanted if target.key not in keys]
            wanted += [replace(target, record=None) for target in chosen]
        done, failures = self._build_in_order(wanted, engines)
        asked = {target.key for target in wanted}
        done |= {
            target.key: Built(target=target, record=target.record, reused=True)
            for target in self.prepared.plan.targets
            # What was to be built anew and could not be is none of what is there.
            if target.key not in asked and target.key not in done and target.record and _holds(target)
        }
        names = dict.fromkeys(target.variant.image for target in chosen)
        failed = {target.variant.image for target in wanted if target.key not in done}
        return Report(
            images=tuple(self._join(name, done) for name in names if name not in failed),
            failed=tuple(name for name in names if name in failed),
            failures=failures,
        )

    def _with_bases(self, chosen: Sequence[Target]) -> list[Target]:
        """The chosen targets and those of the project that they stand on, these first."""
        every = {target.key: target for target in self.prepared.plan.targets}
        found = {target.key for target in chosen}
        for target in reversed(self.prepared.plan.targets):
            # What is published and pinned need not be built for it.
            if target.key in found and target.variant.own_base and not target.base.is_published:
                found.add((target.variant.own_base, target.variant.label))
        return [target for key, target in every.items() if key in found]

    def _build_in_order(
        self, wanted: Sequence[Target], engines: Mapping[str, Engine]
    ) -> tuple[dict[Key, Built], tuple[BuildtoolsError, ...]]:
        """Build all of them, what others stand on first; what stands on a failure is left out."""
        done: dict[Key, Built] = {}
        failures: list[BuildtoolsError] = []
        ahead = list(wanted)
        while ahead:
            keys = {target.key for target in ahead}
            now = [target for target in ahead if _below(target) not in keys]
            ahead = [target for target in ahead if _below(target) in keys]
            built, failed = self._build_all(
                [target for one in now for target in self._stacked(one, done)], engines
            )
            done |= built
            failures += failed
        return done, tuple(failures)

    def _stacked(self, target: Target, done: dict[Key, Built]) -> Iterator[Target]:
        """The target on its base as it was built just now; none where that failed or it holds."""
        below = _below(target)
        if below is None:
            yield target
            return
        every = {one.key: one for one in self.prepared.plan.targets}
        if below in done:
            base, image = own_base(self.workspace, replace(every[below], record=done[below].record))
        elif target.base.is_published:
            yield target
            return
        elif every[below].record and every[below].reasons in {(), (INDEX_REASON,)}:
            base, image = own_base(self.workspace, every[below])
        else:
            return
        self.bases[base.digest] = image
        now = on_base(target, base)
        if now.record and now.up_to_date:
            done[now.key] = Built(target=now, record=now.record, reused=True)
        else:
            yield now

    def _engines(self) -> Mapping[str, Engine]:
        """What builds a target, by the engine that its variant names."""
        plans, pins, note = self.prepared.dockerfiles, self.prepared.pins, self.workspace.note
        silence = self.workspace.settings.engine_silence
        source = Stages(
            pins=pins,
            open_base=self.base_layers,
            located=self._located,
            layers=Layout(self.workspace.cache / "copied"),
            folder=self.workspace.work / "stages",
            note=note,
            silence=silence,
        )
        copied = Copied(plans=plans, source=source)

        def of_copies(variant: Variant) -> list[Entry]:
            return _examined(variant, copied.entries(variant))

        docker = Dockerfiles(
            root=self.workspace.root, pins=pins, located=self._located, note=note, silence=silence
        )
        return {
            "assemble": Assemble(entries=self._entries, bases=self.bases, published=self.published),
            "copied": Assemble(entries=of_copies, bases=self.bases, published=self.published),
            "dockerfile": Explained(plans=plans, engine=docker),
        }

    def _build_all(
        self, targets: Sequence[Target], engines: Mapping[str, Engine]
    ) -> tuple[dict[Key, Built], tuple[BuildtoolsError, ...]]:
        """Build every target, several at once; gives what went wrong, too, each cause once."""
        done: dict[Key, Built] = {}
        failures: dict[str, BuildtoolsError] = {}
        with ThreadPoolExecutor(self.workspace.settings.jobs or os.cpu_count() or 2) as pool:
            futures = {pool.submit(self._build_one, target, engines): target for target in targets}
            try:
                for future in as_completed(futures):
                    try:
                        built = future.result()
                    except BuildtoolsError as error:
                        failures.setdefault(str(error), error)
                    else:
                        done[built.target.key] = built
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                # `wait` never counts a cancelled future as done, so only the running ones are waited for. A
                # thread ends with its command, and one may just be starting another.
                while running := [future for future in futures if not future.done()]:
                    stop_all()
                    stop_streams()
                    wait(running, timeout=0.1)
                raise
        return done, tuple(failures.values())

    def _build_one(self, target: Target, engines: Mapping[str, Engine]) -> Built:
        engine = engines.get(target.variant.engine)
        if engine is None:
            raise MissingToolError(
                f"{target.name} needs the {target.variant.engine} engine, which this version does not have",
                hint="describe the image with `files` instead, or leave it out of this run",
            )
        start = self.clock()
        record = engine.build(target, self.workspace.layout(target.variant.image))
        self.workspace.save_record(record)
        return Built(target=target, record=record, reused=False, seconds=self.clock() - start)

    def _located(self, repository: str) -> str:
        """Where an engine is to pull a repository: at the mirror, where the project names one."""
        reference = parse_reference(repository)
        return str(locate(reference.registry, reference.repository, self.workspace.reach.mirrors))

    def _entries(self, variant: Variant) -> list[Entry]:
        """The files of a variant's layer: compiled, fetched or found, then held against the platform."""
        root = self.workspace.root / variant.folder
        out = None
        if variant.build:
            out = compile_step(
                variant,
                root=root,
                work=self.workspace.work,
                note=self.workspace.note,
                hashes=self.workspace.hashes,
            ).out
        fetched = {fetch.name: self._fetched(fetch) for fetch in variant.fetches}
        return _examined(variant, entries(variant, root=root, out=out, fetched=fetched))

    def _fetched(self, fetch: Fetch) -> Path:
        pin = asset_pin(fetch, self.prepared.pins)
        if pin is None:
            raise BuildError(f"{fetch.url} is not pinned", hint="run `buildtools pins`")
        cache, hashes = self.workspace.cache, self.workspace.hashes
        return materialise(fetch, pin, cache=cache, download=self.download, hashes=hashes)

    def _join(self, image: str, done: Mapping[Key, Built]) -> BuiltImage:
        """The image's index out of every variant that is built from today's definition."""
        layout = self.workspace.layout(image)
        targets = [target for target in self.prepared.plan.targets if target.variant.image == image]
        present = [done[target.key] for target in targets if target.key in done]
        index = index_of([built.record for built in present])
        if self.full:
            self._complete(layout, [built.record for built in present])
        if not _names(layout, index):
            layout.put_manifest(index.raw, index.media_type)
            layout.put_index(index.descriptor, ref_name=REF_NAME)
            layout.sweep(_reachable(index, [built.record for built in present]))
        return BuiltImage(
            name=image,
            index=index.descriptor,
            order=tuple(descriptor.digest for descriptor in index.manifests),
            variants=tuple(present),
            absent=tuple(target.variant.label for target in targets if target.key not in done),
            missing=layout.missing(),
        )

    def _holder(self, record: BuildRecord, digest: Digest) -> Readable:
        """Where a layer of a record's base is: in the registry of who brought it, or in a layout."""
        holder = self.workspace.holder(record, digest)
        return self.base_layers(holder) if isinstance(holder, str) else holder

    def _complete(self, layout: Layout, records: Iterable[BuildRecord]) -> None:
        """Fetch the base layers that the layout leaves to the registry."""
        for record in records:
            for blob in record.base_layers:
                if not layout.has_blob(blob.descriptor):
                    self.workspace.note(
                        f"{record.image}: fetching {blob.size / 1e6:.0f} MB of {record.base.reference}"
                    )
                    base = self._holder(record, blob.digest)
                    layout.put_blob(blob.descriptor, partial(base.get_blob, blob.descriptor))


def index_of(records: Sequence[BuildRecord]) -> Index:
    """The index of an image's variants, dated like the newest of them."""
    newest = max((record.created for record in records), default=0)
    return assemble_index([_entry(record) for record in records], annotations={CREATED: rfc3339(newest)})


def _holds(target: Target) -> bool:
    """Whether the last build is taken as it is.

    Where only an index is missing, layers that are assembled are looked at once more, which heals a damaged
    layout; an engine would make other bytes.
    """
    return target.up_to_date or (target.variant.engine == "dockerfile" and target.reasons == (INDEX_REASON,))


def _below(target: Target) -> Key | None:
    """The target of the project that this one stands on."""
    variant = target.variant
    return (variant.own_base, variant.label) if variant.own_base else None


def _examined(variant: Variant, found: list[Entry]) -> list[Entry]:
    """The entries, unless anything is wrong with them; then ConfigurationError with all of it."""
    faults = [finding for finding in examine(variant, found) if finding.severity == "error"]
    if faults:
        raise ConfigurationError(*faults)
    return found


def _names(layout: Layout, index: Index) -> bool:
    """Whether the layout already names just this index, so that nothing need be written."""
    try:
        (entry,) = layout.entries()
        return layout.is_valid and layout.get_manifest(entry.digest)[1] == index.raw
    except (BuildtoolsError, ValueError):
        return False


def _entry(record: BuildRecord) -> tuple[Descriptor, Platform]:
    platform = Platform(
        os=record.os,
        architecture=record.architecture,
        variant=record.variant,
        os_version=record.os_version,
        os_features=record.os_features,
    )
    return replace(record.manifest.descriptor, annotations=to_annotations(record.ingredients)), platform


def _reachable(index: Index, records: Iterable[BuildRecord]) -> set[Digest]:
    """The blobs that the index leads to; anything else in the layout is left over from earlier builds."""
    blobs = (
        blob
        for record in records
        for blob in (record.manifest, record.config, *record.layers, *record.base_layers)
    )
    return {index.descriptor.digest, *(blob.digest for blob in blobs)}
