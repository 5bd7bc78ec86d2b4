"""What `publish` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table, size
from buildtools.oci.digest import short
from buildtools.publish import Published, failures
from buildtools.stores.rehearsal import Asked
from buildtools.tagging import Tagged
from buildtools.views.findings import SCHEMA


def publish_table(results: Sequence[Published], *, dry: bool = False) -> Table:
    """What became of every tag in every registry, and what that took; `dry` for what would become of it."""
    return Table(
        columns=("image", "repository", "tag", "what", "was", "digest", "sent", "mounted", "there"),
        rows=[_row(one, tag, dry=dry) for one in results for tag in one.tags],
        right=frozenset({"sent", "mounted", "there"}),
    )


def _row(one: Published, tag: Tagged, *, dry: bool) -> tuple[str, ...]:
    """A tag's row; what the image took stands in its first one."""
    what = "would be set" if dry and tag.what == "set" else tag.what
    row = (one.image, one.repository, tag.name, what, short(tag.was) if tag.was else "–", short(one.digest))
    if tag is not one.tags[0]:
        return (*row, "", "", "")
    return (*row, size(one.sent), str(one.mounted), str(one.present))


def publish_json(results: Sequence[Published], requests: Sequence[Asked] | None = None) -> dict[str, Any]:
    """The document of `publish --json`; sizes are bytes, `mounted` and `present` count blobs.

    `requests` is there for a dry run, whose `set` means that the tag would be.
    """
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "dry_run": requests is not None,
        "published": [_published(one) for one in results if one.done],
        "not_published": [_published(one) for one in results if not one.done],
        "failures": [str(error) for error in failures(results)],
    }
    return document if requests is None else document | requests_json(requests)


def requests_json(requests: Sequence[Asked]) -> dict[str, Any]:
    """What a dry run adds to a document: each request, and how much they would write."""
    return {
        "requests": [
            {
                "registry": asked.registry,
                "method": asked.method,
                "target": asked.target,
                "size": asked.size,
                "writes": asked.writes,
            }
            for asked in requests
        ],
        "total": {
            "requests": len(requests),
            "writes": sum(asked.writes for asked in requests),
            "size": sum(asked.size for asked in requests),
        },
    }


def _published(one: Published) -> dict[str, Any]:
    return {
        "image": one.image,
        "repository": one.repository,
        "digest": one.digest,
        "tags": [
            {"tag": tag.name, "what": tag.what, "was": tag.was or "", "error": str(tag.error or "")}
            for tag in one.tags
        ],
        "sent": one.sent,
        "mounted": one.mounted,
        "present": one.present,
        "changed": one.changed,
    }


def requests_table(requests: Sequence[Asked]) -> Table:
    """Every request of a dry run in its order; only those that read were made."""
    return Table(
        columns=("registry", "request", "body", "what"),
        rows=[
            (
                asked.registry,
                f"{asked.method} {asked.target}",
                size(asked.size) if asked.writes else "",
                "writes" if asked.writes else "reads",
            )
            for asked in requests
        ],
        right=frozenset({"body"}),
    )


def requests_summary(requests: Sequence[Asked]) -> str:
    """How much a dry run would have done."""
    writes = [asked for asked in requests if asked.writes]
    if not writes:
        return f"Nothing was sent, and nothing would be: {len(requests)} requests only read."
    total = size(sum(asked.size for asked in writes))
    return f"Nothing was sent: {len(writes)} of {len(requests)} requests would write {total}."
