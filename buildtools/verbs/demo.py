"""The `demo` verb."""

import argparse

from buildtools.console import Stopwatch, seconds
from buildtools.demo import proof as proving
from buildtools.demo.rollout import Rollout, roll_out
from buildtools.errors import VerificationError
from buildtools.prepare import Choice, prepare
from buildtools.verbs.base import Run, json_argument, project_argument
from buildtools.verbs.build import builder
from buildtools.views.build import build_summary, build_table
from buildtools.views.demo import demo_json, ran_table, rollout_summary, rollout_tables
from buildtools.views.findings import check_summary
from buildtools.views.inspect import nodes_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    project_argument(parser)
    json_argument(parser)


def run(run: Run) -> None:
    """Build the examples, run what runs here, and roll them out in a registry that is thrown away."""
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
        proof = proving.prove(workspace, report)
        wrong = proving.faults(proof)
        # What does not hold here is not sent anywhere.
        rollout = Rollout() if wrong else roll_out(workspace, report, note=run.console.note)
    if run.args.json:
        run.json(demo_json(report, proof, rollout))
    else:
        tables = (build_table(report), nodes_table(proof.inspections), ran_table(proof.ran))
        for table in (*tables, *rollout_tables(rollout)):
            run.console.table(table)
        for name in proving.left_out(prepared.project):
            run.console.print(f"Left out: {name} fetches release assets, which needs the network.")
        checked = check_summary(proof.findings)
        done = " ".join(filter(None, (build_summary(report), checked, rollout_summary(rollout))))
        run.console.print(f"{done} It took {seconds(clock())}.")
    if faults := [*wrong, *rollout.faults]:
        raise VerificationError("\n".join(faults))
