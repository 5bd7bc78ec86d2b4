"""Joins images into one index that every node of a mixed cluster can pull.

Linux entries come first and sorted, Windows entries with the newest build first; what could send a node
to the wrong image is refused. Every entry's platform is the one that its image's config states.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from buildtools.errors import BuildError
from buildtools.oci.descriptor import MANIFEST_TYPES, OCI_INDEX, Descriptor
from buildtools.oci.digest import short
from buildtools.oci.documents import DocumentError, Index
from buildtools.oci.platform import Platform
from buildtools.oci.quote import quoted
from buildtools.oci.validate import entry_order, is_attestation, validate_platforms

CREATED: Final = "org.opencontainers.image.created"
"""The annotation of an index with the time of its newest image (image-spec:annotations.md)."""

Variant = tuple[Descriptor, Platform]
"""A manifest's descriptor and the platform that its config states."""


class AssemblyError(BuildError, ValueError):
    """The images cannot stand in one index; `problems` has a sentence for every reason."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def assemble_index(variants: Sequence[Variant], *, created: str = "") -> Index:
    """The OCI index of these images; raises AssemblyError with every reason why there can be none.

    `created` (RFC 3339) becomes an annotation, by which a publisher sees which of two indexes is older.
    """
    if not variants:
        raise AssemblyError("an index of no images was asked for: name at least one")
    entries = [replace(descriptor, platform=replace(platform, extra={})) for descriptor, platform in variants]
    _refuse(entries)
    try:
        return Index.build(
            manifests=sorted(entries, key=_order),
            annotations={CREATED: created} if created else {},
            media_type=OCI_INDEX,
        )
    except DocumentError as error:
        raise AssemblyError(f"the index cannot be written: {error}") from error


def append_manifests(index: Index, *descriptors: Descriptor) -> Index:
    """The index with further entries, all of them in order; the one given stays as it is.

    Each new descriptor carries the platform that its config states. Attestations that the index has
    stay, behind the images. Raises AssemblyError with every reason why these cannot stand together.
    """
    kept = [entry for entry in index.manifests if is_attestation(entry)]
    images = [entry for entry in index.manifests if not is_attestation(entry)]
    images += descriptors
    _refuse(images)
    try:
        return index.with_manifests([*sorted(images, key=_order), *kept])
    except DocumentError as error:
        raise AssemblyError(f"the index cannot be written: {error}") from error


def _refuse(entries: Sequence[Descriptor]) -> None:
    named = [(_name(entry), _platform(entry)) for entry in entries]
    problems = [
        f"{name} has media type {quoted(entry.media_type)}: only images can be entries"
        for (name, _), entry in zip(named, entries, strict=True)
        if entry.media_type not in MANIFEST_TYPES
    ]
    problems += [
        f"{_name(entry)} is an attestation: publish it as a referrer of its image"
        for entry in entries
        if is_attestation(entry)
    ]
    problems += [
        f"{finding.message}: {finding.hint}"
        for finding in validate_platforms(named)
        if finding.severity == "error"
    ]
    if problems:
        raise AssemblyError(*problems)


def _order(entry: Descriptor) -> tuple[object, ...]:
    return entry_order(_platform(entry))


def _platform(entry: Descriptor) -> Platform:
    return entry.platform or Platform(os="", architecture="")


def _name(entry: Descriptor) -> str:
    platform = _platform(entry)
    return f"{platform} ({short(entry.digest)})" if platform.os else short(entry.digest)
