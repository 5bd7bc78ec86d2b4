"""The `pins` verb."""

import argparse

from buildtools import pinning
from buildtools.errors import ChangesFound
from buildtools.pins import diff
from buildtools.verbs.base import (
    Run,
    images_argument,
    json_argument,
    platforms_argument,
    project_argument,
    wait_argument,
)
from buildtools.views.findings import SCHEMA


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    for add in (project_argument, images_argument, platforms_argument, json_argument, wait_argument):
        add(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="change nothing; exit with 3 when a pin is stale")
    group.add_argument("--update", action="store_true", help="move every pin to what its tag means today")


def run(run: Run) -> None:
    """Resolve bases and fetched assets to digests."""
    workspace, choice = run.workspace(), run.choice()
    with run.console.working("asking registries"):
        old, new = pinning.resolve(workspace, choice, move=run.args.update or run.args.check)
    changes = diff(old, new)
    if run.args.json:
        run.json({"schema": SCHEMA, "changes": list(changes), "saved": bool(changes) and not run.args.check})
    else:
        for change in changes or (
            "every pin is up to date" if run.args.check or run.args.update else "all is pinned",
        ):
            run.console.print(change)
    if changes and run.args.check:
        raise ChangesFound(f"{len(changes)} pins are stale", hint="run `buildtools pins --update`")
    if changes:
        workspace.save_pins(new)
