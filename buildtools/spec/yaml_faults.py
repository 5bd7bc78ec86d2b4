"""What a YAML syntax error means, in a person's words.

The two parsers of PyYAML (libyaml's and its own) name faults differently and agree on where they are. The
table below matches both, so that a file gets the same sentence on every machine.
"""

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from buildtools.spec.document import Mark

if TYPE_CHECKING:
    import yaml


class Fault(NamedTuple):
    """A located sentence and what to do."""

    mark: Mark
    message: str
    hint: str


class _Row(NamedTuple):
    """`pattern` is looked for in `context: problem`; `{char}` is the character at the place.

    `opening` puts the finding where the broken construct began.
    """

    pattern: str
    message: str
    hint: str
    opening: bool = False


_QUOTE_BRACES: Final = 'quote the whole value, as in "{out}/app"'

_AT_END: Final = " (at the end)"
_CLOSING: Final = ("}", "]", '"', "'")

DEPTH_HINT: Final = "a definition needs six levels: look for a bracket too many"

_ROWS: Final = (
    _Row("nesting depth", "values are nested too deep", DEPTH_HINT),
    _Row(
        r"directive|incompatible YAML",
        "YAML directives are not allowed",
        "delete the line that starts with %",
    ),
    _Row(r"tag", "a value cannot start with !", "quote it", opening=True),
    _Row(r"cannot start any token", "a value cannot start with {char}", "quote it"),
    _Row(
        r"scanning a quoted scalar: found unexpected|double-quoted scalar: found unexpected",
        "the quote that opens here is never closed",
        "close it, or delete it",
        opening=True,
    ),
    _Row(
        r"unknown escape character",
        "the backslash in double quotes starts no known escape",
        "use single quotes, as for every Windows path",
    ),
    _Row(
        r"hexa?decimal number|Unicode character escape|not in range",
        "the escape in double quotes names no character",
        "use single quotes, as for every Windows path",
    ),
    _Row(
        r"parsing a flow node.*\(at the end\)",
        "the file ends within brackets or braces",
        f"close them, or {_QUOTE_BRACES}",
    ),
    _Row(
        r"parsing a flow .*\(at the end\)",
        "the bracket that opens here is never closed",
        f"close it, or {_QUOTE_BRACES}",
        opening=True,
    ),
    _Row(
        r"while parsing a flow",
        "a comma or a closing bracket is missing before this",
        "quote text that holds brackets, braces or commas",
    ),
    _Row(
        r"mapping values are not allowed",
        "a colon stands where no key can be",
        'quote a value that holds ": ", or mend the indentation of this line or the one above',
    ),
    _Row(
        r"scanning a plain scalar: found unexpected ':'",
        "a colon in brackets or braces has no space behind it",
        "write `key: value`, or quote the text",
    ),
    _Row(r"mapping keys are not allowed", "a value cannot start with ?", "quote it"),
    _Row(
        r"sequence entries are not allowed",
        "a list item stands where none can be",
        "start the list on its own line",
    ),
    _Row(
        r"(anchor|alias): ",
        "a value cannot start with {char}",
        "quote it",
        opening=True,
    ),
    _Row(
        r"block scalar",
        "text stands behind a block scalar's | or >",
        "start it on the next line, or quote it",
        opening=True,
    ),
    _Row(r"node content", "{char} stands where a value should be", "quote it"),
    _Row(
        r"could not find expected ':'",
        "the line is no key with a colon behind it",
        "write `key: value`, or indent it under the key above",
        opening=True,
    ),
    _Row(
        r"block (mapping|collection): ",
        "the line fits nothing above it",
        "line up the keys of one mapping and the dashes of one list",
    ),
    _Row(
        r"document start",
        "text follows the end of the document",
        "delete the line that is `...`, or what stands in brackets or quotes above",
    ),
)


def explain(error: Exception, text: str) -> Fault:
    """Where the fault is, what is wrong, and what to do."""
    lines = text.split("\n")
    mark = _mark(getattr(error, "problem_mark", None), lines)
    opening = _mark(getattr(error, "context_mark", None) or getattr(error, "problem_mark", None), lines)
    said = f"{getattr(error, 'context', None) or ''}: {getattr(error, 'problem', None) or error}"
    if not any([lines[mark.line - 1][mark.column - 1 :], *lines[mark.line :]]):
        said += _AT_END
    if (
        "unknown escape" in said and _at(lines, mark) != "\\"
    ):  # PyYAML's own parser points behind the backslash
        mark = Mark(mark.line, mark.column - 1)
    if _at(lines, mark) == "\t":
        return Fault(mark, "a tab stands where only spaces may", "use spaces")
    before = lines[mark.line - 1][: mark.column - 1].rstrip()
    if "block mapping" in said and before.endswith(_CLOSING):
        return Fault(mark, f"text follows the closing {before[-1]}", _QUOTE_BRACES)
    for row in _ROWS:
        if re.search(row.pattern, said):
            place = opening if row.opening else mark
            return Fault(place, row.message.format(char=_at(lines, place)), row.hint)
    return Fault(mark, f"this is not YAML ({said.removeprefix(': ')})", "mend it here or in the line above")


def _at(lines: list[str], mark: Mark) -> str:
    """The character at the mark, nothing at the end of a line."""
    return lines[mark.line - 1][mark.column - 1 :][:1]


def _mark(mark: "yaml.Mark | None", lines: list[str]) -> Mark:
    """The parser's mark; where it lies behind a last line without a line feed, the end of that line."""
    if mark is None:
        return Mark(1, 1)
    if mark.line >= len(lines):
        return Mark(len(lines), len(lines[-1]) + 1)
    return Mark(mark.line + 1, mark.column + 1)
