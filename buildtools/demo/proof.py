"""What was built, checked and run on this machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from buildtools.build import Report
from buildtools.cases import built_cases
from buildtools.check import check_layout
from buildtools.errors import BuildError, Diagnostic
from buildtools.inspect import Inspection, inspect_store
from buildtools.smoke import CHECKS, Smoker
from buildtools.spec.expand import Project
from buildtools.stores.base import Readable
from buildtools.tiers.base import Outcome
from buildtools.tiers.native import Native
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
    """The contracts of all variants that run on this machine as they are."""
    variants = [built.target.variant for built in report.variants]
    smoker = Smoker(tiers={Native.name: Native()}, asked=(Native.name,), jobs=workspace.settings.jobs)
    for result in smoker.run(built_cases(workspace, report, variants, _no_base)).results:
        if result.outcome and (result.tier != CHECKS or not result.outcome.kept):
            yield Ran(name=result.case.name, outcome=result.outcome)


def _no_base(name: str) -> tuple[Readable, str]:
    """Bases of a demo are stand-ins, which lie in the layouts."""
    raise BuildError(f"{name} is not fetched in a demo", hint="run `buildtools smoke`")


def faults(proof: Proof) -> Sequence[str]:
    """What went wrong, a sentence each; empty for a good demo."""
    wrong = [str(finding) for finding in proof.findings if finding.severity == "error"]
    wrong += [f"{ran.name} {finding}" for ran in proof.ran for finding in ran.outcome.findings]
    return wrong
