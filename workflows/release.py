"""Publish a version: a tag, somebody's approval, and a GitHub release with its papers."""

from buildtools.plan import Plan
from buildtools.workflow import jobs, release, supply
from buildtools.workflow.model import Workflow


def workflow(plan: Plan) -> Workflow:
    """Everything is built anew; what `images` has published for the same commit has the same digests."""
    return Workflow(
        name="release",
        on=release.events("v*"),
        concurrency=release.PER_VERSION,
        jobs=jobs.gated(
            jobs.plan(),
            jobs.build(plan),
            release.publish(),
            jobs.attest(plan),
            supply.sbom(plan),
            jobs.prove(plan),
            release.github_release(),
        ),
    )
