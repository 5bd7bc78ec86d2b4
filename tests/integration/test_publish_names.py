# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Which tags an image gets: of commits, CI runs and definitions, held against a real git."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.git import git
from tests.fakes.publishing import change, tags_of, to
from tests.fakes.registry import FakeRegistry
from tests.integration.test_publish import publish


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry that notes what it is asked."""
    with FakeRegistry() as server:
        yield server


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("v1.4.2", ["1.4.2", "1.4", "1", "latest"]),
        ("0.4.2", ["0.4.2", "0.4", "latest"]),
        ("v1.4.2-rc.1+7", ["1.4.2-rc.1_7"]),
        ("nightly", ["sha-{sha}", "main"]),
    ],
)
def test_tags_of_a_commit(
    tag: str, expected: list[str], committed: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its version where a git tag has one, immutable ones first."""
    git(committed, "tag", tag)
    found = tags_of(publish(capsys, *to(server)))
    sha = git(committed, "rev-parse", "HEAD")[:7]
    assert list(found) == [name.format(sha=sha) for name in expected]
    assert list(server.repository("acme/host").tags) == list(found)


def test_tags_of_a_github_run(
    committed: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request has its number and no branch; a run for a tag has that tag's version."""
    sha = git(committed, "rev-parse", "HEAD")
    git(committed, "tag", "v9.9.9")
    run = {"GITHUB_ACTIONS": "true", "GITHUB_SHA": sha, "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0.0"}
    for name, value in run.items():
        monkeypatch.setenv(name, value)
    assert list(tags_of(publish(capsys, *to(server)))) == ["1.0.0", "1.0", "1", "latest"]
    git(committed, "tag", "-d", "v9.9.9")
    pull = {"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "7/merge", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_HEAD_REF": "main"}  # fmt: skip
    for name, value in pull.items():
        monkeypatch.setenv(name, value)
    assert list(tags_of(publish(capsys, *to(server)))) == [f"sha-{sha[:7]}", "pr-7"]
    monkeypatch.setenv("GITHUB_SHA", "0" * 40)
    assert list(tags_of(publish(capsys, *to(server)))) == [f"sha-{sha[:7]}", "main"]


def test_tags_of_the_definitions(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The image's win over those of all, the command line's over both."""
    with (small / "images/defaults.yaml").open("a") as file:
        file.write("tags: ['{version}', edge]\n")
    assert list(tags_of(publish(capsys, *to(server)))) == ["edge"]
    assert list(tags_of(publish(capsys, *to(server, "--image-version", "v2.0.0-rc.1")))) == [
        "2.0.0-rc.1",
        "edge",
    ]
    with (small / "images/host/image.yaml").open("a") as file:
        file.write("tags: ['node-{version}']\n")
    assert list(tags_of(publish(capsys, *to(server, "--image-version", "2.0.0")))) == ["node-2.0.0"]
    assert list(tags_of(publish(capsys, *to(server, "--tag", "x", "--tag", "x")))) == ["x"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tag", "{versoin}"], "--tag {versoin}: unknown placeholder {versoin}: did you mean {version}?"),
        (["--tag", "a b"], "--tag a b: \"a b\" gives no tag: write letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"),
        (["--tag", "{pr}"], 'no tag comes out of "{pr}", without {pr}: there is no fact at all: no commit, no version, no CI run; name a tag with --tag'),
        (["--image-version", "1.2"], "'1.2' is no semantic version: write three numbers, as in 1.4.2 or 1.4.2-rc.1"),
        (["--expect-current", "none", "--expect-current", "x=none"], "--expect-current x=none is about a tag that is not set: the tags are latest"),
        (["--expect-current", "sha256:12"], "--expect-current: digest 'sha256:12' needs 64 hexadecimal digits, it has 2 characters: or none for a tag that is not there yet"),
        (["--expect-current", f"sha256:{'0' * 64}"], "--expect-current names one index, and 2 images would be published: name one image, such as host"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(
    arguments: list[str], sentence: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is built."""
    images = ["host", "made"] if "2 images" in sentence else ["host"]
    assert main(["publish", "-q", *images, "--to", "127.0.0.1:9/acme", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not (small / "dist").exists()


def test_no_tag_is_left_for_an_image(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the place of its tags."""
    with (small / "images/host/image.yaml").open("a") as file:
        file.write("tags: ['{version}']\n")
    assert main(["publish", "-q", "host"]) == 2
    assert capsys.readouterr().err == (
        'images/host/image.yaml:10:1: error: no tag comes out of "{version}", without {version}: '
        "there is no fact at all: no commit, no version, no CI run; name a tag with --tag\n"
    )


def test_a_git_that_refuses_is_not_taken_for_none(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`latest` would be a guess."""
    (small / ".git").write_text("nonsense\n")
    assert main(["publish", "-q", "host"]) == 2
    assert capsys.readouterr().err == (
        f"error: git refuses (fatal: invalid gitfile format: {small}/.git), so there is no commit that tags "
        "could be made of: name the tags with --tag\n"
    )


def test_what_is_not_committed_has_no_commits_tags(
    committed: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither version nor commit; a tag that is typed stands for what it is."""
    (committed / "notes").write_text("not of an image")
    publish(capsys, *to(server, "--image-version", "1.0.0"))
    change(committed)
    assert (
        main(["publish", "-q", *to(server, "--image-version", "1.0.1", "--tag", "{version}", "--tag", "x")])
        == 1
    )
    assert capsys.readouterr().err == (
        "error: 1.0.1 would name a commit that images/host/host.cmd is not part of: "
        "commit what is changed, or publish it as it is with --allow-dirty\n"
    )
    assert tags_of(publish(capsys, *to(server, "--tag", "try"))) == {"try": "set"}
    found = publish(capsys, *to(server, "--image-version", "1.0.1", "--tag", "{version}", "--allow-dirty"))
    assert tags_of(found) == {"1.0.1": "set"}


def test_pins_that_were_just_made_are_not_committed(
    project: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The image is made of them, and the commit does not have them."""
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "all")
    assert main(["publish", "-q", "hello", "--to", f"{server.host}/acme"]) == 1
    assert "would name a commit that images/pins.json is not part of" in capsys.readouterr().err
    assert not server.seen
