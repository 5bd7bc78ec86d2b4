"""Jobs of a workflow that builds, publishes and proves images: one function each.

Every function gives a Job, and a project changes it with `dataclasses.replace` or adds its own beside it;
`images` gives all of them. What jobs hand to each other are outputs of `plan` and `publish` and one artifact
a leg: what it has built, or only the records of what it has sent to the registry.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from buildtools.plan import Plan
from buildtools.workflow import steps
from buildtools.workflow.actions import action
from buildtools.workflow.legs import DEFAULT_LEGS, machines
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
RECORDS: Final = "records-"

Handover = Literal["artifacts", "registry"]
"""How what a leg has built gets to the job that publishes it.

`artifacts` needs no credentials in the legs; `registry` sends each layer once instead of twice. Pull requests
have no credentials, so theirs are artifacts in any case.
"""


TOKEN: Final = {"GITHUB_TOKEN": "${{ secrets.GITHUB_TOKEN }}"}
"""Only the step that needs it has it."""
ONE_AT_A_TIME: Final = Concurrency(group="publish-images", queue="max")
SEND: Final = "publish --by-digest --no-build --locked"
JOINS: Final[Mapping[Handover, tuple[str, Step, str]]] = {
    "artifacts": (
        "build",
        steps.download(f"{ARTIFACTS}*", "dist"),
        "publish --no-build --locked --github-output",
    ),
    "registry": (
        "send",
        steps.download(f"{RECORDS}*", "dist/records"),
        "publish --from-records --locked --github-output",
    ),
}
"""For each hand-over the job that is waited for, what is downloaded, and the command that publishes it."""

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


def build(plan: Plan, *, tool: Tool = TOOL, handover: Handover = "artifacts") -> Job:
    """Build the targets of a leg into OCI layouts, without credentials, and keep them for a week.

    With the hand-over `registry` that is for pull requests, and `send` is for pushes.
    """
    apart = "" if handover == "artifacts" else f" && {PUSH.replace('==', '!=')}"
    return Job(
        id="build",
        name="Build ${{ matrix.name }}",
        needs=("plan",),
        if_=f"needs.plan.outputs.any == 'true'{apart}",
        matrix=Matrix(expression="${{ fromJSON(needs.plan.outputs.legs) }}"),
        runs_on="${{ matrix.runner }}",
        timeout=60,
        permissions=(READ,),
        shell_="bash",
        steps=(
            *build_steps(tool, windows=_on_windows(plan)),
            steps.upload(f"{ARTIFACTS}${{{{ matrix.name }}}}", "dist/oci", "dist/records"),
        ),
    )


def send(plan: Plan, *, tool: Tool = TOOL) -> Job:
    """Build the targets of a leg, send them by digest, and hand on their records; on pushes only."""
    return Job(
        id="send",
        name="Build and send ${{ matrix.name }}",
        needs=("plan",),
        if_=f"needs.plan.outputs.any == 'true' && {PUSH}",
        matrix=Matrix(expression="${{ fromJSON(needs.plan.outputs.legs) }}"),
        runs_on="${{ matrix.runner }}",
        timeout=60,
        permissions=(READ, Permission("packages", "write", "push images without a tag")),
        shell_="bash",
        steps=(
            *build_steps(tool, windows=_on_windows(plan)),
            steps.tool(
                "Send by digest",
                f'{SEND} --targets "$TARGETS"',
                env={"TARGETS": "${{ matrix.targets }}", **TOKEN},
            ),
            steps.upload(f"{RECORDS}${{{{ matrix.name }}}}", "dist/records"),
        ),
    )


def _on_windows(plan: Plan) -> bool:
    """Whether a target needs a Windows machine to be built."""
    return any(target.runner != LINUX and target.variant.platform.os == "windows" for target in plan.targets)


def build_steps(tool: Tool, *, windows: bool) -> tuple[Step, ...]:
    """A leg up to and with its build; with `windows` where it may be on such a machine."""
    setup = tool.setup()
    if windows:
        setup = (steps.line_ends(), *setup, steps.temporary(), steps.docker())
    targets = {"TARGETS": "${{ matrix.targets }}"}
    return (*setup, steps.tool("Build", 'build --locked --targets "$TARGETS"', env=targets))


def publish(*, tool: Tool = TOOL, environment: str = "", handover: Handover = "artifacts") -> Job:
    """Join what the legs have built and publish it; nothing is built here."""
    legs, download, command = JOINS[handover]
    return Job(
        id="publish",
        name="Publish",
        needs=("plan", legs),
        if_=PUSH,
        runs_on=LINUX,
        timeout=60,
        environment=environment,
        permissions=(READ, Permission("packages", "write", "push images")),
        concurrency=ONE_AT_A_TIME,
        outputs={"images": "${{ steps.publish.outputs.images }}"},
        steps=(
            *tool.setup(),
            download,
            steps.tool("Publish by digest, then tag", command, step_id="publish", env=TOKEN),
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
            attestation("Attest the index", digest="matrix.digest"),
            *(
                attestation(
                    f"Attest image {number + 1}",
                    digest=f"matrix.children[{number}]",
                    if_=f"matrix.children[{number}]",
                )
                for number in range(most_variants(plan))
            ),
        ),
    )


def attestation(name: str, *, digest: str, repository: str = "matrix.name", if_: str = "") -> Step:
    """Sign one index or image; `digest` and `repository` are expressions."""
    return Step(
        name=name,
        if_=if_,
        uses=action("actions/attest"),
        with_={
            "subject-name": f"${{{{ {repository} }}}}",
            "subject-digest": f"${{{{ {digest} }}}}",
            "push-to-registry": True,
        },
    )


def prove(
    plan: Plan,
    *,
    tool: Tool = TOOL,
    host: str = "ghcr.io",
    source: str = "publish",
    without: Sequence[str] = (),
) -> Job:
    """Pull each index on each kind of machine, hold what came against what should have, and start it.

    `source` is the job that says which they are; `without` are images whose contracts need more than one
    machine, and are not tried.
    """
    legs = machines(plan.targets)
    windows = any(leg["os"] == "windows" for leg in legs)
    there = {target.variant.image for target in plan.targets}
    without = [name for name in without if name in there]
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
        steps=prove_steps(tool, windows=windows, login=steps.login(host), source=source, without=without),
    )


def prove_steps(
    tool: Tool, *, windows: bool, login: Step, source: str = "publish", without: Sequence[str] = ()
) -> tuple[Step, ...]:
    """What a machine does that proves; with `windows` where it may be such a one."""
    left = "".join(f" --without {name}" for name in without)
    return (
        *((steps.line_ends(),) if windows else ()),
        *tool.setup(history=False),
        *((steps.temporary(), steps.docker()) if windows else ()),
        login,
        steps.tool(
            "Pull every index, look at what came, and try its contract",
            f'prove --contracts{left} --images "$IMAGES"',
            env={"IMAGES": f"${{{{ needs.{source}.outputs.images }}}}"},
        ),
    )


def images(
    planned: Plan,
    *,
    branch: str = "main",
    tool: Tool = TOOL,
    handover: Handover = "artifacts",
    host: str = "ghcr.io",
    environment: str = "",
    without: Sequence[str] = (),
) -> tuple[Job, ...]:
    """All jobs of a workflow that builds, publishes, attests and proves images, without the gate.

    `without` are images whose contracts `prove` does not try.
    """
    return (
        plan(tool=tool, branch=branch),
        build(planned, tool=tool, handover=handover),
        *((send(planned, tool=tool),) if handover == "registry" else ()),
        publish(tool=tool, environment=environment, handover=handover),
        attest(planned, host=host),
        prove(planned, tool=tool, host=host, without=without),
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
