"""Build the bases that commands must run in Windows for; the daily images stand on them."""

from buildtools.plan import Plan
from buildtools.workflow import jobs, prepared
from buildtools.workflow.model import Nothing, Workflow


def workflow(plan: Plan) -> Workflow | Nothing:
    """Once a month, after Windows is patched; nothing where every image is files on a base."""
    if not prepared.images(plan):
        return Nothing(reason="no image is built by a Dockerfile in Windows")
    return Workflow(
        name="prepared-base",
        on=prepared.events(plan),
        concurrency=prepared.PER_BRANCH,
        jobs=jobs.gated(
            prepared.pins(plan),
            prepared.build(plan),
            prepared.publish(plan),
            prepared.attest(plan),
            prepared.prove(plan),
        ),
    )
