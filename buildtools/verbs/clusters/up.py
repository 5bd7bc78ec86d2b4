"""`cluster up`."""

import argparse
from datetime import UTC, datetime

from buildtools import aks, k2s
from buildtools.errors import BuildtoolsError, PartialError, UsageError
from buildtools.programs import find
from buildtools.verbs.base import Run, json_argument
from buildtools.verbs.clusters.base import machine_argument, number
from buildtools.views.cluster import pools_json, pools_table
from buildtools.windows.releases import RELEASES, release


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the word's own arguments."""
    machine_argument(parser)
    parser.add_argument(
        "--location", default="westeurope", metavar="PLACE", help="aks: where (default: westeurope)"
    )
    parser.add_argument(
        "--expires",
        type=number(1, 48),
        default=4,
        metavar="HOURS",
        help="aks: when `sweep` may delete it (default: 4)",
    )
    parser.add_argument(
        "--release",
        action="append",
        choices=[row.name for row in RELEASES if row.aks.sku],
        help="aks: a pool of this Windows release (repeat for several; default: all that AKS still has)",
    )
    parser.add_argument(
        "--kubernetes", default="", metavar="VERSION", help="aks: the version (default: that of AKS)"
    )
    # Two processors are enough on Linux; Windows nodes want four.
    for name, size in (("linux", "Standard_D2s_v5"), ("windows", "Standard_D4s_v5")):
        parser.add_argument(
            f"--{name}-size", default=size, metavar="SIZE", help=f"aks: {name} machines (default: {size})"
        )
    parser.add_argument(
        "--kubeconfig", default="", metavar="FILE", help="aks: where access is written (default: as kubectl)"
    )
    parser.add_argument(
        "--master-cpus",
        type=number(1, 64),
        default=k2s.CPUS,
        metavar="N",
        help=f"k2s: processors of the control plane (default: {k2s.CPUS})",
    )
    json_argument(parser)


def run(run: Run) -> None:
    """Make the cluster."""
    _MAKERS[run.args.provider](run)


def _aks(run: Run) -> None:
    wish = _wish(run)
    az = find(aks.KIND, say=run.console.note)
    way = f"delete what was made: buildtools cluster down --provider aks --group {wish.group}"
    try:
        with run.console.working("making a cluster on AKS"):
            version, pools = aks.up(az, wish, mask=lambda text: _mask(run, text))
    except UsageError:
        raise
    except (BuildtoolsError, KeyboardInterrupt):
        run.console.note(way)
        raise
    run.show(pools_json(version, pools), pools_table(version, pools))
    faults = [pool for pool in pools if pool.fault]
    if faults:
        told = "; ".join(f"{pool.release.name}: {pool.fault}" for pool in faults)
        raise PartialError(f"{len(faults)} of {len(pools)} Windows pools are missing: {told}", hint=way)


def _mask(run: Run, password: str) -> None:
    """Keep it out of GitHub's log, whoever prints it."""
    if run.settings.github_actions:
        run.console.err.write(f"::add-mask::{password}\n")
        run.console.err.flush()


def _wish(run: Run) -> aks.Wish:
    args = run.args
    if not args.group:
        raise UsageError("--provider aks needs --group", hint="name a resource group that is not there yet")
    if args.kubernetes and not all(part.isdigit() for part in args.kubernetes.split(".")):
        raise UsageError(f"--kubernetes {args.kubernetes} is no version", hint="write it as 1.36")
    now = datetime.now(tz=UTC)
    return aks.Wish(
        group=args.group,
        location=args.location,
        expires=aks.expiry(now, args.expires),
        today=now.date(),
        releases=tuple(release(name) for name in dict.fromkeys(args.release or ())),
        kubernetes=args.kubernetes,
        linux_size=args.linux_size,
        windows_size=args.windows_size,
        kubeconfig=args.kubeconfig,
    )


def _k2s(run: Run) -> None:
    program, net = find(k2s.KIND, run.args.k2s, say=run.console.note), find(k2s.NET, say=run.console.note)
    with run.console.working("installing K2s"):
        k2s.up(program, net, cpus=run.args.master_cpus)
    run.show(pools_json("", []), pools_table("", []))


_MAKERS = {"aks": _aks, "k2s": _k2s}
