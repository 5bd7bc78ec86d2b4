"""The example programs: formatted, vetted for the systems they are for, and their own tests pass."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.components import require

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path.parent for path in ROOT.glob("images/*/src/go.mod"))
NAMES = [path.parent.name for path in SOURCES]


def go(folder: Path, *arguments: str, **environment: str) -> str:
    """What `go` prints; the test fails with that where go does."""
    done = subprocess.run(
        [require("go"), *arguments],
        cwd=folder,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"go {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}", pytrace=False)
    return done.stdout


def test_every_example_that_is_built_here_has_sources() -> None:
    """The folders below are the ones that these tests walk."""
    assert NAMES == ["cni-installer", "network-validator", "whoami"]


@pytest.mark.parametrize("folder", SOURCES, ids=NAMES)
@pytest.mark.parametrize("system", ["linux", "windows"])
def test_go_vet_finds_nothing(folder: Path, system: str) -> None:
    """On each operating system's own files."""
    go(folder, "vet", "./...", GOOS=system)


@pytest.mark.parametrize("folder", SOURCES, ids=NAMES)
def test_the_programs_own_tests_pass(folder: Path) -> None:
    """`go test`, in an order of its own choosing."""
    assert "ok" in go(folder, "test", "-shuffle=on", "./...")


@pytest.mark.parametrize("folder", SOURCES, ids=NAMES)
def test_only_the_standard_library_is_used(folder: Path) -> None:
    """Nothing is fetched to compile them, and nothing of others is in them."""
    required = go(folder, "list", "-m", "all").split()
    assert len(required) == 1
