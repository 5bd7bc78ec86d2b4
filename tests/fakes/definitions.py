"""Variants as definitions give them, without a definition."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from buildtools.oci.config import ConfigSettings
from buildtools.oci.platform import Platform
from buildtools.spec.variant import BuildStep, FileRule, Variant

Tools = Callable[..., Path]
"""Puts a program on PATH: folder, name, text of the script."""


def variant(os: str = "linux", architecture: str = "amd64", **changes: Any) -> Variant:
    """A variant of the image `app` on scratch; `changes` are its other fields."""
    fields: dict[str, Any] = {
        "image": "app",
        "folder": "images/app",
        "platform": Platform(os=os, architecture=architecture),
        "label": f"{os}/{architecture}",
        "base": "scratch",
        "config": ConfigSettings(),
    }
    return Variant(**(fields | changes))


def copied(source: str, destination: str, **changes: Any) -> FileRule:
    """A rule that copies; into a folder where the destination ends in a slash."""
    fields: dict[str, Any] = {
        "kind": "copy",
        "source": source,
        "destination": destination.rstrip("/"),
        "into_folder": destination.endswith("/"),
    }
    return FileRule(**(fields | changes))


def step(*commands: tuple[str, ...], **changes: Any) -> BuildStep:
    """Build commands in the image's folder, which read nothing and need no tool."""
    fields: dict[str, Any] = {
        "commands": commands,
        "workdir": ".",
        "env": {},
        "pass_env": (),
        "inputs": (),
        "tools": {},
    }
    return BuildStep(**(fields | changes))


def write_tree(root: Path, *names: str, **contents: str) -> Path:
    """Files below `root`: those named hold their own name."""
    for name, text in {**{name: name for name in names}, **contents}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def write_script(path: Path, text: str, *, program: str = "/bin/sh") -> Path:
    """A script that can be started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{program}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path
