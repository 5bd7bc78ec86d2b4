"""Arguments that several words of `cluster` take."""

import argparse
from collections.abc import Callable
from pathlib import Path

from buildtools.cluster.objects import SYSTEMS
from buildtools.kubectl import Kubectl
from buildtools.verbs.base import Run

NAMESPACE = "buildtools-e2e"
MACHINES = ("aks", "k2s")
"""The providers whose clusters are made here."""


def kubectl_arguments(parser: argparse.ArgumentParser) -> None:
    """How the cluster is reached."""
    parser.add_argument(
        "--kubectl", default="", metavar="PROGRAM", help="the kubectl to use (default: the one on PATH)"
    )
    parser.add_argument(
        "--context", default="", metavar="NAME", help="the context of kubeconfig (default: the current one)"
    )


def kubectl(run: Run) -> Kubectl:
    """The cluster; raises MissingToolError."""
    return Kubectl.find(run.args.kubectl, context=run.args.context)


def namespace_argument(parser: argparse.ArgumentParser) -> None:
    """Where the workloads are."""
    parser.add_argument(
        "--namespace", default=NAMESPACE, metavar="NAME", help=f"where they are (default: {NAMESPACE})"
    )


def systems_argument(parser: argparse.ArgumentParser) -> None:
    """Which operating systems there are."""
    parser.add_argument(
        "--os",
        action="append",
        choices=SYSTEMS,
        help="only this operating system (repeat for several; default: both)",
    )


def systems(run: Run) -> tuple[str, ...]:
    """The operating systems that are looked at."""
    return tuple(name for name in SYSTEMS if name in (run.args.os or SYSTEMS))


def machine_argument(parser: argparse.ArgumentParser) -> None:
    """The kind of cluster, and the resource group of one on Azure."""
    parser.add_argument("--provider", choices=MACHINES, required=True, help="the kind of cluster")
    parser.add_argument("--group", default="", metavar="NAME", help="aks: its resource group")
    parser.add_argument(
        "--k2s", default="", metavar="PROGRAM", help="k2s: its program (default: k2s on PATH)"
    )


def number(least: int, most: int) -> Callable[[str], int]:
    """A whole number between two, as an argument."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return read


def seconds_argument(parser: argparse.ArgumentParser, *, default: int, what: str) -> None:
    """How long is waited."""
    parser.add_argument(
        "--timeout",
        type=number(0, 7200),
        default=default,
        metavar="SECONDS",
        help=f"{what} (default: {default})",
    )


def folder_argument(parser: argparse.ArgumentParser, name: str, *, required: bool, what: str) -> None:
    """Where files go."""
    parser.add_argument(name, type=Path, metavar="DIR", required=required, help=what)
