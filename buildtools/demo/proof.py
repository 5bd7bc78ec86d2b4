"""What was built, checked and run on this machine."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from buildtools.build import Built, Report
from buildtools.check import check_layout
from buildtools.errors import Diagnostic
from buildtools.inspect import Inspection, inspect_store
from buildtools.oci.config import ImageConfig
from buildtools.spec.expand import Project
from buildtools.spec.model import LifecycleSpec
from buildtools.stores.base import read_document
from buildtools.tiers.base import Contract, Outcome
from buildtools.tiers.native import Native
from buildtools.tiers.story import hold
from buildtools.tiers.unpack import unpack
from buildtools.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One variant's lifecycle contract, tried on this machine."""

    name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the demo found out about what was built."""

    inspections: tuple[Inspection, ...]
    findings: tuple[Diagnostic, ...]
    ran: tuple[Ran, ...]


def left_out(project: Project) -> tuple[str, ...]:
    """The images that need the network to be built, because they fetch release assets."""
    return tuple(name for name, image in project.images.items() if image.spec.fetch)


def prove(workspace: Workspace, report: Report) -> Proof:
    """Check every layout, run what can run here, and ask which entry each kind of node takes."""
    findings: list[Diagnostic] = []
    inspections = []
    for image in report.images:
        layout = workspace.layout(image.name)
        inspections.append(inspect_store(layout, image.index.digest))
        # A note is for who does not know what the image is meant to be.
        found = check_layout(f"oci:{layout.path}", workspace.settings)
        findings += [finding for finding in found if finding.severity != "note"]
    return Proof(
        inspections=tuple(inspections), findings=tuple(findings), ran=tuple(_run_all(workspace, report))
    )


def _run_all(workspace: Workspace, report: Report) -> Iterator[Ran]:
    """The contracts of all variants that this machine can run, side by side.

    All are unpacked before the first one is started: a program that is still open for writing in a process
    that is just being started would be busy (ETXTBSY).
    """
    tier = Native()
    ready = [built for built in report.variants if _runs_here(workspace, built, tier)]
    with ExitStack() as folders, ThreadPoolExecutor(max(1, len(ready))) as pool:
        contracts = [_unpacked(workspace, built, folders) for built in ready]
        yield from pool.map(lambda contract: Ran(name=contract.name, outcome=hold(contract, tier)), contracts)


def _runs_here(workspace: Workspace, built: Built, tier: Native) -> bool:
    return built.target.variant.lifecycle is not None and not tier.unavailable(_config(workspace, built))


def _config(workspace: Workspace, built: Built) -> ImageConfig:
    layout = workspace.layout(built.record.image)
    return ImageConfig.parse(read_document(layout, built.record.config.descriptor))


def _unpacked(workspace: Workspace, built: Built, folders: ExitStack) -> Contract:
    layout = workspace.layout(built.record.image)
    root = Path(folders.enter_context(tempfile.TemporaryDirectory(prefix="buildtools-")))
    with ExitStack() as blobs:
        unpack([blobs.enter_context(layout.get_blob(blob.descriptor)) for blob in built.record.layers], root)
    return Contract(
        name=built.target.name,
        config=_config(workspace, built),
        root=root,
        lifecycle=built.target.variant.lifecycle or LifecycleSpec(),
    )


def faults(proof: Proof) -> Sequence[str]:
    """What went wrong, a sentence each; empty for a good demo."""
    wrong = [str(finding) for finding in proof.findings if finding.severity == "error"]
    wrong += [f"{ran.name} {finding}" for ran in proof.ran for finding in ran.outcome.findings]
    return wrong
