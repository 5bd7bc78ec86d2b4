"""References: registry, repository, tag and digest out of what a person writes.

Source: distribution/reference:regexp.go, normalize.go for the grammar and Docker Hub's short names;
opencontainers/distribution-spec:spec.md, "Pulling manifests".
"""

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Final

from buildtools.oci.digest import Digest, DigestError, parse_digest
from buildtools.oci.quote import quoted

DOCKER_HUB: Final = "docker.io"
DEFAULT_TAG: Final = "latest"
MAX_REPOSITORY: Final = 255
"""Characters of a repository's name (distribution/reference:reference.go, RepositoryNameTotalLengthMax)."""
MAX_TAG: Final = 128

_HUB_ALIAS: Final = "index.docker.io"
_OFFICIAL: Final = "library/"
_LABEL: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST: Final = re.compile(rf"({_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::([0-9]+))?")
_COMPONENT: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"\w[\w.-]*", re.ASCII)
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_LOGIN: Final = re.compile(r"(?<=://)[^/]*@")
_HEX_NAME: Final = re.compile(r"[0-9a-f]{64}")


class InvalidReference(ValueError):  # noqa: N818 - it says what the text is
    """The text is not a reference; the message says which part is wrong and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A place in a registry: `registry/repository`, with a tag, a digest, both or neither.

    `tag` and `digest` are empty when none is written. Make one with `parse_reference`.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """Registry and repository without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def identifier(self) -> str:
        """What to ask the registry for: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def familiar(self) -> str:
        """The shortest form that reads back as the same: `nginx:1.27` for `docker.io/library/nginx:1.27`."""
        if self.registry != DOCKER_HUB:
            return str(self)
        short = self.repository.removeprefix(_OFFICIAL)
        names = [
            name for name in (short, self.repository) if _split_name(name) == (DOCKER_HUB, self.repository)
        ]
        text = next(iter(names), self.name) + self._suffix
        return str(self) if _HEX_NAME.fullmatch(text) else text

    def __str__(self) -> str:
        """The full form, which reads back as the same reference."""
        return self.name + self._suffix

    def with_tag(self, tag: str) -> "Reference":
        """The same repository under this tag and no digest; raises InvalidReference."""
        _check_tag(tag, tag)
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: Digest) -> "Reference":
        """The same repository and tag at this digest."""
        return replace(self, digest=digest)

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """Read `[registry[:port]/]repository[:tag][@digest]`; raises InvalidReference.

    A first part with a dot, a colon or upper case, or the word `localhost`, is a registry; anything else
    is on Docker Hub, where a single word means `library/<word>`.
    """
    _check_whole(text)
    place, at, digest = text.partition("@")
    # A colon before the last slash belongs to the registry's port.
    head, slash, last = place.rpartition("/")
    last, colon, tag = last.partition(":")
    registry, repository = _split_name(head + slash + last)
    _check_registry(registry, text)
    _check_repository(repository, text)
    if colon:
        _check_tag(tag, text)
    return Reference(
        registry=registry, repository=repository, tag=tag, digest=_digest(digest, text) if at else None
    )


def _split_name(name: str) -> tuple[str, str]:
    """Registry and repository of a name, unchecked."""
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or first != first.lower() or any(mark in first for mark in ".:[")):
        registry, repository = (DOCKER_HUB if first == _HUB_ALIAS else first), rest
    else:
        registry, repository = DOCKER_HUB, name
    if registry == DOCKER_HUB and repository and "/" not in repository:
        repository = _OFFICIAL + repository
    return registry, repository


def _check_whole(text: str) -> None:
    if not text:
        raise InvalidReference("the reference is empty: write registry/repository:tag")
    if any(character.isspace() for character in text):
        raise InvalidReference(f"reference {quoted(text)} has a space or line break in it: remove it")
    if match := _SCHEME.match(text):
        shown = _LOGIN.sub("***@", text)
        raise InvalidReference(f"reference {quoted(shown)} starts with {match[0]}: leave that out")
    if _HEX_NAME.fullmatch(text):
        raise InvalidReference(
            f"{quoted(text)} is an image's identity on one machine: write registry/repository@sha256:..."
        )


def _check_registry(registry: str, text: str) -> None:
    match = _HOST.fullmatch(registry)
    if match is None or not _is_address(match[1]):
        raise InvalidReference(
            f"reference {quoted(text)} names the registry {quoted(registry)}: write a host name or address "
            "with a port of digits behind it, if any"
        )
    if match[2] and not (len(match[2]) <= 5 and 0 < int(match[2]) <= 65535):
        raise InvalidReference(f"reference {quoted(text)} has port {quoted(match[2])}: write 1 to 65535")


def _is_address(host: str) -> bool:
    """Whether a host in brackets is an IPv6 address; every other host is taken as it is."""
    if not host.startswith("["):
        return True
    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True


def _check_repository(repository: str, text: str) -> None:
    parts = repository.split("/")
    if not all(parts):
        raise InvalidReference(
            f"reference {quoted(text)} has an empty part: write registry/repository:tag without gaps"
        )
    if len(repository) > MAX_REPOSITORY:
        raise InvalidReference(
            f"reference {quoted(text)} has a repository of {len(repository)} characters: "
            f"at most {MAX_REPOSITORY} are allowed"
        )
    if repository != repository.lower():
        raise InvalidReference(
            f"reference {quoted(text)} has upper-case letters in its repository: write it in lower case"
        )
    if wrong := next((part for part in parts if not _COMPONENT.fullmatch(part)), ""):
        raise InvalidReference(
            f"reference {quoted(text)} has {quoted(wrong)} in its repository: write lower-case letters and "
            "digits, with single '.', '_', '__' or '-' between them"
        )


def _check_tag(tag: str, text: str) -> None:
    if not tag:
        raise InvalidReference(
            f"reference {quoted(text)} has a colon and no tag behind it: write the tag or leave the colon out"
        )
    if ":" in tag:
        raise InvalidReference(
            f"reference {quoted(text)} has two colons behind its repository: write repository:tag"
        )
    if len(tag) > MAX_TAG:
        raise InvalidReference(
            f"reference {quoted(text)} has a tag of {len(tag)} characters: at most {MAX_TAG} are allowed"
        )
    if not _TAG.fullmatch(tag):
        raise InvalidReference(
            f"reference {quoted(text)} has the tag {quoted(tag)}: write letters, digits, '_', '.' and '-', "
            "and begin with none of the last two"
        )


def _digest(digest: str, text: str) -> Digest:
    try:
        return parse_digest(digest)
    except DigestError as error:
        raise InvalidReference(f"reference {quoted(text)}: {error}") from error
