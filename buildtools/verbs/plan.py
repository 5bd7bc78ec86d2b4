"""The `plan` verb."""

import argparse
import json
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from buildtools import tags as tagging
from buildtools.compare import compare
from buildtools.errors import ChangesFound, UsageError
from buildtools.plan import Key
from buildtools.prepare import Prepared, prepare
from buildtools.publish import check_places
from buildtools.stores.registry import Registries
from buildtools.verbs.base import (
    Run,
    bases_argument,
    images_argument,
    json_argument,
    platforms_argument,
    project_argument,
    wait_argument,
)
from buildtools.views.build import plan_json, plan_table
from buildtools.views.compare import compare_json, compare_summary, compare_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    shared = (
        project_argument,
        images_argument,
        platforms_argument,
        bases_argument,
        json_argument,
        wait_argument,
    )
    for add in shared:
        add(parser)
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="PLACE",
        help="compare with what is published there, as ghcr.io/acme (repeat for several)",
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="T",
        help="compare with this tag (default: the last one that publishing would set)",
    )
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help="exit with 3 when something must be built, or differs from what is published",
    )
    parser.add_argument(
        "--github-output", action="store_true", help="append the targets to $GITHUB_OUTPUT, for a matrix"
    )


def run(run: Run) -> None:
    """Say what would be built, and why; or how it differs from what is published."""
    places = [place.rstrip("/") for place in dict.fromkeys(run.args.against)]
    check_places(places)
    prepared = prepare(run.workspace(), run.choice())
    run.warn(prepared.warnings)
    if places:
        _say_comparison(run, prepared, places)
    else:
        _say_plan(run, prepared)


def _say_plan(run: Run, prepared: Prepared) -> None:
    document = plan_json(prepared)
    wanted = {target.key for target in prepared.targets if not target.up_to_date}
    if run.args.github_output:
        _append_output(run.settings.github_output, document, wanted)
    run.show(document, plan_table(prepared))
    if run.args.exit_code and wanted:
        total = len(prepared.targets)
        raise ChangesFound(f"{len(wanted)} of {total} variants must be built", hint="run `buildtools build`")


def _say_comparison(run: Run, prepared: Prepared, places: Sequence[str]) -> None:
    # What is published is asked for under its own name, never at a mirror that may lag behind.
    workspace = run.workspace()
    registries = Registries(replace(workspace.reach, mirrors={}))
    names = list(dict.fromkeys(target.variant.image for target in prepared.targets))
    chosen = tagging.choose(workspace, names, run.args.tag, tagging.facts(workspace))
    # Of all that publishing would set the last one: that is what most nodes pull.
    tags = {name: found[-1].name for name, found in chosen.items()}
    with run.console.working("asking what is published"):
        rows = compare(
            prepared.targets, places, defined=prepared.plan.targets, tags=tags, registries=registries
        )
    changed = [row for row in rows if row.state != "up to date"]
    document = plan_json(prepared) | {"against": compare_json(rows)}
    if run.args.github_output:
        wanted = {row.target.key for row in changed if row.target}
        _append_output(run.settings.github_output, document, wanted)
    run.show(document, compare_table(rows))
    if run.args.exit_code and changed:
        raise ChangesFound(compare_summary(rows).rstrip("."), hint="run `buildtools publish`")
    if not run.args.json:
        run.console.note(compare_summary(rows))


def _append_output(path: Path | None, document: dict[str, Any], wanted: Container[Key]) -> None:
    if path is None:
        raise UsageError("--github-output needs $GITHUB_OUTPUT", hint="a GitHub Actions step sets it")
    targets = [target for target in document["targets"] if (target["image"], target["platform"]) in wanted]
    with path.open("a", encoding="utf-8") as file:
        file.write(f"any={'true' if targets else 'false'}\n")
        file.write(f"targets={json.dumps(targets, separators=(',', ':'))}\n")
