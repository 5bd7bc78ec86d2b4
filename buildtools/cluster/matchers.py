"""Which entry of an index a node takes, and whether it can run it.

Every runtime looks for the entries that fit the node and takes the first in an order of its own; both
differ between releases, which `runtimes` holds as rows. Whether Windows then starts the image is another
question, answered by the table of releases.

Source: containerd/platforms and moby/moby:daemon/internal/distribution/pull_v2_windows.go for the choice;
MicrosoftDocs/Virtualization-Documentation:version-compatibility.md for what runs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from buildtools.cluster.nodes import Node
from buildtools.cluster.processors import Processor, compatible, spelled
from buildtools.cluster.runtimes import FIRST_STABLE, RUNTIMES, Rule, Runtime, WindowsRule, runtime_for
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.windows.releases import OsVersion, by_build

__all__ = ["RUNTIMES", "Choice", "Runtime", "choose", "only", "runs", "runtime_for"]

_MOST_LISTED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a node takes, None where nothing fits, and a sentence that says why.

    `right`: the node can run what it takes; where it takes nothing, nothing would have run.
    `best`: nothing else in the index would have suited the node better.
    """

    descriptor: Descriptor | None
    reason: str
    right: bool
    best: bool


def choose(node: Node, index: Index) -> Choice:
    """The entry that the node's runtime takes; an entry that is an index itself counts like an image."""
    rule = node.runtime.windows if node.os == "windows" else node.runtime.linux
    if rule is None:
        reason = f"{node.runtime} does not run on {node.os}"
        return Choice(descriptor=None, reason=reason, right=True, best=True)
    entries = index.manifests
    fitting = _ordered(node, rule, [entry for entry in entries if _fits(node, rule, entry.platform)])
    runnable = [entry for entry in entries if runs(node, entry, entries)]
    best = max(runnable, key=lambda entry: _preference(node, entry), default=None)
    if not fitting:
        reason = _nothing(node, entries, best)
        return Choice(descriptor=None, reason=reason, right=best is None, best=best is None)
    taken = fitting[0]
    right = taken in runnable
    suits = right and best is not None and _preference(node, taken) == _preference(node, best)
    better = None if suits else best
    reason = f"{node.runtime} takes {_shown(taken)}, {_remark(node, taken, right=right)}"
    if better:
        reason += f", although {_shown(better)} {'suits it better' if right else 'does'}"
    return Choice(descriptor=taken, reason=reason, right=right, best=suits)


def only(node: Node, index: Index, *, where: str = "") -> Choice:
    """The choice where there is none: an image without an index is taken by every node, and runs or not.

    `where` is what the reason calls the node, else its name. Source:
    containerd/containerd:core/images/image.go, which looks at no platform of what has no index.
    """
    entry = index.manifests[0]
    right = runs(node, entry, index.manifests)
    word = "runs" if right else "does not run"
    reason = f"the image is {entry.platform}, stands without an index and {word} on {where or node.name}"
    return Choice(descriptor=entry, reason=reason, right=right, best=right)


def runs(node: Node, entry: Descriptor, entries: Sequence[Descriptor]) -> bool:
    """Whether the node can run the image of an entry among `entries`, under process isolation on Windows.

    A Windows entry without os.version is taken for a HostProcess image where it is the only one.
    """
    platform = entry.platform
    if platform is None or platform.normalised().os != node.os:
        return False
    normal = platform.normalised()
    if (normal.architecture, normal.variant) not in compatible(node.platform):
        return False
    rule = node.runtime.windows
    if node.os != "windows" or rule is None:
        return True
    if not platform.os_version:
        windows = [other for other in entries if other.platform and other.platform.os.lower() == "windows"]
        return rule.host_process and len(windows) == 1
    host, build = node.version.build, _triple(platform.os_version)[2]
    release = by_build(build)
    return host in release.process_hosts if release else host == build


def _fits(node: Node, rule: Rule, platform: Platform | None) -> bool:
    if platform is None:
        return not rule.platform_needed
    if _rank(node, rule, platform) is None:
        return False
    if rule.features != "ignored" and set(platform.os_features) - {"win32k"}:
        return False
    if not isinstance(rule, WindowsRule):
        return True
    if not platform.os_version:
        return rule.unversioned
    return _BUILDS[rule.builds](rule, node.version, platform.os_version)


def _rank(node: Node, rule: Rule, platform: Platform) -> int | None:
    """How far down the entry is among what the node's processor runs, None where it is not there."""
    wanted, reading = _PROCESSORS[rule.processors]
    read = reading(platform)
    ranks = {processor: rank for rank, processor in enumerate(wanted(node.platform))}
    return ranks.get((read.architecture, read.variant)) if read.os == node.os else None


def _ordered(node: Node, rule: Rule, fitting: Iterable[Descriptor]) -> list[Descriptor]:
    """The fitting entries, the one that the runtime takes first; what ties stays in index order."""
    entries = list(fitting)
    named = [(entry, entry.platform) for entry in entries if entry.platform]
    if isinstance(rule, WindowsRule):
        order = _ORDERS[rule.order]
        named.sort(key=lambda item: order(node.version, item[1].os_version), reverse=True)
    if rule.features == "preferred":
        named.sort(key=lambda item: len(item[1].os_features), reverse=True)
    named.sort(key=lambda item: _rank(node, rule, item[1]) or 0)
    return [entry for entry, _ in named] + [entry for entry in entries if not entry.platform]


def _own(host: Platform) -> tuple[Processor, ...]:
    return compatible(host)[:1]


def _any_variant(host: Platform) -> tuple[Processor, ...]:
    return ((host.architecture, ""),)


def _as_it_stands(platform: Platform) -> Platform:
    return platform


def _without_variant(platform: Platform) -> Platform:
    return replace(platform, os=platform.os.lower(), variant="")


_PROCESSORS: Final[
    Mapping[str, tuple[Callable[[Platform], tuple[Processor, ...]], Callable[[Platform], Platform]]]
] = {
    "compatible": (compatible, Platform.normalised),
    "same": (_own, Platform.normalised),
    "architecture": (_any_variant, _without_variant),
    "spelled": (spelled, _as_it_stands),
}
"""For each `Rule.processors` what the node's processor takes, and how the words of an entry are read."""


def _same_prefix(_: WindowsRule, host: OsVersion, text: str) -> bool:
    return text.startswith(f"{host.major}.{host.minor}.{host.build}")


def _in_range(rule: WindowsRule, host: OsVersion, text: str) -> bool:
    major, minor, build = _triple(text)
    if (major, minor) != (host.major, host.minor):
        return False
    if host.build < FIRST_STABLE:
        return build == host.build
    return _FLOORS[rule.floor](host.build, rule.stable) <= build <= host.build


def _not_newer(_: WindowsRule, host: OsVersion, text: str) -> bool:
    # What cannot be read counts as not newer (moby/moby: checkImageCompatibility).
    return _number(text, 2) <= host.build


_BUILDS: Final[Mapping[str, Callable[[WindowsRule, OsVersion, str], bool]]] = {
    "prefix": _same_prefix,
    "range": _in_range,
    "not-newer": _not_newer,
}

_FLOORS: Final[Mapping[str, Callable[[int, Sequence[int]], int]]] = {
    "newest": lambda host, stable: [build for build in stable if build <= host][-1],
    "older": lambda host, stable: [stable[0], *(build for build in stable if build < host)][-1],
    "previous": lambda host, stable: [stable[0], *(build for build in stable if build <= host)][-2],
}
"""The oldest image build for a host of at least FIRST_STABLE, the first of the stable builds."""

_ORDERS: Final[Mapping[str, Callable[[OsVersion, str], int | str]]] = {
    "index": lambda _host, _text: 0,
    "revision": lambda _host, text: _number(text, 3),
    "text": lambda _host, text: text,
    "own-build": lambda host, text: text.startswith(f"{host.major}.{host.minor}.{host.build}."),
}
"""What an entry is sorted by, the highest first."""


def _triple(text: str) -> tuple[int, int, int]:
    """Major, minor and build; zeros for what does not begin with three numbers, as containerd reads it."""
    if text.count(".") < 2:
        return 0, 0, 0
    parts = text.split(".")[:3]
    if not all(part.isascii() and part.isdecimal() and len(part) <= 5 for part in parts):
        return 0, 0, 0
    return _number(text, 0), _number(text, 1), _number(text, 2)


def _number(text: str, place: int) -> int:
    """One of the numbers between the dots, 0 where there is none."""
    part = (text.split(".", 4) + [""] * 4)[place]
    return int(part) if part.isascii() and part.isdecimal() and len(part) <= 9 else 0


def _preference(node: Node, entry: Descriptor) -> tuple[int, int]:
    """How well an entry that runs suits the node: its own processor first, then the newest build."""
    platform = entry.platform or Platform(os="", architecture="")
    normal = platform.normalised()
    rank = compatible(node.platform).index((normal.architecture, normal.variant))
    return -rank, _triple(platform.os_version)[2]


def _remark(node: Node, taken: Descriptor, *, right: bool) -> str:
    """What is to be said of the entry that the node takes."""
    platform = taken.platform
    if platform is None:
        return "which says of no platform that it is for it"
    if node.os != "windows":
        own = platform.normalised().architecture == node.platform.normalised().architecture
        return "which is for its processor" if own else "which its processor runs as well"
    if not platform.os_version:
        return (
            "which has no os.version: as a HostProcess image it runs on every build"
            if right
            else "which has no os.version and runs there only by chance"
        )
    build = _triple(platform.os_version)[2]
    if not right:
        return f"which does not run on build {node.version.build}"
    if build == node.version.build:
        return "which is of its own build"
    return f"which runs on build {node.version.build}"


def _nothing(node: Node, entries: Sequence[Descriptor], best: Descriptor | None) -> str:
    place = str(replace(node.platform, os_version=""))
    build = f" build {node.version.build}" if node.os == "windows" else ""
    offered = [_shown(entry) for entry in entries[:_MOST_LISTED]]
    if len(entries) > _MOST_LISTED:
        offered.append(f"{len(entries) - _MOST_LISTED} more")
    text = f"no entry for {place}{build}: the index offers {', '.join(offered) or 'nothing'}"
    return f"{text}; {node.runtime} passes over {_shown(best)}, which would run" if best else text


def _shown(entry: Descriptor) -> str:
    return str(entry.platform) if entry.platform else "an entry without a platform"
