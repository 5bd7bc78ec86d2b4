# ruff: noqa: E501 - orders are asserted whole
"""Jobs on clusters: never for strangers, always cleared up, and nothing empty is tried."""

from collections.abc import Callable

import pytest

from buildtools.plan import Plan
from buildtools.workflow import clusters
from buildtools.workflow.model import Job, Workflow
from buildtools.workflow.rules import check
from buildtools.workflow.runners import WINDOWS
from buildtools.workflow.tree import render

NOTHING = Plan(targets=())
AKS = Workflow(
    name="aks",
    on=clusters.events(tag="stable", cron="1 2 * * 3"),
    concurrency=clusters.QUEUE,
    jobs=(clusters.aks(tag="stable", releases=("ltsc2025",)), clusters.delete(), clusters.sweep()),
)
HOSTED = next(reversed(WINDOWS))
K2S = Workflow(
    name="k2s",
    on=clusters.events(tag="main"),
    concurrency=clusters.QUEUE,
    jobs=(clusters.k2s(runs_on=HOSTED, cpus=2),),
)
ALL = [*AKS.jobs, *K2S.jobs]


@pytest.mark.parametrize(("name", "workflow"), [("cluster-aks", AKS), ("cluster-hosted", K2S)])
def test_golden(name: str, workflow: Workflow, golden: Callable[[str, str], None]) -> None:
    """They keep all rules, and this is what is written."""
    assert check(workflow, NOTHING) == []
    golden(f"workflows/{name}.yml", render(workflow, header=("A project's own.",)))


def test_only_people_of_the_repository_start_them() -> None:
    """By hand or by the clock; never for a pull request, and not in a fork."""
    for workflow in (AKS, K2S):
        assert {trigger.event for trigger in workflow.on} <= {"workflow_dispatch", "schedule"}
    for job in ALL:
        assert clusters.NOT_A_FORK in job.if_


def test_who_logs_in_to_azure_has_an_environment_and_a_reason() -> None:
    """And nobody else may have such a token."""
    for job in ALL:
        scopes = {one.scope: one.reason for one in job.permissions}
        logs_in = any(step.name == "Log in to Azure" for step in job.steps)
        assert ("id-token" in scopes) == logs_in == (job.environment == "aks-test")
        assert all(scopes.values())


def test_what_is_made_is_cleared_up() -> None:
    """AKS by a job that needs nothing but the first one's end, K2s by a step."""
    _, delete, _ = AKS.jobs
    assert (delete.needs, delete.if_) == (("aks",), f"always() && {clusters.NOT_A_FORK}")
    assert "steps.name.outputs.group" in AKS.jobs[0].outputs["group"]
    assert [step.name for step in K2S.jobs[0].steps if step.if_ == "always()"][-1] == "Take K2s away"
    assert K2S.jobs[0].steps[-1].name == "Take K2s away"


def step(job: Job, name: str) -> str:
    """What a step runs."""
    return next(one.run for one in job.steps if one.name == name)


def test_a_scheduled_run_tries_what_is_published() -> None:
    """It has no inputs, so the tag has a value of its own."""
    assert AKS.jobs[0].env["TAG"] == "${{ inputs.tag || 'stable' }}"
    assert '--tag "$TAG" --images "$IMAGES"' in step(AKS.jobs[0], "Write manifests")
    assert step(AKS.jobs[0], "Make the cluster").endswith(" --release ltsc2025")


def test_the_order_of_things() -> None:
    """Nothing is rolled out before preflight has looked at the real nodes."""
    names = [one.name for one in AKS.jobs[0].steps]
    order = [
        "Make the cluster",
        "Wait for nodes",
        "Write manifests",
        "Look before anything runs",
        "Roll out",
        "Try",
    ]
    assert [name for name in names if name in order] == order
    assert "--nodes dist/nodes.json" in step(AKS.jobs[0], "Look before anything runs")


def test_k2s_has_what_can_be_known_of_it() -> None:
    """No installer; on GitHub's machine it may fail, on one of one's own not, and a person's choice decides."""
    job = K2S.jobs[0]
    assert "--part installer" not in step(job, "Write manifests")
    assert "--check installer" not in step(job, "Try")
    assert job.continue_on_error is True
    assert clusters.k2s(runs_on="lab").continue_on_error is False
    asked = clusters.k2s()
    assert asked.runs_on == "${{ inputs.machine }}"
    assert asked.continue_on_error == "${{ startsWith(inputs.machine, 'windows-') }}"
    (trigger,) = clusters.events(tag="main", label="k2s")
    assert trigger.inputs["machine"].default == "k2s"
