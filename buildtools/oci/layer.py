"""Layers: from files, directories and links to one compressed tar, in one pass and always the same bytes.

An `Entry` says what is to be in the image; a `LayerFormat` says how an operating system's layers hold it.
Source: opencontainers/image-spec:layer.md.
"""

import enum
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol

from buildtools.oci.compress import Sink, compressor_name, gzip_to
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.tar import DIRECTORY, FILE, HARDLINK, SYMLINK, TarEntry, TarError, write_tar

WHITEOUT_PREFIX: Final = ".wh."
_MODES: Final[Mapping[str, int]] = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
"""Modes of directories that nobody listed. A layer's replace those of the base, and a file in /tmp must not
close it to everyone else."""


class LayerError(ValueError):
    """The entries do not make a layer; `faults` has a sentence for each reason."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class Kind(enum.Enum):
    """What an entry is; `WHITEOUT` takes away what lower layers have under its path."""

    DIRECTORY = "directory"
    FILE = "file"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    WHITEOUT = "whiteout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    r"""One thing in the image.

    `path` is POSIX and relative to the image's root: `app/whoami.exe` is `/app/whoami.exe` on Linux and
    `C:\app\whoami.exe` on Windows. `open` gives a file's content, exactly `size` bytes, when its turn
    comes. `target` is what a link points at: for a hard link a path of this layer. `mode`, `uid` and `gid`
    count on Linux; `security` (a self-relative security descriptor, empty for the format's own) and
    `target_is_directory` on Windows. `origin` names the source in messages.
    """

    path: str
    kind: Kind = Kind.FILE
    size: int = 0
    open: Callable[[], BinaryIO] | None = field(default=None, compare=False)
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    target: str = ""
    target_is_directory: bool = False
    security: bytes = b""
    origin: str = field(default="", compare=False)


class LayerFormat(Protocol):
    """How one operating system's layers hold entries."""

    ignore_case: bool

    def check(self, entry: Entry) -> str | None:
        """Why the entry cannot be in such a layer, None if it can."""
        ...

    def roots(self, epoch: int) -> Iterable[TarEntry]:
        """What every layer begins with."""
        ...

    def encode(self, entry: Entry, epoch: int) -> TarEntry:
        """The entry as the tar holds it; `epoch` is its time in seconds since 1970."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A written layer: its blob, the digest of its tar, the tar's size in bytes (0 where not known)."""

    descriptor: Descriptor
    diff_id: Digest
    size: int = 0


def write_layer(entries: Iterable[Entry], sink: Sink, *, system: LayerFormat, epoch: int) -> Layer:
    """Write a gzip-compressed layer into `sink` in one pass; raises LayerError.

    The bytes depend on the entries, `epoch` and the compressor alone, not on the entries' order.
    """
    arranged = arrange(entries, system=system)
    tar = write_tar(_encoded(arranged, system, epoch))
    try:
        done = gzip_to(tar, sink)
    except TarError as error:
        raise LayerError(str(error)) from error
    return Layer(
        descriptor=Descriptor(media_type=OCI_LAYER_GZIP, size=done.size, digest=done.digest),
        diff_id=done.plain_digest,
        size=done.plain_size,
    )


def layer_diff_id(entries: Iterable[Entry], *, system: LayerFormat, epoch: int) -> Digest:
    """The digest of the tar that `write_layer` would compress, without compressing or writing it.

    Hashing costs a fraction of compressing: worth it where a layer with this diff_id may be at hand. Raises
    LayerError.
    """
    arranged = arrange(entries, system=system)
    plain = hashlib.sha256()
    try:
        for piece in write_tar(_encoded(arranged, system, epoch)):
            plain.update(piece)
    except TarError as error:
        raise LayerError(str(error)) from error
    return Digest(f"sha256:{plain.hexdigest()}")


def _encoded(entries: Iterable[Entry], system: LayerFormat, epoch: int) -> Iterator[TarEntry]:
    yield from system.roots(epoch)
    for entry in entries:
        yield system.encode(entry, epoch)


def arrange(entries: Iterable[Entry], *, system: LayerFormat) -> list[Entry]:
    """The entries sorted, every parent directory there and in front of what it holds; raises LayerError.

    Hard links come last, since runtimes make them as they read them. Refused are paths that leave the
    image, two entries of one path (whatever their case on Windows) other than the same directory, a file
    that is used as a directory, and hard links to what is no file of the layer; all faults are named at once.
    """
    found: dict[str, Entry] = {}
    faults = []
    fold = str.casefold if system.ignore_case else str
    for entry in sorted(entries, key=lambda one: one.path):
        fault = path_fault(entry.path) or _target_fault(entry.target) or system.check(entry)
        if fault:
            faults.append(f"{_name(entry)}: {fault}")
        elif (other := found.get(fold(entry.path))) is None:
            found[fold(entry.path)] = entry
        elif entry.kind is not Kind.DIRECTORY or entry != other:
            faults.append(f"{_name(other)} and {_name(entry)} are the same path in the image")
    for entry in list(found.values()):
        faults.extend(_add_parents(entry, found, fold))
    faults.extend(
        f"{_name(entry)}: the hard link's target {entry.target!r} {fault}"
        for entry in found.values()
        if entry.kind is Kind.HARDLINK and (fault := _link_fault(entry, found.get(fold(entry.target))))
    )
    if faults:
        raise LayerError(*dict.fromkeys(faults))
    return sorted(
        found.values(),
        key=lambda one: (
            one.kind is Kind.HARDLINK,
            [part.encode("utf-8", "surrogateescape") for part in one.path.split("/")],
        ),
    )


def _add_parents(entry: Entry, found: dict[str, Entry], fold: Callable[[str], str]) -> Iterator[str]:
    """Put missing parents of an entry into `found`; gives a fault where a parent is no directory."""
    parts = entry.path.split("/")
    for count in range(1, len(parts)):
        path = "/".join(parts[:count])
        parent = found.setdefault(
            fold(path), Entry(path=path, kind=Kind.DIRECTORY, mode=_MODES.get(path, 0o755))
        )
        if parent.kind is not Kind.DIRECTORY:
            yield f"{_name(parent)} is a {parent.kind.value}, and {_name(entry)} lies in it"
        elif parent.path != path:
            yield f"{_name(entry)} and {_name(parent)} spell a directory in two ways: use one"


def _link_fault(entry: Entry, target: Entry | None) -> str | None:
    if target is None:
        return "is not in this layer"
    if target.path != entry.target:
        return f"is spelt {target.path!r} in this layer"
    return None if target.kind is Kind.FILE else f"is a {target.kind.value} and no file"


def path_fault(path: str) -> str | None:
    """Why this is no path of an image, None if it is one."""
    parts = path.split("/")
    if not path or "\0" in path:
        return "the path is empty or holds a zero byte"
    if path.startswith("/"):
        return "the path begins with a slash, it must be relative to the image's root"
    if ".." in parts:
        return "the path has a .. in it and would leave the image"
    if "" in parts or "." in parts:
        return "the path has an empty part or a single dot in it"
    if not _has_bytes(path):
        return "the path holds half a character, which UTF-8 has no bytes for"
    return None


def _target_fault(target: str) -> str | None:
    if "\0" in target or not _has_bytes(target):
        return "the link's target holds a zero byte or half a character"
    return None


def _has_bytes(text: str) -> bool:
    """Whether an archive can hold the text: names of files on Windows may have lone surrogates."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _name(entry: Entry) -> str:
    return f"{_shown(entry.path)} ({_shown(entry.origin)})" if entry.origin else _shown(entry.path)


def _shown(text: str) -> str:
    return text if text.isprintable() else repr(text)


class _Linux:
    """Linux layers: owners and modes, names as they are."""

    ignore_case = False
    _TYPES: Final = {
        Kind.DIRECTORY: DIRECTORY,
        Kind.FILE: FILE,
        Kind.SYMLINK: SYMLINK,
        Kind.HARDLINK: HARDLINK,
        Kind.WHITEOUT: FILE,
    }

    def check(self, entry: Entry) -> str | None:
        if any(part.startswith(WHITEOUT_PREFIX) for part in entry.path.split("/")):
            return f"names that begin with {WHITEOUT_PREFIX} mark deleted files in a layer"
        if entry.kind in {Kind.SYMLINK, Kind.HARDLINK} and not entry.target:
            return "the link has no target"
        if entry.kind is Kind.HARDLINK and path_fault(entry.target):
            return f"the hard link's target {entry.target!r} must be a path of the image without a root"
        return None

    def roots(self, epoch: int) -> Iterable[TarEntry]:  # noqa: ARG002 - the protocol's
        return ()

    def encode(self, entry: Entry, epoch: int) -> TarEntry:
        return TarEntry(
            name=whiteout_name(entry) if entry.kind is Kind.WHITEOUT else entry.path,
            kind=self._TYPES[entry.kind],
            size=entry.size if entry.kind is Kind.FILE else 0,
            mode=0o777 if entry.kind is Kind.SYMLINK else entry.mode,
            uid=entry.uid,
            gid=entry.gid,
            mtime=epoch,
            link=entry.target,
            open=entry.open,
        )


def whiteout_name(entry: Entry) -> str:
    """The name under which a layer says that `entry.path` is gone."""
    folder, slash, name = entry.path.rpartition("/")
    return f"{folder}{slash}{WHITEOUT_PREFIX}{name}"


LINUX: Final[LayerFormat] = _Linux()
COMPRESSOR: Final = compressor_name()
