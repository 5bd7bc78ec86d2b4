"""The example programs: formatted, vetted for the systems they are for, and their own tests pass."""

from pathlib import Path

import pytest

from tests.fakes.go import go

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path.parent for path in ROOT.glob("images/*/src/go.mod"))
NAMES = [path.parent.name for path in SOURCES]


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
