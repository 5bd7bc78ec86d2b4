"""A store on disk: an OCI image layout that other tools read, and that is valid at every moment.

Blobs appear complete or not at all, `index.json` is replaced in one step and read and written under a
lock, so killed builds and builds side by side leave a valid layout. Next to the specification's files lies
`.buildtools/`: the lock, one held file a process that is writing, and the temporary files of those.
Source: opencontainers/image-spec:image-layout.md.
"""

import itertools
import os
import secrets
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from buildtools.errors import BuildError
from buildtools.oci.descriptor import (
    DOCKER_CONFIG,
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_CONFIG,
    OCI_INDEX,
    Descriptor,
)
from buildtools.oci.digest import Digest, DigestError, encoded, parse_digest
from buildtools.oci.documents import MAX_DOCUMENT, Index, Manifest, canonical_json
from buildtools.stores import disk
from buildtools.stores.base import (
    CHUNK,
    BlobWriter,
    Check,
    NotFoundError,
    OpenBody,
    as_digest,
    check_manifest,
    manifest_descriptor,
    read_manifest,
    too_large,
    verified,
)

REF_NAME: Final = "org.opencontainers.image.ref.name"
_VERSION: Final = {"imageLayoutVersion": "1.0.0"}
_WORK: Final = ".buildtools"
_DOCUMENTS: Final = INDEX_TYPES | MANIFEST_TYPES | {OCI_CONFIG, DOCKER_CONFIG}


class Layout:
    """The OCI image layout in the folder `path`; nothing is created before the first write.

    Writing raises BuildError, naming the path, when the disk is full or permission is denied.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self._blobs = path / "blobs" / "sha256"
        self._work = path / _WORK
        self._session: _Session | None = None
        self._starting = threading.Lock()

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there with the descriptor's size."""
        try:
            return self._file(descriptor.digest).stat().st_size == descriptor.size
        except OSError:
            return False

    def get_blob(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob; raises NotFoundError, and VerificationError while it is read."""
        path = self._file(descriptor.digest)
        with disk.errors_name(path, "read"):
            try:
                return verified(path.open("rb", buffering=0), descriptor, self.name)
            except FileNotFoundError as error:
                raise NotFoundError(
                    f"Blob {descriptor.digest} is not in {self.name}",
                    hint="layers of a base stay in its registry until the image is published",
                ) from error

    def put_blob(self, descriptor: Descriptor, open_body: OpenBody) -> None:
        """Write a blob; raises VerificationError."""
        with open_body() as body, self.new_blob() as writer:
            while data := body.read(CHUNK):
                writer.write(data)
            writer.commit(descriptor)

    def new_blob(self) -> BlobWriter:
        """Begin a blob whose digest is not known yet."""
        return _LayoutWriter(self._blobs, self._started().temporary(), self.name)

    def get_manifest(self, identifier: str) -> tuple[Descriptor, bytes]:
        """A manifest by digest or by the ref name in `index.json`; raises NotFoundError."""
        digest = as_digest(identifier)
        if digest is None:
            entry = self._tagged(identifier)
            raw = self._document(entry.digest)
            return Descriptor.of(raw, entry.media_type), raw
        raw = self._document(digest)
        return read_manifest(raw, "", f"Manifest {digest} in {self.name}").descriptor, raw

    def put_manifest(self, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Write a manifest by digest; with `tag`, `index.json` names it by that ref name beside others."""
        descriptor = manifest_descriptor(raw, media_type, self.name)
        with self.new_blob() as writer:
            writer.write(raw)
            writer.commit(descriptor)
        if tag:
            named = replace(descriptor, annotations={REF_NAME: tag})
            with self._locked():
                others = (item for item in self.entries() if item.annotations.get(REF_NAME) != tag)
                self._write_index((*others, named))
        return descriptor

    def resolve(self, identifier: str) -> Descriptor:
        """What a ref name or digest stands for; raises NotFoundError."""
        return self.get_manifest(identifier)[0]

    def put_index(self, descriptor: Descriptor, *, ref_name: str) -> None:
        """Make this index, already written, the only entry of `index.json`.

        Raises BuildError when a manifest or config that it names is not there. Layers may be missing:
        those of a base are left to its registry.
        """
        with self._locked():
            for item in self.walk(descriptor):
                if item.media_type in _DOCUMENTS and not self.has_blob(item):
                    raise BuildError(
                        f"{self.name} lacks {item.media_type} {item.digest} that {descriptor.digest} names",
                        hint="another command swept the folder; build again",
                    )
            self._write_index((replace(descriptor, annotations={REF_NAME: ref_name}),))

    @property
    def is_valid(self) -> bool:
        """Whether the folder says that it is an OCI image layout."""
        return (self.path / "oci-layout").is_file()

    def entries(self) -> tuple[Descriptor, ...]:
        """What `index.json` names; raises NotFoundError when the folder is no layout."""
        path = self.path / "index.json"
        with disk.errors_name(path, "read"):
            try:
                raw = _read_capped(path, f"{path}")
            except FileNotFoundError as error:
                raise NotFoundError(
                    f"{self.path} is no OCI image layout, it has no index.json",
                    hint="name a folder that `buildtools build` or another tool has written",
                ) from error
        document = read_manifest(raw, OCI_INDEX, f"{path}")
        return document.manifests if isinstance(document, Index) else ()

    def walk(self, *roots: Descriptor) -> Iterator[Descriptor]:
        """All descriptors that the roots name, the roots included, each digest once, parents first."""
        seen: set[Digest] = set()
        ahead = list(reversed(roots))
        while ahead:
            descriptor = ahead.pop()
            if descriptor.digest in seen:
                continue
            seen.add(descriptor.digest)
            yield descriptor
            ahead.extend(reversed(self._named_by(descriptor)))

    def reachable(self) -> frozenset[Digest]:
        """The digests of all that `index.json` names, directly or not."""
        return frozenset(item.digest for item in self.walk(*self.entries()))

    def missing(self) -> tuple[Descriptor, ...]:
        """What `index.json` names and the folder does not hold: base layers left to their registry."""
        return tuple(item for item in self.walk(*self.entries()) if not self.has_blob(item))

    def sweep(self, keep: Iterable[Digest] = ()) -> tuple[Digest, ...]:
        """Delete blobs that nothing names and that are not in `keep`; returns their digests.

        While another process is writing to the layout nothing is deleted: its blobs may not be named
        yet. What killed processes left is deleted in any case.
        """
        if not (self.path / "index.json").exists():
            return ()
        with self._locked():
            if self._sweep_sessions():
                return ()
            wanted = self.reachable() | set(keep)
            found = sorted(path.name for path in self._blobs.iterdir())
            digests = [_as_blob(name) for name in found]
            return tuple(
                digest
                for digest in digests
                if digest and digest not in wanted and disk.remove(self._file(digest))
            )

    def close(self) -> None:
        """Say that this process writes no more; the layout may be used again all the same."""
        with self._starting:
            if self._session:
                self._session.end()
            self._session = None

    def _file(self, digest: Digest) -> Path:
        return self._blobs / encoded(digest)

    def _document(self, digest: Digest) -> bytes:
        path = self._file(digest)
        with disk.errors_name(path, "read"):
            try:
                raw = _read_capped(path, f"Manifest {digest} in {self.name}")
            except FileNotFoundError as error:
                raise NotFoundError(f"Manifest {digest} is not in {self.name}") from error
        check_manifest(raw, digest, self.name)
        return raw

    def _tagged(self, name: str) -> Descriptor:
        entries = self.entries()
        for entry in entries:
            if entry.annotations.get(REF_NAME) == name:
                return entry
        names = ", ".join(sorted(filter(None, (entry.annotations.get(REF_NAME) for entry in entries))))
        raise NotFoundError(f"{self.name} has no image named {name!r}", hint=f"it names {names or 'none'}")

    def _named_by(self, descriptor: Descriptor) -> tuple[Descriptor, ...]:
        if descriptor.media_type not in INDEX_TYPES | MANIFEST_TYPES or not self.has_blob(descriptor):
            return ()
        raw = self._document(descriptor.digest)
        document = read_manifest(raw, descriptor.media_type, f"Manifest {descriptor.digest} in {self.name}")
        if isinstance(document, Manifest):
            return (document.config, *document.layers)
        return document.manifests

    def _write_index(self, entries: Iterable[Descriptor]) -> None:
        """Replace `index.json`; the blobs it names reach the disk before it does."""
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [entry.to_json() for entry in entries],
        }
        path = self.path / "index.json"
        with disk.errors_name(path, "written"):
            disk.sync_folder(self._blobs)
            disk.write_atomic(path, canonical_json(document), temporary=self._started().temporary())

    def _started(self) -> "_Session":
        """The session of this object; the first one makes the folder a layout."""
        with self._starting:
            if self._session is None:
                with disk.errors_name(self.path, "written"):
                    self._blobs.mkdir(parents=True, exist_ok=True)
                    self._work.mkdir(exist_ok=True)
                    with disk.locked(self._work / "lock"):
                        self._session = _Session(self._work)
                        self._make_valid(self._session)
                weakref.finalize(self, self._session.end)
            return self._session

    def _make_valid(self, session: "_Session") -> None:
        files = {
            "oci-layout": _VERSION,
            "index.json": {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []},
        }
        for name, document in files.items():
            if not (path := self.path / name).exists():
                disk.write_atomic(path, canonical_json(document), temporary=session.temporary())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._started()
        with disk.errors_name(self.path, "written"), disk.locked(self._work / "lock"):
            yield

    def _sweep_sessions(self) -> bool:
        """Delete what dead processes left; returns whether another one is alive. Needs the lock."""
        own = self._started().token
        alive = {own}
        for path in self._work.glob("*.session"):
            if path.stem != own and _is_held(path):
                alive.add(path.stem)
        for path in self._work.iterdir():
            if path.name != "lock" and path.name.partition(".")[0] not in alive:
                disk.remove(path)
        return len(alive) > 1


class _Session:
    """A process that writes: a file held locked while it lives, and names for its temporary files.

    Made and judged only under the layout's lock, so that none is found before it is held.
    """

    def __init__(self, work: Path) -> None:
        self.token = secrets.token_hex(8)
        self._work = work
        self._numbers = itertools.count()
        self._path = work / f"{self.token}.session"
        self._handle = disk.open_lock_file(self._path)
        disk.try_lock(self._handle)
        self._ended = False

    def temporary(self) -> Path:
        return self._work / f"{self.token}.{next(self._numbers)}"

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            os.close(self._handle)
            disk.remove(self._path)


class _LayoutWriter:
    """A blob on its way into a layout."""

    def __init__(self, blobs: Path, temporary: Path, store: str) -> None:
        self._blobs = blobs
        self._temporary = temporary
        self._check = Check(store)
        self._committed = False
        with disk.errors_name(temporary, "written"):
            self._file = temporary.open("xb", buffering=CHUNK)

    def write(self, data: bytes | memoryview, /) -> int:
        self._check.update(data)
        with disk.errors_name(self._temporary, "written"):
            return self._file.write(data)

    def commit(self, descriptor: Descriptor) -> None:
        self._check.finish(descriptor)
        path = self._blobs / encoded(descriptor.digest)
        with disk.errors_name(path, "written"):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            disk.replace(self._temporary, path)
        self._committed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._committed:
            with suppress(OSError):
                self._file.close()
            disk.remove(self._temporary)


def _read_capped(path: Path, what: str) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_DOCUMENT + 1)
    if len(raw) > MAX_DOCUMENT:
        raise too_large(what, f"more than {MAX_DOCUMENT}")
    return raw


def _as_blob(name: str) -> Digest | None:
    try:
        return parse_digest(f"sha256:{name}")
    except DigestError:
        return None


def _is_held(path: Path) -> bool:
    handle = disk.open_lock_file(path)
    try:
        return not disk.try_lock(handle)
    finally:
        os.close(handle)
