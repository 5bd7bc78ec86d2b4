"""Another repository calls the reusable workflow: what its push leaves in the registry is whole."""

import shutil
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.act import Act, known_to_act, passed, run_act
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.git import commit_all, git
from tests.fakes.workflows import tags_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "caller"
SHA = "0123456789abcdef0123456789abcdef01234567"
OURS = "OWNER/buildtools"


@pytest.fixture
def caller(
    mirrors: dict[str, str], registry: DockerRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    """The example as a git checkout of its own with pins, and the place that it publishes to."""
    require("act")
    root, place = tmp_path / "caller", f"{registry.host}/acme-{free_port()}"
    shutil.copytree(EXAMPLE, root)
    monkeypatch.setenv("BUILDTOOLS_MIRRORS", mirrors["BUILDTOOLS_MIRRORS"])
    monkeypatch.chdir(root)
    defaults = root / "images" / "defaults.yaml"
    defaults.write_text(defaults.read_text().replace("ghcr.io/acme", place))
    (root / ".gitignore").write_text("/dist/\n")
    assert main(["pins", "-q"]) == 0
    commit_all(root)
    return root, place


def give(root: Path, **inputs: str) -> None:
    """Let the caller hand on these inputs, and what it logs in with."""
    path = root / ".github" / "workflows" / "images.yml"
    text = path.read_text().replace("0" * 40, SHA)
    lines = [f"      {name.replace('_', '-')}: {value}\n" for name, value in inputs.items()]
    lines = ["    with:\n", *lines] if lines else []
    lines += ["    secrets:\n"]
    lines += [f"      {name}: ${{{{ secrets.{name.upper()} }}}}\n" for name in ("username", "password")]
    path.write_text(text + "".join(lines))
    git(root, "commit", "--quiet", "--all", "--message", "Inputs")


def run(event: str, root: Path, work: Path, **env: str) -> Act:
    """The caller's workflow, beside the reusable one of this checkout."""
    folder = work / "called" / ".github" / "workflows"
    folder.mkdir(parents=True)
    called = known_to_act((ROOT / ".github" / "workflows" / "build-images.yml").read_text())
    (folder / "build-images.yml").write_text(called)
    more = [
        f"--local-repository={OURS}@{SHA}={work / 'called'}",
        "--no-skip-checkout",
        "--secret=USERNAME=somebody-at-all",
        "--secret=PASSWORD=a-password-that-opens-nothing",
    ]
    known = {"workflow_repository": OURS, "workflow_sha": SHA, "STANDIN_ROOT": str(root)} | env
    payload = {"repository": {"default_branch": "main"}}
    return run_act(event, root, work, payload=payload, options=(*more,), **known)


@pytest.mark.parametrize("handover", ["artifacts", "registry"])
def test_a_push_publishes_attests_and_proves(
    handover: str, caller: tuple[Path, str], mirrors: dict[str, str], docker_engine: str, tmp_path: Path
) -> None:
    """Ten lines give an index for every node, whichever way the legs hand over."""
    root, place = caller
    give(root, handover=handover)
    done = passed(run("push", root, tmp_path / "act", DOCKER_HOST=docker_engine, **mirrors))
    assert done.results == ["skipped", *["success"] * 5]
    kind = {"artifacts": "images", "registry": "records"}[handover]
    assert done.artifacts == [f"{kind}-ubuntu-24-04-1"]
    assert f"installed from {OURS} {SHA}" in done.log
    assert "main" in tags_of(place, "hello")
    assert main(["verify", f"{place}/hello:main", "-C", str(root)]) == 0
    assert len(done.attested) == len({*done.attested}) == 1 + 4
    assert not git(root, "status", "--porcelain")


@pytest.mark.parametrize("handover", ["artifacts", "registry"])
@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "merge_group"])
def test_what_strangers_cause_publishes_nothing(
    event: str, handover: str, caller: tuple[Path, str], tmp_path: Path
) -> None:
    """Their legs hand over artifacts, without credentials, whatever the caller has chosen."""
    root, place = caller
    path = root / ".github" / "workflows" / "images.yml"
    path.write_text(path.read_text().replace("  pull_request:\n", f"  {event}:\n"))
    give(root, handover=handover)
    done = passed(run(event, root, tmp_path / "act"))
    assert done.results == [*["skipped"] * 4, *["success"] * 2]
    assert done.artifacts == ["images-ubuntu-24-04-1"]
    assert tags_of(place, "hello") == []


def test_a_push_to_another_branch_publishes_nothing(caller: tuple[Path, str], tmp_path: Path) -> None:
    """The caller may have named more branches in its trigger than publish."""
    root, place = caller
    give(root, branch="release", handover="registry")
    done = passed(run("push", root, tmp_path / "act"))
    assert done.results == [*["skipped"] * 4, *["success"] * 2]
    assert tags_of(place, "hello") == []


@pytest.mark.parametrize("handover", ["artifacts", "registry"])
def test_a_leg_that_fails_fails_the_run(handover: str, caller: tuple[Path, str], tmp_path: Path) -> None:
    """Nothing is published, and the gate is red."""
    root, place = caller
    image = root / "images" / "hello" / "image.yaml"
    build = "build:\n  run: [[python3, -c, raise SystemExit(3)]]\n  inputs: [hello.txt]\nconfig:\n"
    image.write_text(image.read_text().replace("config:\n", build))
    give(root, handover=handover)
    done = passed(run("push", root, tmp_path / "act"), code=1)
    assert done.results == ["failure", *["skipped"] * 4, "success"]
    assert tags_of(place, "hello") == []


def test_what_a_caller_may_leave_out(
    caller: tuple[Path, str], mirrors: dict[str, str], tmp_path: Path
) -> None:
    """Neither attested nor proven, by a tool of the caller's choice."""
    root, place = caller
    give(root, attest="false", prove="false", buildtools="buildtools==1.0", legs="1")
    done = passed(run("push", root, tmp_path / "act", workflow_sha="", **mirrors))
    assert done.results == [*["skipped"] * 3, *["success"] * 3]
    assert "installed from" not in done.log
    assert "main" in tags_of(place, "hello")
    assert done.attested == []


@pytest.mark.parametrize(
    ("inputs", "env", "sentence"),
    [
        ({"handover": "pigeon"}, {}, "the input handover is artifacts or registry, not pigeon"),
        ({}, {"workflow_sha": ""}, "this server does not say which commit of the workflow was called"),
    ],
)
def test_what_cannot_be_called(
    inputs: dict[str, str], env: dict[str, str], sentence: str, caller: tuple[Path, str], tmp_path: Path
) -> None:
    """The first job ends with a sentence."""
    root, _ = caller
    give(root, **inputs)
    done = passed(run("push", root, tmp_path / "act", **env), code=1)
    assert sentence in done.log
    assert done.artifacts == []
