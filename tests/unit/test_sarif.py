"""Findings as SARIF: the parts that the specification asks for, held against a schema of them."""

import json
from typing import Any

import jsonschema_rs
import pytest

from buildtools import __version__
from buildtools.errors import Diagnostic, Severity
from buildtools.views.sarif import sarif, sarif_bytes

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
POSITIVE = {"type": "integer", "minimum": 1}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": TEXT,
                                                "defaultConfiguration": {
                                                    "type": "object",
                                                    "properties": {"level": LEVEL},
                                                },
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "message": TEXT,
                                "properties": {"type": "object"},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "additionalProperties": False,
                                        "properties": {
                                            "logicalLocations": {
                                                "type": "array",
                                                "items": {"type": "object"},
                                            },
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "type": "object",
                                                        "properties": {
                                                            "uri": {
                                                                "type": "string",
                                                                "format": "uri-reference",
                                                            }
                                                        },
                                                    },
                                                    "region": {
                                                        "type": "object",
                                                        "required": ["startLine"],
                                                        "properties": {
                                                            "startLine": POSITIVE,
                                                            "startColumn": POSITIVE,
                                                        },
                                                    },
                                                },
                                            },
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The parts of docs.oasis-open.org/sarif/sarif/v2.1.0 that are written, by its rules."""


def finding(code: str, severity: Severity = "error", **changes: Any) -> Diagnostic:
    """A finding."""
    return Diagnostic(code=code, message="it is wrong", severity=severity, **changes)


FOUND = (
    finding("os-selector", hint="add a selector", path="m/a b.yaml", line=3, column=5),
    finding("os-selector", "warning", path="m/a.yaml", line=4),
    finding("node-build", "note", hint="look", path=""),
    finding("does-not-run", path="ghcr.io/acme/x:1"),
)


def test_the_document() -> None:
    """A rule for each code, a result for each finding, with its place or its name."""
    document = sarif(FOUND, summaries={"os-selector": "lands elsewhere"})
    (run,) = document["runs"]
    assert (document["version"], run["tool"]["driver"]["version"]) == ("2.1.0", __version__)
    assert run["tool"]["driver"]["rules"] == [
        {
            "id": "os-selector",
            "shortDescription": {"text": "lands elsewhere"},
            "defaultConfiguration": {"level": "error"},
        },
        {
            "id": "node-build",
            "shortDescription": {"text": "node build"},
            "defaultConfiguration": {"level": "note"},
        },
        {
            "id": "does-not-run",
            "shortDescription": {"text": "does not run"},
            "defaultConfiguration": {"level": "error"},
        },
    ]
    first, second, third, fourth = run["results"]
    assert first == {
        "ruleId": "os-selector",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "it is wrong. To do: add a selector."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "m/a%20b.yaml"},
                    "region": {"startLine": 3, "startColumn": 5},
                }
            }
        ],
        "properties": {"hint": "add a selector"},
    }
    assert second["locations"][0]["physicalLocation"]["region"] == {"startLine": 4}
    assert (second["level"], second["message"]["text"]) == ("warning", "it is wrong.")
    assert "locations" not in third
    assert fourth["locations"] == [{"logicalLocations": [{"fullyQualifiedName": "ghcr.io/acme/x:1"}]}]


@pytest.mark.parametrize("findings", [(), FOUND, FOUND[2:]])
def test_it_is_what_the_specification_asks_for(findings: tuple[Diagnostic, ...]) -> None:
    """Every rule index leads to the rule of the result."""
    document = json.loads(sarif_bytes(findings, summaries={}))
    jsonschema_rs.validator_for(SCHEMA, validate_formats=True).validate(document)
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [item.code for item in findings]


def test_the_schema_refuses_what_is_wrong() -> None:
    """So that the test above means something."""
    document = sarif(FOUND, summaries={})
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert not jsonschema_rs.validator_for(SCHEMA).is_valid(document)
