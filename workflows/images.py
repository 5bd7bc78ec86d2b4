"""Build all images, publish what is on the default branch, and prove it on real machines."""

from buildtools.plan import Plan
from buildtools.workflow import jobs
from buildtools.workflow.model import Workflow


def workflow(plan: Plan) -> Workflow:
    """Pull requests build what changed; pushes build, publish, attest and prove everything."""
    return Workflow(
        name="images",
        on=jobs.events(branch="main"),
        concurrency=jobs.PER_RUN,
        jobs=jobs.gated(
            jobs.plan(branch="main"),
            jobs.build(plan),
            jobs.publish(),
            jobs.attest(plan),
            jobs.prove(plan),
        ),
    )
