"""What the verbs print: values in, tables and JSON documents out; no file, no clock, no terminal."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, Final

from buildtools.build import Built, BuiltImage, Report
from buildtools.cluster.matchers import Choice
from buildtools.cluster.nodes import NODE_KINDS, Node
from buildtools.cluster.runtimes import Runtime
from buildtools.console import Table, seconds, size
from buildtools.demo import Proof, Ran
from buildtools.errors import BuildtoolsError, Diagnostic
from buildtools.inspect import Entry, Inspection
from buildtools.oci.digest import short
from buildtools.plan import Target
from buildtools.prepare import Prepared
from buildtools.publish import Published

SCHEMA: Final = 1
_SHOWN_ANSWERS: Final = ("os", "architecture", "os_version")


def plan_json(prepared: Prepared) -> dict[str, Any]:
    """The document of `plan --json`: the Plan's own, reduced to what was asked for."""
    document = prepared.plan.to_json()
    chosen = [
        entry for entry in document["targets"] if (entry["image"], entry["platform"]) in prepared.chosen
    ]
    return document | {"targets": chosen}


def plan_table(prepared: Prepared) -> Table:
    """What would be built, and why."""
    return Table(
        columns=("image", "platform", "base", "runner", "to send", "what", "why"),
        rows=[_plan_row(target) for target in prepared.targets],
        right=frozenset({"to send"}),
    )


def _plan_row(target: Target) -> Sequence[str]:
    base = target.base
    return (
        target.variant.image,
        target.variant.label,
        f"{base.reference} (stand-in)" if base.stand_in else base.reference,
        target.runner or "none hosted",
        size(target.send),
        "keep" if target.up_to_date else "build",
        "up to date" if target.up_to_date else "; ".join(target.reasons),
    )


def build_table(report: Report) -> Table:
    """What is there now, entry by entry in the order of each index."""
    rows: list[Sequence[str]] = []
    for image in report.images:
        by_digest = {built.record.manifest.digest: built for built in image.variants}
        rows.extend(_build_row(by_digest[digest]) for digest in image.order)
        rows.append((image.name, f"index of {len(image.order)}", "", short(image.index.digest), "", "", ""))
    columns = ("image", "platform", "os.version", "digest", "size", "what", "time")
    return Table(columns=columns, rows=rows, right=frozenset({"size", "time"}))


def _build_row(built: Built) -> Sequence[str]:
    record = built.record
    return (
        record.image,
        record.label,
        record.os_version or "–",
        short(record.manifest.digest),
        size(record.size),
        "reused" if built.reused else "built",
        "" if built.reused else seconds(built.seconds),
    )


def build_json(report: Report) -> dict[str, Any]:
    """The document of `build --json`."""
    return {
        "schema": SCHEMA,
        "images": [_image_json(image) for image in report.images],
        "failed": list(report.failed),
        "failures": [str(failure) for failure in report.failures],
    }


def _image_json(image: BuiltImage) -> dict[str, Any]:
    return {
        "image": image.name,
        "digest": image.index.digest,
        "absent": list(image.absent),
        "missing_blobs": [descriptor.digest for descriptor in image.missing],
        "variants": [
            {
                "platform": built.record.label,
                "os_version": built.record.os_version,
                "digest": built.record.manifest.digest,
                "size": built.record.size,
                "built": not built.reused,
            }
            for built in image.variants
        ],
    }


def publish_table(done: Sequence[Published]) -> Table:
    """What is in which registry now, and what that took."""
    return Table(
        columns=("image", "repository", "tags", "digest", "sent", "mounted", "there", "what"),
        rows=[
            (
                one.image,
                one.repository,
                ", ".join(one.tags),
                short(one.digest),
                size(one.sent),
                str(one.mounted),
                str(one.present),
                "published" if one.changed else "up to date",
            )
            for one in done
        ],
        right=frozenset({"sent", "mounted", "there"}),
    )


def publish_json(done: Sequence[Published], failures: Sequence[BuildtoolsError]) -> dict[str, Any]:
    """The document of `publish --json`; sizes are bytes, `mounted` and `present` count blobs."""
    return {
        "schema": SCHEMA,
        "published": [
            {
                "image": one.image,
                "repository": one.repository,
                "digest": one.digest,
                "tags": list(one.tags),
                "sent": one.sent,
                "mounted": one.mounted,
                "present": one.present,
                "changed": one.changed,
            }
            for one in done
        ],
        "failures": [str(failure) for failure in failures],
    }


def build_summary(report: Report) -> str:
    """One sentence: how much was built, how much was there."""
    built = sum(not variant.reused for variant in report.variants)
    kept = len(report.variants) - built
    if not built:
        every = "the variant is" if kept == 1 else f"all {kept} variants are"
        return f"Nothing to build: {every} up to date."
    rest = f", {kept} {'was' if kept == 1 else 'were'} up to date" if kept else ""
    return f"Built {built} of {built + kept} variant{'s' if built + kept > 1 else ''}{rest}."


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
        "nodes": [_choice_json(node, choice) for node, choice in inspection.choices],
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


def _choice_json(node: Node, choice: Choice) -> dict[str, Any]:
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
    text = str(choice.descriptor.platform or "the only image")
    if not choice.right:
        return f"{text} (does not run)"
    return text if choice.best else f"{text} (not the best)"


def ran_table(ran: Sequence[Ran]) -> Table:
    """The contracts that were tried on this machine."""
    return Table(
        title="Run on this machine",
        columns=("image", "ready after", "answered", "ended with", "contract"),
        rows=[_ran_row(one) for one in ran],
        right=frozenset({"ready after", "ended with"}),
    )


def _ran_row(one: Ran) -> Sequence[str]:
    outcome = one.outcome
    answer = ", ".join(f"{key}={value}" for key, value in outcome.answer.items() if key in _SHOWN_ANSWERS)
    return (
        one.name,
        "" if outcome.ready is None else seconds(outcome.ready),
        answer,
        "" if outcome.exit_code is None else str(outcome.exit_code),
        "kept" if outcome.kept else "; ".join(outcome.findings),
    )


def demo_json(report: Report, proof: Proof) -> dict[str, Any]:
    """The document of `demo --json`."""
    ran = [
        {"name": one.name, "kept": one.outcome.kept, "findings": list(one.outcome.findings)}
        for one in proof.ran
    ]
    nodes = {
        PurePath(inspection.name).name: [_choice_json(node, choice) for node, choice in inspection.choices]
        for inspection in proof.inspections
    }
    findings = findings_json(proof.findings)["findings"]
    return build_json(report) | {"nodes": nodes, "ran": ran, "findings": findings}


def check_summary(findings: Sequence[Diagnostic]) -> str:
    """One sentence about findings."""
    counts = [
        (sum(finding.severity == severity for finding in findings), word)
        for severity, word in (("error", "error"), ("warning", "warning"), ("note", "note"))
    ]
    told = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    return f"Checked: {', '.join(told) or 'nothing is wrong'}."


def findings_json(findings: Iterable[Diagnostic]) -> dict[str, Any]:
    """The document of `check --json` and of every located error."""
    return {
        "schema": SCHEMA,
        "findings": [
            {
                "file": item.path,
                "line": item.line,
                "col": item.column,
                "code": item.code,
                "severity": item.severity,
                "message": item.message,
                "hint": item.hint,
            }
            for item in findings
        ],
    }
