"""What `inspect` prints: entries, and which of them each kind of node takes."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from buildtools.cluster.matchers import Choice
from buildtools.cluster.nodes import NODE_KINDS, Node
from buildtools.cluster.runtimes import Runtime
from buildtools.console import Table, size
from buildtools.inspect import Inspection
from buildtools.oci.digest import short
from buildtools.tree import Entry
from buildtools.views.findings import SCHEMA


def inspect_table(inspection: Inspection) -> Table:
    """The entries in their order."""
    rows = [_entry_row(number, entry) for number, entry in enumerate(inspection.entries, 1)]
    return Table(
        title=f"{inspection.name}  {inspection.descriptor.digest}",
        columns=("#", "platform", "digest", "layers", "size", "created", "remarks"),
        rows=rows,
        right=frozenset({"#", "layers", "size"}),
    )


def _entry_row(number: int, entry: Entry) -> Sequence[str]:
    remarks = []
    if entry.missing:
        names = ", ".join(short(layer.digest) for layer in entry.missing)
        remarks.append(f"left to the base's registry: {names}")
    if entry.is_stand_in:
        remarks.append("on a stand-in base")
    return (
        str(number),
        str(entry.platform),
        short(entry.descriptor.digest),
        str(len(entry.manifest.layers)),
        size(entry.size),
        entry.config.created,
        "; ".join(remarks),
    )


def inspect_json(inspection: Inspection) -> dict[str, Any]:
    """The document of `inspect --json`."""
    return {
        "schema": SCHEMA,
        "name": inspection.name,
        "digest": inspection.descriptor.digest,
        "media_type": inspection.descriptor.media_type,
        "entries": [_entry_json(entry) for entry in inspection.entries],
        "others": [descriptor.to_json() for descriptor in inspection.others],
        "nodes": [choice_json(node, choice) for node, choice in inspection.choices],
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "platform": entry.platform.to_json(),
        "digest": entry.descriptor.digest,
        "config": entry.manifest.config.digest,
        "created": entry.config.created,
        "stand_in": entry.is_stand_in,
        "size": entry.size,
        "layers": [layer.to_json() for layer in entry.manifest.layers],
        "missing_blobs": [layer.digest for layer in entry.missing],
        "entrypoint": list(entry.config.entrypoint),
        "cmd": list(entry.config.cmd),
        "env": list(entry.config.env),
        "user": entry.config.user,
        "working_dir": entry.config.working_dir,
        "labels": dict(entry.config.labels),
    }


def choice_json(node: Node, choice: Choice) -> dict[str, Any]:
    """One node's choice, as a part of documents."""
    return {
        "node": node.name,
        "runtime": str(node.runtime),
        "digest": choice.descriptor.digest if choice.descriptor else "",
        "right": choice.right,
        "reason": choice.reason,
    }


def nodes_table(inspections: Sequence[Inspection]) -> Table:
    """Which entry each kind of node takes: a column an image, a row a node and what its runtimes agree on."""
    rows: dict[tuple[str, ...], list[Runtime]] = {}
    for node, *choices in zip(NODE_KINDS, *(inspection.choices for inspection in inspections), strict=True):
        texts = (choice_text(choice) for _, choice in choices)
        rows.setdefault((node.name, *texts), []).append(node.runtime)
    columns = ("node", *(PurePath(inspection.name).name for inspection in inspections), "runtime")
    return Table(
        title="Which entry a node takes",
        columns=columns,
        rows=[(*row, _listed(runtimes, row[0])) for row, runtimes in rows.items()],
    )


def _listed(runtimes: Sequence[Runtime], node: str) -> str:
    """Runtimes by name; an engine alone where all its generations on this kind of node agree."""
    every = [kind.runtime for kind in NODE_KINDS if kind.name == node]
    names: dict[str, None] = {}
    for runtime in runtimes:
        whole = all(other in runtimes for other in every if other.engine == runtime.engine)
        names[runtime.engine if whole else str(runtime)] = None
    return ", ".join(names)


def choice_text(choice: Choice) -> str:
    """The platform that a node takes, and whether that runs there."""
    if choice.descriptor is None:
        return "none" if choice.right else "none (one would run)"
    text = str(choice.descriptor.platform or "an entry without a platform")
    if not choice.right:
        return f"{text} (does not run)"
    return text if choice.best else f"{text} (not the best)"
