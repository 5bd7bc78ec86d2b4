"""Logging in to a registry: challenges read, tokens fetched, kept and renewed.

Nothing is sent before a registry asks. Then a token is fetched from the service that the registry names,
anonymously where no credentials are found, and kept for as long as it says.
Source: distribution/distribution:docs/content/spec/auth/token.md, oauth.md; RFC 9110, section 11.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from buildtools.errors import AuthenticationError, UnavailableError
from buildtools.oci.jsonbytes import DocumentError, read_json
from buildtools.stores.addresses import refusal
from buildtools.stores.credentials import Credentials, Keyring
from buildtools.stores.redact import Redactor
from buildtools.stores.retry import RETRIED, Clock, Fault
from buildtools.stores.transport import Answer, Request

_SCHEME: Final = re.compile(r"[\s,]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:[ \t]+|(?=,)|$)")
_PARAMETER: Final = re.compile(
    r"[\s,]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))\s*(?=,|$)"
)
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?=,|$)")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_DEFAULT_SECONDS: Final = 60
_MOST_TOKEN_BYTES: Final = 1024 * 1024
_CLIENT_ID: Final = "buildtools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to log in that a registry offers: scheme and parameters' names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges in WWW-Authenticate headers, of which each may hold several; the rest is left out."""
    return tuple(challenge for header in headers for challenge in _in_header(header))


def _in_header(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    place = 0
    while match := _SCHEME.match(header, place):
        scheme, place = match[1].lower(), match.end()
        parameters: dict[str, str] = {}
        while pair := _PARAMETER.match(header, place):
            name, quoted, plain = pair.groups()
            parameters[name.lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            place = pair.end()
        if not parameters and (token := _TOKEN68.match(header, place)):
            place = token.end()
        found.append(Challenge(scheme=scheme, parameters=parameters))
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    until: float


@dataclass(frozen=True, slots=True)
class _Query:
    """What a token service is asked for; `scope` holds several with spaces between them."""

    service: str
    scope: str

    @property
    def form(self) -> dict[str, str]:
        """For POST, where scopes are one value (oauth.md)."""
        return {key: value for key, value in (("service", self.service), ("scope", self.scope)) if value}

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """For GET, where each scope stands alone (token.md)."""
        service = [("service", self.service)] if self.service else []
        return [*service, *(("scope", scope) for scope in self.scope.split())]


class Authorizer:
    """Says what Authorization header a registry gets; one for each registry host, for several threads.

    `base_url` is the registry's address, `send` sends a request to the token service, and `plain` says
    which hosts may be reached over plain HTTP.
    """

    def __init__(
        self,
        base_url: str,
        *,
        keyring: Keyring,
        send: Callable[[Request], Answer],
        clock: Clock,
        redact: Redactor,
        plain: Callable[[str], bool],
    ) -> None:
        self._base_url = base_url
        self._host = urlsplit(base_url).netloc
        self._keyring = keyring
        self._send = send
        self._clock = clock
        self._redact = redact
        self._plain = plain
        self._challenge: Challenge | None = None
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def header(self, scope: str, repository: str) -> str:
        """The value to send for `scope` (`repository:name:pull`), empty before the registry has asked."""
        with self._lock:
            if self._challenge is None:
                return ""
            return self._value(self._challenge, scope, repository)

    def renewed(self, headers: Iterable[str], scope: str, repository: str, *, refused: str) -> str:
        """The value to send after a 401 to `refused`; raises AuthenticationError when there is none.

        `headers` are its WWW-Authenticate headers.
        """
        challenges = {challenge.scheme: challenge for challenge in reversed(parse_challenges(headers))}
        # A token service takes a password too, and does not need one for what is public.
        challenge = challenges.get("bearer") or challenges.get("basic")
        if challenge is None:
            offered = ", ".join(sorted(challenges)) or "none"
            raise AuthenticationError(
                f"{self._host} asks for a log-in, but offers no way that is known here "
                f"(it offers {self._redact.foreign(offered)})",
                hint="check that the name is a registry's",
            )
        with self._lock:
            # The scope is that of this request; the next one names its own.
            lasting = {key: value for key, value in challenge.parameters.items() if key != "scope"}
            self._challenge = replace(challenge, parameters=lasting)
            # Another thread may have renewed it while this one waited for its answer.
            kept = self._tokens.get(scope)
            if kept and f"Bearer {kept.value}" == refused:
                del self._tokens[scope]
            return self._value(challenge, scope, repository)

    def _value(self, challenge: Challenge, scope: str, repository: str) -> str:
        if challenge.scheme == "bearer" and (kept := self._tokens.get(scope)):
            if kept.until > self._clock.now():
                return f"Bearer {kept.value}"
            del self._tokens[scope]
        credentials = self._keyring.find(self._host, repository)
        if credentials:
            self._redact.learn(*credentials.secrets)
        if credentials and credentials.registry_token:
            return f"Bearer {credentials.registry_token}"
        if challenge.scheme == "basic":
            return self._basic(credentials)
        token = self._fetch(challenge, scope, credentials)
        self._tokens[scope] = token
        return f"Bearer {token.value}"

    def _basic(self, credentials: Credentials | None) -> str:
        if credentials is None or not credentials.basic:
            raise AuthenticationError(
                f"{self._host} asks for a user name and password, and none are found for it",
                hint=f"run `docker login {self._host}`, or set BUILDTOOLS_REGISTRY_HOST, "
                "BUILDTOOLS_REGISTRY_USERNAME and BUILDTOOLS_REGISTRY_PASSWORD",
            )
        return credentials.basic

    def _fetch(self, challenge: Challenge, scope: str, credentials: Credentials | None) -> _Token:
        realm = challenge.parameters.get("realm", "")
        if reason := refusal(self._base_url, realm, plain=self._plain):
            raise AuthenticationError(
                f"{self._host} names {self._redact.foreign(realm)} as its token service, {reason}",
                hint="nothing was sent there; tell whoever runs that registry",
            )
        # What the registry asks for may be more than we thought of, such as the source of a mount.
        query = _Query(challenge.parameters.get("service", ""), challenge.parameters.get("scope") or scope)
        started = self._clock.now()
        with self._asked(realm, query, credentials) as answer:
            document = self._answered(answer, credentials)
        return self._read(document, started)

    def _asked(self, realm: str, query: "_Query", credentials: Credentials | None) -> Answer:
        if credentials and credentials.identity_token:
            form = {"grant_type": "refresh_token", "client_id": _CLIENT_ID, **query.form}
            answer = self._send(
                Request(
                    method="POST",
                    url=realm,
                    headers={"Content-Type": "application/x-www-form-urlencoded"},
                    body=urlencode({**form, "refresh_token": credentials.identity_token}).encode(),
                )
            )
            # Older token services know only GET.
            if answer.status not in {404, 405}:
                return answer
            answer.close()
        parts = urlsplit(realm)
        merged = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *query.pairs])
        return self._send(
            Request(
                method="GET",
                url=parts._replace(query=merged, fragment="").geturl(),
                authorization=credentials.basic if credentials else "",
            )
        )

    def _answered(self, answer: Answer, credentials: Credentials | None) -> Mapping[str, Any]:
        service = f"The token service of {self._host}"
        if answer.status in RETRIED:
            error = UnavailableError(
                f"{service} answered {answer.status}", hint="it is safe to run the command again"
            )
            raise Fault(error, tries=RETRIED[answer.status], retry_after=answer.retry_after)
        if answer.status != 200:
            who = f"the credentials from {credentials.source}" if credentials else "an anonymous request"
            raise AuthenticationError(
                f"{service} refused {who} (status {answer.status})", hint=login_hint(self._host)
            )
        raw = answer.read(_MOST_TOKEN_BYTES)
        try:
            return read_json(raw or b"", "the answer").object()
        except DocumentError as error:
            raise AuthenticationError(
                f"{service} did not answer with a token", hint="run it again"
            ) from error

    def _read(self, document: Mapping[str, Any], started: float) -> _Token:
        value = document.get("token") or document.get("access_token")
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise AuthenticationError(
                f"The token service of {self._host} did not answer with a token", hint=login_hint(self._host)
            )
        self._redact.learn(value)
        seconds = document.get("expires_in")
        if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0:
            seconds = _DEFAULT_SECONDS
        # Our own clock from before the question: the service's clock may be wrong. A token about to
        # expire is not used for a new request.
        return _Token(value, started + seconds - min(10.0, seconds / 6))


def login_hint(host: str) -> str:
    """What a person can do about a refused log-in."""
    return f"run `docker login {host}`, and check that the account may use that repository"
