"""Tags on an index or image whose parts are there: each in order, then read back.

A tag that somebody else has moved in the meantime is left alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from buildtools.errors import (
    BuildtoolsError,
    PartialError,
    UsageError,
    VerificationError,
)
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest, DigestError, parse_digest
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.stores.base import Readable, Writable
from buildtools.stores.parallel import side_by_side
from buildtools.stores.survey import resolved

NONE: Final = "none"
"""What a person expects of a tag that must not be there yet."""

Standing = Mapping[str, Digest | None]
"""What each tag stands for, None where it is not there."""


def standing(store: Readable, tags: Sequence[str]) -> Standing:
    """What the tags stand for now; one that cannot be read counts as absent: writing will tell why."""
    return dict(zip(tags, side_by_side(partial(resolved, store), tags), strict=True))


def check_standing(name: str, *, found: Standing, expected: Standing) -> None:
    """Raise VerificationError where a tag stands on something else than expected."""
    for tag, digest in expected.items():
        if found[tag] != digest:
            raise VerificationError(
                f"{name}:{tag} stands on {found[tag] or 'nothing'}, and {digest or 'nothing'} was expected",
                hint="somebody else has published: look at what is there, then run the command again",
            )


def put_tags(
    target: Writable, root: Descriptor, raw: bytes, tags: Sequence[str], *, expected: Standing | None = None
) -> None:
    """Let each tag point at an index or image that is there by digest, and read all of them back.

    `expected` is what tags must stand for until they are set: looked at before the first one, and again
    right before each further one. Raises VerificationError where that has changed and where a tag is
    something else right after it was set, PartialError where only some tags could be set.
    """
    wanted = dict(expected or {})
    check_standing(target.name, found=standing(target, tuple(wanted)), expected=wanted)
    for place, tag in enumerate(tags):
        try:
            if place and tag in wanted:
                now = standing(target, (tag,))
                check_standing(target.name, found=now, expected={tag: wanted[tag]})
            target.put_manifest(raw, root.media_type, tag=tag)
        except BuildtoolsError as error:
            if not place:
                raise
            raise PartialError(
                f"{target.name}: {', '.join(tags[:place])} set, {', '.join(tags[place:])} not: {error}",
                hint="run the command again: it does only what is missing",
            ) from error
    _read_back(target, root.digest, tags)


def _read_back(target: Writable, digest: Digest, tags: Sequence[str]) -> None:
    """Ask for each tag and the digest; raises VerificationError where the answer is another document."""
    places = (*tags, digest) if tags else ()
    answers = side_by_side(lambda place: target.get_manifest(place)[0].digest, places)
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
        raise UsageError(
            f"--expect-current: {error}", hint=f"or {NONE} for a tag that is not there yet"
        ) from error


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in their order, each once; raises UsageError for one that is none."""
    found = tuple(dict.fromkeys(tags))
    for tag in found:
        try:
            parse_reference("registry.example/image").with_tag(tag)
        except InvalidReference as error:
            raise UsageError(str(error)) from error
    return found
