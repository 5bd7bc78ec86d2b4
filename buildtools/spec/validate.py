"""A document against its schema: every deviation as a located sentence, else the typed value."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from buildtools.spec.document import Document, KeyPath, Report
from buildtools.spec.schema import schema_for

if TYPE_CHECKING:
    import jsonschema_rs

_Spec = TypeVar("_Spec", bound=msgspec.Struct)

_TYPE_NAMES: Final[Mapping[str, str]] = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_KNOWN_ELSEWHERE: Final[Mapping[str, str]] = {
    "extends": "images do not build on each other: what they share goes into images/defaults.yaml",
    "include": "images do not build on each other: what they share goes into images/defaults.yaml",
    "dependencies": "list programs under build.tools",
    "version": "an image has the version of its git tag (see tags), an asset's stands under fetch",
}


class _Finding(NamedTuple):
    """What a schema error means; `key` points at a key of the value, `at_key` at the value's own key."""

    code: str
    message: str
    hint: str
    key: str | None = None


def convert(document: Document, name: str, model: type[_Spec], report: Report) -> _Spec | None:
    """The document as a `model`; None when it breaks the schema `name`, with every finding in `report`."""
    if not report.failed and _is_plain(document.value):
        # Most definitions are right. Then the types alone say so, and no schema need be made of them.
        with suppress(msgspec.ValidationError):
            return msgspec.convert(document.value, model)
    for error in _validator(name).iter_errors(document.value):
        for leaf in _leaves(error):
            _explain(leaf, document, name, report)
    if report.failed:
        return None
    try:
        return msgspec.convert(document.value, model)
    except msgspec.ValidationError as error:
        # JSON Schema calls 1.0 a whole number and the types do not.
        trail = _trail(str(error))
        message = f"expected a whole number, got the number {document.place(trail).text}"
        report.add("type", trail, message, "write a whole number")
        return None


def _is_plain(value: Any) -> bool:
    """Whether types and schema are sure to agree about a value.

    They do not about null, which types take for a key that is left out, nor about numbers such as 1.0; and
    their patterns belong to two dialects, which differ about line ends and letters that are not ASCII.
    """
    if isinstance(value, str):
        return value.isascii() and not value.endswith("\n")
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return isinstance(value, int)


@cache
def _validator(name: str) -> "jsonschema_rs.Draft202012Validator":
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(schema_for(name))


def _leaves(error: "jsonschema_rs.ValidationError") -> Iterator["jsonschema_rs.ValidationError"]:
    """The errors worth telling: of alternatives, those of the one that has the value's type."""
    if _keyword(error) != "anyOf":
        yield error
        return
    place = list(error.instance_path)
    for branch in _said(error, "context"):
        if not any(_keyword(item) == "type" and list(item.instance_path) == place for item in branch):
            for item in branch:
                yield from _leaves(item)
            return
    yield error


def _keyword(error: "jsonschema_rs.ValidationError") -> str:
    """The schema keyword that the value breaks."""
    return str(error.schema_path[-1])


def _said(error: "jsonschema_rs.ValidationError", name: str) -> Any:
    """What the error carries beside its keyword; the library's types know only some of it."""
    return getattr(error.kind, name)


def _explain(error: "jsonschema_rs.ValidationError", document: Document, name: str, report: Report) -> None:
    trail: KeyPath = tuple(error.instance_path)
    case = _Case(error, trail, _broken(schema_for(name), error.schema_path), document, name)
    for finding in _SENTENCES[_keyword(error)](case):
        at = trail if finding.key is None else (*trail, finding.key)
        report.add(finding.code, at, finding.message, finding.hint, at_key=finding.key is not None)


class _Case(NamedTuple):
    """One schema error with what is needed to talk about it; `node` is the schema that was broken."""

    error: "jsonschema_rs.ValidationError"
    trail: KeyPath
    node: Mapping[str, Any]
    document: Document
    schema: str

    @property
    def value(self) -> Any:
        """The wrong value."""
        return self.error.instance

    @property
    def shown(self) -> str:
        """The wrong value, as the file writes it."""
        return f'"{_short(self.document.place(self.trail).text or str(self.value))}"'


def _unknown_keys(case: _Case) -> Iterator[_Finding]:
    known = list(case.node.get("properties", {}))
    for key in _said(case.error, "unexpected"):
        yield _Finding("unknown-key", f'unknown key "{_short(key)}"', _key_hint(case, key, known), key=key)


def _key_hint(case: _Case, key: str, known: list[str]) -> str:
    if not case.trail and key in _KNOWN_ELSEWHERE:
        return _KNOWN_ELSEWHERE[key]
    if guess := get_close_matches(key, known, n=1):
        return f'did you mean "{guess[0]}"?'
    if parents := _parents(case.schema).get(key):
        return f'"{key}" belongs under {" or ".join(sorted(parents))}'
    return f"the keys here are {', '.join(known)}"


@cache
def _parents(name: str) -> dict[str, set[str]]:
    """Which top-level keys hold a key, for keys that people put one level too high or low."""
    schema = schema_for(name)
    found: dict[str, set[str]] = {}
    for section, node in schema["properties"].items():
        reference = (node.get("items") or node).get("$ref", "")
        inner = schema["$defs"].get(reference.rpartition("/")[2], {})
        for key in inner.get("properties", {}):
            found.setdefault(key, set()).add(section)
    return found


def _required(case: _Case) -> Iterator[_Finding]:
    key = _said(case.error, "property")
    about = _described(case.node.get("properties", {}).get(key, {}))
    yield _Finding("required-key", f'required key "{key}" is missing', about or "add it")


def _type(case: _Case) -> Iterator[_Finding]:
    yield _wrong_type(case, _said(case.error, "types"))


def _alternatives(case: _Case) -> Iterator[_Finding]:
    types = [
        kind for branch in _said(case.error, "context") for item in branch for kind in _said(item, "types")
    ]
    yield _wrong_type(case, list(dict.fromkeys(types)))


def _wrong_type(case: _Case, types: Sequence[str]) -> _Finding:
    wanted = " or ".join(_TYPE_NAMES[kind] for kind in types)
    return _Finding(
        "type",
        f"expected {wanted}, got {_got(case)}",
        _type_hint(case.value, types, case.document, case.trail),
    )


def _got(case: _Case) -> str:
    value = case.value
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = _short(case.document.place(case.trail).text)
    if isinstance(value, bool):
        return text
    return f'the text "{text}"' if isinstance(value, str) else f"the number {text}"


def _type_hint(value: Any, types: Sequence[str], document: Document, trail: KeyPath) -> str:
    if value is None:
        return "write a value or delete the key"
    text = _short(document.place(trail).text)
    if "string" in types:
        if isinstance(value, dict) and None in value.values():
            return "quote text that starts with a brace"
        return "write one string" if isinstance(value, (dict, list)) else "quote it"
    if "array" in types and not isinstance(value, dict):
        return f'write a list: ["{text}"]'
    return f"write {' or '.join(_TYPE_NAMES[kind] for kind in types)}"


def _enum(case: _Case) -> Iterator[_Finding]:
    if case.value is None or isinstance(case.value, (dict, list)):
        yield _wrong_type(case, ["string"])
        return
    options = case.node["enum"]
    guess = get_close_matches(str(case.value), options, n=1)
    hint = f'did you mean "{guess[0]}"?' if guess else "write one of them"
    yield _Finding("value", f"{case.shown} is none of {', '.join(options)}", hint)


def _pattern(case: _Case) -> Iterator[_Finding]:
    key = next((part for part in reversed(case.trail) if isinstance(part, str)), "value")
    yield _Finding("value", f"{case.shown} is not a valid {key}", _described(case.node) or "mend it")


def _min_items(_: _Case) -> Iterator[_Finding]:
    yield _Finding("value", "the list is empty", "write at least one entry")


def _max_length(case: _Case) -> Iterator[_Finding]:
    message = f"the text has {len(case.value):,} characters and the limit is {case.node['maxLength']:,}"
    yield _Finding("value", message, "shorten it")


def _limit(word: str, bound: str) -> Callable[[_Case], Iterator[_Finding]]:
    def sentence(case: _Case) -> Iterator[_Finding]:
        message = f"{_short(case.document.place(case.trail).text)} is too {word}"
        yield _Finding("value", message, f"write {bound.format(case.node[_keyword(case.error)])}")

    return sentence


_SENTENCES: Final[Mapping[str, Callable[[_Case], Iterable[_Finding]]]] = {
    "additionalProperties": _unknown_keys,
    "anyOf": _alternatives,
    "enum": _enum,
    "exclusiveMinimum": _limit("small", "more than {}"),
    "maxLength": _max_length,
    "maximum": _limit("large", "{} or less"),
    "minItems": _min_items,
    "minimum": _limit("small", "{} or more"),
    "pattern": _pattern,
    "required": _required,
    "type": _type,
}


def _described(node: Mapping[str, Any]) -> str:
    """A schema node's description as the end of a sentence."""
    text = str(node.get("description", "")).rstrip(".")
    return text[:1].lower() + text[1:]


def _broken(schema: Mapping[str, Any], path: Sequence[str | int]) -> Any:
    """The schema that holds the broken keyword, which is the path's last step."""
    node: Any = schema
    for step in path[:-1]:
        node = node[step]
    return node


def _short(text: str) -> str:
    """As much of a text as a sentence can hold."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def _trail(said: str) -> KeyPath:
    """The place that msgspec names at the end, such as `$.lifecycle.exit` or `$.config.ports[0]`."""
    where = said.rpartition("`$")[2]
    return tuple(key or int(position) for key, position in re.findall(r"\.([\w-]+)|\[(\d+)\]", where))
