"""The `login` verb: what would be used to log in to a registry, and what that allows.

Nothing is stored: `docker login` and `podman login` do that, and what they have stored is found here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from buildtools.errors import AuthenticationError, BuildtoolsError, UsageError
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.settings import Settings
from buildtools.stores.auth import login_hint
from buildtools.stores.client import Client
from buildtools.stores.credentials import Keyring
from buildtools.stores.mirrors import Location
from buildtools.stores.retry import RETRIED


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """What was found out about one registry.

    `username` and `source` are empty where nothing was found, so that the registry was asked anonymously.
    `places` are all that were looked at, best first, and whether something was there. `pull` and `push` are
    None where they were not asked for, else empty for yes, or what the registry said. `failure` is why the
    registry could not be asked, or does not let in who it was asked as.
    """

    host: str
    repository: str
    username: str
    source: str
    places: tuple[tuple[str, bool], ...]
    pull: str | None = None
    push: str | None = None
    failure: BuildtoolsError | None = None


def check_login(text: str, settings: Settings) -> LogIn:
    """Find the credentials for `ghcr.io` or `ghcr.io/acme/app`, and let the registry judge them.

    An upload is begun and given up again to learn whether the repository may be written. Raises UsageError
    for what is neither, and AuthenticationError where a place that should hold credentials cannot be read.
    """
    location = _parsed(text)
    keyring = Keyring(settings)
    places = keyring.places(location.host, location.repository)
    found = keyring.find(location.host, location.repository)
    known = LogIn(
        host=location.host,
        repository=location.repository,
        username=(found.username or "a token") if found else "",
        source=found.source if found else "",
        places=tuple((place, credentials is not None) for place, credentials in places),
    )
    client = Client(settings, keyring=keyring)
    try:
        return _judged(known, client, location)
    except BuildtoolsError as error:
        return replace(known, failure=error)
    finally:
        client.close()


def _judged(known: LogIn, client: Client, location: Location) -> LogIn:
    whole = Location(host=location.host, repository="")
    client.run(lambda: _ask(client, whole, "GET", f"{client.base_url(whole)}/v2/"))
    if not location.repository:
        return known
    pull, push = (
        _denied(client, operation)
        for operation in (
            lambda: _ask(client, location, "HEAD", "manifests/latest"),
            lambda: _begin_upload(client, location),
        )
    )
    denied = pull or push
    failure = AuthenticationError(denied, hint=login_hint(location.host)) if denied else None
    return replace(known, pull=pull, push=push, failure=failure)


def _parsed(text: str) -> Location:
    """A registry, or a repository in one."""
    text = text.removeprefix("https://").strip("/")
    try:
        reference = parse_reference(text if "/" in text else f"{text}/any")
    except InvalidReference as error:
        raise UsageError(str(error), hint="name a registry, as in ghcr.io, or a repository in one") from error
    return Location(host=reference.registry, repository=reference.repository if "/" in text else "")


def _denied(client: Client, operation: Callable[[], None]) -> str:
    """What the registry said against an operation, empty where it said nothing."""
    try:
        client.run(operation)
    except AuthenticationError as error:
        return error.message
    return ""


def _ask(client: Client, location: Location, method: str, path: str) -> None:
    with client.attempt(location, method, path) as answer:
        # What is not there may be asked for all the same.
        if answer.status in {401, 403} or answer.status in RETRIED:
            raise client.failure(answer, location, f"repository {location}".removesuffix("/"))


def _begin_upload(client: Client, location: Location) -> None:
    scope = f"repository:{location.repository}:pull,push"
    with client.attempt(location, "POST", "blobs/uploads/", scope=scope) as answer:
        if answer.status != 202:
            hint = "create it first where the registry wants that, and check its name"
            raise client.failure(answer, location, f"uploads to {location}", hint=hint)
        target = urljoin(client.base_url(location), answer.headers.get("Location", ""))
    # Sessions that nobody ends are swept by the registry sooner or later.
    client.attempt(location, "DELETE", target, scope=scope).close()
