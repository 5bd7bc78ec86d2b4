"""The generated workflow runs: what a push leaves in the registry is whole, a pull request leaves nothing."""

import shutil
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.act import passed, run_act
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.git import git
from tests.fakes.workflows import checked_out, tags_of

WORKFLOW = """\
from buildtools.workflow import jobs
from buildtools.workflow.model import Workflow


def workflow(plan):
    return Workflow(
        name="images",
        on=jobs.events(),
        concurrency=jobs.PER_RUN,
        jobs=jobs.gated(*jobs.images(plan, host="HOST", handover="artifacts")),
    )
"""


@pytest.fixture
def checkout(project: Path, registry: DockerRegistry, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """The project as a git checkout with pins and workflows, and the place that it publishes to."""
    return project, checked_out(project, registry, monkeypatch, images=WORKFLOW)


def test_a_push_publishes_attests_and_proves(
    checkout: tuple[Path, str], mirrors: dict[str, str], docker_engine: str, tmp_path: Path
) -> None:
    """Every image is published under its tags; all verify; each index and each image in it is attested."""
    root, place = checkout
    run = passed(run_act("push", root, tmp_path / "act", DOCKER_HOST=docker_engine, **mirrors))
    assert run.results == ["success"] * 5
    sha = git(root, "rev-parse", "--short=7", "HEAD")
    for image in ("hello", "host", "made"):
        assert tags_of(place, image) == ["main", f"sha-{sha}"]
        assert main(["verify", f"{place}/{image}:main", "-C", str(root)]) == 0
    assert len(run.attested) == len({*run.attested}) == (1 + 5) + (1 + 1) + (1 + 4)
    assert not git(root, "status", "--porcelain")


def test_a_pull_request_builds_what_changed_and_publishes_nothing(
    checkout: tuple[Path, str], mirrors: dict[str, str], tmp_path: Path
) -> None:
    """Without a registry that could be read everything is built; beside what is published only the rest."""
    root, place = checkout
    run = passed(run_act("pull_request", root, tmp_path / "first", **mirrors))
    assert run.results == [*["skipped"] * 3, *["success"] * 2]
    assert run.artifacts == ["images-ubuntu-24-04-1"]
    assert not any(tags_of(place, image) for image in ("hello", "host", "made"))
    assert main(["publish", "-q", "--tag", "main"]) == 0
    shutil.rmtree(root / "dist")
    unchanged = passed(run_act("pull_request", root, tmp_path / "second", **mirrors))
    assert unchanged.results == [*["skipped"] * 4, "success"]
    (root / "images/hello/hello.sh").write_text("#!/bin/sh\necho changed\n")
    git(root, "commit", "--quiet", "--all", "--message", "Change")
    changed = passed(run_act("pull_request", root, tmp_path / "third", **mirrors))
    records = changed.store / "artifacts" / "images-ubuntu-24-04-1" / "records"
    assert [path.name for path in records.iterdir()] == ["hello"]


def hand_over_by_the_registry(root: Path) -> None:
    """The module says so with one word."""
    module = root / "workflows" / "images.py"
    module.write_text(module.read_text().replace("artifacts", "registry"))
    assert main(["workflows", "-q"]) == 0
    git(root, "commit", "--quiet", "--all", "--message", "Registry")


def test_legs_push_and_only_records_travel(
    checkout: tuple[Path, str], mirrors: dict[str, str], docker_engine: str, tmp_path: Path
) -> None:
    """What is published is the same as with artifacts; a pull request hands over artifacts all the same."""
    root, place = checkout
    hand_over_by_the_registry(root)
    pulled = passed(run_act("pull_request", root, tmp_path / "pull", **mirrors))
    assert pulled.results == [*["skipped"] * 4, *["success"] * 2]
    assert pulled.artifacts == ["images-ubuntu-24-04-1"]
    assert not any(tags_of(place, image) for image in ("hello", "host", "made"))
    run = passed(run_act("push", root, tmp_path / "push", DOCKER_HOST=docker_engine, **mirrors))
    assert run.results == ["skipped", *["success"] * 5]
    assert run.artifacts == ["records-ubuntu-24-04-1"]
    assert {path.suffix for path in run.store.glob("artifacts/**/*.*")} == {".json"}
    for image in ("hello", "host", "made"):
        assert main(["verify", f"{place}/{image}:main", "-C", str(root)]) == 0
    assert len(run.attested) == (1 + 5) + (1 + 1) + (1 + 4)


@pytest.mark.parametrize("handover", ["artifacts", "registry"])
def test_a_leg_that_fails_fails_the_gate(
    handover: str, checkout: tuple[Path, str], mirrors: dict[str, str], tmp_path: Path
) -> None:
    """Nothing is published, and `ok` fails."""
    root, place = checkout
    if handover == "registry":
        hand_over_by_the_registry(root)
    (root / "images/made/make.py").write_text("raise SystemExit(3)\n")
    git(root, "commit", "--quiet", "--all", "--message", "Break")
    run = passed(run_act("push", root, tmp_path / "act", **mirrors), code=1)
    assert run.results == ["failure", *["skipped"] * (3 + (handover == "registry")), "success"]
    assert not any(tags_of(place, image) for image in ("hello", "host", "made"))
