"""The drive C: of a wine prefix: an image's own files among those that wine has."""

import shutil
from pathlib import Path
from typing import Final

from buildtools.windows.paths import image_path

_SYSTEM: Final = "windows"
"""wine's DLLs of this folder work on wine only, and Windows' own ones do not: wine's stay."""


def lay(root: Path, drive: Path) -> None:
    """Copy the image's file tree into the drive; names are the same in capitals and small letters."""
    _lay(root, drive, keep=False)


def _lay(source: Path, target: Path, *, keep: bool) -> None:
    there = {path.name.casefold(): path for path in target.iterdir()}
    for path in sorted(source.iterdir()):
        found = there.get(path.name.casefold())
        if path.is_dir():
            folder = found or target / path.name
            folder.mkdir(exist_ok=True)
            _lay(path, folder, keep=keep or (found is not None and found.name.casefold() == _SYSTEM))
        elif found is None or not keep:
            if found is not None:
                # It may be a link to a file that all prefixes share.
                found.unlink()
            shutil.copyfile(path, found or target / path.name)


def find(drive: Path, name: str) -> Path | None:
    """The file that a whole path on C: names, None where there is none; `.exe` may be left out."""
    place: Path | None = drive
    for part in image_path(name).split("/"):
        place = _entry(place, part) if place and place.is_dir() else None
    return place


def _entry(folder: Path, name: str) -> Path | None:
    there = {path.name.casefold(): path for path in folder.iterdir()}
    return there.get(name.casefold()) or there.get(f"{name.casefold()}.exe")
