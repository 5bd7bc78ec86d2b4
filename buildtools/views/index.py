"""What `index` prints: the entries, what became of each, and what was moved."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table, size
from buildtools.index import IndexPlan
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest, short
from buildtools.oci.platform import Platform
from buildtools.oci.validate import NodeKey, is_attestation, node_key
from buildtools.stores.parcel import Moved
from buildtools.views.findings import SCHEMA


def index_table(plan: IndexPlan) -> Table:
    """The entries in their order, then those that are in it no more."""
    replaced = _replaced(plan)
    rows: list[Sequence[str]] = [
        (str(place), _name(entry), short(entry.digest), _origin(plan, entry), _fate(plan, entry, replaced))
        for place, entry in enumerate(plan.made.index.manifests, 1)
    ]
    kept = {old.digest for old in replaced.values()}
    rows += [
        ("", _name(entry), short(entry.digest), "", "removed")
        for entry in plan.made.removed
        if entry.digest not in kept
    ]
    return Table(
        title=f"{plan.name}:{plan.tags[0]}  {plan.digest}",
        columns=("#", "platform", "digest", "from", "what"),
        rows=rows,
        right=frozenset({"#"}),
    )


def index_json(plan: IndexPlan, moved: Moved, *, dry_run: bool) -> dict[str, Any]:
    """The document of `index --json`; `sent` and `mounted` are bytes."""
    replaced = _replaced(plan)
    return {
        "schema": SCHEMA,
        "name": plan.name,
        "tags": list(plan.tags),
        "digest": plan.digest,
        "media_type": plan.made.index.media_type,
        "before": plan.standing[plan.tags[0]],
        "changed": bool(plan.stale),
        "dry_run": dry_run,
        "entries": [
            entry.to_json() | {"from": _origin(plan, entry), "what": _fate(plan, entry, replaced)}
            for entry in plan.made.index.manifests
        ],
        "removed": [entry.to_json() for entry in plan.made.removed],
        "annotations": dict(plan.made.index.annotations),
        "sent": moved.sent,
        "mounted": moved.mounted,
        "warnings": list(plan.made.warnings),
    }


def index_summary(plan: IndexPlan, moved: Moved, *, dry_run: bool) -> str:
    """One sentence: whether anything was to do, and what was moved."""
    if not plan.stale:
        return f"Nothing to do: {', '.join(plan.tags)} of {plan.name} is {plan.digest}."
    told = f"{', '.join(plan.stale)} of {plan.name} {'would be' if dry_run else 'is'} {plan.digest}"
    return f"{told}; {size(moved.sent)} {'to send' if dry_run else 'sent'}, {size(moved.mounted)} " + (
        "to mount." if dry_run else "mounted."
    )


def _fate(plan: IndexPlan, entry: Descriptor, replaced: dict[NodeKey, Descriptor]) -> str:
    if entry.digest in plan.made.before:
        return "kept"
    old = None if is_attestation(entry) else replaced.get(node_key(_platform(entry)))
    return f"replaces {short(old.digest)}" if old else "added"


def _replaced(plan: IndexPlan) -> dict[NodeKey, Descriptor]:
    """The images that another one of this index stands in for, by their nodes."""
    nodes = {node_key(_platform(entry)) for entry in plan.made.index.manifests if not is_attestation(entry)}
    return {
        node_key(_platform(entry)): entry
        for entry in plan.made.removed
        if not is_attestation(entry) and node_key(_platform(entry)) in nodes
    }


def _origin(plan: IndexPlan, entry: Descriptor) -> str:
    return plan.made.origins.get(Digest(entry.digest), "")


def _name(entry: Descriptor) -> str:
    return "attestation" if is_attestation(entry) else str(_platform(entry))


def _platform(entry: Descriptor) -> Platform:
    return entry.platform or Platform(os="", architecture="")
