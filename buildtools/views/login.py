"""What `login` prints."""

from typing import Any

from buildtools.console import Table
from buildtools.login import LogIn
from buildtools.views.findings import SCHEMA


def login_table(found: LogIn) -> Table:
    """The places that were looked at, and what the one that counts allows."""
    rows = [(place, _what(found, place, there=there)) for place, there in found.places]
    who = f"{found.username} (from {found.source})" if found.source else "nobody: anonymous"
    rows.append((f"{found.host} is asked as", who))
    if found.pull is not None:
        rows.append((f"may pull {found.repository}", found.pull or "yes"))
    if found.push is not None:
        rows.append((f"may push {found.repository}", found.push or "yes"))
    return Table(columns=("looked at", "found"), rows=rows, title=f"Log-in to {found.host}")


def _what(found: LogIn, place: str, *, there: bool) -> str:
    if not there:
        return f"nothing for {found.host}"
    first = next(name for name, has in found.places if has)
    return "used" if place == first else "not used: another place comes first"


def login_json(found: LogIn) -> dict[str, Any]:
    """The document of `login --json`; no secret is in it."""
    return {
        "schema": SCHEMA,
        "registry": found.host,
        "repository": found.repository,
        "username": found.username,
        "source": found.source,
        "places": [{"place": place, "found": there} for place, there in found.places],
        "pull": None if found.pull is None else not found.pull,
        "push": None if found.push is None else not found.push,
        "failure": str(found.failure or ""),
    }
