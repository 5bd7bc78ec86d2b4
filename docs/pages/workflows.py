"""docs/reference/workflows.md: job graphs of this repository's workflows, and the actions that they use."""

from pathlib import Path
from typing import Final

from buildtools.generate import FOLDER, load
from buildtools.plan import Plan
from buildtools.workflow.actions import PINS
from buildtools.workflow.graph import mermaid
from buildtools.workflow.model import Nothing
from docs.pages.text import table

_ROOT: Final = Path(__file__).resolve().parents[2]
_WORKFLOWS: Final = """\
# Workflows

<!-- Written by docs/generate.py from workflows/ and buildtools/workflow; `nox -s docs` writes it anew. -->

What the jobs do, and how to add one's own: [GitHub Actions](../workflows.md).
"""


def workflows() -> str:
    """The text of the page."""
    parts = [_WORKFLOWS]
    for path in sorted((_ROOT / FOLDER).glob("[!_]*.py")):
        # Which jobs there are does not depend on the Plan, only whether there are any.
        made = load(path, f"{FOLDER}/{path.name}", Plan(targets=()))
        drawn = f"No file: {made.reason}." if isinstance(made, Nothing) else f"```mermaid\n{mermaid(made)}```"
        parts.append(f"## `{path.stem.replace('_', '-')}`\n\n{drawn}\n")
    rows = [
        (f"`{pin.action.name}`", pin.action.version, f"`{pin.action.sha}`", pin.seen, pin.why) for pin in PINS
    ]
    head = ("action", "version", "commit", "looked up", "what for")
    return "\n".join([*parts, f"## Actions\n\n{table(head, rows)}"])
