"""What `plan --against` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.compare import Compared
from buildtools.console import Table
from buildtools.oci.digest import short


def compare_table(rows: Sequence[Compared]) -> Table:
    """What would be built beside what is published."""
    return Table(
        columns=("image", "platform", "published as", "published", "built", "state", "what"),
        rows=[
            (
                row.image,
                row.platform,
                row.reference,
                short(row.published) if row.published else "–",
                short(row.local) if row.local else "–",
                row.state,
                ", ".join(row.what),
            )
            for row in rows
        ],
    )


def compare_json(rows: Sequence[Compared]) -> list[dict[str, Any]]:
    """The key `against` of `plan --json`."""
    return [
        {
            "image": row.image,
            "reference": row.reference,
            "platform": row.platform,
            "state": row.state,
            "what": list(row.what),
            "published": row.published or "",
            "digest": row.local or "",
        }
        for row in rows
    ]


def compare_summary(rows: Sequence[Compared]) -> str:
    """One sentence: how much is published as it would be built."""
    changed = sum(row.state != "up to date" for row in rows)
    if not changed:
        return f"All {len(rows)} variants are published as they would be built."
    return f"{changed} of {len(rows)} variants differ from what is published."
