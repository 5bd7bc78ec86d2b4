"""Files of a project by pattern: the same names in the same order on every machine.

A pattern is a file, a folder (all that is below it), or a glob: `*` and `?` within a name, `**` for any
folders between. Case counts on every operating system. `.git` and `__pycache__` are never part of an image.
Symbolic links that stay inside the root are followed where they lead to a file and refused where they lead
to a folder or outside, since Windows checkouts have no links.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from buildtools.errors import BuildError

_IGNORED: Final = frozenset({".git", "__pycache__", ".DS_Store"})
_MAGIC: Final = re.compile(r"[*?\[]")
_PIECES: Final = re.compile(r"(\*|\?|\[[^\]]+\])")
_MEMBERS: Final = re.compile(r"(.)-(.)|(.)", re.DOTALL)
_WILDCARDS: Final = {"*": "[^/]*", "?": "[^/]"}


class SourceError(BuildError):
    """A pattern matches nothing, or what it matches cannot be part of an image."""


class Found(NamedTuple):
    """A file or folder: where it is, and its name relative to the root with slashes."""

    path: Path
    name: str


def find(root: Path, patterns: Iterable[str], exclude: Sequence[str] = ()) -> tuple[Found, ...]:
    """The files that the patterns match, each once, sorted by name; raises SourceError.

    A pattern that matches nothing is an error: what was meant is not there.
    """
    left_out = [glob_expression(pattern) for pattern in exclude]
    found: dict[str, Found] = {}
    for pattern in patterns:
        matched = False
        for item in _matches(root, pattern):
            matched = True
            if not any(expression.fullmatch(item.name) for expression in left_out):
                found[item.name] = _checked(item, root)
        if not matched:
            raise _nothing(root, pattern)
    return tuple(found[name] for name in sorted(found, key=str.encode))


def glob_expression(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern; a pattern without a slash matches in every folder.

    Raises SourceError.
    """
    anchored = pattern.removeprefix(".") if pattern.startswith("./") else pattern
    text = anchored.strip("/")
    parts = text.split("/") if "/" in anchored.rstrip("/") else ["**", text]
    expression = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            expression += ".+" if last else "(?:[^/]+/)*"
        else:
            expression += _name_expression(part) + ("(?:/.*)?" if last else "/")
    try:
        return re.compile(expression, re.DOTALL)
    except re.error as error:
        raise SourceError(
            f"{text!r} has a range whose end comes before its start", hint="write it the other way round"
        ) from error


def _name_expression(part: str) -> str:
    # What splits the text stands at odd places; a bracket that is never closed is a character like others.
    return "".join(
        (_WILDCARDS.get(piece) or _class_expression(piece)) if number % 2 else re.escape(piece)
        for number, piece in enumerate(_PIECES.split(part))
    )


def _class_expression(piece: str) -> str:
    """`[a-z]` and `[!a-z]`: only the first mark and hyphens between two ends mean anything."""
    inner = piece[1:-1]
    negated = len(inner) > 1 and inner.startswith("!")
    members = "".join(
        re.escape(one) or f"{re.escape(first)}-{re.escape(last)}"
        for first, last, one in _MEMBERS.findall(inner[negated:])
    )
    return f"(?!/)[{'^' if negated else ''}{members}]"


def _matches(root: Path, pattern: str) -> Iterator[Found]:
    clean = pattern.replace("\\", "/").removeprefix("./").rstrip("/") or "."
    parts = clean.split("/")
    depth = next((number for number, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    _refuse_linked_folders(root, parts[: min(depth, len(parts) - 1)])
    if depth == len(parts):
        path = root if clean == "." else root / clean
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path, "" if clean == "." else clean)
        elif path.exists() or path.is_symlink():
            yield Found(path, clean)
        return
    folder = "/".join(parts[:depth])
    # A slash in front keeps a single name to the root: globs of definitions are anchored there.
    expression = glob_expression("/" + clean)
    for item in _walk(root / folder if folder else root, folder):
        if expression.fullmatch(item.name):
            yield item


def _walk(folder: Path, name: str) -> Iterator[Found]:
    """All files below a folder, whatever order the disk has them in."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SourceError(f"{folder} cannot be read ({error.strerror})", hint="mend its access") from error
    for entry in listed:
        if entry.name in _IGNORED:
            continue
        inner = f"{name}/{entry.name}" if name else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), inner)
        else:
            yield Found(Path(entry.path), inner)


def _refuse_linked_folders(root: Path, parts: Sequence[str]) -> None:
    path = root
    for part in parts:
        path /= part
        if path.is_symlink() and path.is_dir():
            raise SourceError(f"{path} is a link to a folder", hint="name the folder that it leads to")


def _checked(item: Found, root: Path) -> Found:
    path = item.path
    if item.name.encode("utf-8", "ignore").decode() != item.name:
        raise SourceError(
            f"{item.name!a} in {root} has a name that is not UTF-8",
            hint="rename it or leave it out with `exclude`",
        )
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(os.path.realpath(root)):
            raise SourceError(
                f"{path} is a link that leads out of {root}", hint="copy the file into the project"
            )
        if target.is_dir():
            hint = "copy that folder by an entry of its own"
            raise SourceError(f"{path} is a link to a folder", hint=hint)
        if not target.is_file():
            raise SourceError(f"{path} is a link that leads to no file", hint="link to a file, or remove it")
    elif not stat.S_ISREG(path.stat().st_mode):
        raise SourceError(f"{path} is neither a file nor a folder", hint="leave it out with `exclude`")
    return item


def _nothing(root: Path, pattern: str) -> SourceError:
    names = [item.name for item in _walk(root, "")]
    guess = get_close_matches(pattern, names, n=1, cutoff=0.5)
    hint = f"did you mean {guess[0]!r}?" if guess else "name a file, folder or glob that exists"
    return SourceError(f"{pattern!r} matches nothing in {root}", hint=hint)
