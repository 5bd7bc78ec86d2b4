"""Build and publish the images, and say in the run's summary where they are."""

from buildtools.plan import Plan
from buildtools.workflow import jobs, steps
from buildtools.workflow.model import Job, Step, Workflow
from buildtools.workflow.steps import Tool

TOOL = Tool(install="python -m pip install buildtools==1.0")


def announce() -> Job:
    """A job of this project: it runs behind `publish`, and may read the repository and nothing else."""
    return Job(
        id="announce",
        name="Announce",
        needs=("publish",),
        if_=jobs.PUSH,
        runs_on="ubuntu-24.04",
        timeout=5,
        permissions=(jobs.READ,),
        steps=(
            steps.checkout(),
            steps.python(),
            Step(
                name="Say where the images are",
                env={"IMAGES": "${{ needs.publish.outputs.images }}"},
                run="python ci/announce.py",
            ),
        ),
    )


def workflow(plan: Plan) -> Workflow:
    """The tool's own jobs, this project's, and one gate for all."""
    return Workflow(
        name="images",
        on=jobs.events(branch="main", tags=("v*",)),
        concurrency=jobs.PER_RUN,
        jobs=jobs.gated(
            jobs.plan(tool=TOOL),
            jobs.build(plan, tool=TOOL),
            jobs.publish(tool=TOOL),
            announce(),
        ),
    )
