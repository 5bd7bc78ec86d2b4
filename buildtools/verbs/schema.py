"""The `schema` verb."""

import argparse

from buildtools.spec.schema import render
from buildtools.verbs.base import Run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "name", nargs="?", default="image", choices=("image", "defaults"), help="which file's"
    )


def run(run: Run) -> None:
    """Print the JSON Schema of a definition file."""
    run.console.print(render(run.args.name).rstrip())
