"""`cluster down`."""

import argparse

from buildtools import aks, k2s
from buildtools.errors import UsageError
from buildtools.programs import find
from buildtools.verbs.base import Run
from buildtools.verbs.clusters.base import machine_argument


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the word's own arguments."""
    machine_argument(parser)


def run(run: Run) -> None:
    """Delete the cluster; one that is not there is deleted."""
    if run.args.provider == "k2s":
        with run.console.working("taking K2s away"):
            k2s.down(find(k2s.KIND, run.args.k2s, say=run.console.note))
        return
    group = run.args.group
    if not group:
        raise UsageError("--provider aks needs --group", hint="name the resource group of `cluster up`")
    there = aks.down(find(aks.KIND, say=run.console.note), group)
    run.console.note(
        f"{group} is being deleted" if there else f"there is no group {group}: nothing to delete"
    )
