"""Jobs of a workflow that publishes a version: approved by a person, immutable, with its papers.

`plan`, `build`, `attest` and `prove` are those of every workflow that publishes.
"""

from dataclasses import replace
from typing import Final

from buildtools.workflow import jobs, steps
from buildtools.workflow.model import Concurrency, Job, Permission, Step, Trigger
from buildtools.workflow.runners import LINUX
from buildtools.workflow.steps import TOOL, Tool
from buildtools.workflow.supply import SBOMS

ENVIRONMENT: Final = "release"
"""The environment whose reviewers are asked before anything is published."""

PER_VERSION: Final = Concurrency(group="${{ github.workflow }}-${{ github.ref }}")
"""A version's runs wait for each other, and none is cancelled: half a release is worse than a late one."""

_REPORT: Final = "report"

# Files are given to `create`: a release that is published first and filled later may be immutable by then.
_RELEASE: Final = """\
if gh release view "$TAG" --json url; then
  gh release upload "$TAG" --clobber files/*
else
  gh release create "$TAG" --verify-tag --prerelease="$PRERELEASE" \\
    --title "$TAG" --notes-file files/report.md files/*
fi
"""


def events(*tags: str) -> tuple[Trigger, ...]:
    """Pushes of version tags, `v*` where none are named."""
    return (Trigger(event="push", tags=tags or ("v*",)),)


def publish(*, tool: Tool = TOOL, environment: str = ENVIRONMENT) -> Job:
    """Publish once somebody has approved it, and keep the report of it as an artifact.

    It waits for no other workflow, nor they for it: nobody knows how long an approval takes. Tags are looked
    at again right before they move.
    """
    return reported(replace(jobs.publish(tool=tool, environment=environment), concurrency=None))


def reported(job: Job) -> Job:
    """A job that publishes, with what it publishes as JSON and as a table in an artifact `report`."""

    def told(step: Step) -> Step:
        if step.id != "publish":
            return step
        return replace(
            step,
            run=f"mkdir -p {_REPORT}\n"
            f"{step.run.rstrip()} --json >{_REPORT}/report.json\n"
            # What a command shows in its step's summary is its table in Markdown.
            f'cp "$GITHUB_STEP_SUMMARY" {_REPORT}/report.md\n',
        )

    return replace(job, steps=(*map(told, job.steps), steps.upload(_REPORT, _REPORT, days=30)))


def github_release(*, needs: tuple[str, ...] = ("publish", "attest", "sbom", "prove")) -> Job:
    """Make the GitHub release of the tag, with the report and all SBOMs; a second run replaces its files."""
    downloads = [steps.download(_REPORT, "files")]
    if "sbom" in needs:
        downloads.append(steps.download(f"{SBOMS}*", "files"))
    return Job(
        id="release",
        name="Make the GitHub release",
        needs=needs,
        if_=jobs.PUSH,
        runs_on=LINUX,
        timeout=10,
        permissions=(Permission("contents", "write", "make the release and attach files to it"),),
        steps=(
            *downloads,
            Step(
                name="Make the release",
                env={
                    "GH_TOKEN": "${{ secrets.GITHUB_TOKEN }}",
                    "GH_REPO": "${{ github.repository }}",
                    "TAG": "${{ github.ref_name }}",
                    "PRERELEASE": "${{ contains(github.ref_name, '-') }}",
                },
                run=_RELEASE,
            ),
        ),
    )
