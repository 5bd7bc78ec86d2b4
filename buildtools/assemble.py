"""Joins images into one index that every node of a mixed cluster can pull, and takes them out again.

Linux entries come first and sorted, Windows entries with the newest build first, attestations last; what
could send a node to the wrong image is refused. Every entry's platform is the one that its image's config
states.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from buildtools.errors import BuildError
from buildtools.oci.descriptor import DOCKER_LIST, DOCKER_MANIFEST, MANIFEST_TYPES, OCI_INDEX, Descriptor
from buildtools.oci.digest import Digest, encoded, short
from buildtools.oci.documents import DocumentError, Index
from buildtools.oci.platform import Platform, PlatformError
from buildtools.oci.quote import quoted
from buildtools.oci.validate import NodeKey, entry_order, is_attestation, node_key, validate_platforms
from buildtools.windows.pattern import PlatformPattern, parse_pattern

Variant = tuple[Descriptor, Platform]
"""A manifest's descriptor and the platform that its config states."""

SUBJECT: Final = "vnd.docker.reference.digest"
"""The annotation of BuildKit's attestations that names the image they are about."""

_DIGITS: Final = re.compile(r"[0-9a-f]{12,64}")


class AssemblyError(BuildError, ValueError):
    """The images cannot stand in one index; `problems` has a sentence for every reason."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An image of an index: its entry, and the name that sentences say it is from."""

    entry: Descriptor
    origin: str = ""

    @property
    def platform(self) -> Platform:
        """The platform that the entry states, which is the config's."""
        return self.entry.platform or Platform(os="", architecture="")

    @property
    def nodes(self) -> NodeKey:
        """What no other member of the index may share."""
        return node_key(self.platform)

    def __str__(self) -> str:
        """`linux/amd64 (0123456789ab) of registry.example/app:1.2`."""
        digest = short(self.entry.digest)
        name = f"{self.platform} ({digest})" if self.platform.os else digest
        return f"{name} of {self.origin}" if self.origin else name


Members = Sequence[Member]


def member(descriptor: Descriptor, platform: Platform, *, origin: str = "") -> Member:
    """The member for an image whose config states this platform, whatever the descriptor says of it."""
    return Member(entry=replace(descriptor, platform=replace(platform, extra={})), origin=origin)


def assemble_index(variants: Sequence[Variant], *, annotations: Mapping[str, str] | None = None) -> Index:
    """The OCI index of these images; raises AssemblyError with every reason why there can be none."""
    members = [member(descriptor, platform) for descriptor, platform in variants]
    return index_of(members, annotations=annotations)


def index_of(
    members: Members,
    attestations: Iterable[Descriptor] = (),
    *,
    like: Index | None = None,
    annotations: Mapping[str, str] | None = None,
    docker: bool = False,
) -> Index:
    """The index of these images in their order, with the attestations of those that are in it.

    `like` is an index whose annotations and other keys are kept; `annotations` come on top. `docker` makes a
    Docker manifest list. Raises AssemblyError with every reason why there can be none.
    """
    if not members:
        raise AssemblyError("an index of no images was asked for: name at least one")
    _refuse(members)
    images = [one.entry for one in sorted(members, key=lambda one: entry_order(one.platform))]
    entries = [*images, *attached(attestations, images)]
    if docker and (others := [item for item in entries if item.media_type != DOCKER_MANIFEST]):
        names = ", ".join(short(item.digest) for item in others)
        raise AssemblyError(
            f"{names} {'is' if len(others) == 1 else 'are'} not of Docker's media type, so that a Docker "
            "manifest list cannot hold them: leave out --docker"
        )
    media_type = DOCKER_LIST if docker else OCI_INDEX
    try:
        start = like or Index.build(manifests=(), media_type=media_type)
        told = {**start.annotations, **(annotations or {})}
        return replace(start, media_type=media_type, annotations=told).with_manifests(entries)
    except DocumentError as error:
        raise AssemblyError(f"the index cannot be written: {error}") from error


def attached(attestations: Iterable[Descriptor], images: Sequence[Descriptor]) -> list[Descriptor]:
    """The attestations whose subject is one of the images, each once, in the order of their subjects."""
    places = {image.digest: place for place, image in enumerate(images)}
    found = {item.digest: item for item in attestations if item.annotations.get(SUBJECT) in places}
    return sorted(found.values(), key=lambda item: (places[Digest(item.annotations[SUBJECT])], item.digest))


def create(_current: Members, given: Members) -> list[Member]:
    """The given images alone."""
    return _distinct(given)


def append(current: Members, given: Members) -> list[Member]:
    """The given images beside those that are there; raises AssemblyError where nodes have one already."""
    present = {one.nodes: one for one in current}
    new = _new(current, given)
    problems = [
        f"{one} is for the same nodes as {present[one.nodes]}, which the index has already: "
        "use replace or merge"
        for one in new
        if one.nodes in present
    ]
    if problems:
        raise AssemblyError(*problems)
    return [*current, *new]


def exchange(current: Members, given: Members) -> list[Member]:
    """The given images in place of those for the same nodes; raises AssemblyError where there is none."""
    present = {one.nodes for one in current}
    problems = [
        f"{one} has no entry to replace, since the index has none for these nodes: use append or merge"
        for one in _new(current, given)
        if one.nodes not in present
    ]
    if problems:
        raise AssemblyError(*problems)
    return merge(current, given)


def merge(current: Members, given: Members) -> list[Member]:
    """The given images in place of those for the same nodes, or beside the others where there is none."""
    new = _new(current, given)
    taken = {one.nodes for one in new}
    return [*(one for one in current if one.nodes not in taken), *new]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Entries that a person means: by platform, or by the first digits of a digest. `text` is as written."""

    text: str
    pattern: PlatformPattern | None = None

    def matches(self, entry: Descriptor) -> bool:
        """Whether the entry is one of them."""
        if self.pattern:
            return entry.platform is not None and self.pattern.matches(entry.platform)
        return encoded(entry.digest).startswith(self.text.removeprefix("sha256:"))


def parse_selector(text: str) -> Selector:
    """Read a platform (`windows/amd64:ltsc2019`), a digest or its first digits; raises PlatformError."""
    digits = text.removeprefix("sha256:")
    if _DIGITS.fullmatch(digits):
        return Selector(text=text)
    try:
        return Selector(text=text, pattern=parse_pattern(text))
    except PlatformError as error:
        raise PlatformError(f"{error}; or write a digest, of which 12 digits are enough") from error


def remove(current: Members, selectors: Sequence[Selector]) -> list[Member]:
    """The images that no selector means; raises AssemblyError where none is left."""
    kept = [one for one in current if not any(selector.matches(one.entry) for selector in selectors)]
    if not kept:
        raise AssemblyError("no image would be left in the index: delete the tag in place of that")
    return kept


ACTIONS: Final[Mapping[str, Callable[[Members, Members], list[Member]]]] = {
    "create": create,
    "append": append,
    "replace": exchange,
    "merge": merge,
}
"""What can be made of an index that is there and of images that are given.

An image that is there already, byte for byte, stays where it is with every one of them.
"""


def _distinct(given: Members) -> list[Member]:
    """Each image once: the same one may have come by several names."""
    return list({one.entry.digest: one for one in reversed(given)}.values())[::-1]


def _new(current: Members, given: Members) -> list[Member]:
    """The given images that are not there, each once."""
    present = {one.entry.digest for one in current}
    return [one for one in _distinct(given) if one.entry.digest not in present]


def _refuse(members: Members) -> None:
    problems = [
        f"{one} has media type {quoted(one.entry.media_type)}: only images can be entries"
        for one in members
        if one.entry.media_type not in MANIFEST_TYPES
    ]
    problems += [
        f"{one} is an attestation: publish it as a referrer of its image"
        for one in members
        if is_attestation(one.entry)
    ]
    problems += [
        f"{finding.message}: {finding.hint}"
        for finding in validate_platforms([(str(one), one.platform) for one in members])
        if finding.severity == "error"
    ]
    if problems:
        raise AssemblyError(*problems)
