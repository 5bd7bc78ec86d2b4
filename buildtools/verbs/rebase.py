"""The `rebase` verb."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from buildtools.engines.assemble import rfc3339
from buildtools.errors import UsageError
from buildtools.oci.platform import PlatformError
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.pins import Pins
from buildtools.publish import check_places
from buildtools.rebase import Rebaser
from buildtools.renew import Renewal, Renewer
from buildtools.settings import Settings
from buildtools.stores.base import Writable
from buildtools.stores.bases import Said
from buildtools.stores.layout import REF_NAME, Layout
from buildtools.stores.open import LAYOUT, Places, only_entry
from buildtools.stores.parcel import Moved
from buildtools.stores.tagging import checked_tags, parse_expected
from buildtools.verbs.base import Run, append_outputs
from buildtools.verbs.publishing import leg, plan_arguments, required_tag, tag_argument
from buildtools.views.rebase import rebase_json, rebase_summary, rebase_table, renewed_json
from buildtools.windows.pattern import parse_pattern
from buildtools.windows.releases import EXAMPLE


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "reference",
        nargs="?",
        metavar="REF",
        help="the image or index: a tag in a registry, or oci:PATH[:TAG]",
    )
    parser.add_argument(
        "--published",
        action="append",
        default=[],
        metavar="TAG",
        help="in place of REF: every image of the project that defaults.yaml's registry has under this tag "
        "(repeat for several)",
    )
    _base_arguments(parser)
    parser.add_argument(
        "-C",
        "--project",
        type=Path,
        metavar="DIR",
        help="the project whose pins and mirrors count (default: here or above, if there is one)",
    )
    parser.set_defaults(dist=None)
    tag_argument(parser, "tag to set in place of REF's (repeat for several, set in this order)")
    parser.add_argument(
        "--no-tags",
        action="store_true",
        help="write the new indexes and set no tag on them; `promote --images` does it later",
    )
    parser.add_argument(
        "--github-output",
        action="store_true",
        help="append to $GITHUB_OUTPUT what has changed, as any and images for a matrix",
    )
    plan_arguments(parser)


def _base_arguments(parser: argparse.ArgumentParser) -> None:
    """What the image stands on, and what it is put on."""
    parser.add_argument(
        "--to-base",
        action="append",
        default=[],
        metavar="[P=]NAME",
        help="new base, in place of what the tag of the image's own base stands for now; for the images of "
        f"one platform with P= (linux, windows/amd64:{EXAMPLE.name}, ...; repeat for several)",
    )
    parser.add_argument(
        "--base",
        action="append",
        default=[],
        metavar="[P=]NAME",
        help="base that the image was built on, by tag or digest, where neither its annotations nor the "
        "project's pins say so",
    )


def run(run: Run) -> None:
    """Put published images on the newest patches of their bases."""
    args = run.args
    _refuse_together(args)
    settings, pins = _project(run)
    places = Places(settings)
    try:
        with run.console.working("reading images and bases"):
            renewals = _published(run, places, pins) if args.published else [_single(run, places, pins)]
        for renewal in renewals:
            run.warn(renewal.plan.warnings)
        with run.console.working("looking at what is there" if args.dry_run else "publishing"):
            moved = [renewal.weigh() if args.dry_run else renewal.publish() for renewal in renewals]
    finally:
        places.close()
    _show(run, [*zip(renewals, moved, strict=True)])
    if args.github_output:
        legs = [_leg(renewal) for renewal in renewals if renewal.plan.pending]
        append_outputs(run.settings.github_output, {"any": bool(legs), "images": {"include": legs}})


def _refuse_together(args: argparse.Namespace) -> None:
    """Raise UsageError for arguments that say nothing together."""
    if bool(args.reference) == bool(args.published):
        what = "REF and --published exclude each other" if args.reference else "no image is named"
        raise UsageError(what, hint="name one, or --published TAG for all of the project")
    given = (
        ("--to-base", args.to_base),
        ("--base", args.base),
        ("--tag", args.tag),
        ("--expect-current", args.expect_current),
    )
    for option, value in given if args.published else ():
        if value:
            raise UsageError(f"{option} is about one image, and --published names many", hint="name a REF")
    if args.no_tags and args.tag:
        raise UsageError("--no-tags and --tag contradict each other", hint="leave one of them out")
    if args.no_tags and (args.reference or "").startswith(LAYOUT):
        raise UsageError("what has no tag in a layout is nowhere to be found", hint="leave --no-tags out")


def _show(run: Run, done: Sequence[tuple[Renewal, Moved]]) -> None:
    """Each image's table, or one document."""
    dry_run = run.args.dry_run
    if run.args.json:
        documents = [rebase_json(renewal.plan, moved, dry_run=dry_run) for renewal, moved in done]
        run.json(renewed_json(documents) if run.args.published else documents[0])
    for renewal, moved in done:
        table = rebase_table(renewal.plan, moved)
        if run.args.json:
            run.console.summarise(table)
        else:
            run.console.table(table)
            run.console.note(rebase_summary(renewal.plan, moved, dry_run=dry_run))


def _leg(renewal: Renewal) -> dict[str, Any]:
    """An index as a leg of a matrix has it, with the tags that are to be moved to it, and from where."""
    plan = renewal.plan
    children = [(entry.manifest.descriptor.digest, entry.config.platform) for entry in plan.entries]
    return {
        **leg(renewal.image, plan.name, plan.digest, children),
        "tags": list(renewal.tags),
        "before": plan.before,
    }


def _created(run: Run) -> str:
    epoch = run.settings.source_date_epoch
    return "" if epoch is None else rfc3339(epoch)


def _single(run: Run, places: Places, pins: Pins) -> Renewal:
    """The image that REF names."""
    args = run.args
    old, new = _said(args.base), _said(args.to_base)
    expected = parse_expected(args.expect_current) if args.expect_current is not None else None
    if args.expect_current is not None and expected is None:
        raise UsageError("only what is there can be rebased", hint="give --expect-current a digest")
    target, identifier = _target(places, args.reference)
    tags = () if args.no_tags else checked_tags(args.tag or (required_tag(args.reference, identifier),))
    rebaser = Rebaser(
        target=target,
        identifier=identifier,
        tags=tags,
        open_base=places.read,
        old=old,
        new=new,
        pins=pins,
        created=_created(run),
    )
    plan = rebaser.plan(expected=expected)
    kept = tags or tuple(tag for tag in (identifier,) if ":" not in tag)
    return Renewal(image=target.name.rpartition("/")[2], tags=kept, rebaser=rebaser, plan=plan)


def _published(run: Run, places: Places, pins: Pins) -> list[Renewal]:
    """All images of the project, as they are published."""
    project = run.workspace().project
    if not project.spec.registry:
        raise UsageError(
            "--published needs a registry in images/defaults.yaml", hint="add `registry: ghcr.io/acme`"
        )
    place = project.spec.registry.rstrip("/")
    check_places([place])
    renewer = Renewer(
        open_target=lambda image: places.write(f"{place}/{image}")[0],
        open_base=places.read,
        pins=pins,
        created=_created(run),
        tagging=not run.args.no_tags,
    )
    found = renewer.plan(list(project.images), checked_tags(run.args.published))
    run.warn([f"{name} is not published, and left out" for name in renewer.absent])
    return found


def _target(places: Places, text: str) -> tuple[Writable, str]:
    """The store and the tag or digest; for a layout the name of its only image."""
    target, identifier = places.write(text)
    if isinstance(target, Layout) and not identifier:
        identifier = only_entry(target).annotations.get(REF_NAME, "")
    if not identifier:
        required_tag(text, identifier)
    return target, identifier


def _project(run: Run) -> tuple[Settings, Pins]:
    """Mirrors and pins of the project at hand; without one those of the environment, and none."""
    try:
        workspace = run.workspace()
        return workspace.reach, workspace.pins()
    except UsageError:
        # A folder that happens to be called `images` is no project, unless somebody says that it is one.
        if run.args.project or run.args.published:
            raise
        return run.settings, Pins()


def _said(texts: Sequence[str]) -> tuple[Said, ...]:
    """What a person says of bases, the narrowest first; raises UsageError."""
    found = []
    for text in texts:
        platform, equals, name = text.partition("=")
        reference = name if equals else platform
        try:
            pattern = parse_pattern(platform) if equals else None
            if not reference.startswith("oci:"):
                parse_reference(reference)
        except (PlatformError, InvalidReference) as error:
            raise UsageError(f"{text}: {error}") from error
        found.append(Said(reference=reference, pattern=pattern))
    return tuple(sorted(found, key=_width))


def _width(said: Said) -> int:
    """How much a pattern leaves open."""
    if said.pattern is None:
        return 4
    return (said.pattern.build is None) * 2 + (not said.pattern.platform.architecture)
