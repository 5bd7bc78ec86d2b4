"""The `demo` verb."""

import argparse

from buildtools import demo as demonstration
from buildtools.console import Stopwatch, seconds
from buildtools.errors import VerificationError
from buildtools.prepare import Choice, prepare
from buildtools.verbs.base import Run, json_argument, project_argument
from buildtools.verbs.build import builder
from buildtools.views.build import build_summary, build_table
from buildtools.views.demo import demo_json, ran_table
from buildtools.views.findings import check_summary
from buildtools.views.inspect import nodes_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    project_argument(parser)
    json_argument(parser)


def run(run: Run) -> None:
    """Build, join, check and run the examples on this machine, offline."""
    workspace = run.workspace()
    clock = Stopwatch()
    choice = Choice(stand_in_bases=True, offline_only=True)
    with run.console.working("building the example images on stand-in bases"):
        prepared = prepare(workspace, choice)
        report = builder(workspace, prepared, full=True, force=False).run()
        for failure in report.failures if report.images else ():
            run.console.fault(failure)
        report.raise_failures()
        run.console.note("checking what was built, and running what runs here")
        proof = demonstration.prove(workspace, report)
    wrong = demonstration.faults(proof)
    if run.args.json:
        run.json(demo_json(report, proof))
    else:
        run.console.table(build_table(report))
        run.console.table(nodes_table(proof.inspections))
        run.console.table(ran_table(proof.ran))
        for name in demonstration.left_out(prepared.project):
            run.console.print(f"Left out: {name} fetches release assets, which needs the network.")
        checked = check_summary(proof.findings)
        run.console.print(f"{build_summary(report)} {checked} It took {seconds(clock())}.")
    if wrong:
        raise VerificationError("\n".join(wrong))
