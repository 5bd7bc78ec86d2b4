"""Texts with `{name}` placeholders: filled in once, never again; `{{` and `}}` stand for braces."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from typing import Final

from buildtools.spec.model import PLACEHOLDERS

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateError(ValueError):
    """The text cannot be filled in; `message` says what is wrong and `hint` what to do."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(f"{message}: {hint}")
        self.message = message
        self.hint = hint


def fill(text: str, values: Mapping[str, str], *, keep: AbstractSet[str] = frozenset()) -> str:
    """The text with every placeholder replaced, but for those in `keep`; raises TemplateError.

    A value is put in as it is: braces in it mean nothing, so that no value can lead to another.
    """
    pieces: list[str] = []
    position = 0
    for match in _PIECE.finditer(text):
        pieces.extend((text[position : match.start()], _replacement(match, values, keep)))
        position = match.end()
    return "".join((*pieces, text[position:]))


def names_in(text: str) -> frozenset[str]:
    """The placeholders that the text uses."""
    return frozenset(match[1] for match in _PIECE.finditer(text) if match[1] is not None)


def _replacement(match: re.Match[str], values: Mapping[str, str], keep: AbstractSet[str]) -> str:
    piece, name = match[0], match[1]
    if piece in {"{{", "}}"}:
        return piece[0]
    if name is None:
        raise TemplateError(f"a {piece} stands alone", hint=f"write {piece * 2} for a brace that is meant")
    if match.string[: match.start()].endswith("$"):
        literal = f"${{{piece}}} for the text itself"
        raise TemplateError(
            f"no shell reads ${piece}",
            hint=f"write {piece}, or {literal}" if name in {*values, *keep} else f"write {literal}",
        )
    if name in values:
        return values[name]
    if name in keep:
        return piece
    if name in PLACEHOLDERS:
        raise TemplateError(
            f"placeholder {piece} has no meaning here", hint=f"{piece} is {PLACEHOLDERS[name]}"
        )
    known = [*values, *sorted(keep)]
    guess = get_close_matches(name, known, n=1)
    raise TemplateError(
        f"unknown placeholder {piece}",
        hint=f"did you mean {{{guess[0]}}}?" if guess else _choices(known),
    )


def _choices(known: list[str]) -> str:
    listed = ", ".join(f"{{{name}}}" for name in known)
    return f"there are {listed}, and {{{{ for a brace that is meant"
