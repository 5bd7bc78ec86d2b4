"""What `plan` and `build` print."""

from collections.abc import Sequence
from typing import Any

from buildtools.build import Built, BuiltImage, Report
from buildtools.console import Table, seconds, size
from buildtools.oci.digest import short
from buildtools.plan import Target
from buildtools.prepare import Prepared
from buildtools.views.findings import SCHEMA


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


def build_summary(report: Report) -> str:
    """One sentence: how much was built, how much was there."""
    built = sum(not variant.reused for variant in report.variants)
    kept = len(report.variants) - built
    if not built:
        every = "the variant is" if kept == 1 else f"all {kept} variants are"
        return f"Nothing to build: {every} up to date."
    rest = f", {kept} {'was' if kept == 1 else 'were'} up to date" if kept else ""
    return f"Built {built} of {built + kept} variant{'s' if built + kept > 1 else ''}{rest}."
