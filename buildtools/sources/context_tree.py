"""The folder that a Dockerfile copies from: what is in it, and what `.dockerignore` leaves out."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from buildtools.dockerfile.copying import Files
from buildtools.dockerfile.globs import Ignore, PatternError, read_ignore
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.layer import Entry, Kind

IGNORE: Final = ".dockerignore"
_ON_WINDOWS: Final = os.name == "nt"
_ARCHIVES: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_TAR_MAGIC: Final = 257


def read_context(root: Path, dockerfile: Path, *, shown: str) -> Files:
    """The context's files by path, without what `.dockerignore` leaves out; nothing is opened.

    `shown` is the context's folder as people write it. Raises ConfigurationError for a `.dockerignore` that
    cannot be read, and for what is neither a file, a folder nor a link.
    """
    if not root.is_dir():
        raise ConfigurationError(
            Diagnostic(
                code="dockerfile-context", message=f"the context {shown} is no folder", hint="mend `context`"
            )
        )
    return {entry.path: entry for entry in _walk(root, "", _ignore(root, dockerfile, shown), shown)}


def shown_path(folder: str, path: str) -> str:
    """A path relative to a folder of the project, as people write it in the project."""
    parts: list[str] = []
    for part in PurePosixPath(folder, path).parts:
        if part == "..":
            parts[-1:] = []
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "."


def own_ignore(dockerfile: Path) -> Path:
    """The file whose rules go before those of the context's: `Dockerfile.dockerignore`."""
    return dockerfile.with_name(f"{dockerfile.name}{IGNORE}")


def _ignore(root: Path, dockerfile: Path, shown: str) -> Ignore:
    """The rules of the Dockerfile's own file, else of the context's."""
    for path in (own_ignore(dockerfile), root / IGNORE):
        try:
            text = path.read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            continue
        try:
            return read_ignore(text)
        except PatternError as error:
            number, _, message = str(error).partition(": ")
            raise ConfigurationError(
                Diagnostic(
                    code="dockerfile-ignore",
                    message=message,
                    hint="mend the pattern",
                    path=f"{shown}/{path.name}".removeprefix("./"),
                    line=int(number.removeprefix("line ")),
                    column=1,
                )
            ) from error
    return Ignore()


def _walk(folder: Path, name: str, ignore: Ignore, shown: str) -> Iterator[Entry]:
    """Everything below a folder; a folder that is left out counts where something in it is taken in again."""
    with os.scandir(folder) as listed:
        found = sorted(listed, key=lambda entry: entry.name)
    for item in found:
        path = f"{name}/{item.name}" if name else item.name
        out = ignore.leaves_out(path)
        if item.is_dir(follow_symlinks=False):
            if out and not ignore.keeps:
                continue
            inner = list(_walk(Path(item.path), path, ignore, shown))
            if inner or not out:
                yield _entry(item, path, shown)
                yield from inner
        elif not out:
            yield _entry(item, path, shown)


def _entry(item: "os.DirEntry[str]", path: str, shown: str) -> Entry:
    status = item.stat(follow_symlinks=False)
    mode = 0o755 if _ON_WINDOWS else stat.S_IMODE(status.st_mode)
    origin = f"{shown}/{path}".removeprefix("./")
    if stat.S_ISLNK(status.st_mode):
        target = Path(item.path).readlink()
        return Entry(path=path, kind=Kind.SYMLINK, target=target.as_posix(), origin=origin)
    if stat.S_ISDIR(status.st_mode):
        return Entry(path=path, kind=Kind.DIRECTORY, mode=mode, origin=origin)
    if not stat.S_ISREG(status.st_mode):
        message = f"{origin} is neither a file nor a folder"
        raise ConfigurationError(
            Diagnostic(code="dockerfile-context", message=message, hint="leave it out with .dockerignore")
        )
    place = Path(item.path)

    def opened() -> BinaryIO:
        return place.open("rb")

    return Entry(path=path, size=status.st_size, open=opened, mode=mode, origin=origin)


def is_archive(entry: Entry) -> bool:
    """Whether ADD would unpack the file: a tar archive, compressed or not, whatever its name says."""
    if entry.kind is not Kind.FILE or entry.open is None:
        return False
    with entry.open() as file:
        head = file.read(_TAR_MAGIC + 5)
    return head.startswith(_ARCHIVES) or head[_TAR_MAGIC:] == b"ustar"
