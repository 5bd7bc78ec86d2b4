"""The generated release runs: a version is published, attested, listed, proven and announced; once."""

import json
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.act import passed, run_act
from tests.fakes.bases import BUILDS
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.gh import FakeGh
from tests.fakes.git import git
from tests.fakes.workflows import checked_out, tags_of

WORKFLOW = """\
from buildtools.workflow import jobs, release, supply
from buildtools.workflow.model import Workflow


def workflow(plan):
    return Workflow(
        name="release",
        on=release.events(),
        concurrency=release.PER_VERSION,
        jobs=jobs.gated(
            jobs.plan(), jobs.build(plan), release.publish(), jobs.attest(plan, host="HOST"),
            supply.sbom(plan, host="HOST"), jobs.prove(plan, host="HOST"), release.github_release(),
        ),
    )
"""
TAG = {"ref": "refs/tags/v1.4.2"}
PAPERS = [
    "hello-linux-amd64.spdx.json",
    "hello-linux-arm64.spdx.json",
    *(f"hello-windows-amd64-{version}.spdx.json" for version in BUILDS.values()),
    "host-windows-amd64.spdx.json",
    "made-linux-amd64.spdx.json",
    *(f"made-windows-amd64-{version}.spdx.json" for version in BUILDS.values()),
    "report.json",
    "report.md",
]


def test_a_version_is_published_once(
    project: Path,
    mirrors: dict[str, str],
    registry: DockerRegistry,
    docker_engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tags, attestations, SBOMs and a release with all of it; a second run moves and adds nothing."""
    place = checked_out(project, registry, monkeypatch, release=WORKFLOW)
    git(project, "tag", "v1.4.2")
    given = {"DOCKER_HOST": docker_engine, **mirrors}
    gh = FakeGh(tmp_path / "first" / "bin", tmp_path / "gh")
    first = passed(run_act("push", project, tmp_path / "first", name="release", payload=TAG, **given))
    assert first.results == ["success"] * 7
    for image in ("hello", "host", "made"):
        assert tags_of(place, image) == ["1", "1.4", "1.4.2", "latest"]
        assert main(["verify", f"{place}/{image}:1.4.2", "-C", str(project)]) == 0
    assert len({*first.attested}) == (1 + 5) + (1 + 1) + (1 + 4)
    assert {*first.sboms} < {*first.attested}
    assert len({*first.sboms}) == 5 + 1 + 4
    view, create = gh.calls
    assert view == "release view v1.4.2 --json url"
    assert create == (
        "release create v1.4.2 --verify-tag --prerelease=false --title v1.4.2 --notes-file files/report.md "
        + " ".join(f"files/{name}" for name in PAPERS)
    )
    made = gh.read("releases")["v1.4.2"]
    assert sorted(made["files"]) == PAPERS
    report = json.loads(made["files"]["report.json"])
    assert [(one["image"], [tag["what"] for tag in one["tags"]]) for one in report["published"]] == [
        (image, ["set"] * 4) for image in ("hello", "host", "made")
    ]
    assert f"\n| hello | {place}/hello | 1.4.2 | set |" in made["notes"]

    gh = FakeGh(tmp_path / "second" / "bin", tmp_path / "gh")
    second = passed(run_act("push", project, tmp_path / "second", name="release", payload=TAG, **given))
    assert second.results == ["success"] * 7
    assert {*second.attested} == {*first.attested}
    view, upload = gh.calls
    assert upload == f"release upload v1.4.2 --clobber {' '.join(f'files/{name}' for name in PAPERS)}"
    again = json.loads(gh.read("releases")["v1.4.2"]["files"]["report.json"])
    assert {tag["what"] for one in again["published"] for tag in one["tags"]} == {"unchanged"}


def test_a_version_stays_what_it_is(
    project: Path,
    mirrors: dict[str, str],
    registry: DockerRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tag that was moved in git moves nothing in the registry: the run fails, and nothing is announced."""
    place = checked_out(project, registry, monkeypatch, release=WORKFLOW)
    assert main(["publish", "-q", "--image-version", "1.4.2"]) == 0
    (project / "images/hello/hello.sh").write_text("#!/bin/sh\necho changed\n")
    git(project, "commit", "--quiet", "--all", "--message", "Change")
    git(project, "tag", "v1.4.2")
    gh = FakeGh(tmp_path / "act" / "bin", tmp_path / "gh")
    before = {image: tags_of(place, image) for image in ("hello", "host", "made")}
    run = passed(
        run_act(
            "push", project, tmp_path / "act", name="release", payload=TAG,
            **mirrors,
        ),
        code=1,
    )  # fmt: skip
    assert run.results == ["failure", *["skipped"] * 4, *["success"] * 2]
    assert f"{place}/hello:1.4.2 is published already with another content" in run.log
    assert gh.calls == []
    assert {image: tags_of(place, image) for image in before} == before
