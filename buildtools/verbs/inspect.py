"""The `inspect` verb."""

import argparse

from buildtools.inspect import inspect_reference
from buildtools.verbs.base import Run, json_argument, wait_argument
from buildtools.views.inspect import inspect_json, inspect_table, nodes_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "reference", metavar="REF", help="oci:PATH[:TAG|@DIGEST], or a reference in a registry"
    )
    json_argument(parser)
    wait_argument(parser)


def run(run: Run) -> None:
    """Show what is in a layout or a registry, and which entry each node takes."""
    inspection = inspect_reference(run.args.reference, run.settings)
    if run.args.json:
        run.json(inspect_json(inspection))
        return
    run.console.table(inspect_table(inspection))
    run.console.table(nodes_table([inspection]))
