"""The generated build of prepared bases runs: pins move in the run, and one tag is set on what was built."""

from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.plan import Plan
from buildtools.workflow import prepared
from tests.fakes.act import passed, run_act
from tests.fakes.bases import BUILDS, put_base, put_base_index, windows
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.git import git
from tests.fakes.workflows import checked_out, tags_of

WORKFLOW = """\
from buildtools.workflow import jobs, prepared
from buildtools.workflow.model import Workflow


def workflow(plan):
    return Workflow(
        name="prepared-base",
        on=prepared.events(plan),
        concurrency=prepared.PER_BRANCH,
        jobs=jobs.gated(
            prepared.pins(plan), prepared.build(plan), prepared.publish(plan),
            prepared.attest(plan, host="HOST"), prepared.prove(plan, host="HOST"),
        ),
    )
"""


def test_a_prepared_base_is_built_on_moved_pins(
    project: Path,
    vendor: DockerRegistry,
    mirrors: dict[str, str],
    registry: DockerRegistry,
    docker_engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All jobs use the pins that this run has moved; no other image is built, and the commit stays as it is.

    No machine here runs a Dockerfile for Windows: an image that is assembled takes its place.
    """
    monkeypatch.setattr(prepared, "of", _made)
    place = checked_out(project, registry, monkeypatch, prepared_base=WORKFLOW)
    entry = put_base(vendor, "mcr/windows/nanoserver", windows(f"{BUILDS['ltsc2025']}9"), text="newer")
    put_base_index(vendor, "mcr/windows/nanoserver", "ltsc2025", [entry])
    run = passed(
        run_act(
            "workflow_dispatch", project, tmp_path / "act", name="prepared-base",
            payload={"ref": "refs/heads/main"}, DOCKER_HOST=docker_engine,
            **mirrors,
        )
    )  # fmt: skip
    assert run.results == ["success"] * 5
    assert [tags_of(place, image) for image in ("hello", "host", "made")] == [[], [], ["latest"]]
    assert run.artifacts == ["images-ubuntu-24-04-1", "pins"]
    assert not git(project, "status", "--porcelain")
    assert main(["rebase", f"{place}/made:latest", "--dry-run", "-q"]) == 0
    assert len({*run.attested}) == 1 + 4


def _made(plan: Plan) -> Plan:
    return Plan(targets=tuple(target for target in plan.targets if target.variant.image == "made"))
