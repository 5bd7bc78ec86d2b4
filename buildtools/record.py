"""Build records: what was built out of what, the hand-over between two runs and between two CI jobs.

A record is JSON with sorted keys. It holds no time of day and no path, so two machines that build the
same thing write the same record.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest, parse_digest

SCHEMA: Final = 1


class BlobRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A blob by media type, size in bytes and digest; layers also have the digest of their tar."""

    media_type: str
    size: int
    digest: Digest
    diff_id: str = ""

    @property
    def descriptor(self) -> Descriptor:
        """The blob as a descriptor."""
        return Descriptor(media_type=self.media_type, size=self.size, digest=self.digest)

    @classmethod
    def of(cls, descriptor: Descriptor, *, diff_id: str = "") -> "BlobRecord":
        """The record of a descriptor."""
        return cls(
            media_type=descriptor.media_type, size=descriptor.size, digest=descriptor.digest, diff_id=diff_id
        )


class BaseRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The base that an image stands on; `stand_in` marks one that must never be published."""

    reference: str
    digest: str = ""
    os_version: str = ""
    stand_in: bool = False


class BuildRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One built variant.

    `label` is the platform as people select it (`windows/amd64:ltsc2022`). `ingredients` names all that
    the result depends on, and `fingerprint` is the digest of those; `layer_fingerprint` covers the ones
    that the application layer depends on, so that a changed label costs no new layer.
    """

    image: str
    label: str
    os: str
    architecture: str
    fingerprint: Digest
    layer_fingerprint: Digest
    ingredients: dict[str, str]
    manifest: BlobRecord
    config: BlobRecord
    layers: tuple[BlobRecord, ...]
    base_layers: tuple[BlobRecord, ...] = ()
    base: BaseRecord
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    tools: dict[str, str] = {}
    compressor: str = ""
    created: int = 0
    schema: int = SCHEMA

    @property
    def blobs(self) -> tuple[BlobRecord, ...]:
        """What the variant's own build put into the store."""
        return self.manifest, self.config, *self.layers

    @property
    def size(self) -> int:
        """Bytes that a node downloads beyond the base: application layers, config and manifest."""
        return sum(blob.size for blob in self.blobs)


def dump(record: BuildRecord) -> str:
    """The record as JSON text with sorted keys and a final newline."""
    document = msgspec.to_builtins(record) | {"schema": record.schema}
    raw = msgspec.json.encode(document, order="deterministic")
    return msgspec.json.format(raw, indent=2).decode() + "\n"


def parse(text: str | bytes, *, path: str = "") -> BuildRecord:
    """Read a record; raises ConfigurationError when it is broken or of another schema."""
    try:
        document: Any = msgspec.json.decode(text)
        found = document.get("schema") if isinstance(document, Mapping) else None
        if found != SCHEMA:
            raise _broken(path, f"the record has schema {found!r}, this version reads {SCHEMA}")
        record = msgspec.convert(document, BuildRecord)
        for blob in (record.manifest, record.config, *record.layers, *record.base_layers):
            parse_digest(blob.digest)
        # The layer's is written into the next config.
        for layer in (*record.layers, *record.base_layers):
            parse_digest(layer.diff_id)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise _broken(path, f"the record cannot be read ({error})") from error
    return record


def _broken(path: str, message: str) -> ConfigurationError:
    hint = "delete it and build again"
    return ConfigurationError(Diagnostic(code="broken-record", message=message, hint=hint, path=path))
