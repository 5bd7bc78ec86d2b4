"""What `demo` prints."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final

from buildtools.build import Report
from buildtools.cluster.members import Member
from buildtools.cluster.outcomes import Answer
from buildtools.cluster.presets import PRESETS
from buildtools.cluster.rules import listed
from buildtools.console import Table, seconds
from buildtools.demo.proof import Proof, Ran
from buildtools.demo.rollout import Moving, Rollout, Verified
from buildtools.oci.digest import short
from buildtools.preflight import OfferReport
from buildtools.preflight import Report as Flight
from buildtools.promote import Promotion
from buildtools.rebase import Entry
from buildtools.views.build import build_json
from buildtools.views.findings import findings_json
from buildtools.views.inspect import choice_json
from buildtools.views.preflight import preflight_json
from buildtools.views.promote import promote_json, promote_table
from buildtools.views.publish import publish_json, publish_table
from buildtools.views.rebase import rebase_json
from buildtools.views.verify import verify_json

_SHOWN_ANSWERS: Final = ("os", "architecture", "os_version")


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


def rollout_tables(rollout: Rollout) -> Iterable[Table]:
    """A table for each step that was reached."""
    if rollout.published:
        yield replace(publish_table(rollout.published), title="Published to a throw-away registry")
    if rollout.verified:
        yield _verified_table(rollout.verified, "Verified: every layer read back")
    if rollout.rebased:
        yield _rebased_table(rollout.rebased)
    if rollout.promoted:
        yield _promoted_table(rollout.promoted)
    if rollout.released:
        yield _verified_table(rollout.released, "Verified: the release")
    if rollout.flight:
        yield _flight_table(rollout.flight)


def _verified_table(verified: Sequence[Verified], title: str) -> Table:
    return Table(
        title=title,
        columns=("repository", "index", "images", "layers", "bases", "kinds of node", "errors"),
        rows=[_verified_row(one) for one in verified],
        right=frozenset({"images", "layers"}),
    )


def _verified_row(one: Verified) -> Sequence[str]:
    found = one.found
    states = [verdict.state for verdict in found.verdicts.values() if verdict.state != "none"]
    return (
        one.place,
        short(found.tree.descriptor.digest),
        str(len(found.tree.images)),
        str(found.layers),
        f"{states.count('right')} of {len(states)} right" if states else "–",
        f"runs on {sum(row.runs for row in found.rows)} of {len(found.rows)}",
        str(len(found.errors) or "none"),
    )


def _rebased_table(rebased: Sequence[Moving]) -> Table:
    """Windows is told by os.version; a Linux base has no version that could be shown."""
    rows = [
        row
        for one in rebased
        for row in (
            [_rebased_row(one.image, entry) for entry in one.plan.entries]
            if one.plan
            else [(one.image, "all", "", "", "", "kept: a base names no tag to follow")]
        )
    ]
    return Table(
        title="Rebased onto the next patches of the bases",
        columns=("image", "platform", "base", "os.version", "digest", "what"),
        rows=rows,
    )


def _rebased_row(image: str, entry: Entry) -> Sequence[str]:
    before, after = (found.platform.os_version for found in (entry.image.config, entry.config))
    # Without the revision, which the next column has.
    platform = str(replace(entry.config.platform, os_version=""))
    told = (image, platform, entry.base, after if before == after else f"{before} → {after}")
    return (
        *told,
        short(entry.manifest.descriptor.digest),
        "rebased" if entry.rebased else f"kept: {entry.reason}",
    )


def _promoted_table(promoted: Sequence[Promotion]) -> Table:
    tables = [promote_table(one) for one in promoted]
    rows = [row for table in tables for row in table.rows]
    return replace(tables[0], title="Promoted to the release", rows=rows)


def _flight_table(flight: Flight) -> Table:
    return Table(
        title="Where the release would run",
        columns=("image", *PRESETS),
        rows=[
            (_image(offer.offer.name), *(_would_run(offer, preset) for preset in PRESETS))
            for offer in flight.offers
        ],
    )


def _image(name: str) -> str:
    return PurePath(name).name.partition(":")[0]


def _would_run(offer: OfferReport, preset: str) -> str:
    answers = _answers(offer, preset)
    failing = [member for member, answer in answers if not answer.runs]
    if not failing:
        return f"on all {len(answers)} nodes"
    return f"on {len(answers) - len(failing)} of {len(answers)} nodes, not on {listed(failing)}"


def _answers(offer: OfferReport, preset: str) -> Sequence[tuple[Member, Answer]]:
    return [(member, answer) for member, answer in offer.answers if member in PRESETS[preset]]


def rollout_summary(rollout: Rollout) -> str:
    """One sentence, empty where not every step was reached."""
    if rollout.flight is None or rollout.faults:
        return ""
    count = len(rollout.promoted)
    moved = sum(bool(entry.rebased) for one in rollout.rebased if one.plan for entry in one.plan.entries)
    images, variants = f"{count} image{'s' * (count != 1)}", f"{moved} variant{'s' * (moved != 1)}"
    return f"Published and verified {images}, rebased {variants}, promoted and verified all of it."


def demo_json(report: Report, proof: Proof, rollout: Rollout) -> dict[str, Any]:
    """The document of `demo --json`; each step has what its own verb's document has."""
    ran = [
        {"name": one.name, "kept": one.outcome.kept, "findings": list(one.outcome.findings)}
        for one in proof.ran
    ]
    nodes = {
        PurePath(inspection.name).name: [choice_json(node, choice) for node, choice in inspection.choices]
        for inspection in proof.inspections
    }
    findings = findings_json(proof.findings)["findings"]
    return build_json(report) | {
        "nodes": nodes,
        "ran": ran,
        "findings": findings,
        "publish": publish_json(rollout.published),
        "verify": _verified_json(rollout.verified),
        "rebase": [
            {"image": one.image} | rebase_json(one.plan, one.moved, dry_run=False)
            for one in rollout.rebased
            if one.plan
        ],
        "promote": [promote_json(one) for one in rollout.promoted],
        "verify_release": _verified_json(rollout.released),
        "preflight": preflight_json(rollout.flight) if rollout.flight else None,
        "faults": list(rollout.faults),
    }


def _verified_json(verified: Sequence[Verified]) -> list[dict[str, Any]]:
    return [verify_json(one.found) | {"name": one.place} for one in verified]
