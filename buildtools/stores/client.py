"""Asking registries: transport, log-in, retries and what a bad status means, together for one run."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import urlsplit

from buildtools.errors import AuthenticationError, BuildError, UnavailableError
from buildtools.oci.jsonbytes import DocumentError, read_json
from buildtools.settings import Settings
from buildtools.stores.addresses import is_loopback, origin, refusal
from buildtools.stores.auth import Authorizer, login_hint
from buildtools.stores.base import DeniedError, NotFoundError
from buildtools.stores.credentials import Keyring
from buildtools.stores.mirrors import Location, plain_hosts
from buildtools.stores.pace import Pace
from buildtools.stores.redact import Redactor
from buildtools.stores.retry import OVERLOADED, RETRIED, Clock, Fault, Tries, retrying
from buildtools.stores.transport import Answer, Body, Request, Transport

_T = TypeVar("_T")

_API_HOSTS: Final[Mapping[str, str]] = {
    "docker.io": "registry-1.docker.io",
    "index.docker.io": "registry-1.docker.io",
}
"""Registries whose API answers under another name than images do."""

_MOST_ERROR_BYTES: Final = 64 * 1024
_MOST_ERRORS: Final = 3


class Client:
    """All requests to registries of one run: connections, tokens and known secrets are shared.

    Safe to use from several threads.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, keyring: Keyring | None = None
    ) -> None:
        self.clock = clock or Clock()
        self._longest = settings.max_wait
        self.redact = Redactor()
        self.redact.learn(settings.registry_password, settings.github_token)
        self._plain_hosts = frozenset(settings.plain_http) | plain_hosts(settings.mirrors)
        self._keyring = keyring or Keyring(settings)
        self._transport = Transport(
            clock=self.clock, redact=self.redact, plain=self._plain, ca_bundle=settings.ca_bundle
        )
        self._authorizers: dict[str, Authorizer] = {}
        self._paces: dict[str, Pace] = {}
        self._lock = threading.Lock()

    def run(self, operation: Callable[[], _T]) -> _T:
        """The result of an operation, which is tried again while it raises Fault."""
        return retrying(operation, clock=self.clock, longest=self._longest)

    def tries(self) -> Tries:
        """The retry state for an operation that resumes where it was."""
        return Tries(self.clock, longest=self._longest)

    def attempt(
        self,
        location: Location,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        scope: str = "",
    ) -> Answer:
        """One try of a request about a repository, logged in where the registry asks for it.

        `path` is what follows the repository, such as `manifests/latest`, or a whole URL that the registry
        has answered with; on another host than its own that gets no credentials. `scope` is what a token
        must be good for, to pull where it is empty. Returns an answer of any status but 401, which raises
        AuthenticationError; raises Fault when the try failed on the way.
        """
        base_url = self.base_url(location)
        url = path if "://" in path else f"{base_url}/v2/{location.repository}/{path}"
        request = Request(method=method, url=url, headers=headers or {}, body=body)
        if origin(url) != origin(base_url):
            self._refuse(base_url, url)
            return self._send(request)
        if location.upstream:
            request = replace(request, shown=f"{location.host} (the mirror of {location.upstream})")
        authorizer = self._authorizer(base_url)
        if location.repository:
            scope = scope or f"repository:{location.repository}:pull"
        first = authorizer.header(scope, location.repository)
        answer = self._send(replace(request, authorization=first))
        if answer.status != 401:
            return answer
        with answer:
            second = authorizer.renewed(answer.challenges, scope, location.repository, refused=first)
        answer = self._send(replace(request, authorization=second))
        if answer.status != 401:
            return answer
        # Twice is enough: a third wrong password may lock the account.
        raise self._no_login(answer, location, second)

    def _no_login(self, answer: Answer, location: Location, authorization: str) -> AuthenticationError:
        """What to say of a log-in that is refused a second time; closes the answer."""
        # A token that is not good for this may be good for something else; a password is wrong for all.
        kind = DeniedError if authorization.startswith("Bearer") else AuthenticationError
        for_it = f" for {location.repository}" if location.repository else ""
        with answer:
            return kind(
                f"{location.host} refuses the log-in{for_it}{self._detail(answer)}",
                hint=login_hint(location.host),
            )

    def _refuse(self, base_url: str, url: str) -> None:
        """Raise BuildError for an address that a registry must not send its clients to."""
        if reason := refusal(base_url, url, plain=self._plain):
            raise BuildError(
                f"{urlsplit(base_url).netloc} asks to upload to {self.redact.foreign(url)}, {reason}",
                hint="nothing was sent there; tell whoever runs that registry",
            )

    def base_url(self, location: Location) -> str:
        """The address of a registry's API, such as `https://registry-1.docker.io`."""
        scheme = location.scheme or ("http" if self._plain(location.host) else "https")
        return f"{scheme}://{_API_HOSTS.get(location.host, location.host)}"

    def failure(
        self,
        answer: Answer,
        location: Location,
        what: str,
        *,
        hint: str = "",
        passing: Mapping[str | int, int] | None = None,
    ) -> Exception:
        """What an answer of this status means for `what`, such as `manifest ghcr.io/acme/app:1`.

        `hint` replaces what people are told about something that was not found. `passing` are statuses and
        error codes that another try may mend here, and how many tries.
        """
        status, host = answer.status, location.host
        codes, detail = self._said(answer)
        message, again = f"{host} answered {status} for {what}{detail}", "it is safe to run the command again"
        if status in RETRIED:
            error = UnavailableError(message, hint=again)
            return Fault(error, tries=RETRIED[status], retry_after=answer.retry_after)
        keys: tuple[str | int, ...] = (status, *codes)
        if tries := max((passing or {}).get(key, 0) for key in keys):
            return Fault(BuildError(message, hint=again), tries=tries, retry_after=answer.retry_after)
        if status == 404:
            hint = hint or f"check the name, or run `docker login {host}` if it is private"
            return NotFoundError(f"{what[:1].upper()}{what[1:]} was not found{detail}", hint=hint)
        if status == 403:
            return DeniedError(f"{host} denies {what}{detail}", hint=login_hint(host))
        return BuildError(message, hint="check that it is an image registry")

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _plain(self, host: str) -> bool:
        return is_loopback(host) or host in self._plain_hosts

    def _send(self, request: Request) -> Answer:
        """The answer to a request that has waited for its turn at the host."""
        host = urlsplit(request.url).netloc
        with self._lock:
            pace = self._paces.setdefault(host, Pace(self.clock, longest=self._longest))
        with pace.turn():
            answer = self._transport.send(request)
        if answer.status in OVERLOADED:
            pace.overloaded(answer.retry_after)
        elif answer.status not in RETRIED:
            pace.well()
        return answer

    def _authorizer(self, base_url: str) -> Authorizer:
        with self._lock:
            if base_url not in self._authorizers:
                self._authorizers[base_url] = Authorizer(
                    base_url,
                    keyring=self._keyring,
                    send=self._send,
                    clock=self.clock,
                    redact=self.redact,
                    plain=self._plain,
                )
            return self._authorizers[base_url]

    def _detail(self, answer: Answer) -> str:
        return self._said(answer)[1]

    def _said(self, answer: Answer) -> tuple[tuple[str, ...], str]:
        """The codes of an error's body, and what it says, in brackets, fit to be printed."""
        raw = b""
        with suppress(Fault):
            raw = answer.read(_MOST_ERROR_BYTES) or b""
        codes, text = _errors(raw, answer.headers.get("Content-Type", ""))
        text = self.redact.foreign(text)
        return codes, f" ({text})" if text else ""


def _errors(raw: bytes, media_type: str) -> tuple[tuple[str, ...], str]:
    """Codes and messages of an error document; other text only where it is plain."""
    try:
        errors = read_json(raw, "the answer").get("errors").items(most=1000)
        pairs = [(item.get("code").text(), item.get("message").text()) for item in errors[:_MOST_ERRORS]]
    except DocumentError:
        return (), raw.decode("utf-8", "replace") if media_type.startswith("text/plain") else ""
    return tuple(code for code, _ in pairs), "; ".join(": ".join(filter(None, pair)) for pair in pairs)
