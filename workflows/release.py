"""Publish a version: a tag, somebody's approval, and a GitHub release with its papers."""

from typing import Final

from buildtools.plan import Plan
from buildtools.workflow import jobs, prepared, release, supply
from buildtools.workflow.model import Nothing, Workflow

MESHED: Final = ("linkerd-proxy",)
"""Images that need a mesh beside them to keep their contracts, so that one machine does not try them."""


def workflow(plan: Plan) -> Workflow | Nothing:
    """Everything is built anew; what `images` has published for the same commit has the same digests.

    Prepared bases have no versions of their own.
    """
    daily = prepared.daily(plan)
    if plan.targets and not daily.targets:
        return Nothing(reason="every image is a prepared base")
    return Workflow(
        name="release",
        on=release.events("v*"),
        concurrency=release.PER_VERSION,
        jobs=jobs.gated(
            *prepared.left_out(plan, jobs.plan(), jobs.build(daily), release.publish()),
            jobs.attest(daily),
            supply.sbom(daily),
            jobs.prove(daily, without=MESHED),
            release.github_release(),
        ),
    )
