"""`pins --actions`: the actions of the workflows, looked up on GitHub, and a project's file of newer ones.

The table in buildtools/workflow/actions.py comes with the tool; what a project uses in its place stands in
its own workflows/actions.json, and only that file is written. A pinned version whose tag is gone or stands
on another commit is a finding, and while there is one nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from buildtools.errors import Diagnostic
from buildtools.sources.github import GitHub, GoneError
from buildtools.workflow.actions import PINS, dump_overrides, parse_overrides
from buildtools.workflow.model import Action
from buildtools.workflow.versions import DAY, choose
from buildtools.workspace import write_text

FILE = "workflows/actions.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One action: the table's `name`, what is used for it, what should be, and what is wrong.

    `young` are newer versions that have not been out for long enough; `major` is the newest of another major
    version, which is only taken on demand.
    """

    name: str
    now: Action
    new: Action
    young: tuple[str, ...] = ()
    major: str = ""
    finding: Diagnostic | None = None

    @property
    def what(self) -> str:
        """One word or two for the row."""
        if self.finding:
            return "wrong"
        return "newest" if self.now == self.new else "moves"


def look(root: Path, github: GitHub, *, now: float, cooldown: int, any_major: bool) -> list[Looked]:
    """Look up what the project uses for each action of the table; paths of its own are left out.

    `now` is in seconds since 1970, `cooldown` in days. Raises ConfigurationError for the project's file, and
    what the API raises.
    """
    overrides = parse_overrides(_text(root), FILE)
    used = [(pin.action.name, overrides.get(pin.action.name, pin.action)) for pin in PINS]
    return [
        _look(name, one, github, before=now - cooldown * DAY, any_major=any_major)
        for name, one in used
        if isinstance(one, Action)
    ]


def save(root: Path, looked: Sequence[Looked], *, now: float) -> None:
    """Write what moves into the project's file, without rows that the table has, too; raises BuildError."""
    rows: dict[str, dict[str, str]] = msgspec.json.decode(_text(root))
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    for one in looked:
        if one.now != one.new:
            rows[one.name] = {
                "uses": one.new.name,
                "version": one.new.version,
                "sha": one.new.sha,
                "seen": day,
            }
    table = {pin.action.name: pin.action for pin in PINS}
    kept = {name: row for name, row in rows.items() if _action(row) != table[name]}
    path = root / FILE
    if kept:
        write_text(path, dump_overrides(kept))
    else:
        path.unlink(missing_ok=True)


def _text(root: Path) -> bytes:
    try:
        return (root / FILE).read_bytes()
    except FileNotFoundError:
        return b"{}"


def _action(row: dict[str, Any]) -> Action:
    return Action(name=row["uses"], version=row.get("version", ""), sha=row.get("sha", ""))


def _look(name: str, used: Action, github: GitHub, *, before: float, any_major: bool) -> Looked:
    repository = "/".join(used.name.split("/")[:2])
    try:
        called = github.full_name(repository)
    except GoneError:
        text = f"{github.host} has no {repository}, or shows it to nobody without a log-in"
        hint = f"set GITHUB_TOKEN to a token that may read it, or name another action for {name} in {FILE}"
        return _wrong(name, used, "action-gone", text, hint)
    if called.lower() != repository.lower():
        text = f"{repository} is called {called} now, and whoever takes the old name is asked from then on"
        return _wrong(name, used, "action-moved", text, f"name {called} for {name} in {FILE}")
    try:
        stands = github.commit(repository, used.version)
    except GoneError:
        text = f"{repository} has no tag {used.version} any more"
        hint = f"find out why it was withdrawn, and name another version for {name} in {FILE}"
        return _wrong(name, used, "tag-gone", text, hint)
    if stands != used.sha:
        text = f"the tag {used.version} of {repository} stands on {stands}, and is pinned at {used.sha}"
        hint = f"find out who moved it before you take either, and name the right one for {name} in {FILE}"
        return _wrong(name, used, "tag-moved", text, hint)
    chosen = choose(
        github.releases(repository),
        used.version,
        published=lambda tag: github.published(repository, tag),
        before=before,
        any_major=any_major,
    )
    new = used
    if chosen.release:
        tag = chosen.release.tag
        try:
            new = Action(name=used.name, version=tag, sha=github.commit(repository, tag))
        except GoneError:
            text = f"{repository} has a release {tag} without its tag"
            return _wrong(name, used, "tag-gone", text, "run it again later, or ask its makers")
    return Looked(name=name, now=used, new=new, young=chosen.young, major=chosen.major)


def _wrong(name: str, used: Action, code: str, message: str, hint: str) -> Looked:
    return Looked(
        name=name, now=used, new=used, finding=Diagnostic(code=code, message=message, hint=hint, path="")
    )
