"""The `verify` verb."""

import argparse
from pathlib import Path

from buildtools.cluster.truth import Truth, own_truth
from buildtools.errors import ConfigurationError, UsageError, VerificationError
from buildtools.settings import Settings
from buildtools.stores.open import References, only_name
from buildtools.verbs.base import Run, json_argument, wait_argument
from buildtools.verify import (
    Verification,
    definition_root,
    expectation,
    project_truth,
    verify_store,
)
from buildtools.views.verify import entries_table, nodes_table, verify_json, verify_summary
from buildtools.workspace import Workspace, find_root


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "reference", metavar="REF", help="oci:PATH[:TAG|@DIGEST], or a reference in a registry"
    )
    parser.add_argument(
        "--expect",
        type=Path,
        metavar="FILE",
        help="the images/NAME/image.yaml that it was made of: hold it against what that promises",
    )
    parser.add_argument(
        "-C",
        "--project",
        type=Path,
        metavar="DIR",
        help="the project whose bases are known (default: that of --expect, else one here or above)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="do not read layers, only ask whether they are there"
    )
    parser.add_argument(
        "--bases", action="store_true", help="ask the registries of the bases that the images name"
    )
    json_argument(parser)
    wait_argument(parser)


def run(run: Run) -> None:
    """Read everything back and say whether every node gets the right image."""
    root, name = definition_root(run.args.expect) if run.args.expect else (None, "")
    workspace = _workspace(run, root)
    truth, reach = _known(run, workspace)
    references, bases = References(run.settings), References(reach)
    try:
        with run.console.working(f"reading {run.args.reference}"):
            store, identifier = references.open(run.args.reference)
            found = verify_store(
                store,
                identifier or only_name(store),
                truth=truth,
                quick=run.args.quick,
                expected=expectation(workspace, name) if workspace and name else None,
                ask=bases.open if run.args.bases else None,
                note=run.console.note,
            )
    finally:
        references.close()
        bases.close()
    _show(run, found)


def _workspace(run: Run, root: Path | None) -> Workspace | None:
    """The project at hand; none where nobody asked for one and there is none here."""
    try:
        where = root or find_root(run.args.project)
    except UsageError:
        if run.args.project:
            raise
        return None
    if run.args.project and where != find_root(run.args.project):
        raise UsageError(
            f"{run.args.expect} is not in the project {run.args.project}", hint="leave --project out"
        )
    return Workspace(root=where, dist=where / "dist", settings=run.settings)


def _known(run: Run, workspace: Workspace | None) -> tuple[Truth, Settings]:
    """The bases that are known, and how bases are reached; a broken project is passed over unless named."""
    if workspace is None:
        return own_truth(), run.settings
    try:
        return project_truth(workspace), workspace.reach
    except (ConfigurationError, UsageError):
        if run.args.project or run.args.expect:
            raise
        run.warn([f"the project in {workspace.root} cannot be read, so its pinned bases are not known"])
        return own_truth(), run.settings


def _show(run: Run, found: Verification) -> None:
    if run.args.json:
        run.json(verify_json(found))
    else:
        run.console.table(entries_table(found))
        run.console.table(nodes_table(found))
    if not run.args.json or run.settings.github_actions:
        for finding in found.findings:
            run.console.finding(finding)
    if not run.args.json:
        run.console.print(verify_summary(found))
    if errors := len(found.errors):
        raise VerificationError(
            f"{errors} error{'s' * (errors > 1)}", hint="mend what is wrong, publish, and verify again"
        )
