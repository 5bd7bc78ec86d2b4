"""What a variant's result depends on in the project's own files: names and content digests."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from buildtools.oci.digest import Digest
from buildtools.sources.hashes import HashCache
from buildtools.sources.tree import Found, find
from buildtools.spec.variant import Variant


def observe(variant: Variant, *, root: Path, hashes: HashCache) -> Mapping[str, Digest]:
    """Digests by name relative to the image's folder: what builds read and what is copied as it is.

    Raises SourceError where a pattern matches nothing.
    """
    return {found.name: hashes.digest(found.path) for found in _sources(variant, root)}


def _sources(variant: Variant, root: Path) -> Iterator[Found]:
    if variant.build:
        yield from find(root, variant.build.inputs)
    for rule in variant.files:
        if rule.kind == "copy" and rule.origin == "project":
            yield from find(root, (rule.source,), rule.exclude)
