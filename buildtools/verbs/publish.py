"""The `publish` verb."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from buildtools import tags as tagging
from buildtools.build import BuiltImage, Report
from buildtools.cluster.truth import pinned_truth
from buildtools.errors import BuildError, Diagnostic, UsageError
from buildtools.handover import Joined, join
from buildtools.oci.digest import Digest
from buildtools.oci.platform import Platform
from buildtools.plan import INDEX_REASON
from buildtools.prepare import Choice, Prepared, prepare, selected
from buildtools.publish import Published, Publisher, check_places, failures, raise_failures
from buildtools.reuse import PublishedLayers
from buildtools.spec.tags import Tag
from buildtools.stores.base import Readable
from buildtools.stores.parallel import THREADS
from buildtools.stores.registry import Registries, Registry
from buildtools.stores.rehearsal import RehearsalClient
from buildtools.stores.tagging import parse_expected
from buildtools.tagging import FLOATING, Rules
from buildtools.verbs.base import (
    Run,
    append_outputs,
    images_argument,
    json_argument,
    locked_argument,
    project_argument,
    targets_argument,
    wait_argument,
)
from buildtools.verbs.build import builder, pinned
from buildtools.verbs.publishing import leg
from buildtools.verbs.sending import refuse_mixed, send
from buildtools.verify import verify_store
from buildtools.views.publish import publish_json, publish_table, requests_summary, requests_table
from buildtools.workspace import Workspace


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
        help="tag of each image's index, such as latest or sha-{sha} "
        "(repeat for several; default: what the definitions say under tags)",
    )
    parser.add_argument(
        "--image-version",
        default="",
        metavar="V",
        help="the version that tags are made of, as 1.4.2 (default: the git tag at this commit)",
    )
    _tag_arguments(parser)
    _step_arguments(parser)
    targets_argument(parser)
    parser.add_argument(
        "--github-output",
        action="store_true",
        help="append the indexes and their images to $GITHUB_OUTPUT, as images and attest for matrices",
    )
    locked_argument(parser)
    wait_argument(parser)


def _tag_arguments(parser: argparse.ArgumentParser) -> None:
    """What tags may do, and what is looked at before they do it."""
    parser.add_argument(
        "--dry-run", action="store_true", help="print every request that would be made, and send nothing"
    )
    parser.add_argument(
        "--allow-dirty", action="store_true", help="publish under a commit's tags what is not committed"
    )
    parser.add_argument(
        "--allow-older", action="store_true", help="move tags such as latest back to an older image, too"
    )
    parser.add_argument(
        "--move-tags", action="store_true", help="move tags of versions and commits to another image, too"
    )
    parser.add_argument(
        "--expect-current",
        action="append",
        default=[],
        metavar="[TAG=]DIGEST",
        help="set the tag (default: each one that may move) only while it stands on this digest, "
        "or on nothing with none",
    )
    parser.add_argument(
        "--no-verify", action="store_true", help="do not read back what was sent before tags are set on it"
    )


def _step_arguments(parser: argparse.ArgumentParser) -> None:
    """Which part of the way from definitions to tags this run goes."""
    parser.add_argument(
        "--no-build",
        action="store_true",
        help="publish what is built already, and fail where a variant would have to be built",
    )
    parser.add_argument(
        "--by-digest",
        action="store_true",
        help="send images only, without an index and tags: the first step where several machines build",
    )
    parser.add_argument(
        "--from-records",
        action="store_true",
        help="join what was sent with --by-digest: needs every machine's records (dist/records), no layout",
    )


def run(run: Run) -> None:
    """Build what is not up to date, if that may be, send every image to every place, and set the tags."""
    refuse_mixed(run)
    workspace, choice = run.workspace(), run.choice()
    places = _places(run, workspace)
    if run.args.by_digest:
        send(run, workspace, _prepared(run, workspace, choice, {}), places)
    else:
        _publish(run, workspace, choice, places)


def _publish(run: Run, workspace: Workspace, choice: Choice, places: Sequence[str]) -> None:
    names = list(dict.fromkeys(variant.image for variant in selected(workspace.project, choice)))
    tags = tagging.choose(
        workspace, names, run.args.tag, tagging.facts(workspace, version=run.args.image_version)
    )
    rules = _rules(run, tags)
    prepared = _prepared(run, workspace, choice, tags)
    settings = workspace.reach_of_targets
    rehearsal = RehearsalClient(settings) if run.args.dry_run else None
    targets = Registries(settings, client=rehearsal)
    with run.console.working("rehearsing" if rehearsal else "publishing"):
        # Of an image's tags the last one: that is what was moved with each publication so far.
        reuse = PublishedLayers(targets, places, {name: every[-1].name for name, every in tags.items()})
        report, layout = _images(
            run, workspace, prepared, reuse, lambda: join(prepared.targets, places, targets)
        )
        truth = pinned_truth(prepared.pins)

        def verify(registry: Registry, digest: Digest) -> Sequence[Diagnostic]:
            return verify_store(registry, digest, truth=truth, quick=True).errors

        publisher = Publisher(
            layout=layout,
            bases=Registries(workspace.reach),
            targets=targets,
            tags=tags,
            note=run.console.note,
            rules=rules,
            threads=1 if rehearsal else THREADS,
            left=reuse.sources,
            holder=workspace.holder,
            verify=None if rehearsal or run.args.no_verify else verify,
        )
        results = publisher.run(report, places)
    _show(run, results, rehearsal)
    raise_failures(results)
    if run.args.github_output:
        append_outputs(run.settings.github_output, _outputs(_legs(results, report)))


def _outputs(legs: Mapping[str, Any]) -> dict[str, Any]:
    """The matrices of a workflow: the indexes, and all that is attested."""
    from buildtools.workflow.legs import attest_legs  # not for a publication by hand

    subjects = [
        (leg["image"], leg["name"], digest)
        for leg in legs["include"]
        for digest in (leg["digest"], *leg["children"])
    ]
    return {"images": legs, "attest": {"include": attest_legs(subjects)}}


def _images(
    run: Run,
    workspace: Workspace,
    prepared: Prepared,
    reuse: PublishedLayers,
    joined: Callable[[], Joined],
) -> tuple[Report, Callable[[str], Readable]]:
    """The images that are published, and what opens the documents of each."""
    if run.args.from_records:
        found = joined()
        return found.report, found.stores.__getitem__
    report = builder(workspace, prepared, full=False, force=False, published=reuse).run()
    report.raise_failures()
    return report, workspace.layout


def _prepared(run: Run, workspace: Workspace, choice: Choice, tags: Mapping[str, Sequence[Tag]]) -> Prepared:
    """The Plan with its pins, if all that tags promise is so; raises BuildError and what pinning raises."""
    # What is built already was pinned for it.
    elsewhere = run.args.from_records
    pins = pinned(run, workspace, choice, locked=run.args.no_build or elsewhere)
    # After pinning: pins that were just written are not in the commit either.
    if not run.args.allow_dirty:
        tagging.refuse_uncommitted(workspace, tags)
    records = workspace.handed_over if elsewhere else None
    prepared = prepare(workspace, choice, pins=pins, records=records)
    run.warn(prepared.warnings)
    if elsewhere:
        refuse_unbuilt(prepared, "hand over the records of every leg; one that failed is run again")
    elif run.args.no_build:
        refuse_unbuilt(prepared)
    return prepared


def refuse_unbuilt(
    prepared: Prepared, hint: str = "run `buildtools build` first, or leave --no-build out"
) -> None:
    """Raise BuildError for what is not built as it is defined now; an index alone may be written anew."""
    lacking = [
        f"{target.name} ({', '.join(target.reasons)})"
        for target in prepared.targets
        if not target.up_to_date and target.reasons != (INDEX_REASON,)
    ]
    if lacking:
        raise BuildError(
            f"{len(lacking)} of {len(prepared.targets)} variants are not built: {'; '.join(lacking)}",
            hint=hint,
        )


def _legs(results: Sequence[Published], report: Report) -> dict[str, Any]:
    """A leg for each index."""
    children = {image.name: _children(image) for image in report.images}
    return {"include": [leg(one.image, one.repository, one.digest, children[one.image]) for one in results]}


def _children(image: BuiltImage) -> list[tuple[Digest, Platform]]:
    """The images of an index in their order, and what each is for."""
    records = {built.record.manifest.digest: built.record for built in image.variants}
    return [
        (
            digest,
            Platform(
                os=records[digest].os,
                architecture=records[digest].architecture,
                variant=records[digest].variant,
                os_version=records[digest].os_version,
            ),
        )
        for digest in image.order
    ]


def _places(run: Run, workspace: Workspace) -> list[str]:
    """Where to; raises UsageError and ConfigurationError."""
    places = run.args.to or [place for place in (workspace.project.spec.registry,) if place]
    if not places:
        raise UsageError("there is no place to publish to", hint="name it with --to, as in --to ghcr.io/acme")
    places = list(dict.fromkeys(place.rstrip("/") for place in places))
    check_places(places)
    return places


def _show(run: Run, results: Sequence[Published], rehearsal: RehearsalClient | None) -> None:
    requests = rehearsal.asked if rehearsal else None
    if requests is not None and not run.args.json:
        run.console.table(requests_table(requests))
    run.show(publish_json(results, requests), publish_table(results, dry=run.args.dry_run))
    if requests is not None:
        run.console.note(requests_summary(requests))
    errors = failures(results)
    # A single one is what the run ends with.
    for error in errors if len(errors) > 1 or any(one.done for one in results) else ():
        run.console.fault(error)


def _rules(run: Run, tags: Mapping[str, Sequence[Tag]]) -> Rules:
    """What tags may do; raises UsageError."""
    return Rules(
        move_tags=run.args.move_tags,
        allow_older=run.args.allow_older,
        expected=_expected(run.args.expect_current, tags),
    )


def _expected(texts: Sequence[str], tags: Mapping[str, Sequence[Tag]]) -> dict[str, Digest | None]:
    """What tags are expected to stand on, by their names; raises UsageError."""
    found: dict[str, Digest | None] = {}
    known = {tag.name for every in tags.values() for tag in every}
    for text in texts:
        name, joint, wanted = text.rpartition("=")
        if joint and name not in known:
            listed = ", ".join(sorted(known))
            raise UsageError(
                f"--expect-current {text} is about a tag that is not set", hint=f"the tags are {listed}"
            )
        found[name or FLOATING] = parse_expected(wanted)
    if len(tags) > 1 and any(found.values()):
        raise UsageError(
            f"--expect-current names one index, and {len(tags)} images would be published",
            hint=f"name one image, such as {next(iter(tags))}",
        )
    return found
