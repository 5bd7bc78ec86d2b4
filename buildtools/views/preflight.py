"""What `preflight` prints: nodes by image, workloads by node, and findings."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, Final

from buildtools.cluster.members import Member
from buildtools.cluster.outcomes import Answer, Landing
from buildtools.cluster.rules import listed
from buildtools.console import Table
from buildtools.preflight import OfferReport, Report, WorkloadReport
from buildtools.views.findings import SCHEMA, check_summary, findings_json

_VERDICTS: Final = {
    "runs": "runs",
    "fails": "does not run everywhere",
    "nowhere": "no node takes it",
}


def answers_table(report: Report) -> Table:
    """A column an image, a row for nodes that agree on all of them."""
    rows: dict[tuple[str, ...], list[Member]] = {}
    for place, member in enumerate(report.members):
        texts = (answer_text(offer.answers[place][1]) for offer in report.offers)
        rows.setdefault((member.system, str(member.node.runtime), *texts), []).append(member)
    names = [_short(offer.offer.name) for offer in report.offers]
    return Table(
        title="Which entry a node takes",
        columns=("node", "system", "runtime", *names),
        rows=[(listed(members), *row) for row, members in rows.items()],
    )


def _short(name: str) -> str:
    return PurePath(name).name


def answer_text(answer: Answer) -> str:
    """The platform that a node takes, and whether that runs there."""
    if answer.entry is None:
        return "none" if answer.best else "none (one would run)"
    text = str(answer.entry.platform or "an entry without a platform")
    if not answer.runs:
        return f"{text} (does not run)"
    return text if answer.best else f"{text} (not the best)"


def workloads_table(report: Report) -> Table:
    """A row a workload: where it runs, and where it would be put and not run."""
    rows = []
    for one in report.workloads:
        outcome = one.outcome
        workload = outcome.workload
        good = [landing.member for landing in outcome.landings if landing.runs and not landing.unknown]
        bad = [landing.member for landing in outcome.landings if not landing.runs]
        place = f"{workload.path}:{workload.document.mark.line}"
        rows.append((str(workload), place, _nodes(good), _nodes(bad), _verdict(one, bad)))
    return Table(
        title="Where workloads run",
        columns=("workload", "manifest", "runs on", "does not run on", "verdict"),
        rows=rows,
    )


def _nodes(members: Sequence[Member]) -> str:
    return listed(members) or "–"


def _verdict(report: WorkloadReport, bad: Sequence[Member]) -> str:
    verdict = report.outcome.verdict
    if verdict == "fails" and len(bad) == len(report.outcome.landings):
        return "does not run"
    if verdict in {"runs", "unknown"} and report.errors:
        return "has errors"
    if verdict == "unknown":
        unread = [landing.member for landing in report.outcome.landings if landing.unknown]
        return f"not known on {listed(unread)}: images were not looked at"
    return _VERDICTS[verdict]


def preflight_summary(report: Report) -> str:
    """One sentence about everything."""
    parts = [_counted(len(report.members), "node")]
    if report.offers:
        parts.append(_counted(len(report.offers), "image"))
    if report.workloads:
        parts.append(_counted(len(report.workloads), "workload"))
    return f"{', '.join(parts)}. {check_summary(report.findings)}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def preflight_json(report: Report) -> dict[str, Any]:
    """The document of `preflight --json`."""
    return {
        "schema": SCHEMA,
        "nodes": [_node_json(member) for member in report.members],
        "images": [_offer_json(offer) for offer in report.offers],
        "workloads": [_workload_json(one) for one in report.workloads],
        "findings": findings_json(report.findings)["findings"],
    }


def _node_json(member: Member) -> dict[str, Any]:
    return {
        "name": member.name,
        "os": member.node.os,
        "architecture": member.node.architecture,
        "os_version": member.node.os_version,
        "runtime": str(member.node.runtime),
        "taints": [str(taint) for taint in member.taints],
    }


def _offer_json(report: OfferReport) -> dict[str, Any]:
    return {
        "name": report.offer.name,
        "digest": report.digest,
        "nodes": [{"node": member.name, **_answer_json(answer)} for member, answer in report.answers],
    }


def _answer_json(answer: Answer | None) -> dict[str, Any]:
    if answer is None:
        return {"digest": "", "runs": None, "reason": "not looked at"}
    return {
        "digest": answer.entry.digest if answer.entry else "",
        "runs": answer.runs,
        "reason": answer.reason,
    }


def _workload_json(report: WorkloadReport) -> dict[str, Any]:
    outcome = report.outcome
    workload = outcome.workload
    return {
        "kind": workload.kind,
        "namespace": workload.namespace,
        "name": workload.name,
        "file": workload.path,
        "line": workload.document.mark.line,
        "verdict": outcome.verdict,
        "errors": report.errors,
        "nodes": [_landing_json(landing) for landing in outcome.landings],
        "kept_off": [{"node": member.name, "reason": found.reason} for member, found in outcome.refusals],
    }


def _landing_json(landing: Landing) -> dict[str, Any]:
    return {
        "node": landing.member.name,
        "runs": None if landing.runs and landing.unknown else landing.runs,
        "refused": landing.refused,
        "containers": [
            {"name": container.name, "image": container.image, "init": container.init, **_answer_json(answer)}
            for container, answer in landing.answers
        ],
    }


def tables(report: Report) -> Iterable[Table]:
    """The tables that the report has rows for."""
    if report.offers or not report.workloads:
        yield answers_table(report)
    if report.workloads:
        yield workloads_table(report)
