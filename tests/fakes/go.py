"""The real Go: what tests compile, and what they have it look at."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.components import require


def go(folder: Path, *arguments: str, **environment: str) -> str:
    """What `go` prints in the folder, with this environment; the test fails with that where go does."""
    fixed = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    done = subprocess.run(
        [require("go"), *arguments],
        cwd=folder,
        env={**os.environ, **fixed, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"go {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}", pytrace=False)
    return done.stdout


def compiled(
    source: Path, program: Path, *, system: str, architecture: str = "amd64", link: str = ""
) -> Path:
    """Compile the module in `source` as `program`; `link` are more words for the linker."""
    flags = ("-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {link}".rstrip())
    go(source, "build", *flags, "-o", str(program), ".", GOOS=system, GOARCH=architecture)
    return program
