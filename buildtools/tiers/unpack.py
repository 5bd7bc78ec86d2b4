"""The file tree of an image, for tiers that run it from there, layer upon layer.

Files, directories, links and what takes them away are accepted, as our own writer and engines make them;
anything else ends with an error instead of a file in a wrong place. Symbolic links lead where they would in
a container: each is written relative to its own folder, so that none leaves the tree.
Source: opencontainers/image-spec:layer.md (whiteouts).
"""

import os
import posixpath
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from buildtools.errors import BuildError
from buildtools.oci.compress import CompressionError, inflated
from buildtools.oci.layer import WHITEOUT_PREFIX
from buildtools.oci.pieces import PieceReader
from buildtools.oci.tar import DIRECTORY, FILE, HARDLINK, SYMLINK, TarEntry, TarError, read_tar
from buildtools.stores.disk import errors_name
from buildtools.windows.paths import LAYER_ROOT

_OPAQUE: Final = f"{WHITEOUT_PREFIX}{WHITEOUT_PREFIX}.opq"
_PERMISSIONS: Final = 0o777
"""The bits of a mode that are taken: nothing here may run as another user for who happens to see it."""


def unpack(layers: Iterable[BinaryIO], root: Path, *, windows: bool = False, owners: bool = False) -> None:
    """Write the layers' files below `root`, an empty folder that is C: for Windows; raises BuildError.

    With `owners`, which takes root, files belong to whom the layers say.
    """
    for layer in layers:
        try:
            for entry, body in read_tar(PieceReader(inflated(layer))):
                found = _in_drive(entry) if windows else _named(entry)
                if found is None:
                    continue
                with errors_name(root / found.name, "written"):
                    target = _write(found, body, root)
                    if target and owners:
                        _own(found, target)
        except (TarError, CompressionError) as error:
            raise BuildError(f"the layer cannot be unpacked: {error}") from error


def _in_drive(entry: TarEntry) -> TarEntry | None:
    """The entry as it is named below C:, None for what lies beside it (Hives, UtilityVM)."""
    top, _, name = entry.name.rstrip("/").partition("/")
    return replace(entry, name=name) if top == LAYER_ROOT and name else None


def _named(entry: TarEntry) -> TarEntry | None:
    """The entry by its plain name, None for the root: engines end folders with a slash."""
    name = entry.name.removeprefix("./")
    name = name.removesuffix("/") if entry.kind == DIRECTORY else name
    return None if name in {"", "."} else replace(entry, name=name)


def _own(entry: TarEntry, target: Path) -> None:
    os.chown(target, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind != SYMLINK:
        target.chmod(entry.mode & _PERMISSIONS)


def _write(entry: TarEntry, body: BinaryIO, root: Path) -> Path | None:
    """Put one entry in its place; gives where that is, None for what takes something away."""
    target = _place(entry.name, root)
    if target.name == _OPAQUE:
        for path in target.parent.iterdir() if target.parent.is_dir() else ():
            _remove(path)
        return None
    if target.name.startswith(WHITEOUT_PREFIX):
        _remove(
            _place(posixpath.join(posixpath.dirname(entry.name), target.name[len(WHITEOUT_PREFIX) :]), root)
        )
        return None
    if not os.path.lexists(target.parent):
        target.parent.mkdir(parents=True)
    if entry.kind != DIRECTORY or target.is_symlink() or not target.is_dir():
        _remove(target)
    if entry.kind == DIRECTORY:
        target.mkdir(exist_ok=True)
    elif entry.kind == FILE:
        with target.open("wb") as file:
            shutil.copyfileobj(body, file)
        target.chmod(entry.mode & _PERMISSIONS)
    elif entry.kind == SYMLINK:
        target.symlink_to(_inside(entry))
    else:
        _link(entry, target, root)
    return target


def _place(name: str, root: Path) -> Path:
    """Where a name of a layer is; raises BuildError for one that leads out of the root, or through a link."""
    parts = name.split("/")
    inside = all(part not in {"", ".", ".."} for part in parts)
    # Only below the root: where that lies is not the layer's doing, and /tmp may be a link.
    if not inside or any(root.joinpath(*parts[:depth]).is_symlink() for depth in range(1, len(parts))):
        raise BuildError(f"the layer holds {name!r}, which leaves the image")
    return root.joinpath(*parts)


def _inside(entry: TarEntry) -> str:
    """A symbolic link's target from the link's own folder; what climbs above the root stays there."""
    folder = posixpath.dirname(entry.name)
    target = posixpath.normpath(posixpath.join("/", folder, entry.link)).lstrip("/")
    return posixpath.relpath(f"/{target}", f"/{folder}")


def _link(entry: TarEntry, target: Path, root: Path) -> None:
    """A second name of a file that is there already; raises BuildError for all other kinds."""
    if entry.kind != HARDLINK:
        raise BuildError(f"the layer holds {entry.name!r}, which this tier does not unpack")
    other = _place(entry.link.removeprefix("./").lstrip("/"), root)
    if other.is_symlink() or not other.is_file():
        raise BuildError(f"the layer holds {entry.name!r}, a link to {entry.link!r}, which is no file of it")
    target.hardlink_to(other)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
