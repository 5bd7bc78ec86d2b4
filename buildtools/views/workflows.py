"""What `workflows` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table
from buildtools.generate import Generated
from buildtools.views.findings import SCHEMA


def workflows_table(files: Sequence[Generated]) -> Table:
    """The files and what became of them."""
    return Table(
        columns=("file", "what"),
        rows=[(one.path, f"{one.what}: {one.reason}" if one.reason else one.what) for one in files],
    )


def workflows_json(files: Sequence[Generated]) -> dict[str, Any]:
    """The document of `workflows --json`."""
    return {
        "schema": SCHEMA,
        "files": [
            {"path": one.path, "what": one.what, "diff": one.diff, "reason": one.reason} for one in files
        ],
    }
