"""Findings as SARIF 2.1.0, which GitHub and editors show beside the lines they are about.

Source: docs.oasis-open.org/sarif/sarif/v2.1.0 (3.13 to 3.58); GitHub's documentation of SARIF support.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from buildtools import __version__
from buildtools.errors import Diagnostic

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: Sequence[Diagnostic], *, summaries: Mapping[str, str]) -> dict[str, Any]:
    """One run with a rule for each code; `summaries` say what a code is about, where that is known.

    What to do stands in the message, behind what is wrong: SARIF's own fixes are edits, not sentences.
    """
    codes = list(dict.fromkeys(finding.code for finding in findings))
    levels = {finding.code: finding.severity for finding in reversed(findings)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "buildtools",
                        "version": __version__,
                        "rules": [
                            {
                                "id": code,
                                "shortDescription": {"text": summaries.get(code, code.replace("-", " "))},
                                "defaultConfiguration": {"level": levels[code]},
                            }
                            for code in codes
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, codes.index(finding.code)) for finding in findings],
            }
        ],
    }


def sarif_bytes(findings: Sequence[Diagnostic], *, summaries: Mapping[str, str]) -> bytes:
    """The document as the bytes of a file."""
    document = sarif(findings, summaries=summaries)
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _result(finding: Diagnostic, rule: int) -> dict[str, Any]:
    text = f"{finding.message}. To do: {finding.hint}." if finding.hint else f"{finding.message}."
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": text},
    }
    if finding.path:
        result["locations"] = [_location(finding)]
    if finding.hint:
        result["properties"] = {"hint": finding.hint}
    return result


def _location(finding: Diagnostic) -> dict[str, Any]:
    """A place in a file; what has no line, such as an image, is named."""
    if not finding.line:
        return {"logicalLocations": [{"fullyQualifiedName": finding.path}]}
    region = {"startLine": finding.line}
    if finding.column:
        region["startColumn"] = finding.column
    return {"physicalLocation": {"artifactLocation": {"uri": quote(finding.path)}, "region": region}}
