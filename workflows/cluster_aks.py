"""Try what is published on a real mixed cluster on Azure, once a week and on demand."""

from buildtools.plan import Plan
from buildtools.workflow import clusters
from buildtools.workflow.model import Workflow


def workflow(_: Plan) -> Workflow:
    """The cluster lives for the run, and is deleted however that ends."""
    return Workflow(
        name="cluster-aks",
        on=clusters.events(tag="main", cron="17 3 * * 1"),
        concurrency=clusters.QUEUE,
        jobs=(clusters.aks(tag="main"), clusters.delete()),
    )
