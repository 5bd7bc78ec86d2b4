"""Text of strangers inside a sentence: quoted, escaped, and cut so that a line stays a line."""

from typing import Final

LONGEST: Final = 80
"""Characters of a stranger's text that a sentence shows."""


def quoted(text: str) -> str:
    """The text in quotes with control characters escaped, at most LONGEST characters of it."""
    if len(text) <= LONGEST:
        return repr(text)
    return f"{text[:LONGEST]!r}... ({len(text)} characters)"
