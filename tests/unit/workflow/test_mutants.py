"""What is taken out of a workflow is missed: by a rule, or at least by the file that is committed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from buildtools.generate import load
from buildtools.workflow.model import Action, Job, Step, Workflow
from buildtools.workflow.rules import check
from buildtools.workflow.tree import render
from tests.fakes.plans import ONE_IMAGE

ROOT = Path(__file__).parents[3]
MADE = {
    path.stem: made
    for path in sorted((ROOT / "workflows").glob("[!_]*.py"))
    if isinstance(made := load(path, path.name, ONE_IMAGE), Workflow)
}
STRANGERS = {"pull_request", "workflow_call"}
Mutants = Iterator[tuple[str, Workflow]]


def changed(workflow: Workflow, number: int, job: Job) -> Workflow:
    """The workflow with another job in this place."""
    return replace(workflow, jobs=(*workflow.jobs[:number], job, *workflow.jobs[number + 1 :]))


def jobs_without() -> Mutants:
    """A job without one of its parts: each must break a rule."""
    for name, workflow in MADE.items():
        for number, job in enumerate(workflow.jobs):
            parts = {"name": replace(job, name="")}
            if not job.uses:
                parts["timeout"] = replace(job, timeout=0)
                parts["steps"] = replace(job, steps=())
                parts["runner"] = replace(job, runs_on="windows-latest")
            if job.matrix and job.matrix.expression:
                parts["condition"] = replace(job, if_="")
            if STRANGERS & {one.event for one in workflow.on} and _writes(job):
                parts["condition of what writes"] = replace(job, if_="")
            for place, one in enumerate(job.permissions):
                bare = (*job.permissions[:place], replace(one, reason=""), *job.permissions[place + 1 :])
                parts[f"reason of {one.scope}"] = replace(job, permissions=bare)
            for part, mutant in parts.items():
                yield f"{name} {job.id} {part}", changed(workflow, number, mutant)


def _writes(job: Job) -> bool:
    return any(one.level == "write" for one in job.permissions)


def steps_without() -> Mutants:
    """A step without one of its parts: each must break a rule."""

    def uploads(step: Step, job: Job) -> bool:
        return bool(job.matrix) and isinstance(step.uses, Action) and "upload" in step.uses.name

    breaks: dict[str, tuple[Callable[[Step, Job], bool], Callable[[Step], Step]]] = {
        "name": (lambda step, job: True, lambda step: replace(step, name="")),
        "work": (lambda step, job: True, lambda step: replace(step, uses=None, run="")),
        "pin": (
            lambda step, job: isinstance(step.uses, Action),
            lambda step: replace(step, uses=replace(step.uses, sha="main")),  # type: ignore[type-var] # it is one
        ),
        "version": (
            lambda step, job: isinstance(step.uses, Action),
            lambda step: replace(step, uses=replace(step.uses, version="")),  # type: ignore[type-var] # it is one
        ),
        "safe command": (
            lambda step, job: bool(step.run),
            lambda step: replace(step, run="${{ github.head_ref }}"),
        ),
        "name for each leg": (uploads, lambda step: replace(step, with_={**step.with_, "name": "all"})),
    }
    for name, workflow in MADE.items():
        for number, job in enumerate(workflow.jobs):
            for place, step in enumerate(job.steps):
                for part, (applies, take) in breaks.items():
                    if applies(step, job):
                        steps = (*job.steps[:place], take(step), *job.steps[place + 1 :])
                        label = f"{name} {job.id} {place} {part}"
                        yield label, changed(workflow, number, replace(job, steps=steps))


@pytest.mark.parametrize("name", MADE)
def test_nothing_is_wrong_before(name: str) -> None:
    """So whatever is found below is found for what was taken out."""
    assert check(MADE[name], ONE_IMAGE) == []


@pytest.mark.parametrize(
    "mutant", [pytest.param(one, id=name) for name, one in (*jobs_without(), *steps_without())]
)
def test_a_rule_misses_what_is_taken_out(mutant: Workflow) -> None:
    """A timeout, a pin, a reason, a condition: each of them is asked for."""
    assert check(mutant, ONE_IMAGE)


def taken() -> Mutants:
    """A job without a permission, a need, a condition or a step: no rule can know that it needs it."""
    for name, workflow in MADE.items():
        for number, job in enumerate(workflow.jobs):
            for part, mutant in (*_less(job), *_less_in_steps(job)):
                yield f"{name} {job.id} {part}", changed(workflow, number, mutant)


def _less(job: Job) -> Iterator[tuple[str, Job]]:
    for place, one in enumerate(job.permissions):
        before, after = job.permissions[:place], job.permissions[place + 1 :]
        other = replace(one, level="read" if one.level == "write" else "write")
        yield f"permission {one.scope}", replace(job, permissions=(*before, *after))
        yield f"level of {one.scope}", replace(job, permissions=(*before, other, *after))
    for need in job.needs:
        yield f"need {need}", replace(job, needs=tuple(one for one in job.needs if one != need))
    if job.if_:
        yield "condition", replace(job, if_="")
    if job.concurrency:
        yield "queue", replace(job, concurrency=replace(job.concurrency, queue=""))
    if job.outputs:
        yield "outputs", replace(job, outputs={})


def _less_in_steps(job: Job) -> Iterator[tuple[str, Job]]:
    for place, step in enumerate(job.steps):
        before, after = job.steps[:place], job.steps[place + 1 :]
        yield f"step {place}", replace(job, steps=(*before, *after))
        for part in ("if_", "env", "with_", "timeout", "id"):
            if value := getattr(step, part):
                bare = replace(step, **{part: type(value)()})
                yield f"{part} of step {place}", replace(job, steps=(*before, bare, *after))


@pytest.mark.parametrize(("name", "mutant"), [pytest.param(name, one, id=name) for name, one in taken()])
def test_the_committed_file_misses_what_is_taken_out(name: str, mutant: Workflow) -> None:
    """Each part shows in the text, so `--check` fails where one is lost."""
    whole = MADE[name.partition(" ")[0]]
    assert render(mutant, header=()) != render(whole, header=())
