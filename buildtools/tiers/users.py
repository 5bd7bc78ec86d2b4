"""Who runs a Linux image's program: its `User` as numbers, by the image's own passwd and group files.

Source: opencontainers/image-spec:config.md (User); moby/sys:user, GetExecUser: a user without a group has
the group that its row says, or 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buildtools.tiers.base import StartError

_MOST_FILE: Final = 1024 * 1024
_HIGHEST: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Numbers of a user, its group and its further groups."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()


def account(user: str, root: Path) -> Account:
    """The account that `user` (`65532:65532`, `app`, `app:staff`, empty for root); raises StartError."""
    name, _, group = user.partition(":")
    row = next((row for row in _rows(root, "passwd", 4) if name and name in {row[0], row[2]}), None)
    uid = _number(row[2] if row else name or "0")
    if uid is None:
        raise StartError(f"its user {name!r} is not in the image's /etc/passwd")
    gid = _number(row[3]) if row else 0
    if group:
        found = next((one for one in _rows(root, "group", 3) if group in {one[0], one[2]}), None)
        gid = _number(found[2] if found else group)
        if gid is None:
            raise StartError(f"its group {group!r} is not in the image's /etc/group")
    # A group that is named leaves out the others.
    further = () if group or row is None else _groups(root, row[0])
    return Account(uid=uid, gid=gid or 0, groups=further)


def _groups(root: Path, name: str) -> tuple[int, ...]:
    numbers = [_number(row[2]) for row in _rows(root, "group", 4) if name in row[3].split(",")]
    return tuple(sorted({number for number in numbers if number is not None}))


def _rows(root: Path, name: str, fields: int) -> Iterator[list[str]]:
    try:
        with (root / "etc" / name).open("rb") as file:
            text = file.read(_MOST_FILE).decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        row = line.strip().split(":")
        if len(row) >= fields and not line.startswith("#"):
            yield row


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    number = int(text)
    return number if number <= _HIGHEST else None
