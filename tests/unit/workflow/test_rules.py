# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What keeps a workflow from being written: every rule with its sentence, and every part that may not go."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.workflow import jobs, rules, steps
from buildtools.workflow.actions import action
from buildtools.workflow.model import Action, Concurrency, Job, Matrix, Permission, Step, Trigger, Workflow
from buildtools.workflow.rules import check, labels_of
from tests.fakes.plans import DOCKERFILES, HOST_PROCESS, MANY, ONE_IMAGE, plan_of, windows

RUN = Step(name="Run", run="true")
JOB = Job(id="a", name="A", runs_on="ubuntu-24.04", timeout=5, steps=(RUN,))
GOOD = Workflow(name="x", on=(Trigger(event="push"),), concurrency=Concurrency(group="g"), jobs=(JOB,))
UPLOAD = action("actions/upload-artifact")


def job(**changes: Any) -> Workflow:
    """The workflow whose job has these parts."""
    return replace(GOOD, jobs=(replace(JOB, **changes),))


def step(**changes: Any) -> Workflow:
    """The workflow whose step has these parts."""
    return job(steps=(Step(**{"name": "S", "run": "true"} | changes),))


def upload(name: str, **changes: Any) -> Workflow:
    """The workflow whose job uploads an artifact."""
    return job(steps=(Step(name="Up", uses=UPLOAD, with_={"name": name}),), **changes)


FAULTS = [
    (replace(GOOD, name=""), "empty: the workflow '' lacks a name, an event or a job: add it"),
    (replace(GOOD, on=(*GOOD.on, *GOOD.on)), "name-twice: event push is there 2 times: name it once"),
    (replace(GOOD, jobs=(JOB, JOB)), "name-twice: job a is there 2 times: name it once"),
    (job(steps=(replace(RUN, id="s"), replace(RUN, id="s"))), "name-twice: step of job a s is there 2 times: name it once"),
    (job(id="1 a"), "job-id: '1 a' cannot be a job's id: use letters, digits, - and _, a letter first"),
    (job(needs=("b",)), "unknown-need: job a needs b, which is no job: name one of a"),
    (job(name=""), "empty: job a has no name, or nothing to do: add it"),
    (job(steps=()), "empty: job a has no name, or nothing to do: add it"),
    (step(name=""), "empty: job a, step '' is not whole: give it a name, and either a command or an action"),
    (step(uses=UPLOAD), "empty: job a, step 'S' is not whole: give it a name, and either a command or an action"),
    (
        replace(GOOD, on=(Trigger(event="pull_request_target"),)),
        "dangerous-trigger: pull_request_target runs with this repository's rights on what strangers propose: use pull_request, which has none",
    ),
    (
        job(permissions=(Permission("contents", "read", ""),)),
        "permission-reason: job a has contents: read without a reason of one line: say what it is needed for",
    ),
    (
        replace(job(permissions=(Permission("packages", "write", "a"),)), on=(Trigger(event="pull_request"),)),
        "write-for-strangers: job a may write packages and runs for pull requests, too: give it a condition, such as if_=jobs.PUSH",
    ),
    (
        job(uses="acme/x/.github/workflows/x.yml@v1", steps=()),
        "unpinned-action: job a calls 'acme/x/.github/workflows/x.yml@v1': name ./.github/workflows/x.yml, or owner/name/.github/workflows/x.yml@ with the whole sha",
    ),
    (
        replace(GOOD, permissions=(Permission("contents", "read", "a"),)),
        "shared-permission: x gives permissions to all its jobs: give each job the ones that it needs",
    ),
    (job(timeout=0), "no-timeout: job a has no timeout: set minutes from 1 to 360: without it, it is 360"),
    (
        job(runs_on="windows-latest"),
        "unknown-runner: job a: the label windows-latest moves to another machine without notice: name one of windows-2022, windows-2025",
    ),
    (
        job(runs_on="windows-2019"),
        "unknown-runner: job a: GitHub has removed windows-2019: name one of windows-2022, windows-2025, or a machine of your own",
    ),
    (
        job(runs_on=("k2s",)),
        "unknown-runner: job a: 'k2s' is no label of GitHub's machines: name one of macos-15, ubuntu-22.04, ubuntu-22.04-arm, ubuntu-24.04, ubuntu-24.04-arm, windows-2022, windows-2025, or put a label of your own into the workflow's labels",
    ),
    (
        job(runs_on="windows-2022"),
        "shell: job a, step 'Run' runs in another shell on Windows than on Linux: set the job's shell to bash",
    ),
    (
        job(matrix=Matrix(expression="${{ fromJSON(needs.a.outputs.b) }}")),
        "empty-matrix: job a has no condition, and GitHub fails a run whose matrix has no leg: leave the job out where there is nothing to do: if_=...",
    ),
    (
        job(matrix=Matrix(axes={"a": tuple(range(16)), "b": tuple(range(16))}, include=({"c": 1},))),
        "matrix-legs: job a has 257 legs, and GitHub takes 1 to 256: let several targets share a leg, as `buildtools plan --legs` does",
    ),
    (
        job(matrix=Matrix()),
        "matrix-legs: job a has 0 legs, and GitHub takes 1 to 256: let several targets share a leg, as `buildtools plan --legs` does",
    ),
    (
        step(run="echo ${{ github.head_ref }}"),
        "expression-in-run: job a, step 'S' has an expression in its command, whose value may be a command, too: hand it in with env and write \"$NAME\"",
    ),
    (
        step(run="x" * 21_001),
        "run-length: job a, step 'S' has a command of 21,001 characters, and 21,000 may be: put it into a Python module of the repository",
    ),
    (
        step(run="", uses=replace(UPLOAD, sha="b" * 40)),
        f"other-version: job a, step 'S' uses actions/upload-artifact and has v7.0.1 at {'b' * 40}, and it stands at {UPLOAD.sha}: take both from `buildtools pins --actions`",
    ),
    (
        step(run="", uses=replace(UPLOAD, version="v7.0.2")),
        f"other-version: job a, step 'S' uses actions/upload-artifact and calls the commit {UPLOAD.sha} v7.0.2, and it is v7.0.1: take both from `buildtools pins --actions`",
    ),
    (
        job(outputs={"o": "x" * 524_288}),
        "output-size: the outputs of job a have 1,048,578 bytes, and 1,048,576 may be: hand it on in an artifact",
    ),
    (
        step(run="", uses="actions/checkout@v4"),
        "unpinned-action: job a, step 'S' uses 'actions/checkout@v4': name an Action with its commit, or a path that starts with ./",
    ),
    (
        step(run="", uses=Action(name="actions/checkout", version="v4", sha="v4")),
        "unpinned-action: job a, step 'S' uses actions/checkout at 'v4': a version can be moved to other code: name the whole sha of the commit, and the version",
    ),
    (
        upload("a/b"),
        "artifact-name: job a, step 'Up': the artifact's name 'a/b' has '/' in it: use letters, digits, - and _",
    ),
    (
        upload("a", matrix=Matrix(axes={"x": (1, 2)})),
        "artifact-twice: job a, step 'Up': every leg would upload an artifact 'a': put a value of the matrix into its name",
    ),
    (
        replace(GOOD, jobs=(*upload("a").jobs, *upload("a", id="b").jobs)),
        "artifact-twice: job b, step 'Up': job a, step 'Up' uploads an artifact 'a', too: name it otherwise",
    ),
    (
        step(env={"A": "${{ secrets.KEY }}"}),
        "secret-without-environment: job a uses secret KEY and has no environment: keep the secret in an environment with protection rules, and name that",
    ),
    (
        job(env={"A": "${{ toJSON(secrets) }}"}),
        "secret-without-environment: job a uses all secrets and has no environment: keep the secret in an environment with protection rules, and name that",
    ),
    (
        replace(GOOD, concurrency=None),
        "no-concurrency: x says nothing about runs at the same time: set concurrency: who pushes twice needs no two runs",
    ),
    (
        job(concurrency=Concurrency(group="g", cancel_in_progress=True, queue="max")),
        "queue-and-cancel: job a both queues runs and cancels them: set one of queue and cancel_in_progress",
    ),
    (
        replace(GOOD, images=("ghcr.io/Acme/app",)),
        "image-name: ghcr.io/Acme/app has capitals, which no repository may have: write ghcr.io/acme/app",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("workflow", "sentence"), FAULTS, ids=lambda one: one.partition(":")[0] if isinstance(one, str) else ""
)
def test_a_fault_has_a_sentence(workflow: Workflow, sentence: str) -> None:
    """One fault, and what to do."""
    assert [f"{finding.code}: {finding}" for finding in check(workflow, ONE_IMAGE)] == [sentence]


@pytest.mark.parametrize(
    "workflow",
    [
        GOOD,
        upload("a-${{ matrix.x }}", matrix=Matrix(axes={"x": ("a:b", 2)})),
        job(environment="release", env={"A": "${{ secrets.KEY }}"}),
        step(env={"A": "${{ secrets.GITHUB_TOKEN }}"}),
        replace(GOOD, jobs=(Job(id="c", name="C", uses="./.github/workflows/x.yml", secrets={"a": "${{ secrets.A }}"}),)),
        replace(job(runs_on=("mine",)), labels=frozenset({"mine"})),
        replace(GOOD, on=(Trigger(event="workflow_call"),), concurrency=None),
        job(runs_on="windows-2022", steps=(replace(RUN, shell_="bash"),)),
    ],
)  # fmt: skip
def test_what_is_allowed(workflow: Workflow) -> None:
    """Nothing is wrong with it."""
    assert check(workflow, ONE_IMAGE) == []


def test_a_release_without_a_machine_is_explained() -> None:
    """A Dockerfile for it can be built nowhere on GitHub."""
    plan = plan_of(windows("app", engine="dockerfile"))
    (finding,) = check(GOOD, plan)
    assert str(finding) == (
        "app windows/amd64:ltsc2019 is built by a Dockerfile, and GitHub has no machine that could: "
        "describe it with `files` (then any Linux builds it), or build it for ltsc2022, ltsc2025 only"
    )


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({"runs_on": "a"}, ["a"]),
        ({"runs_on": "${{ matrix.r }}", "matrix": Matrix(axes={"r": ("a", "b")}, include=({"r": "c"}, {"x": 1}))}, ["a", "b", "c"]),
        ({"runs_on": "${{ matrix.r }}", "matrix": Matrix(axes={"x": (1,)})}, ["${{ matrix.r }}"]),
        ({"runs_on": "${{ matrix.r }}", "matrix": Matrix(expression="${{ x }}")}, []),
    ],
)  # fmt: skip
def test_labels(changes: dict[str, Any], labels: list[str]) -> None:
    """What is known of the machines before the workflow runs."""
    assert labels_of(replace(JOB, **changes)) == labels


def test_every_code_is_in_the_documentation() -> None:
    """A sentence for each, with what to do."""
    sources = Path(rules.__file__).parents[1]
    files = (*sources.glob("workflow/*.py"), sources / "generate.py")
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    codes = set(re.findall(r'(?:code=|_finding\(\s*)"([a-z-]+)"', text))
    page = (sources.parent / "docs" / "workflows.md").read_text(encoding="utf-8")
    assert len(codes) > 25
    assert {code for code in codes if f"`{code}`" not in page} == set()


IMAGES = Workflow(
    name="images",
    on=jobs.events(),
    concurrency=jobs.PER_RUN,
    jobs=jobs.gated(jobs.plan(), jobs.build(DOCKERFILES), jobs.publish(), jobs.attest(ONE_IMAGE), jobs.prove(ONE_IMAGE)),
)  # fmt: skip


@pytest.mark.parametrize("handover", ["artifacts", "registry"])
@pytest.mark.parametrize("plan", [ONE_IMAGE, MANY, HOST_PROCESS, DOCKERFILES])
def test_our_own_jobs_keep_all_rules(plan: Any, handover: jobs.Handover) -> None:
    """For every shape of project, whichever way its legs hand over."""
    every = jobs.images(plan, handover=handover)
    assert check(replace(IMAGES, jobs=jobs.gated(*every)), plan) == []


def test_every_field_of_the_model_is_written() -> None:
    """What can be said shows in the file: no field is forgotten between the model and the YAML."""
    from buildtools.workflow import tree

    source = Path(tree.__file__).read_text(encoding="utf-8")
    for shape in (Job, Step, Trigger, Matrix, Concurrency, Workflow):
        for one in fields(shape):
            if one.name not in {"labels", "images"}:
                assert re.search(rf"\.{one.name}\b", source), f"{shape.__name__}.{one.name}"


def test_permissions_that_jobs_need() -> None:
    """Each job's token may do just this."""
    granted = {one.id: [f"{p.scope}: {p.level}" for p in one.permissions] for one in IMAGES.jobs}
    assert granted == {
        "plan": ["contents: read"],
        "build": ["contents: read"],
        "publish": ["contents: read", "packages: write"],
        "attest": ["packages: write", "id-token: write", "attestations: write", "artifact-metadata: write"],
        "prove": ["contents: read", "packages: read"],
        "ok": [],
    }


def test_windows_steps_come_where_they_must() -> None:
    """Line ends before the checkout, Docker before it is used."""
    (build,) = (one for one in IMAGES.jobs if one.id == "build")
    assert [one.name for one in build.steps] == [
        "Keep line ends and symbolic links",
        "Check out",
        "Set up Python",
        "Install",
        "Keep temporary files on the second disk",
        "Wait for Docker",
        "Build",
        "Upload",
    ]
    assert steps.line_ends().if_ == "matrix.os == 'windows'"
    assert jobs.after(JOB, build).needs == ("build",)
