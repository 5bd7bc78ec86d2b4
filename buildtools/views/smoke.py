"""What `smoke` prints."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from buildtools.console import Table, seconds
from buildtools.errors import Diagnostic
from buildtools.smoke import CHECKS, Result, SmokeReport
from buildtools.tiers import TIERS
from buildtools.views.findings import SCHEMA

_SHOWN_ANSWERS: Final = ("os", "architecture", "os_version")


def tiers_table(report: SmokeReport) -> Table:
    """A tier a row: how much was tried there, and why not the rest."""
    names = dict.fromkeys(result.tier for result in report.results if result.tier != CHECKS)
    shows = {row.name: row.shows for row in TIERS}
    return Table(
        title="Tiers",
        columns=("tier", "tried", "what it runs", "not tried"),
        rows=[
            (
                name,
                str(sum(one.tier == name for one in report.tried)),
                shows[name],
                "; ".join(report.reasons(name)),
            )
            for name in names
        ],
        right=frozenset({"tried"}),
    )


def smoke_table(report: SmokeReport) -> Table:
    """What was tried, and what is wrong; a variant that no tier tried has a row, too."""
    tried = {id(result.case) for result in report.tried}
    return Table(
        title="Contracts",
        columns=(
            "image",
            "platform",
            "os.version",
            "tier",
            "ready after",
            "answered",
            "ended with",
            "contract",
        ),
        rows=[
            _row(result)
            for result in report.results
            if result.outcome
            and (result.tier != CHECKS or result.state == "broken" or id(result.case) not in tried)
        ],
        right=frozenset({"ready after", "ended with"}),
    )


def _row(result: Result) -> Sequence[str]:
    outcome, config = result.outcome, result.case.config
    if outcome is None:  # pragma: no cover - rows are chosen by what was tried
        return ()
    answer = ", ".join(f"{key}={value}" for key, value in outcome.answer.items() if key in _SHOWN_ANSWERS)
    kept = "kept"
    if result.tier == CHECKS:
        kept = "not tried; its files are right"
    return (
        result.case.variant.image,
        result.case.variant.label,
        config.platform.os_version or "–",
        result.tier,
        "" if outcome.ready is None else seconds(outcome.ready),
        answer,
        "" if outcome.exit_code is None else str(outcome.exit_code),
        "; ".join(outcome.findings or (kept, *outcome.remarks)),
    )


def smoke_summary(report: SmokeReport) -> str:
    """One sentence."""
    tried = len(report.tried)
    held = sum(result.state == "kept" for result in report.tried)
    cases = {id(result.case) for result in report.results}
    left = len(cases - {id(result.case) for result in report.tried})
    rest = f"; {left} of {len(cases)} variants {'were' if left > 1 else 'was'} tried nowhere" if left else ""
    return f"{held} of {tried} contracts kept{rest}."


def contract_findings(report: SmokeReport) -> list[Diagnostic]:
    """What is wrong, each at the definition that has the contract."""
    return [
        Diagnostic(
            code="contract",
            message=f"{result.case.name} on {result.tier}: {finding}",
            path=f"{result.case.variant.folder}/image.yaml",
        )
        for result in report.broken
        for finding in (result.outcome.findings if result.outcome else ())
    ]


def smoke_json(report: SmokeReport) -> dict[str, Any]:
    """The document of `smoke --json`."""
    return {"schema": SCHEMA, **contracts_json(report)}


def contracts_json(report: SmokeReport) -> dict[str, Any]:
    """What was tried, as part of a document."""
    return {
        "kept": not report.broken,
        "tiers": [
            {
                "tier": name,
                "tried": sum(one.tier == name for one in report.tried),
                "reasons": list(report.reasons(name)),
            }
            for name in _tiers(report.results)
        ],
        "results": [_result(result) for result in report.results],
    }


def _tiers(results: Iterable[Result]) -> Iterable[str]:
    return dict.fromkeys(result.tier for result in results if result.tier != CHECKS)


def _result(result: Result) -> dict[str, Any]:
    outcome, platform = result.outcome, result.case.config.platform
    told = {
        "image": result.case.variant.image,
        "platform": result.case.variant.label,
        "os": platform.os,
        "architecture": platform.architecture,
        "os_version": platform.os_version,
        "digest": result.case.manifest.descriptor.digest,
        "tier": result.tier,
        "state": result.state,
        "reason": result.reason,
        "seconds": round(result.seconds, 3),
        "findings": list(outcome.findings if outcome else ()),
        "remarks": list(outcome.remarks if outcome else ()),
    }
    if result.tier == CHECKS or outcome is None:
        return told
    return told | {
        "ready_after": None if outcome.ready is None else round(outcome.ready, 3),
        "answer": dict(outcome.answer),
        "exit_code": outcome.exit_code,
        "log": list(outcome.log),
    }
