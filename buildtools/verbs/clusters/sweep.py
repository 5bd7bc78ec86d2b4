"""`cluster sweep`."""

import argparse
from datetime import UTC, datetime

from buildtools import aks
from buildtools.errors import PartialError
from buildtools.programs import find
from buildtools.verbs.base import Run, json_argument
from buildtools.views.cluster import swept_json, swept_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the word's own arguments."""
    parser.add_argument("--provider", choices=("aks",), required=True, help="the kind of cluster")
    json_argument(parser)


def run(run: Run) -> None:
    """Delete the clusters of ours whose time is up."""
    swept = aks.sweep(find(aks.KIND, say=run.console.note), datetime.now(tz=UTC))
    run.show(swept_json(swept), swept_table(swept))
    faults = [one for one in swept if one.fault]
    if faults:
        told = "; ".join(f"{one.group}: {one.fault}" for one in faults)
        raise PartialError(f"{len(faults)} clusters are still there: {told}", hint="run it again")
