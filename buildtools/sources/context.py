"""What a Docker Engine is sent: the files of a context without what is ignored, as a tar made on the way.

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

from buildtools.oci.layer import Kind
from buildtools.oci.tar import DIRECTORY, FILE, SYMLINK, TarEntry, write_tar
from buildtools.sources.context_tree import IGNORE, own_ignore, read_context, shown_path
from buildtools.spec.secrets import is_secret_file
from buildtools.spec.variant import Variant

BESIDE: Final = ".buildtools.Dockerfile"
"""A Dockerfile from outside of the context is sent under this name."""
_KINDS: Final = {Kind.FILE: FILE, Kind.DIRECTORY: DIRECTORY, Kind.SYMLINK: SYMLINK}
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


def context_items(folder: Path, variant: Variant) -> tuple[Item, ...]:
    """All that the rules of what to ignore leave of a variant's context, sorted; `folder` is the image's.

    The Dockerfile and `.dockerignore` are always there: the engine itself takes out what is ignored. Raises
    ConfigurationError for what no tar can hold, and for rules that cannot be read.
    """
    root = folder / variant.context
    shown = shown_path(variant.folder, variant.context)
    files = read_context(root, folder / variant.dockerfile, shown=shown)
    kinds = {name: _KINDS[entry.kind] for name, entry in files.items()}
    kinds |= {name: FILE for name in (name_in_context(variant), IGNORE) if (root / name).is_file()}
    found = (Item(path=root / name, name=name, kind=kind) for name, kind in kinds.items())
    return tuple(sorted(found, key=lambda item: os.fsencode(item.name)))


def sent_context(
    folder: Path, variant: Variant, items: Sequence[Item], dockerfile: bytes, *, mtime: int
) -> Iterator[bytes]:
    """The context as a tar, with another Dockerfile than the one that lies there."""
    replaced = {name_in_context(variant): dockerfile}
    if (rules := sent_rules(folder, variant, items)) is not None:
        replaced[IGNORE] = rules
    return context_tar(items, replaced=replaced, mtime=mtime)


def sent_rules(folder: Path, variant: Variant, items: Iterable[Item]) -> bytes | None:
    """The `.dockerignore` that the engine is sent; None where the context's own will do.

    An engine takes out of the context what that file names of the Dockerfile and itself. It knows neither
    `Dockerfile.dockerignore` nor the Dockerfile that is added under another name.
    """
    own, common = own_ignore(folder / variant.dockerfile), folder / variant.context / IGNORE
    added = name_in_context(variant) == BESIDE
    if not own.is_file() and not added:
        return None
    lines = own.read_bytes() if own.is_file() else common.read_bytes() if common.is_file() else b""
    extra = ([] if any(item.name == IGNORE for item in items) else [IGNORE]) + [BESIDE] * added
    return b"\n".join((lines.rstrip(b"\n"), *(name.encode() for name in extra), b"")).lstrip(b"\n")


def secrets_in(items: Iterable[Item]) -> str:
    """A sentence about files that most likely hold a secret, empty without: one `COPY .` gives them away."""
    names = [item.name for item in items if item.kind == FILE and is_secret_file(item.name)]
    rest = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"the context has files that often hold secrets: {', '.join(names[:_MOST_LISTED])}{rest}" * bool(
        names
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
