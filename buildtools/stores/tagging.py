"""Tags on an index or image whose parts are there: each in order, then read back.

A tag that somebody else has moved in the meantime is left alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from buildtools.errors import (
    AuthenticationError,
    BuildtoolsError,
    PartialError,
    UsageError,
    VerificationError,
)
from buildtools.oci.digest import Digest, DigestError, parse_digest
from buildtools.oci.documents import Index, Manifest
from buildtools.stores.base import NotFoundError, Readable, Writable
from buildtools.stores.images import side_by_side

NONE: Final = "none"
"""What a person expects of a tag that must not be there yet."""

Standing = Mapping[str, Digest | None]
"""What each tag stands for, None where it is not there."""


def standing(store: Readable, tags: Sequence[str]) -> Standing:
    """What the tags stand for now; one that cannot be read counts as absent: writing will tell why."""

    def resolved(tag: str) -> Digest | None:
        try:
            return store.resolve(tag).digest
        except (NotFoundError, AuthenticationError):
            return None

    return dict(zip(tags, side_by_side(resolved, tags), strict=True))


def check_standing(name: str, *, found: Standing, expected: Standing) -> None:
    """Raise VerificationError where a tag stands for something else than expected."""
    for tag, digest in expected.items():
        if found[tag] != digest:
            raise VerificationError(
                f"{name}:{tag} is {found[tag] or 'not there'}, it should be {digest or 'absent'}",
                hint="somebody else has published: look at what is there and run the command again",
            )


def put_tags(
    target: Writable, document: Index | Manifest, tags: Sequence[str], *, expected: Standing | None = None
) -> None:
    """Let each tag point at a document that is there by digest, and read all of them back.

    `expected` is what tags stood for when the document was made: where that has changed nothing is tagged.
    Raises VerificationError for that and for a tag that is something else right after it was set,
    PartialError where only some tags could be set.
    """
    raw, kind, digest = document.raw, document.media_type, document.descriptor.digest
    if expected:
        check_standing(target.name, found=standing(target, tuple(expected)), expected=expected)
    for place, tag in enumerate(tags):
        try:
            target.put_manifest(raw, kind, tag=tag)
        except BuildtoolsError as error:
            if not place:
                raise
            raise PartialError(
                f"{target.name} has {', '.join(tags[:place])} set to {digest} and {tag} not: {error.message}",
                hint=error.hint,
            ) from error
    _read_back(target, document, tags)


def _read_back(target: Writable, document: Index | Manifest, tags: Sequence[str]) -> None:
    """Ask for each tag and the digest; raises VerificationError where the answer is another document."""
    digest = document.descriptor.digest
    answers = side_by_side(lambda item: target.get_manifest(item)[0].digest, (*tags, digest))
    for tag, found in zip(tags, answers, strict=False):
        if found != digest:
            raise VerificationError(
                f"{target.name}:{tag} is {found} right after it was set to {digest}",
                hint="somebody else publishes under this tag: run again, or use another tag",
            )


def parse_expected(text: str) -> Digest | None:
    """A digest, or None for `none`; raises UsageError."""
    if text == NONE:
        return None
    try:
        return parse_digest(text)
    except DigestError as error:
        raise UsageError(f"--expect-current: {error}, or {NONE} for a tag that is not there yet") from error
