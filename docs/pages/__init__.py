"""The pages that are made from code, a module each, and the published schemas."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from buildtools.spec.schema import NAMES, file_name, render
from docs.pages.clusters import clusters
from docs.pages.commands import commands
from docs.pages.definitions import definitions
from docs.pages.environment import environment
from docs.pages.picks import picks
from docs.pages.registries import registries
from docs.pages.workflows import workflows
from tests.faults.page import page as faults

PAGES: Final[Mapping[Path, Callable[[], str]]] = {
    **{Path("buildtools/schema", file_name(name)): partial(render, name) for name in NAMES},
    Path("docs/reference/image-yaml.md"): definitions,
    Path("docs/reference/clusters.md"): clusters,
    Path("docs/reference/command-line.md"): commands,
    Path("docs/reference/faults.md"): faults,
    Path("docs/reference/environment.md"): environment,
    Path("docs/reference/registries.md"): registries,
    Path("docs/reference/workflows.md"): workflows,
    Path("docs/how-a-node-picks.md"): picks,
}
"""What makes the text of each file; paths are below the project."""
