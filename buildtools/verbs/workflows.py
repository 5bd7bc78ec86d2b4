"""The `workflows` verb."""

import argparse

from buildtools.errors import ChangesFound
from buildtools.generate import generate, write
from buildtools.prepare import Choice, prepare
from buildtools.verbs.base import Run, json_argument, project_argument
from buildtools.views.workflows import workflows_json, workflows_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    project_argument(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--check",
        action="store_true",
        help="write nothing, show the difference, and exit with 3 where there is one",
    )
    either.add_argument("--diff", action="store_true", help="write nothing and show what would change")
    json_argument(parser)


def run(run: Run) -> None:
    """Make the workflows out of the project's modules and its Plan."""
    workspace = run.workspace()
    files = generate(workspace.root, prepare(workspace, Choice()).plan)
    stale = [one for one in files if one.what not in {"unchanged", "none"}]
    looking = run.args.check or run.args.diff
    if not looking:
        write(workspace.root, files)
    if looking and not run.args.json:
        for one in stale:
            run.console.print(one.diff.rstrip("\n"))
        if not stale:
            run.console.note("every workflow is what workflows/*.py make")
    else:
        run.show(workflows_json(files), workflows_table(files))
    if run.args.check and stale:
        names = ", ".join(one.path for one in stale)
        verb = "is" if len(stale) == 1 else "are"
        raise ChangesFound(f"{names} {verb} not what workflows/*.py make", hint="run `nox -s workflows`")
