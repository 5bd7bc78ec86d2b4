"""Plain values to YAML: the order they come in, comments behind values, block scalars, safe quoting.

What is written means the same to a reader of YAML 1.1 and of YAML 1.2: whatever one of them might take for
a boolean, a number or a date stands in quotes, the key `on` among them.

Source: yaml.org/spec/1.2.2, chapters 5 to 8; yaml.org/type (YAML 1.1).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Commented:
    """A scalar with a remark behind it on its line."""

    value: Scalar
    comment: str


Node = Scalar | Commented | Mapping[str, "Node"] | Sequence["Node"]

WIDTH: Final = 100
"""Lists of plain words stand on one line up to this many characters."""
_STEP: Final = "  "
# A letter first: what starts with a digit, sign or dot may be a number or a date in YAML 1.1.
_PLAIN: Final = re.compile(r"(?:[A-Za-z_/$]|\./)[ -~]*")
_FLOW: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+-]*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_UNSAFE: Final = re.compile(r": |:$| #| $")
_ESCAPES: Final[Mapping[str, str]] = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def emit(
    tree: Mapping[str, Node],
    *,
    header: Sequence[str] = (),
    spaced: frozenset[str] = frozenset(),
    airy: bool = True,
) -> str:
    """The document as text. `header` are lines of a comment above it.

    Keys on top have an empty line between them unless it is not to be `airy`, and so have the keys below
    those named in `spaced`.
    """
    lines = [f"# {line}".rstrip() for line in header]
    for number, (key, value) in enumerate(tree.items()):
        if number and airy:
            lines.append("")
        if key in spaced and isinstance(value, Mapping) and value:
            lines += _separated(key, value)
        else:
            lines += _entry(key, value, "")
    return "\n".join(lines) + "\n"


def _separated(key: str, value: Mapping[str, Node]) -> Iterator[str]:
    yield f"{scalar(key)}:"
    for number, (name, inner) in enumerate(value.items()):
        if number:
            yield ""
        yield from _entry(name, inner, _STEP)


def _entry(key: str, value: Node, indent: str) -> Iterator[str]:
    """The lines of one key of a mapping."""
    head = f"{indent}{scalar(key)}:"
    if isinstance(value, Mapping) and value:
        yield head
        for name, inner in value.items():
            yield from _entry(name, inner, indent + _STEP)
    elif isinstance(value, Mapping):
        yield f"{head} {{}}"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        flow = _flow(value)
        if flow is not None and (not value or len(head) + len(flow) < WIDTH):
            yield f"{head} {flow}"
        else:
            yield head
            for item in value:
                yield from _item(item, indent + _STEP)
    else:
        yield from _scalar_lines(head, value, indent)


def _item(value: Node, indent: str) -> Iterator[str]:
    """The lines of one item of a list."""
    if isinstance(value, Mapping) and value:
        lines = [line for name, inner in value.items() for line in _entry(name, inner, indent + _STEP)]
        yield f"{indent}- {lines[0][len(indent) + 2 :]}"
        yield from lines[1:]
    elif isinstance(value, Mapping):
        yield f"{indent}- {{}}"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            yield f"{indent}- []"
            return
        lines = [line for item in value for line in _item(item, indent + _STEP)]
        yield f"{indent}- {lines[0][len(indent) + 2 :]}"
        yield from lines[1:]
    else:
        yield from _scalar_lines(f"{indent}-", value, indent)


def _flow(values: Sequence[Node]) -> str | None:
    """The list on one line, None where an item is more than a word, a number or a flag."""
    texts = []
    for value in values:
        if isinstance(value, str):
            texts.append(value if _FLOW.fullmatch(value) and _is_word(value) else quote(value))
        elif isinstance(value, int):
            texts.append(scalar(value))
        else:
            return None
    return f"[{', '.join(texts)}]"


def _scalar_lines(head: str, node: Node, indent: str) -> Iterator[str]:
    value = node.value if isinstance(node, Commented) else node
    remark = f" # {node.comment}" if isinstance(node, Commented) and node.comment else ""
    if value is None:
        yield f"{head}{remark}"
    elif isinstance(value, str) and _is_block(value):
        yield f"{head} |{'' if value.endswith(chr(10)) else '-'}{remark}"
        for line in value.removesuffix("\n").split("\n"):
            yield f"{indent}{_STEP}{line}" if line else ""
    else:
        yield f"{head} {scalar(value)}{remark}"


def scalar(value: object) -> str:
    """A scalar on one line: plain where every reader takes it for the same text, else in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and _is_word(text) and not _UNSAFE.search(text)
    return text if plain else quote(text)


def quote(text: str) -> str:
    """The text in double quotes, every character that a reader could lose or refuse as an escape."""
    return '"' + "".join(_ESCAPES.get(char) or _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_word(text: str) -> bool:
    return text.casefold() not in _WORDS


def _is_block(text: str) -> bool:
    """Whether the text is best shown as lines of its own, and is read back just so from there."""
    return (
        "\n" in text
        and text[0] not in " \n"
        and not text.endswith("\n\n")
        and all(line.isprintable() and line == line.rstrip(" ") for line in text.split("\n"))
    )
