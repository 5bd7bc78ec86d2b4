"""Layers of images that are read back: each once, in one pass, several at once, nothing kept in memory.

What one pass says of a layer: whether its bytes are those of its digest, what its tar's digest is (the
`diff_id`), and which rules of its operating system it breaks.
"""

import hashlib
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final, cast

from buildtools.errors import BuildError, Diagnostic, VerificationError
from buildtools.oci.compress import MOST_INFLATED, CompressionError, inflated
from buildtools.oci.descriptor import LAYER_TYPES, OCI_LAYER_ZSTD, Descriptor
from buildtools.oci.digest import Digest, short
from buildtools.oci.lint import lint_linux_layer
from buildtools.oci.pieces import PieceReader
from buildtools.oci.tar import TarEntry, TarError, read_tar
from buildtools.oci.validate import is_attestation
from buildtools.stores.base import CHUNK, NotFoundError, Readable
from buildtools.stores.parallel import side_by_side
from buildtools.tree import Entry
from buildtools.windows.lint import lint_windows_layer

MAX_FINDINGS: Final = 20
"""Findings of one layer that are told; a layer with more has one cause for most of them."""

READ_AT_ONCE: Final = 4
"""Layers that are read side by side: hashing and inflating keep as many processors busy."""

MAX_LAYERS: Final = 10_000
"""Layers of all images of a tree that are read or asked for."""

_LEAST_CAP: Final = 1024**3
_MOST_RATIO: Final = 200

_LARGE: Final = 50_000_000
"""Bytes of a layer that a person waits for, and is told of."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One image's use of a layer: the entry, and which of its layers it is, counted from 0."""

    entry: Entry
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLayer:
    """A layer and every image that has it."""

    descriptor: Descriptor
    uses: tuple[Use, ...]

    @property
    def first(self) -> Use:
        """The use that says by whose rules the layer is read."""
        return self.uses[0]

    @property
    def name(self) -> str:
        """What findings call it."""
        return f"layer {self.first.place} of {self.first.entry.name}"

    @property
    def is_tar(self) -> bool:
        """Whether it is a layer that can be unpacked here; others are only hashed."""
        media_type = self.descriptor.media_type
        attestation = is_attestation(self.first.entry.descriptor)
        return not attestation and media_type in LAYER_TYPES and media_type != OCI_LAYER_ZSTD


@dataclass(slots=True, kw_only=True)
class Contents:
    """What one pass over a layer has found; `diff_id` is None where the stream cannot be inflated."""

    diff_id: Digest | None = None
    findings: list[Diagnostic] = field(default_factory=list)
    dropped: int = 0

    def add(self, finding: Diagnostic) -> None:
        """Take a finding down, or only count it."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
        else:
            self.dropped += 1

    def end(self) -> None:
        """Say how many findings were only counted."""
        if self.dropped:
            text = f"{self.dropped} more findings about this layer are not shown"
            self.findings.append(
                Diagnostic(code="more", message=text, hint="mend these first", severity="note")
            )


def shared_layers(entries: Iterable[Entry]) -> tuple[SharedLayer, ...]:
    """Every layer of these images once, in their order; foreign ones are left out, nobody may have them."""
    uses: dict[Digest, tuple[Descriptor, list[Use]]] = {}
    for entry in entries:
        for place, layer in enumerate(entry.manifest.layers):
            if not layer.is_foreign:
                uses.setdefault(layer.digest, (layer, []))[1].append(Use(entry=entry, place=place))
    return tuple(SharedLayer(descriptor=layer, uses=tuple(found)) for layer, found in uses.values())


def read_layers(
    store: Readable,
    layers: Sequence[SharedLayer],
    *,
    vendors: AbstractSet[Digest] = frozenset(),
    note: Note = lambda _text: None,
) -> Iterator[Diagnostic]:
    """Read the layers and give what is wrong, in their order.

    `vendors` are layers of known bases, whose entries are not ours to judge. Raises UnavailableError and
    AuthenticationError.
    """
    stop = threading.Event()

    def read(layer: SharedLayer) -> Contents:
        return _read(store, layer, judged=layer.descriptor.digest not in vendors, stop=stop)

    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        try:
            found = pool.map(read, layers[:MAX_LAYERS])
            for number, (layer, contents) in enumerate(zip(layers, found, strict=False), 1):
                if layer.descriptor.size >= _LARGE:
                    note(f"read {short(layer.descriptor.digest)}, {number} of {len(layers)} layers")
                yield from contents.findings
                yield from _diff_ids(layer, contents)
        finally:
            # Who is interrupted, or has lost the network, does not wait for what else is being read.
            stop.set()
    yield from _too_many(layers)


def ask_layers(store: Readable, layers: Sequence[SharedLayer]) -> Iterator[Diagnostic]:
    """Ask whether the layers are there with their size, without reading them."""
    there = side_by_side(lambda layer: store.has_blob(layer.descriptor), layers[:MAX_LAYERS])
    for layer, found in zip(layers, there, strict=False):
        if not found:
            size = layer.descriptor.size
            yield _missing(layer, f" with {size} byte{'s' * (size != 1)}")
    yield from _too_many(layers)


def _too_many(layers: Sequence[SharedLayer]) -> Iterator[Diagnostic]:
    if len(layers) > MAX_LAYERS:
        yield Diagnostic(
            code="too-much",
            message=f"the images have {len(layers)} layers, no more than {MAX_LAYERS} were looked at",
            hint="join layers",
        )


class _Stopped(Exception):  # noqa: N818 - nobody is told of it
    """Nobody waits for this layer any more."""


class _Stoppable(io.RawIOBase):
    """A blob that ends with _Stopped once `stop` is set, even where its bytes come slowly."""

    def __init__(self, blob: BinaryIO, stop: threading.Event) -> None:
        self._blob = cast("io.BufferedIOBase", blob)
        self._stop = stop

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, fewer than `size` only at the end."""
        parts = []
        while size:
            if self._stop.is_set():
                raise _Stopped
            data = self._blob.read1(size)
            if not data:
                break
            parts.append(data)
            size -= len(data)
        return b"".join(parts)


def _read(store: Readable, layer: SharedLayer, *, judged: bool, stop: threading.Event) -> Contents:
    try:
        with store.get_blob(layer.descriptor) as opened:
            blob = cast("BinaryIO", _Stoppable(opened, stop))
            if not layer.is_tar:
                return _hashed(blob, layer)
            found = read_contents(
                blob,
                layer.first.entry.platform.os,
                is_base=layer.first.place == 0,
                most=most_inflated(layer.descriptor.size),
            )
    except NotFoundError:
        return Contents(findings=[_missing(layer)])
    except (VerificationError, BuildError) as error:
        text = f"{layer.name} cannot be read: {error.message}"
        return Contents(findings=[Diagnostic(code="damaged", message=text, hint=error.hint)])
    kept = [item for item in found.findings if judged or item.code == "layer-damaged"]
    named = [replace(item, message=f"{layer.first.entry.platform}: {item.message}") for item in kept]
    return Contents(diff_id=found.diff_id, findings=named)


def _hashed(blob: BinaryIO, layer: SharedLayer) -> Contents:
    """A blob that is no tar that can be read: reading to its end holds it to its digest."""
    _drain(blob)
    if layer.descriptor.media_type != OCI_LAYER_ZSTD:
        return Contents()
    text = f"{layer.name} is compressed with zstd, so its digest is right and its content was not looked at"
    return Contents(findings=[Diagnostic(code="layer-unread", message=text, severity="note")])


def read_contents(blob: BinaryIO, system: str, *, is_base: bool, most: int = MOST_INFLATED) -> Contents:
    """One pass over a layer's blob, to its end; what a finding is about stands in its message.

    `most` bytes are inflated. Raises what the blob raises, which holds its bytes to a digest.
    """
    found = Contents()
    plain = _Plain(inflated(blob, most=most))
    fault: TarError | CompressionError | None = None
    try:
        for finding in _lint(_tar_entries(plain), system, is_base=is_base):
            found.add(finding)
    except (TarError, CompressionError) as error:
        fault = error
    if not isinstance(fault, CompressionError):
        try:
            found.diff_id = plain.rest()
        except CompressionError as error:
            fault = fault or error
    _drain(blob)
    found.end()
    if fault:
        found.findings.append(
            Diagnostic(code="layer-damaged", message=str(fault), hint="write the layer again")
        )
    return found


def most_inflated(size: int) -> int:
    """Bytes that a layer of `size` bytes may inflate to: what is far beyond real ones is a bomb."""
    return min(MOST_INFLATED, max(_LEAST_CAP, _MOST_RATIO * size))


class _Plain(Iterator[bytes]):
    """Plain bytes that are hashed as they pass."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._sha256 = hashlib.sha256()

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self._sha256.update(piece)
        return piece

    def rest(self) -> Digest:
        """Take what is left; returns the digest of all bytes."""
        for _ in self:
            pass
        return Digest(f"sha256:{self._sha256.hexdigest()}")


def _lint(entries: Iterator[TarEntry], system: str, *, is_base: bool) -> Iterator[Diagnostic]:
    windows = system.lower() == "windows"
    findings = lint_windows_layer(entries, is_base=is_base) if windows else lint_linux_layer(entries)
    for finding in findings:
        entry = f"{finding.path}: " if finding.path else ""
        yield replace(finding, message=f"{entry}{finding.message}", path="")


def _tar_entries(pieces: Iterator[bytes]) -> Iterator[TarEntry]:
    for entry, _ in read_tar(PieceReader(pieces)):
        yield entry


def readable_entries(blob: BinaryIO) -> Iterator[TarEntry]:
    """The entries of a layer up to where it cannot be read."""
    with suppress(TarError, CompressionError):
        yield from _tar_entries(inflated(blob))


def _drain(blob: BinaryIO) -> None:
    while blob.read(CHUNK):
        pass


def _diff_ids(layer: SharedLayer, found: Contents) -> Iterator[Diagnostic]:
    """Every config that says another `diff_id` than the layer has."""
    if found.diff_id is None:
        return
    for use in layer.uses:
        told = use.entry.config.diff_ids[use.place : use.place + 1]
        if told and told[0] != found.diff_id:
            yield Diagnostic(
                code="diff-id",
                message=f"layer {use.place} of {use.entry.name} unpacks to {found.diff_id}, "
                f"its config says {told[0]}",
                hint="no runtime takes it: build the image again",
            )


def _missing(layer: SharedLayer, size: str = "") -> Diagnostic:
    return Diagnostic(
        code="blob-missing",
        message=f"{layer.name} ({short(layer.descriptor.digest)}) is not in the repository{size}",
        hint="publish the image again",
    )
