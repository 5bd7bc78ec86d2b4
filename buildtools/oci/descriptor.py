"""Descriptors and media types: how one document points at another.

Source: opencontainers/image-spec:descriptor.md, media-types.md; distribution/distribution for Docker's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from buildtools.oci.digest import Digest, digest_of, parse_digest
from buildtools.oci.platform import Platform

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"

INDEX_TYPES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
CONFIG_TYPES: Final = frozenset({OCI_CONFIG, DOCKER_CONFIG})
LAYER_TYPES: Final = frozenset({OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, DOCKER_LAYER, DOCKER_LAYER_GZIP})
FOREIGN_LAYER_PREFIXES: Final = (
    "application/vnd.docker.image.rootfs.foreign.",
    "application/vnd.oci.image.layer.nondistributable.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """Media type, size in bytes and digest of a document or blob, with what the spec lets stand beside."""

    media_type: str
    size: int
    digest: Digest
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    urls: tuple[str, ...] = ()
    artifact_type: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_foreign(self) -> bool:
        """Whether the blob may live outside any registry (Windows bases before June 2023)."""
        return self.media_type.startswith(FOREIGN_LAYER_PREFIXES) or bool(self.urls)

    @classmethod
    def of(cls, data: bytes, media_type: str) -> "Descriptor":
        """The descriptor of these bytes."""
        return cls(media_type=media_type, size=len(data), digest=digest_of(data))

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Descriptor":
        """Read one descriptor object that `documents` has checked; raises DigestError."""
        known = {"mediaType", "size", "digest", "platform", "annotations", "urls", "artifactType"}
        platform = document.get("platform")
        return cls(
            media_type=document["mediaType"],
            size=document["size"],
            digest=parse_digest(document["digest"]),
            platform=None if platform is None else Platform.from_json(platform),
            annotations=dict(document.get("annotations") or {}),
            urls=tuple(document.get("urls") or ()),
            artifact_type=document.get("artifactType") or "",
            extra={key: value for key, value in document.items() if key not in known},
        )

    def to_json(self) -> dict[str, Any]:
        """The descriptor object; empty keys are left out, unknown ones kept."""
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        optional = {
            "platform": None if self.platform is None else self.platform.to_json(),
            "annotations": dict(self.annotations),
            "urls": list(self.urls),
            "artifactType": self.artifact_type,
        }
        return document | {key: value for key, value in optional.items() if value} | dict(self.extra)
