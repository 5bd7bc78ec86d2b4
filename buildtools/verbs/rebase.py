"""The `rebase` verb."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from buildtools.engines.assemble import rfc3339
from buildtools.errors import UsageError
from buildtools.oci.platform import PlatformError
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.pins import Pins
from buildtools.rebase import Rebaser
from buildtools.settings import Settings
from buildtools.stores.base import Writable
from buildtools.stores.bases import Said
from buildtools.stores.layout import REF_NAME, Layout
from buildtools.stores.open import Places, only_entry
from buildtools.stores.tagging import checked_tags, parse_expected
from buildtools.verbs.base import Run
from buildtools.verbs.publishing import plan_arguments, required_tag, tag_argument
from buildtools.views.rebase import rebase_json, rebase_summary, rebase_table
from buildtools.windows.pattern import parse_pattern
from buildtools.windows.releases import EXAMPLE
from buildtools.workspace import Workspace, find_root


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "reference", metavar="REF", help="the image or index: a tag in a registry, or oci:PATH[:TAG]"
    )
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
    parser.add_argument(
        "-C",
        "--project",
        type=Path,
        metavar="DIR",
        help="the project whose pins and mirrors count (default: here or above, if there is one)",
    )
    tag_argument(parser, "tag to set in place of REF's (repeat for several, set in this order)")
    plan_arguments(parser)


def run(run: Run) -> None:
    """Put published images on the newest patches of their bases."""
    args = run.args
    old, new = _said(args.base), _said(args.to_base)
    expected = parse_expected(args.expect_current) if args.expect_current is not None else None
    if args.expect_current is not None and expected is None:
        raise UsageError("only what is there can be rebased", hint="give --expect-current a digest")
    settings, pins = _project(run)
    places = Places(settings)
    try:
        target, identifier = _target(places, args.reference)
        tags = checked_tags(args.tag or (required_tag(args.reference, identifier),))
        epoch = run.settings.source_date_epoch
        rebaser = Rebaser(
            target=target,
            identifier=identifier,
            tags=tags,
            open_base=places.read,
            old=old,
            new=new,
            pins=pins,
            created="" if epoch is None else rfc3339(epoch),
        )
        with run.console.working("reading images and bases"):
            plan = rebaser.plan(expected=expected)
        run.warn(plan.warnings)
        with run.console.working("looking at what is there" if args.dry_run else "publishing"):
            moved = rebaser.weigh(plan) if args.dry_run else rebaser.publish(plan)
    finally:
        places.close()
    run.show(rebase_json(plan, moved, dry_run=args.dry_run), rebase_table(plan, moved))
    if not args.json:
        run.console.note(rebase_summary(plan, moved, dry_run=args.dry_run))


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
        root = find_root(run.args.project)
        workspace = Workspace(root=root, dist=root / "dist", settings=run.settings)
        return workspace.reach, workspace.pins()
    except UsageError:
        # A folder that happens to be called `images` is no project, unless somebody says that it is one.
        if run.args.project:
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
