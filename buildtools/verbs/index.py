"""The `index` verb."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from buildtools.assemble import ACTIONS, Selector, parse_selector
from buildtools.errors import UsageError
from buildtools.index import REMOVE, Joiner, Wish
from buildtools.oci.platform import PlatformError
from buildtools.stores.open import Places, only_name
from buildtools.stores.tagging import checked_tags, parse_expected
from buildtools.verbs.base import Run
from buildtools.verbs.publishing import plan_arguments, required_tag, tag_argument
from buildtools.views.index import index_json, index_summary, index_table
from buildtools.windows.releases import EXAMPLE


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "action",
        choices=(*ACTIONS, REMOVE),
        help="create: the images of SRC alone; append: beside those of DST, and none for nodes that DST has "
        "an image for; replace: in place of those of DST, each for nodes that DST has an image for; merge: "
        "in place of those for the same nodes, beside the others where there is none; remove: take images "
        "out of DST. Two images are for the same nodes when operating system, architecture, variant and "
        "Windows build are the same",
    )
    parser.add_argument("dst", metavar="DST", help="the index: a tag in a registry, or oci:PATH:TAG")
    parser.add_argument(
        "items",
        nargs="+",
        metavar="SRC",
        help="images or indexes in any registry or layout; for remove platforms (windows, linux/arm64, "
        f"windows/amd64:{EXAMPLE.name}) or digests",
    )
    parser.add_argument(
        "--annotation",
        action="append",
        default=[],
        metavar="K=V",
        help="annotation of the index (repeat for several); those of DST stay, except with create",
    )
    parser.add_argument(
        "--docker", action="store_true", help="write a Docker manifest list; all images must be Docker's"
    )
    tag_argument(parser, "further tag of the index (repeat for several, set in this order after DST's)")
    plan_arguments(parser)


def run(run: Run) -> None:
    """Make one index out of published images, or take some out of it."""
    args, removing = run.args, run.args.action == REMOVE
    places = Places(run.settings)
    try:
        target, tag = places.write(args.dst)
        tags = checked_tags((required_tag(args.dst, tag), *args.tag))
        wish = Wish(
            action=args.action,
            selectors=_selectors(args.items) if removing else (),
            annotations=_annotations(args.annotation),
            docker=args.docker,
            guarded=args.expect_current is not None,
            expected=parse_expected(args.expect_current) if args.expect_current is not None else None,
        )
        joiner = Joiner(target=target, tags=tags, open_base=places.read)
        with run.console.working("reading images"):
            sources = () if removing else [(text, *places.read(text)) for text in args.items]
            named = tuple((text, store, found or only_name(store)) for text, store, found in sources)
            plan = joiner.plan(replace(wish, sources=named))
        run.warn(plan.made.warnings)
        with run.console.working("looking at what is there" if args.dry_run else "publishing"):
            moved = joiner.weigh(plan) if args.dry_run else joiner.publish(plan)
    finally:
        places.close()
    run.show(index_json(plan, moved, dry_run=args.dry_run), index_table(plan))
    if not args.json:
        run.console.note(index_summary(plan, moved, dry_run=args.dry_run))


def _selectors(texts: Sequence[str]) -> tuple[Selector, ...]:
    try:
        return tuple(parse_selector(text) for text in texts)
    except PlatformError as error:
        raise UsageError(str(error)) from error


def _annotations(texts: Sequence[str]) -> dict[str, str]:
    """`K=V` pairs; raises UsageError for what is none."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{text!r} is no annotation", hint="write KEY=VALUE")
        found[key] = value
    return found
