"""What a workflow must keep before it is written: one row a rule, each fault with a sentence.

Sources: github/docs:content/actions/reference/limits.md; actions/toolkit:packages/artifact (names);
zizmorcore/zizmor:docs/audits.md for what lets strangers in.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from buildtools.errors import Diagnostic
from buildtools.plan import Plan
from buildtools.windows.releases import RELEASES
from buildtools.workflow.actions import misnamed
from buildtools.workflow.model import Action, Concurrency, Job, Permission, Step, Workflow, steps
from buildtools.workflow.runners import WINDOWS, refused

MOST_LEGS: Final = 256
MOST_RUN: Final = 21_000
MOST_OUTPUT: Final = 1024 * 1024
"""Bytes of all outputs of a job, counted as UTF-16."""

_SHA: Final = re.compile(r"[0-9a-f]{40}")
_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SECRET: Final = re.compile(r"\bsecrets\s*(?:\.\s*([A-Za-z0-9_]+)|\[|\))")
_ARTIFACT: Final = re.compile(r'[":<>|*?\r\n\\/]')
_EXPRESSION: Final = re.compile(r"\$\{\{.*?\}\}")
_FOR_STRANGERS: Final = frozenset({"pull_request", "workflow_call"})
_CALLED: Final = re.compile(r"\./.+|[^@\s]+/[^@\s]+/\.github/workflows/[^@\s/]+\.ya?ml@[0-9a-f]{40}")
_DANGEROUS: Final = frozenset({"pull_request_target", "workflow_run"})

Rule = Callable[[Workflow, Plan], Iterator[Diagnostic]]


def check(workflow: Workflow, plan: Plan) -> list[Diagnostic]:
    """Everything that keeps the workflow from being written."""
    return [finding for rule in RULES for finding in rule(workflow, plan)]


def _finding(code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, hint=hint)


def _shown(job: Job, step: Step) -> str:
    return f"job {job.id}, step {step.name!r}"


def _names(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    """Names that are there once each."""
    for kind, names in (
        ("event", [trigger.event for trigger in workflow.on]),
        ("job", [job.id for job in workflow.jobs]),
        *((f"step of job {job.id}", [step.id for step in job.steps if step.id]) for job in workflow.jobs),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield _finding("name-twice", f"{kind} {name} is there {count} times", "name it once")
    for job in workflow.jobs:
        if not _ID.fullmatch(job.id):
            hint = "use letters, digits, - and _, a letter first"
            yield _finding("job-id", f"{job.id!r} cannot be a job's id", hint)


def _needs(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    known = {job.id for job in workflow.jobs}
    for job in workflow.jobs:
        for needed in job.needs:
            if needed not in known:
                hint = f"name one of {', '.join(sorted(known))}"
                yield _finding("unknown-need", f"job {job.id} needs {needed}, which is no job", hint)


def _contents(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    """Events, jobs and steps that do something and say what they are."""
    if not (workflow.on and workflow.jobs and workflow.name):
        yield _finding("empty", f"the workflow {workflow.name!r} lacks a name, an event or a job", "add it")
    for job in workflow.jobs:
        if not job.name or not (job.uses or job.steps):
            yield _finding("empty", f"job {job.id} has no name, or nothing to do", "add it")
        for step in job.steps:
            if not step.name or (step.uses is None) == (not step.run):
                hint = "give it a name, and either a command or an action"
                yield _finding("empty", f"{_shown(job, step)} is not whole", hint)


def _triggers(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for trigger in workflow.on:
        if trigger.event in _DANGEROUS:
            yield _finding(
                "dangerous-trigger",
                f"{trigger.event} runs with this repository's rights on what strangers propose",
                "use pull_request, which has none",
            )


def _permissions(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    named = [
        ("the workflow", workflow.permissions),
        *((f"job {job.id}", job.permissions) for job in workflow.jobs),
    ]
    for place, permissions in named:
        for one in permissions:
            yield from _permission(place, one)
    if workflow.permissions:
        yield _finding(
            "shared-permission",
            f"{workflow.name} gives permissions to all its jobs",
            "give each job the ones that it needs",
        )


def _strangers(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    """A job that may write runs for what is merged; a called workflow may be called for pull requests."""
    if not {trigger.event for trigger in workflow.on} & _FOR_STRANGERS:
        return
    for job in workflow.jobs:
        written = [one.scope for one in job.permissions if one.level == "write"]
        if written and not job.if_ and not job.uses:
            yield _finding(
                "write-for-strangers",
                f"job {job.id} may write {', '.join(written)} and runs for pull requests, too",
                "give it a condition, such as if_=jobs.PUSH",
            )


def _permission(place: str, one: Permission) -> Iterator[Diagnostic]:
    if not one.reason or not one.reason.isprintable():
        yield _finding(
            "permission-reason",
            f"{place} has {one.scope}: {one.level} without a reason of one line",
            "say what it is needed for",
        )


def _timeouts(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for job in workflow.jobs:
        if not job.uses and not 0 < job.timeout <= 360:
            yield _finding(
                "no-timeout",
                f"job {job.id} has no timeout",
                "set minutes from 1 to 360: without it, it is 360",
            )


def _runners(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for job in workflow.jobs:
        if job.uses:
            continue
        for label in labels_of(job):
            if fault := refused(label, workflow.labels):
                yield _finding("unknown-runner", f"job {job.id}: {fault[0]}", fault[1])


def labels_of(job: Job) -> list[str]:
    """The labels that a job's runners have as far as they are known: a static matrix is looked into."""
    given = (job.runs_on,) if isinstance(job.runs_on, str) else job.runs_on
    found = []
    for label in given:
        axis = re.fullmatch(r"\$\{\{ *matrix\.([A-Za-z0-9_-]+) *\}\}", label)
        if axis and job.matrix and not job.matrix.expression:
            values = [*job.matrix.axes.get(axis[1], ())]
            values += [leg[axis[1]] for leg in job.matrix.include if axis[1] in leg]
            found += [str(value) for value in values] or [label]
        elif not axis:
            found.append(label)
    return list(dict.fromkeys(found))


def _shells(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for job in workflow.jobs:
        if not any(label in WINDOWS for label in labels_of(job)) or job.shell_ or workflow.shell_:
            continue
        for step in job.steps:
            if step.run and not step.shell_:
                yield _finding(
                    "shell",
                    f"{_shown(job, step)} runs in another shell on Windows than on Linux",
                    "set the job's shell to bash",
                )


def _matrices(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for job in workflow.jobs:
        matrix = job.matrix
        if matrix is None:
            continue
        if matrix.expression:
            if not job.if_:
                yield _finding(
                    "empty-matrix",
                    f"job {job.id} has no condition, and GitHub fails a run whose matrix has no leg",
                    "leave the job out where there is nothing to do: if_=...",
                )
            continue
        legs = 1
        for values in matrix.axes.values():
            legs *= len(values)
        legs = (legs if matrix.axes else 0) + len(matrix.include)
        if not 0 < legs <= MOST_LEGS:
            yield _finding(
                "matrix-legs",
                f"job {job.id} has {legs} legs, and GitHub takes 1 to {MOST_LEGS}",
                "let several targets share a leg, as `buildtools plan --legs` does",
            )


def _commands(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for job, step in steps(workflow):
        if "${{" in step.run:
            yield _finding(
                "expression-in-run",
                f"{_shown(job, step)} has an expression in its command, whose value may be a command, too",
                'hand it in with env and write "$NAME"',
            )
        if len(step.run) > MOST_RUN:
            yield _finding(
                "run-length",
                f"{_shown(job, step)} has a command of {len(step.run):,} characters, and {MOST_RUN:,} may be",
                "put it into a Python module of the repository",
            )


def _outputs(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for job in workflow.jobs:
        size = sum(output_bytes(name, value) for name, value in job.outputs.items())
        if size > MOST_OUTPUT:
            yield _finding(
                "output-size",
                f"the outputs of job {job.id} have {size:,} bytes, and {MOST_OUTPUT:,} may be",
                "hand it on in an artifact",
            )


def output_bytes(name: str, value: str) -> int:
    """What an output counts against MOST_OUTPUT."""
    return len((name + value).encode("utf-16-le"))


def _actions(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for job in workflow.jobs:
        if job.uses and not _CALLED.fullmatch(job.uses):
            yield _finding(
                "unpinned-action",
                f"job {job.id} calls {job.uses!r}",
                "name ./.github/workflows/x.yml, or owner/name/.github/workflows/x.yml@ with the whole sha",
            )
    for job, step in steps(workflow):
        used = step.uses
        if isinstance(used, str) and not used.startswith("./"):
            yield _finding(
                "unpinned-action",
                f"{_shown(job, step)} uses {used!r}",
                "name an Action with its commit, or a path that starts with ./",
            )
        if isinstance(used, Action) and not (_SHA.fullmatch(used.sha) and used.version):
            yield _finding(
                "unpinned-action",
                f"{_shown(job, step)} uses {used.name} at {used.sha!r}",
                "a version can be moved to other code: name the whole sha of the commit, and the version",
            )
        elif isinstance(used, Action) and (wrong := misnamed(used)):
            yield _finding(
                "other-version",
                f"{_shown(job, step)} uses {used.name} and {wrong}",
                "take both from `buildtools pins --actions`",
            )


def _artifacts(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for job, step in steps(workflow):
        if not (isinstance(step.uses, Action) and step.uses.name.endswith("/upload-artifact")):
            continue
        name = str(step.with_.get("name", "artifact"))
        place = _shown(job, step)
        if found := _ARTIFACT.search(_EXPRESSION.sub("", name)):
            yield _finding(
                "artifact-name",
                f"{place}: the artifact's name {name!r} has {found[0]!r} in it",
                "use letters, digits, - and _",
            )
        if job.matrix and "matrix." not in name:
            yield _finding(
                "artifact-twice",
                f"{place}: every leg would upload an artifact {name!r}",
                "put a value of the matrix into its name",
            )
        if name in seen:
            yield _finding(
                "artifact-twice",
                f"{place}: {seen[name]} uploads an artifact {name!r}, too",
                "name it otherwise",
            )
        seen[name] = place


def _secrets(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    """A secret that is no environment's is readable by whoever can push a branch."""
    for job in workflow.jobs:
        texts = [*map(str, (*job.env.values(), *job.with_.values(), *job.secrets.values(), job.if_))]
        for step in job.steps:
            texts += map(str, (*step.env.values(), *step.with_.values(), step.if_))
        for name in dict.fromkeys(found[1] for text in texts for found in _SECRET.finditer(text)):
            if name != "GITHUB_TOKEN" and not job.environment and not job.uses:
                yield _finding(
                    "secret-without-environment",
                    f"job {job.id} uses {f'secret {name}' if name else 'all secrets'} and has no environment",
                    "keep the secret in an environment with protection rules, and name that",
                )


def _concurrencies(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    named: list[tuple[str, Concurrency | None]] = [(workflow.name, workflow.concurrency)]
    named += [(f"job {job.id}", job.concurrency) for job in workflow.jobs]
    if workflow.concurrency is None and {one.event for one in workflow.on} != {"workflow_call"}:
        yield _finding(
            "no-concurrency",
            f"{workflow.name} says nothing about runs at the same time",
            "set concurrency: who pushes twice needs no two runs",
        )
    for place, one in named:
        if one and one.queue == "max" and one.cancel_in_progress is not False:
            yield _finding(
                "queue-and-cancel",
                f"{place} both queues runs and cancels them",
                "set one of queue and cancel_in_progress",
            )


def _images(workflow: Workflow, _: Plan) -> Iterator[Diagnostic]:
    for image in workflow.images:
        if image != image.lower():
            yield _finding(
                "image-name", f"{image} has capitals, which no repository may have", f"write {image.lower()}"
            )


def _buildable(_: Workflow, plan: Plan) -> Iterator[Diagnostic]:
    yield from unbuildable(plan)


def unbuildable(plan: Plan) -> Iterator[Diagnostic]:
    """What no machine of GitHub's can build: a Dockerfile needs one of its own Windows release."""
    hosted = ", ".join(row.name for row in RELEASES if row.hosted_runner)
    for target in plan.targets:
        if not target.runner:
            yield _finding(
                "no-runner",
                f"{target.name} is built by a Dockerfile, and GitHub has no machine that could",
                f"describe it with `files` (then any Linux builds it), or build it for {hosted} only",
            )


RULES: Final[tuple[Rule, ...]] = (
    _names,
    _needs,
    _contents,
    _triggers,
    _permissions,
    _strangers,
    _timeouts,
    _runners,
    _shells,
    _matrices,
    _commands,
    _outputs,
    _actions,
    _artifacts,
    _secrets,
    _concurrencies,
    _images,
    _buildable,
)
"""In the order in which faults are told."""
