"""What a store is: the protocol that memory, layout and registry share, and how bytes are held to a digest.

A store holds blobs by digest, and manifests (indexes too) by digest and by tag. Its methods may be called
from several threads at once. Bytes that do not fit their descriptor never become visible and are never
handed out to the end.
"""

import hashlib
import io
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self, cast

from buildtools.errors import AuthenticationError, BuildError, VerificationError
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest, DigestError, digest_of, parse_digest
from buildtools.oci.documents import MAX_DOCUMENT, DocumentError, Index, Manifest, parse_document

CHUNK: Final = 1024 * 1024
"""Bytes read at once: hashing and system calls cost nothing noticeable from here on."""


class NotFoundError(BuildError):
    """The store has no such blob, manifest or tag."""


class DeniedError(AuthenticationError):
    """The log-in is fine, or none is wanted, and this is not allowed; something else may still be."""


class TooLargeError(BuildError):
    """A document has more than MAX_DOCUMENT bytes."""


class Readable(Protocol):
    """A store that is read: has, get and resolve.

    An identifier is a tag or a digest. What is missing raises NotFoundError, what does not fit its digest
    or size VerificationError; each names the store.
    """

    @property
    def name(self) -> str:
        """What sentences call the store, such as `mcr.microsoft.com/windows/nanoserver`."""

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there with the descriptor's size; its bytes are not read."""

    def get_blob(self, descriptor: Descriptor) -> BinaryIO:
        """Open the blob: a context manager whose bytes are held to the descriptor as they are read."""

    def get_manifest(self, identifier: str) -> tuple[Descriptor, bytes]:
        """The bytes of a manifest or index of at most MAX_DOCUMENT bytes, and their descriptor."""

    def resolve(self, identifier: str) -> Descriptor:
        """What a tag or digest stands for now, without its bytes where the store can tell."""


class BlobWriter(Protocol):
    """A blob on its way into a store: nothing is there until `commit`, and nothing remains without."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Append bytes; returns how many."""

    def commit(self, descriptor: Descriptor) -> None:
        """Hold the bytes to the descriptor and make the blob visible; raises VerificationError."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


OpenBody = Callable[[], BinaryIO]
"""Opens a blob's bytes from their start: a context manager; a network may need them more than once."""


class Writable(Readable, Protocol):
    """A store that is also written; writing what is already there is allowed and changes nothing."""

    def put_blob(self, descriptor: Descriptor, open_body: OpenBody) -> None:
        """Write a blob; raises VerificationError, and keeps nothing, when the bytes do not fit."""

    def put_manifest(self, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Write a manifest or index as these bytes, and let `tag` point at it; returns its descriptor.

        Raises BuildError when it has more than MAX_DOCUMENT bytes.
        """


class Store(Writable, Protocol):
    """A store that blobs are made in: their digests come out while they are written."""

    def new_blob(self) -> BlobWriter:
        """Begin a blob whose digest is not known yet."""


class Check:
    """Counts and hashes bytes, and holds them to a descriptor.

    `store` names the place in errors.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._sha256 = hashlib.sha256()
        self.size = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take note of these bytes."""
        self._sha256.update(data)
        self.size += len(data)

    def finish(self, descriptor: Descriptor) -> None:
        """Raise VerificationError unless all bytes so far are the descriptor's."""
        if self.size != descriptor.size:
            raise wrong_size(descriptor, self._store, f"{self.size}")
        if (found := f"sha256:{self._sha256.hexdigest()}") != descriptor.digest:
            raise VerificationError(
                f"The bytes of blob {descriptor.digest} in {self._store} have digest {found}",
                hint="they were damaged or replaced; delete that copy and fetch or build it again",
            )


def wrong_size(descriptor: Descriptor, store: str, found: str) -> VerificationError:
    """The error for a blob of another size than its descriptor says."""
    return VerificationError(
        f"Blob {descriptor.digest} in {store} has {found} bytes, its descriptor says {descriptor.size}",
        hint="it was cut off or replaced; delete that copy and fetch or build it again",
    )


class _VerifiedSource(io.RawIOBase):
    """Reads another stream and holds it to a descriptor."""

    def __init__(self, source: io.RawIOBase | BinaryIO, descriptor: Descriptor, store: str) -> None:
        self._source = source
        self._descriptor = descriptor
        self._store = store
        self._check = Check(store)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override] # BufferedReader gives a memoryview
        count = self._source.readinto(buffer) or 0  # type: ignore[union-attr] # every binary stream of CPython has it
        self._check.update(buffer[:count])
        if self._check.size > self._descriptor.size:
            raise wrong_size(self._descriptor, self._store, "more")
        # At the declared size already, so that a reader that stops there has been told.
        if len(buffer) and (not count or self._check.size == self._descriptor.size):
            self._check.finish(self._descriptor)
        return count

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()

    def is_held_to(self, descriptor: Descriptor) -> bool:
        """Whether this stream is held to just that."""
        return (self._descriptor.digest, self._descriptor.size) == (descriptor.digest, descriptor.size)


def verified(source: io.RawIOBase | BinaryIO, descriptor: Descriptor, store: str) -> BinaryIO:
    """`source` as a stream that raises VerificationError before its last byte when it does not fit."""
    raw = getattr(source, "raw", None)
    if isinstance(raw, _VerifiedSource) and raw.is_held_to(descriptor):
        # What comes out of another store is hashed already.
        return cast("BinaryIO", source)
    return io.BufferedReader(_VerifiedSource(source, descriptor, store), buffer_size=CHUNK)


def read_document(store: Readable, descriptor: Descriptor) -> bytes:
    """The bytes of a small blob such as a config; raises BuildError above MAX_DOCUMENT bytes."""
    if descriptor.size > MAX_DOCUMENT:
        raise too_large(f"Blob {descriptor.digest} in {store.name}", f"{descriptor.size}")
    with store.get_blob(descriptor) as body:
        return body.read()


def manifest_descriptor(raw: bytes, media_type: str, store: str) -> Descriptor:
    """The descriptor of a manifest about to be written; raises BuildError above MAX_DOCUMENT bytes."""
    if len(raw) > MAX_DOCUMENT:
        raise too_large(f"The manifest for {store}", f"{len(raw)}")
    return Descriptor.of(raw, media_type)


def too_large(what: str, size: str) -> TooLargeError:
    """The error for a document above MAX_DOCUMENT."""
    return TooLargeError(
        f"{what} has {size} bytes, registries and nodes take at most {MAX_DOCUMENT}",
        hint="it has too many entries, layers or annotations",
    )


def check_manifest(raw: bytes, digest: Digest, store: str) -> None:
    """Raise VerificationError unless these bytes have this digest."""
    if (found := digest_of(raw)) != digest:
        raise VerificationError(
            f"The bytes of manifest {digest} in {store} have digest {found}",
            hint="they were damaged or replaced; delete that copy and fetch or build it again",
        )


def read_manifest(raw: bytes, media_type: str, what: str) -> Manifest | Index:
    """The document in these bytes, served as `media_type`; raises VerificationError that names `what`."""
    try:
        return parse_document(raw, media_type)
    except DocumentError as error:
        raise VerificationError(f"{what} cannot be used: {error}") from error


def as_digest(identifier: str) -> Digest | None:
    """The identifier as a digest, or None when it is a tag: tags hold no colon.

    Raises BuildError for what is neither.
    """
    if ":" not in identifier:
        return None
    try:
        return parse_digest(identifier)
    except DigestError as error:
        raise BuildError(str(error)) from error
