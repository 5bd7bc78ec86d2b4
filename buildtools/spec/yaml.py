"""The YAML that people write, read strictly: plain values and the place of each, or every fault located.

The language is YAML 1.2 with the core schema cut down to what definitions need: `true` and `false`, `null`,
decimal integers and fractions; everything else is text. Aliases, anchors, tags, merge keys, directives and
a second document are refused, because each makes a file mean something else than it shows.

Source: yaml.org/spec/1.2.2, chapter 10.3 (core schema) and 5.1 (character set).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.spec.document import Document, KeyPath, Mark, Place, capped, one_line
from buildtools.spec.yaml_faults import DEPTH_HINT, explain

if TYPE_CHECKING:
    import yaml

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 50
MAX_VALUES: Final = 50_000

_FLAGS: Final[Mapping[str, bool | None]] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}
# Longer numbers are text: a digest without letters must not lose digits.
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FRACTION: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")

_MARKS_OF_ENCODINGS: Final = (
    (b"\xef\xbb\xbf", "the file starts with a byte order mark", "save it as UTF-8 without one"),
    (b"\xff\xfe\x00\x00", "the file is UTF-32", "save it as UTF-8"),
    (b"\x00\x00\xfe\xff", "the file is UTF-32", "save it as UTF-8"),
    (b"\xff\xfe", "the file is UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "the file is UTF-16", "save it as UTF-8"),
)
# What YAML 1.2 does not print, and the three line ends that editors do not count as lines.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_TAB: Final = re.compile(r"^ *(\t)[ \t]*\S", re.MULTILINE)
_NO_MARK: Final = Mark(0, 0)


def read(source: bytes | str, path: str) -> Document:
    """Read one document; `path` is only for messages. Raises ConfigurationError with every fault found."""
    text = _decode(source, path)
    builder = _Builder(path=path)
    builder.consume(_events(text, builder))
    if builder.faults:
        raise ConfigurationError(*capped(builder.faults))
    if not builder.places:
        what = "holds nothing but comments" if text.strip() else "is empty"
        raise _fault(path, "empty-file", f"the file {what}", "write at least the required keys")
    return Document(path=path, value=builder.root, places=builder.places)


def _fault(path: str, code: str, message: str, hint: str, mark: Mark = _NO_MARK) -> ConfigurationError:
    return ConfigurationError(
        Diagnostic(code=code, message=message, hint=hint, path=path, line=mark.line, column=mark.column)
    )


def _decode(source: bytes | str, path: str) -> str:
    """The text, if it is UTF-8 with line feeds, without characters that no editor shows."""
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes and the limit is {MAX_BYTES:,}"
        raise _fault(path, "file-size", message, "a definition is a few kilobytes: look what got into it")
    for prefix, message, hint in _MARKS_OF_ENCODINGS:
        if data.startswith(prefix):
            raise _fault(path, "encoding", message, hint, Mark(1, 1))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        mark = _mark_at(data[: error.start].decode("utf-8"), error.start)
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise _fault(path, "encoding", message, "save the file as UTF-8", mark) from None
    if found := _FORBIDDEN.search(text):
        message = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
        hint = "delete it, or write it as an escape in double quotes"
        raise _fault(path, "control-character", message, hint, _mark_at(text, found.start()))
    if tab := _TAB.search(text):
        message = "the line is indented with a tab"
        raise _fault(path, "tab", message, "use spaces", _mark_at(text, tab.start(1)))
    if (position := text.find("\r")) >= 0:
        message = "the line does not end in a line feed alone (CRLF or CR)"
        raise _fault(path, "line-end", message, "save the file with LF line ends", _mark_at(text, position))
    return text


def _mark_at(text: str, position: int) -> Mark:
    """The mark of a character of the text."""
    before = text[:position]
    return Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _events(text: str, builder: "_Builder") -> Iterator["yaml.Event"]:
    """The parser's events up to its first fault; a flat stream, so that no nesting exhausts the stack."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an escape beyond Unicode, PyYAML's own parser
        found = explain(error, text)
        builder.fault("syntax", found.message, found.hint, found.mark)


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A list or mapping that is being read; `key` is None where the next node of a mapping is a key.

    One that is itself a key (`is_key`) is a fault, and read to its end so that reading goes on behind it.
    """

    value: Any
    trail: KeyPath
    key: str | None = None
    key_mark: Mark = _NO_MARK
    is_key: bool = False
    keys: dict[str, Mark] = field(default_factory=dict)

    @property
    def wants_key(self) -> bool:
        return isinstance(self.value, dict) and self.key is None


@dataclass(kw_only=True)
class _Builder:
    """Turns parser events into values and places; goes on after a fault so that all are found."""

    path: str
    root: Any = None
    places: dict[KeyPath, Place] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)

    def fault(self, code: str, message: str, hint: str, mark: Mark) -> None:
        """Remember a fault."""
        self.faults.extend(_fault(self.path, code, message, hint, mark).diagnostics)

    def consume(self, events: Iterator["yaml.Event"]) -> None:
        """Read all events of one document; stops early where going on makes no sense."""
        for event in events:
            handler = _HANDLERS.get(type(event).__name__)
            if handler and not handler(self, event, _mark_of(event)):
                return

    def document(self, event: Any, mark: Mark) -> bool:
        """A document starts: the only one, without directives."""
        if self.places:
            self.fault("second-document", "a second document starts here", "keep one a file", mark)
            return False
        if event.version or event.tags:
            self.fault(
                "directive", "YAML directives are not allowed", "delete the line that starts with %", mark
            )
        return True

    def alias(self, event: Any, mark: Mark) -> bool:
        """`*name`: refused, and read as nothing so that reading goes on."""
        self.fault("alias", f"alias *{event.anchor} is not allowed", "write the value out", mark)
        return self._add(None, mark, "")

    def scalar(self, event: Any, mark: Mark) -> bool:
        """A key or a plain value."""
        self._plain_only(event, mark)
        if found := _CONTROL.search(event.value):
            self.fault(
                "control-character",
                f"the text holds the control character U+{ord(found[0]):04X}",
                "a backslash in double quotes starts an escape: use single quotes",
                mark,
            )
        if self.frames and self.frames[-1].wants_key:
            return self._key(event, mark)
        plain = event.style in {None, ""}
        return self._add(_resolve(event.value) if plain else event.value, mark, event.value)

    def sequence(self, event: Any, mark: Mark) -> bool:
        """A list starts."""
        return self._open([], event, mark)

    def mapping(self, event: Any, mark: Mark) -> bool:
        """A mapping starts."""
        return self._open({}, event, mark)

    def close(self, _event: Any, _mark: Mark) -> bool:
        """A list or mapping ends."""
        if self.frames.pop().is_key:
            self.frames[-1].key = ""
        return True

    def _plain_only(self, event: Any, mark: Mark) -> None:
        if event.anchor is not None:
            self.fault("anchor", f"anchor &{event.anchor} is not allowed", "delete it", mark)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.fault("tag", f"tag {tag} is not allowed", "delete it, or quote the value", mark)

    def _open(self, value: Any, event: Any, mark: Mark) -> bool:
        self._plain_only(event, mark)
        if len(self.frames) == MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} deep"
            self.fault("depth", message, DEPTH_HINT, mark)
            return False
        if self.frames and self.frames[-1].wants_key:
            self.fault(
                "key", "a list or mapping cannot be a key", "write text, quoted if it has brackets", mark
            )
            self.frames.append(_Frame(value=value, trail=self.frames[-1].trail, is_key=True))
            return True
        if not self._add(value, mark, ""):
            return False
        self.frames.append(_Frame(value=value, trail=self._last_trail))
        return True

    def _key(self, event: Any, mark: Mark) -> bool:
        name = event.value
        keys = self.frames[-1].keys
        if name == "<<" and event.style in {None, ""}:
            self.fault("merge-key", "merge key << is not allowed", "write the keys out", mark)
        elif name in keys:
            message = f'duplicate key "{name}": it stands on line {keys[name].line} already'
            self.fault("duplicate-key", one_line(message), "delete one of the two", mark)
        self._begin_key(name, mark)
        return True

    def _begin_key(self, name: str, mark: Mark) -> None:
        frame = self.frames[-1]
        frame.key, frame.key_mark = name, mark
        frame.keys.setdefault(name, mark)

    _last_trail: KeyPath = ()

    def _add(self, value: Any, mark: Mark, text: str) -> bool:
        """Put a value where the innermost list or mapping wants it."""
        if len(self.places) == MAX_VALUES:
            message = f"the file holds more than {MAX_VALUES:,} values"
            self.fault("file-size", message, "look what got into it", mark)
            return False
        key_mark = mark
        if not self.frames:
            self.root, self._last_trail = value, ()
        elif isinstance(self.frames[-1].value, list):
            frame = self.frames[-1]
            frame.value.append(value)
            self._last_trail = (*frame.trail, len(frame.value) - 1)
        elif self.frames[-1].wants_key:  # only an alias gets here
            self._begin_key("", mark)
            return True
        else:
            frame = self.frames[-1]
            key, key_mark, frame.key = frame.key or "", frame.key_mark, None
            frame.value[key] = value
            self._last_trail = (*frame.trail, key)
        self.places[self._last_trail] = Place(key_mark, mark, text)
        return True


def _mark_of(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _resolve(text: str) -> Any:
    """What an unquoted scalar means."""
    if text in _FLAGS:
        return _FLAGS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FRACTION.fullmatch(text) else text


_HANDLERS: Final = {
    "DocumentStartEvent": _Builder.document,
    "AliasEvent": _Builder.alias,
    "ScalarEvent": _Builder.scalar,
    "SequenceStartEvent": _Builder.sequence,
    "MappingStartEvent": _Builder.mapping,
    "SequenceEndEvent": _Builder.close,
    "MappingEndEvent": _Builder.close,
}
