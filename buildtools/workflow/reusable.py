"""The workflow that other repositories call: their Plan is not known here, so all of it comes at run time.

It has the jobs of `jobs`, with steps for every kind of machine and matrices out of the outputs of `plan` and
`publish`. The tool itself comes from the repository of the called workflow, at the commit that was called.

Sources: github/docs:content/actions/reference/workflows-and-actions/contexts.md (job context: workflow_sha
and workflow_repository; not on GitHub Enterprise Server), reusing-workflow-configurations.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from buildtools.plan import Plan
from buildtools.workflow import jobs, steps
from buildtools.workflow.actions import action
from buildtools.workflow.legs import DEFAULT_LEGS, SUBJECTS
from buildtools.workflow.model import Input, Job, Matrix, Output, Secret, Step, Trigger, Value
from buildtools.workflow.runners import LINUX
from buildtools.workflow.steps import PYTHON, Tool, locked

FOLDER: Final = ".buildtools"
_EVENTS: Final = 'contains(fromJSON(\'["push", "schedule", "workflow_dispatch"]\'), github.event_name)'
_BRANCH: Final = "inputs.branch || github.event.repository.default_branch || github.ref_name"
"""A schedule tells of no repository, and runs on the default branch only (github/codeql-action#1211)."""
PUBLISHES: Final = f"{_EVENTS} && (github.ref_type == 'tag' || github.ref_name == ({_BRANCH}))"
"""The caller's own branch and its tags, and no event that a stranger can cause."""

_PUBLISHED: Final = "needs.plan.outputs.publish == 'true'"
_WHOLE: Final = "!failure() && !cancelled()"
"""Of `build` and `send` one is always left out, and success() counts that against all that come after it
(actions/runner#491)."""

CREDENTIALS: Final[Mapping[str, Value]] = {
    "BUILDTOOLS_REGISTRY_HOST": "${{ needs.plan.outputs.host }}",
    "BUILDTOOLS_REGISTRY_USERNAME": "${{ secrets.username || github.actor }}",
    "BUILDTOOLS_REGISTRY_PASSWORD": (
        "${{ secrets.password || needs.plan.outputs.host == 'ghcr.io' && secrets.GITHUB_TOKEN || '' }}"
    ),
}
"""For this tool, in the steps that need them; no other registry than GitHub's is sent the token."""
TARGET: Final[Mapping[str, Value]] = {"REGISTRY": "${{ needs.plan.outputs.registry }}"}

_REFUSE: Final = """\
echo "::error::this server does not say which commit of the workflow was called: name the input buildtools"
exit 1
"""
_INSTALL: Final = f"""\
if [ -n "$REQUIREMENT" ]; then
  python -m pip install "$REQUIREMENT"
else
  {locked(f"{FOLDER}/requirements/tool.txt")}
  mkdir "$RUNNER_TEMP/{FOLDER}"
  mv {FOLDER}/buildtools "$RUNNER_TEMP/{FOLDER}/"
  echo "PYTHONPATH=$RUNNER_TEMP/{FOLDER}" >>"$GITHUB_ENV"
fi
"""
"""The tool is run as it was checked out: a build of it would take what builds it without a hash."""
_RUN: Final = """\
case "$HANDOVER" in
  artifacts | registry) ;;
  *)
    echo "::error::the input handover is artifacts or registry, not $HANDOVER"
    exit 1
    ;;
esac
echo "publish=$PUBLISH" >>"$GITHUB_OUTPUT"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool(Tool):
    """The tool in a caller's job: of the called commit, or what the input `buildtools` names."""

    def setup(self, *, history: bool = True) -> tuple[Step, ...]:
        """The caller's checkout comes last: it empties the folder that the tool was in."""
        ours = "inputs.buildtools == ''"
        return (
            Step(
                name="Refuse a server that names no commit", if_=f"{ours} && !job.workflow_sha", run=_REFUSE
            ),
            Step(
                name="Check out the tool",
                if_=ours,
                uses=action("actions/checkout"),
                with_={
                    "persist-credentials": False,
                    "repository": "${{ job.workflow_repository }}",
                    "ref": "${{ job.workflow_sha }}",
                    "path": FOLDER,
                },
            ),
            steps.python(self.python),
            Step(name="Install", env={"REQUIREMENT": "${{ inputs.buildtools }}"}, run=_INSTALL),
            steps.checkout(history=history),
        )


TOOL: Final = CalledTool(python="${{ inputs.python-version }}")


def trigger() -> Trigger:
    """Inputs, secrets and outputs; every input has a default."""
    return Trigger(
        event="workflow_call",
        inputs={
            "registry": Input(
                description="where to publish, as ghcr.io/acme; the one of images/defaults.yaml if empty",
                default="",
            ),
            "branch": Input(
                description="the branch that publishes; the default branch if empty",
                default="",
            ),
            "handover": Input(
                description="artifacts, or registry: legs push what they build by digest", default="artifacts"
            ),
            "legs": Input(
                description="jobs that build at once on each kind of machine",
                type="number",
                default=DEFAULT_LEGS,
            ),
            "attest": Input(
                description="sign where each index and image was built", type="boolean", default=True
            ),
            "prove": Input(
                description="pull each index on Linux and on Windows, and look what came",
                type="boolean",
                default=True,
            ),
            "contracts": Input(
                description="on these machines also start what came, and try the lifecycle of its definition",
                type="boolean",
                default=True,
            ),
            "environment": Input(
                description="the environment of the jobs that reach the registry; none if empty",
                default="",
            ),
            "python-version": Input(description="the Python that runs the tool", default=PYTHON),
            "buildtools": Input(
                description="what pip installs in place of the called commit, as buildtools==1.0", default=""
            ),
        },
        outputs={
            "images": Output(
                description="what was published: a matrix of image, name, digest and children as JSON",
                value="${{ jobs.publish.outputs.images }}",
            ),
        },
        secrets={
            "username": Secret(description="user name at the registry; for ghcr.io the token does"),
            "password": Secret(description="password or access token at the registry"),
        },
    )


def plan() -> Job:
    """What runs where, and whether this run publishes."""
    arguments = '--github-output --legs "$LEGS" ${REGISTRY:+--to "$REGISTRY"}'
    env: Mapping[str, Value] = {"LEGS": "${{ inputs.legs }}", "REGISTRY": "${{ inputs.registry }}"}
    publishes = "steps.run.outputs.publish"
    each = ("any", "legs", "machines", "registry", "host")
    return Job(
        id="plan",
        name="Plan",
        runs_on=LINUX,
        timeout=10,
        permissions=(jobs.READ,),
        shell_="bash",
        outputs={"publish": f"${{{{ {publishes} }}}}"}
        | {name: f"${{{{ steps.changed.outputs.{name} || steps.all.outputs.{name} }}}}" for name in each},
        steps=(
            Step(
                name="Say whether this run publishes",
                id="run",
                env={"PUBLISH": f"${{{{ {PUBLISHES} }}}}", "HANDOVER": "${{ inputs.handover }}"},
                run=_RUN,
            ),
            *TOOL.setup(),
            steps.tool(
                "Compare with what is published",
                f'plan --published --or-all --tag "$TAG" {arguments}',
                step_id="changed",
                if_=f"{publishes} != 'true'",
                env={**env, "TAG": f"${{{{ {_BRANCH} }}}}"},
            ),
            steps.tool(
                "Plan all images",
                f"plan {arguments}",
                step_id="all",
                if_=f"{publishes} == 'true'",
                env=env,
            ),
        ),
    )


def build(nothing: Plan) -> Job:
    """A leg that hands on what it has built; of pull requests in any case."""
    job = jobs.build(nothing)
    return replace(
        job,
        if_=f"{job.if_} && ({_PUBLISHED.replace('==', '!=')} || inputs.handover == 'artifacts')",
        steps=(*jobs.build_steps(TOOL, windows=True), *job.steps[-1:]),
    )


def send(nothing: Plan) -> Job:
    """A leg that pushes what it has built, and hands on its records."""
    job = jobs.send(nothing)
    return replace(
        job,
        if_=f"needs.plan.outputs.any == 'true' && {_PUBLISHED} && inputs.handover == 'registry'",
        environment="${{ inputs.environment }}",
        steps=(
            *jobs.build_steps(TOOL, windows=True),
            steps.tool(
                "Send by digest",
                f'{jobs.SEND} --targets "$TARGETS" ${{REGISTRY:+--to "$REGISTRY"}}',
                env={"TARGETS": "${{ matrix.targets }}", **TARGET, **CREDENTIALS},
            ),
            *job.steps[-1:],
        ),
    )


def publish() -> Job:
    """Join what the legs have handed on, whichever way, and publish it."""
    joins = [
        step
        for name, (_, download, command) in jobs.JOINS.items()
        for step in (
            replace(download, if_=f"inputs.handover == '{name}'"),
            steps.tool(
                f"Publish from {name}",
                f'{command} ${{REGISTRY:+--to "$REGISTRY"}}',
                step_id=name,
                if_=f"inputs.handover == '{name}'",
                env={**TARGET, **CREDENTIALS},
            ),
        )
    ]
    outputs = {
        output: f"${{{{ {' || '.join(f'steps.{name}.outputs.{output}' for name in jobs.JOINS)} }}}}"
        for output in ("images", "attest")
    }
    return replace(
        jobs.publish(),
        needs=("plan", "build", "send"),
        if_=f"${{{{ {_WHOLE} && {_PUBLISHED} }}}}",
        environment="${{ inputs.environment }}",
        outputs=outputs,
        shell_="bash",
        steps=(*TOOL.setup(), *joins),
    )


def _after_publish(job: Job, wish: str) -> Job:
    """A job behind `publish`, where the caller wishes it."""
    return replace(
        job,
        needs=("plan", "publish"),
        if_=f"${{{{ {_WHOLE} && needs.publish.result == 'success' && inputs.{wish} }}}}",
        environment="${{ inputs.environment }}",
    )


def _login() -> Step:
    """For the Docker Engine and for actions."""
    return replace(
        steps.login(
            str(CREDENTIALS["BUILDTOOLS_REGISTRY_HOST"]),
            str(CREDENTIALS["BUILDTOOLS_REGISTRY_USERNAME"]),
            str(CREDENTIALS["BUILDTOOLS_REGISTRY_PASSWORD"]),
        ),
        name="Log in to the registry",
    )


def attest(nothing: Plan) -> Job:
    """Sign each index and image; legs have as many steps as a leg may have subjects."""
    places = [f"matrix.subjects[{number}]" for number in range(SUBJECTS)]
    return replace(
        _after_publish(jobs.attest(nothing), "attest"),
        name="Attest ${{ matrix.images }}",
        matrix=Matrix(expression="${{ fromJSON(needs.publish.outputs.attest) }}"),
        steps=(
            _login(),
            *(
                jobs.attestation(
                    f"Attest subject {number}",
                    digest=f"{place}.digest",
                    repository=f"{place}.name",
                    if_=f"{place}.digest",
                )
                for number, place in enumerate(places, start=1)
            ),
        ),
    )


def prove(nothing: Plan) -> Job:
    """Pull each index on every kind of machine that the caller's images are for."""
    return replace(
        _after_publish(jobs.prove(nothing), "prove"),
        matrix=Matrix(expression="${{ fromJSON(needs.plan.outputs.machines) }}"),
        steps=tuple(map(_on_wish, jobs.prove_steps(TOOL, windows=True, login=_login()))),
    )


def _on_wish(step: Step) -> Step:
    """Contracts are tried where the caller wishes it."""
    if " --contracts" not in step.run:
        return step
    wish = {"CONTRACTS": "${{ inputs.contracts && 'true' || '' }}"}
    run = step.run.replace(" --contracts", " ${CONTRACTS:+--contracts}")
    return replace(step, run=run, env={**step.env, **wish})


def called() -> tuple[Job, ...]:
    """All jobs, with the gate."""
    nothing = Plan(targets=())
    return jobs.gated(plan(), build(nothing), send(nothing), publish(), attest(nothing), prove(nothing))


CALLER: Final = (jobs.READ, *jobs.SIGN)
"""What the job that calls must grant: a called workflow gets no more than its caller has."""
