"""Programs that tests run against: found, or missed by name."""

import os
import shutil
from typing import NoReturn

import pytest


def require(tool: str) -> str:
    """The path of a program; without it the test is skipped, and fails where CI=true says all is there."""
    return shutil.which(tool) or missing(f"{tool} is not on PATH")


def missing(what: str) -> NoReturn:
    """Leave a test out for what this machine lacks; a failure where CI=true says that nothing is."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
