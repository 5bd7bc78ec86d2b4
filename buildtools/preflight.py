"""The `preflight` verb: what images and workloads will do on a cluster's nodes, before they are there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from buildtools.check import check_windows_config
from buildtools.cluster.lint import lint_members, lint_outcome
from buildtools.cluster.members import Member, parse_members
from buildtools.cluster.outcomes import Answer, Cluster, Offer, Outcome, answer
from buildtools.cluster.presets import PRESETS
from buildtools.cluster.rules import listed
from buildtools.cluster.table import way_out
from buildtools.cluster.workloads import Container, Workload, lint_workload
from buildtools.errors import (
    BuildtoolsError,
    Diagnostic,
    Severity,
    UsageError,
    VerificationError,
)
from buildtools.inspect import Inspection, inspect_store
from buildtools.manifests import STDIN, is_there, read_bytes, read_manifests, shown
from buildtools.oci.descriptor import MANIFEST_TYPES
from buildtools.oci.reference import InvalidReference, Reference, parse_reference
from buildtools.oci.validate import validate_index, validate_manifest
from buildtools.settings import Settings
from buildtools.stores.base import NotFoundError
from buildtools.stores.open import LAYOUT, References, only_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. `images` are references by the name that manifests use; `nodes` files or presets."""

    references: tuple[str, ...] = ()
    nodes: tuple[str, ...]
    manifests: tuple[str, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict, hash=False)
    only_refs: bool = False
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferReport:
    """An image that was asked about, and what each node makes of it."""

    offer: Offer
    digest: str
    answers: tuple[tuple[Member, Answer], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadReport:
    """What becomes of a workload, and how many errors were found in its manifest or on its nodes."""

    outcome: Outcome
    findings: tuple[Diagnostic, ...]

    @property
    def errors(self) -> int:
        """How many of its findings are errors."""
        return _errors(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was found. `failures` are what kept images from being looked at."""

    members: tuple[Member, ...]
    offers: tuple[OfferReport, ...]
    workloads: tuple[WorkloadReport, ...]
    findings: tuple[Diagnostic, ...]
    failures: tuple[BuildtoolsError, ...] = ()

    @property
    def errors(self) -> int:
        """How many findings say that something would not run."""
        return _errors(self.findings)


def _errors(findings: Iterable[Diagnostic]) -> int:
    """How many say that something would not run; an image that could not be looked at says nothing."""
    return sum(item.severity == "error" and item.code != "image-unread" for item in findings)


def preflight(request: Request, settings: Settings, *, stdin: Callable[[], bytes]) -> Report:
    """Look at everything that is asked for.

    Raises UsageError, ConfigurationError for files that cannot be read, and what registries raise for a
    reference of the command line.
    """
    if [*request.nodes, *request.manifests].count(STDIN) > 1:
        raise UsageError("two arguments read standard input", hint="write one of them to a file")
    members, node_findings = _members(request.nodes, stdin)
    found, page_findings = read_manifests(request.manifests, stdin)
    images = _Images(References(settings), only_refs=request.only_refs)
    try:
        given = [images.give(text, text) for text in request.references]
        given += [images.give(name, text) for name, text in request.images.items()]
        unread = [tuple(_image_findings(workload, images)) for workload in found]
    finally:
        images.close()
    reports = tuple(_offer_report(offer, digest, members) for offer, digest, _ in given)
    offers = {report.offer.name: report.offer for report in reports} | images.offers
    cluster = Cluster(members, images.offers)
    workloads = tuple(
        _workload_report(cluster.outcome(workload), told, offers)
        for workload, told in zip(found, unread, strict=True)
    )
    findings = [
        *node_findings,
        *lint_members(members, request.today),
        *(finding for _, _, told in given for finding in told),
        *(() if request.manifests else (item for report in reports for item in _answer_findings(report))),
        *page_findings,
        *(finding for one in workloads for finding in one.findings),
    ]
    return Report(
        members=members,
        offers=reports,
        workloads=workloads,
        findings=tuple(dict.fromkeys(findings)),
        failures=tuple(images.failures),
    )


def _workload_report(
    outcome: Outcome, told: Sequence[Diagnostic], offers: Mapping[str, Offer]
) -> WorkloadReport:
    """Findings as the eye goes down the file; those at one place stay as they were found."""
    found = [*lint_workload(outcome.workload), *told, *lint_outcome(outcome, offers)]
    return WorkloadReport(
        outcome=outcome, findings=tuple(sorted(found, key=lambda finding: (finding.line, finding.column)))
    )


def _members(
    names: Sequence[str], stdin: Callable[[], bytes]
) -> tuple[tuple[Member, ...], tuple[Diagnostic, ...]]:
    """The nodes of all files and presets, each once."""
    members: dict[Member, None] = {}
    findings: list[Diagnostic] = []
    for name in names:
        if name in PRESETS and not is_there(name):
            members |= dict.fromkeys(PRESETS[name])
            continue
        if name != STDIN and not is_there(name):
            presets = ", ".join(PRESETS)
            raise UsageError(
                f"{name} is neither a file nor a kind of cluster: known are {presets}",
                hint="write a file with kubectl get nodes -o json > nodes.json",
            )
        found, faults = parse_members(read_bytes(name, stdin), shown(name))
        members |= dict.fromkeys(found)
        findings += faults
    return tuple(members), tuple(findings)


class _Images:
    """The images that are looked at, each once, by the text that manifests name them with."""

    def __init__(self, references: References, *, only_refs: bool) -> None:
        self._references = references
        self._only_refs = only_refs
        self._known: dict[tuple[str, str], Offer] = {}
        self._faults: dict[str, tuple[str, Severity, str, str]] = {}
        self.offers: dict[str, Offer] = {}
        self.failures: list[BuildtoolsError] = []

    def close(self) -> None:
        """Close all connections."""
        self._references.close()

    def give(self, name: str, text: str) -> tuple[Offer, str, tuple[Diagnostic, ...]]:
        """Look at an image of the command line; it stands for `name` in manifests."""
        try:
            inspection = self._inspect(text)
        except NotFoundError as error:
            raise VerificationError(error.message, hint=error.hint) from error
        offer = _offer(name, inspection)
        if not name.startswith(LAYOUT):
            reference = _reference(name)
            loose = text != name and not (reference.tag or reference.digest)
            self._known[reference.name, "" if loose else reference.identifier] = offer
            self._known[reference.name, inspection.descriptor.digest] = offer
        return offer, inspection.descriptor.digest, tuple(_index_findings(name, inspection))

    def find(self, text: str) -> tuple[str, Severity, str, str] | None:
        """Make sure that `offers` has the image, else (code, severity, what is wrong, what to do)."""
        if text not in self.offers and text not in self._faults:
            try:
                self.offers[text] = self._found(text)
            except _NotLookedAtError as error:
                self._faults[text] = error.fault
        return self._faults.get(text)

    def _found(self, text: str) -> Offer:
        try:
            reference = parse_reference(text)
        except InvalidReference as error:
            template = "{{" in text or "$" in text
            hint = "render the template first" if template else ""
            raise _NotLookedAtError("image-reference", "error", str(error), hint) from error
        for key in (reference.digest, reference.identifier, ""):
            if key is not None and (offer := self._known.get((reference.name, key))):
                return offer
        if self._only_refs:
            message = f"{text} is not looked at: no reference on the command line stands for it"
            raise _NotLookedAtError("image-skipped", "note", message, "name it, or leave --only-refs out")
        try:
            return _offer(text, self._inspect(text))
        except NotFoundError as error:
            raise _NotLookedAtError(
                "image-missing", "error", f"there is no {text}", "publish it first"
            ) from error
        except BuildtoolsError as error:
            self.failures.append(error)
            message = error.message if text in error.message else f"{text}: {error.message}"
            raise _NotLookedAtError("image-unread", "error", message, error.hint) from error

    def _inspect(self, text: str) -> Inspection:
        store, identifier = self._references.open(text)
        return inspect_store(store, identifier or only_name(store))


class _NotLookedAtError(Exception):
    """An image that is not looked at."""

    def __init__(self, code: str, severity: Severity, message: str, hint: str) -> None:
        super().__init__(message)
        self.fault = code, severity, message, hint


def _reference(name: str) -> Reference:
    try:
        return parse_reference(name.removeprefix("docker://"))
    except InvalidReference as error:
        raise UsageError(
            str(error), hint="write --image NAME=REF with the name that manifests use"
        ) from error


def _offer(name: str, inspection: Inspection) -> Offer:
    return Offer(
        name=name,
        index=inspection.index,
        single=inspection.descriptor.media_type in MANIFEST_TYPES,
        sizes={entry.descriptor.digest: entry.size for entry in inspection.entries},
        stop_signals={entry.descriptor.digest: entry.config.stop_signal for entry in inspection.entries},
    )


def _index_findings(name: str, inspection: Inspection) -> Iterator[Diagnostic]:
    """What `check` says of the image, but for its layers."""
    children = {entry.descriptor.digest: (entry.manifest, entry.config) for entry in inspection.entries}
    found: list[Diagnostic] = []
    if inspection.descriptor.media_type in MANIFEST_TYPES:
        found += [
            item for entry in inspection.entries for item in validate_manifest(entry.manifest, entry.config)
        ]
    else:
        found += validate_index(inspection.index, children)
    for entry in inspection.entries:
        if entry.config.platform.os.lower() == "windows":
            found += check_windows_config(entry.config, str(entry.platform))
    for item in dict.fromkeys(found):
        yield replace(item, path=name)


def _offer_report(offer: Offer, digest: str, members: Sequence[Member]) -> OfferReport:
    answers = tuple((member, answer(member, offer)) for member in members)
    return OfferReport(offer=offer, digest=digest, answers=answers)


def _answer_findings(report: OfferReport) -> Iterator[Diagnostic]:
    """Nodes of an image's operating systems that it does not run on; else that no node runs it."""
    offer = report.offer
    failing: dict[str, list[Member]] = {}
    for member, found in report.answers:
        if not found.runs and member.node.os in offer.systems:
            failing.setdefault(found.reason, []).append(member)
    for reason, members in failing.items():
        message = f"it does not run on {listed(members)}: {reason}"
        way = "" if offer.single else way_out(members[0].node, offer.index)
        hint = f"{way or 'add an entry for these nodes'}, or keep its workloads off them"
        yield Diagnostic(code="does-not-run", message=message, hint=hint, path=offer.name)
    if not failing and not any(found.runs for _, found in report.answers):
        systems = " and ".join(offer.systems)
        why = f"it is for {systems} alone" if systems else "none of its entries says what it is for"
        hint = "add an entry" if systems else "build the index from the images' configs"
        yield Diagnostic(code="does-not-run", message=f"no node runs it: {why}", hint=hint, path=offer.name)


def _image_findings(workload: Workload, images: _Images) -> Iterator[Diagnostic]:
    """Images of a workload that are not looked at, and why; the others are in `images.offers` afterwards."""
    for container in workload.containers:
        fault = images.find(container.image) if container.image else None
        if fault:
            yield _image_finding(workload, container, fault)


def _image_finding(
    workload: Workload, container: Container, fault: tuple[str, Severity, str, str]
) -> Diagnostic:
    code, severity, message, hint = fault
    place = container.value.get("image")
    return workload.finding(place, code=code, severity=severity, message=message, hint=hint)
