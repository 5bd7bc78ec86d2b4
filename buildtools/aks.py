"""Clusters on Azure Kubernetes Service that live for one test: made, deleted, and swept where forgotten.

Each has a resource group of its own with two tags: one says that it is ours, the other until when it may be
there. Nothing without the first is ever deleted. All of it is asked of `az`, which knows how to log in.
Source: MicrosoftDocs/azure-aks-docs:quick-windows-container-deploy-cli.md.
"""

import json
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from buildtools.cluster.providers import provider
from buildtools.errors import BuildError, BuildtoolsError, UsageError
from buildtools.programs import Kind, Program
from buildtools.windows.releases import RELEASES, WindowsRelease

KIND: Final = Kind(
    name="az",
    install="install the Azure CLI (learn.microsoft.com/cli/azure/install-azure-cli)",
    unavailable=("connection aborted", "max retries exceeded", "timed out", "temporarily unavailable"),
    refused=("az login", "authorizationfailed", "aadsts", "does not have authorization"),
    login="log in with `az login`, and see docs/clusters.md for the rights that are needed",
)
OURS: Final = ("buildtools", "cluster-e2e")
"""The tag of every resource group that is made here."""
EXPIRES: Final = "expires"
CLUSTER: Final = "mixed"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_SHORT: Final = 300.0
_LONG: Final = 2700.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The cluster that is wanted; `releases` are those that AKS has, where none is named.

    `expires` is when it may be swept, `today` what AKS offers is counted by.
    """

    group: str
    location: str
    expires: datetime
    today: date
    releases: tuple[WindowsRelease, ...] = ()
    kubernetes: str = ""
    linux_size: str
    windows_size: str
    kubeconfig: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One Windows pool, and why it is not there; `fault` is None where it is."""

    release: WindowsRelease
    fault: BuildtoolsError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A resource group of ours: what became of it, and the failure where it could not be deleted."""

    group: str
    what: str
    fault: BuildtoolsError | None = None


def up(az: Program, wish: Wish, *, mask: Callable[[str], None]) -> tuple[str, list[Pool]]:
    """Make the cluster; gives its Kubernetes version and its Windows pools.

    `mask` is told the Windows password before anything else has it. What was made stays where something
    fails: `down` deletes it. Raises what `az` complains of; a pool that fails does not keep the others away.
    """
    for release in wish.releases:
        if not release.aks.offered(wish.kubernetes, wish.today):
            raise UsageError(f"AKS has no pool of {release.name}{_with(wish.kubernetes)}", hint=_offers(wish))
    where = ("--resource-group", wish.group)
    az.answer(
        *("group", "create", "--name", wish.group, "--location", wish.location),
        *("--tags", "=".join(OURS), f"{EXPIRES}={wish.expires.strftime(_TIME)}", "--output", "none"),
        seconds=_SHORT,
    )
    with _password(mask) as file:
        az.answer(*_create(wish, where, file), seconds=_LONG)
    version = az.answer(
        *("aks", "show", *where, "--name", CLUSTER),
        *("--query", "currentKubernetesVersion", "--output", "tsv"),
        seconds=_SHORT,
    ).strip()
    pools = [_add(az, row, wish=wish, where=where) for row in _wanted(wish, version)]
    az.answer(
        *("aks", "get-credentials", *where, "--name", CLUSTER, "--overwrite-existing"),
        *(("--file", wish.kubeconfig) if wish.kubeconfig else ()),
        seconds=_SHORT,
    )
    return version, pools


def _create(wish: Wish, where: Sequence[str], password: str) -> list[str]:
    """The words that make the control plane and the first pool, which has to be Linux."""
    return [
        *("aks", "create", *where, "--name", CLUSTER, "--tier", "free"),
        *(("--kubernetes-version", wish.kubernetes) if wish.kubernetes else ()),
        *("--node-count", "1", "--node-vm-size", wish.linux_size),
        *("--network-plugin", "azure", "--network-plugin-mode", "overlay", "--generate-ssh-keys"),
        # From a file: arguments of processes are read by others, and az shows them in its log.
        *("--windows-admin-username", "winadmin", "--windows-admin-password", f"@{password}"),
        *("--output", "none"),
    ]


def _wanted(wish: Wish, version: str) -> list[WindowsRelease]:
    """The releases that get a pool; raises BuildError where none is left."""
    rows = [row for row in wish.releases or RELEASES if row.aks.offered(version, wish.today)]
    if not rows:
        raise BuildError(f"AKS has no Windows pool for Kubernetes {version}", hint=_offers(wish))
    return rows


def _add(az: Program, row: WindowsRelease, *, wish: Wish, where: Sequence[str]) -> Pool:
    taint = provider("aks").taint
    answer = ("--node-taints", str(taint)) if taint else ()
    words = (
        *("aks", "nodepool", "add", *where, "--cluster-name", CLUSTER, "--name", row.aks.pool),
        *(
            "--os-type",
            "Windows",
            "--os-sku",
            row.aks.sku,
            *(("--enable-fips-image",) if row.aks.fips else ()),
        ),
        *("--node-count", "1", "--node-vm-size", wish.windows_size, *answer, "--output", "none"),
    )
    try:
        az.answer(*words, seconds=_LONG)
    except BuildtoolsError as error:
        return Pool(release=row, fault=error)
    return Pool(release=row)


def _with(kubernetes: str) -> str:
    return f" with Kubernetes {kubernetes}" if kubernetes else ""


def _offers(wish: Wish) -> str:
    names = [row.name for row in RELEASES if row.aks.offered(wish.kubernetes, wish.today)]
    return f"it has {', '.join(names) or 'none'}{_with(wish.kubernetes)}"


@contextmanager
def _password(mask: Callable[[str], None]) -> Iterator[str]:
    """The path of a file with a new password, gone afterwards; only this user may read it."""
    # AKS wants letters of both sizes, digits and another character, 14 at least.
    password = f"{secrets.token_hex(16)}aA1!"
    mask(password)
    with tempfile.TemporaryDirectory(prefix="buildtools-") as folder:
        path = Path(folder, "password")
        path.write_text(password)
        yield str(path)


def down(az: Program, group: str) -> bool:
    """Delete the group with all that is in it, without waiting; whether there was anything to delete.

    Raises UsageError for a group that is not ours, and what `az` complains of.
    """
    if az.answer("group", "exists", "--name", group, seconds=_SHORT).strip() != "true":
        return False
    tags = _json(
        az.answer("group", "show", "--name", group, "--query", "tags", "--output", "json", seconds=_SHORT)
    )
    name, value = OURS
    if not isinstance(tags, dict) or tags.get(name) != value:
        raise UsageError(
            f"the resource group {group} has no tag {name}={value}, so it was not made here",
            hint="delete it with `az group delete`, if it is to go",
        )
    _delete(az, group)
    return True


def sweep(az: Program, now: datetime) -> list[Swept]:
    """Delete every group of ours whose time is up; a failure does not keep the others.

    Raises what `az` complains of where not even the list can be had.
    """
    text = az.answer("group", "list", "--tag", "=".join(OURS), "--output", "json", seconds=_SHORT)
    groups = _json(text)
    if not isinstance(groups, list):
        raise BuildError("az group list did not answer with a list")
    found = []
    for group in groups:
        name, tags = str(group.get("name")), group.get("tags") or {}
        # Once more, though az was asked for them alone: what is deleted is gone.
        if tags.get(OURS[0]) == OURS[1]:
            found.append(_sweep_one(az, name, str(tags.get(EXPIRES, "")), now))
    return found


def _sweep_one(az: Program, name: str, expires: str, now: datetime) -> Swept:
    end = parse_time(expires)
    if end is None:
        return Swept(group=name, what=f"kept: its tag {EXPIRES} is no time: {expires!r}")
    if end > now:
        return Swept(group=name, what=f"kept until {expires}")
    try:
        _delete(az, name)
    except BuildtoolsError as error:
        return Swept(group=name, what="not deleted", fault=error)
    return Swept(group=name, what=f"deleted: its time was up at {expires}")


def parse_time(text: str) -> datetime | None:
    """The time of an `expires` tag; None for a text that is none."""
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def expiry(now: datetime, hours: float) -> datetime:
    """When a cluster of now has to be gone."""
    return now + timedelta(hours=hours)


def _delete(az: Program, group: str) -> None:
    az.answer("group", "delete", "--name", group, "--yes", "--no-wait", seconds=_SHORT)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BuildError(f"az did not answer with JSON: {error}") from error
