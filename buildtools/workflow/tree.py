"""A workflow as the plain values of its file, keys in the order in which people read them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from buildtools.workflow.emit import Commented, Node, emit
from buildtools.workflow.model import (
    Action,
    Concurrency,
    Input,
    Job,
    Matrix,
    Permission,
    Secret,
    Step,
    Trigger,
    Workflow,
)

_SPACED: Final = frozenset({"jobs"})


def render(workflow: Workflow, *, header: tuple[str, ...]) -> str:
    """The text of the workflow's file."""
    return emit(tree_of(workflow), header=header, spaced=_SPACED)


def tree_of(workflow: Workflow) -> dict[str, Node]:
    """The file's document; `permissions` is always there: nothing is left to a repository's settings."""
    return _kept(
        {
            "name": workflow.name,
            "run-name": workflow.run_name,
            "on": {trigger.event: _trigger(trigger) for trigger in workflow.on},
        }
    ) | {
        "permissions": _permissions(workflow.permissions),
        **_kept(
            {
                "concurrency": _concurrency(workflow.concurrency),
                "env": dict(workflow.env),
                "defaults": _defaults(workflow.shell_),
            }
        ),
        "jobs": {job.id: _job(job) for job in workflow.jobs},
    }


def _kept(fields: Mapping[str, Node]) -> dict[str, Node]:
    """Without keys that say nothing."""
    return {key: value for key, value in fields.items() if value not in ("", None, False, 0, {}, (), [])}


def _trigger(trigger: Trigger) -> Node:
    if trigger.crons:
        return [{"cron": cron} for cron in trigger.crons]
    outputs: dict[str, Node] = {
        name: {"description": output.description, "value": output.value}
        for name, output in trigger.outputs.items()
    }
    return (
        _kept(
            {
                "branches": list(trigger.branches),
                "tags": list(trigger.tags),
                "paths": list(trigger.paths),
                "types": list(trigger.types),
                "inputs": {name: _input(given) for name, given in trigger.inputs.items()},
                "outputs": outputs,
                "secrets": {name: _secret(secret) for name, secret in trigger.secrets.items()},
            }
        )
        or None
    )


def _input(given: Input) -> Node:
    fields = _kept(
        {
            "description": given.description,
            "type": given.type,
            "required": given.required,
            "options": list(given.options),
        }
    )
    return fields if given.default is None else fields | {"default": given.default}


def _secret(secret: Secret) -> Node:
    return {"description": secret.description, "required": secret.required}


def _permissions(permissions: tuple[Permission, ...]) -> Node:
    return {one.scope: Commented(one.level, one.reason) for one in permissions}


def _concurrency(concurrency: Concurrency | None) -> Node:
    if concurrency is None:
        return None
    return {
        "group": concurrency.group,
        "cancel-in-progress": concurrency.cancel_in_progress,
        **_kept({"queue": concurrency.queue}),
    }


def _defaults(shell: str) -> Node:
    return {"run": {"shell": shell}} if shell else {}


def _job(job: Job) -> Node:
    head = _kept(
        {
            "name": job.name,
            "needs": list(job.needs),
            "if": job.if_,
            "strategy": _strategy(job),
            "runs-on": job.runs_on if isinstance(job.runs_on, str) else list(job.runs_on),
            "timeout-minutes": job.timeout,
            "environment": job.environment,
            "continue-on-error": job.continue_on_error,
        }
    )
    return (
        head
        | {"permissions": _permissions(job.permissions)}
        | _kept(
            {
                "concurrency": _concurrency(job.concurrency),
                "outputs": dict(job.outputs),
                "env": dict(job.env),
                "defaults": _defaults(job.shell_),
                "uses": job.uses,
                "with": dict(job.with_),
                "secrets": dict(job.secrets),
                "steps": [_step(step) for step in job.steps],
            }
        )
    )


def _strategy(job: Job) -> Node:
    matrix = job.matrix
    if matrix is None:
        return None
    return {
        "fail-fast": job.fail_fast,
        **_kept({"max-parallel": matrix.max_parallel}),
        "matrix": matrix.expression or dict(_legs(matrix)),
    }


def _legs(matrix: Matrix) -> Iterator[tuple[str, Node]]:
    yield from ((name, list(values)) for name, values in matrix.axes.items())
    if matrix.include:
        yield "include", [dict(leg) for leg in matrix.include]


def _step(step: Step) -> Node:
    uses: Any = step.uses
    if isinstance(uses, Action):
        uses = Commented(uses.reference, uses.version)
    return _kept(
        {
            "name": step.name,
            "id": step.id,
            "if": step.if_,
            "continue-on-error": step.continue_on_error,
            "timeout-minutes": step.timeout,
            "uses": uses,
            "with": dict(step.with_),
            "working-directory": step.working_directory,
            "shell": step.shell_,
            "env": dict(step.env),
            "run": step.run,
        }
    )
