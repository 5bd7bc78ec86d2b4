"""The generated rebase runs: tags move only to what was proven, and then the pins are proposed."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.settings import Settings
from buildtools.stores.registry import Registry
from tests.fakes.act import Act, passed, run_act
from tests.fakes.bases import BUILDS, put_base, put_base_index, windows
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.gh import FakeGh
from tests.fakes.git import ORIGIN, git
from tests.fakes.workflows import checked_out

WORKFLOW = """\
from buildtools.workflow import jobs, keeping
from buildtools.workflow.model import Workflow


def workflow(plan):
    return Workflow(
        name="rebase",
        on=keeping.events(),
        concurrency=keeping.ONE_AT_A_TIME,
        jobs=jobs.gated(
            keeping.pins(), keeping.rebase(tags=("main", "latest")), keeping.prove(plan, host="HOST"),
            keeping.publish(), keeping.attest(plan, host="HOST"), keeping.sbom(plan, host="HOST"),
            keeping.propose(),
        ),
    )
"""
BASE = "mcr/windows/nanoserver"
PUSH = "pr list --head buildtools/pins --base main --state open --json number --jq .[].number"
TITLE = "Move pins to the newest bases"
IMAGES = ("hello", "host", "made")


@pytest.fixture
def place(project: Path, registry: DockerRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Where the project's images are published as `main`, two of them as `latest`, too."""
    found = checked_out(project, registry, monkeypatch, rebase=WORKFLOW)
    assert main(["publish", "-q", "--tag", "main"]) == 0
    assert main(["publish", "hello", "host", "-q", "--tag", "latest"]) == 0
    bare = tmp_path / "bare"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(project), str(bare)], check=True)
    git(project, "config", f"url.{bare}.pushInsteadOf", ORIGIN)
    return found


def digests(place: str) -> dict[str, str]:
    """What each tag stands on."""
    host, _, path = place.partition("/")
    found = {}
    for image in IMAGES:
        store = Registry(host, f"{path}/{image}", settings=Settings())
        for tag in ("main", "latest") if image != "made" else ("main",):
            found[f"{image}:{tag}"] = store.resolve(tag).digest
    return found


def patch(vendor: DockerRegistry, tag: str) -> None:
    """Let the vendor publish a newer base under this tag."""
    put_base_index(vendor, BASE, tag, [put_base(vendor, BASE, windows(f"{BUILDS[tag]}9"), text="newer")])


def run(project: Path, work: Path, vendor: DockerRegistry, **given: Any) -> Act:
    """Run the workflow as its schedule does."""
    mirrors = f"mcr.microsoft.com={vendor.host}/mcr"
    code = given.pop("code", 0)
    told = {"ref": "refs/heads/main"}
    done = run_act(
        "schedule", project, work, name="rebase", payload=told, BUILDTOOLS_MIRRORS=mirrors, **given
    )
    return passed(done, code=code)


def test_where_no_pin_has_moved_nothing_is_done(
    project: Path, place: str, vendor: DockerRegistry, tmp_path: Path
) -> None:
    """All jobs but the look are left out, and the gate is green."""
    gh = FakeGh(tmp_path / "act" / "bin", tmp_path / "gh")
    before = digests(place)
    done = run(project, tmp_path / "act", vendor)
    assert done.results == [*["skipped"] * 6, "success"]
    assert (gh.calls, done.attested, done.artifacts) == ([], [], [])
    assert digests(place) == before


def test_tags_move_once_all_is_proven(
    project: Path,
    place: str,
    vendor: DockerRegistry,
    docker_engine: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each index goes to its new base under all its tags; a second run renews the pull request alone.

    Until that is merged no push takes the patches away; then a build gives what is published already.
    """
    patch(vendor, "ltsc2022")
    patch(vendor, "ltsc2025")
    gh = FakeGh(tmp_path / "first" / "bin", tmp_path / "gh")
    before = digests(place)
    first = run(project, tmp_path / "first", vendor, DOCKER_HOST=docker_engine)
    assert first.results == ["success"] * 7
    after = digests(place)
    assert {name for name in after if after[name] != before[name]} == {
        "hello:main", "hello:latest", "made:main",
    }  # fmt: skip
    assert after["hello:main"] == after["hello:latest"]
    for image in ("hello", "made"):
        assert main(["rebase", f"{place}/{image}:main", "-q", "--dry-run"]) == 0
        assert f"{place}/{image}@{after[f'{image}:main']}" in first.attested
    assert {*first.sboms} < {*first.attested}
    assert {one.partition("@")[0] for one in first.sboms} == {f"{place}/hello", f"{place}/made"}
    assert gh.calls == [
        "auth setup-git",
        PUSH,
        f"pr create --head buildtools/pins --base main --title {TITLE} --body-file body.md",
    ]
    (pull,) = gh.read("pulls").values()
    assert [line.partition(": ")[0] for line in pull["body"].splitlines()] == [
        "- mcr.microsoft.com/windows/nanoserver:ltsc2022 on windows/amd64:10.0.20348",
        "- mcr.microsoft.com/windows/nanoserver:ltsc2025 on windows/amd64:10.0.26100",
    ]
    bare = tmp_path / "bare"
    assert git(bare, "diff", "--name-only", "main", "buildtools/pins") == "images/pins.json"
    assert "10.0.20348.45299" in git(bare, "show", "buildtools/pins:images/pins.json")

    gh = FakeGh(tmp_path / "second" / "bin", tmp_path / "gh")
    second = run(project, tmp_path / "second", vendor, DOCKER_HOST=docker_engine)
    assert second.results == [*["skipped"] * 4, *["success"] * 3]
    assert gh.calls == [
        "auth setup-git",
        PUSH,
        "api repos/acme/images/pulls/1 --method PATCH --field body=@body.md --silent",
    ]
    assert (digests(place), second.attested) == (after, [])

    assert main(["publish", "-q", "--tag", "main"]) == 9
    assert "and this one is older, with 10.0.26100.7462: publish what is newer" in capsys.readouterr().err
    assert digests(place) == after
    git(project, "pull", "--quiet", str(bare), "buildtools/pins")
    assert main(["publish", "-q", "--tag", "main"]) == 0
    assert digests(place) == after


def test_no_tag_moves_where_a_proof_fails(
    project: Path, place: str, vendor: DockerRegistry, tmp_path: Path
) -> None:
    """New indexes are there by digest, unseen; the next run proves and tags the same ones."""
    patch(vendor, "ltsc2025")
    gh = FakeGh(tmp_path / "act" / "bin", tmp_path / "gh")
    before = digests(place)
    done = run(project, tmp_path / "act", vendor, DOCKER_HOST=f"unix://{tmp_path}/nobody", code=1)
    assert done.results == ["failure", *["skipped"] * 4, *["success"] * 2]
    assert "no Docker Engine answers" in done.log
    assert (digests(place), gh.calls, done.attested) == (before, [], [])
