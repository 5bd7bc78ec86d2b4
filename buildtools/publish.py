"""The `publish` verb: what was built into registries, so that a tag is on a complete index at any moment.

Blobs go first, each once: mounted from the base's repository where that is in the same registry, read from
the base's registry where the layout leaves them to it. Then manifests by digest, the index by digest, and
the tags, immutable ones first. What is there is not sent again, so a run that broke is simply run again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from buildtools.build import BuiltImage, Report
from buildtools.errors import (
    BuildError,
    BuildtoolsError,
    ConfigurationError,
    Diagnostic,
    PartialError,
    VerificationError,
)
from buildtools.handover import Holder, base_sources, of_base, opened, stand_in_faults
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index
from buildtools.oci.reference import InvalidReference, Reference, parse_reference
from buildtools.spec.tags import Tag
from buildtools.stores.base import NotFoundError, Readable
from buildtools.stores.copy import Copied, copy
from buildtools.stores.parallel import THREADS, in_parallel, workers
from buildtools.stores.registry import Registries, Registry
from buildtools.tagging import DONE, Rules, Tagged, Tagging


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One image in one repository: its tags, bytes sent, and blobs that were mounted or there before."""

    image: str
    repository: str
    digest: Digest
    tags: tuple[Tagged, ...]
    sent: int = 0
    mounted: int = 0
    present: int = 0

    @property
    def changed(self) -> bool:
        """Whether a tag was set."""
        return any(tag.what == "set" for tag in self.tags)

    @property
    def done(self) -> bool:
        """Whether a tag stands on the image now."""
        return any(tag.what in DONE for tag in self.tags)

    @property
    def errors(self) -> list[BuildtoolsError]:
        """What went wrong, each cause once."""
        return [*{str(tag.error): tag.error for tag in self.tags if tag.error}.values()]


@dataclass(kw_only=True)
class Publisher:
    """Publishes built images under `tags`, which has those of each image by its name.

    `stand_ins` lets images through that stand on stand-in bases: for a registry that is thrown away.
    `layout` opens what holds an image's documents, its OCI layout as a rule. `bases` reads registries as the
    project is configured, mirrors included; `targets` writes to them under their own names, with so many
    `threads` at once. `left` says where layers are that a build has left to a registry. `verify` reads back
    an index by digest before any tag is set on it, and gives what is wrong; None leaves that out.
    """

    layout: Callable[[str], Readable]
    bases: Registries
    targets: Registries
    tags: Mapping[str, Sequence[Tag]]
    note: Callable[[str], None]
    stand_ins: bool = False
    rules: Rules = field(default_factory=Rules)
    threads: int = THREADS
    left: Callable[[str], Mapping[Digest, Readable]] = lambda _: {}
    holder: Holder = of_base
    verify: Callable[[Registry, Digest], Sequence[Diagnostic]] | None = None
    _beside: dict[tuple[str, Digest], Registry] = field(default_factory=dict, init=False)
    """Repositories of this run that hold a layer, by registry and digest: another image mounts it there."""

    def run(self, report: Report, places: Sequence[str]) -> list[Published]:
        """Every image to every place (`ghcr.io/acme`), and what became of it there.

        Several images go at once, but one that brings layers of a base goes before the others that need
        them. Raises ConfigurationError before anything is sent when an image is not fit for it.
        """
        if faults := _unfit(report, stand_ins=self.stand_ins):
            raise ConfigurationError(*faults)
        jobs = [
            _Job(image, parse_reference(f"{place}/{image.name}"))
            for place in places
            for image in report.images
        ]
        results: dict[_Job, Published] = {}
        with workers(min(self.threads, len(jobs)) or 1) as pool:
            for wave in _waves(jobs):
                results |= zip(wave, in_parallel(pool, self._publish, wave), strict=True)
        return [results[job] for job in jobs]

    def _publish(self, job: "_Job") -> Published:
        image, reference = job.image, job.reference
        self.note(f"{reference.name}: {len(image.variants)} variants")
        registry, layout = self.targets.open(reference), self.layout(image.name)
        tagging = Tagging(
            registry=registry,
            reference=reference,
            index=Index.parse(layout.get_manifest(image.index.digest)[1], image.index.media_type),
            tags=self.tags[image.name],
            rules=self.rules,
        )
        copied = Copied()
        try:
            tagging.look()
            if tagging.pending:
                copied = self._send(job, layout, registry)
                tagging.set_all()
            self._beside |= dict.fromkeys(job.layers, registry)
        except BuildtoolsError as error:
            tagging.fail(error)
        return Published(
            image=image.name,
            repository=reference.name,
            digest=image.index.digest,
            tags=tagging.results,
            sent=sum(blob.size for blob in copied.sent),
            mounted=len(copied.mounted),
            present=len(copied.present),
        )

    def _send(self, job: "_Job", layout: Readable, registry: Registry) -> Copied:
        """Everything that the tags will stand on; it is there, and right, when this returns."""
        digest = job.image.index.digest
        copied = copy(
            layout, registry, job.image.index, elsewhere=self._elsewhere(job, registry), threads=self.threads
        )
        if self.verify:
            self._refuse_wrong(self.verify(registry, digest), digest, registry)
            return copied
        try:
            registry.resolve(digest)
        except NotFoundError as error:
            raise BuildError(
                f"the index {digest} is gone from {registry.name} right after it was written",
                hint="its garbage collection may be running: run the command again",
            ) from error
        return copied

    def _refuse_wrong(self, findings: Sequence[Diagnostic], digest: Digest, registry: Registry) -> None:
        """Raise VerificationError where the index that was read back has errors: no tag may stand on it."""
        errors = tuple(finding for finding in findings if finding.severity == "error")
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise VerificationError(
                f"what was read back of {registry.name}@{digest} is wrong: {errors[0].message}{more}",
                hint="no tag was set on it; look at all of it with `buildtools verify`",
                diagnostics=errors,
            )

    def _elsewhere(self, job: "_Job", registry: Registry) -> dict[Digest, Readable]:
        """Where the layers are that the layout does not hold, by digest: in the same registry if anywhere."""
        host = job.reference.registry
        beside = {digest: store for (name, digest), store in self._beside.items() if name == host}
        records = [built.record for built in job.image.variants]
        left = dict(self.left(job.image.name))
        return left | base_sources(records, registry, opened(self.holder, self.bases), beside=beside)


@dataclass(frozen=True, slots=True)
class _Job:
    """One image in one repository."""

    image: BuiltImage = field(hash=False, compare=False)
    reference: Reference

    @property
    def layers(self) -> frozenset[tuple[str, Digest]]:
        """All layers that it brings to a registry."""
        records = (built.record for built in self.image.variants)
        own = ((self.reference.registry, layer.digest) for record in records for layer in record.layers)
        return self.base_layers | frozenset(own)

    @property
    def base_layers(self) -> frozenset[tuple[str, Digest]]:
        """The layers of bases that it brings to a registry."""
        records = (built.record for built in self.image.variants)
        return frozenset(
            (self.reference.registry, layer.digest) for record in records for layer in record.base_layers
        )


def _waves(jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
    """Jobs that go at once, and then those that find the layers of their bases where the first put them."""
    first, later = list[_Job](), list[_Job]()
    brought: set[tuple[str, Digest]] = set()
    for job in jobs:
        (later if job.base_layers & brought else first).append(job)
        brought |= job.layers
    yield from filter(None, (first, later))


def failures(results: Sequence[Published]) -> list[BuildtoolsError]:
    """What went wrong anywhere, each cause once."""
    return [*{str(error): error for one in results for error in one.errors}.values()]


def raise_failures(results: Sequence[Published]) -> None:
    """Raise the one failure, or PartialError where some tags are set and some are not."""
    errors = failures(results)
    if not errors:
        return
    tags = [tag for one in results for tag in one.tags]
    missing = sum(tag.what not in DONE for tag in tags)
    if any(one.done for one in results):
        raise PartialError(
            f"{missing} of {len(tags)} tags were not set", hint="what is missing is sent when it is run again"
        )
    if len(errors) == 1:
        raise errors[0]
    kinds = {type(error) for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else BuildError
    raise kind(f"none of {len(tags)} tags was set", hint="mend what is wrong and run it again")


def _unfit(report: Report, *, stand_ins: bool) -> list[Diagnostic]:
    """Images that must not be published, or are not whole."""
    faults = [] if stand_ins else stand_in_faults(report.variants)
    for image in report.images:
        if image.absent:
            text = f"{image.name} lacks {', '.join(image.absent)}"
            faults.append(Diagnostic(code="not-whole", message=text, hint="build every platform first"))
    return faults


def check_places(places: Sequence[str]) -> None:
    """Raise ConfigurationError for places that are none: before anything is built for them."""
    faults = []
    for place in places:
        if "@" in place:
            # Not shown: what stands before it is a log-in.
            hint = "write host/path, as in ghcr.io/acme, and log in with `docker login`"
            faults.append(Diagnostic(code="place", message="a place for images has no @ in it", hint=hint))
            continue
        try:
            reference = parse_reference(f"{place}/image")
            if reference.name != f"{place}/image":
                hint = f"write {reference.name.rpartition('/')[0]}"
                faults.append(
                    Diagnostic(code="place", message=f"{place!r} is no place for images", hint=hint)
                )
        except InvalidReference as error:
            faults.append(Diagnostic(code="place", message=str(error)))
    if faults:
        raise ConfigurationError(*faults)
