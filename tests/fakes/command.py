"""The command line as a test calls it: a verb's one JSON document, or what it complains of."""

import json
from typing import Any

import pytest

from buildtools.cli import main


def json_of(capsys: pytest.CaptureFixture[str], verb: str, *arguments: str, code: int = 0) -> Any:
    """What the verb prints with `--json`, where it ends with this code."""
    capsys.readouterr()
    assert main([verb, *arguments, "--json", "-q"]) == code
    return json.loads(capsys.readouterr().out)


def complaint_of(capsys: pytest.CaptureFixture[str], verb: str, *arguments: str, code: int = 1) -> str:
    """What the verb says on stderr, where it ends with this code."""
    capsys.readouterr()
    assert main([verb, *arguments, "-q"]) == code
    return capsys.readouterr().err
