"""The `promote` verb."""

import argparse
from contextlib import closing
from dataclasses import replace

import msgspec
from msgspec import Struct

from buildtools.errors import UsageError
from buildtools.promote import Order, promote_all, read_order
from buildtools.stores.open import References
from buildtools.verbs.base import Run
from buildtools.verbs.publishing import plan_arguments, tag_argument
from buildtools.views.promote import parts_table, promote_json, promote_table, promotions_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SRC",
        help="a reference in a registry, by tag or digest, or oci:PATH[:TAG|@DIGEST]",
    )
    parser.add_argument(
        "target", nargs="?", metavar="DST", help="registry/repository[:tag]; without a tag SRC's is kept"
    )
    parser.add_argument(
        "--images",
        type=_legs,
        default=(),
        metavar="JSON",
        help="in place of both: what `rebase --github-output` gives; each index gets its tags, while these "
        "stand on what was rebased",
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
    _refuse_together(args)
    with closing(References(run.settings)) as references:
        orders = _orders(references, args)
        with run.console.working(f"promoting to {', '.join(order.target.name for order in orders)}"):
            every = promote_all(orders)
    for done in every:
        run.warn(done.warnings)
        if done.dry_run and not args.json:
            run.console.table(parts_table(done))
    run.show(promotions_json(every) if args.images else promote_json(every[0]), promote_table(*every))


def _orders(references: References, args: argparse.Namespace) -> list[Order]:
    """What the command line means."""
    if args.images:
        orders = [
            read_order(references, one.reference, one.name, tags=one.tags, expected=one.before)
            for one in args.images
        ]
    else:
        orders = [
            read_order(references, args.source, args.target, tags=args.tag, expected=args.expect_current)
        ]
    return [replace(order, referrers=not args.no_referrers, dry_run=args.dry_run) for order in orders]


class _Leg(Struct, frozen=True, kw_only=True):
    """An index that was written without tags, the tags that it gets, and what they must stand on."""

    name: str
    digest: str
    tags: tuple[str, ...]
    before: str

    @property
    def reference(self) -> str:
        """The index by its digest."""
        return f"{self.name}@{self.digest}"


class _Legs(Struct, frozen=True, kw_only=True):
    include: tuple[_Leg, ...]


def _legs(text: str) -> tuple[_Leg, ...]:
    try:
        found = msgspec.json.decode(text, type=_Legs).include
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise argparse.ArgumentTypeError(f"it is not what `rebase --github-output` gives: {error}") from error
    if not found:
        raise argparse.ArgumentTypeError("it names no image")
    return found


def _refuse_together(args: argparse.Namespace) -> None:
    """Raise UsageError for arguments that say nothing together."""
    if not args.images:
        if not (args.source and args.target):
            raise UsageError("SRC and DST are needed", hint="name both, or --images")
    elif args.source or args.tag or args.expect_current is not None:
        raise UsageError(
            "--images says what is promoted, where to and what tags must stand on",
            hint="leave out SRC, DST, --tag and --expect-current",
        )
