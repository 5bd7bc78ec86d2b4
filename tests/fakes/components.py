"""Programs that tests run against: found, or missed by name."""

import os
import shutil

import pytest


def require(tool: str) -> str:
    """The path of a program; without it the test is skipped, and fails where CI=true says all is there."""
    path = shutil.which(tool)
    if path:
        return path
    message = f"{tool} is not on PATH"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
