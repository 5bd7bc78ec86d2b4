"""wine for tests: one cache for all of a run's processes, and what a tier may leave behind: nothing."""

import os
from pathlib import Path

import pytest

from buildtools.tiers.wine import Wine
from tests.fakes.components import require


def shared_wine(factory: pytest.TempPathFactory) -> Wine:
    """The tier, with a cache that the workers of one run share; skips where this machine cannot have it."""
    require("wine")
    require("wineserver")
    require("go")
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    return Wine(cache=folder / "cache")


def processes_of(text: str) -> list[str]:
    """The names of running processes in whose environment this text stands."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (folder / "environ").read_bytes():
                found.append((folder / "comm").read_text().strip())
        except OSError:
            continue
    return found


def prefixes(temporary: Path) -> list[str]:
    """What lies in the folder of temporary files."""
    return sorted(path.name for path in temporary.iterdir())
