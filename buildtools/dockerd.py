"""The Docker Engine of this machine: found by DOCKER_HOST, the current context or the system's default.

Everything that talks to an engine asks here, so that all of it means the same one. Sources:
docker/docker-py:docker/client.py (from_env, contexts); moby/moby:api/docs (system info),
pkg/parsers/operatingsystem and pkg/parsers/kernel for what Windows writes there.
"""

import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from buildtools.errors import MissingToolError
from buildtools.oci.platform import PlatformError, parse_platform
from buildtools.windows.releases import OsVersion, OsVersionError, parse_os_version

if TYPE_CHECKING:
    import docker

_ASK_SECONDS: Final = 20
_BUILD: Final = re.compile(r"\(OS Build (\d{1,5})\.(\d{1,9})\)", re.ASCII)
_KERNEL: Final = re.compile(r"(\d{1,2})\.(\d{1,2}) (\d{1,5}) ", re.ASCII)
WAYS_OUT: Final = (
    "start a Docker Engine, name one in DOCKER_HOST or with `docker context use`, or describe the image "
    "with `files`, which needs none"
)


class NoEngineError(MissingToolError):
    """No Docker Engine answers, or the one that does runs another operating system's containers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine says of itself.

    `address` is where it was found and `origin` who said so: DOCKER_HOST, a context, or the default. `host`
    is the Windows version of its machine, None on Linux; `isolation` what Windows containers get by default.
    """

    address: str
    origin: str
    os: str
    architecture: str
    variant: str = ""
    version: str
    name: str = ""
    host: OsVersion | None = None
    isolation: str = ""

    def __str__(self) -> str:
        """`Docker Engine 28.2.2 for linux/amd64 at unix:///var/run/docker.sock (the default)`."""
        shown = f", {self.host}" if self.host else ""
        return (
            f"Docker Engine {self.version} for {self.os}/{self.architecture}{shown} at {self.address} "
            f"({self.origin})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An engine that answers; close it at the end."""

    info: EngineInfo
    client: "docker.DockerClient"

    def close(self) -> None:
        """End the connection."""
        self.client.close()


def find_engine() -> EngineInfo | str:
    """The engine of this machine, or the sentence why there is none."""
    try:
        connection = connect()
    except MissingToolError as error:
        return error.message
    connection.close()
    return connection.info


def connect(*, silence: float = 0.0) -> Connection:
    """Ask the engine who it is; raises MissingToolError where none answers.

    `silence` is how many seconds it may say nothing in what follows.
    """
    import docker
    import requests
    from docker.errors import DockerException

    address, origin = "DOCKER_HOST", "the default"
    try:
        address, origin = _address()
        _knock(address)
        ssh = address.startswith("ssh://")
        client = docker.from_env(version="auto", timeout=_ASK_SECONDS, use_ssh_client=ssh)
        try:
            info = client.info()
        except BaseException:
            client.close()
            raise
    except (DockerException, requests.RequestException, OSError, ValueError) as error:
        raise NoEngineError(
            f"no Docker Engine answers at {address} ({origin}): {_reason(error)}", hint=WAYS_OUT
        ) from error
    # A little later than whoever measures the silence, and says it better.
    client.api.timeout = int(silence) + _ASK_SECONDS
    try:
        return Connection(info=_described(info, address, origin), client=client)
    except MissingToolError:
        client.close()
        raise


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at a socket: docker-py would leave its own open."""
    if address.startswith("unix://") and sys.platform != "win32":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_ASK_SECONDS)
            probe.connect(address.removeprefix("unix://"))


def _address() -> tuple[str, str]:
    """Where the engine is, and who says so, in the order of Docker's own client."""
    from docker.context import ContextAPI
    from docker.errors import ContextException

    if host := os.environ.get("DOCKER_HOST"):
        return host, "DOCKER_HOST"
    name = os.environ.get("DOCKER_CONTEXT") or None
    try:
        context = ContextAPI.get_context(name)
    except ContextException as error:
        raise ValueError(str(error)) from error
    if context is None:
        raise ValueError(f"there is no context {name}")
    origin = "the default" if context.Name == "default" else f"context {context.Name}"
    return str(context.Host or "").replace("http+unix://", "unix://"), origin


def _described(info: dict[str, Any], address: str, origin: str) -> EngineInfo:
    """The answer in our words; raises MissingToolError for an engine of another kind."""
    try:
        platform = parse_platform(f"{info.get('OSType')}/{info.get('Architecture')}").normalised()
    except PlatformError as error:
        raise MissingToolError(
            f"the Docker Engine at {address} is of an unknown platform: {error}"
        ) from error
    return EngineInfo(
        address=address,
        origin=origin,
        os=platform.os,
        architecture=platform.architecture,
        variant=platform.variant,
        version=str(info.get("ServerVersion") or "of unknown version"),
        name=str(info.get("Name") or ""),
        host=windows_version(info) if platform.os == "windows" else None,
        isolation=str(info.get("Isolation") or ""),
    )


def windows_version(info: Mapping[str, Any]) -> OsVersion | None:
    """The version of a Windows host as its engine tells it, None where it does not.

    Only the name of its system has the patch level: without it there is no revision.
    """
    version = _build_of(info)
    match = _BUILD.search(str(info.get("OperatingSystem")))
    if match and (version is None or version.build == int(match[1])):
        return OsVersion(10, 0, int(match[1]), int(match[2]))
    return version


def _build_of(info: Mapping[str, Any]) -> OsVersion | None:
    with suppress(OsVersionError):
        return parse_os_version(str(info.get("OSVersion")))
    kernel = _KERNEL.match(str(info.get("KernelVersion")))
    return OsVersion(*(int(number) for number in kernel.groups())) if kernel else None


def _reason(error: BaseException) -> str:
    """Why it does not answer: what the system says, where that is somewhere below."""
    for found in _below(error):
        if isinstance(found, PermissionError):
            return "permission is denied; join the group that may use it, often `docker`"
        if isinstance(found, FileNotFoundError):
            return "there is nothing of this name"
        if isinstance(found, ConnectionRefusedError):
            return "nobody listens there"
        if getattr(found, "winerror", None) == 5:
            return "permission is denied; join the group docker-users"
        if getattr(found, "winerror", None) == 2:
            return "there is no such pipe"
        if isinstance(found, TimeoutError):
            return "it does not answer in time"
    return str(error)


def _below(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it was made of: libraries wrap the system's in arguments and causes."""
    ahead, seen = [error], set[int]()
    while ahead:
        one = ahead.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            ahead += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
