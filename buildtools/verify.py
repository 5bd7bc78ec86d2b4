"""The `verify` use case: what is in a registry or a layout, read back, and whether every node is served.

Everything is read again: the index, its images, and unless it is to be quick every layer. What the image
is to blame for is a finding; what the network or permissions are to blame for is raised.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from buildtools.check import check_tree, read_image, there
from buildtools.cluster.table import Row, node_findings, node_rows
from buildtools.cluster.truth import (
    KnownBase,
    Truth,
    Verdict,
    annotations,
    built_in,
    judge,
    own_truth,
    pinned_truth,
    unknown_note,
)
from buildtools.errors import BuildtoolsError, ConfigurationError, Diagnostic, UsageError, VerificationError
from buildtools.expect import Expectation, compare
from buildtools.layers import Note, ask_layers, read_layers
from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import short
from buildtools.oci.documents import DocumentError
from buildtools.oci.validate import is_attestation
from buildtools.prepare import read_below, stand_in
from buildtools.spec.expand import select
from buildtools.spec.variant import HOST_PROCESS, SCRATCH, Variant
from buildtools.stores.base import NotFoundError, Readable, TooLargeError
from buildtools.stores.open import LAYOUT
from buildtools.tree import Entry, Tree, read_tree
from buildtools.workspace import Workspace

MAX_BASES: Final = 20
"""Bases that are asked for one index, which may name any number of registries that answer slowly."""

Open = Callable[[str], tuple[Readable, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was read, what every kind of node takes, and what is wrong.

    `layers` counts those that were read, or asked for where it was `quick`.
    """

    tree: Tree
    rows: tuple[Row, ...]
    verdicts: Mapping[Descriptor, Verdict] = field(hash=False)
    findings: tuple[Diagnostic, ...]
    layers: int
    quick: bool

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The findings that make the image unfit."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


def verify_store(
    store: Readable,
    identifier: str,
    *,
    truth: Truth | None = None,
    quick: bool = False,
    expected: Expectation | None = None,
    ask: Open | None = None,
    note: Note = lambda _text: None,
) -> Verification:
    """Read an index or an image back by tag or digest, and hold it against all that is known.

    `truth` are known bases, `expected` is the definition it was made of, `ask` opens the registries of
    bases that annotations name (nothing is asked without it). `quick` only asks whether layers are there.
    Raises VerificationError where the outermost document is not there or cannot be used, and
    UnavailableError and AuthenticationError.
    """
    tree = _tree(store, identifier)
    images = [entry for entry in tree.images if not is_attestation(entry.descriptor)]
    known, unasked = _asked(images, ask) if ask else ([], [])
    truth = (truth or own_truth()).also(known)
    layers = there(tree)
    verdicts = judge(images, truth)
    rows = node_rows(tree.index, verdicts, single=tree.single)
    of_layers = (
        ask_layers(store, layers) if quick else read_layers(store, layers, vendors=truth.layers, note=note)
    )
    findings = [
        *check_tree(tree),
        *_stand_ins(images),
        *_left_out(images),
        *unasked,
        *of_layers,
        *(found for verdict in verdicts.values() for found in verdict.findings),
        *unknown_note(images, verdicts),
        *node_findings(tree.index, rows),
        *(compare(expected, _published(tree)) if expected else ()),
    ]
    told = dict.fromkeys(item for item in findings if not _explained(item, images, verdicts))
    return Verification(
        tree=tree,
        rows=rows,
        verdicts=verdicts,
        findings=tuple(told),
        layers=len(layers),
        quick=quick,
    )


def _published(tree: Tree) -> list[Entry]:
    """What nodes can take: indexes within the index are errors of their own."""
    return [entry for entry in tree.entries if not is_attestation(entry.descriptor)]


def _tree(store: Readable, identifier: str) -> Tree:
    try:
        return read_image(store, identifier)
    except (NotFoundError, TooLargeError) as error:
        raise VerificationError(error.message, hint=error.hint) from error


def project_truth(workspace: Workspace) -> Truth:
    """The bases that a project knows: pinned ones, and the stand-ins that it may build on.

    Raises ConfigurationError for pins or definitions that cannot be read.
    """
    variants = select(workspace.project, (), ())
    stands = (
        built_in(f"the stand-in for {base}", stand_in(replace(variant, base=base)))
        for variant in variants
        if not variant.own_base and (base := _base_of(workspace, variant)) not in {SCRATCH, HOST_PROCESS}
    )
    return pinned_truth(workspace.pins()).also(stands)


def _base_of(workspace: Workspace, variant: Variant) -> str:
    """What a variant stands on; `scratch` where its Dockerfile cannot be read, which others say."""
    try:
        return read_below(workspace, variant).reference
    except ConfigurationError:
        return SCRATCH


def definition_root(path: Path) -> tuple[Path, str]:
    """The project and the image's name that `images/NAME/image.yaml` stands for; raises UsageError."""
    whole = path.absolute()
    if whole.name != "image.yaml" or whole.parents[1].name != "images" or not whole.is_file():
        raise UsageError(
            f"{path} is not the definition of an image", hint="name a file images/NAME/image.yaml"
        )
    return whole.parents[2], whole.parent.name


def expectation(workspace: Workspace, name: str) -> Expectation:
    """What a definition promises; raises ConfigurationError."""
    image = workspace.project.images[name]
    found: dict[str, tuple[str, str]] = {}
    for variant in image.variants:
        if variant.engine == "dockerfile":
            below = read_below(workspace, variant)
            found[variant.label] = below.reference, below.key
    return Expectation(image=image, pins=workspace.pins(), named=found)


def _explained(finding: Diagnostic, images: Sequence[Entry], verdicts: Mapping[Descriptor, Verdict]) -> bool:
    """Whether a finding asks what is known here: an image on the HostProcess base needs no os.version."""
    return finding.code == "os-version-missing" and any(
        finding.message.startswith(f"{entry.name} ") and verdicts[entry.descriptor].state == "right"
        for entry in images
    )


def _stand_ins(images: Sequence[Entry]) -> Iterator[Diagnostic]:
    if names := [entry.name for entry in images if entry.is_stand_in]:
        yield Diagnostic(
            code="stand-in",
            message=f"{', '.join(names)}: on stand-in bases, which hold nothing that programs need",
            hint="build on the real bases",
            severity="warning",
        )


def _left_out(images: Sequence[Entry]) -> Iterator[Diagnostic]:
    """Layers that a layout has not: those at the bottom are left to the base's registry, others are lost."""
    for entry in images:
        lowest = 0
        while lowest < len(entry.manifest.layers) - 1 and entry.manifest.layers[lowest] in entry.missing:
            lowest += 1
        for place, layer in enumerate(entry.manifest.layers):
            if layer not in entry.missing or layer.is_foreign:
                continue
            if place < lowest:
                yield Diagnostic(
                    code="blob-left-out",
                    message=f"layer {place} of {entry.name} ({short(layer.digest)}) is left to its base's "
                    "registry, so it was not read",
                    hint="verify what was published, or build with --full",
                    severity="note",
                )
            else:
                yield Diagnostic(
                    code="blob-missing",
                    message=f"layer {place} of {entry.name} ({short(layer.digest)}) is not in the layout",
                    hint="build the image again",
                )


def _asked(images: Sequence[Entry], ask: Open) -> tuple[list[KnownBase], list[Diagnostic]]:
    """The bases that annotations name, as their registries have them now; what cannot be asked is a note."""
    wanted = [named for named in dict.fromkeys(_named_base(entry) for entry in images) if named[0]]
    known: list[KnownBase] = []
    faults: list[Diagnostic] = []
    for name, digest in wanted[:MAX_BASES]:
        try:
            known += _bases_at(name, digest, ask)
        except (BuildtoolsError, DocumentError) as error:
            said = error.message if isinstance(error, BuildtoolsError) else str(error)
            text = f"the base {name} could not be asked: {said}"
            faults.append(Diagnostic(code="base-unasked", message=text, severity="note"))
    if (rest := len(wanted) - MAX_BASES) > 0:
        text = f"{rest} more bases that the images name were not asked"
        faults.append(Diagnostic(code="base-unasked", message=text, severity="note"))
    return known, faults


def _named_base(entry: Entry) -> tuple[str, str]:
    told = annotations(entry)
    return told.get(BASE_NAME, ""), told.get(BASE_DIGEST, "")


def _bases_at(name: str, digest: str, ask: Open) -> list[KnownBase]:
    if name.startswith(LAYOUT):
        # An image must not choose which folders of this machine are read.
        raise UsageError("it is a folder and no reference in a registry")
    store, identifier = ask(name)
    base = read_tree(store, digest or identifier)
    return [
        KnownBase.of(name, entry.manifest, entry.config, index=base.descriptor.digest)
        for entry in base.entries
        if entry.manifest.layers
    ]
