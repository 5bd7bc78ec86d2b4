"""The table of Windows releases: a new Windows version is one row here and nowhere else.

Sources: MicrosoftDocs/Virtualization-Documentation:base-image-lifecycle.md, version-compatibility.md;
actions/runner-images:README.md; MicrosoftDocs/azure-aks-docs; state of November 2026.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import total_ordering
from typing import Final

from buildtools.oci.quote import quoted

# No leading zeros: what is read is written again byte for byte.
_NUMBER: Final = r"(0|[1-9]\d{0,4})"
_VERSION: Final = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:\.(0|[1-9]\d{{0,8}}))?", re.ASCII)

STABLE_ABI_SINCE: Final = 20348
"""The first host build whose process isolation runs images of older builds, down to this one."""


L4_PROXY_SINCE: Final = 20348
"""The first build whose network redirects a pod's connections to a proxy, as service meshes need it
(L4WFPPROXY: microsoft/hcsshim:hcn/hcnglobals.go; Azure/azure-container-networking#1002)."""


class UnknownReleaseError(ValueError):
    """No row of the table has this name."""


class OsVersionError(ValueError):
    """The text is not a Windows version."""


@total_ordering
@dataclass(frozen=True, slots=True)
class OsVersion:
    """A Windows version, compared as numbers.

    `revision` is None in the three-part form, which sorts before every revision of its build.
    """

    major: int
    minor: int
    build: int
    revision: int | None = None

    def __str__(self) -> str:
        """`10.0.20348.2700`."""
        parts = (self.major, self.minor, self.build, self.revision)
        return ".".join(str(part) for part in parts if part is not None)

    def __lt__(self, other: object) -> bool:
        """Whether this version is older."""
        return self._key() < other._key() if isinstance(other, OsVersion) else NotImplemented

    def _key(self) -> tuple[int, int, int, int]:
        return self.major, self.minor, self.build, -1 if self.revision is None else self.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Aks:
    """What Azure Kubernetes Service offers: Kubernetes versions from and to, and when it ended.

    `sku` is what `az aks nodepool add --os-sku` calls the release, empty where a pool of it was never
    offered; `fips` says whether its pools must have FIPS images. `default` are the Kubernetes versions whose
    Windows pools run it where nobody says otherwise, from and to. `removed` is when the images of its nodes
    are taken away. `containerd` has the releases of containerd that its nodes run (Azure/AgentBaker), oldest
    first.
    """

    sku: str = ""
    fips: bool = False
    since: str = ""
    until: str = ""
    default: tuple[str, str] = ("", "")
    retired: date | None = None
    removed: date | None = None
    containerd: tuple[str, ...] = ()

    @property
    def pool(self) -> str:
        """A name for a pool of it: AKS takes six characters for Windows."""
        return f"win{self.sku[-2:]}"

    def offered(self, kubernetes: str, today: date) -> bool:
        """Whether a cluster of this Kubernetes version (`1.36`, `1.36.2`; empty: any) can have a pool."""
        if not self.sku or (self.retired and today >= self.retired):
            return False
        version = _minor(kubernetes)
        return not version or _minor(self.since) <= version <= (_minor(self.until) or version)


def _minor(text: str) -> tuple[int, ...]:
    """`1.36.2` as (1, 36); nothing for an empty text."""
    return tuple(int(part) for part in text.split(".")[:2]) if text else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsRelease:
    """A release that has base images.

    `tags` maps a base's repository to its tag where that is not `name`. `hosted_runner` is the GitHub
    Actions label of a machine of this build, None where GitHub has none. `process_hosts` are builds of
    hosts that run its images under process isolation. `product` is the name that people know. `k2s` says
    whether hosts of K2s run it (Siemens-Healthineers/K2s:docs/op-manual/os-support.md).
    """

    name: str
    build: int
    product: str
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    hosted_runner: str | None = None
    process_hosts: tuple[int, ...]
    aks: Aks = Aks()
    k2s: bool = False
    mainstream_end: date
    extended_end: date


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBuild:
    """A Windows build without base images of its own: clients and annual channels.

    `clusters` says whether nodes of clusters run it: AKS had the annual channel, K2s has clients. `k2s` is
    as in a release.
    """

    build: int
    product: str
    clusters: bool = False
    k2s: bool = False


RELEASES: Final[tuple[WindowsRelease, ...]] = (
    WindowsRelease(
        name="ltsc2019",
        build=17763,
        product="Windows Server 2019",
        aliases=("1809",),
        tags={"mcr.microsoft.com/windows/nanoserver": "1809"},
        process_hosts=(17763,),
        aks=Aks(sku="Windows2019", until="1.32", retired=date(2026, 3, 1), removed=date(2027, 4, 1)),
        mainstream_end=date(2024, 1, 9),
        extended_end=date(2029, 1, 9),
    ),
    WindowsRelease(
        name="ltsc2022",
        build=20348,
        product="Windows Server 2022",
        hosted_runner="windows-2022",
        process_hosts=(20348, 22000, 22621, 22631, 25398, 26100, 26200, 26300),
        aks=Aks(
            sku="Windows2022",
            since="1.25",
            until="1.36",
            default=("1.25", "1.35"),
            retired=date(2028, 6, 1),
            containerd=("1.6.35", "1.7.20", "2.0.4"),
        ),
        k2s=True,
        mainstream_end=date(2026, 10, 13),
        extended_end=date(2031, 10, 14),
    ),
    WindowsRelease(
        name="ltsc2025",
        build=26100,
        product="Windows Server 2025",
        hosted_runner="windows-2025",
        # Windows 11 25H2 and later pick these images and fail to start them (microsoft/hcsshim#2566).
        process_hosts=(26100,),
        aks=Aks(sku="Windows2025", fips=True, since="1.32", default=("1.36", ""), containerd=("2.0.4",)),
        k2s=True,
        mainstream_end=date(2029, 10, 9),
        extended_end=date(2034, 10, 10),
    ),
)

OTHER_HOSTS: Final[tuple[HostBuild, ...]] = (
    HostBuild(build=19045, product="Windows 10 22H2"),
    HostBuild(build=22000, product="Windows 11 21H2", k2s=True),
    HostBuild(build=22621, product="Windows 11 22H2", k2s=True),
    HostBuild(build=22631, product="Windows 11 23H2", k2s=True),
    HostBuild(build=25398, product="Windows Server 23H2", clusters=True),
    HostBuild(build=26200, product="Windows 11 25H2", clusters=True, k2s=True),
    HostBuild(build=26300, product="Windows 11 26H2"),
)


def release(name: str, table: Sequence[WindowsRelease] = RELEASES) -> WindowsRelease:
    """The release of this name or alias; raises UnknownReleaseError with a guess and the list."""
    for row in table:
        if name == row.name or name in row.aliases:
            return row
    names = [row.name for row in table]
    aliases = [alias for row in table for alias in row.aliases]
    guess = get_close_matches(name.lower(), [*names, *aliases], n=1, cutoff=0.6)
    meant = f"did you mean {guess[0]}? " if guess else ""
    raise UnknownReleaseError(f"unknown Windows release {quoted(name)}: {meant}known are {', '.join(names)}")


EXAMPLE: Final = release("ltsc2022")
"""The release that help texts, hints and schemas take for an example."""


def by_build(build: int, table: Sequence[WindowsRelease] = RELEASES) -> WindowsRelease | None:
    """The release of this build, None where there is none."""
    return next((row for row in table if row.build == build), None)


def product_of(build: int, table: Sequence[WindowsRelease] = RELEASES) -> str:
    """What people call a host of this build."""
    products = {row.build: row.product for row in OTHER_HOSTS} | {row.build: row.product for row in table}
    return products.get(build, f"Windows build {build}")


def parse_os_version(text: str) -> OsVersion:
    """Read `10.0.20348.2700` or `10.0.20348`; raises OsVersionError."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise OsVersionError(
            f"{quoted(text)} is not a Windows version: it has four numbers, as in 10.0.20348.2700"
        )
    major, minor, build, revision = match.groups()
    return OsVersion(int(major), int(minor), int(build), None if revision is None else int(revision))
