"""The `ready` verb."""

import argparse
import sys

from buildtools.verbs.base import Run


def arguments(_parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(run: Run) -> None:
    """Make a Windows machine ready for images."""
    from buildtools.ready import ThisMachine, ready  # with what it starts

    variables = ready(ThisMachine(platform=sys.platform), run.console.note)
    if variables and run.settings.github_env:
        with run.settings.github_env.open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in variables.items())
