"""The `smoke` verb."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from buildtools.cases import OpenStore, built_cases, image_name, is_reference, published_cases
from buildtools.check import read_image
from buildtools.errors import UsageError, VerificationError
from buildtools.prepare import Choice, prepare, selected
from buildtools.smoke import Case, Smoker, SmokeReport
from buildtools.stores.open import References, only_name
from buildtools.tiers import TIERS
from buildtools.verbs.base import (
    Run,
    bases_argument,
    json_argument,
    locked_argument,
    platforms_argument,
    project_argument,
    targets_argument,
)
from buildtools.verbs.build import builder, pinned
from buildtools.verbs.publish import refuse_unbuilt
from buildtools.views.junit import junit
from buildtools.views.smoke import contract_findings, smoke_json, smoke_summary, smoke_table, tiers_table
from buildtools.workspace import Workspace, write_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    project_argument(parser)
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="images of the project by name (default: all), or published: ghcr.io/acme/app@sha256:...",
    )
    platforms_argument(parser)
    targets_argument(parser)
    parser.add_argument(
        "--tier",
        action="append",
        default=[],
        choices=[row.name for row in TIERS],
        help="try this tier, and fail where it is missing (repeat for more; default: each here but cluster)",
    )
    bases_argument(parser)
    parser.add_argument(
        "--no-build",
        action="store_true",
        help="try what is built already, and fail where a variant would have to be built",
    )
    locked_argument(parser)
    json_argument(parser)
    parser.add_argument(
        "--junit", type=Path, metavar="FILE", help="write the results as JUnit XML, too, for a CI service"
    )


def run(run: Run) -> None:
    """Build what is not up to date, and hold each image's contract on every tier."""
    workspace = run.workspace()
    stores = References(workspace.reach)
    try:
        cases = _cases(run, workspace, stores.open)
        if all(case.variant.lifecycle is None for case in cases):
            raise UsageError(
                "none of these images has a contract", hint="write `lifecycle` in its image.yaml"
            )
        smoker = Smoker(
            tiers={row.name: row.make(run.settings) for row in TIERS},
            asked=tuple(dict.fromkeys(run.args.tier)),
            note=run.console.note,
            jobs=run.settings.jobs,
        )
        with run.console.working("trying contracts"):
            report = smoker.run(cases)
    finally:
        stores.close()
    _show(run, report)


def _cases(run: Run, workspace: Workspace, open_store: OpenStore) -> list[Case]:
    names = list(dict.fromkeys(run.args.images))
    references = [name for name in names if is_reference(name)]
    cases = [case for text in references for case in _published(run, workspace, text, open_store)]
    if len(references) < len(names) or not names:
        cases += _built(run, workspace, [name for name in names if name not in references], open_store)
    return cases


def _choice(run: Run, images: Sequence[str]) -> Choice:
    return Choice(
        images=tuple(images),
        platforms=tuple(run.args.platform),
        targets=run.args.targets,
        stand_in_bases=run.args.stand_in_bases,
    )


def _built(run: Run, workspace: Workspace, names: Sequence[str], open_store: OpenStore) -> list[Case]:
    choice = _choice(run, names)
    prepared = prepare(workspace, choice, pins=pinned(run, workspace, choice, locked=run.args.no_build))
    run.warn(prepared.warnings)
    if run.args.no_build:
        refuse_unbuilt(prepared)
    with run.console.working("building"):
        report = builder(workspace, prepared, full=False, force=False).run()
    report.raise_failures()
    variants = [target.variant for target in prepared.targets]
    return built_cases(workspace, report, variants, open_store)


def _published(run: Run, workspace: Workspace, text: str, open_store: OpenStore) -> list[Case]:
    name = image_name(text)
    if name not in workspace.project.images:
        there = ", ".join(workspace.project.images)
        raise UsageError(
            f"{text} is called {name}, and no definition has that name",
            hint=f"the contract is read from the definition; there is {there}",
        )
    variants = selected(workspace.project, _choice(run, [name]))
    store, identifier = open_store(text)
    return published_cases(read_image(store, identifier or only_name(store)), store, text, variants)


def _show(run: Run, report: SmokeReport) -> None:
    if not run.args.json:
        run.console.table(tiers_table(report))
    run.show(smoke_json(report), smoke_table(report))
    if run.args.junit:
        write_text(run.args.junit, junit(report))
    if not run.args.json:
        run.console.note(smoke_summary(report))
    for finding in contract_findings(report):
        run.console.finding(finding)
    if report.broken:
        count = len(report.broken)
        raise VerificationError(
            f"{count} contract{'s are' if count > 1 else ' is'} not kept",
            hint="see the end of each program's output with --json",
        )
    report.raise_missing()
