"""From the layouts to the nodes: published, verified, rebased, promoted and looked at before a roll-out.

All of it in a throw-away registry on this machine, whose `bases/` stand for the registries that bases
live in: they are read through mirrors, under their own names. Nothing else is asked.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from buildtools.build import BuiltImage, Report
from buildtools.cluster.presets import PRESETS
from buildtools.cluster.truth import Truth, built_in
from buildtools.errors import BuildtoolsError
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Index
from buildtools.oci.reference import DEFAULT_TAG, Reference, parse_reference
from buildtools.preflight import Report as Flight
from buildtools.preflight import Request, preflight
from buildtools.prepare import STAND_IN_REVISION, stand_in
from buildtools.promote import Order, Promotion, promote
from buildtools.publish import Published, Publisher
from buildtools.rebase import RebasePlan, Rebaser
from buildtools.settings import Settings
from buildtools.spec.tags import Tag
from buildtools.spec.variant import HOST_PROCESS, SCRATCH, Variant
from buildtools.stores.client import Client
from buildtools.stores.copy import copy
from buildtools.stores.memory import MemoryStore
from buildtools.stores.open import References
from buildtools.stores.parallel import in_parallel, workers
from buildtools.stores.parcel import Moved
from buildtools.stores.registry import Registries, Registry
from buildtools.throwaway.server import ThrowAway
from buildtools.verify import Verification, expectation, project_truth, verify_store
from buildtools.workspace import Workspace

_T = TypeVar("_T")

STAGING: Final = "staging"
RELEASE: Final = "release"
TAG: Final = "demo"
PATCH: Final = STAND_IN_REVISION + 1
"""The revision of the bases that images are rebased onto."""

_BASES: Final = "bases"
_DAY: Final = date(2024, 1, 1)
"""What ends when is no part of the demo, which says the same on every day."""
_THREADS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One image read back: `place` is where it was, such as `staging/whoami`."""

    image: str
    place: str
    found: Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """One image on the later patches of its bases; no `plan` where a base names no tag to follow."""

    image: str
    plan: RebasePlan | None = None
    moved: Moved = field(default_factory=Moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How far the images came, step by step; `error` says why a step is the last one.

    Places are told without the registry's address, which is another one each time.
    """

    published: tuple[Published, ...] = ()
    verified: tuple[Verified, ...] = ()
    rebased: tuple[Moving, ...] = ()
    promoted: tuple[Promotion, ...] = ()
    released: tuple[Verified, ...] = ()
    flight: Flight | None = None
    error: BuildtoolsError | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """What went wrong, a sentence each."""
        found = [str(error) for one in self.published for error in one.errors]
        found += [
            f"{one.place}: {item}" for one in (*self.verified, *self.released) for item in one.found.errors
        ]
        if self.flight:
            # That a kind of cluster has nodes for which there is no entry is an answer.
            errors = (item for item in self.flight.findings if item.severity == "error")
            found += [str(item) for item in errors if item.code != "does-not-run"]
        return (*found, *([str(self.error)] if self.error else []))


def roll_out(workspace: Workspace, report: Report, *, note: Callable[[str], None]) -> Rollout:
    """Take whole images through every step; the first step that fails is the last.

    The registry and all that it holds are gone when this returns or raises.
    """
    images = tuple(image for image in report.images if not image.absent)
    if not images:
        return Rollout()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="buildtools-"))
        registry = stack.enter_context(ThrowAway(Path(folder)))
        pool = stack.enter_context(workers(_THREADS))
        stage = _Stage(
            workspace=workspace,
            report=replace(report, images=images),
            host=registry.host,
            pool=pool,
            note=note,
        )
        try:
            return stage.run()
        finally:
            stage.client.close()


@dataclass(kw_only=True)
class _Stage:
    """The registry with what is needed to act in it, and how far the images are."""

    workspace: Workspace
    report: Report
    host: str
    pool: ThreadPoolExecutor
    note: Callable[[str], None]
    reached: Rollout = field(default_factory=Rollout, init=False)

    def __post_init__(self) -> None:
        self.variants = [built.target.variant for built in self.report.variants]
        places = [_base_of(variant) for variant in self.variants]
        hosts = sorted({place.registry for place in places if place})
        # Of the environment nothing counts: no log-in, no mirror and no proxy has to do with it.
        mirrors = {host: f"{self.host}/{_BASES}/{number}" for number, host in enumerate(hosts)}
        self.settings = Settings(mirrors=mirrors)
        self.client = Client(self.settings)
        self.bases = Registries(self.settings, client=self.client)
        self.targets = self.bases.without_mirrors()
        self.truth = project_truth(self.workspace)

    def run(self) -> Rollout:
        steps: Sequence[tuple[str, Callable[[], None]]] = (
            ("publishing to a throw-away registry", self._publish),
            ("verifying what was published", self._verify),
            ("rebasing onto the next patches of the bases", self._rebase),
            ("promoting to the release", self._promote),
            ("verifying the release", self._verify_release),
            ("asking which nodes would run it", self._preflight),
        )
        for text, step in steps:
            self.note(text)
            try:
                step()
            except BuildtoolsError as error:
                return replace(self.reached, error=error)
            if self.reached.faults:
                break
        return self.reached

    def _publish(self) -> None:
        self._put_bases(STAND_IN_REVISION)
        publisher = Publisher(
            layout=self.workspace.layout,
            bases=self.bases,
            targets=self.targets,
            tags={image.name: (Tag(name=TAG),) for image in self.report.images},
            note=lambda _: None,
            stand_ins=True,
        )
        done = publisher.run(self.report, [f"{self.host}/{STAGING}"])
        told = tuple(replace(one, repository=self._told(one.repository)) for one in done)
        self.reached = replace(self.reached, published=told)

    def _verify(self) -> None:
        self.reached = replace(self.reached, verified=self._read_back(STAGING))

    def _verify_release(self) -> None:
        self.reached = replace(self.reached, released=self._read_back(RELEASE))

    def _read_back(self, place: str) -> tuple[Verified, ...]:
        return tuple(self._each(lambda image: self._verified(image, place)))

    def _verified(self, image: BuiltImage, place: str) -> Verified:
        found = verify_store(
            self._open(place, image),
            TAG,
            truth=self.truth,
            expected=expectation(self.workspace, image.name),
        )
        return Verified(image=image.name, place=f"{place}/{image.name}", found=found)

    def _rebase(self) -> None:
        self.truth = self._put_bases(PATCH)
        self.reached = replace(self.reached, rebased=tuple(self._each(self._rebased)))

    def _rebased(self, image: BuiltImage) -> Moving:
        bases = (_base_of(built.target.variant) for built in image.variants)
        if any(base and base.digest and not base.tag for base in bases):
            return Moving(image=image.name)
        rebaser = Rebaser(
            target=self._open(STAGING, image),
            identifier=TAG,
            tags=(TAG,),
            open_base=References(self.settings, client=self.client).open,
            stand_ins=True,
        )
        plan = rebaser.plan()
        moved = rebaser.publish(plan)
        return Moving(image=image.name, plan=replace(plan, name=self._told(plan.name)), moved=moved)

    def _promote(self) -> None:
        self.reached = replace(self.reached, promoted=tuple(self._each(self._promoted)))

    def _promoted(self, image: BuiltImage) -> Promotion:
        order = Order(
            source=self._open(STAGING, image),
            identifier=TAG,
            target=self._open(RELEASE, image),
            tags=(TAG,),
            stand_ins=True,
        )
        done = promote(order)
        return replace(done, source=self._told(done.source), target=self._told(done.target))

    def _preflight(self) -> None:
        # Under names without the registry's address, so that it is in no finding.
        names = [f"{RELEASE}/{image.name}:{TAG}" for image in self.report.images]
        request = Request(
            nodes=tuple(PRESETS), images={name: f"{self.host}/{name}" for name in names}, today=_DAY
        )
        self.reached = replace(self.reached, flight=preflight(request, self.settings, stdin=bytes))

    def _each(self, step: Callable[[BuiltImage], _T]) -> list[_T]:
        return in_parallel(self.pool, step, self.report.images)

    def _open(self, place: str, image: BuiltImage) -> Registry:
        return self.targets.open(parse_reference(f"{self.host}/{place}/{image.name}"))

    def _told(self, text: str) -> str:
        return text.removeprefix(f"{self.host}/")

    def _put_bases(self, revision: int) -> Truth:
        """Put stand-ins of a revision where their originals' names lead to; gives what is known then."""
        stores: dict[Reference, MemoryStore] = {}
        entries: dict[Reference, dict[Descriptor, None]] = {}
        known = []
        for variant in self.variants:
            place = _base_of(variant)
            if not place:
                continue
            base = stand_in(variant, revision=revision)
            store = stores.setdefault(place, MemoryStore(f"the stand-in for {place}"))
            store.blobs |= base.blobs
            put = store.put_manifest(base.manifest.raw, base.manifest.media_type)
            entry = replace(put, platform=base.config.platform)
            entries.setdefault(place, {})[entry] = None
            known.append(built_in(store.name, base))
        in_parallel(self.pool, lambda place: self._put_base(place, stores[place], entries[place]), [*stores])
        return self.truth.also(known)

    def _put_base(self, place: Reference, store: MemoryStore, entries: Iterable[Descriptor]) -> None:
        index = Index.build(manifests=[*entries])
        store.put_manifest(index.raw, index.media_type)
        at = self.bases.open(place).location
        target = self.targets.open(Reference(registry=at.host, repository=at.repository))
        copy(store, target, index.descriptor, tag=place.tag or DEFAULT_TAG)


def _base_of(variant: Variant) -> Reference | None:
    """Where the variant's base lives, if anywhere."""
    if variant.base in {SCRATCH, HOST_PROCESS} or variant.engine != "assemble" or variant.own_base:
        return None
    return parse_reference(variant.base)
