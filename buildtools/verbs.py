"""The verbs: each joins a use case with what it needs from the command line, and shows the result."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from buildtools import demo as demonstration
from buildtools import pinning, views
from buildtools.build import Builder
from buildtools.check import check_definitions, check_layer, check_layout
from buildtools.console import Console, Stopwatch, Table, seconds
from buildtools.errors import ChangesFound, Diagnostic, UnavailableError, UsageError, VerificationError
from buildtools.inspect import inspect_reference
from buildtools.pins import Pins, diff
from buildtools.prepare import Choice, Prepared, prepare
from buildtools.publish import Publisher, check_names, raise_failures
from buildtools.settings import Settings
from buildtools.sources.fetch import Downloader
from buildtools.spec.schema import render
from buildtools.stores.open import LAYOUT, References
from buildtools.stores.registry import Registries
from buildtools.workspace import Workspace, find_root


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One invocation: what was asked for and where it is shown."""

    args: argparse.Namespace
    console: Console
    settings: Settings

    def json(self, document: Any) -> None:
        """Print one JSON document."""
        self.console.print(json.dumps(document, indent=2, ensure_ascii=False))

    def show(self, document: Any, table: Table) -> None:
        """Print the document where `--json` asks for it, else the table."""
        if self.args.json:
            self.json(document)
        else:
            self.console.table(table)

    def warn(self, warnings: Sequence[str]) -> None:
        """Say what a person should know although nothing failed."""
        for text in warnings:
            self.console.finding(Diagnostic(code="warning", message=text, severity="warning"))

    def workspace(self) -> Workspace:
        """The project that the command line names; raises UsageError where there is none."""
        root = find_root(self.args.project)
        dist = self.args.dist or root / "dist"
        return Workspace(root=root, dist=dist.absolute(), settings=self.settings, note=self.console.note)

    def choice(self) -> Choice:
        """The variants that the command line names."""
        return Choice(
            images=tuple(self.args.images),
            platforms=tuple(getattr(self.args, "platform", ())),
            stand_in_bases=getattr(self.args, "stand_in_bases", False),
        )


def plan(run: Run) -> None:
    """Say what would be built, and why."""
    prepared = prepare(run.workspace(), run.choice())
    run.warn(prepared.warnings)
    document = views.plan_json(prepared)
    if run.args.github_output:
        _append_output(run.settings.github_output, document)
    run.show(document, views.plan_table(prepared))
    count = sum(not target.up_to_date for target in prepared.targets)
    if run.args.exit_code and count:
        total = len(prepared.targets)
        raise ChangesFound(f"{count} of {total} variants must be built", hint="run `buildtools build`")


def build(run: Run) -> None:
    """Build what the Plan asks for."""
    workspace, choice = run.workspace(), run.choice()
    prepared = prepare(workspace, choice, pins=_pinned(run, workspace, choice))
    run.warn(prepared.warnings)
    with run.console.working("building"):
        report = _builder(workspace, prepared, full=run.args.full, force=run.args.force).run()
    if report.images:
        run.show(views.build_json(report), views.build_table(report))
        if not run.args.json:
            run.console.note(views.build_summary(report))
        for failure in report.failures:
            run.console.fault(failure)
    report.raise_failures()


def _pinned(run: Run, workspace: Workspace, choice: Choice) -> Pins:
    """The pins that a build needs; what is not pinned is pinned now, unless that is forbidden."""
    if run.args.locked:
        return pinning.require_pinned(workspace, choice)
    try:
        old, new = pinning.resolve(workspace, choice)
    except UnavailableError as error:
        # Only what is not pinned yet is asked for; who just looks around can do without.
        hint = f"{error.hint}; a mirror is named in BUILDTOOLS_MIRRORS, and --stand-in-bases tries things out"
        raise UnavailableError(
            f"a base or asset is not pinned yet, and {error.message}", hint=hint
        ) from error
    for change in diff(old, new):
        run.console.note(change)
    if new != old:
        workspace.save_pins(new)
    return new


def publish(run: Run) -> None:
    """Build what is not up to date, then send every image to every place, and set the tags."""
    workspace, choice = run.workspace(), run.choice()
    places = run.args.to or [place for place in (workspace.project.spec.registry,) if place]
    if not places:
        raise UsageError("there is no place to publish to", hint="name it with --to, as in --to ghcr.io/acme")
    places = [place.rstrip("/") for place in dict.fromkeys(places)]
    tags = tuple(dict.fromkeys(run.args.tag or ("latest",)))
    check_names(places, tags)
    prepared = prepare(workspace, choice, pins=_pinned(run, workspace, choice))
    run.warn(prepared.warnings)
    bases, targets = Registries(workspace.reach), Registries(replace(workspace.reach, mirrors={}))
    with run.console.working("publishing"):
        report = _builder(workspace, prepared, full=False, force=False).run()
        report.raise_failures()
        publisher = Publisher(
            layout=workspace.layout,
            bases=bases,
            targets=targets,
            tags=tags,
            note=run.console.note,
        )
        done, failures = publisher.run(report, places)
    if done:
        run.show(views.publish_json(done, failures), views.publish_table(done))
        for failure in failures if len(failures) + len(done) > 1 else ():
            run.console.fault(failure)
    raise_failures(done, failures)


def _builder(workspace: Workspace, prepared: Prepared, *, full: bool, force: bool) -> Builder:
    return Builder(
        workspace=workspace,
        prepared=prepared,
        clock=Stopwatch(),
        download=Downloader(workspace.reach).download,
        base_layers=lambda reference: References(workspace.reach).open(reference)[0],
        full=full,
        force=force,
    )


def check(run: Run) -> None:
    """Find what is wrong in definitions, layouts and layers."""
    findings: list[Diagnostic] = []
    names = []
    for target in run.args.targets:
        if target.startswith(LAYOUT):
            findings += check_layout(target, run.settings)
        elif Path(target).is_file():
            findings += check_layer(Path(target))
        else:
            names.append(target)
    if names or not run.args.targets:
        findings += check_definitions(run.workspace(), names)
    errors = sum(finding.severity == "error" for finding in findings)
    if run.args.json:
        run.json(views.findings_json(findings))
    if not run.args.json or run.settings.github_actions:
        for finding in findings:
            run.console.finding(finding)
    if not run.args.json:
        run.console.print(views.check_summary(findings))
    if errors:
        raise VerificationError(
            f"{errors} error{'s' * (errors > 1)}", hint="mend what is wrong and check again"
        )


def inspect(run: Run) -> None:
    """Show what is in a layout or a registry, and which entry each node takes."""
    inspection = inspect_reference(run.args.reference, run.settings)
    if run.args.json:
        run.json(views.inspect_json(inspection))
        return
    run.console.table(views.inspect_table(inspection))
    run.console.table(views.nodes_table([inspection]))


def demo(run: Run) -> None:
    """Build, join, check and run the examples on this machine, offline."""
    workspace = run.workspace()
    clock = Stopwatch()
    choice = Choice(stand_in_bases=True, offline_only=True)
    with run.console.working("building the example images on stand-in bases"):
        prepared = prepare(workspace, choice)
        report = _builder(workspace, prepared, full=True, force=False).run()
        for failure in report.failures if report.images else ():
            run.console.fault(failure)
        report.raise_failures()
        run.console.note("checking what was built, and running what runs here")
        proof = demonstration.prove(workspace, report)
    wrong = demonstration.faults(proof)
    if run.args.json:
        run.json(views.demo_json(report, proof))
    else:
        run.console.table(views.build_table(report))
        run.console.table(views.nodes_table(proof.inspections))
        run.console.table(views.ran_table(proof.ran))
        for name in demonstration.left_out(prepared.project):
            run.console.print(f"Left out: {name} fetches release assets, which needs the network.")
        checked = views.check_summary(proof.findings)
        run.console.print(f"{views.build_summary(report)} {checked} It took {seconds(clock())}.")
    if wrong:
        raise VerificationError("\n".join(wrong))


def pins(run: Run) -> None:
    """Resolve bases and fetched assets to digests."""
    workspace, choice = run.workspace(), run.choice()
    with run.console.working("asking registries"):
        old, new = pinning.resolve(workspace, choice, move=run.args.update or run.args.check)
    changes = diff(old, new)
    if run.args.json:
        run.json(
            {"schema": views.SCHEMA, "changes": list(changes), "saved": bool(changes) and not run.args.check}
        )
    else:
        for change in changes or (
            "every pin is up to date" if run.args.check or run.args.update else "all is pinned",
        ):
            run.console.print(change)
    if changes and run.args.check:
        raise ChangesFound(f"{len(changes)} pins are stale", hint="run `buildtools pins --update`")
    if changes:
        workspace.save_pins(new)


def schema(run: Run) -> None:
    """Print the JSON Schema of a definition file."""
    run.console.print(render(run.args.name).rstrip())


def _append_output(path: Path | None, document: dict[str, Any]) -> None:
    if path is None:
        raise UsageError("--github-output needs $GITHUB_OUTPUT", hint="a GitHub Actions step sets it")
    targets = [target for target in document["targets"] if target["build"]]
    with path.open("a", encoding="utf-8") as file:
        file.write(f"any={'true' if targets else 'false'}\n")
        file.write(f"targets={json.dumps(targets, separators=(',', ':'))}\n")
