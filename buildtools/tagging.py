"""Tags of one repository: which may be set on an index, and setting them so that none goes back.

Tags are looked at before anything is sent and again just before each is set, since hours may lie between.
Immutable tags come first: where one cannot be set, no other tag is moved to that content.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from buildtools.errors import (
    AuthenticationError,
    BuildError,
    BuildtoolsError,
    UnavailableError,
    VerificationError,
)
from buildtools.oci.annotations import CREATED
from buildtools.oci.digest import Digest
from buildtools.oci.documents import DocumentError, Index, parse_document
from buildtools.oci.platform import version_parts
from buildtools.oci.reference import Reference
from buildtools.spec.tags import Tag
from buildtools.stores.base import NotFoundError
from buildtools.stores.registry import Registry
from buildtools.stores.survey import resolved

What = Literal["set", "unchanged", "refused", "failed", "left"]
DONE: Final[frozenset[What]] = frozenset({"set", "unchanged"})
FLOATING: Final = ""
"""The name in `Rules.expected` that stands for every tag that may move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a person allows, and what they expect.

    `move_tags` lets immutable tags be set on another index, `allow_older` floating ones on an older index.
    `expected` has what tags must stand on until they are set, None for nothing.
    """

    move_tags: bool = False
    allow_older: bool = False
    expected: Mapping[str, Digest | None] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """What became of a tag, and what it stood on before.

    It was `set`, was right (`unchanged`), was `refused` by a rule, `failed`, or was `left` as it is because
    an immutable tag could not be set.
    """

    name: str
    what: What
    was: Digest | None = None
    error: BuildtoolsError | None = field(default=None, compare=False)


class Refused(BuildError):  # noqa: N818 - it says what became of the tag
    """A rule forbids that the tag is set."""


@dataclass(kw_only=True)
class Tagging:
    """Sets tags on an index whose parts are sent by somebody else between `look` and `set_all`."""

    registry: Registry
    reference: Reference
    index: Index
    tags: Sequence[Tag]
    rules: Rules
    _seen: dict[str, Digest | None] = field(default_factory=dict, init=False)
    _results: dict[str, Tagged] = field(default_factory=dict, init=False)
    _read: dict[Digest, Index | None] = field(default_factory=dict, init=False)

    @property
    def pending(self) -> list[Tag]:
        """The tags that are still to be set."""
        return [tag for tag in self.tags if tag.name not in self._results]

    @property
    def results(self) -> tuple[Tagged, ...]:
        """What became of each tag so far, in their order."""
        return tuple(self._results[tag.name] for tag in self.tags if tag.name in self._results)

    def look(self) -> None:
        """Find out which tags must be set and may be; one request a tag where all are right."""
        for tag in self.tags:
            self._seen[tag.name] = found = resolved(self.registry, tag.name)
            if found == self.index.descriptor.digest:
                self._note(tag, "unchanged")
                continue
            try:
                self._refuse(tag, found)
            except Refused as error:
                self._note(tag, "refused", error)
        self._leave()

    def set_all(self) -> None:
        """Set the tags that are pending, the immutable ones first."""
        for tag in self.pending:
            if tag.name in self._results:
                continue
            try:
                self._note(tag, self._set(tag))
            except Refused as error:
                self._note(tag, "refused", error)
            except UnavailableError as error:
                # It was tried for minutes: the other tags would only take as long.
                self.fail(error)
                return
            except BuildtoolsError as error:
                self._note(tag, "failed", error)
            self._leave()

    def fail(self, error: BuildtoolsError) -> None:
        """Say of all pending tags that they could not be set."""
        for tag in self.pending:
            self._note(tag, "failed", error)

    def _note(self, tag: Tag, what: What, error: BuildtoolsError | None = None) -> None:
        self._results[tag.name] = Tagged(name=tag.name, what=what, was=self._seen.get(tag.name), error=error)

    def _leave(self) -> None:
        """Leave the floating tags where they are once an immutable one could not be set."""
        if any(tag.immutable and self._results[tag.name].what not in DONE for tag in self._noted()):
            for tag in self.pending:
                if not tag.immutable:
                    self._note(tag, "left")

    def _noted(self) -> list[Tag]:
        return [tag for tag in self.tags if tag.name in self._results]

    def _set(self, tag: Tag) -> What:
        digest = self.index.descriptor.digest
        before, now = self._seen[tag.name], resolved(self.registry, tag.name)
        self._seen[tag.name] = now
        if now == digest:
            return "unchanged"
        if now != before:
            self._refuse(tag, now)
        try:
            self.registry.put_manifest(self.index.raw, self.index.media_type, tag=tag.name)
        except (BuildError, AuthenticationError) as error:
            if now is None or isinstance(error, NotFoundError):
                raise
            raise _stuck(f"{self._named(tag)} stands on {now}", error) from error
        if (found := self.registry.resolve(tag.name).digest) != digest:
            raise VerificationError(
                f"{self._named(tag)} is {found} right after it was set to {digest}",
                hint="somebody else publishes under this tag: run again, or use another tag",
            )
        return "set"

    def _refuse(self, tag: Tag, found: Digest | None) -> None:
        """Raise Refused where a rule forbids to move the tag from what it stands on."""
        self._refuse_unexpected(tag, found)
        if found is None:
            return
        digest = self.index.descriptor.digest
        if tag.immutable and not self.rules.move_tags:
            raise Refused(
                f"{self._named(tag)} is published already with another content: "
                f"it stands on {found}, this build is {digest}",
                hint="publish under another version, or let --move-tags replace what is there",
            )
        if not tag.immutable and not self.rules.allow_older:
            self._refuse_older(tag, found)

    def _refuse_unexpected(self, tag: Tag, found: Digest | None) -> None:
        name = tag.name if tag.name in self.rules.expected or tag.immutable else FLOATING
        if name in self.rules.expected and found != (expected := self.rules.expected[name]):
            wanted = expected or "nothing"
            raise Refused(
                f"{self._named(tag)} stands on {found or 'nothing'}, and {wanted} was expected",
                hint="somebody else has published: look at what is there, then expect that",
            )

    def _refuse_older(self, tag: Tag, found: Digest) -> None:
        if created(self.index) is None:
            return
        if found not in self._read:
            self._read[found] = self._get(found)
        theirs = self._read[found]
        if theirs and (how := newer(theirs, self.index)):
            raise Refused(
                f"{self._named(tag)} stands on an index {how[0]}, and this one is older, {how[1]}",
                hint="publish what is newer, or go back with --allow-older",
            )

    def _get(self, digest: Digest) -> Index | None:
        """The index that a tag stands on; None for anything else and where it is gone."""
        try:
            descriptor, raw = self.registry.get_manifest(digest)
            document = parse_document(raw, descriptor.media_type)
        except (NotFoundError, AuthenticationError, VerificationError, DocumentError):
            return None
        return document if isinstance(document, Index) else None

    def _named(self, tag: Tag) -> str:
        return f"{self.reference.name}:{tag.name}"


def created(index: Index | None) -> datetime | None:
    """When the newest image of an index was made, None where it does not say."""
    text = (index.annotations if index else {}).get(CREATED, "")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def newer(one: Index, other: Index) -> tuple[str, str] | None:
    """By what `one` is newer than `other`: how sentences call each. None where it is not or cannot be told.

    Pins may move without a commit to the image's folder: then the revisions of Windows bases decide.
    """
    times = created(one), created(other)
    if times[0] is None or times[1] is None or times[0] < times[1]:
        return None
    if times[0] > times[1]:
        return f"of {_shown(times[0])}", f"of {_shown(times[1])}"
    revisions, others = _revisions(one), _revisions(other)
    for build in sorted(revisions.keys() & others.keys(), reverse=True):
        if revisions[build] > others[build]:
            name = ".".join(str(part) for part in build)
            return f"with base {name}.{revisions[build]}", f"with {name}.{others[build]}"
    return None


def _revisions(index: Index) -> dict[tuple[int, int, int], int]:
    """The highest revision of each Windows build in the index."""
    found: dict[tuple[int, int, int], int] = {}
    for entry in index.manifests:
        version = version_parts(entry.platform.os_version) if entry.platform else None
        if version:
            found[version[:3]] = max(version[3], found.get(version[:3], -1))
    return found


def _shown(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _stuck(where: str, error: BuildError | AuthenticationError) -> BuildtoolsError:
    """The error for a tag that the registry does not let go: some keep all or some tags immutable."""
    kind = AuthenticationError if isinstance(error, AuthenticationError) else BuildError
    return kind(
        f"{where} and the registry does not let it be moved: {error.message}",
        hint="where tags are immutable, publish under another one",
    )
