"""What `doctor` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table
from buildtools.doctor import Found
from buildtools.views.findings import SCHEMA


def doctor_table(found: Sequence[Found]) -> Table:
    """A thing a row."""
    return Table(
        columns=("kind", "name", "", "what", "good for", "how to get it"),
        rows=[
            (one.kind, one.name, "yes" if one.there else "no", one.what, one.good_for, one.get)
            for one in found
        ],
    )


def doctor_json(found: Sequence[Found]) -> dict[str, Any]:
    """The document of `doctor --json`."""
    return {
        "schema": SCHEMA,
        "found": [
            {
                "kind": one.kind,
                "name": one.name,
                "there": one.there,
                "what": one.what,
                "good_for": one.good_for,
                "get": one.get,
            }
            for one in found
        ],
    }
