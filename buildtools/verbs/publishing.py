"""Arguments of the verbs that set tags, and what they must be."""

import argparse

from buildtools.errors import UsageError
from buildtools.stores.tagging import NONE
from buildtools.verbs.base import json_argument, wait_argument


def tag_argument(parser: argparse.ArgumentParser, text: str) -> None:
    """Tags beside or in place of the one in the reference."""
    parser.add_argument("--tag", action="append", default=[], metavar="T", help=text)


def plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Look first, and never write over what somebody else has published."""
    parser.add_argument(
        "--expect-current",
        metavar="DIGEST",
        help=f"fail unless the tag stands on this until it is set ({NONE}: it must not be there)",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing; say what would be")
    json_argument(parser)
    wait_argument(parser)


def required_tag(text: str, identifier: str) -> str:
    """The tag in a reference that is written; raises UsageError where there is none."""
    if not identifier or ":" in identifier:
        name = text.partition("@")[0]
        what = "a digest, which cannot be set" if identifier else "no tag"
        raise UsageError(f"{text} has {what}", hint=f"name the tag, as in {name}:1.0")
    return identifier
