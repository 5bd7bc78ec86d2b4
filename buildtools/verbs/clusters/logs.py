"""`cluster logs`."""

import argparse

from buildtools.e2e import collect
from buildtools.verbs.base import Run
from buildtools.verbs.clusters.base import folder_argument, kubectl, kubectl_arguments, namespace_argument
from buildtools.verbs.clusters.e2e import namespaces


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the word's own arguments."""
    kubectl_arguments(parser)
    namespace_argument(parser)
    folder_argument(parser, "--out", required=True, what="where the files go")


def run(run: Run) -> None:
    """Write what the cluster says; what cannot be had says why in its file."""
    with run.console.working("collecting logs"):
        names = collect(kubectl(run), run.args.out, namespaces=namespaces(run.args.namespace))
    run.console.note(f"{len(names)} files in {run.args.out}")
