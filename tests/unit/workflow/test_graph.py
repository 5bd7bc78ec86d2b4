"""The picture of a workflow."""

from buildtools.workflow import jobs
from buildtools.workflow.graph import mermaid
from buildtools.workflow.model import Trigger, Workflow
from tests.fakes.plans import ONE_IMAGE


def test_arrows_that_say_something_new() -> None:
    """`publish` waits for `plan` by way of `build`, and the gate for all by way of the last ones."""
    every = (
        jobs.plan(),
        jobs.build(ONE_IMAGE),
        jobs.publish(),
        jobs.attest(ONE_IMAGE),
        jobs.prove(ONE_IMAGE),
    )
    workflow = Workflow(name="x", on=(Trigger(event="push"),), jobs=jobs.gated(*every))
    assert mermaid(workflow).splitlines() == [
        "flowchart LR",
        '  plan["plan"]',
        '  build[["build, a leg each"]]',
        "  plan --> build",
        '  publish["publish"]',
        "  build --> publish",
        '  attest[["attest, a leg each"]]',
        "  publish --> attest",
        '  prove[["prove, a leg each"]]',
        "  publish --> prove",
        '  ok["ok"]',
        "  attest --> ok",
        "  prove --> ok",
    ]
