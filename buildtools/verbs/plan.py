"""The `plan` verb."""

import argparse
import json
from pathlib import Path
from typing import Any

from buildtools.errors import ChangesFound, UsageError
from buildtools.prepare import prepare
from buildtools.verbs.base import (
    Run,
    bases_argument,
    images_argument,
    json_argument,
    platforms_argument,
    project_argument,
)
from buildtools.views.build import plan_json, plan_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    for add in (project_argument, images_argument, platforms_argument, bases_argument, json_argument):
        add(parser)
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 when something must be built")
    parser.add_argument(
        "--github-output", action="store_true", help="append the targets to $GITHUB_OUTPUT, for a matrix"
    )


def run(run: Run) -> None:
    """Say what would be built, and why."""
    prepared = prepare(run.workspace(), run.choice())
    run.warn(prepared.warnings)
    document = plan_json(prepared)
    if run.args.github_output:
        _append_output(run.settings.github_output, document)
    run.show(document, plan_table(prepared))
    count = sum(not target.up_to_date for target in prepared.targets)
    if run.args.exit_code and count:
        total = len(prepared.targets)
        raise ChangesFound(f"{count} of {total} variants must be built", hint="run `buildtools build`")


def _append_output(path: Path | None, document: dict[str, Any]) -> None:
    if path is None:
        raise UsageError("--github-output needs $GITHUB_OUTPUT", hint="a GitHub Actions step sets it")
    targets = [target for target in document["targets"] if target["build"]]
    with path.open("a", encoding="utf-8") as file:
        file.write(f"any={'true' if targets else 'false'}\n")
        file.write(f"targets={json.dumps(targets, separators=(',', ':'))}\n")
