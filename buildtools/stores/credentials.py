"""Where credentials are found: the environment, Docker's and Podman's files, and credential helpers.

They are looked for only when a registry asks, and found by its host, so none is ever sent elsewhere.
Source: docker/cli:cli/config/configfile, containers/image:docs/containers-auth.json.5.md,
docker/docker-credential-helpers.
"""

import base64
import binascii
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from buildtools.errors import AuthenticationError
from buildtools.settings import Settings

HELPER_SECONDS: Final = 10.0
GITHUB_REGISTRY: Final = "ghcr.io"
_DOCKER_HUB: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")
_HUB_KEY: Final = "https://index.docker.io/v1/"
_HELPER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEADER: Final = re.compile(r"[\x21-\x7e]*")
_TOKEN_USER: Final = "<token>"  # noqa: S105 - what helpers answer as the user name of an identity token
_NOT_FOUND: Final = "credentials not found"
_MOST_BYTES: Final = 1024 * 1024

Runner = Callable[[Sequence[str], str], tuple[int, str]]
"""Runs a command with this text as its input; returns its exit code and output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who we are at one registry: a name and password, or a token in their place.

    `identity_token` is exchanged for access tokens, `registry_token` is one. `source` is for people.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    source: str = ""

    @property
    def basic(self) -> str:
        """The value of a Basic Authorization header, empty when there is no password."""
        if not self.password:
            return ""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be printed."""
        values = (self.password, self.identity_token, self.registry_token, self.basic.partition(" ")[2])
        return tuple(value for value in values if value)


class Keyring:
    """Finds credentials; each place is asked once a run.

    Raises AuthenticationError when a place that should hold them cannot be read.
    """

    def __init__(self, settings: Settings, *, run: Runner | None = None) -> None:
        self._settings = settings
        self._run = run or run_helper
        self._lock = threading.Lock()
        self._files: dict[Path, Mapping[str, Any]] = {}
        self._asked: dict[tuple[str, str], Credentials | AuthenticationError | None] = {}

    def find(self, host: str, repository: str = "") -> Credentials | None:
        """Credentials for a registry host, or None: then the registry is asked anonymously."""
        with self._lock:
            found = (found for _, found in self._candidates(host, repository) if found)
            return next(found, None)

    def places(self, host: str, repository: str = "") -> tuple[tuple[str, Credentials | None], ...]:
        """Every place that is looked at for this host, best first, and what is there.

        Raises AuthenticationError as `find` does.
        """
        with self._lock:
            return tuple(self._candidates(host, repository))

    def _candidates(self, host: str, repository: str) -> Iterator[tuple[str, Credentials | None]]:
        settings = self._settings
        if settings.registry_password and settings.registry_host in _aliases(host):
            source = "BUILDTOOLS_REGISTRY_PASSWORD"
            yield (
                source,
                Credentials(
                    username=settings.registry_username,
                    password=settings.registry_password,
                    source=source,
                ),
            )
        for path in settings.auth_files:
            yield from self._in_file(path, host, repository)
        if settings.github_token and host == GITHUB_REGISTRY:
            # Last: a log-in that a workflow has made says more than the token that every step may have.
            source = "GITHUB_TOKEN"
            yield (
                source,
                Credentials(
                    username=settings.github_actor or "github-actions",
                    password=settings.github_token,
                    source=source,
                ),
            )

    def _in_file(self, path: Path, host: str, repository: str) -> Iterator[tuple[str, Credentials | None]]:
        document = self._document(path)
        helpers = _mapping(document, "credHelpers")
        for name in _aliases(host):
            if helper := helpers.get(name):
                # Docker asks no other place once a host has its own helper.
                yield f"docker-credential-{helper} ({path})", self._from_helper(str(helper), host, path)
                return
        if store := document.get("credsStore"):
            yield f"docker-credential-{store} ({path})", self._from_helper(str(store), host, path)
        entries = {_normal(key): entry for key, entry in _mapping(document, "auths").items()}
        found = [
            _from_entry(entry, name, path)
            for name in _names(host, repository)
            if isinstance(entry := entries.get(name), Mapping)
        ]
        yield str(path), next(filter(None, found), None)

    def _document(self, path: Path) -> Mapping[str, Any]:
        if path not in self._files:
            self._files[path] = _read(path)
        return self._files[path]

    def _from_helper(self, helper: str, host: str, path: Path) -> Credentials | None:
        key = (helper, host)
        if key not in self._asked:
            try:
                self._asked[key] = self._ask(helper, host, path)
            except AuthenticationError as error:
                # Asked once a run all the same: it may have taken all the time that it is given.
                self._asked[key] = error
        found = self._asked[key]
        if isinstance(found, AuthenticationError):
            raise found
        return found

    def _ask(self, helper: str, host: str, path: Path) -> Credentials | None:
        if not _HELPER.fullmatch(helper):
            raise AuthenticationError(
                f"{path} names a credential helper {helper!r}, which is no program's name"
            )
        program = f"docker-credential-{helper}"
        code, output = self._run((program, "get"), _HUB_KEY if host in _DOCKER_HUB else host)
        if code and _NOT_FOUND in output.lower():
            return None
        if code:
            raise AuthenticationError(
                f"{program}, which {path} names, failed with exit code {code} for {host}",
                hint=f"run `docker login {host}` again",
            )
        answer = _decoded(output)
        username, secret = answer.get("Username"), answer.get("Secret")
        if not isinstance(username, str) or not isinstance(secret, str):
            raise AuthenticationError(
                f"{program}, which {path} names, did not answer with credentials for {host}",
                hint=f"run `docker login {host}` again",
            )
        if not secret:
            return None
        if username == _TOKEN_USER:
            return Credentials(identity_token=secret, source=program)
        return Credentials(username=username, password=secret, source=program)


def run_helper(command: Sequence[str], text: str) -> tuple[int, str]:
    """Run a credential helper; raises AuthenticationError when it is missing or does not answer."""
    import subprocess  # few runs need it

    try:
        done = subprocess.run(
            command,
            check=False,
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=HELPER_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise AuthenticationError(
            f"The credential helper {command[0]} did not answer within {HELPER_SECONDS:.0f} seconds",
            hint="it may be waiting for someone to unlock a keychain; unlock it, or use another helper",
        ) from error
    except OSError as error:
        raise AuthenticationError(
            f"The credential helper {command[0]} cannot be run ({error.strerror})",
            hint="install it, or take it out of Docker's config.json",
        ) from error
    return done.returncode, done.stdout


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise AuthenticationError(
            f"{path} cannot be read ({error.strerror})", hint="check who owns it, or set DOCKER_CONFIG"
        ) from error
    document = _decoded(raw) if len(raw) <= _MOST_BYTES else {}
    if not document and raw.strip() not in {b"", b"{}"}:
        raise AuthenticationError(f"{path} is no JSON object", hint="repair it, or log in again")
    return document


def _decoded(text: str | bytes) -> Mapping[str, Any]:
    """The JSON object in `text`, empty when it is none."""
    import msgspec  # a fifth of the start-up of a verb that needs no registry

    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return document if isinstance(document, Mapping) else {}


def _from_entry(entry: Mapping[str, Any], name: str, path: Path) -> Credentials | None:
    """One entry of `auths`; it is empty where a credential store holds the secret."""
    values: dict[str, str] = {key: value for key, value in entry.items() if isinstance(value, str) and value}
    username, password = values.get("username", ""), values.get("password", "")
    if packed := values.get("auth"):
        try:
            username, _, password = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise AuthenticationError(
                f"The entry for {name} in {path} is damaged", hint=f"run `docker login {name}` again"
            ) from error
    if not _HEADER.fullmatch(values.get("registrytoken", "")):
        raise AuthenticationError(
            f"The registrytoken of {name} in {path} has characters that no token has",
            hint=f"run `docker login {name}` again",
        )
    token = values.get("identitytoken", "") or (password if username == _TOKEN_USER else "")
    found = Credentials(
        username=username,
        # Docker pads what it packs with NUL bytes.
        password="" if token else password.rstrip("\0"),
        identity_token=token,
        registry_token=values.get("registrytoken", ""),
        source=str(path),
    )
    return found if found.secrets else None


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _aliases(host: str) -> tuple[str, ...]:
    return _DOCKER_HUB if host in _DOCKER_HUB else (host,)


def _names(host: str, repository: str) -> Iterator[str]:
    """Keys that may hold the credentials, most specific first: Podman keeps them by repository too."""
    parts = repository.split("/") if repository else []
    for alias in _aliases(host):
        for length in range(len(parts), -1, -1):
            yield "/".join((alias, *parts[:length]))


def _normal(key: str) -> str:
    """A key of `auths` without scheme, and without the path that comes with one (`https://host/v1/`)."""
    _, scheme, rest = key.partition("://")
    if not scheme:
        return key.rstrip("/")
    return rest.partition("/")[0]
