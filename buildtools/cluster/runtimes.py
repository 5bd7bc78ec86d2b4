"""Container runtimes by generation: how each release chooses among the entries of an index.

The choice changed several times, and nodes run old releases for years, so every generation is a row here.
Builds in this table are the ones that the runtimes' own source names; what Windows itself can run is in
`buildtools.windows.releases`.

Source: the tags of containerd/containerd and containerd/platforms, moby/moby:daemon/internal/distribution,
containers/image:internal/pkg/platform/platform_matcher.go.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from buildtools.oci.quote import quoted

Version = tuple[int, int, int]
"""Major, minor and patch of a runtime's release."""

FIRST_STABLE: Final = 20348
"""The first host build whose rule is a range; containerd/platforms:platform_windows_compat.go names it."""

_VERSION: Final = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", re.ASCII)


class UnknownRuntimeError(ValueError):
    """The text does not name a runtime whose choice is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a runtime chooses on a Linux node, where os.version counts nowhere.

    `processors` says which entries are for the node's processor: `compatible` its own and older ones in
    any spelling, `same` its own alone, `architecture` those that name its architecture whatever the
    variant, `spelled` its own and older ones where the words are the same. `features`: `ignored` takes
    os.features for nothing, `needed` leaves out what needs one other than win32k, `preferred` puts those
    with more of them first as well. `platform_needed` leaves out entries without a platform, which
    otherwise fit every node and come last.
    """

    processors: Literal["compatible", "same", "architecture", "spelled"] = "compatible"
    features: Literal["ignored", "needed", "preferred"] = "ignored"
    platform_needed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsRule(Rule):
    """How a runtime chooses on a Windows node.

    `builds` says which images a host takes: `prefix` those of its own build, by comparing text; `range`
    those from a floor up to its own build, where the floor is the newest of `stable` that is not newer
    than the host (`floor` is `newest`), that is older (`older`), or the one before the newest
    (`previous`); `not-newer` any that is not newer than the host. `unversioned` says whether an entry
    without os.version fits. `order` says which fitting entry comes first: `index` the first in the
    index, `revision` the one with the highest fourth number, `text` the last by the alphabet,
    `own-build` the first of the host's build. `host_process` says whether the runtime runs HostProcess
    images.
    """

    builds: Literal["prefix", "range", "not-newer"]
    floor: Literal["newest", "older", "previous"] = "newest"
    stable: tuple[int, ...] = (FIRST_STABLE,)
    unversioned: bool = True
    order: Literal["index", "revision", "text", "own-build"] = "index"
    host_process: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A generation of a runtime, from release `since` to the next row's.

    `engine` is the scheme of a node's `containerRuntimeVersion`. `kubelet` tells the row that pods are
    pulled by from the one that the runtime's own command line goes by, where these differ. A rule is
    None where the runtime does not run.
    """

    name: str
    engine: str
    since: Version = (0, 0, 0)
    linux: Rule | None
    windows: WindowsRule | None
    kubelet: bool = True

    def __str__(self) -> str:
        """The name, such as `containerd 2.0`."""
        return self.name


_CONTAINERD: Final = Rule()
_WITH_FEATURES: Final = Rule(features="needed")
_CONTAINERS_IMAGE: Final = Rule(processors="spelled", platform_needed=True)
_STABLE_LIST: Final = (FIRST_STABLE, 26100)
"""What containerd/platforms v1.0.0-rc.2 and later take for the stable builds."""

_RANGE: Final = WindowsRule(builds="range")
"""hcsshim 0.9.10 to 0.11 and containerd/platforms v0.2.1 to v1.0.0-rc.1, chosen from in index order."""

RUNTIMES: Final = (
    Runtime(
        name="containerd 1.6.0-1.6.17",
        engine="containerd",
        linux=_CONTAINERD,
        windows=WindowsRule(builds="prefix", unversioned=False, order="revision", processors="same"),
    ),
    Runtime(
        name="containerd 1.6.18-1.6.22",
        engine="containerd",
        since=(1, 6, 18),
        linux=_CONTAINERD,
        windows=WindowsRule(builds="prefix", order="revision", processors="same"),
    ),
    Runtime(
        name="containerd 1.6.23-1.6.39",
        engine="containerd",
        since=(1, 6, 23),
        linux=_CONTAINERD,
        windows=WindowsRule(builds="range", order="revision", processors="same"),
    ),
    Runtime(
        name="containerd 1.7.0-1.7.5",
        engine="containerd",
        since=(1, 7, 0),
        linux=_CONTAINERD,
        windows=WindowsRule(builds="prefix"),
    ),
    Runtime(
        name="containerd 1.7.6-1.7.34",
        engine="containerd",
        since=(1, 7, 6),
        linux=_CONTAINERD,
        windows=_RANGE,
    ),
    Runtime(
        name="containerd 2.0",
        engine="containerd",
        since=(2, 0, 0),
        linux=_CONTAINERD,
        windows=_RANGE,
    ),
    Runtime(
        name="containerd 2.1.0-2.1.5",
        engine="containerd",
        since=(2, 1, 0),
        linux=_CONTAINERD,
        windows=_RANGE,
    ),
    # From here on pods are pulled through the transfer service, which goes by the index's order, while
    # the client goes by containerd/platforms' Default(), which sorts os.version as text.
    Runtime(
        name="containerd 2.1.6-2.2",
        engine="containerd",
        since=(2, 1, 6),
        linux=_CONTAINERD,
        windows=WindowsRule(builds="range", floor="older", stable=_STABLE_LIST),
    ),
    Runtime(
        name="containerd 2.1.6-2.2, client",
        engine="containerd",
        since=(2, 1, 6),
        linux=_CONTAINERD,
        windows=WindowsRule(
            builds="range", floor="older", stable=_STABLE_LIST, order="text", processors="same"
        ),
        kubelet=False,
    ),
    Runtime(
        name="containerd 2.3.0-2.3.4",
        engine="containerd",
        since=(2, 3, 0),
        linux=_WITH_FEATURES,
        windows=WindowsRule(builds="range", floor="older", stable=_STABLE_LIST, features="preferred"),
    ),
    Runtime(
        name="containerd 2.3.0-2.3.4, client",
        engine="containerd",
        since=(2, 3, 0),
        linux=_WITH_FEATURES,
        windows=WindowsRule(
            builds="range",
            floor="older",
            stable=_STABLE_LIST,
            order="text",
            processors="same",
            features="needed",
        ),
        kubelet=False,
    ),
    # containerd/platforms v1.0.0-rc.5 was merged in August 2026; that 2.3.5 is the first release with it
    # is a guess.
    Runtime(
        name="containerd 2.3.5 and later",
        engine="containerd",
        since=(2, 3, 5),
        linux=_WITH_FEATURES,
        windows=WindowsRule(builds="range", floor="previous", stable=_STABLE_LIST, features="preferred"),
    ),
    Runtime(
        name="containerd 2.3.5 and later, client",
        engine="containerd",
        since=(2, 3, 5),
        linux=_WITH_FEATURES,
        windows=WindowsRule(
            builds="range",
            floor="previous",
            stable=_STABLE_LIST,
            order="text",
            processors="same",
            features="needed",
        ),
        kubelet=False,
    ),
    Runtime(
        name="Docker",
        engine="docker",
        linux=Rule(platform_needed=True),
        windows=WindowsRule(
            builds="not-newer",
            order="own-build",
            processors="architecture",
            platform_needed=True,
            host_process=False,
        ),
    ),
    Runtime(
        name="Docker, containerd image store",
        engine="docker",
        linux=_WITH_FEATURES,
        windows=WindowsRule(
            builds="range",
            floor="older",
            stable=_STABLE_LIST,
            features="preferred",
            host_process=False,
        ),
        kubelet=False,
    ),
    Runtime(name="CRI-O", engine="cri-o", linux=_CONTAINERS_IMAGE, windows=None),
    Runtime(name="Podman", engine="podman", linux=_CONTAINERS_IMAGE, windows=None),
)
"""Every generation, the oldest of an engine first; a gap belongs to the row above it."""


def runtime_for(version: str, table: Sequence[Runtime] = RUNTIMES) -> Runtime:
    """The generation that a node names, as in `containerd://1.7.20` or `cri-o://1.33.2`.

    This is the one that the kubelet pulls pods with. Raises UnknownRuntimeError.
    """
    engine, _, release = version.partition("://")
    rows = [row for row in table if row.engine == engine and row.kubelet]
    if not rows:
        known = ", ".join(dict.fromkeys(row.engine for row in table))
        raise UnknownRuntimeError(f"{quoted(version)} is not a container runtime that is known: {known} are")
    if len(rows) == 1:
        return rows[0]
    match = _VERSION.match(release)
    if match is None:
        raise UnknownRuntimeError(
            f"{quoted(version)} does not say which release it is: write it as {engine}://1.7.20"
        )
    found = int(match[1]), int(match[2]), int(match[3] or 0)
    return [rows[0], *(row for row in rows if row.since <= found)][-1]
