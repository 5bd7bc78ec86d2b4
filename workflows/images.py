"""Build all images, publish what is on the default branch, and prove it on real machines."""

from typing import Final

from buildtools.plan import Plan
from buildtools.workflow import jobs
from buildtools.workflow.model import Workflow

HANDOVER: Final[jobs.Handover] = "artifacts"
"""How what is built gets to the job that publishes it; `registry` lets legs push their own layers."""


def workflow(plan: Plan) -> Workflow:
    """Pull requests build what changed; pushes build, publish, attest and prove everything."""
    return Workflow(
        name="images",
        on=jobs.events(branch="main"),
        concurrency=jobs.PER_RUN,
        jobs=jobs.gated(*jobs.images(plan, branch="main", handover=HANDOVER)),
    )
