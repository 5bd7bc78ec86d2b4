"""Git: when things were last committed, what is checked out, and what of it is not committed."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from buildtools.spec.tags import Commit

_MARK: Final = b"\x01"
_CHUNK: Final = 65536
SHALLOW: Final = "this is a shallow clone"


def commit_times(project: Path, folders: Sequence[str]) -> Mapping[str, int]:
    """Seconds since 1970 of the last commit that touched each folder (POSIX, relative to `project`).

    One git process for all, ended as soon as each folder is found. Folders that were never committed are
    left out; so is everything where there is no git or no repository.
    """
    wanted = {f"{folder.rstrip('/')}/": folder for folder in folders}
    found: dict[str, int] = {}
    # Without -m merges show no files: the commits that they merge do.
    command = ["git", "log", "--format=%x01%ct", "--name-only", "-z", "--relative", "--", *folders]
    try:
        with subprocess.Popen(
            command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        ) as process:
            try:
                for time, name in _touched(process):
                    for prefix in [prefix for prefix in wanted if name.startswith(prefix)]:
                        found[wanted.pop(prefix)] = time
                    if not wanted:
                        break
            finally:
                process.kill()
    except OSError:
        return {}
    return found


def trouble(project: Path) -> str:
    """Why git cannot say when the project's files were committed, empty where it can or there is no history.

    A clone that lacks history counts: its oldest commit seems to touch everything.
    """
    command = ["git", "rev-parse", "--is-shallow-repository"]
    try:
        answer = subprocess.run(
            command, cwd=project, capture_output=True, stdin=subprocess.DEVNULL, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        said = "git cannot be run" if isinstance(error, OSError) else "git does not answer"
        return said if _is_checkout(project) else ""
    if answer.returncode:
        lines = answer.stderr.decode("utf-8", "replace").splitlines()
        return f"git refuses ({lines[0] if lines else answer.returncode})" if _is_checkout(project) else ""
    return SHALLOW if answer.stdout.strip() == b"true" else ""


def checked_out(project: Path) -> Commit | None:
    """The commit that is checked out, its branch and its tags; None where git knows of none."""
    head = _said(project, "log", "-1", "--no-show-signature", "--format=%H %ct")
    if not head:
        return None
    sha, _, time = head.strip().partition(" ")
    tags = _said(project, "for-each-ref", "--points-at=HEAD", "--format=%(refname:strip=2)", "refs/tags")
    branch = _said(project, "symbolic-ref", "-q", "HEAD").strip()
    return Commit(
        sha=sha,
        time=int(time),
        branch=branch.removeprefix("refs/heads/"),
        tags=tuple(tags.splitlines()),
    )


def uncommitted(project: Path, folder: str) -> tuple[str, ...]:
    """Files below a folder (POSIX, relative to `project`) that are changed or new, by their names there.

    Nothing where there is no git or no repository; files that git is told to ignore do not count.
    """
    said = _said(
        project, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", folder
    )
    prefix = _said(project, "rev-parse", "--show-prefix").rstrip("\n") if said else ""
    return tuple(entry[3:].removeprefix(prefix) for entry in said.split("\0") if entry)


def _said(project: Path, *arguments: str) -> str:
    """What a git command prints, nothing where it fails; it takes no lock that another git waits for."""
    try:
        answer = subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            cwd=project,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if answer.returncode else answer.stdout.decode("utf-8", "replace")


def _is_checkout(project: Path) -> bool:
    return any((folder / ".git").exists() for folder in (project, *project.parents))


def _touched(process: "subprocess.Popen[bytes]") -> Iterator[tuple[int, str]]:
    """Commit time and file name, newest commit first."""
    time, rest = 0, b""
    stream = process.stdout
    while stream and (data := os.read(stream.fileno(), _CHUNK)):
        *fields, rest = (rest + data).split(b"\0")
        for field in fields:
            text = field.lstrip(b"\n")
            if text.startswith(_MARK):
                # The first name follows its commit's header after a line end.
                head, _, text = text[1:].partition(b"\n")
                time = int(head)
            if text:
                yield time, text.decode("utf-8", "surrogateescape")
