"""Windows layers: `Files` is drive C, `Hives` the registry, and PAX records hold what NTFS wants to know.

Sources: microsoft/go-winio:backuptar/tar.go (what the importer reads), microsoft/hcsshim:
internal/wclayer/legacy.go (what makes it fail), moby/buildkit:util/winlayers (what peers write).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from buildtools.oci.layer import WHITEOUT_PREFIX, Entry, Kind, LayerFormat, path_fault, whiteout_name
from buildtools.oci.tar import DIRECTORY, FILE, HARDLINK, SYMLINK, TarEntry
from buildtools.windows.paths import check_length, check_name
from buildtools.windows.security import descriptor_for, to_base64

FILES: Final = "Files"
HIVES: Final = "Hives"

ATTRIBUTES: Final = "MSWINDOWS.fileattr"
SECURITY: Final = "MSWINDOWS.rawsd"
CREATION_TIME: Final = "LIBARCHIVE.creationtime"

_DIRECTORY_ATTRIBUTE: Final = 0x10
_ARCHIVE_ATTRIBUTE: Final = 0x20
_REPARSE_ATTRIBUTE: Final = 0x400
_DEFAULT_ACL: Final = "users-rx"

_TYPES: Final[Mapping[Kind, bytes]] = {
    Kind.DIRECTORY: DIRECTORY,
    Kind.FILE: FILE,
    Kind.SYMLINK: SYMLINK,
    Kind.HARDLINK: HARDLINK,
    Kind.WHITEOUT: FILE,
}


def attributes_of(entry: Entry) -> int:
    """The file attributes: a symbolic link to a directory must say so, or Windows takes it for a file's."""
    if entry.kind is Kind.SYMLINK:
        return _REPARSE_ATTRIBUTE | (_DIRECTORY_ATTRIBUTE if entry.target_is_directory else 0)
    return _DIRECTORY_ATTRIBUTE if entry.kind is Kind.DIRECTORY else _ARCHIVE_ATTRIBUTE


class _Windows:
    """Windows layers with the roots that the classic importer asks for."""

    ignore_case = True

    def check(self, entry: Entry) -> str | None:
        # Every part, since the directories that an entry lies in are written, too.
        parts = entry.path.split("/")
        for part in parts:
            if fault := check_name(part):
                return fault
            if part.startswith(WHITEOUT_PREFIX):
                return f"names that begin with {WHITEOUT_PREFIX} mark deleted files in a layer"
        if parts[0].casefold() == "tombstones.txt":
            return "the Windows layer importer keeps its own file of this name at the root"
        return check_length(_name(entry)) or _target_fault(entry)

    def roots(self, epoch: int) -> Iterable[TarEntry]:
        # Without a security descriptor, as BuildKit and Microsoft write them: drive C's own stays.
        return tuple(
            TarEntry(
                name=name, kind=DIRECTORY, mode=0o755, mtime=epoch, pax=_times(epoch) | {ATTRIBUTES: "16"}
            )
            for name in (FILES, HIVES)
        )

    def encode(self, entry: Entry, epoch: int) -> TarEntry:
        if entry.kind is Kind.WHITEOUT:
            return TarEntry(name=_name(entry), mtime=epoch)
        pax = _times(epoch)
        if entry.kind is not Kind.HARDLINK:
            pax |= {
                ATTRIBUTES: str(attributes_of(entry)),
                SECURITY: to_base64(entry.security or _default(entry)),
            }
        return TarEntry(
            name=_name(entry),
            kind=_TYPES[entry.kind],
            size=entry.size if entry.kind is Kind.FILE else 0,
            mode=0o755 if entry.kind is Kind.DIRECTORY else 0o644,
            mtime=epoch,
            # A hard link names a path of the layer, a symbolic link is read by Windows itself.
            link=f"{FILES}/{entry.target}" if entry.kind is Kind.HARDLINK else entry.target,
            pax=pax,
            open=entry.open,
        )


def _name(entry: Entry) -> str:
    return f"{FILES}/{whiteout_name(entry) if entry.kind is Kind.WHITEOUT else entry.path}"


def _target_fault(entry: Entry) -> str | None:
    if entry.kind in {Kind.SYMLINK, Kind.HARDLINK} and not entry.target:
        return "the link has no target"
    if entry.kind is Kind.SYMLINK:
        if entry.target.startswith("/"):
            return f"the link's target {entry.target!r} is absolute on Linux only: write it relative"
        if entry.target.startswith((f"{FILES}/", f"{FILES}\\")):
            text = f"the link's target {entry.target!r} begins with {FILES}/, as no path in a container does"
            return f"{text}: write it with C:\\ or .\\ in front"
    return _hard_link_fault(entry.target) if entry.kind is Kind.HARDLINK else None


def _hard_link_fault(target: str) -> str | None:
    if path_fault(target) or target.startswith(f"{FILES}/"):
        return f"the hard link's target {target!r} must be a path of the image without a root"
    fault = next(filter(None, map(check_name, target.split("/"))), None)
    return f"the hard link's target {target!r} cannot be: {fault}" if fault else None


def _times(epoch: int) -> dict[str, str]:
    # Absent times become 1754 on Windows; integers need no fraction, which peers get wrong.
    return {CREATION_TIME: str(epoch), "atime": str(epoch), "ctime": str(epoch)}


_DEFAULTS: Final = {
    directory: descriptor_for(_DEFAULT_ACL, directory=directory) for directory in (False, True)
}


def _default(entry: Entry) -> bytes:
    return _DEFAULTS[entry.kind is Kind.DIRECTORY]


WINDOWS: Final[LayerFormat] = _Windows()
