"""A project as a git checkout with generated workflows, and what its registry has in the end."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.project import DEFAULTS, make_project

ORIGIN = "https://github.com/acme/images.git"


def git(root: Path, *arguments: str) -> str:
    """Run git in the project; gives what it prints."""
    command = [require("git"), "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    # Before the bases were made, as the last change to an image mostly is.
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2025-11-25T12:00:00Z")
    return subprocess.run(
        command, cwd=root, env={**os.environ, **dates}, capture_output=True, text=True, check=True
    ).stdout.strip()


def checked_out(
    project: Path, registry: DockerRegistry, monkeypatch: pytest.MonkeyPatch, **modules: str
) -> str:
    """Pin, generate and commit everything; gives the place that the project publishes to.

    HOST in a module's text is the registry.
    """
    require("act")
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    place = f"{registry.host}/acme-{free_port()}"
    texts = {f"workflows/{name}.py": text.replace("HOST", registry.host) for name, text in modules.items()}
    make_project(
        project,
        **texts,
        **{
            "images/defaults.yaml": DEFAULTS.replace("registry.example/acme", place),
            ".gitignore": "/dist/\n",
        },
    )
    assert main(["pins", "-q"]) == 0
    assert main(["workflows", "-q"]) == 0
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "remote", "add", "origin", ORIGIN)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "All")
    return place


def tags_of(place: str, image: str) -> list[str]:
    """What is published, as the registry says."""
    host, _, path = place.partition("/")
    try:
        with urllib.request.urlopen(f"http://{host}/v2/{path}/{image}/tags/list") as answer:
            return sorted(json.load(answer)["tags"])
    except urllib.error.HTTPError:
        return []
