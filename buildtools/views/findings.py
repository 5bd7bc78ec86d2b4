"""What every verb prints of findings."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from buildtools.errors import Diagnostic

SCHEMA: Final = 1
"""The version of every JSON document that is printed."""


def check_summary(findings: Sequence[Diagnostic]) -> str:
    """One sentence about findings."""
    return f"Checked: {told(findings)}."


def told(findings: Sequence[Diagnostic]) -> str:
    """How many findings there are of each kind: `1 error, 2 notes`."""
    counts = [
        (sum(finding.severity == severity for finding in findings), word)
        for severity, word in (("error", "error"), ("warning", "warning"), ("note", "note"))
    ]
    numbers = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    return ", ".join(numbers) or "nothing is wrong"


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
