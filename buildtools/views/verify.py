"""What `verify` prints: entries with their bases, every kind of node, and a sentence."""

from typing import Any, Final

from buildtools.cluster.table import Row, folded
from buildtools.cluster.truth import State, Verdict
from buildtools.console import Table, size
from buildtools.oci.digest import short
from buildtools.oci.validate import is_attestation
from buildtools.tree import Entry
from buildtools.verify import Verification
from buildtools.views.findings import SCHEMA, findings_json, told
from buildtools.views.inspect import choice_text

_BASES: Final[dict[State, str]] = {"right": "right", "wrong": "wrong", "unknown": "not known", "none": "–"}


def entries_table(found: Verification) -> Table:
    """The images in their order, and what each stands on."""
    tree = found.tree
    return Table(
        title=f"{tree.name}  {tree.descriptor.digest}",
        columns=("#", "platform", "digest", "layers", "size", "base"),
        rows=[
            (
                str(number),
                str(entry.platform),
                short(entry.descriptor.digest),
                str(len(entry.manifest.layers)),
                size(entry.size),
                _base(found, entry),
            )
            for number, entry in enumerate(tree.images, 1)
        ],
        right=frozenset({"#", "layers", "size"}),
    )


def _base(found: Verification, entry: Entry) -> str:
    if is_attestation(entry.descriptor):
        return "an attestation"
    verdict = found.verdicts[entry.descriptor]
    return f"{_BASES[verdict.state]}: {verdict.base}" if verdict.base else _BASES[verdict.state]


def nodes_table(found: Verification) -> Table:
    """A row a machine and what its runtimes agree on."""
    return Table(
        title="Which entry a node takes",
        columns=("node", "takes", "base", "runtime"),
        rows=folded(found.rows, lambda row: (choice_text(row.choice), _of_taken(row))),
    )


def _of_taken(row: Row) -> str:
    return _BASES[row.verdict.state] if row.choice.descriptor else "–"


def verify_summary(found: Verification) -> str:
    """One sentence."""
    images = len(found.tree.images)
    layers = f"{found.layers} layer{'s' * (found.layers != 1)}{' that were not read' * found.quick}"
    return (
        f"Verified {images} image{'s' * (images != 1)} with {layers} for {len(found.rows)} kinds of node: "
        f"{told(found.findings)}."
    )


def verify_json(found: Verification) -> dict[str, Any]:
    """The document of `verify --json`; `base` says `right`, `wrong`, `unknown` or `none`."""
    tree = found.tree
    return {
        "schema": SCHEMA,
        "name": tree.name,
        "digest": tree.descriptor.digest,
        "media_type": tree.descriptor.media_type,
        "quick": found.quick,
        "layers": found.layers,
        "errors": len(found.errors),
        "entries": [_entry_json(found, entry) for entry in tree.images],
        "nodes": [_row_json(row) for row in found.rows],
        "findings": findings_json(found.findings)["findings"],
    }


def _entry_json(found: Verification, entry: Entry) -> dict[str, Any]:
    verdict = found.verdicts.get(entry.descriptor, Verdict(state="none"))
    return {
        "name": entry.name,
        "platform": entry.platform.to_json(),
        "digest": entry.descriptor.digest,
        "config": entry.manifest.config.digest,
        "size": entry.size,
        "layers": [layer.to_json() for layer in entry.manifest.layers],
        "missing_blobs": [layer.digest for layer in entry.missing],
        "stand_in": entry.is_stand_in,
        "attestation": is_attestation(entry.descriptor),
        "base": verdict.state,
        "base_name": verdict.base,
    }


def _row_json(row: Row) -> dict[str, Any]:
    taken = row.choice.descriptor
    return {
        "node": row.node.name,
        "platform": row.node.platform.to_json(),
        "runtime": str(row.node.runtime),
        "digest": taken.digest if taken else "",
        "takes": str(taken.platform or "") if taken else "",
        "runs": row.runs,
        "best": row.choice.best,
        "base": row.verdict.state,
        "reason": row.choice.reason,
    }
