"""Write what is made from the code: the published JSON Schemas and the reference pages.

`python docs/generate.py` writes, `--check` only says what is stale and exits with 3.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from buildtools.cli import EPILOG
from buildtools.cluster.runtimes import FIRST_STABLE, RUNTIMES, Runtime
from buildtools.cluster.table import Row, folded, node_rows
from buildtools.oci.descriptor import OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.settings import VARIABLES
from buildtools.spec.model import PLACEHOLDERS
from buildtools.spec.schema import NAMES, file_name, render, schema_for
from buildtools.spec.tags import TAG_PLACEHOLDERS
from buildtools.stores.pace import MOST
from buildtools.stores.profiles import DEFAULT, MIB, PROFILES, Profile
from buildtools.verbs import VERBS, Verb
from buildtools.views.inspect import choice_text
from buildtools.windows.releases import EXAMPLE, RELEASES, STABLE_ABI_SINCE, product_of

ROOT: Final = Path(__file__).resolve().parent.parent
STALE: Final = 3

_PARTS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "image": {
        "": ("image.yaml", ""),
        "Requires": ("requires", ""),
        "BuildSpec": ("build", ""),
        "FetchSpec": ("fetch.NAME", ""),
        "FileSpec": ("files[]", "Each entry has `from` and `to`, or `directory`, or `symlink` and `target`."),
        "ConfigPart": ("config", "The same keys stand under `config.linux` and `config.windows`."),
        "LifecycleSpec": ("lifecycle", ""),
        "ReadySpec": ("lifecycle.ready", ""),
        "ProbeSpec": ("lifecycle.probe", ""),
        "StopSpec": ("lifecycle.stop", ""),
    },
    "defaults": {"": ("defaults.yaml", "")},
}
"""The shapes in the order of the page: schema definition to heading and a remark."""

_INTRODUCTION: Final = """\
# `image.yaml` and `defaults.yaml`

`images/<name>/image.yaml` describes one image, `images/defaults.yaml` what the images of a project share;
an image's own value wins. Both are YAML 1.2 with the core types only: `true` and `false`, integers and
texts. A key twice, anchors, aliases, merge keys, tags, a second document and files over 1 MB are errors.
An unknown key is an error with a guess at what was meant.

Editors complete and check both files with the published schemas: print one with `buildtools schema image`
or `buildtools schema defaults`, save it, and name it in the first line of the file as
`# yaml-language-server: $schema=PATH`.

A value *per OS* is either one value for every operating system or a mapping from `linux` and `windows`;
where the mapping leaves one out, the value does not exist there.

## Placeholders

| in braces | stands for |
|---|---|
"""

_TAGS: Final = """
Entries of `tags` have placeholders of their own. One that is absent takes its whole entry out of the list:
[Publish images](../publish.md) says when.

| in braces, in `tags` | stands for |
|---|---|
"""

_COMMANDS: Final = """\
# Command line

Every verb is also a nox session of the same name; what stands behind `--` is handed on: `nox -s build --
whoami --platform windows` is `buildtools build whoami --platform windows`.

Tables go to stdout, progress and faults to stderr. `--json` prints one document instead, of findings where
the run fails before there is a result. Every verb takes `-q` (`--quiet`: results and faults only) and `-h`
(`--help`).
`NO_COLOR` and `FORCE_COLOR` are obeyed; under GitHub Actions faults become annotations.

"""


_ENVIRONMENT: Final = """\
# Environment

What is written on the command line wins over a variable, a variable over `images/defaults.yaml`, and that
over the default. `buildtools login REGISTRY` says which credentials would be used.

| variable | example | |
|---|---|---|
"""

_REGISTRIES: Final = """\
# Registries

`buildtools` keeps to the distribution specification and finds out by asking what a registry can do: what
fails is tried another way, and a run that ended is simply run again. Where it is known beforehand that
something fails on a registry, a row of `buildtools/stores/profiles.py` spares the try. The rows come from the
reports named in them; docker-registry is the only one of these that the tests ask.

A host is asked %d things at a time at most. Where it answers that it is overloaded (429, 503), all of them
wait as long as it says (`Retry-After`, up to `--max-wait`), and half as much is asked at a time until it is
well again.

| registry | one PUT up to | larger blobs | what is known | reported in |
|---|---|---|---|---|
"""
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


def pages() -> dict[Path, str]:
    """Every generated file, by its path below the project, and its text."""
    schemas = {Path("buildtools/schema", file_name(name)): render(name) for name in NAMES}
    return schemas | {
        Path("docs/reference/image-yaml.md"): _definitions(),
        Path("docs/reference/command-line.md"): _commands(),
        Path("docs/reference/faults.md"): _faults(),
        Path("docs/reference/environment.md"): _environment(),
        Path("docs/reference/registries.md"): _registries(),
        Path("docs/how-a-node-picks.md"): _picks(),
    }


def _faults() -> str:
    # A script finds its own folder only; the catalogue stands beside the tests that it names.
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    from tests.faults.page import page

    return page()


def _definitions() -> str:
    rows = "".join(f"| `{{{name}}}` | {said} |\n" for name, said in PLACEHOLDERS.items())
    of_tags = "".join(f"| `{{{name}}}` | {said} |\n" for name, said in TAG_PLACEHOLDERS.items())
    parts = [_INTRODUCTION + rows + _TAGS + of_tags]
    for name, shapes in _PARTS.items():
        document = schema_for(name)
        for shape, (heading, remark) in shapes.items():
            node = document["$defs"][shape] if shape else document
            parts.append(_shape(heading, remark, node, document["$defs"]))
    return "\n".join(parts)


def _shape(heading: str, remark: str, node: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    lines = [f"## `{heading}`", "", " ".join(filter(None, (node["description"], remark))), ""]
    lines += ["| key | value | default | |", "|---|---|---|---|"]
    required = node.get("required", ())
    for key, value in node["properties"].items():
        default = "required" if key in required else _default(value)
        cells = (f"`{key}`", _type(value, definitions), default, value.get("description", ""))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])


def _default(node: Mapping[str, Any]) -> str:
    value = node.get("default")
    return f"`{value if isinstance(value, str) else json.dumps(value)}`" if value else ""


def _type(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The kind of value in a word or two."""
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if "anyOf" in node:
        kinds = [_type(branch, definitions) for branch in node["anyOf"]]
        return "text per OS" if kinds == ["text", "OSTexts"] else " or ".join(kinds)
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return "OSTexts" if name == "OSTexts" else "mapping"
    if node["type"] == "array":
        return f"list of {_plural(_type(node['items'], definitions))}"
    if node["type"] == "object":
        return f"mapping to {_type(node['additionalProperties'], definitions)}"
    return {
        "string": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "true or false",
        "null": "null",
    }[node["type"]]


def _plural(kind: str) -> str:
    words = {
        "text": "texts",
        "mapping": "mappings",
        "list of texts": "lists of texts",
        "integer or text": "integers or texts",
    }
    return words.get(kind, kind)


def _environment() -> str:
    rows = [(f"`{row.name}`", f"`{row.example}`" if row.example else "", row.meaning) for row in VARIABLES]
    return _ENVIRONMENT + "".join(_row(*cells) for cells in rows)


def _registries() -> str:
    rows = [
        (row.name, f"{row.at_once // MIB} MiB", _larger(row), "; ".join(row.quirks), row.source)
        for row in (*PROFILES, DEFAULT)
    ]
    return _REGISTRIES % MOST + "".join(_row(*cells) for cells in rows)


def _larger(row: Profile) -> str:
    how = {"stream": "one PATCH", "chunks": "chunks", "whole": "one PUT"}[row.large]
    again = "resumes" if row.resumes else "begins anew"
    return f"{how}, {again} after a break; chunks of {row.chunk // MIB} MiB where it is too much at once"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _commands() -> str:
    verbs = "\n".join(_verb(verb) for verb in VERBS)
    return f"{_COMMANDS}{verbs}\n## Exit codes\n\n```text\n{EPILOG.partition(chr(10))[2]}```\n"


def _verb(verb: Verb) -> str:
    listing = _Listing()
    verb.module().arguments(listing)
    lines = [f"## `{verb.name}`", "", f"{verb.help[0].upper()}{verb.help[1:]}.", ""]
    lines += ["| argument | |", "|---|---|"] + [_argument(action) for action in listing.actions]
    return "\n".join([*lines, ""])


def _argument(action: argparse.Action) -> str:
    value = action.metavar or "|".join(action.choices or ())
    names = [f"{name} {value}".rstrip() for name in action.option_strings] or [str(value)]
    cells = (", ".join(f"`{name}`" for name in names), str(action.help))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _picks() -> str:
    """The page about nodes: the rules as rows, and what nodes make of some indexes."""
    head = ("runtime", "images that a Windows host takes", "of several it takes", "without `os.version`")
    rules = _table(head, [_rule(row) for row in RUNTIMES if row.windows])
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
        _table(("the index offers", "node", "it takes", "runtimes"), rows),
    ]
    return "\n".join(lines)


def _example(versions: Sequence[str]) -> str:
    index = _index([Platform(os="windows", architecture="amd64", os_version=text) for text in versions])
    rows = [row for row in node_rows(index, {}) if row.node.os == "windows"]
    offered = ", ".join(f"`{entry.platform}`" for entry in index.manifests)
    return f"The index offers {offered}.\n\n{_table(('node', 'it takes', 'runtimes'), folded(rows, _taken))}"


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


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


class _Listing(argparse.ArgumentParser):
    """Takes a verb's arguments down, since the text of `--help` differs between Python releases."""

    def __init__(self) -> None:
        self.actions: list[argparse.Action] = []
        super().__init__(add_help=False)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        action = super().add_argument(*names, **settings)
        self.actions.append(action)
        return action

    def add_mutually_exclusive_group(self, **_settings: Any) -> Any:
        return self


def main() -> int:
    """Write the stale files, or only name them."""
    arguments = argparse.ArgumentParser(description="Write the schemas and reference pages made from code.")
    arguments.add_argument(
        "--check", action="store_true", help="write nothing; exit with 3 when one is stale"
    )
    check = arguments.parse_args().check
    stale = 0
    for name, text in pages().items():
        path = ROOT / name
        if path.is_file() and path.read_bytes() == text.encode():
            continue
        stale += 1
        sys.stderr.write(f"{name.as_posix()} {'is stale: run `nox -s docs`' if check else 'is written'}\n")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return STALE if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
