"""Digests: `sha256:` and 64 hexadecimal digits, the identity of every blob and manifest.

Source: opencontainers/image-spec:descriptor.md, "Digests".
"""

import hashlib
import re
from typing import Final, NewType

from buildtools.oci.quote import quoted

Digest = NewType("Digest", str)
"""A string that `parse_digest` accepted or `digest_of` made: always `sha256:<64 lower-case hex>`."""

_SHAPE: Final = re.compile(r"sha256:[0-9a-f]{64}")


class DigestError(ValueError):
    """The text is not a digest that this project accepts."""


def parse_digest(text: str) -> Digest:
    """Return `text` as a Digest; raises DigestError."""
    if _SHAPE.fullmatch(text):
        return Digest(text)
    algorithm, colon, encoded = text.partition(":")
    if not colon:
        raise DigestError(f"{quoted(text)} is not a digest: write sha256: and 64 hexadecimal digits")
    if algorithm != "sha256":
        raise DigestError(f"digest algorithm {quoted(algorithm)} is not supported: use sha256")
    if len(encoded) != 64:
        raise DigestError(
            f"digest {quoted(text)} needs 64 hexadecimal digits, it has {len(encoded)} characters"
        )
    if _SHAPE.fullmatch(text.lower()):
        raise DigestError(f"digest {quoted(text)} has upper-case digits: write them in lower case")
    raise DigestError(f"digest {quoted(text)} has characters that are not hexadecimal digits")


def digest_of(data: bytes) -> Digest:
    """The digest of these bytes."""
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


def encoded(digest: Digest) -> str:
    """The 64 digits alone."""
    return digest.removeprefix("sha256:")


def short(digest: Digest) -> str:
    """The first twelve digits, for people."""
    return encoded(digest)[:12]
