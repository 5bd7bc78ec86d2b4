"""Arguments of the verbs that set tags, and what they must be."""

import argparse
from collections.abc import Iterable
from typing import Any

from buildtools.errors import UsageError
from buildtools.oci.digest import Digest
from buildtools.oci.platform import Platform
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


def leg(image: str, name: str, digest: Digest, children: Iterable[tuple[Digest, Platform]]) -> dict[str, Any]:
    """An index as a leg of a matrix has it: what is in it by digest, what for, and names fit for files."""
    inside = [(child, platform.normalised()) for child, platform in children]
    words = [(one.os, one.architecture, one.variant) for _, one in inside]
    files: list[str] = []
    for parts, (_, platform) in zip(words, inside, strict=True):
        text = "-".join(filter(None, (image, *parts, platform.os_version)))
        files.append(f"{text}-{len(files) + 1}" if text in files else text)
    return {
        "image": image,
        "name": name,
        "digest": digest,
        "children": [child for child, _ in inside],
        "platforms": ["/".join(filter(None, parts)) for parts in words],
        "files": files,
    }
