"""Write what is made from the code: the published JSON Schemas and the reference pages.

`python docs/generate.py` writes, `--check` only says what is stale and exits with 3.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from buildtools.cli import EPILOG
from buildtools.settings import VARIABLES
from buildtools.spec.model import PLACEHOLDERS
from buildtools.spec.schema import NAMES, file_name, render, schema_for
from buildtools.spec.tags import TAG_PLACEHOLDERS
from buildtools.stores.pace import MOST
from buildtools.stores.profiles import DEFAULT, MIB, PROFILES, Profile
from buildtools.verbs import VERBS, Verb

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


def pages() -> dict[Path, str]:
    """Every generated file, by its path below the project, and its text."""
    schemas = {Path("buildtools/schema", file_name(name)): render(name) for name in NAMES}
    return schemas | {
        Path("docs/reference/image-yaml.md"): _definitions(),
        Path("docs/reference/command-line.md"): _commands(),
        Path("docs/reference/environment.md"): _environment(),
        Path("docs/reference/registries.md"): _registries(),
    }


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
