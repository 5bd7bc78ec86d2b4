"""What `demo` prints."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final

from buildtools.build import Report
from buildtools.console import Table, seconds
from buildtools.demo import Proof, Ran
from buildtools.views.build import build_json
from buildtools.views.findings import findings_json
from buildtools.views.inspect import choice_json

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


def demo_json(report: Report, proof: Proof) -> dict[str, Any]:
    """The document of `demo --json`."""
    ran = [
        {"name": one.name, "kept": one.outcome.kept, "findings": list(one.outcome.findings)}
        for one in proof.ran
    ]
    nodes = {
        PurePath(inspection.name).name: [choice_json(node, choice) for node, choice in inspection.choices]
        for inspection in proof.inspections
    }
    findings = findings_json(proof.findings)["findings"]
    return build_json(report) | {"nodes": nodes, "ran": ran, "findings": findings}
