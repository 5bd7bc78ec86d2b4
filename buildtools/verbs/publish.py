"""The `publish` verb."""

import argparse
from dataclasses import replace

from buildtools.errors import UsageError
from buildtools.prepare import prepare
from buildtools.publish import Publisher, check_names, raise_failures
from buildtools.stores.registry import Registries
from buildtools.verbs.base import Run, images_argument, json_argument, locked_argument, project_argument
from buildtools.verbs.build import builder, pinned
from buildtools.views.publish import publish_json, publish_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    for add in (project_argument, images_argument, json_argument):
        add(parser)
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="PLACE",
        help="registry and path, as ghcr.io/acme (repeat for several; default: defaults.yaml's registry)",
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="T",
        help="tag of each image's index (repeat for several, set in this order; default: latest)",
    )
    locked_argument(parser)


def run(run: Run) -> None:
    """Build what is not up to date, then send every image to every place, and set the tags."""
    workspace, choice = run.workspace(), run.choice()
    places = run.args.to or [place for place in (workspace.project.spec.registry,) if place]
    if not places:
        raise UsageError("there is no place to publish to", hint="name it with --to, as in --to ghcr.io/acme")
    places = [place.rstrip("/") for place in dict.fromkeys(places)]
    tags = tuple(dict.fromkeys(run.args.tag or ("latest",)))
    check_names(places, tags)
    prepared = prepare(workspace, choice, pins=pinned(run, workspace, choice))
    run.warn(prepared.warnings)
    bases, targets = Registries(workspace.reach), Registries(replace(workspace.reach, mirrors={}))
    with run.console.working("publishing"):
        report = builder(workspace, prepared, full=False, force=False).run()
        report.raise_failures()
        publisher = Publisher(
            layout=workspace.layout,
            bases=bases,
            targets=targets,
            tags=tags,
            note=run.console.note,
        )
        done, failures = publisher.run(report, places)
    if done:
        run.show(publish_json(done, failures), publish_table(done))
        for failure in failures if len(failures) + len(done) > 1 else ():
            run.console.fault(failure)
    raise_failures(done, failures)
