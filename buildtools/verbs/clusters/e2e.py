"""`cluster e2e`."""

import argparse

from buildtools.cluster.suite import demo_namespace, installer_namespace
from buildtools.e2e import NAMES, UNREDIRECTED, Trial, Wish, collect
from buildtools.errors import Diagnostic, VerificationError
from buildtools.verbs.base import Run, json_argument
from buildtools.verbs.clusters.base import (
    folder_argument,
    kubectl,
    kubectl_arguments,
    namespace_argument,
    number,
    seconds_argument,
    systems,
    systems_argument,
)
from buildtools.views.cluster import checks_json, checks_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the word's own arguments."""
    kubectl_arguments(parser)
    namespace_argument(parser)
    parser.add_argument("--name", default="whoami", metavar="NAME", help="what the servers are called")
    systems_argument(parser)
    parser.add_argument(
        "--check",
        action="append",
        choices=NAMES,
        metavar="CHECK",
        help=f"only this check: {', '.join(NAMES)} (repeat for several; default: all)",
    )
    parser.add_argument(
        "--validator-exit",
        type=number(0, 255),
        default=UNREDIRECTED,
        metavar="CODE",
        help=f"what validators end with (default: {UNREDIRECTED}, traffic is not redirected; 0: it is)",
    )
    seconds_argument(parser, default=900, what="how long everything may take to become right")
    folder_argument(parser, "--logs", required=False, what="collect logs there, whatever was found")
    json_argument(parser)


def run(run: Run) -> None:
    """Look at everything, then collect the logs."""
    args, there = run.args, kubectl(run)
    wish = Wish(
        namespace=args.namespace,
        name=args.name,
        systems=systems(run),
        seconds=args.timeout,
        validator_exit=args.validator_exit,
        only=tuple(args.check or ()),
    )
    try:
        with run.console.working("looking at the cluster"):
            found = Trial(kubectl=there, wish=wish, note=run.console.note).run()
    finally:
        if args.logs:
            collect(there, args.logs, namespaces=namespaces(args.namespace))
    run.show(checks_json(found), checks_table(found))
    failed = [one for one in found if one.outcome == "failed"]
    if not args.json or run.settings.github_actions:
        for one in failed:
            for detail in one.details:
                run.console.finding(Diagnostic(code=one.name, message=detail))
    if failed:
        names = ", ".join(one.name for one in failed)
        raise VerificationError(
            f"{len(failed)} of {len(found)} checks failed: {names}",
            hint="see docs/clusters.md for what each shows",
        )


def namespaces(name: str) -> tuple[str, ...]:
    """Every namespace that manifests use."""
    return name, installer_namespace(name), demo_namespace(name)
