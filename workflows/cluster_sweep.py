"""Delete clusters that a run has left behind, should that ever happen."""

from buildtools.plan import Plan
from buildtools.workflow import clusters
from buildtools.workflow.model import Trigger, Workflow


def workflow(_: Plan) -> Workflow:
    """Twice a day: a forgotten cluster costs less than a lunch."""
    return Workflow(
        name="cluster-sweep",
        on=(Trigger(event="workflow_dispatch"), Trigger(event="schedule", crons=("41 5,17 * * *",))),
        concurrency=clusters.QUEUE,
        jobs=(clusters.sweep(),),
    )
