"""docs/how-a-node-picks.md: the rules of the runtimes, and what nodes make of some indexes."""

from collections.abc import Mapping, Sequence
from typing import Final

from buildtools.cluster.runtimes import FIRST_STABLE, RUNTIMES, Runtime
from buildtools.cluster.table import Row, folded, node_rows
from buildtools.oci.descriptor import OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.views.inspect import choice_text
from buildtools.windows.releases import EXAMPLE, RELEASES, STABLE_ABI_SINCE, product_of
from docs.pages.text import table

_PICKS: Final = """\
# How a node picks an entry

<!-- Written by docs/generate.py from buildtools/cluster; `nox -s docs` writes it anew. -->

An image index holds an entry for each platform. A node's container runtime looks for the entries that fit
the node and takes the first of them in an order of its own. Which entries fit, and in which order they are
looked at, differs between runtimes and between their releases, and nodes run old releases for years. The
tables below are what the code knows of the runtimes' sources; `inspect` and `verify` hold every index
against it.

An index serves all nodes that can be served if

- its Windows entries stand with the newest build first: most runtimes take the first entry that fits, and
  as a newer host fits images of older builds, an older entry in front is taken in place of the host's own;
- `os.version` has four parts, as in `{example}`: Docker on Windows tells the entries of its own build by
  their first three numbers and the dot behind them, which three parts do not have;
- an entry without `os.version` is the only one for Windows: nodes of any build take it, which only
  HostProcess images stand.

Whether Windows then starts what was taken is another question. Under process isolation a host before
{stable} runs images of its own build alone; later ones run older builds, too, back to that of {stable}.
Windows 11 25H2 takes images of Windows Server 2025 and does not start them (microsoft/hcsshim#2566).

## The rules of Windows nodes

The kubelet pulls pods by the rows without "client"; a row with it is what the runtime's own command line
goes by where that differs. The tables below say "for pods" and "for clients" where the two part. A host
before build {first} takes its own build alone where the rule names a range.

{rules}
"""

_ORDERS: Final[Mapping[str, str]] = {
    "index": "the first in the index",
    "revision": "the highest fourth number",
    "text": "the last by the alphabet",
    "own-build": "the first of the host's own build",
}
_FLOORS: Final[Mapping[str, str]] = {
    "newest": "the newest stable build that is not newer than the host",
    "older": "the newest stable build that is older than the host",
    "previous": "the stable build before the newest that is not newer than the host",
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "newest": "Newest first, as this project writes them",
    "oldest": "Oldest first",
    "latest": "Without the newest build",
    "three": "Three-part versions, oldest first",
    "none": "One HostProcess image without os.version",
}


def picks() -> str:
    """The text of the page."""
    head = ("runtime", "images that a Windows host takes", "of several it takes", "without `os.version`")
    rules = table(head, [_rule(row) for row in RUNTIMES if row.windows])
    introduction = _PICKS.format(
        example=f"10.0.{EXAMPLE.build}.2700",
        stable=product_of(STABLE_ABI_SINCE),
        first=FIRST_STABLE,
        rules=rules,
    )
    parts = [introduction.rstrip() + "\n", _processors()]
    builds = [row.build for row in RELEASES]
    versions = {
        "newest": [f"10.0.{build}.1" for build in reversed(builds)],
        "oldest": [f"10.0.{build}.1" for build in builds],
        "latest": [f"10.0.{build}.1" for build in reversed(builds[:-1])],
        "three": [f"10.0.{build}" for build in builds],
        "none": [""],
    }
    parts += [f"## {title}\n\n{_example(versions[key])}" for key, title in _EXAMPLES.items()]
    return "\n".join(parts)


def _rule(runtime: Runtime) -> tuple[str, ...]:
    rule = runtime.windows
    builds = "any that is not newer than the host"
    if rule and rule.builds == "prefix":
        builds = "those of its own build"
    elif rule and rule.builds == "range":
        stable = ", ".join(map(str, rule.stable))
        floor = _FLOORS[rule.floor] if len(rule.stable) > 1 else str(rule.stable[0])
        builds = f"from {floor} up to the host's own" + (
            f" (stable: {stable})" if len(rule.stable) > 1 else ""
        )
    order = _ORDERS[rule.order] if rule else ""
    if rule and rule.features == "preferred":
        order = f"the one with more `os.features`, then {order}"
    return str(runtime), builds, order, "taken" if rule and rule.unversioned else "passed over"


def _processors() -> str:
    """What Linux nodes make of an index: by the processor and its variants alone."""
    platforms = ["linux/amd64", "linux/arm64", "linux/arm64/v8", "linux/arm/v7", "linux/386"]
    rows = []
    for offered in (platforms[:2], platforms[3:], platforms[2:3]):
        index = _index([_platform(text) for text in offered])
        linux = [row for row in node_rows(index, {}) if row.node.os == "linux"]
        rows += [(", ".join(f"`{text}`" for text in offered), *line) for line in folded(linux, _taken)]
    lines = [
        "## Linux nodes",
        "",
        "The processor decides, and `os.version` counts nowhere. containerd and Docker take older and 32-bit",
        "processors of the same family as well, CRI-O and Podman compare the words as they stand.",
        "",
        table(("the index offers", "node", "it takes", "runtimes"), rows),
    ]
    return "\n".join(lines)


def _example(versions: Sequence[str]) -> str:
    index = _index([Platform(os="windows", architecture="amd64", os_version=text) for text in versions])
    rows = [row for row in node_rows(index, {}) if row.node.os == "windows"]
    offered = ", ".join(f"`{entry.platform}`" for entry in index.manifests)
    return f"The index offers {offered}.\n\n{table(('node', 'it takes', 'runtimes'), folded(rows, _taken))}"


def _taken(row: Row) -> tuple[str]:
    return (choice_text(row.choice),)


def _index(platforms: Sequence[Platform]) -> Index:
    return Index.build(
        manifests=[
            Descriptor(
                media_type=OCI_MANIFEST, size=1, digest=digest_of(str(number).encode()), platform=platform
            )
            for number, platform in enumerate(platforms)
        ]
    )


def _platform(text: str) -> Platform:
    # As it stands: some runtimes compare the words.
    os, architecture, *variant = text.split("/")
    return Platform(os=os, architecture=architecture, variant="".join(variant))
