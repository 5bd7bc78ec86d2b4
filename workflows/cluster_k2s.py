"""Try images on K2s, on demand alone, on a Windows machine of one's own whose runner has the label `k2s`."""

from buildtools.plan import Plan
from buildtools.workflow import clusters
from buildtools.workflow.model import Workflow


def workflow(_: Plan) -> Workflow:
    """The machine is installed to and cleared again, so no two runs share it."""
    return Workflow(
        name="cluster-k2s",
        on=clusters.events(tag="main", label=clusters.K2S_LABEL),
        concurrency=clusters.QUEUE,
        jobs=(clusters.k2s(tag="main"),),
        labels=frozenset({clusters.MACHINE}),
    )
