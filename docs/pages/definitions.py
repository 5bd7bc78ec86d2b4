"""docs/reference/image-yaml.md: every key of the two files of definitions, from the published schemas."""

import json
from collections.abc import Mapping
from typing import Any, Final

from buildtools.spec.model import PLACEHOLDERS
from buildtools.spec.schema import schema_for
from buildtools.spec.tags import TAG_PLACEHOLDERS
from docs.pages.text import row

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


def definitions() -> str:
    """The text of the page."""
    rows = "".join(row(f"`{{{name}}}`", said) for name, said in PLACEHOLDERS.items())
    of_tags = "".join(row(f"`{{{name}}}`", said) for name, said in TAG_PLACEHOLDERS.items())
    parts = [_INTRODUCTION + rows + _TAGS + of_tags]
    for name, shapes in _PARTS.items():
        document = schema_for(name)
        for shape, (heading, remark) in shapes.items():
            node = document["$defs"][shape] if shape else document
            parts.append(_shape(heading, remark, node, document["$defs"]))
    return "\n".join(parts)


def _shape(heading: str, remark: str, node: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    lines = [f"## `{heading}`", "", " ".join(filter(None, (node["description"], remark))), ""]
    rows = ["| key | value | default | |\n|---|---|---|---|\n"]
    required = node.get("required", ())
    for key, value in node["properties"].items():
        default = "required" if key in required else _default(value)
        cells = (f"`{key}`", _type(value, definitions), default, value.get("description", ""))
        rows.append(row(*cells))
    return "\n".join(lines) + "\n" + "".join(rows)


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
