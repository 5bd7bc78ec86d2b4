"""`cluster nodes`."""

import argparse
import json
from pathlib import Path

from buildtools.e2e import Trial, Wish
from buildtools.errors import VerificationError
from buildtools.verbs.base import Run, json_argument
from buildtools.verbs.clusters.base import (
    NAMESPACE,
    kubectl,
    kubectl_arguments,
    seconds_argument,
    systems,
    systems_argument,
)
from buildtools.views.cluster import checks_json, checks_table
from buildtools.workspace import write_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the word's own arguments."""
    kubectl_arguments(parser)
    systems_argument(parser)
    seconds_argument(parser, default=900, what="how long nodes may take to become ready")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the nodes there, as `preflight --nodes` reads them"
    )
    json_argument(parser)


def run(run: Run) -> None:
    """Wait for the nodes, and write them down."""
    there = kubectl(run)
    wish = Wish(namespace=NAMESPACE, systems=systems(run), seconds=run.args.timeout, only=("nodes",))
    with run.console.working("waiting for nodes"):
        found = Trial(kubectl=there, wish=wish).run()
    if run.args.out:
        nodes = {"apiVersion": "v1", "kind": "List", "items": there.get("nodes")}
        write_text(run.args.out, json.dumps(nodes, indent=1) + "\n")
    run.show(checks_json(found), checks_table(found))
    if found[0].outcome != "passed":
        raise VerificationError(
            f"{found[0].sentence}: {'; '.join(found[0].details)}", hint="wait longer with --timeout"
        )
