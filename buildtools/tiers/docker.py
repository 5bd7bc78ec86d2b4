"""The docker tier: an image in a Docker Engine of this machine, Windows images under process isolation.

The image goes into the engine as it lies in our store, is started as a container, asked at its port, stopped
as `docker stop` does it, and taken away again with its container. Source: moby/moby:api; on Windows every
signal but KILL shuts the container down (daemon/internal/libcontainerd/local/local_windows.go).
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from buildtools.errors import BuildtoolsError, MissingToolError, UnavailableError
from buildtools.oci.config import ImageConfig
from buildtools.oci.platform import PlatformError
from buildtools.settings import Settings
from buildtools.tiers.archive import docker_archive
from buildtools.tiers.base import CancelledError, Contract, StartError, StopEvent, asks
from buildtools.tiers.docker_host import (
    EngineHost,
    engine_host,
    inner_remark,
    loaded_faults,
    patch_remark,
    refusal,
)
from buildtools.tiers.native import free_port

if TYPE_CHECKING:
    from docker.api.client import APIClient

_SECONDS: Final = 600
"""How long the engine may say nothing, as while it unpacks a large layer."""
_PORT: Final = 18080
"""The port inside of a container that has a network of its own."""
_PAUSE: Final = 0.05
_LOG_LINES: Final = 20
_LOOPBACK: Final = "127.0.0.1"
_NETWORKS: Final[Mapping[str, str]] = {"linux": "bridge", "windows": "nat"}
_REPOSITORY: Final = "buildtools-smoke"
_NEWER_THAN_HOST: Final = "0xc0370106"


def open_engine() -> "APIClient":
    """A connection to this machine's engine; raises MissingToolError."""
    from buildtools.dockerd import connect

    return connect(silence=_SECONDS).client.api


class Docker:
    """Runs images in a Docker Engine; `connect` opens a connection to it."""

    name = "docker"
    events: Mapping[StopEvent, str] = {"shutdown": "docker stop", "interrupt": "SIGINT"}

    def __init__(self, connect: Callable[[], "APIClient"] = open_engine) -> None:
        self._connect = connect
        self._lock = Lock()
        self._known: EngineHost | str | None = None

    @classmethod
    def of(cls, _settings: Settings) -> Self:
        """The tier of the engine that the environment names."""
        return cls()

    def unavailable(self, config: ImageConfig) -> str:
        """Why the engine cannot run such an image, or why there is no engine; empty if it can."""
        host = self._host()
        return host if isinstance(host, str) else refusal(config, host)

    def refuses(self, contract: Contract) -> str:
        """Why it cannot try this contract; empty if it can."""
        stop, host = contract.lifecycle.stop, self._host()
        if stop and stop.event == "interrupt" and isinstance(host, EngineHost):
            windows = host.platform.os == "windows"
            return "an engine of Windows sends no interrupt, only a shutdown" if windows else ""
        return ""

    def _host(self) -> EngineHost | str:
        with self._lock:
            if self._known is None:
                self._known = self._look()
            return self._known

    def _look(self) -> EngineHost | str:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            with closing(self._connect()) as client:
                return engine_host(client.info(), urlsplit(client.base_url).hostname or "")
        except MissingToolError as error:
            return error.message
        except (DockerException, RequestException) as error:
            return f"no Docker Engine answers ({error})"
        except PlatformError as error:
            return f"the Docker Engine is of an unknown platform ({error})"

    @contextmanager
    def started(self, contract: Contract) -> Iterator["_Container"]:
        """The running container; afterwards it and its image are gone from the engine."""
        host = self._host()
        if isinstance(host, str):
            raise StartError(host)
        with ExitStack() as undo:
            with _told(StartError):
                client = undo.enter_context(closing(self._connect()))
                image = _loaded(client, contract, undo)
                network, remark = _network(client, host)
                plan = _plan(network)
                created = client.create_container(image, **_arguments(client, contract, plan, host))["Id"]
                undo.callback(_quietly, lambda: client.remove_container(created, force=True, v=True))
                try:
                    client.start(created)
                except Exception as error:
                    raise _explained(error, contract, host) from error
                endpoint = (
                    _endpoint(client.inspect_container(created), plan) if asks(contract.lifecycle) else None
                )
                inner = _inner(client, created, contract, host)
            told = (patch_remark(contract.config, host), remark, inner, _loopback_remark(contract, plan))
            remarks = tuple(filter(None, told))
            signal = contract.config.stop_signal or "SIGTERM"
            yield _Container(
                client=client, id=created, endpoint=endpoint or (_LOOPBACK, 0), signal=signal, remarks=remarks
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How a container's port is reached: `network` is the engine's own, or `host`."""

    network: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Container:
    """A container that was started."""

    client: "APIClient"
    id: str
    endpoint: tuple[str, int]
    signal: str
    remarks: tuple[str, ...]

    def deliver(self, event: StopEvent) -> None:
        with _told(UnavailableError), suppress(_not_running()):
            self.client.kill(self.id, self.signal if event == "shutdown" else "SIGINT")

    def wait(self, within: float) -> int | None:
        deadline = time.monotonic() + within
        while True:
            with _told(UnavailableError):
                state: Mapping[str, Any] = self.client.inspect_container(self.id)["State"]
            if not state["Running"]:
                return int(state["ExitCode"])
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(_PAUSE, left))

    def leftovers(self) -> tuple[str, ...]:
        # What its first program leaves behind ends with it: the container is a process namespace.
        return ()

    def log(self) -> tuple[str, ...]:
        with _told(UnavailableError):
            text: bytes = self.client.logs(self.id, tail=_LOG_LINES)
        return tuple(line.rstrip() for line in text.decode("utf-8", "replace").splitlines())


def _loaded(client: "APIClient", contract: Contract, undo: ExitStack) -> str:
    """Put the image into the engine under a name of its own, and look whether it is that image."""
    if contract.manifest is None or contract.open_blob is None:
        raise StartError("its manifest and layers are not at hand")
    if pulled := _pulled(client, contract):
        return pulled
    tag = f"{_REPOSITORY}:{secrets.token_hex(8)}"
    undo.callback(_quietly, lambda: client.remove_image(tag))
    archive = docker_archive(contract.manifest, contract.config, tag=tag, open_blob=contract.open_blob)
    for line in client.load_image(_until_cancelled(archive, contract)) or ():  # type: ignore[no-untyped-call] # types-docker lacks it
        # Errors come in-band, with HTTP 200.
        if fault := line.get("error"):
            raise StartError(f"the engine does not load its image: {fault}")
    seen = client.inspect_image(tag)  # type: ignore[no-untyped-call] # types-docker lacks it
    if fault := loaded_faults(seen, contract.config, contract.manifest.descriptor.digest):
        raise StartError(f"the engine has loaded another image: {fault}")
    return tag


def _pulled(client: "APIClient", contract: Contract) -> str:
    """The name by which the engine has pulled this very image already, as `prove` does; else empty.

    With containerd's store that name stands for an index, and the image is loaded by itself.
    """
    if contract.manifest is None or not contract.reference:
        return ""
    with suppress(_not_there()):
        seen = client.inspect_image(contract.reference)  # type: ignore[no-untyped-call] # types-docker lacks it
        if not loaded_faults(seen, contract.config, contract.manifest.descriptor.digest):
            return contract.reference
    return ""


def _until_cancelled(pieces: Iterator[bytes], contract: Contract) -> Iterator[bytes]:
    for piece in pieces:
        if contract.cancelled.is_set():
            raise CancelledError
        yield piece


def _network(client: "APIClient", host: EngineHost) -> tuple[str, str]:
    """The network to use and what to remark: the engine's usual one; without one on Linux the machine's."""
    wanted = _NETWORKS[host.platform.os]
    if any(one.get("Name") == wanted for one in client.networks(names=[wanted])):
        return wanted, ""
    if host.platform.os == "windows":
        raise StartError(
            f"the engine has no {wanted} network; restart the docker service (actions/runner-images#13729)"
        )
    return "host", "ran in this machine's network, since the engine has no bridge"


def _inner(client: "APIClient", container: str, contract: Contract, host: EngineHost) -> str:
    """Ask a Windows container which Windows it is; a remark where that is another, or cannot be asked."""
    from docker.errors import APIError

    if host.platform.os != "windows":
        return ""
    try:
        call = client.exec_create(container, ["cmd", "/c", "ver"])["Id"]
        told: bytes = client.exec_start(call)
    except APIError:
        told = b""
    return inner_remark(told.decode("utf-8", "replace"), contract.config)


def _plan(network: str) -> _Plan:
    return _Plan(network=network, port=free_port() if network == "host" else _PORT)


def _loopback_remark(contract: Contract, plan: _Plan) -> str:
    """Why a program that listens is not reached."""
    words = (*contract.lifecycle.args, *contract.lifecycle.env.values())
    alone = any(_LOOPBACK in word and "{port}" in word for word in words)
    if plan.network == "host" or not alone or not asks(contract.lifecycle):
        return ""
    return f"its arguments name {_LOOPBACK}, which is the container's own: listen on all addresses, :{{port}}"


def _arguments(client: "APIClient", contract: Contract, plan: _Plan, host: EngineHost) -> dict[str, Any]:
    """What the container is created with, beside its image."""
    config, lifecycle = contract.config, contract.lifecycle

    def filled(texts: tuple[str, ...]) -> list[str] | None:
        return [text.replace("{port}", str(plan.port)) for text in texts] or None

    settings: dict[str, Any] = {"network_mode": plan.network}
    if plan.network == "bridge" and asks(lifecycle):
        settings["port_bindings"] = {f"{plan.port}/tcp": (_LOOPBACK,)}
    if host.platform.os == "windows":
        # Said aloud, so that what does not fit fails instead of running under Hyper-V.
        settings["isolation"] = "process"
    return {
        "entrypoint": filled(config.entrypoint)
        if any("{port}" in word for word in config.entrypoint)
        else None,
        "command": filled(lifecycle.args or config.cmd),
        "environment": {name: text.replace("{port}", str(plan.port)) for name, text in lifecycle.env.items()},
        "host_config": client.create_host_config(**settings),
        "ports": [plan.port] if "port_bindings" in settings else None,
    }


def _endpoint(seen: Mapping[str, Any], plan: _Plan) -> tuple[str, int]:
    """Where the program's port is from here."""
    if plan.network == "host":
        return _LOOPBACK, plan.port
    found = seen["NetworkSettings"]
    if plan.network == "nat":
        # Windows publishes no port on loopback; the host reaches the container itself.
        return str(found["Networks"][plan.network]["IPAddress"]), plan.port
    bound = (found["Ports"] or {}).get(f"{plan.port}/tcp") or ()
    # One that has ended already has none, which waiting for it will tell.
    return (_LOOPBACK, int(bound[0]["HostPort"])) if bound else (_LOOPBACK, 0)


def _explained(error: Exception, contract: Contract, host: EngineHost) -> Exception:
    """The engine's refusal to start, with the reason where it is known."""
    if _NEWER_THAN_HOST in str(error):
        why = patch_remark(contract.config, host) or f"this host is {host.version}"
        return StartError(f"{_text(error)}; {why}")
    return error


@contextmanager
def _told(kind: "type[StartError | UnavailableError]") -> Iterator[None]:
    """What the engine or the connection to it raises as an error of ours."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (StartError, BuildtoolsError):
        raise
    except (DockerException, RequestException) as error:
        if kind is StartError:
            raise StartError(_text(error)) from error
        raise UnavailableError(
            f"the Docker Engine has gone: {_text(error)}", hint="start it and run again"
        ) from error


def _text(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)


def _not_running() -> type[Exception]:
    """What a signal to a container that has ended raises: nothing is wrong, its exit code will tell."""
    from docker.errors import APIError

    return APIError


def _not_there() -> type[Exception]:
    from docker.errors import NotFound

    return NotFound


def _quietly(action: Callable[[], object]) -> None:
    """Clean up: what is gone already, or was never there, is as it should be."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    with suppress(DockerException, RequestException):
        action()
