"""Build all images, publish what is on the default branch, and prove it on real machines."""

from typing import Final

from buildtools.plan import Plan
from buildtools.workflow import jobs, prepared
from buildtools.workflow.model import Nothing, Workflow

HANDOVER: Final[jobs.Handover] = "artifacts"
"""How what is built gets to the job that publishes it; `registry` lets legs push their own layers."""
MESHED: Final = ("linkerd-proxy",)
"""Images that need a mesh beside them to keep their contracts, so that one machine does not try them."""


def workflow(plan: Plan) -> Workflow | Nothing:
    """Pull requests build what changed; pushes build, publish, attest and prove everything.

    Prepared bases have a workflow of their own.
    """
    daily = prepared.daily(plan)
    if plan.targets and not daily.targets:
        return Nothing(reason="every image is a prepared base")
    return Workflow(
        name="images",
        on=jobs.events(branch="main"),
        concurrency=jobs.PER_RUN,
        jobs=jobs.gated(
            *prepared.left_out(plan, *jobs.images(daily, branch="main", handover=HANDOVER, without=MESHED)),
        ),
    )
