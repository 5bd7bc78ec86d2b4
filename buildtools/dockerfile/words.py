r"""Words of an instruction: splitting, quotes, escapes, and variables filled in.

`${x}`, `$x`, `${x:-y}`, `${x-y}`, `${x:+y}`, `${x+y}`, `${x:?y}`, `${x?y}`, `${x#p}`, `${x##p}`, `${x%p}`,
`${x%%p}`, `${x/p/y}` and `${x//p/y}` mean what they mean in moby/buildkit:frontend/dockerfile/shell/lex.go:
in patterns `*` stands for any characters and `?` for one.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

LONGEST: Final = 64 * 1024
"""Characters that a value may have once its variables are filled in."""

_DEEPEST: Final = 32
_SPECIAL: Final = frozenset("@*#?-$!0")
_EMPTY_COUNTS: Final = ":"

Lookup = Callable[[str], "str | None"]
"""A variable's value, None where it is not set."""


class WordError(ValueError):
    """A word cannot be read; `offset` says where in it, `hint` what to do."""

    def __init__(self, offset: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
        self.hint = hint


def split_words(text: str, escape: str) -> Iterator[tuple[int, str]]:
    """The words between white space, quotes and escapes left in them, with their offsets."""
    start, quote, position = -1, "", 0
    while position < len(text):
        character = text[position]
        if start < 0 and character.isspace():
            position += 1
            continue
        if start < 0:
            start = position
        if character == escape and quote != "'":
            position += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character.isspace():
            yield start, text[start:position]
            start = -1
        position += 1
    if start >= 0:
        yield start, text[start:]


def expand(text: str, lookup: Lookup, escape: str, *, quotes: bool = True) -> str:
    """The text with variables filled in, and quotes and escapes taken away; raises WordError.

    Without `quotes` they are characters like others, as in a here-document.
    """
    return _Expander(text, lookup, escape, quotes=quotes).all()


def expand_words(text: str, lookup: Lookup, escape: str) -> list[str]:
    """The words that the text is once its variables are filled in: white space of values splits, too."""
    found: list[str] = []
    for offset, word in split_words(text, escape):
        try:
            value = expand(word, lookup, escape)
        except WordError as error:
            raise WordError(offset + error.offset, error.message, error.hint) from error
        found.extend(value.split() if "$" in word and word[:1] not in "\"'" else [value])
    return found


class _Expander:
    """One text on its way."""

    def __init__(self, text: str, lookup: Lookup, escape: str, *, quotes: bool) -> None:
        self.text = text
        self.lookup = lookup
        self.escape = escape
        self.quotes = quotes
        self.at = 0
        self.depth = 0

    def all(self) -> str:
        return self.until("", keep_escapes=False)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        character = self.peek()
        self.at += 1
        return character

    def until(self, stop: str, *, keep_escapes: bool) -> str:
        """All up to the character `stop`, which is taken, too; up to the end where it is empty."""
        result: list[str] = []
        start, size = self.at, 0
        while character := self.peek():
            if stop and character == stop:
                self.take()
                return "".join(result)
            if character == "$":
                piece = self.variable()
            elif self.quotes and character in "\"'":
                piece = self.single() if character == "'" else self.double()
            else:
                self.take()
                piece = character
                if character == self.escape:
                    piece = (character if keep_escapes else "") + self.take()
            size += len(piece)
            if size > LONGEST:
                raise WordError(start, f"the value has more than {LONGEST} characters", "shorten it")
            result.append(piece)
        if stop:
            raise WordError(start, f"{stop} is missing", f"close what was opened with {stop}")
        return "".join(result)

    def single(self) -> str:
        start = self.at
        self.take()
        end = self.text.find("'", self.at)
        if end < 0:
            raise WordError(start, "a single quote is never closed", "close it, or write it in double quotes")
        self.at = end + 1
        return self.text[start + 1 : end]

    def double(self) -> str:
        start = self.at
        self.take()
        result: list[str] = []
        while (character := self.peek()) != '"':
            if not character:
                raise WordError(start, "a double quote is never closed", "close it, or escape it")
            if character == "$":
                result.append(self.variable())
                continue
            self.take()
            if character == self.escape:
                if not self.peek():
                    continue
                if self.peek() in {'"', "$", self.escape}:
                    character = self.take()
            result.append(character)
        self.take()
        return "".join(result)

    def variable(self) -> str:
        start = self.at
        self.take()
        if self.peek() != "{":
            name = self.name()
            return "$" if not name else self.lookup(name) or ""
        self.take()
        self.depth += 1
        if self.depth > _DEEPEST:
            raise WordError(
                start, f"more than {_DEEPEST} variables stand in each other", "use an ARG between"
            )
        name = "" if self.peek() in {"{", "}", ":"} else self.name()
        if not name:
            raise WordError(start, "${...} names no variable", "write it as ${NAME}")
        value = self.modified(name, start)
        self.depth -= 1
        return value

    def name(self) -> str:
        match = _NUMBER.match(self.text, self.at) or _NAME.match(self.text, self.at)
        if match is None:
            return self.take() if self.peek() and self.peek() in _SPECIAL else ""
        self.at = match.end()
        return match[0]

    def modified(self, name: str, start: int) -> str:
        """The value of `${name...}`, whose name has been taken."""
        mark = self.take()
        if mark == "}":
            return self.lookup(name) or ""
        if mark == "/":
            return self.replaced(name, start)
        empty_counts = mark == _EMPTY_COUNTS
        mark = self.take() if empty_counts else mark
        if not mark:
            raise WordError(start, "} is missing", f"write it as ${{{name}}}")
        allowed = "-+?" if empty_counts else "-+?#%"
        if mark not in allowed:
            shown = f"${{{name}{_EMPTY_COUNTS if empty_counts else ''}{mark}"
            raise WordError(
                start, f"{shown} is no way to fill a variable in", f"write it as ${{{name}:-default}}"
            )
        at = self.at
        word = self.closed("}", start, keep_escapes=mark in "#%")
        value = self.lookup(name)
        missing = value is None or (empty_counts and not value)
        if mark in "#%":
            longest = word[:1] == mark
            return _trimmed(value or "", word[longest:], mark, longest=longest, place=at)
        if mark == "?" and missing:
            raise WordError(
                start, f"{name}: {word or 'it must be set'}", f"set {name} in args, or give its ARG a default"
            )
        return {"-": word if missing else value, "+": "" if missing else word, "?": value}[mark] or ""

    def replaced(self, name: str, start: int) -> str:
        every = self.peek() == "/"
        if every:
            self.take()
        at = self.at
        pattern = self.closed("/", start, keep_escapes=True)
        text = self.closed("}", start, keep_escapes=True)
        if not pattern:
            raise WordError(start, f"${{{name}/...}} replaces nothing", "write what is to be replaced")
        expression = re.compile(_expression(pattern, greedy=True, place=at), re.DOTALL)
        return expression.sub(lambda _: text, self.lookup(name) or "", count=0 if every else 1)

    def closed(self, stop: str, start: int, *, keep_escapes: bool) -> str:
        try:
            return self.until(stop, keep_escapes=keep_escapes)
        except WordError as error:
            if self.peek():
                raise
            raise WordError(start, f"{stop} is missing", "close what was opened with ${") from error


_NUMBER: Final = re.compile(r"\d+")
_NAME: Final = re.compile(r"[^\W\d]\w*")


def _trimmed(value: str, pattern: str, mark: str, *, longest: bool, place: int) -> str:
    """The value without the beginning (`#`) or end (`%`) that the pattern matches."""
    if mark == "#":
        match = re.match(_expression(pattern, greedy=longest, place=place), value, re.DOTALL)
        return value[match.end() :] if match else value
    # From the end, so that the shortest is found first there, too.
    match = re.match(_expression(pattern, greedy=longest, place=place, turned=True), value[::-1], re.DOTALL)
    return value[: len(value) - match.end()] if match else value


def _expression(pattern: str, *, greedy: bool, place: int, turned: bool = False) -> str:
    """The regular expression of a pattern; `turned` matches the text from its end."""
    pieces: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            pieces.append(".*" if greedy else ".*?")
        elif character == "?":
            pieces.append(".")
        elif character == "\\":
            escaped = pattern[position : position + 1]
            position += 1
            if escaped not in {"*", "?", "\\", "}", "/"}:
                hint = "a backslash stands in front of *, ?, }, / or another one"
                raise WordError(place, f"\\{escaped} means nothing in a pattern", hint)
            pieces.append(re.escape(escaped))
        else:
            pieces.append(re.escape(character))
    return "".join(reversed(pieces) if turned else pieces)
