"""The `publish` verb: what was built into registries, so that a tag is on a complete index at any moment.

Blobs go first, each once: mounted from the base's repository where that is in the same registry, read from
the base's registry where the layout leaves them to it. Then manifests by digest, the index by digest, and
the tags in the order given. What is there is not sent again, so a run that broke is simply run again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from buildtools.build import BuiltImage, Report
from buildtools.errors import BuildtoolsError, ConfigurationError, Diagnostic, PartialError, VerificationError
from buildtools.oci.digest import Digest
from buildtools.oci.reference import InvalidReference, Reference, parse_reference
from buildtools.spec.variant import HOST_PROCESS, SCRATCH
from buildtools.stores.base import Readable
from buildtools.stores.copy import copy
from buildtools.stores.layout import Layout
from buildtools.stores.registry import Registries


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One image in one repository: bytes that were sent, blobs that were mounted or there before."""

    image: str
    repository: str
    digest: Digest
    tags: tuple[str, ...]
    sent: int = 0
    mounted: int = 0
    present: int = 0
    changed: bool = True


@dataclass(kw_only=True)
class Publisher:
    """Publishes built images under `tags`.

    `layout` opens an image's layout. `bases` reads registries as the project is configured, mirrors
    included; `targets` writes to them under their own names.
    """

    layout: Callable[[str], Layout]
    bases: Registries
    targets: Registries
    tags: Sequence[str]
    note: Callable[[str], None]

    def run(self, report: Report, places: Sequence[str]) -> tuple[list[Published], list[BuildtoolsError]]:
        """Every image to every place (`ghcr.io/acme`), and what went wrong on the way.

        Raises ConfigurationError before anything is sent when an image is not fit for it.
        """
        if faults := _unfit(report):
            raise ConfigurationError(*faults)
        done: list[Published] = []
        failures: list[BuildtoolsError] = []
        for place in places:
            for image in report.images:
                try:
                    done.append(self._publish(image, parse_reference(f"{place}/{image.name}")))
                except BuildtoolsError as error:
                    failures.append(error)
        return done, failures

    def _publish(self, image: BuiltImage, reference: Reference) -> Published:
        self.note(f"{reference.name}: {len(image.variants)} variants")
        registry, layout = self.targets.open(reference), self.layout(image.name)
        copies = [
            copy(layout, registry, image.index, tag=tag, elsewhere=self._bases(image)) for tag in self.tags
        ]
        for tag in (tag for tag, copied in zip(self.tags, copies, strict=True) if copied.changed):
            if (found := registry.resolve(tag).digest) != image.index.digest:
                raise VerificationError(
                    f"{reference.name}:{tag} is {found} right after it was set to {image.index.digest}",
                    hint="somebody else publishes under this tag: run again, or use another tag",
                )
        return Published(
            image=image.name,
            repository=reference.name,
            digest=image.index.digest,
            tags=tuple(self.tags),
            sent=sum(blob.size for copied in copies for blob in copied.sent),
            mounted=sum(len(copied.mounted) for copied in copies),
            present=sum(len(copied.present) for copied in copies),
            changed=any(copied.changed for copied in copies),
        )

    def _bases(self, image: BuiltImage) -> dict[Digest, Readable]:
        """Where the layers of the image's bases are, by digest."""
        found: dict[Digest, Readable] = {}
        for record in (built.record for built in image.variants):
            if record.base_layers and record.base.reference not in {SCRATCH, HOST_PROCESS}:
                base = self.bases.open(parse_reference(record.base.reference))
                found |= dict.fromkeys((layer.digest for layer in record.base_layers), base)
        return found


def raise_failures(done: Sequence[Published], failures: Sequence[BuildtoolsError]) -> None:
    """Raise the one failure, or PartialError where several failed or others were published."""
    if len(failures) == 1 and not done:
        raise failures[0]
    if failures:
        counts = f"{len(failures)} of {len(done) + len(failures)} were not published"
        raise PartialError(counts, hint="run the command again: it sends only what is missing")


def _unfit(report: Report) -> list[Diagnostic]:
    """Images that must not be published, or are not whole."""
    faults = []
    for image in report.images:
        if labels := [built.record.label for built in image.variants if built.record.base.stand_in]:
            text = f"{image.name} stands on stand-in bases ({', '.join(labels)}), which are never published"
            faults.append(Diagnostic(code="stand-in", message=text, hint="build it on its real bases"))
        if image.absent:
            text = f"{image.name} lacks {', '.join(image.absent)}"
            faults.append(Diagnostic(code="not-whole", message=text, hint="build every platform first"))
    return faults


def check_names(places: Sequence[str], tags: Sequence[str]) -> None:
    """Raise ConfigurationError for places and tags that are none: before anything is built for them."""
    faults = []
    for place in places:
        try:
            reference = parse_reference(f"{place}/image")
            if reference.name != f"{place}/image":
                hint = f"write {reference.name.rpartition('/')[0]}"
                faults.append(
                    Diagnostic(code="place", message=f"{place!r} is no place for images", hint=hint)
                )
        except InvalidReference as error:
            faults.append(Diagnostic(code="place", message=str(error)))
    for tag in tags:
        try:
            parse_reference("registry.example/image").with_tag(tag)
        except InvalidReference as error:
            faults.append(Diagnostic(code="tag", message=str(error)))
    if faults:
        raise ConfigurationError(*faults)
