"""When folders were last committed, asked of a real git in a repository of the test's own."""

import os
import subprocess
from pathlib import Path

import pytest

from buildtools.sources.git import SHALLOW, checked_out, commit_times, trouble, uncommitted
from buildtools.spec.tags import Commit
from tests.fakes.definitions import write_tree

FIRST, SECOND, THIRD = 1_700_000_000, 1_700_000_100, 1_700_000_200
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
}  # fmt: skip


def git(folder: Path, *arguments: str, time: int = FIRST) -> None:
    """Run git without anybody's configuration."""
    times = {"GIT_AUTHOR_DATE": "1600000000 +0000", "GIT_COMMITTER_DATE": f"{time} +0100"}
    subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT | times, check=True, capture_output=True)


def commit(folder: Path, time: int, *names: str) -> None:
    """Change files and commit them."""
    for name in names:
        path = folder / name
        write_tree(folder, **{name: f"{time}"})
        git(folder, "add", str(path))
    git(folder, "commit", "-q", "-m", "change", time=time)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three commits: two images, then one of them with an odd name, then a file of neither."""
    root = tmp_path_factory.mktemp("repository")
    git(root, "init", "-q", "-b", "main")
    commit(root, FIRST, "images/a/image.yaml", "images/ab/image.yaml", "images/ä b/image.yaml")
    commit(root, SECOND, "images/ab/sub/deep ü.txt", "images/ab/new\nline")
    commit(root, THIRD, "README")
    write_tree(root, "images/new/image.yaml")
    return root


def test_the_last_commit_of_each_folder(repository: Path) -> None:
    """By the committer's time; a name that begins like another, odd names, and one without commits."""
    folders = ["images/a", "images/ab/", "images/ä b", "images/new", "images/gone"]
    assert commit_times(repository, folders) == {
        "images/a": FIRST,
        "images/ab/": SECOND,
        "images/ä b": FIRST,
    }


def test_the_walk_ends_when_all_is_found(repository: Path) -> None:
    """Also for no folder at all."""
    assert commit_times(repository, ["images/ab"]) == {"images/ab": SECOND}
    assert commit_times(repository, []) == {}


def test_a_project_below_the_repository(repository: Path) -> None:
    """Folders are relative to the project, wherever the repository begins."""
    assert commit_times(repository / "images", ["a", "ab"]) == {"a": FIRST, "ab": SECOND}


def test_a_merge_counts_as_the_commits_that_it_brings(tmp_path: Path) -> None:
    """Merging a branch changes no file of itself, so the digest is the branch's."""
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, FIRST, "images/a/x", "images/b/x")
    git(tmp_path, "checkout", "-q", "-b", "side")
    commit(tmp_path, SECOND, "images/a/x")
    git(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, FIRST + 1, "images/b/x")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "merge", "side", time=THIRD)
    assert commit_times(tmp_path, ["images/a", "images/b"]) == {"images/a": SECOND, "images/b": FIRST + 1}


def test_an_empty_commit_touches_nothing(tmp_path: Path) -> None:
    """Its header has no names behind it."""
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, FIRST, "images/a/x")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "again", time=SECOND)
    assert commit_times(tmp_path, ["images/a"]) == {"images/a": FIRST}


def test_a_history_longer_than_one_read(tmp_path: Path) -> None:
    """Names that are cut by the end of a read are put together again."""
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, FIRST, "images/a/x")
    names = [f"images/b/{number:03}-{'x' * 200}" for number in range(400)]
    write_tree(tmp_path, *names)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "many", time=SECOND)
    assert commit_times(tmp_path, ["images/a", "images/b"]) == {"images/a": FIRST, "images/b": SECOND}


def test_a_shallow_clone_says_so(repository: Path, tmp_path: Path) -> None:
    """Its oldest commit seems to touch everything."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", str(clone))
    assert trouble(clone) == SHALLOW
    assert trouble(repository) == ""
    assert commit_times(clone, ["images/a", "images/ab"]) == {"images/a": THIRD, "images/ab": THIRD}


def test_no_repository_and_no_git_know_nothing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project need not be in git; who builds it says the time."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert commit_times(tmp_path, ["images/a"]) == {}
    assert trouble(tmp_path) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_times(repository, ["images/a"]) == {}
    assert trouble(tmp_path) == ""
    assert trouble(repository) == "git cannot be run"


def test_a_git_that_refuses_is_quoted(repository: Path) -> None:
    """A checkout that belongs to another user, as in many CI containers, or one that is damaged."""
    (repository / ".git" / "HEAD").write_text("nonsense")
    assert trouble(repository).startswith("git refuses (fatal: ")
    assert commit_times(repository, ["images/a"]) == {}


def test_a_git_that_hangs_is_given_up(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build does not wait for it for ever."""

    def hangs(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 10)

    monkeypatch.setattr(subprocess, "run", hangs)
    assert trouble(repository) == "git does not answer"


def test_what_is_checked_out(tmp_path: Path) -> None:
    """Commit, time, branch and tags; no branch where HEAD is detached."""
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, THIRD, "images/a")
    head = (tmp_path / ".git/refs/heads/main").read_text().strip()
    assert checked_out(tmp_path / "images") == Commit(sha=head, time=THIRD, branch="main")
    git(tmp_path, "tag", "v1.0.0")
    git(tmp_path, "tag", "-a", "-m", "x", "app/v2")
    git(tmp_path, "checkout", "-q", "--detach")
    assert checked_out(tmp_path) == Commit(sha=head, time=THIRD, tags=("app/v2", "v1.0.0"))


def test_nothing_is_checked_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, a repository without commits, no git."""
    assert checked_out(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert checked_out(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checked_out(tmp_path) is None


def test_what_is_not_committed(tmp_path: Path) -> None:
    """Changed, new, staged and deleted files of the folder, by their names in the project."""
    project = tmp_path / "sub"
    git(tmp_path, "init", "-q")
    commit(tmp_path, FIRST, "sub/images/a/x", "sub/images/a/y", "sub/images/a/z", "sub/.gitignore", "other")
    write_tree(project, **{".gitignore": "*.log"})
    assert uncommitted(project, "images") == ()
    write_tree(project, "images/a/x", "images/b/ü \n", "images/b/c.log", "dist/d")
    write_tree(tmp_path, "other")
    write_tree(project, "images/a/y")
    git(project, "add", "images/a/y")
    (project / "images/a/z").unlink()
    names = ("images/a/x", "images/a/y", "images/a/z", "images/b/ü \n")
    assert tuple(sorted(uncommitted(project, "images"))) == names
    assert uncommitted(tmp_path.parent, "sub") == ()
