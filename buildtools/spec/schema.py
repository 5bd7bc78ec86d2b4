"""The JSON Schemas of the files that people write, made from the types in `spec.model`.

Editors read the published files in `buildtools/schema`, `spec.validate` checks definitions with the same
documents, and the reference page is written from them: what is said about a key is said once.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec

from buildtools.spec.model import ImageSpec, ProjectSpec

VERSION: Final = 1
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_TYPES: Final[Mapping[str, tuple[type[msgspec.Struct], str]]] = {
    "image": (ImageSpec, "image.yaml: one image"),
    "defaults": (ProjectSpec, "defaults.yaml: what the images of a project share"),
}
NAMES: Final = tuple(_TYPES)
"""The schemas there are: `image` for `image.yaml`, `defaults` for `defaults.yaml`."""


@cache
def schema_for(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `image` or `defaults`; callers must not change it."""
    model, title = _TYPES[name]
    made = msgspec.json.schema(model)
    definitions = {key: _without_null(value) for key, value in made["$defs"].items()}
    root = definitions.pop(model.__name__)
    return {
        "$schema": DIALECT,
        "$id": f"urn:buildtools:schema:{name}:{VERSION}",
        **root,
        "title": title,
        "$defs": dict(sorted(definitions.items())),
    }


def file_name(name: str) -> str:
    """What the published schema is called: `image.schema.json`."""
    return f"{name}.schema.json"


def render(name: str) -> str:
    """The published text of a schema."""
    return json.dumps(schema_for(name), indent=2, ensure_ascii=False) + "\n"


def _without_null(node: Any) -> Any:
    """The schema node without `null` for a key that may be left out.

    A key without a value is nearly always a forgotten value, so only leaving the key out means nothing.
    """
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    rest = {key: _without_null(value) for key, value in node.items()}
    if "default" not in node or node["default"] is not None:
        return rest
    del rest["default"]
    branches = [branch for branch in rest.pop("anyOf") if branch != {"type": "null"}]
    return {**branches[0], **rest} if len(branches) == 1 else {"anyOf": branches, **rest}
