"""Settings: what the environment says, read once into one frozen value.

Precedence is option, then variable, then file, then default: the command line and the project file are
laid over this value with `dataclasses.replace` and `Settings.with_project`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from buildtools.errors import ConfigurationError, Diagnostic

_T = TypeVar("_T")

_LATEST_SECOND: Final = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second that RFC 3339, and so an image config, can write."""
_MOST_JOBS: Final = 1024
LONGEST_WAIT: Final = 86_400
"""Seconds that `max_wait` may be at most: a day."""
GITHUB_API: Final = "https://api.github.com"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable, as the reference documentation lists it."""

    name: str
    meaning: str
    example: str = ""


VARIABLES: Final = (
    Variable(
        name="BUILDTOOLS_MIRRORS",
        meaning="Registries read in place of others: name and mirror with = between them, pairs with commas. "
        "Both sides are a host with an optional path; the longest name wins. "
        "A mirror may say http:// or https:// first.",
        example="mcr.microsoft.com=127.0.0.1:5000/mcr,docker.io=hub.example.com",
    ),
    Variable(
        name="BUILDTOOLS_PLAIN_HTTP",
        meaning="Registries reached over plain HTTP, separated by commas. Loopback addresses always are.",
        example="registry.example.com:5000",
    ),
    Variable(
        name="BUILDTOOLS_REGISTRY_HOST",
        meaning="The registry that BUILDTOOLS_REGISTRY_USERNAME and BUILDTOOLS_REGISTRY_PASSWORD log in to. "
        "They are sent to no other.",
        example="ghcr.io",
    ),
    Variable(name="BUILDTOOLS_REGISTRY_USERNAME", meaning="User name at that registry.", example="acme-bot"),
    Variable(name="BUILDTOOLS_REGISTRY_PASSWORD", meaning="Password or access token at that registry."),
    Variable(
        name="BUILDTOOLS_MAX_WAIT",
        meaning="Seconds that are waited where a registry asks for it (Retry-After); 300 when not set. "
        "A longer wait ends the run with exit code 6.",
        example="900",
    ),
    Variable(
        name="BUILDTOOLS_JOBS",
        meaning="How many variants are built at the same time; the number of processors when not set.",
        example="4",
    ),
    Variable(
        name="BUILDTOOLS_ENGINE_SILENCE",
        meaning="Seconds that a Docker Engine may say nothing while it builds or saves; 1800 when not set. "
        "How long all of it takes is not limited.",
        example="3600",
    ),
    Variable(
        name="DOCKER_HOST",
        meaning="The Docker Engine to use, before contexts and the system's default.",
        example="unix:///run/user/1000/docker.sock",
    ),
    Variable(name="DOCKER_CONTEXT", meaning="The context of Docker's client that names the engine."),
    Variable(
        name="DOCKER_TLS_VERIFY", meaning="Set to anything: the engine in DOCKER_HOST is reached over TLS."
    ),
    Variable(name="DOCKER_CERT_PATH", meaning="Folder of the certificates for that."),
    Variable(
        name="SOURCE_DATE_EPOCH",
        meaning="The time that everything built carries, in seconds since 1970; "
        "the time of the last commit when not set.",
        example="1767225600",
    ),
    Variable(name="NO_COLOR", meaning="No colours, whatever the terminal can do.", example="1"),
    Variable(name="FORCE_COLOR", meaning="Colours even where there is no terminal.", example="1"),
    Variable(
        name="CI",
        meaning="Set by CI services: plain log lines, and a missing test component is a failure.",
        example="true",
    ),
    Variable(
        name="GITHUB_ACTIONS",
        meaning="Set by GitHub Actions: log groups, annotations and a step summary.",
        example="true",
    ),
    Variable(
        name="GITHUB_TOKEN",
        meaning="Under GitHub Actions the password at ghcr.io where no other is found; "
        "a step has to hand it in, and its job needs `packages: write` to publish.",
    ),
    Variable(name="GITHUB_ACTOR", meaning="The user name that goes with it."),
    Variable(
        name="GITHUB_API_URL",
        meaning="The GitHub API that `pins --actions` asks; runners and GitHub Enterprise Server set it.",
        example="https://github.example.com/api/v3",
    ),
    Variable(
        name="GH_TOKEN",
        meaning="The token that `pins --actions` shows to that API, and GITHUB_TOKEN where it is not set. "
        "It is sent to no other host. Without one GitHub takes 60 requests an hour.",
    ),
    Variable(
        name="GITHUB_REF_TYPE",
        meaning="Under GitHub Actions: whether the run is for a branch or a tag; "
        "with the four below a fact that tags are made of.",
        example="tag",
    ),
    Variable(name="GITHUB_REF_NAME", meaning="The name of that branch or tag.", example="v1.4.2"),
    Variable(
        name="GITHUB_REF",
        meaning="Its whole name; it holds a pull request's number.",
        example="refs/pull/7/merge",
    ),
    Variable(name="GITHUB_HEAD_REF", meaning="The branch of a pull request; set for those only."),
    Variable(name="GITHUB_SHA", meaning="The commit that the run is for."),
    Variable(name="GITHUB_STEP_SUMMARY", meaning="File that the step summary is appended to."),
    Variable(name="GITHUB_OUTPUT", meaning="File that step outputs are appended to."),
    Variable(name="GITHUB_ENV", meaning="File that variables for later steps are appended to."),
    Variable(
        name="DOCKER_CONFIG",
        meaning="Folder of Docker's config.json, where `docker login` keeps credentials.",
        example="~/.docker",
    ),
    Variable(name="REGISTRY_AUTH_FILE", meaning="Podman's credentials file, read after Docker's."),
    Variable(name="XDG_RUNTIME_DIR", meaning="Where `containers/auth.json` of `podman login` lies."),
    Variable(
        name="XDG_CONFIG_HOME", meaning="Where `containers/auth.json` lies that outlives a login session."
    ),
    Variable(
        name="XDG_CACHE_HOME",
        meaning="Where the folder `buildtools` lies, in which things are kept over runs that belong to no "
        "project, such as wine's prefix; ~/.cache when not set. It may be deleted.",
    ),
    Variable(name="HOME", meaning="The home folder, for the defaults of the four above."),
    Variable(name="USERPROFILE", meaning="The home folder on Windows, where HOME is not set."),
    Variable(
        name="SSL_CERT_FILE",
        meaning="File of certificate authorities to trust in place of the built-in ones.",
        example="/etc/ssl/certs/ca-certificates.crt",
    ),
    Variable(name="REQUESTS_CA_BUNDLE", meaning="The same under another name; it wins."),
    Variable(name="HTTPS_PROXY", meaning="Proxy for HTTPS; never used for loopback addresses."),
    Variable(name="HTTP_PROXY", meaning="Proxy for plain HTTP; never used for loopback addresses."),
    Variable(name="NO_PROXY", meaning="Hosts reached without a proxy, separated by commas."),
)
"""Every variable that `buildtools` or its HTTP library reads; docs/reference is generated from this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says; the defaults are those of an empty environment.

    `source_date_epoch` is in seconds since 1970. `auth_files` are the files that may hold credentials,
    best first. `max_wait` is in seconds. `cache` is the user's folder for things that are kept over runs,
    None where the environment names no home. Passwords and tokens stay out of `repr`.
    """

    mirrors: Mapping[str, str] = field(default_factory=dict, hash=False)
    plain_http: tuple[str, ...] = ()
    registry_host: str = ""
    registry_username: str = ""
    registry_password: str = field(default="", repr=False)
    github_actor: str = ""
    github_token: str = field(default="", repr=False)
    max_wait: float = 300.0
    engine_silence: float = 1800.0
    jobs: int | None = None
    source_date_epoch: int | None = None
    no_color: bool = False
    force_color: bool = False
    ci: bool = False
    github_actions: bool = False
    github_api_url: str = GITHUB_API
    github_api_token: str = field(default="", repr=False)
    github_ref_type: str = ""
    github_ref_name: str = ""
    github_ref: str = ""
    github_head_ref: str = ""
    github_sha: str = ""
    github_step_summary: Path | None = None
    github_output: Path | None = None
    github_env: Path | None = None
    auth_files: tuple[Path, ...] = ()
    ca_bundle: Path | None = None
    cache: Path | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment; raises ConfigurationError with every variable that is wrong."""
        reader = _Reader(environ)
        settings = cls(
            mirrors=reader.parsed("BUILDTOOLS_MIRRORS", _mirrors, {}),
            plain_http=tuple(_listed(reader.text("BUILDTOOLS_PLAIN_HTTP"))),
            registry_host=reader.text("BUILDTOOLS_REGISTRY_HOST"),
            registry_username=reader.text("BUILDTOOLS_REGISTRY_USERNAME"),
            registry_password=reader.text("BUILDTOOLS_REGISTRY_PASSWORD"),
            max_wait=reader.parsed("BUILDTOOLS_MAX_WAIT", _max_wait, 300.0),
            engine_silence=reader.parsed("BUILDTOOLS_ENGINE_SILENCE", _silence, 1800.0),
            jobs=reader.parsed("BUILDTOOLS_JOBS", _jobs, None),
            source_date_epoch=reader.parsed("SOURCE_DATE_EPOCH", _epoch, None),
            no_color=reader.text("NO_COLOR") != "",
            force_color=reader.text("FORCE_COLOR") != "",
            ci=reader.flag("CI"),
            github_actions=reader.flag("GITHUB_ACTIONS"),
            github_actor=reader.text("GITHUB_ACTOR"),
            github_token=reader.text("GITHUB_TOKEN") * reader.flag("GITHUB_ACTIONS"),
            github_api_url=reader.parsed("GITHUB_API_URL", _api, GITHUB_API),
            github_api_token=reader.text("GH_TOKEN") or reader.text("GITHUB_TOKEN"),
            github_ref_type=reader.text("GITHUB_REF_TYPE"),
            github_ref_name=reader.text("GITHUB_REF_NAME"),
            github_ref=reader.text("GITHUB_REF"),
            github_head_ref=reader.text("GITHUB_HEAD_REF"),
            github_sha=reader.text("GITHUB_SHA"),
            github_step_summary=reader.path("GITHUB_STEP_SUMMARY"),
            github_output=reader.path("GITHUB_OUTPUT"),
            github_env=reader.path("GITHUB_ENV"),
            auth_files=_auth_files(reader),
            ca_bundle=reader.path("REQUESTS_CA_BUNDLE") or reader.path("SSL_CERT_FILE"),
            cache=_cache(reader),
        )
        problems = (*reader.problems, *_credential_problems(settings))
        if problems:
            raise ConfigurationError(*problems)
        return settings

    def with_project(self, *, mirrors: Mapping[str, str], plain_http: Iterable[str]) -> "Settings":
        """These settings over what the project's `defaults.yaml` says: the environment wins."""
        return replace(
            self,
            mirrors={**mirrors, **self.mirrors},
            plain_http=tuple(dict.fromkeys((*self.plain_http, *plain_http))),
        )


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Diagnostic] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "")

    def flag(self, name: str) -> bool:
        return self.text(name).lower() not in {"", "0", "false"}

    def path(self, name: str) -> Path | None:
        text = self.text(name)
        return Path(text) if text else None

    def parsed(self, name: str, parse: Callable[[str], _T], default: _T) -> _T:
        """What `parse` makes of the variable; its ValueError holds what is wrong and what to do."""
        text = self.text(name)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            wrong, hint = error.args
            message = f"{name} is {text!r}, {wrong}"
            self.problems.append(Diagnostic(code="bad-variable", message=message, hint=hint))
            return default


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _mirrors(text: str) -> Mapping[str, str]:
    pairs = [(pair, *pair.partition("=")) for pair in _listed(text)]
    for pair, name, _, mirror in pairs:
        if not name.strip() or not mirror.strip():
            raise ValueError(
                f"and {pair!r} in it is no pair", "write pairs such as docker.io=hub.example.com"
            )
    return {name.strip(): mirror.strip() for _, name, _, mirror in pairs}


def _whole(text: str) -> int:
    """A whole number of plain ASCII digits: `int` alone takes signs, spaces, underscores and more."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else -1


def _epoch(text: str) -> int:
    if not 0 <= (seconds := _whole(text)) <= _LATEST_SECOND:
        raise ValueError(
            "which is not a whole number of seconds since 1970",
            "set it to what `git log -1 --format=%ct` prints",
        )
    return seconds


def _jobs(text: str) -> int:
    if not 1 <= (jobs := _whole(text)) <= _MOST_JOBS:
        raise ValueError(f"which is not a number from 1 to {_MOST_JOBS}", "set it to a number such as 4")
    return jobs


def _max_wait(text: str) -> float:
    if not 0 <= (seconds := _whole(text)) <= LONGEST_WAIT:
        raise ValueError(
            f"which is not a number of seconds from 0 to {LONGEST_WAIT}", "set it to a number such as 900"
        )
    return float(seconds)


def _api(text: str) -> str:
    """An address without its last slash; a token goes there, so plain HTTP is for this machine alone."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not (safe and parts.hostname) or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("which is no https address", f"set it to one such as {GITHUB_API}")
    return text.rstrip("/")


def _silence(text: str) -> float:
    if not 1 <= (seconds := _whole(text)) <= LONGEST_WAIT:
        raise ValueError(
            f"which is not a number of seconds from 1 to {LONGEST_WAIT}", "set it to a number such as 3600"
        )
    return float(seconds)


def _home(reader: _Reader) -> Path | None:
    return reader.path("HOME") or reader.path("USERPROFILE")


def _cache(reader: _Reader) -> Path | None:
    """The XDG Base Directory Specification says that a relative path is not valid and to be ignored."""
    home, folder = _home(reader), reader.path("XDG_CACHE_HOME")
    folder = folder if folder and folder.is_absolute() else home and home / ".cache"
    return folder and folder / "buildtools"


def _auth_files(reader: _Reader) -> tuple[Path, ...]:
    home = _home(reader)
    docker = reader.path("DOCKER_CONFIG") or (home and home / ".docker")
    runtime = reader.path("XDG_RUNTIME_DIR")
    config = reader.path("XDG_CONFIG_HOME") or (home and home / ".config")
    files = (
        docker and docker / "config.json",
        reader.path("REGISTRY_AUTH_FILE"),
        runtime and runtime / "containers" / "auth.json",
        config and config / "containers" / "auth.json",
    )
    return tuple(file for file in files if file)


def _credential_problems(settings: Settings) -> list[Diagnostic]:
    """Credentials without a host would go to whichever registry asks, and are worth an error."""
    given = {
        "BUILDTOOLS_REGISTRY_HOST": settings.registry_host,
        "BUILDTOOLS_REGISTRY_USERNAME": settings.registry_username,
        "BUILDTOOLS_REGISTRY_PASSWORD": settings.registry_password,
    }
    missing = [name for name, value in given.items() if not value]
    if not missing or len(missing) == len(given):
        return []
    present = [name for name, value in given.items() if value]
    message = f"{' and '.join(present)} cannot be used without {' and '.join(missing)}"
    return [Diagnostic(code="incomplete-credentials", message=message, hint="set all three or none")]
