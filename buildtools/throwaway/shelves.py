"""What a repository of the throw-away registry holds: manifests and tags in memory, blobs as files."""

import hashlib
import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from buildtools.oci.digest import Digest, encoded
from buildtools.stores import disk

_BUFFER: Final = 1024 * 1024


class Incoming(Protocol):
    """A blob that is being uploaded: bytes are appended until it is kept or dropped."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    @property
    def digest(self) -> Digest:
        """The digest of the bytes so far."""

    def write(self, data: bytes, /) -> object:
        """Append bytes."""

    def keep(self) -> None:
        """Make it a blob of the shelf that it was begun on."""

    def drop(self) -> None:
        """Forget all of it."""


class Shelf(Protocol):
    """One repository. Whoever calls sees to it that only one thread changes it at a time."""

    manifests: dict[Digest, tuple[str, bytes]]
    """Media type and bytes by digest, in the order in which they came."""
    tags: dict[str, Digest]

    def blob_size(self, digest: Digest, /) -> int | None:
        """Bytes of a blob, None where it is not here."""

    def open_blob(self, digest: Digest, /) -> BinaryIO:
        """The bytes of a blob that is here."""

    def begin(self) -> Incoming:
        """Begin an upload."""

    def share(self, digest: Digest, other: "Shelf", /) -> bool:
        """Take a blob from another shelf without copying it; False where that has it not."""

    def remove_blob(self, digest: Digest, /) -> None:
        """Forget a blob."""


class FolderShelf:
    """A repository whose blobs are files in a folder that all repositories share, each blob once."""

    def __init__(self, folder: Path, names: Callable[[], str]) -> None:
        self.manifests: dict[Digest, tuple[str, bytes]] = {}
        self.tags: dict[str, Digest] = {}
        self._sizes: dict[Digest, int] = {}
        self._folder = folder
        self._names = names

    def blob_size(self, digest: Digest, /) -> int | None:
        """Bytes of a blob, None where it is not here."""
        return self._sizes.get(digest)

    def open_blob(self, digest: Digest, /) -> BinaryIO:
        """The bytes of a blob that is here."""
        return (self._folder / encoded(digest)).open("rb")

    def begin(self) -> Incoming:
        """Begin an upload: a file of its own until it is kept."""
        return _File(self._folder, f"{self._names()}.part", self._sizes)

    def share(self, digest: Digest, other: Shelf, /) -> bool:
        """Take a blob that another shelf of the folder has."""
        size = other.blob_size(digest)
        if size is not None:
            self._sizes[digest] = size
        return size is not None

    def remove_blob(self, digest: Digest, /) -> None:
        """Forget a blob; its file stays, since other repositories may have it too."""
        del self._sizes[digest]


class Shelves:
    """All repositories of a folder, made as they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._shelves: dict[str, FolderShelf] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> FolderShelf | None:
        """The repository, None where nothing was written to it."""
        return self._shelves.get(name)

    def made(self, name: str) -> FolderShelf:
        """The repository, made where it is not there."""
        with self._lock:
            return self._shelves.setdefault(name, FolderShelf(self._folder, self._name))

    def _name(self) -> str:
        return str(next(self._numbers))


class _File:
    """An upload in a file, hashed as it comes so that it is never read again."""

    def __init__(self, folder: Path, name: str, sizes: dict[Digest, int]) -> None:
        self._folder = folder
        self._path = folder / name
        self._sizes = sizes
        self._file = self._path.open("xb", buffering=_BUFFER)
        self._sha256 = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> Digest:
        return Digest(f"sha256:{self._sha256.hexdigest()}")

    def write(self, data: bytes, /) -> None:
        self._file.write(data)
        self._sha256.update(data)
        self.size += len(data)

    def keep(self) -> None:
        target = self._folder / encoded(self.digest)
        if target.exists():
            # Another repository's, and perhaps being read: Windows would not replace it.
            self.drop()
        else:
            self._file.close()
            disk.replace(self._path, target)
        self._sizes[self.digest] = self.size

    def drop(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
