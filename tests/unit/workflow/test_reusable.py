"""The workflow that others call: what it may do, when it publishes, and what its caller must grant."""

import re
import subprocess
from pathlib import Path

import pytest

from buildtools.plan import Plan
from buildtools.workflow import reusable
from buildtools.workflow.legs import SUBJECTS
from buildtools.workflow.model import Job, Workflow
from buildtools.workflow.rules import check
from tests.fakes.definitions import write_script
from tests.fakes.plans import DOCKERFILES, HOST_PROCESS, MANY, ONE_IMAGE

ROOT = Path(__file__).parents[3]
CALLED = {job.id: job for job in reusable.called()}
WRITING = {"send", "publish", "attest"}


def texts(job: Job) -> str:
    """All that a job says."""
    return repr(job)


@pytest.mark.parametrize("plan", [Plan(targets=()), ONE_IMAGE, MANY, HOST_PROCESS, DOCKERFILES])
def test_it_keeps_all_rules(plan: Plan) -> None:
    """Whatever is planned where it is written."""
    workflow = Workflow(name="x", on=(reusable.trigger(),), jobs=reusable.called())
    assert check(workflow, plan) == []


def test_what_each_job_may_do() -> None:
    """Legs of pull requests may read, and no job may do more than a caller is told to grant."""
    granted = {name: [f"{p.scope}: {p.level}" for p in job.permissions] for name, job in CALLED.items()}
    assert granted == {
        "plan": ["contents: read"],
        "build": ["contents: read"],
        "send": ["contents: read", "packages: write"],
        "publish": ["contents: read", "packages: write"],
        "attest": ["packages: write", "id-token: write", "attestations: write", "artifact-metadata: write"],
        "prove": ["contents: read", "packages: read"],
        "ok": [],
    }
    allowed = {one.scope: one.level for one in reusable.CALLER}
    for job in CALLED.values():
        for one in job.permissions:
            assert allowed[one.scope] in {one.level, "write"}


def test_what_may_write_asks_whether_this_run_publishes() -> None:
    """By the output of `plan`, or by the result of `publish`, which asks for that."""
    for name in WRITING | {"prove"}:
        condition = CALLED[name].if_
        assert (
            "needs.plan.outputs.publish == 'true'" in condition
            or "needs.publish.result == 'success'" in condition
        )
    assert "pull_request" not in reusable.PUBLISHES
    assert "github.ref_type == 'tag'" in reusable.PUBLISHES


def test_a_schedule_has_no_repository_to_ask() -> None:
    """It runs on the default branch, whose name is then the run's own."""
    branch = "inputs.branch || github.event.repository.default_branch || github.ref_name"
    assert f"github.ref_name == ({branch})" in reusable.PUBLISHES


@pytest.mark.parametrize("name", ["plan", "build", "ok"])
def test_jobs_of_pull_requests_have_no_secrets(name: str) -> None:
    """Neither the token nor the caller's."""
    assert "secrets." not in texts(CALLED[name])
    assert CALLED[name].environment == ""


def test_the_token_goes_to_githubs_registry_only() -> None:
    """Another host than ghcr.io gets what the caller has given for it, or nothing."""
    for job in CALLED.values():
        for before in texts(job).split("secrets.GITHUB_TOKEN")[:-1]:
            assert before.endswith("needs.plan.outputs.host == 'ghcr.io' && ")


def test_a_leg_attests_what_a_leg_has() -> None:
    """As many steps as `publish` puts subjects into a leg."""
    attested = [step for step in CALLED["attest"].steps if step.with_.get("push-to-registry")]
    assert [step.if_ for step in attested] == [f"matrix.subjects[{n}].digest" for n in range(SUBJECTS)]


def test_the_tool_is_installed_before_the_checkout_that_empties_the_folder() -> None:
    """And it comes from the commit that was called."""
    names = [step.name for step in CALLED["build"].steps]
    assert names == [
        "Keep line ends and symbolic links",
        "Refuse a server that names no commit",
        "Check out the tool",
        "Set up Python",
        "Install",
        "Check out",
        "Keep temporary files on the second disk",
        "Wait for Docker",
        "Build",
        "Upload",
    ]
    (tool,) = (step for step in CALLED["build"].steps if step.name == "Check out the tool")
    assert (tool.with_["repository"], tool.with_["ref"]) == (
        "${{ job.workflow_repository }}",
        "${{ job.workflow_sha }}",
    )


def test_nothing_is_installed_without_a_hash(tmp_path: Path) -> None:
    """The tool is moved out of the caller's way and run as it was checked out, by every later step."""
    (step,) = (step for step in CALLED["build"].steps if step.name == "Install")
    package = tmp_path / "work" / ".buildtools" / "buildtools"
    package.mkdir(parents=True)
    temporary = tmp_path / "temp"
    temporary.mkdir()
    (tmp_path / "bin").mkdir()
    write_script(tmp_path / "bin" / "python", f'echo "$*" >>{tmp_path}/asked\n')
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.run],
        cwd=tmp_path / "work", capture_output=True, text=True, check=False,
        env={
            "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "REQUIREMENT": "",
            "RUNNER_TEMP": str(temporary), "GITHUB_ENV": str(tmp_path / "env"),
        },
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "asked").read_text() == (
        "-m pip install --require-hashes --requirement .buildtools/requirements/tool.txt\n"
    )
    assert (tmp_path / "env").read_text() == f"PYTHONPATH={temporary}/.buildtools\n"
    assert [path.name for path in (temporary / ".buildtools").iterdir()] == ["buildtools"]


def test_contracts_are_the_callers_choice() -> None:
    """A word of the command comes and goes with the input."""
    (step,) = (step for step in CALLED["prove"].steps if "buildtools prove" in step.run)
    assert step.run == 'python -m buildtools prove ${CONTRACTS:+--contracts} --images "$IMAGES"'
    assert step.env["CONTRACTS"] == "${{ inputs.contracts && 'true' || '' }}"


def test_the_example_grants_what_is_asked_for() -> None:
    """With the same reasons where they are the same; and the page shows the example as it is."""
    example = (ROOT / "docs/examples/caller/.github/workflows/images.yml").read_text(encoding="utf-8")
    granted = re.findall(r"^      ([a-z-]+: (?:read|write)) #", example, re.MULTILINE)
    assert granted == [f"{one.scope}: {one.level}" for one in reusable.CALLER]
    assert example in (ROOT / "docs/ci/reusable.md").read_text(encoding="utf-8")


def test_every_input_is_on_the_page() -> None:
    """And every secret and output."""
    page = (ROOT / "docs/ci/reusable.md").read_text(encoding="utf-8")
    made = reusable.trigger()
    assert [name for name in (*made.inputs, *made.secrets, *made.outputs) if f"`{name}`" not in page] == []
