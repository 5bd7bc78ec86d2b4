"""What `promote` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table, size
from buildtools.oci.digest import short
from buildtools.promote import Promotion
from buildtools.views.findings import SCHEMA


def promote_table(*every: Promotion) -> Table:
    """What is where now, and what that took; a row each."""
    return Table(
        columns=("repository", "tags", "digest", "sent", "mounted", "there", "referrers", "what"),
        rows=[_row(done) for done in every],
        right=frozenset({"sent", "mounted", "there", "referrers"}),
    )


def _row(done: Promotion) -> tuple[str, ...]:
    what = ("would be promoted" if done.dry_run else "promoted") if done.changed else "up to date"
    return (
        done.target,
        ", ".join(done.tags),
        short(done.digest),
        size(sum(blob.size for blob in done.blobs.sent)),
        str(len(done.blobs.mounted)),
        str(len(done.blobs.present)),
        str(done.referrers),
        what,
    )


def parts_table(done: Promotion) -> Table:
    """What a real run would do, in its order."""
    return Table(
        columns=("what", "name", "size", "doing"),
        rows=[
            (part.kind, part.name, size(part.size) if part.kind != "tag" else "", part.doing)
            for part in done.parts
        ],
        right=frozenset({"size"}),
    )


def promotions_json(every: Sequence[Promotion]) -> dict[str, Any]:
    """The document of `promote --images --json`: those of all images."""
    return {"schema": SCHEMA, "images": [promote_json(done) for done in every]}


def promote_json(done: Promotion) -> dict[str, Any]:
    """The document of `promote --json`; `bytes` are those of blobs that are sent."""
    blobs = done.blobs
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "source": done.source,
        "target": done.target,
        "digest": done.digest,
        "tags": list(done.tags),
        "changed": done.changed,
        "dry_run": done.dry_run,
        "blobs": {"sent": len(blobs.sent), "mounted": len(blobs.mounted), "present": len(blobs.present)},
        "bytes": sum(blob.size for blob in blobs.sent),
        "manifests": done.manifests,
        "referrers": done.referrers,
        "warnings": list(done.warnings),
    }
    if done.dry_run:
        document["parts"] = [
            {"kind": part.kind, "name": part.name, "doing": part.doing, "size": part.size}
            for part in done.parts
        ]
    return document
