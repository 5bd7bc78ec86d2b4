"""Manifests and indexes: the bytes that were read or written, and the values inside them.

A document's digest is the digest of its bytes, so what was read is never written out anew. What two
readers could take for two different things is refused (CVE-2021-41190): a manifest with `manifests`, an
index with `layers`, a `mediaType` that is not the one the bytes were served with.

Source: opencontainers/image-spec:manifest.md, image-index.md; distribution/distribution for Docker's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from buildtools.oci.descriptor import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
)
from buildtools.oci.jsonbytes import MAX_DOCUMENT, DocumentError, Field, canonical_json, read_json
from buildtools.oci.quote import quoted

__all__ = [
    "MAX_DOCUMENT",
    "MAX_ENTRIES",
    "MAX_LAYERS",
    "DocumentError",
    "Index",
    "Manifest",
    "canonical_json",
    "parse_document",
]

MAX_ENTRIES: Final = 500
"""Entries of an index that are read."""

MAX_LAYERS: Final = 1000
"""Layers of a manifest that are read; runtimes on Linux mount no more than 127."""

_MAX_STRINGS: Final = 10_000
_SCHEMA_1: Final = "application/vnd.docker.distribution.manifest.v1+"
_UNTOLD: Final = frozenset({"", "application/json", "application/octet-stream"})
"""Content types that say nothing about the document; registries behind caches and gateways send them."""

_FORM: Final[Mapping[str, tuple[str, ...]]] = {
    "manifest": ("manifests", "fsLayers"),
    "index": ("layers", "config", "fsLayers"),
}
"""Keys that another form of document has, so that this one must not have them."""

_NAMED: Final[Mapping[str, str]] = {"manifest": "a manifest", "index": "an index"}

_MANIFEST_KEYS: Final = (
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "subject",
    "annotations",
)
_INDEX_KEYS: Final = ("schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations")
_DOCKER_TYPES: Final = frozenset({DOCKER_MANIFEST, DOCKER_LIST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image (or artifact): a config and layers. Equal when bytes and media type are.

    `raw` is the document, `descriptor` its media type, size and digest; `extra` holds the top-level keys
    that the specification does not know.
    """

    raw: bytes
    media_type: str
    descriptor: Descriptor = field(compare=False)
    config: Descriptor = field(compare=False)
    layers: tuple[Descriptor, ...] = field(compare=False)
    annotations: Mapping[str, str] = field(compare=False)
    subject: Descriptor | None = field(compare=False)
    artifact_type: str = field(compare=False)
    extra: Mapping[str, Any] = field(compare=False)

    @classmethod
    def parse(cls, raw: bytes, media_type: str = "") -> "Manifest":
        """Read a manifest; `media_type` is what it was served as. Raises DocumentError."""
        document = parse_document(raw, media_type)
        if not isinstance(document, Manifest):
            raise DocumentError("a manifest was expected, the document is an index")
        return document

    @classmethod
    def build(
        cls,
        *,
        config: Descriptor,
        layers: Iterable[Descriptor],
        annotations: Mapping[str, str] | None = None,
        subject: Descriptor | None = None,
        artifact_type: str = "",
        media_type: str = OCI_MANIFEST,
    ) -> "Manifest":
        """Write a manifest in canonical JSON; raises DocumentError when it would be refused on reading."""
        document = {"config": config.to_json(), "layers": [layer.to_json() for layer in layers]}
        optional = _optional(annotations, subject, artifact_type)
        return cls.parse(_written(document, optional, media_type), media_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Manifests by platform: an OCI image index or a Docker manifest list. Equal when bytes and type are.

    The fields are the same as a Manifest's.
    """

    raw: bytes
    media_type: str
    descriptor: Descriptor = field(compare=False)
    manifests: tuple[Descriptor, ...] = field(compare=False)
    annotations: Mapping[str, str] = field(compare=False)
    subject: Descriptor | None = field(compare=False)
    artifact_type: str = field(compare=False)
    extra: Mapping[str, Any] = field(compare=False)

    @classmethod
    def parse(cls, raw: bytes, media_type: str = "") -> "Index":
        """Read an index; `media_type` is what it was served as. Raises DocumentError."""
        document = parse_document(raw, media_type)
        if not isinstance(document, Index):
            raise DocumentError("an index was expected, the document is a manifest")
        return document

    @classmethod
    def build(
        cls,
        *,
        manifests: Iterable[Descriptor],
        annotations: Mapping[str, str] | None = None,
        subject: Descriptor | None = None,
        artifact_type: str = "",
        media_type: str = OCI_INDEX,
    ) -> "Index":
        """Write an index in canonical JSON; raises DocumentError when it would be refused on reading."""
        document = {"manifests": [entry.to_json() for entry in manifests]}
        optional = _optional(annotations, subject, artifact_type)
        return cls.parse(_written(document, optional, media_type), media_type)

    def with_manifests(self, manifests: Iterable[Descriptor]) -> "Index":
        """Another index with these entries and everything else of this one."""
        document = {**self.extra, "manifests": [entry.to_json() for entry in manifests]}
        optional = _optional(self.annotations, self.subject, self.artifact_type)
        return Index.parse(_written(document, optional, self.media_type), self.media_type)


def parse_document(raw: bytes, media_type: str = "") -> Manifest | Index:
    """Read a manifest or an index, whichever it is; raises DocumentError.

    `media_type` is the Content-Type that it was served with or the media type of the descriptor that led
    here, empty where nobody said. A document without `mediaType` is told by its keys.
    """
    document = read_json(raw, "the manifest or index")
    found = _media_type(document, media_type)
    form = "index" if found in INDEX_TYPES else "manifest"
    document.known_as(*(_INDEX_KEYS if form == "index" else _MANIFEST_KEYS), *_FORM[form])
    for key in _FORM[form]:
        if key in document.value:
            raise DocumentError(
                f"the document is {_NAMED[form]} by its media type and has {key}: "
                "readers would disagree about it"
            )
    _check_schema_version(document)
    descriptor = Descriptor.of(raw, found)
    return _index(document, raw, descriptor) if form == "index" else _manifest(document, raw, descriptor)


def _manifest(document: Field, raw: bytes, descriptor: Descriptor) -> Manifest:
    _required(document, "config", "layers")
    return Manifest(
        raw=raw,
        media_type=descriptor.media_type,
        descriptor=descriptor,
        config=_descriptor(document.get("config")),
        layers=tuple(_descriptor(item) for item in document.get("layers").items(most=MAX_LAYERS)),
        annotations=document.get("annotations").strings(most=_MAX_STRINGS),
        subject=_subject(document),
        artifact_type=document.get("artifactType").text(),
        extra=_extra(document, _MANIFEST_KEYS),
    )


def _index(document: Field, raw: bytes, descriptor: Descriptor) -> Index:
    _required(document, "manifests")
    return Index(
        raw=raw,
        media_type=descriptor.media_type,
        descriptor=descriptor,
        manifests=tuple(_descriptor(item) for item in document.get("manifests").items(most=MAX_ENTRIES)),
        annotations=document.get("annotations").strings(most=_MAX_STRINGS),
        subject=_subject(document),
        artifact_type=document.get("artifactType").text(),
        extra=_extra(document, _INDEX_KEYS),
    )


def _descriptor(node: Field) -> Descriptor:
    """The descriptor, each of its fields checked."""
    node.get("mediaType").text(required=True)
    node.get("size").size()
    node.get("digest").digest()
    node.get("annotations").strings(most=_MAX_STRINGS)
    node.get("urls").texts(most=_MAX_STRINGS)
    node.get("artifactType").text()
    platform = node.get("platform")
    for key in ("os", "architecture", "variant", "os.version"):
        platform.get(key).text()
    platform.get("os.features").texts(most=_MAX_STRINGS)
    return Descriptor.from_json(node.object())


def _subject(document: Field) -> Descriptor | None:
    subject = document.get("subject")
    return None if subject.absent else _descriptor(subject)


def _extra(document: Field, known: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in document.object().items() if key not in known}


def _required(document: Field, *keys: str) -> None:
    for key in keys:
        # Go writes an empty slice as null: there, and empty.
        if key not in document.value:
            raise DocumentError(f"{key} is missing")


def _media_type(document: Field, served: str) -> str:
    """What the document is, agreed on by its own word, by who served it and by its keys."""
    own = document.get("mediaType").text()
    told = served.partition(";")[0].strip().lower()
    if document.value.get("schemaVersion") == 1 or own.startswith(_SCHEMA_1) or told.startswith(_SCHEMA_1):
        raise DocumentError(
            "the document is a Docker schema 1 manifest, which no current client reads: "
            "pull the image with an old client and push it with a current one"
        )
    told = "" if told in _UNTOLD else told
    if own and told and own != told:
        raise DocumentError(f"the document is served as {quoted(told)} and says it is {quoted(own)}")
    found = own or told or _by_shape(document)
    if found not in MANIFEST_TYPES | INDEX_TYPES:
        raise DocumentError(
            f"media type {quoted(found)} is neither an image manifest nor an index: "
            "name the reference of an image"
        )
    return found


def _by_shape(document: Field) -> str:
    """The OCI media type that the keys tell; both of Docker's are always written out."""
    manifest, index = "layers" in document.value, "manifests" in document.value
    if manifest == index:
        keys = "both layers and manifests" if manifest else "neither mediaType nor layers nor manifests"
        raise DocumentError(f"the document has {keys}, so that nobody can tell what it is")
    return OCI_MANIFEST if manifest else OCI_INDEX


def _check_schema_version(document: Field) -> None:
    version = document.get("schemaVersion")
    if type(version.value) is not int or version.value != 2:
        raise version.wrong("2")


def _optional(
    annotations: Mapping[str, str] | None, subject: Descriptor | None, artifact_type: str
) -> dict[str, Any]:
    """The keys that only OCI documents have, without the empty ones."""
    values = {
        "annotations": dict(annotations or {}),
        "subject": subject.to_json() if subject else None,
        "artifactType": artifact_type,
    }
    return {key: value for key, value in values.items() if value}


def _written(document: Mapping[str, Any], optional: Mapping[str, Any], media_type: str) -> bytes:
    if media_type in _DOCKER_TYPES and optional:
        raise DocumentError(
            f"a Docker document cannot have {' and '.join(sorted(optional))}: use the OCI media type"
        )
    return canonical_json({**document, **optional, "schemaVersion": 2, "mediaType": media_type})
