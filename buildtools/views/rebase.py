"""What `rebase` prints: from which base to which each image went, and what was moved."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table, size
from buildtools.oci.digest import short
from buildtools.rebase import Entry, RebasePlan
from buildtools.stores.parcel import Moved
from buildtools.views.findings import SCHEMA


def rebase_table(plan: RebasePlan, moved: Moved) -> Table:
    """The images in their order."""
    return Table(
        title=f"{plan.name}  {plan.digest}",
        columns=("platform", "digest", "base", "from", "to", "os.version", "sent", "mounted", "what"),
        rows=[_row(entry, moved) for entry in plan.entries],
        right=frozenset({"sent", "mounted"}),
    )


def _row(entry: Entry, moved: Moved) -> Sequence[str]:
    platform = str(entry.image.config.platform)
    digest = short(entry.manifest.descriptor.digest)
    if not (entry.old and entry.new):
        return platform, digest, entry.base, "", "", "", "", "", f"kept: {entry.reason}"
    mine = moved.of(entry.manifest)
    before, after = (stack.config.platform.os_version for stack in (entry.old, entry.new))
    return (
        platform,
        digest,
        entry.base,
        short(entry.old.manifest.descriptor.digest),
        short(entry.new.manifest.descriptor.digest),
        after if before == after else f"{before} → {after}",
        size(mine.sent),
        size(mine.mounted),
        "rebased",
    )


def rebase_json(plan: RebasePlan, moved: Moved, *, dry_run: bool) -> dict[str, Any]:
    """The document of `rebase --json`; `sent` and `mounted` are bytes."""
    return {
        "schema": SCHEMA,
        "name": plan.name,
        "tags": list(plan.tags),
        "before": plan.before,
        "digest": plan.digest,
        "changed": plan.pending,
        "dry_run": dry_run,
        "entries": [_entry_json(entry, moved) for entry in plan.entries],
        "sent": moved.sent,
        "mounted": moved.mounted,
        "warnings": list(plan.warnings),
    }


def renewed_json(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The document of `rebase --published --json`: those of all images."""
    return {"schema": SCHEMA, "images": list(documents)}


def _entry_json(entry: Entry, moved: Moved) -> dict[str, Any]:
    mine = moved.of(entry.manifest) if entry.rebased else Moved()
    return {
        "platform": entry.config.platform.to_json(),
        "rebased": entry.rebased is not None,
        "reason": entry.reason,
        "before": entry.image.digest,
        "digest": entry.manifest.descriptor.digest,
        "base": entry.base,
        "old_base": entry.old.manifest.descriptor.digest if entry.old else "",
        "new_base": entry.new.manifest.descriptor.digest if entry.new else "",
        "old_os_version": entry.image.config.platform.os_version,
        "os_version": entry.config.platform.os_version,
        "sent": mine.sent,
        "mounted": mine.mounted,
        "conflicts": list(entry.rebased.conflicts) if entry.rebased else [],
    }


def rebase_summary(plan: RebasePlan, moved: Moved, *, dry_run: bool) -> str:
    """One sentence: whether anything was to do, and what was moved."""
    named = f"{', '.join(plan.tags)} of {plan.name}" if plan.tags else plan.name
    if not plan.pending:
        return f"Nothing to do: {named} is {plan.digest}."
    count = sum(entry.rebased is not None for entry in plan.entries)
    told = f"{count} of {len(plan.entries)} images {'would be ' if dry_run else ''}rebased"
    place = f"{', '.join(plan.stale)} of {plan.name}" if plan.tags else f"no tag of {plan.name}"
    return (
        f"{told}; {place} {'would be' if dry_run else 'is'} {plan.digest}; "
        f"{size(moved.sent)} {'to send' if dry_run else 'sent'}, "
        f"{size(moved.mounted)} {'to mount' if dry_run else 'mounted'}."
    )
