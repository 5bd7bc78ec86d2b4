"""Jobs of a workflow that builds, publishes and proves images: one function each.

Every function gives a Job, and a project changes it with `dataclasses.replace` or adds its own beside it.
What jobs hand to each other are outputs of `plan` and `publish` and one artifact a leg.
"""

from collections import Counter
from dataclasses import replace
from typing import Final

from buildtools.plan import LINUX_RUNNERS, Plan
from buildtools.windows.releases import RELEASES
from buildtools.workflow import steps
from buildtools.workflow.actions import action
from buildtools.workflow.legs import DEFAULT_LEGS
from buildtools.workflow.model import Concurrency, Job, Matrix, Permission, Step, Trigger
from buildtools.workflow.runners import LINUX
from buildtools.workflow.steps import TOOL, Tool

READ: Final = Permission("contents", "read", "check out the repository")
PULL_REQUEST: Final = "github.event_name == 'pull_request'"
PUSH: Final = "github.event_name == 'push'"
"""Only a push to the branch or a tag that is named in the trigger publishes."""

PER_RUN: Final = Concurrency(
    group=f"${{{{ github.workflow }}}}-${{{{ {PULL_REQUEST} && github.ref || github.run_id }}}}",
    cancel_in_progress=True,
)
"""A pull request's newer run ends the older one; runs for pushes are groups of their own, so all end."""

ARTIFACTS: Final = "images-"

SIGN: Final = (
    Permission("packages", "write", "put attestations beside the images"),
    Permission("id-token", "write", "prove to the signing service which run this is"),
    Permission("attestations", "write", "store attestations"),
    Permission("artifact-metadata", "write", "say where the images are"),
)
"""What signing needs."""


def events(*, branch: str = "main", tags: tuple[str, ...] = ()) -> tuple[Trigger, ...]:
    """Pushes to the default branch, pull requests, and the merge queue.

    `tags` are those whose pushes count, too: only where no release workflow takes them, since a version
    would be published twice.
    """
    return (
        Trigger(event="push", branches=(branch,), tags=tags),
        Trigger(event="pull_request"),
        Trigger(event="merge_group"),
    )


def plan(*, tool: Tool = TOOL, branch: str = "main", legs: int = DEFAULT_LEGS) -> Job:
    """Say what is built and where: on a pull request what differs from the branch's images, else all."""
    return Job(
        id="plan",
        name="Plan",
        runs_on=LINUX,
        timeout=10,
        permissions=(READ,),
        outputs={
            name: f"${{{{ steps.changed.outputs.{name} || steps.all.outputs.{name} }}}}"
            for name in ("any", "legs")
        },
        steps=(
            *tool.setup(),
            steps.tool(
                "Compare with what is published",
                f'plan --published --or-all --tag "$TAG" --github-output --legs {legs}',
                step_id="changed",
                if_=PULL_REQUEST,
                env={"TAG": branch},
            ),
            steps.tool(
                "Plan all images",
                f"plan --github-output --legs {legs}",
                step_id="all",
                if_=PULL_REQUEST.replace("==", "!="),
            ),
        ),
    )


def build(plan: Plan, *, tool: Tool = TOOL) -> Job:
    """Build the targets of a leg into OCI layouts, without credentials, and keep them for a week."""
    windows = any(
        target.runner != LINUX and target.variant.platform.os == "windows" for target in plan.targets
    )
    setup = tool.setup()
    if windows:
        setup = (steps.line_ends(), *setup, steps.temporary(), steps.docker())
    return Job(
        id="build",
        name="Build ${{ matrix.name }}",
        needs=("plan",),
        if_="needs.plan.outputs.any == 'true'",
        matrix=Matrix(expression="${{ fromJSON(needs.plan.outputs.legs) }}"),
        runs_on="${{ matrix.runner }}",
        timeout=60,
        permissions=(READ,),
        shell_="bash",
        steps=(
            *setup,
            steps.tool(
                "Build", 'build --locked --targets "$TARGETS"', env={"TARGETS": "${{ matrix.targets }}"}
            ),
            steps.upload(f"{ARTIFACTS}${{{{ matrix.name }}}}", "dist/oci", "dist/records"),
        ),
    )


def publish(*, tool: Tool = TOOL, environment: str = "") -> Job:
    """Join what the legs have built and publish it; nothing is built here."""
    return Job(
        id="publish",
        name="Publish",
        needs=("plan", "build"),
        if_=PUSH,
        runs_on=LINUX,
        timeout=60,
        environment=environment,
        permissions=(READ, Permission("packages", "write", "push images")),
        concurrency=Concurrency(group="publish-images", queue="max"),
        outputs={"images": "${{ steps.publish.outputs.images }}"},
        steps=(
            *tool.setup(),
            steps.download(f"{ARTIFACTS}*", "dist"),
            steps.tool(
                "Publish by digest, then tag",
                "publish --no-build --locked --github-output",
                step_id="publish",
                env={"GITHUB_TOKEN": "${{ secrets.GITHUB_TOKEN }}"},
            ),
        ),
    )


def most_variants(plan: Plan) -> int:
    """Of all images the one with the most variants: that many steps do for each of them."""
    return max(Counter(target.variant.image for target in plan.targets).values(), default=0)


def attest(plan: Plan, *, host: str = "ghcr.io", source: str = "publish") -> Job:
    """Sign where each index and each image in it was built; the signatures become referrers.

    `source` is the job that says which they are.
    """
    return Job(
        id="attest",
        name="Attest ${{ matrix.image }}",
        needs=(source,),
        if_=PUSH,
        matrix=Matrix(expression=f"${{{{ fromJSON(needs.{source}.outputs.images) }}}}"),
        runs_on=LINUX,
        timeout=15,
        permissions=SIGN,
        steps=(
            steps.login(host),
            _attestation("Attest the index", "matrix.digest", ""),
            *(
                _attestation(
                    f"Attest image {number + 1}", f"matrix.children[{number}]", f"matrix.children[{number}]"
                )
                for number in range(most_variants(plan))
            ),
        ),
    )


def _attestation(name: str, digest: str, if_: str) -> Step:
    return Step(
        name=name,
        if_=if_,
        uses=action("actions/attest"),
        with_={
            "subject-name": "${{ matrix.name }}",
            "subject-digest": f"${{{{ {digest} }}}}",
            "push-to-registry": True,
        },
    )


def prove(plan: Plan, *, tool: Tool = TOOL, host: str = "ghcr.io", source: str = "publish") -> Job:
    """Pull each index on each kind of machine and hold what came against what should have come.

    `source` is the job that says which they are.
    """
    windows = any(target.variant.platform.os == "windows" for target in plan.targets)
    linux = {
        target.variant.platform.architecture
        for target in plan.targets
        if target.variant.platform.os == "linux"
    }
    legs = [{"runner": LINUX_RUNNERS[name], "os": "linux"} for name in LINUX_RUNNERS if name in linux]
    legs += [
        {"runner": row.hosted_runner, "os": "windows"} for row in RELEASES if windows and row.hosted_runner
    ]
    return Job(
        id="prove",
        name="Prove on ${{ matrix.runner }}",
        needs=(source,),
        if_=PUSH,
        matrix=Matrix(include=tuple(legs)),
        runs_on="${{ matrix.runner }}",
        timeout=60,
        permissions=(READ, Permission("packages", "read", "pull images")),
        shell_="bash",
        steps=(
            *((steps.line_ends(),) if windows else ()),
            *tool.setup(history=False),
            *((steps.temporary(), steps.docker()) if windows else ()),
            steps.login(host),
            steps.tool(
                "Pull every index and look at what came",
                'prove --images "$IMAGES"',
                env={"IMAGES": f"${{{{ needs.{source}.outputs.images }}}}"},
            ),
        ),
    )


def ok(*jobs: Job) -> Job:
    """The one job for a branch's protection: it fails where any of these failed or was cancelled."""
    return Job(
        id="ok",
        name="ok",
        needs=tuple(job.id for job in jobs),
        if_="always()",
        runs_on=LINUX,
        timeout=5,
        steps=(
            Step(
                name="Every job passed or was left out",
                env={"RESULTS": "${{ join(needs.*.result, ' ') }}"},
                run='echo "$RESULTS"\n'
                'case " $RESULTS " in\n'
                '  *" failure "* | *" cancelled "*) exit 1 ;;\n'
                "esac\n",
            ),
        ),
    )


def gated(*jobs: Job) -> tuple[Job, ...]:
    """The jobs, and `ok` behind them."""
    return (*jobs, ok(*jobs))


def after(job: Job, *needed: Job) -> Job:
    """The job, started when these have passed, too."""
    return replace(job, needs=(*job.needs, *(one.id for one in needed)))
