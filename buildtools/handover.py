"""Images handed from the machines that build them to the one that joins them, by way of the registry.

A builder sends single images by digest to where they will be published: no tag and no index, so nobody pulls
them. Only its records travel. Who joins takes a record for every variant that the Plan asks for, reads the
image back, holds one against the other, and has the index that one machine would have made.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from buildtools.build import Built, BuiltImage, Report, index_of
from buildtools.errors import ConfigurationError, Diagnostic, VerificationError
from buildtools.oci.config import ImageConfig
from buildtools.oci.digest import Digest
from buildtools.oci.documents import DocumentError, Index, Manifest
from buildtools.oci.platform import Platform
from buildtools.oci.reference import parse_reference
from buildtools.plan import Target
from buildtools.record import BuildRecord
from buildtools.spec.variant import HOST_PROCESS, SCRATCH
from buildtools.stores.base import NotFoundError, Readable, read_document, read_manifest
from buildtools.stores.copy import copy
from buildtools.stores.layout import Layout
from buildtools.stores.memory import MemoryStore
from buildtools.stores.parallel import THREADS, side_by_side
from buildtools.stores.registry import Registries, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One image in one repository: bytes that were sent, and blobs that were mounted or there before."""

    record: BuildRecord
    repository: str
    sent: int = 0
    mounted: int = 0
    present: int = 0


Holder = Callable[[BuildRecord, Digest], Layout | str]
"""What holds a layer of a record's base: a layout, or the image with this reference."""


def of_base(record: BuildRecord, _digest: Digest) -> str:
    """The base itself, where a project's images do not stand on each other."""
    return record.base.reference


@dataclass(kw_only=True)
class Sender:
    """Sends single images by digest; `bases` and `targets` are those of a Publisher.

    One repository after the other, so that a base's layers are mounted from the first that has them.
    """

    layout: Callable[[str], Layout]
    bases: Registries
    targets: Registries
    note: Callable[[str], None]
    threads: int = THREADS
    holder: Holder = of_base
    _beside: dict[tuple[str, Digest], Registry] = field(default_factory=dict, init=False)

    def run(self, chosen: Sequence[Built], places: Sequence[str]) -> list[Sent]:
        """Every image to every place (`ghcr.io/acme`); raises ConfigurationError and what the stores raise.

        Where it breaks, what was sent stays, and the same run made again sends only the rest.
        """
        if faults := stand_in_faults(chosen):
            raise ConfigurationError(*faults)
        groups = [
            (place, name, [*group])
            for place in places
            for name, group in groupby(chosen, key=lambda built: built.record.image)
        ]
        return [sent for group in groups for sent in self._send(*group)]

    def _send(self, place: str, name: str, variants: Sequence[Built]) -> list[Sent]:
        reference = parse_reference(f"{place}/{name}")
        self.note(f"{reference.name}: {len(variants)} variants by digest")
        registry, layout, host = self.targets.open(reference), self.layout(name), reference.registry
        records = [built.record for built in variants]
        beside = {digest: store for (other, digest), store in self._beside.items() if other == host}
        sources = base_sources(records, registry, opened(self.holder, self.bases), beside=beside)
        results = []
        for record in records:
            wanted = record.manifest.descriptor
            copied = copy(layout, registry, wanted, elsewhere=sources, threads=self.threads)
            results.append(
                Sent(
                    record=record,
                    repository=reference.name,
                    sent=sum(blob.size for blob in copied.sent),
                    mounted=len(copied.mounted),
                    present=len(copied.present),
                )
            )
            self._beside |= {(host, layer.digest): registry for layer in record.base_layers}
        return results


def stand_in_faults(variants: Iterable[Built]) -> list[Diagnostic]:
    """One for each image with variants on stand-in bases."""
    labels: dict[str, list[str]] = {}
    for record in (built.record for built in variants):
        if record.base.stand_in:
            labels.setdefault(record.image, []).append(record.label)
    return [
        Diagnostic(
            code="stand-in",
            message=f"{name} stands on stand-in bases ({', '.join(every)}), which are never published",
            hint="build it on its real bases",
        )
        for name, every in labels.items()
    ]


def opened(holder: Holder, bases: Registries) -> Callable[[BuildRecord, Digest], Readable]:
    """The same as a store to read from."""

    def open_(record: BuildRecord, digest: Digest) -> Readable:
        found = holder(record, digest)
        return bases.open(parse_reference(found)) if isinstance(found, str) else found

    return open_


def base_sources(
    records: Iterable[BuildRecord],
    registry: Registry,
    holder: Callable[[BuildRecord, Digest], Readable],
    *,
    beside: Mapping[Digest, Registry],
) -> dict[Digest, Readable]:
    """Where the layers of bases are that a layout does not hold: in the target's own registry if anywhere.

    `beside` has repositories of that registry that hold a layer since this run began.
    """
    found: dict[Digest, Readable] = {}
    for record in records:
        if record.base.reference in {SCRATCH, HOST_PROCESS}:
            continue
        for layer in record.base_layers:
            base, other = holder(record, layer.digest), beside.get(layer.digest)
            found[layer.digest] = base if other is None or registry.mountable(base) else other
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What records give: images with their indexes, and stores that hold these documents by image."""

    report: Report
    stores: Mapping[str, MemoryStore] = field(hash=False)


def join(targets: Sequence[Target], places: Sequence[str], registries: Registries) -> Joined:
    """The index of each image out of the records of its targets, all of which must be up to date.

    Raises VerificationError, with the name of each, for images that are not in each place as their
    records say.
    """
    records = [(target, target.record) for target in targets if target.record]
    found: list[Manifest | str] = []
    for place in places:
        found += side_by_side(partial(_read, place, registries), records)
    if faults := [one for one in found if isinstance(one, str)]:
        raise VerificationError(
            f"{len(faults)} of {len(found)} images are not what their records say: {'; '.join(faults)}",
            hint="run the legs that build them again, then this",
        )
    manifests = {one.descriptor.digest: one for one in found if isinstance(one, Manifest)}
    stores: dict[str, MemoryStore] = {}
    images = []
    for name, group in groupby(records, key=lambda pair: pair[0].variant.image):
        pairs = [*group]
        index = index_of([record for _, record in pairs])
        store = stores[name] = MemoryStore(name)
        documents: list[Manifest | Index] = [manifests[record.manifest.digest] for _, record in pairs]
        for document in (*documents, index):
            store.put_manifest(document.raw, document.media_type)
        images.append(_image(name, index, pairs))
    return Joined(report=Report(images=tuple(images)), stores=stores)


def _image(name: str, index: Index, pairs: Sequence[tuple[Target, BuildRecord]]) -> BuiltImage:
    return BuiltImage(
        name=name,
        index=index.descriptor,
        order=tuple(entry.digest for entry in index.manifests),
        variants=tuple(Built(target=target, record=record, reused=True) for target, record in pairs),
    )


def _read(place: str, registries: Registries, pair: tuple[Target, BuildRecord]) -> Manifest | str:
    """The manifest that a record names; or what is wrong with it, as part of a sentence."""
    target, record = pair
    registry = registries.open(parse_reference(f"{place}/{record.image}"))
    digest = record.manifest.digest
    where = f"{target.name} ({digest} in {registry.name}"
    try:
        descriptor, raw = registry.get_manifest(digest)
        document = read_manifest(raw, descriptor.media_type, f"Manifest {digest} in {registry.name}")
        if not isinstance(document, Manifest):
            return f"{where} is an index)"
        config = ImageConfig.parse(read_document(registry, document.config), document.config.media_type)
    except NotFoundError:
        return f"{where} is not there)"
    except DocumentError:
        return f"{where} is no image)"
    other = differs(target, record, document, config)
    return f"{where} has another {other})" if other else document


def differs(target: Target, record: BuildRecord, manifest: Manifest, config: ImageConfig) -> str:
    """The first thing that is not as the record and the Plan say, empty where all is."""
    layers = (*record.base_layers, *record.layers)
    variant = target.variant.platform
    said = Platform(
        os=record.os,
        architecture=record.architecture,
        variant=record.variant,
        os_version=record.os_version,
        os_features=record.os_features,
    )
    pairs: dict[str, tuple[object, object]] = {
        "size": (manifest.descriptor.size, record.manifest.size),
        "media type": (manifest.media_type, record.manifest.media_type),
        "config": (manifest.config.digest, record.config.digest),
        "list of layers": (
            [(layer.digest, layer.size) for layer in manifest.layers],
            [(layer.digest, layer.size) for layer in layers],
        ),
        "list of diff_ids": ([*config.diff_ids], [layer.diff_id for layer in layers]),
        "platform": (config.platform.normalised(), said.normalised()),
        "operating system or architecture than the Plan": (
            (said.os, said.architecture, said.variant),
            (variant.os, variant.architecture, variant.variant),
        ),
        "base": (
            (record.base.digest, said.os_version),
            (target.base.digest, target.base.os_version or said.os_version),
        ),
    }
    return next((name for name, (found, wanted) in pairs.items() if found != wanted), "")
