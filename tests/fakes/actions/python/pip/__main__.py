"""Stands for pip where there is no index: what would be installed is there already."""

import sys
from pathlib import Path

KNOWN = (
    ["install", "--require-hashes", "--requirement", "requirements/tool.txt"],
    ["install", "--require-hashes", "--requirement", ".buildtools/requirements/tool.txt"],
    ["install", "buildtools==1.0"],
)
if sys.argv[1:] not in KNOWN:
    sys.exit(f"pip was not expected to be called with {sys.argv[1:]}")
if sys.argv[-1].startswith(".buildtools/"):
    sys.stdout.write(f"installed from {Path('.buildtools', 'pyproject.toml').read_text()}")
