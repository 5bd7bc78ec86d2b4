"""The `cluster` verb: a word more says what is done, and each word has a module of its own."""

import argparse
from typing import Final

from buildtools.verbs import Verb
from buildtools.verbs.base import Run

_WORDS: Final = {
    "manifests": "write the Kubernetes manifests that try images on Linux and Windows nodes",
    "up": "make a cluster with Linux and Windows nodes",
    "nodes": "wait until nodes of each operating system are ready, and write down what they are",
    "e2e": "look whether what the manifests describe works on a cluster",
    "logs": "collect what a cluster says of the workloads, for a person to read",
    "down": "delete a cluster that `up` has made",
    "sweep": "delete the clusters that `up` has made and nobody has deleted in time",
}
ACTIONS: Final = tuple(Verb(name, text, f"{__package__}.clusters") for name, text in _WORDS.items())


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    words = parser.add_subparsers(dest="action", metavar="WORD", required=True)
    for action in ACTIONS:
        one = words.add_parser(action.name, help=action.help, **action.parser(parser.epilog))
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
