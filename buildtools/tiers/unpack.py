"""The file tree of an image that we built ourselves, for tiers that run it from there.

Not a general extractor: only what our own writer makes is accepted (files, directories, links that stay
inside), and anything else ends with an error instead of a file in a wrong place.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from buildtools.errors import BuildError
from buildtools.oci.compress import CompressionError, inflated
from buildtools.oci.pieces import PieceReader
from buildtools.oci.tar import DIRECTORY, FILE, SYMLINK, TarEntry, TarError, read_tar
from buildtools.stores.disk import errors_name


def unpack(layers: Iterable[BinaryIO], root: Path) -> None:
    """Write the layers' files below `root`, an empty folder; raises BuildError."""
    for layer in layers:
        try:
            for entry, body in read_tar(PieceReader(inflated(layer))):
                with errors_name(root / entry.name, "written"):
                    _write(entry, body, root)
        except (TarError, CompressionError) as error:
            raise BuildError(f"the layer cannot be unpacked: {error}") from error


def _write(entry: TarEntry, body: BinaryIO, root: Path) -> None:
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
        target.chmod(entry.mode)
    elif entry.kind == SYMLINK and not entry.link.startswith("/") and ".." not in entry.link.split("/"):
        target.symlink_to(entry.link)
    else:
        raise BuildError(f"the layer holds {entry.name!r}, which this tier does not unpack")
