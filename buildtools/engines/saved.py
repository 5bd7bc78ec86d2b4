"""An image on its way out of an engine: the stream of `docker save`, layer by layer into a store.

Two forms are read: that of engines before 25, and the OCI layout that later ones write, both with the
`manifest.json` that says which is which. A layer is compressed once and only where it is not yet, and
never held in memory; layers that a known base has are left to it.
Source: moby/moby:image/tarexport/save.go, image/spec/v1.2.md.
"""

import hashlib
import io
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from buildtools.errors import BuildError
from buildtools.oci.compress import BLOCK, CompressionError, gzip_to, inflated
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.documents import MAX_DOCUMENT
from buildtools.oci.layer import Layer
from buildtools.oci.tar import FILE, HARDLINK, SYMLINK, TarEntry, TarError, read_tar
from buildtools.stores.base import Store

_BLOBS: Final = "blobs/sha256/"
_GZIP: Final = b"\x1f\x8b"
_HEAD: Final = 512
_AGAIN: Final = "build again; the engine may have been stopped meanwhile, or its disk be full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """An image that is out of its engine: its config's bytes, and its layers from the lowest on."""

    config: bytes
    layers: tuple[Layer, ...]


def read_saved(
    pieces: Iterator[bytes], store: Store, known: Mapping[Digest, Descriptor], *, name: str
) -> Saved:
    """Put the layers of the one image in the stream into the store.

    `known` are layers of bases by diff_id: these are not stored. `name` is the target's. Raises BuildError
    for a stream that is cut off, damaged, or whose digests are not those that it says.
    """
    reader = _Reader(store=store, known=known, name=name)
    try:
        for entry, body in read_tar(_Pieces(pieces)):
            reader.take(entry, body)
    except TarError as error:
        text = f"{name}: what the engine saves is cut off or damaged: {error}"
        raise BuildError(text, hint=_AGAIN) from error
    return reader.finish()


class _Pieces:
    """A stream of pieces as one of any sizes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        found, self._rest = self._rest[:size], self._rest[size:]
        return bytes(found)


@dataclass(kw_only=True)
class _Reader:
    """What was met in the stream so far, by name."""

    store: Store
    known: Mapping[Digest, Descriptor]
    name: str
    layers: dict[str, Layer] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def take(self, entry: TarEntry, body: BinaryIO) -> None:
        name = posixpath.normpath(entry.name)
        if entry.kind in {SYMLINK, HARDLINK}:
            folder = posixpath.dirname(name) if entry.kind == SYMLINK else ""
            self.links[name] = posixpath.normpath(posixpath.join(folder, entry.link))
        elif entry.kind == FILE and not self._is_known(name):
            head = _head(body)
            if name.endswith("layer.tar") or _is_layer(head):
                self.layers[name] = self._stored(name, head, body)
            elif entry.size <= MAX_DOCUMENT:
                self.documents[name] = head + body.read()

    def _is_known(self, name: str) -> bool:
        """Whether the name says that this is a layer of a base, compressed or not."""
        digest = Digest(f"sha256:{name.removeprefix(_BLOBS)}")
        for diff_id, descriptor in self.known.items():
            if digest in {diff_id, descriptor.digest}:
                self.layers[name] = Layer(descriptor=descriptor, diff_id=diff_id)
                return True
        return False

    def _stored(self, name: str, head: bytes, body: BinaryIO) -> Layer:
        with self.store.new_blob() as blob:
            try:
                if head.startswith(_GZIP):
                    tee = _Tee(head, body, blob)
                    plain, size = _hashed(inflated(tee))  # type: ignore[arg-type] # it reads, no more is asked
                    digest, length = Digest(f"sha256:{tee.hash.hexdigest()}"), tee.size
                else:
                    done = gzip_to(_joined(head, body), blob)
                    plain, size, digest, length = done.plain_digest, done.plain_size, done.digest, done.size
            except CompressionError as error:
                raise self._fault(f"a layer that the engine saves cannot be read: {error}") from error
            if name.startswith(_BLOBS) and f"sha256:{name.removeprefix(_BLOBS)}" not in {plain, digest}:
                raise self._fault(f"{name} that the engine saves has digest {plain}")
            if plain in self.known:
                return Layer(descriptor=self.known[plain], diff_id=plain)
            descriptor = Descriptor(media_type=OCI_LAYER_GZIP, size=length, digest=digest)
            blob.commit(descriptor)
        return Layer(descriptor=descriptor, diff_id=plain, size=size)

    def finish(self) -> Saved:
        try:
            (image,) = json.loads(self.documents["manifest.json"])
            config_name, names = str(image["Config"]), [str(name) for name in image["Layers"]]
            config = self.documents[self._target(config_name)]
            layers = tuple(self.layers[self._target(name)] for name in names)
        except KeyError as error:
            raise self._fault(f"what the engine saves lacks {error}") from error
        except (ValueError, TypeError) as error:
            raise self._fault(f"the engine's manifest.json cannot be read: {error}") from error
        told = posixpath.basename(config_name).removesuffix(".json")
        if digest_of(config) != f"sha256:{told}":
            raise self._fault(f"{config_name} that the engine saves has digest {digest_of(config)}")
        self._compare(config, layers)
        return Saved(config=config, layers=layers)

    def _target(self, name: str) -> str:
        """The entry that a name leads to: equal layers of old forms are links to the first."""
        for _ in range(len(self.links)):
            name = self.links.get(name, name)
        return name

    def _compare(self, config: bytes, layers: tuple[Layer, ...]) -> None:
        try:
            told: Any = json.loads(config)["rootfs"]["diff_ids"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._fault(f"the engine's image config cannot be read: {error}") from error
        if told != [layer.diff_id for layer in layers]:
            raise self._fault("the layers that the engine saves are not those that the image's config names")

    def _fault(self, text: str) -> BuildError:
        return BuildError(f"{self.name}: {text}", hint=_AGAIN)


class _Tee:
    """Reads a stream, and hashes and writes what is read."""

    def __init__(self, head: bytes, body: BinaryIO, sink: Any) -> None:
        self.hash = hashlib.sha256()
        self.size = 0
        self._pieces = _Pieces(_joined(head, body))
        self._sink = sink

    def read(self, size: int) -> bytes:
        data = self._pieces.read(size)
        self.hash.update(data)
        self.size += len(data)
        self._sink.write(data)
        return data


def _hashed(pieces: Iterator[bytes]) -> tuple[Digest, int]:
    plain, total = hashlib.sha256(), 0
    for piece in pieces:
        plain.update(piece)
        total += len(piece)
    return Digest(f"sha256:{plain.hexdigest()}"), total


def _head(body: BinaryIO) -> bytes:
    data = io.BytesIO()
    while data.tell() < _HEAD and (more := body.read(_HEAD - data.tell())):
        data.write(more)
    return data.getvalue()


def _is_layer(head: bytes) -> bool:
    """Whether a file begins as a tar or a gzip stream does; an empty tar is all zeros."""
    return head.startswith(_GZIP) or head[257:262] == b"ustar" or (len(head) == _HEAD and not any(head))


def _joined(head: bytes, body: BinaryIO) -> Iterator[bytes]:
    yield head
    while data := body.read(BLOCK):
        yield data
