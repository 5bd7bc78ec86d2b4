"""The `build` verb."""

import argparse
from collections.abc import Callable, Mapping

from buildtools import pinning
from buildtools.build import Builder
from buildtools.console import Stopwatch
from buildtools.errors import UnavailableError
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.pins import Pins, diff
from buildtools.prepare import Choice, Prepared, prepare
from buildtools.sources.fetch import Downloader
from buildtools.stores.open import References
from buildtools.verbs.base import (
    Run,
    bases_argument,
    images_argument,
    json_argument,
    locked_argument,
    platforms_argument,
    project_argument,
    targets_argument,
)
from buildtools.views.build import build_json, build_summary, build_table
from buildtools.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    for add in (project_argument, images_argument, platforms_argument, targets_argument, bases_argument):
        add(parser)
    json_argument(parser)
    parser.add_argument(
        "--full", action="store_true", help="fetch base layers into the layout, for air-gapped use"
    )
    locked_argument(parser)
    parser.add_argument("--force", action="store_true", help="build what is up to date, too")


def run(run: Run) -> None:
    """Build what the Plan asks for."""
    workspace, choice = run.workspace(), run.choice()
    prepared = prepare(workspace, choice, pins=pinned(run, workspace, choice))
    run.warn(prepared.warnings)
    with run.console.working("building"):
        report = builder(workspace, prepared, full=run.args.full, force=run.args.force).run()
    if report.images:
        run.show(build_json(report), build_table(report))
        if not run.args.json:
            run.console.note(build_summary(report))
        for failure in report.failures:
            run.console.fault(failure)
    report.raise_failures()


def pinned(run: Run, workspace: Workspace, choice: Choice, *, locked: bool = False) -> Pins:
    """The pins that a build needs; what is not pinned is pinned now, unless that is forbidden."""
    if locked or run.args.locked:
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


def builder(
    workspace: Workspace,
    prepared: Prepared,
    *,
    full: bool,
    force: bool,
    published: Callable[[str], Mapping[Digest, Descriptor]] = lambda _: {},
) -> Builder:
    """What builds the Plan's targets into the project's layouts."""
    return Builder(
        workspace=workspace,
        prepared=prepared,
        clock=Stopwatch(),
        download=Downloader(workspace.reach).download,
        base_layers=lambda reference: References(workspace.reach).open(reference)[0],
        full=full,
        force=force,
        published=published,
    )
