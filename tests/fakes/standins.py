"""A small server in Go that tests compile for the system that they need, and what stops it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.components import require

_SOURCE = Path(__file__).parent / "standin"


def compiled(
    folder: Path, *, os_name: str = "windows", architecture: str = "amd64", name: str = "", **variables: str
) -> Path:
    """The program in the folder; `variables` are those of its source."""
    program = folder / (name or ("app.exe" if os_name == "windows" else "app"))
    set_here = " ".join(f"-X main.{variable}={value}" for variable, value in variables.items())
    done = subprocess.run(
        [
            require("go"),
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            f"-s -w {set_here}",
            "-o",
            program,
        ],
        cwd=_SOURCE,
        env=os.environ
        | {
            "CGO_ENABLED": "0",
            "GOARCH": architecture,
            "GOFLAGS": "-mod=mod",
            "GOOS": os_name,
            "GOTOOLCHAIN": "local",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"the stand-in cannot be compiled:\n{done.stdout}", pytrace=False)
    return program
