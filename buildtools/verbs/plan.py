"""The `plan` verb."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from buildtools import tags as tagging
from buildtools.compare import Compared, compare
from buildtools.errors import (
    AuthenticationError,
    ChangesFound,
    UnavailableError,
    UsageError,
    VerificationError,
)
from buildtools.plan import Target
from buildtools.prepare import Prepared, prepare
from buildtools.publish import check_places
from buildtools.stores.registry import Registries
from buildtools.verbs.base import (
    Run,
    append_outputs,
    bases_argument,
    count,
    images_argument,
    json_argument,
    platforms_argument,
    project_argument,
    wait_argument,
)
from buildtools.views.build import plan_json, plan_table
from buildtools.views.compare import compare_json, compare_summary, compare_table
from buildtools.workspace import Workspace


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
    _comparison(parser)
    _results(parser)


def _comparison(parser: argparse.ArgumentParser) -> None:
    """What the Plan is held against."""
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="PLACE",
        help="compare with what is published there, as ghcr.io/acme (repeat for several)",
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="compare with what is published at the registry of defaults.yaml",
    )
    parser.add_argument(
        "--to",
        metavar="PLACE",
        help="where it will be published, in place of the registry of defaults.yaml",
    )
    parser.add_argument(
        "--or-all",
        action="store_true",
        help="plan everything where what is published cannot be read, instead of failing",
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="T",
        help="compare with this tag (default: the last one that publishing would set)",
    )


def _results(parser: argparse.ArgumentParser) -> None:
    """What is made of the Plan besides a table."""
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help="exit with 3 when something must be built, or differs from what is published",
    )
    parser.add_argument(
        "--github-output", action="store_true", help="append the targets to $GITHUB_OUTPUT, for a matrix"
    )
    parser.add_argument(
        "--legs",
        type=count,
        metavar="N",
        help="pack the targets into legs of a matrix, at most N for a kind of machine",
    )


def run(run: Run) -> None:
    """Say what would be built, and why; or how it differs from what is published."""
    workspace = run.workspace()
    places = _places(run, workspace)
    prepared = prepare(workspace, run.choice())
    run.warn(prepared.warnings)
    if places and (rows := _compared(run, workspace, prepared, places)) is not None:
        _say_comparison(run, prepared, rows)
    else:
        _say_plan(run, prepared, all_of_it=bool(places))


def _places(run: Run, workspace: Workspace) -> list[str]:
    """What to compare with; raises UsageError and ConfigurationError."""
    places = [place.rstrip("/") for place in dict.fromkeys(run.args.against)]
    if run.args.published:
        if not (registry := _registry(run, workspace.project.spec.registry)):
            raise UsageError(
                "--published needs a registry in images/defaults.yaml",
                hint="add `registry: ghcr.io/acme`, or name a place with --to or --against",
            )
        places.append(registry)
    if run.args.or_all and not places:
        raise UsageError("--or-all is for a comparison", hint="add --published or --against")
    check_places(places)
    return places


def _registry(run: Run, default: str) -> str:
    """Where images will be published, empty where nothing says so."""
    place: str = (run.args.to or default).rstrip("/")
    if place:
        check_places([place])
    return place


def _say_plan(run: Run, prepared: Prepared, *, all_of_it: bool) -> None:
    document = plan_json(prepared)
    wanted = [target for target in prepared.targets if all_of_it or not target.up_to_date]
    _hand_on(run, document, wanted, prepared)
    run.show(document, plan_table(prepared))
    if run.args.exit_code and wanted:
        total = len(prepared.targets)
        raise ChangesFound(f"{len(wanted)} of {total} variants must be built", hint="run `buildtools build`")


def _compared(
    run: Run, workspace: Workspace, prepared: Prepared, places: Sequence[str]
) -> list[Compared] | None:
    """How each variant differs; None where that cannot be told and everything will do."""
    # What is published is asked for under its own name, never at a mirror that may lag behind.
    registries = Registries(replace(workspace.reach, mirrors={}))
    names = list(dict.fromkeys(target.variant.image for target in prepared.targets))
    chosen = tagging.choose(workspace, names, run.args.tag, tagging.facts(workspace))
    # Of all that publishing would set the last one: that is what most nodes pull.
    tags = {name: found[-1].name for name, found in chosen.items()}
    try:
        with run.console.working("asking what is published"):
            return compare(
                prepared.targets, places, defined=prepared.plan.targets, tags=tags, registries=registries
            )
    except (AuthenticationError, UnavailableError, VerificationError) as error:
        if not run.args.or_all:
            raise
        run.warn([f"what is published cannot be read, so everything is planned: {error.message}"])
        return None


def _say_comparison(run: Run, prepared: Prepared, rows: Sequence[Compared]) -> None:
    changed = [row for row in rows if row.state != "up to date"]
    document = plan_json(prepared) | {"against": compare_json(rows)}
    keys = {row.target.key for row in changed if row.target}
    _hand_on(run, document, [one for one in prepared.targets if one.key in keys], prepared)
    run.show(document, compare_table(rows))
    if run.args.exit_code and changed:
        raise ChangesFound(compare_summary(rows).rstrip("."), hint="run `buildtools publish`")
    if not run.args.json:
        run.console.note(compare_summary(rows))


def _hand_on(run: Run, document: dict[str, Any], wanted: Sequence[Target], prepared: Prepared) -> None:
    """Put the legs into the document, and both into the step's outputs where that is asked for."""
    registry = _registry(run, prepared.project.spec.registry)
    keys = {target.key for target in wanted}
    targets = [target for target in document["targets"] if (target["image"], target["platform"]) in keys]
    outputs: dict[str, Any] = {"any": bool(targets), "targets": targets}
    if run.args.legs:
        from buildtools.workflow.legs import machines, pack  # not for a plan that a person reads

        legs = [leg.to_json() for leg in pack(wanted, most=run.args.legs)]
        document["legs"] = legs
        outputs["legs"] = {"include": legs}
        outputs["machines"] = {"include": machines(prepared.targets)}
        outputs["registry"] = registry
        outputs["host"] = registry.partition("/")[0]
    if run.args.github_output:
        append_outputs(run.settings.github_output, outputs)
