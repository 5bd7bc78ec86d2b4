"""GitHub's REST API, as far as actions are looked up in it: repositories, releases, tags and their commits.

Source: github/docs:content/rest (releases, git/refs, git/tags, rate-limits-for-the-rest-api.md).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from msgspec import Struct, field

from buildtools.errors import AuthenticationError, BuildError, UnavailableError
from buildtools.settings import Settings
from buildtools.stores.addresses import is_loopback, origin
from buildtools.stores.redact import Redactor
from buildtools.stores.retry import MOST_TRIES, RETRIED, Clock, Fault, retrying
from buildtools.stores.transport import Answer, Request, Transport
from buildtools.workflow.versions import Release

_T = TypeVar("_T")

_MOST_BODY: Final = 8 * 1024 * 1024
_MOST_PAGES: Final = 20
_MOST_TAGS: Final = 5
"""A tag may name a tag; GitHub's own never do."""
_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?')
_TAGS: Final = "refs/tags/"


class GoneError(Exception):
    """404: what was asked for is not there, or not for whoever asks."""


class _Repository(Struct, frozen=True):
    full_name: str


class _Release(Struct, frozen=True):
    tag_name: str
    published_at: str | None = None
    draft: bool = False
    prerelease: bool = False


class _Object(Struct, frozen=True):
    sha: str
    type: str


class _Reference(Struct, frozen=True):
    ref: str
    target: _Object = field(name="object")


class _Person(Struct, frozen=True):
    date: str


class _Tag(Struct, frozen=True):
    target: _Object = field(name="object")
    tagger: _Person | None = None


class _Commit(Struct, frozen=True):
    committer: _Person


class GitHub:
    """The API that GITHUB_API_URL names; the token goes there and nowhere else. Close it at the end."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._base = settings.github_api_url
        self._token = settings.github_api_token
        self._longest = settings.max_wait
        self._redact = Redactor()
        self._redact.learn(self._token)
        self._transport = Transport(
            clock=self._clock, redact=self._redact, plain=is_loopback, ca_bundle=settings.ca_bundle
        )

    @property
    def host(self) -> str:
        """The API's host, as sentences call it."""
        return urlsplit(self._base).netloc

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def full_name(self, repository: str) -> str:
        """`owner/name` as it is called today; raises GoneError."""
        return self._one(f"repos/{repository}", _Repository).full_name

    def releases(self, repository: str) -> list[Release]:
        """Published releases, and where there are none the tags, whose times have to be asked for."""
        found = [
            Release(tag=one.tag_name, published=_seconds(one.published_at))
            for one in self._all(f"repos/{repository}/releases", _Release)
            if one.published_at and not (one.draft or one.prerelease)
        ]
        if found:
            return found
        tags = self._all(f"repos/{repository}/git/matching-refs/tags/", _Reference)
        return [Release(tag=one.ref.removeprefix(_TAGS)) for one in tags]

    def commit(self, repository: str, tag: str) -> str:
        """The commit that a tag stands on, through annotated tags; raises GoneError."""
        return self._commit(repository, tag)[0]

    def published(self, repository: str, tag: str) -> float:
        """When the tag was made, in seconds since 1970, or its commit where the tag does not say; GoneError.

        Both are what their author wrote; only releases carry the server's own time.
        """
        sha, when = self._commit(repository, tag)
        when = when or self._one(f"repos/{repository}/git/commits/{sha}", _Commit).committer.date
        return _seconds(when)

    def _commit(self, repository: str, tag: str) -> tuple[str, str]:
        path = f"repos/{repository}/git/ref/tags/{quote(tag, safe='')}"
        target, when = self._one(path, _Reference).target, ""
        for _ in range(_MOST_TAGS):
            if target.type != "tag":
                break
            made = self._one(f"repos/{repository}/git/tags/{target.sha}", _Tag)
            target, when = made.target, when or (made.tagger.date if made.tagger else "")
        if target.type != "commit" or not re.fullmatch("[0-9a-f]{40}", target.sha):
            raise BuildError(
                f"the tag {tag} of {repository} names no commit but a {target.type}",
                hint="pin a version whose tag does",
            )
        return target.sha, when

    def _one(self, path: str, kind: type[_T]) -> _T:
        return self._read(f"{self._base}/{path}", kind)[0]

    def _all(self, path: str, kind: type[_T]) -> Iterator[_T]:
        """Every entry of a list, page by page."""
        url = f"{self._base}/{path}?per_page=100"
        for _ in range(_MOST_PAGES):
            page, links = self._read(url, list[kind])  # type: ignore[valid-type] # kind is a class of ours
            yield from page
            if not (found := _NEXT.search(links)):
                return
            url = urljoin(url, found[1])
            if origin(url) != origin(self._base):
                raise BuildError(
                    f"{self.host} names its next page on another host", hint="check GITHUB_API_URL"
                )
        raise BuildError(f"{self.host} lists more than {_MOST_PAGES} pages of {path}")

    def _read(self, url: str, kind: type[_T]) -> tuple[_T, str]:
        """The document, and the Link header."""

        def ask() -> tuple[bytes | None, str]:
            headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
            authorization = f"Bearer {self._token}" if self._token else ""
            request = Request(method="GET", url=url, headers=headers, authorization=authorization)
            with self._transport.send(request) as answer:
                if answer.status != 200:
                    raise self._refused(answer, url)
                return answer.read(_MOST_BODY), answer.headers.get("Link", "")

        raw, links = retrying(ask, clock=self._clock, longest=self._longest)
        try:
            return msgspec.json.decode(raw or b"", type=kind), links
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BuildError(
                f"{self.host} answered {urlsplit(url).path} with what GitHub's API does not say",
                hint="check GITHUB_API_URL and proxies",
            ) from error

    def _refused(self, answer: Answer, url: str) -> Exception:
        """What a status other than 200 means."""
        status, path = answer.status, urlsplit(url).path
        if status in {404, 410, 451}:
            return GoneError(path)
        wait = self._limit(answer)
        if wait is not None:
            known = "" if self._token else ", which without GITHUB_TOKEN is 60 times an hour"
            error = UnavailableError(
                f"{self.host} has been asked too often{known}", hint="run it again later"
            )
            return Fault(error, tries=MOST_TRIES, retry_after=wait)
        if status in RETRIED:
            error = UnavailableError(f"{self.host} answered {status} for {path}", hint="run it again")
            return Fault(error, tries=RETRIED[status], retry_after=answer.retry_after)
        if status == 401:
            return AuthenticationError(
                f"{self.host} does not take the token of GH_TOKEN or GITHUB_TOKEN",
                hint="make a new one; reading public repositories needs no rights",
            )
        if status == 403:
            return AuthenticationError(
                f"{self.host} refuses {path}", hint="use a token that may read it, or none at all"
            )
        return BuildError(f"{self.host} answered {status} for {path}", hint="check GITHUB_API_URL")

    def _limit(self, answer: Answer) -> float | None:
        """Seconds until the rate limit is lifted; None where the answer does not speak of one."""
        if answer.status not in {403, 429}:
            return None
        if answer.retry_after is not None:
            return answer.retry_after
        reset = answer.headers.get("x-ratelimit-reset")
        if answer.headers.get("x-ratelimit-remaining") != "0":
            return None
        if not (reset.isascii() and reset.isdigit()):
            return 60.0
        return max(0.0, float(reset[:12]) - self._clock.now())


def _seconds(text: str | None) -> float:
    """A time of the API in seconds since 1970; raises BuildError."""
    try:
        when = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise BuildError(f"GitHub gives {text!r} as a time", hint="check GITHUB_API_URL") from error
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
