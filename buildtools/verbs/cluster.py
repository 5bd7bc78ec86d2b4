"""The `cluster` verb: a word more says what is done, and each word has a module of its own."""

import argparse
from importlib import import_module
from typing import Final, NamedTuple, cast

from buildtools.verbs import VerbModule
from buildtools.verbs.base import Run


class Action(NamedTuple):
    """One word after `cluster`, and what it says of itself."""

    name: str
    help: str

    def module(self) -> VerbModule:
        """The word's module, loaded now."""
        return cast("VerbModule", import_module(f"buildtools.verbs.clusters.{self.name}"))


ACTIONS: Final = (
    Action("manifests", "write the Kubernetes manifests that try images on Linux and Windows nodes"),
    Action("up", "make a cluster with Linux and Windows nodes"),
    Action("nodes", "wait until nodes of each operating system are ready, and write down what they are"),
    Action("e2e", "look whether what the manifests describe works on a cluster"),
    Action("logs", "collect what a cluster says of the workloads, for a person to read"),
    Action("down", "delete a cluster that `up` has made"),
    Action("sweep", "delete the clusters that `up` has made and nobody has deleted in time"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    words = parser.add_subparsers(dest="action", metavar="WORD", required=True)
    for action in ACTIONS:
        one = words.add_parser(
            action.name,
            help=action.help,
            description=f"{action.help[0].upper()}{action.help[1:]}.",
            epilog=parser.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        one.add_argument(
            "-q",
            "--quiet",
            action="store_true",
            default=argparse.SUPPRESS,
            help="say nothing but results and faults",
        )
        action.module().arguments(one)


def run(run: Run) -> None:
    """Do what the word asks for."""
    action = next(one for one in ACTIONS if one.name == run.args.action)
    action.module().run(run)
