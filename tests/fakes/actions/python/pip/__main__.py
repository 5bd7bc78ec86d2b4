"""Stands for pip where there is no index: what would be installed is there already."""

import sys

if sys.argv[1:] != ["install", "--require-hashes", "--requirement", "requirements/tool.txt"]:
    sys.exit(f"pip was not expected to be called with {sys.argv[1:]}")
