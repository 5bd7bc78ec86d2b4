# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The workflows that keep images: golden files, what jobs may do, and what is missed when it is gone."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.errors import ConfigurationError
from buildtools.generate import generate, load, write
from buildtools.plan import Plan
from buildtools.workflow import jobs, keeping, prepared, release, supply
from buildtools.workflow.model import Action, Job, Nothing, Workflow
from buildtools.workflow.rules import check
from buildtools.workflow.supply import Command
from buildtools.workflow.tree import render
from tests.fakes.definitions import write_script
from tests.fakes.plans import DOCKERFILES, HOST_PROCESS, MANY, ONE_IMAGE, linux, plan_of, windows
from tests.fakes.project import make_project

ROOT = Path(__file__).parents[3]
MODULES = ("rebase", "release")
MIXED = plan_of([*windows("prepared", engine="dockerfile", build=None)[1:], linux("a"), linux("b")])
EVERY = (*((name, ONE_IMAGE) for name in MODULES), ("prepared_base", DOCKERFILES))
SCANNER = Command(run='grype "registry:$SUBJECT" --platform "$PLATFORM" --fail-on high', suffix=".txt")


def made(name: str, plan: Plan = ONE_IMAGE) -> Workflow:
    """What a module of this repository gives for a plan."""
    found = load(ROOT / "workflows" / f"{name}.py", name, plan)
    assert isinstance(found, Workflow)
    return found


def text(workflow: Workflow) -> str:
    """The file's text."""
    return render(workflow, header=())


@pytest.mark.parametrize(("name", "plan"), EVERY)
def test_golden_files(name: str, plan: Plan, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    """This repository's modules for a project of one image; prepared bases for one with a Dockerfile."""
    source = (ROOT / "workflows" / f"{name}.py").read_text(encoding="utf-8")
    files = generate(make_project(tmp_path, **{f"workflows/{name}.py": source}), plan)
    golden(f"workflows/{name.replace('_', '-')}.yml", files[0].after or "")


def test_scan_golden(golden: Callable[[str, str], None]) -> None:
    """A scanner behind `publish`, as a project would add it."""
    workflow = replace(
        made("images"),
        name="scanned",
        jobs=jobs.gated(jobs.plan(), jobs.build(ONE_IMAGE), jobs.publish(), supply.scan(SCANNER)),
    )
    assert check(workflow, ONE_IMAGE) == []
    golden("workflows/scanned.yml", text(workflow))


@pytest.mark.parametrize("plan", [ONE_IMAGE, MANY, HOST_PROCESS, MIXED])
@pytest.mark.parametrize("name", MODULES)
def test_rules_are_kept(name: str, plan: Plan) -> None:
    """For every shape of project."""
    assert check(made(name, plan), plan) == []


def test_what_release_may_do() -> None:
    """Each job's token may do just this; a person is asked before the first job that writes."""
    workflow = made("release")
    assert {one.id: [f"{p.scope}: {p.level}" for p in one.permissions] for one in workflow.jobs} == {
        "plan": ["contents: read"],
        "build": ["contents: read"],
        "publish": ["contents: read", "packages: write"],
        "attest": ["packages: write", "id-token: write", "attestations: write", "artifact-metadata: write"],
        "sbom": ["packages: write", "id-token: write", "attestations: write", "artifact-metadata: write"],
        "prove": ["contents: read", "packages: read"],
        "release": ["contents: write"],
        "ok": [],
    }
    assert [one.id for one in workflow.jobs if one.environment] == ["publish"]
    assert not [one.id for one in workflow.jobs if one.concurrency]
    writing = [one.id for one in workflow.jobs if any(p.level == "write" for p in one.permissions)]
    assert writing[0] == "publish"
    needs = {one.id: one.needs for one in workflow.jobs}
    assert needs["release"] == ("publish", "attest", "sbom", "prove")
    assert workflow.on[0].tags == ("v*",)
    assert not any(trigger.tags for trigger in made("images").on)


def test_what_rebase_may_do() -> None:
    """No job that writes tags or branches starts before the proof; all are left out where no pin has moved."""
    workflow = made("rebase")
    assert {one.id: [f"{p.scope}: {p.level}" for p in one.permissions] for one in workflow.jobs} == {
        "pins": ["contents: read"],
        "rebase": ["contents: read", "packages: write"],
        "prove": ["contents: read", "packages: read"],
        "publish": ["contents: read", "packages: write"],
        "attest": ["packages: write", "id-token: write", "attestations: write", "artifact-metadata: write"],
        "sbom": ["packages: write", "id-token: write", "attestations: write", "artifact-metadata: write"],
        "propose": ["contents: write", "pull-requests: write"],
        "ok": [],
    }
    assert {one.id: (one.needs, one.if_) for one in workflow.jobs if one.id != "ok"} == {
        "pins": ((), ""),
        "rebase": (("pins",), keeping.MOVED),
        "prove": (("rebase",), keeping.REBASED),
        "publish": (("rebase", "prove"), keeping.REBASED),
        "attest": (("rebase", "publish"), keeping.REBASED),
        "sbom": (("rebase", "publish"), keeping.REBASED),
        "propose": (
            ("pins", "rebase", "prove", "publish"),
            f"!failure() && !cancelled() && {keeping.MOVED}",
        ),
    }
    # Two indexes of one image would be two artifacts of one name.
    (sbom,) = (one for one in workflow.jobs if one.id == "sbom")
    assert not [step for step in sbom.steps if step.name == "Upload"]
    (images,) = (one for one in made("images").jobs if one.id == "publish")
    (tagging,) = (one for one in workflow.jobs if one.id == "publish")
    assert tagging.concurrency == images.concurrency
    assert (
        keeping.rebase(tags=("1 x",))
        .steps[-1]
        .run.endswith("rebase --published '1 x' --no-tags --github-output")
    )


def test_the_day_after_each_patch_tuesday_is_in_the_schedule() -> None:
    """The second Tuesday of every month for years to come."""
    minute, hour, day, month, weekday = keeping.AFTER_PATCHES.split()
    assert (day, month) == ("*", "*")
    for year in range(2026, 2036):
        for number in range(1, 13):
            tuesdays = [one for one in range(8, 15) if date(year, number, one).isoweekday() == 2]
            assert len(tuesdays) == 1
            assert date(year, number, tuesdays[0] + 1).isoweekday() == int(weekday)
    # Patches appear at 10:00 in Redmond, bases within hours: a day is more than enough.
    assert 0 <= int(minute) < 60
    assert int(hour) >= 18


def test_a_release_without_sboms() -> None:
    """Only the report is attached where no job makes any."""
    job = release.github_release(needs=("publish", "prove"))
    assert [step.with_.get("pattern") for step in job.steps] == ["report", None]


def mutants() -> list[tuple[str, Workflow]]:
    """Each workflow with one timeout, pin, reason or condition taken out of it."""
    found = []
    for name, plan in EVERY:
        workflow = made(name, plan)
        for number, one in enumerate(workflow.jobs):

            def with_(changed: Job, number: int = number, workflow: Workflow = workflow) -> Workflow:
                every = (*workflow.jobs[:number], changed, *workflow.jobs[number + 1 :])
                return replace(workflow, jobs=every)

            found.append((f"{name} {one.id} timeout", with_(replace(one, timeout=0))))
            if one.matrix and one.matrix.expression:
                found.append((f"{name} {one.id} condition", with_(replace(one, if_=""))))
            for place, granted in enumerate(one.permissions):
                kept = (*one.permissions[:place], replace(granted, reason=""), *one.permissions[place + 1 :])
                label = f"{name} {one.id} reason of {granted.scope}"
                found.append((label, with_(replace(one, permissions=kept))))
            for place, step in enumerate(one.steps):
                if isinstance(step.uses, Action):
                    loose = replace(step, uses=replace(step.uses, sha="main"))
                    steps = (*one.steps[:place], loose, *one.steps[place + 1 :])
                    found.append((f"{name} {one.id} pin of {step.name}", with_(replace(one, steps=steps))))
    return found


@pytest.mark.parametrize("mutant", [pytest.param(one, id=name) for name, one in mutants()])
def test_what_is_taken_out_is_missed(mutant: Workflow) -> None:
    """A timeout, a pin, a reason, a condition: each of them is asked for."""
    assert check(mutant, ONE_IMAGE)


@pytest.mark.parametrize(("name", "plan"), EVERY)
def test_a_permission_less_changes_the_golden_file(name: str, plan: Plan) -> None:
    """Whatever a rule cannot know, the golden file tells."""
    workflow = made(name, plan)
    whole = text(workflow)
    for number, one in enumerate(workflow.jobs):
        for place in range(len(one.permissions)):
            fewer = replace(one, permissions=(*one.permissions[:place], *one.permissions[place + 1 :]))
            every = (*workflow.jobs[:number], fewer, *workflow.jobs[number + 1 :])
            assert text(replace(workflow, jobs=every)) != whole


def run_step(job: Job, name: str, folder: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a step's command as GitHub does with `shell: bash`, in a folder with programs of its own."""
    (step,) = (one for one in job.steps if one.name == name)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.run],
        cwd=folder, env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin", **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_scanner_sees_every_image(tmp_path: Path) -> None:
    """Its command runs for each image with that image's platform; the first one that fails ends the job."""
    script = 'echo "$*" >>calls\necho found >"$FILE"\ncase "$*" in *"$BAD"*) exit 3 ;; esac\n'
    (tmp_path / "bin").mkdir()
    write_script(tmp_path / "bin" / "grype", script)
    given = {
        "NAME": "ghcr.io/acme/app",
        "DIGESTS": "sha256:1 sha256:2",
        "PLATFORMS": "linux/amd64 windows/amd64",
        "FILES": "app-linux-amd64 app-windows-amd64-10",
    }
    done = run_step(supply.scan(SCANNER), "Scan", tmp_path, **given, BAD="nothing")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "calls").read_text().splitlines() == [
        "registry:ghcr.io/acme/app@sha256:1 --platform linux/amd64 --fail-on high",
        "registry:ghcr.io/acme/app@sha256:2 --platform windows/amd64 --fail-on high",
    ]
    assert sorted(path.name for path in (tmp_path / "scan").iterdir()) == [
        "app-linux-amd64.txt",
        "app-windows-amd64-10.txt",
    ]
    (tmp_path / "calls").unlink()
    assert run_step(supply.scan(SCANNER), "Scan", tmp_path, **given, BAD="sha256:1").returncode == 3
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_commands_name_no_expression() -> None:
    """What comes from a run reaches commands by their environment alone."""
    for name, plan in EVERY:
        for job in made(name, plan).jobs:
            assert not [step.name for step in job.steps if re.search(r"\$\{\{", step.run)]


def test_prepared_bases_are_built_where_they_must_be() -> None:
    """Each release on its own machine, the image's other variants where those are built; pins come first."""
    plan = plan_of(
        [
            *windows("prepared", engine="dockerfile", build=None)[1:],
            linux("prepared", build=None),
            linux("daily"),
            *windows("daily"),
        ]
    )
    assert prepared.images(plan) == ("prepared",)
    workflow = made("prepared_base", plan)
    assert check(workflow, plan) == []
    every = {one.id: one for one in workflow.jobs}
    assert every["build"].matrix
    assert [(leg["runner"], leg["targets"]) for leg in every["build"].matrix.include] == [
        ("windows-2022", "prepared@windows/amd64:ltsc2022"),
        ("windows-2025", "prepared@windows/amd64:ltsc2025"),
        ("ubuntu-24.04", "prepared@linux/amd64"),
    ]
    assert [step.run.rstrip() for step in every["publish"].steps][-1] == (
        "python -m buildtools publish prepared --tag latest --no-build --locked --github-output"
    )
    for name in ("build", "publish"):
        titles = [step.name for step in every[name].steps]
        work = "Build" if name == "build" else "Publish by digest, then tag"
        assert titles[titles.index(work) - 1] == "Bring the pins"
    push = next(one for one in workflow.on if one.event == "push")
    assert push.paths == ("images/app/**", "images/defaults.yaml", "images/pins.json")
    assert {one.id: one.if_ for one in workflow.jobs if one.id not in {"pins", "ok"}} == {
        "build": prepared.DUE,
        **dict.fromkeys(("publish", "attest", "prove"), prepared.PUBLISHES),
    }
    assert {one.id: [f"{p.scope}: {p.level}" for p in one.permissions] for one in workflow.jobs} == {
        "pins": ["contents: read"],
        "build": ["contents: read"],
        "publish": ["contents: read", "packages: write"],
        "attest": ["packages: write", "id-token: write", "attestations: write", "artifact-metadata: write"],
        "prove": ["contents: read", "packages: read"],
        "ok": [],
    }


def test_other_workflows_leave_prepared_bases_out() -> None:
    """They plan and publish the other images by name; without prepared bases nothing is named."""
    plan = MIXED
    given = (jobs.plan(), jobs.build(plan), jobs.publish())
    changed = prepared.left_out(plan, *given)
    assert [step.run for job in changed for step in job.steps if " a b" in step.run] == [
        'python -m buildtools plan a b --published --or-all --tag "$TAG" --github-output --legs 20',
        "python -m buildtools plan a b --github-output --legs 20",
        "python -m buildtools publish a b --no-build --locked --github-output",
    ]
    assert changed[1] == given[1]
    assert prepared.left_out(ONE_IMAGE, *given) == given
    for name in ("images", "release"):
        workflow = made(name, plan)
        assert check(workflow, plan) == []
        commands = [step.run.strip() for job in workflow.jobs for step in job.steps]
        every = [one for one in commands if re.search(r"buildtools (?:plan|publish)", one)]
        assert len(every) == 3
        assert all(re.search(r"buildtools (?:plan|publish) a b -", one) for one in every)
        # No machine of these needs to be one of Windows.
        assert not any(step.name == "Wait for Docker" for job in workflow.jobs for step in job.steps)


@pytest.mark.parametrize("name", ["images", "release"])
def test_a_project_of_prepared_bases_alone(name: str) -> None:
    """The commands would name no image, which is all of them."""
    module = load(ROOT / "workflows" / f"{name}.py", name, DOCKERFILES)
    assert module == Nothing(reason="every image is a prepared base")


def test_a_release_without_a_machine_is_refused(tmp_path: Path) -> None:
    """With what to do, once, and nothing is written."""
    source = (ROOT / "workflows" / "prepared_base.py").read_text(encoding="utf-8")
    root = make_project(tmp_path, **{"workflows/prepared_base.py": source})
    with pytest.raises(ConfigurationError) as caught:
        generate(root, plan_of(windows("app", engine="dockerfile", build=None)))
    line = source[: source.index("prepared.build(plan)")].count("\n") + 1
    assert [str(one) for one in caught.value.diagnostics] == [
        f"workflows/prepared_base.py:{line}: app windows/amd64:ltsc2019 is built by a Dockerfile, and GitHub has no machine that could: describe it with `files` (then any Linux builds it), or build it for ltsc2022, ltsc2025 only"
    ]


def test_a_module_that_has_nothing_to_say_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that lies there from before is a difference, and goes."""
    source = (ROOT / "workflows" / "prepared_base.py").read_text(encoding="utf-8")
    root = make_project(tmp_path, **{"workflows/prepared_base.py": source})
    reason = "no image is built by a Dockerfile in Windows"
    assert [(one.path, one.what, one.reason) for one in generate(root, ONE_IMAGE)] == [
        (".github/dependabot.yml", "new", ""),
        (".github/workflows/prepared-base.yml", "none", reason),
    ]
    write(root, generate(root, DOCKERFILES))
    path = root / ".github/workflows/prepared-base.yml"
    assert path.is_file()
    monkeypatch.chdir(root)
    assert main(["workflows", "-q", "--check"]) == 3
    assert capsys.readouterr().err == (
        "error: .github/workflows/prepared-base.yml is not what workflows/*.py make: run `nox -s workflows`\n"
    )
    assert main(["workflows", "-q", "--json"]) == 0
    assert not path.exists()
    assert [(one["what"], one["reason"]) for one in json.loads(capsys.readouterr().out)["files"]] == [
        ("unchanged", ""),
        ("removed", reason),
    ]
    assert main(["workflows", "-q", "--check"]) == 0
    path.write_text("name: mine\n")
    assert main(["workflows", "-q"]) == 0
    assert f"prepared-base.yml   none: {reason}" in capsys.readouterr().out
    assert path.read_text() == "name: mine\n"


@pytest.mark.parametrize(
    ("event", "branch", "day", "due", "publishes"),
    [
        ("schedule", "main", "8", "false", "false"),
        ("schedule", "main", "9", "true", "true"),
        ("schedule", "main", "15", "true", "true"),
        ("schedule", "main", "16", "false", "false"),
        ("push", "main", "1", "true", "true"),
        ("workflow_dispatch", "main", "30", "true", "true"),
        ("workflow_dispatch", "try", "30", "true", "false"),
    ],
)
def test_the_day_and_the_branch_are_looked_at(
    event: str, branch: str, day: str, due: str, publishes: str, tmp_path: Path
) -> None:
    """Of all Wednesdays only the one after the second Tuesday is due; only the one branch publishes."""
    (tmp_path / "bin").mkdir()
    write_script(tmp_path / "bin" / "date", f'[ "$*" = "--utc +%-d" ] && echo {day}\n')
    output = tmp_path / "output"
    done = run_step(
        prepared.pins(DOCKERFILES), "Look at the day", tmp_path,
        EVENT=event, BRANCH=f"refs/heads/{branch}", PUBLISHED="main", GITHUB_OUTPUT=str(output),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert output.read_text() == f"due={due}\npublishes={publishes}\n"
