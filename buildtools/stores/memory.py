"""A store in memory: for tests, and for documents on their way from one place to another."""

import io
import threading
from types import TracebackType
from typing import BinaryIO, Self

from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.stores.base import (
    CHUNK,
    BlobWriter,
    Check,
    NotFoundError,
    OpenBody,
    as_digest,
    manifest_descriptor,
    verified,
)


class MemoryStore:
    """Blobs, manifests and tags in dictionaries; `name` is what sentences call the store."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.blobs: dict[Digest, bytes] = {}
        self.manifests: dict[Digest, tuple[str, bytes]] = {}
        self.tags: dict[str, Digest] = {}
        self._lock = threading.Lock()

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there with the descriptor's size."""
        data = self.blobs.get(descriptor.digest)
        return data is not None and len(data) == descriptor.size

    def get_blob(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob; raises NotFoundError, and VerificationError while it is read."""
        data = self.blobs.get(descriptor.digest)
        if data is None:
            raise NotFoundError(f"Blob {descriptor.digest} is not in {self.name}")
        return verified(io.BytesIO(data), descriptor, self.name)

    def put_blob(self, descriptor: Descriptor, open_body: OpenBody) -> None:
        """Write a blob; raises VerificationError."""
        with open_body() as body, self.new_blob() as writer:
            while data := body.read(CHUNK):
                writer.write(data)
            writer.commit(descriptor)

    def new_blob(self) -> BlobWriter:
        """Begin a blob whose digest is not known yet."""
        return _MemoryWriter(self)

    def get_manifest(self, identifier: str) -> tuple[Descriptor, bytes]:
        """A manifest by tag or digest; raises NotFoundError."""
        with self._lock:
            digest = as_digest(identifier) or self.tags.get(identifier)
            found = self.manifests.get(digest) if digest else None
        if found is None:
            raise NotFoundError(f"Manifest {identifier} is not in {self.name}")
        media_type, raw = found
        return Descriptor.of(raw, media_type), raw

    def put_manifest(self, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Write a manifest; raises BuildError when it is too large."""
        descriptor = manifest_descriptor(raw, media_type, self.name)
        with self._lock:
            self.manifests[descriptor.digest] = (media_type, raw)
            if tag:
                self.tags[tag] = descriptor.digest
        return descriptor

    def resolve(self, identifier: str) -> Descriptor:
        """What a tag or digest stands for; raises NotFoundError."""
        return self.get_manifest(identifier)[0]


class _MemoryWriter:
    """A blob on its way into a MemoryStore."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._check = Check(store.name)
        self._buffer = io.BytesIO()

    def write(self, data: bytes | memoryview, /) -> int:
        self._check.update(data)
        return self._buffer.write(data)

    def commit(self, descriptor: Descriptor) -> None:
        self._check.finish(descriptor)
        self._store.blobs[descriptor.digest] = self._buffer.getvalue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._buffer.close()
