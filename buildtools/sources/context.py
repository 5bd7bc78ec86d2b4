"""What a Docker Engine is sent: the files of a context after `.dockerignore`, as a tar made on the way.

Owners, times and, where the file system knows none, modes are the same on every machine, as the engine's
cache and the layers of COPY go by them. Source: docker/cli:cli/command/image/build/context.go.
"""

import os
import posixpath
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buildtools.oci.tar import DIRECTORY, FILE, SYMLINK, TarEntry, write_tar
from buildtools.sources.tree import SourceError
from buildtools.spec.secrets import is_secret_file
from buildtools.spec.variant import Variant

IGNORE: Final = ".dockerignore"
BESIDE: Final = ".buildtools.Dockerfile"
"""A Dockerfile from outside of the context is sent under this name."""
_EXECUTABLE: Final = 0o755
_MOST_LISTED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file, folder or link of the context; `name` is relative to it, with slashes."""

    path: Path
    name: str
    kind: bytes


def name_in_context(variant: Variant) -> str:
    """What the Dockerfile is called in the context; another name where it lies outside of it."""
    # With the image's folder, which a context that climbs out of it goes by.
    dockerfile, context = (f"/{variant.folder}/{path}" for path in (variant.dockerfile, variant.context))
    name = posixpath.relpath(dockerfile, context)
    return BESIDE if name.startswith("../") else name


def context_items(root: Path, dockerfile: str) -> tuple[Item, ...]:
    """All that `.dockerignore` leaves of the folder, sorted; raises SourceError for what no tar can hold.

    The Dockerfile and `.dockerignore` are always there: the engine itself takes out what is ignored.
    """
    from docker.utils.build import exclude_paths

    if not root.is_dir():
        raise SourceError(f"the context {root} is no folder", hint="mend `context`")
    names = exclude_paths(str(root), _patterns(root), dockerfile=dockerfile)
    found = (
        Item(path=root / name, name=name.replace(os.sep, "/"), kind=_kind(root / name)) for name in names
    )
    return tuple(sorted(found, key=lambda item: os.fsencode(item.name)))


def secrets_in(items: Iterable[Item]) -> str:
    """A sentence about files that most likely hold a secret, empty without: one `COPY .` gives them away."""
    names = [item.name for item in items if item.kind == FILE and is_secret_file(item.name)]
    rest = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"the context has files that often hold secrets: {', '.join(names[:_MOST_LISTED])}{rest}" * bool(
        names
    )


def _patterns(root: Path) -> list[str]:
    """The lines of `.dockerignore`; comments begin in the first column, blank space around does not count."""
    try:
        text = (root / IGNORE).read_text(encoding="utf-8-sig", errors="surrogateescape")
    except FileNotFoundError:
        return []
    lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))
    return [f"!{line[1:].strip()}" if line.startswith("!") else line for line in lines if line]


def _kind(path: Path) -> bytes:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return SYMLINK
    if stat.S_ISDIR(mode):
        return DIRECTORY
    if stat.S_ISREG(mode):
        return FILE
    raise SourceError(
        f"{path} is neither file, folder nor link", hint=f"leave it out in {IGNORE}, or move it away"
    )


def context_tar(items: Sequence[Item], *, replaced: Mapping[str, bytes], mtime: int) -> Iterator[bytes]:
    """The context as a tar; `replaced` are files with another content, or that are added, by name."""
    return write_tar(_entries(items, replaced, mtime))


def _entries(items: Sequence[Item], replaced: Mapping[str, bytes], mtime: int) -> Iterator[TarEntry]:
    for item in items:
        if item.name not in replaced:
            yield _entry(item, mtime)
    for name, data in replaced.items():
        yield _made(name, data, mtime)


def _entry(item: Item, mtime: int) -> TarEntry:
    status = item.path.lstat()
    mode = stat.S_IMODE(status.st_mode) if sys.platform != "win32" else _EXECUTABLE
    return TarEntry(
        name=item.name,
        kind=item.kind,
        size=status.st_size if item.kind == FILE else 0,
        mode=0o777 if item.kind == SYMLINK else mode,
        mtime=mtime,
        link=str(item.path.readlink()).replace(os.sep, "/") if item.kind == SYMLINK else "",
        open=(lambda: item.path.open("rb")) if item.kind == FILE else None,
    )


def _made(name: str, data: bytes, mtime: int) -> TarEntry:
    from io import BytesIO

    return TarEntry(name=name, kind=FILE, size=len(data), mode=0o644, mtime=mtime, open=lambda: BytesIO(data))
