"""Kubernetes manifests as values with places: YAML with anchors and merge keys, bounded in every way.

Other than the definitions of this project, manifests may be any YAML that `kubectl` reads. What an alias
stands for is shared and counted as often as it is named, so that no file grows while it is looked at.

Source: yaml.org/spec/1.1 and yaml.org/type/merge.html, which Kubernetes' decoder (sigs.k8s.io/yaml) follows.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.spec.document import Mark, capped, one_line
from buildtools.spec.yaml_faults import explain

if TYPE_CHECKING:
    import yaml

MAX_BYTES: Final = 8_000_000
MAX_DEPTH: Final = 100
MAX_VALUES: Final = 400_000
"""Values of a file, those that aliases stand for counted as often as they are named."""

START: Final = Mark(1, 1)

_TRUE: Final = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE: Final = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER: Final = re.compile(r"[-+]?[0-9][0-9_]{0,18}", re.ASCII)
_FRACTION: Final = re.compile(
    r"[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,2})?", re.ASCII
)
_TEMPLATE: Final = re.compile(r"\{\{")
_HELM: Final = "render it first: helm template CHART > manifests.yaml"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A value of a manifest and where it begins; one that is absent has the place of what it would be in.

    `content` is None, a bool, a number, a text, a list of values or a mapping from names to (place of the
    name, value). `weight` counts the values in it.
    """

    mark: Mark
    content: Any = None
    weight: int = 1

    def get(self, *keys: str) -> "Value":
        """The value below these keys; absent where there is none."""
        found = self
        for key in keys:
            pairs = found.content if isinstance(found.content, dict) else {}
            found = pairs[key][1] if key in pairs else Value(mark=found.mark)
        return found

    def key(self, name: str) -> "Value":
        """What stands under a key, at the key's own place; for sentences about the key."""
        pairs = self.content if isinstance(self.content, dict) else {}
        if name not in pairs:
            return Value(mark=self.mark)
        mark, value = pairs[name]
        return Value(mark=mark, content=value.content)

    @property
    def absent(self) -> bool:
        """Whether nothing is there, or null, which Kubernetes takes for nothing."""
        return self.content is None

    @property
    def text(self) -> str:
        """The text, empty where the value is another kind."""
        return self.content if isinstance(self.content, str) else ""

    @property
    def flag(self) -> bool:
        """Whether the value is true."""
        return self.content is True

    @property
    def items(self) -> "list[Value]":
        """The values of a list, none where it is no list."""
        return self.content if isinstance(self.content, list) else []

    @property
    def pairs(self) -> "dict[str, tuple[Mark, Value]]":
        """The names and values of a mapping, none where it is no mapping."""
        return self.content if isinstance(self.content, dict) else {}

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of a list."""
        return tuple(item.text for item in self.items)

    @property
    def words(self) -> dict[str, str]:
        """The texts of a mapping by name."""
        return {name: value.text for name, (_, value) in self.pairs.items()}


def read_documents(source: bytes, path: str) -> tuple[Value, ...]:
    """Every document of a file; `path` is only for messages. Raises ConfigurationError with every fault."""
    text = _decode(source, path)
    reader = _Reader(path=path)
    try:
        for event in _events(text):
            if not reader.take(event):
                break
    except (_SyntaxFaultError, ValueError) as error:
        if _TEMPLATE.search(text):
            reader.faults = [_template(text, path)]
        else:
            found = explain(error.__cause__ if isinstance(error.__cause__, Exception) else error, text)
            hint = found.hint.replace("{out}/app", "{value}")
            reader.fault("syntax", found.message, hint, found.mark)
    if reader.faults:
        templated = _template(text, path) if _TEMPLATE.search(text) else None
        raise ConfigurationError(*((templated,) if templated else capped(reader.faults)))
    return tuple(reader.documents)


class _SyntaxFaultError(Exception):
    """The parser gave up; its own error is the cause."""


def _events(text: str) -> "Iterator[yaml.Event]":
    """The parser's events: a flat stream, so that no nesting exhausts the stack."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.YAMLError as error:
        raise _SyntaxFaultError from error


def _decode(source: bytes, path: str) -> str:
    if len(source) > MAX_BYTES:
        message = f"the file has {len(source):,} bytes, at most {MAX_BYTES:,} are read"
        raise ConfigurationError(
            Diagnostic(code="file-size", message=message, hint="name the manifests one by one", path=path)
        )
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the byte 0x{source[error.start]:02x} is not UTF-8"
        mark = _mark_at(source[: error.start].decode("utf-8-sig", "replace"))
        raise ConfigurationError(_fault(path, "encoding", message, "save the file as UTF-8", mark)) from None
    # JSON is indented with tabs where people like them; YAML has none there, and columns stay.
    return (
        text.replace("\t", " ")
        if text.lstrip()[:1] in {"{", "["} and not text.lstrip().startswith("{{")
        else text
    )


def _template(text: str, path: str) -> Diagnostic:
    found = _TEMPLATE.search(text)
    mark = _mark_at(text[: found.start()]) if found else START
    message = "this is a template of a Helm chart and no manifest yet"
    return _fault(path, "helm-template", message, _HELM, mark)


def _mark_at(before: str) -> Mark:
    return Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _fault(path: str, code: str, message: str, hint: str, mark: Mark) -> Diagnostic:
    return Diagnostic(
        code=code, message=one_line(message), hint=hint, path=path, line=mark.line, column=mark.column
    )


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A list or mapping that is being read; `key` is None where a mapping's next value is a key."""

    mark: Mark
    is_list: bool
    anchor: str | None
    items: list[Value] = field(default_factory=list)
    pairs: dict[str, tuple[Mark, Value]] = field(default_factory=dict)
    merged: list[Value] = field(default_factory=list)
    key: tuple[str, Mark] | None = None
    merging: bool = False

    @property
    def wants_key(self) -> bool:
        return not self.is_list and self.key is None

    def close(self) -> Value:
        if self.is_list:
            return Value(self.mark, self.items, 1 + sum(item.weight for item in self.items))
        pairs = dict(self.pairs)
        # What stands in the mapping itself wins, then what was named first (yaml.org/type/merge.html).
        for value in self.merged:
            pairs = {**value.pairs, **pairs}
        return Value(self.mark, pairs, 1 + sum(value.weight for _, value in pairs.values()))


@dataclass(kw_only=True)
class _Reader:
    """Turns the parser's events into values; goes on after a fault where that makes sense."""

    path: str
    documents: list[Value] = field(default_factory=list)
    faults: list[Diagnostic] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, Value | None] = field(default_factory=dict)
    count: int = 0

    def fault(self, code: str, message: str, hint: str, mark: Mark) -> bool:
        """Note what is wrong."""
        self.faults.append(_fault(self.path, code, message, hint, mark))
        return False

    def take(self, event: Any) -> bool:
        """Take one event; false where reading must end."""
        mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        handler = _HANDLERS.get(type(event).__name__)
        return handler(self, event, mark) if handler else True

    def start(self, _event: Any, _mark: Mark) -> bool:
        """A document: anchors do not reach over its end."""
        self.anchors = {}
        return True

    def alias(self, event: Any, mark: Mark) -> bool:
        """`*name`: the value itself, counted again."""
        found = self.anchors.get(event.anchor)
        if found is None:
            inside = event.anchor in self.anchors
            what = "stands inside what it names" if inside else "names nothing above it"
            return self.fault("alias", f"alias *{event.anchor} {what}", "write the value out", mark)
        return self._add(found, mark)

    def scalar(self, event: Any, mark: Mark) -> bool:
        """A key or a single value."""
        frame = self.frames[-1] if self.frames else None
        if frame and frame.wants_key:
            return self._key(event.value, mark, plain=event.style in {None, ""})
        plain = event.style in {None, ""} and event.tag is None
        value = Value(mark, _resolve(event.value) if plain else event.value)
        if event.anchor:
            self.anchors[event.anchor] = value
        return self._add(value, mark)

    def sequence(self, event: Any, mark: Mark) -> bool:
        """A list begins."""
        return self._open(_Frame(mark=mark, is_list=True, anchor=event.anchor))

    def mapping(self, event: Any, mark: Mark) -> bool:
        """A mapping begins."""
        return self._open(_Frame(mark=mark, is_list=False, anchor=event.anchor))

    def close(self, _event: Any, _mark: Mark) -> bool:
        """A list or mapping ends."""
        frame = self.frames.pop()
        value = frame.close()
        if frame.anchor:
            self.anchors[frame.anchor] = value
        # Its values were counted as they came.
        self.count -= value.weight
        return self._add(value, frame.mark)

    def _open(self, frame: _Frame) -> bool:
        if len(self.frames) == MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} deep"
            return self.fault("depth", message, "look for brackets too many", frame.mark)
        if self.frames and self.frames[-1].wants_key:
            return self.fault("key", "a list or mapping cannot be a key", "write a name", frame.mark)
        if frame.anchor:
            self.anchors[frame.anchor] = None
        self.frames.append(frame)
        self.count += 1
        return True

    def _key(self, name: str, mark: Mark, *, plain: bool) -> bool:
        frame = self.frames[-1]
        frame.merging = plain and name == "<<"
        if name in frame.pairs:
            line = frame.pairs[name][0].line
            message = f'duplicate key "{name}": it stands on line {line} already'
            self.fault("duplicate-key", message, "delete one of the two", mark)
        frame.key = name, mark
        return True

    def _add(self, value: Value, mark: Mark) -> bool:
        """Put a value where the innermost list or mapping wants it."""
        self.count += value.weight
        if self.count > MAX_VALUES:
            message = f"the file stands for more than {MAX_VALUES:,} values"
            return self.fault("file-size", message, "split it, or write fewer aliases", mark)
        if not self.frames:
            self.documents.append(value)
            return True
        frame = self.frames[-1]
        if frame.is_list:
            frame.items.append(value)
        elif frame.key is None:
            return self.fault("key", "an alias cannot be a key", "write the name", mark)
        elif frame.merging:
            frame.key, frame.merging = None, False
            return self._merge(frame, value, mark)
        else:
            frame.pairs[frame.key[0]] = frame.key[1], value
            frame.key = None
        return True

    def _merge(self, frame: _Frame, value: Value, mark: Mark) -> bool:
        sources = value.items or [value]
        if not all(isinstance(source.content, dict) for source in sources):
            return self.fault("merge-key", "<< stands before what is no mapping", "write the keys out", mark)
        frame.merged += sources
        return True


def _resolve(text: str) -> Any:
    """What an unquoted scalar means to Kubernetes."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    return float(text) if _FRACTION.fullmatch(text) else text


_HANDLERS: Final[Mapping[str, Any]] = {
    "DocumentStartEvent": _Reader.start,
    "AliasEvent": _Reader.alias,
    "ScalarEvent": _Reader.scalar,
    "SequenceStartEvent": _Reader.sequence,
    "MappingStartEvent": _Reader.mapping,
    "SequenceEndEvent": _Reader.close,
    "MappingEndEvent": _Reader.close,
}
