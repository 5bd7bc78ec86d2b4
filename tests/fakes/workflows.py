"""A project as a git checkout with generated workflows, and what its registry has in the end."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.git import commit_all
from tests.fakes.project import DEFAULTS, make_project


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
    commit_all(project)
    return place


def tags_of(place: str, image: str) -> list[str]:
    """What is published, as the registry says."""
    host, _, path = place.partition("/")
    try:
        with urllib.request.urlopen(f"http://{host}/v2/{path}/{image}/tags/list") as answer:
            return sorted(json.load(answer)["tags"])
    except urllib.error.HTTPError:
        return []
