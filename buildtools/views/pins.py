"""What `pins --actions` prints."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from buildtools.actions import Looked
from buildtools.console import Table
from buildtools.views.findings import SCHEMA


def actions_table(looked: Sequence[Looked]) -> Table:
    """The actions, what they move to, and what is not taken yet."""
    rows = [(one.now.name, one.now.version, one.new.version, one.what, _beyond(one)) for one in looked]
    return Table(columns=("action", "pinned", "newest", "what", "not taken"), rows=rows)


def actions_json(looked: Sequence[Looked], *, saved: bool) -> dict[str, Any]:
    """The document of `pins --actions --json`."""
    return {
        "schema": SCHEMA,
        "actions": [
            {
                "name": one.name,
                "what": one.what,
                "pinned": asdict(one.now),
                "newest": asdict(one.new),
                "young": list(one.young),
                "major": one.major,
                "finding": str(one.finding) if one.finding else "",
            }
            for one in looked
        ],
        "saved": saved,
    }


def _beyond(one: Looked) -> str:
    parts = [f"{tag} is too young" for tag in one.young]
    if one.major and one.major not in one.young:
        parts.append(f"{one.major} with --major")
    return ", ".join(parts)
