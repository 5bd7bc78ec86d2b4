"""The `promote` verb."""

import argparse
from contextlib import closing
from dataclasses import replace

from buildtools.promote import promote, read_order
from buildtools.stores.open import References
from buildtools.verbs.base import Run
from buildtools.verbs.publishing import plan_arguments, tag_argument
from buildtools.views.promote import parts_table, promote_json, promote_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "source", metavar="SRC", help="a reference in a registry, by tag or digest, or oci:PATH[:TAG|@DIGEST]"
    )
    parser.add_argument(
        "target", metavar="DST", help="registry/repository[:tag]; without a tag SRC's is kept"
    )
    tag_argument(parser, "tag at DST (repeat for several, set in order)")
    parser.add_argument(
        "--no-referrers",
        action="store_true",
        help="leave out signatures, SBOMs and whatever else refers to it",
    )
    plan_arguments(parser)


def run(run: Run) -> None:
    """Copy what is missing, then set the tags."""
    args = run.args
    with closing(References(run.settings)) as references:
        order = read_order(references, args.source, args.target, tags=args.tag, expected=args.expect_current)
        order = replace(order, referrers=not args.no_referrers, dry_run=args.dry_run)
        with run.console.working(f"promoting to {order.target.name}"):
            done = promote(order)
    run.warn(done.warnings)
    if done.dry_run and not args.json:
        run.console.table(parts_table(done))
    run.show(promote_json(done), promote_table(done))
