"""Keep what is published on patched bases: rebased without a build, proven, and only then tagged."""

from typing import Final

from buildtools.plan import Plan
from buildtools.workflow import jobs, keeping
from buildtools.workflow.model import Workflow

MESHED: Final = ("linkerd-proxy",)
"""Images that need a mesh beside them to keep their contracts, so that one machine does not try them."""


def workflow(plan: Plan) -> Workflow:
    """The branch's images and the newest release; the tag of a whole version never moves."""
    return Workflow(
        name="rebase",
        on=keeping.events(),
        concurrency=keeping.ONE_AT_A_TIME,
        jobs=jobs.gated(
            keeping.pins(),
            keeping.rebase(tags=("main", "latest")),
            keeping.prove(plan, without=MESHED),
            keeping.publish(),
            keeping.attest(plan),
            keeping.sbom(plan),
            keeping.propose(),
        ),
    )
