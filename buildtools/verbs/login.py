"""The `login` verb."""

import argparse

from buildtools.login import check_login
from buildtools.verbs.base import Run, json_argument, wait_argument
from buildtools.views.login import login_json, login_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "registry",
        metavar="REGISTRY",
        help="a registry, as ghcr.io, or a repository, as ghcr.io/acme/app",
    )
    json_argument(parser)
    wait_argument(parser)


def run(run: Run) -> None:
    """Say what would be used to log in to a registry, and what that allows."""
    with run.console.working(f"asking {run.args.registry}"):
        found = check_login(run.args.registry, run.settings)
    run.show(login_json(found), login_table(found))
    if found.failure:
        raise found.failure
