"""Referrers: the manifests that name another one as their subject, such as signatures and SBOMs.

A registry lists them itself (the referrers API), or whoever pushes one keeps a list of them under a tag made
of the subject's digest (the fallback). Which way it is shows in its answers and is asked once a registry.
Sources: opencontainers/distribution-spec:spec.md, "Listing Referrers", "Referrers Tag Schema";
google/go-containerregistry:pkg/v1/remote/referrers.go for statuses of registries without the API.
"""

import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol
from urllib.parse import urljoin

from buildtools.errors import BuildError, UnavailableError, VerificationError
from buildtools.oci.descriptor import OCI_INDEX, Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import MAX_DOCUMENT, DocumentError, Index, Manifest, parse_document
from buildtools.oci.jsonbytes import read_json
from buildtools.stores.base import NotFoundError, Readable, too_large
from buildtools.stores.client import Client
from buildtools.stores.layout import Layout
from buildtools.stores.mirrors import Location

_NO_API: Final = frozenset({400, 404, 405, 406, 501})
_NEXT: Final = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next"?')
_MOST_PAGES: Final = 100
_MOST_WRITES: Final = 5
_FIRST_TAG: Final = "sha256-"
_LAST_TAG: Final = "sha256-g"
_TAGS: Final = 1000
_MOST_TAGS: Final = 100_000


class Repository(Readable, Protocol):
    """What is asked of a repository here."""

    def put_manifest(self, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Write a manifest or index."""


def fallback_tag(subject: Digest) -> str:
    """The tag that lists referrers where the registry does not."""
    return subject.replace(":", "-")


def subject_of(raw: bytes, media_type: str) -> Digest | None:
    """What a manifest or index names as its subject, None for one that names none or is none."""
    try:
        subject = parse_document(raw, media_type).subject
    except DocumentError:
        return None
    return subject.digest if subject else None


def referrer_descriptor(document: Manifest | Index) -> Descriptor:
    """The entry of a referrer in the list of its subject's."""
    kind = document.artifact_type
    if not kind and isinstance(document, Manifest):
        kind = document.config.media_type
    return replace(document.descriptor, artifact_type=kind, annotations=document.annotations)


class Referrers:
    """The referrers in one repository.

    `ways` is shared by all repositories of a run: the address of a registry's API, and whether that has the
    referrers API.
    """

    def __init__(
        self, client: Client, location: Location, repository: Repository, ways: dict[str, bool]
    ) -> None:
        self._client = client
        self._location = location
        self._repository = repository
        self._ways = ways
        self._base_url = client.base_url(location)
        self._writing = threading.Lock()

    @property
    def has_api(self) -> bool | None:
        """Whether the registry has the referrers API; None where it was not asked yet."""
        return self._ways.get(self._base_url)

    def named(self, subject: Digest, *, tags: frozenset[str] | None = None) -> tuple[Descriptor, ...]:
        """What is named as a referrer of a manifest.

        A fallback tag may name what is none: whoever reads an entry's manifest must look at its subject.
        `tags` are those of the repository, where they are known, and spare a request.
        """
        found = None if self.has_api is False else self._listed(subject)
        if found is not None:
            return found
        if tags is not None and fallback_tag(subject) not in tags:
            return ()
        index = self._fallback(subject)
        return index.manifests if index else ()

    def all(self, subject: Digest) -> tuple[Descriptor, ...]:
        """The referrers of a manifest, entries of a fallback tag only where their manifests agree."""
        named = self.named(subject)
        return named if self.has_api else tuple(item for item in named if self._refers(item, subject))

    def add(self, subject: Digest, entries: Sequence[Descriptor]) -> None:
        """Name referrers under the fallback tag, beside those that are there.

        The tag is read, written and read again: of two that write at once one is lost, and tries again.
        Raises UnavailableError when others keep overwriting it.
        """
        with self._writing:
            for write in range(_MOST_WRITES + 1):
                index = self._fallback(subject)
                there = {entry.digest for entry in index.manifests} if index else set()
                missing = [entry for entry in entries if entry.digest not in there]
                if not missing:
                    return
                if write == _MOST_WRITES:
                    break
                if write:
                    self._client.clock.sleep(self._client.clock.random() * write)
                self._write(subject, index, missing)
        raise UnavailableError(
            f"{self._repository.name}:{fallback_tag(subject)} does not keep what is written to it",
            hint="others write the same tag; run the command again when they have finished",
        )

    def tags(self) -> frozenset[str] | None:
        """The tags that begin with `sha256-`, by one request; None where that does not tell all of them."""
        path = f"tags/list?n={_TAGS}&last={_FIRST_TAG}"
        return self._client.run(lambda: self._tags(path))

    def _tags(self, path: str) -> frozenset[str] | None:
        with self._client.attempt(self._location, "GET", path) as answer:
            # A registry that cannot list its tags is asked for each of them instead: no reason to wait.
            raw = answer.read(MAX_DOCUMENT) if answer.status == 200 else None
            more = "Link" in answer.headers
        if raw is None:
            return None
        try:
            tags = read_json(raw, "the list of tags").get("tags").texts(most=_MOST_TAGS)
        except DocumentError:
            return None
        # Registries that know pages sort: once a page is past our tags, further ones hold none.
        past = bool(tags) and list(tags) == sorted(tags) and tags[-1] > _LAST_TAG
        if more and not past:
            return None
        return frozenset(tag for tag in tags if tag.startswith(_FIRST_TAG))

    def _write(self, subject: Digest, index: Index | None, missing: Iterable[Descriptor]) -> None:
        try:
            if index is None:
                index = Index.build(manifests=missing)
            else:
                index = index.with_manifests((*index.manifests, *missing))
        except DocumentError as error:
            raise BuildError(
                f"{self._repository.name}:{fallback_tag(subject)} cannot name one more referrer: {error}",
                hint="delete referrers that nobody needs",
            ) from error
        self._repository.put_manifest(index.raw, index.media_type, tag=fallback_tag(subject))

    def _listed(self, subject: Digest) -> tuple[Descriptor, ...] | None:
        """What the API lists; None where there is no API."""
        path, found = f"referrers/{subject}", list[Descriptor]()
        for _ in range(_MOST_PAGES):
            page = self._client.run(lambda path=path: self._page(path))  # type: ignore[misc] # bound on purpose
            if page is None:
                return None
            entries, target = page
            found += entries
            if not target:
                return tuple(found)
            path = urljoin(f"{self._base_url}/v2/{self._location.repository}/referrers/{subject}", target)
        raise BuildError(f"{self._repository.name} lists referrers of {subject} without end")

    def _page(self, path: str) -> tuple[tuple[Descriptor, ...], str] | None:
        with self._client.attempt(self._location, "GET", path, headers={"Accept": OCI_INDEX}) as answer:
            if answer.status in _NO_API:
                said = answer.read(MAX_DOCUMENT) or b""
                # A registry with the API may say so of a repository that is not there yet.
                if self.has_api:
                    return (), ""
                if b"NAME_UNKNOWN" not in said:
                    self._ways[self._base_url] = False
                return None
            if answer.status != 200:
                what = f"the referrers in {self._location}"
                raise self._client.failure(answer, self._location, what)
            raw = answer.read(MAX_DOCUMENT)
            media_type = answer.headers.get("Content-Type", "")
            link = _NEXT.search(answer.headers.get("Link", ""))
        if raw is None:
            raise too_large(f"The list of referrers in {self._repository.name}", f"more than {MAX_DOCUMENT}")
        with suppress(DocumentError):
            document = parse_document(raw, media_type)
            if isinstance(document, Index):
                self._ways[self._base_url] = True
                return document.manifests, link[1] if link else ""
        self._ways[self._base_url] = False
        return None

    def _fallback(self, subject: Digest) -> Index | None:
        """The index under the fallback tag; raises BuildError for anything else there."""
        tag = fallback_tag(subject)
        try:
            found, raw = self._repository.get_manifest(tag)
        except NotFoundError:
            return None
        # GitLab answers such a tag with the subject itself (oras-project/oras-go#1396).
        if found.digest == subject:
            return None
        document = parse_document(raw, found.media_type)
        if not isinstance(document, Index):
            raise BuildError(
                f"{self._repository.name}:{tag} is no list of referrers",
                hint="that tag is kept for them: give what is there another one",
            )
        return document

    def _refers(self, entry: Descriptor, subject: Digest) -> bool:
        try:
            found, raw = self._repository.get_manifest(entry.digest)
        except (NotFoundError, VerificationError):
            return False
        return subject_of(raw, found.media_type) == subject


def layout_referrers(layout: Layout, subject: Digest) -> tuple[Descriptor, ...]:
    """The referrers of a manifest that `index.json` of a layout names, itself or under the fallback tag."""
    ahead, found = list(layout.entries()), dict[Digest, Descriptor]()
    for tag in (fallback_tag(subject),):
        with suppress(NotFoundError):
            document = parse_document(layout.get_manifest(tag)[1])
            ahead += document.manifests if isinstance(document, Index) else ()
    for entry in ahead:
        with suppress(NotFoundError, DocumentError):
            kept, raw = layout.get_manifest(entry.digest)
            if subject_of(raw, kept.media_type) == subject:
                found[entry.digest] = referrer_descriptor(parse_document(raw, kept.media_type))
    return tuple(found.values())
