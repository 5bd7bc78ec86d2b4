"""Real git, with nobody's configuration but ours."""

import os
import subprocess
from pathlib import Path

from tests.fakes.components import require

ORIGIN = "https://github.com/acme/images.git"
LAST_YEAR = 1_764_072_000
"""Before the bases of the tests were made, as the last change to an image mostly is."""

_NOBODY = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
}  # fmt: skip


def git(folder: Path, *arguments: str, time: int = LAST_YEAR) -> str:
    """Run git in the folder; gives what it prints. What it commits is of this time, in epoch seconds."""
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{time} +0000")
    done = subprocess.run(
        [require("git"), *arguments], cwd=folder, env={**os.environ, **_NOBODY, **dates},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit_all(root: Path, *, time: int = LAST_YEAR) -> None:
    """Put all that is in the folder under git on `main`, as a checkout of acme/images."""
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "remote", "add", "origin", ORIGIN)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "All", time=time)
