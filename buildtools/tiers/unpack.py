"""The file tree of an image that we built ourselves, for tiers that run it from there.

Not a general extractor: only what our own writer makes is accepted (files, directories, links that stay
inside), and anything else ends with an error instead of a file in a wrong place.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from buildtools.errors import BuildError
from buildtools.oci.compress import CompressionError, inflated
from buildtools.oci.pieces import PieceReader
from buildtools.oci.tar import DIRECTORY, FILE, SYMLINK, TarEntry, TarError, read_tar
from buildtools.stores.disk import errors_name
from buildtools.windows.paths import LAYER_ROOT

_PERMISSIONS: Final = 0o777
"""The bits of a mode that are taken: nothing here may run as another user for who happens to see it."""


def unpack(layers: Iterable[BinaryIO], root: Path, *, windows: bool = False, owners: bool = False) -> None:
    """Write the layers' files below `root`, an empty folder that is C: for Windows; raises BuildError.

    With `owners`, which takes root, files belong to whom the layers say.
    """
    for layer in layers:
        try:
            for entry, body in read_tar(PieceReader(inflated(layer))):
                found = _in_drive(entry) if windows else entry
                if found is None:
                    continue
                with errors_name(root / found.name, "written"):
                    target = _write(found, body, root)
                    if owners:
                        _own(found, target)
        except (TarError, CompressionError) as error:
            raise BuildError(f"the layer cannot be unpacked: {error}") from error


def _in_drive(entry: TarEntry) -> TarEntry | None:
    """The entry as it is named below C:, None for what lies beside it (Hives, UtilityVM)."""
    top, _, name = entry.name.partition("/")
    return replace(entry, name=name) if top == LAYER_ROOT and name else None


def _own(entry: TarEntry, target: Path) -> None:
    os.chown(target, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind != SYMLINK:
        target.chmod(entry.mode & _PERMISSIONS)


def _write(entry: TarEntry, body: BinaryIO, root: Path) -> Path:
    parts = entry.name.split("/")
    target = root.joinpath(*parts)
    inside = all(part not in {"", ".", ".."} for part in parts)
    # Only below the root: where that lies is not the layer's doing, and /tmp may be a link.
    if not inside or any(root.joinpath(*parts[:depth]).is_symlink() for depth in range(1, len(parts))):
        raise BuildError(f"the layer holds {entry.name!r}, which leaves the image")
    if entry.kind == DIRECTORY:
        target.mkdir(exist_ok=True)
    elif entry.kind == FILE:
        with target.open("wb") as file:
            shutil.copyfileobj(body, file)
        target.chmod(entry.mode & _PERMISSIONS)
    elif entry.kind == SYMLINK and not entry.link.startswith("/") and ".." not in entry.link.split("/"):
        target.symlink_to(entry.link)
    else:
        raise BuildError(f"the layer holds {entry.name!r}, which this tier does not unpack")
    return target
