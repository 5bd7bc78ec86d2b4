"""The cluster tier: a published image as a pod of the current cluster, on a node that it is for.

The pod is asked through `kubectl port-forward`, stopped with `kubectl delete pod`, and taken away on every
path. Its exit code comes from a watch, since a deleted pod is gone soon after its end. Source:
kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle (termination).
"""

import json
import math
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

from buildtools.errors import BuildtoolsError, MissingToolError, UnavailableError
from buildtools.kubectl import Kubectl
from buildtools.oci.config import ImageConfig
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.tiers.base import CancelledError, Contract, StartError, StopEvent, asks
from buildtools.tiers.pod import pending, pod, settled, terminated
from buildtools.tiers.watch import Watch, last_lines
from buildtools.windows.releases import OsVersionError, parse_os_version

_START_SECONDS: Final = 600.0
"""How long a node may take to pull and start an image; a base of Windows takes minutes."""
_FORWARD_SECONDS: Final = 30.0
_SPARE: Final = 30
"""Seconds beyond the contract's, so that the node does not end what is to be seen running on."""
_SLICE: Final = 0.2
_LOG_LINES: Final = 20
_LOG_SECONDS: Final = 5.0
_PORT: Final = 18080
_FORWARDED: Final = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")
_LOOPBACK: Final = "127.0.0.1"


class Cluster:
    """Runs published images as pods in the current context of the kubectl on PATH."""

    name = "cluster"
    events: Mapping[StopEvent, str] = {"shutdown": "kubectl delete pod", "interrupt": "SIGINT"}

    def __init__(self) -> None:
        self._lock = Lock()
        self._nodes: list[Platform] | str | None = None

    @classmethod
    def of(cls, _settings: Settings) -> Self:
        """The tier of the cluster that kubectl is set to."""
        return cls()

    def unavailable(self, config: ImageConfig) -> str:
        """Why no node of the cluster runs such an image, or why there is no cluster; empty if one does."""
        with self._lock:
            if self._nodes is None:
                self._nodes = _nodes()
            nodes = self._nodes
        if isinstance(nodes, str):
            return nodes
        if any(_fits(config.platform, node) for node in nodes):
            return ""
        there = ", ".join(dict.fromkeys(str(node) for node in nodes)) or "none"
        return f"no ready node of the cluster is for {config.platform}; there is {there}"

    def refuses(self, contract: Contract) -> str:
        """Why it cannot try this contract; empty if it can."""
        stop = contract.lifecycle.stop
        if stop and stop.event == "interrupt":
            return "a cluster sends no interrupt, only the image's stop signal"
        return "" if contract.reference else "it pulls, and the image is not published"

    @contextmanager
    def started(self, contract: Contract) -> Iterator["_Pod"]:
        """The running pod; afterwards it is gone."""
        with ExitStack() as undo:
            try:
                running = _pod(Kubectl.find(), contract, undo)
            except BuildtoolsError as error:
                raise StartError(error.message) from error
            yield running


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pod:
    """A pod that was started."""

    kubectl: Kubectl
    name: str
    watch: Watch
    follower: "subprocess.Popen[bytes]"
    output: Path
    port: int
    grace: int

    @property
    def endpoint(self) -> tuple[str, int]:
        return _LOOPBACK, self.port

    def deliver(self, event: StopEvent) -> None:
        del event  # the only one that there is
        try:
            self.kubectl.end_pod(self.name, grace=self.grace)
        except BuildtoolsError as error:
            raise UnavailableError(error.message, hint="see whether the cluster can be reached") from error

    def wait(self, within: float) -> int | None:
        deadline = time.monotonic() + within
        while True:
            code, ended = terminated(self.watch.latest), self.watch.ended
            if code is not None:
                return code
            if ended:
                raise UnavailableError(
                    f"the pod {self.name} is gone, and its exit code is not known", hint="run it again"
                )
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.watch.wait(min(left, _SLICE))

    def leftovers(self) -> tuple[str, ...]:
        # What its first program leaves behind ends with the container.
        return ()

    def log(self) -> tuple[str, ...]:
        if terminated(self.watch.latest) is not None:
            # What it has printed at its end may still be on its way.
            with suppress(subprocess.TimeoutExpired):
                self.follower.wait(_LOG_SECONDS)
        return last_lines(self.output, _LOG_LINES)


def _nodes() -> list[Platform] | str:
    """The platforms of ready nodes, or why they are not known."""
    try:
        kubectl = Kubectl.find()
    except MissingToolError as error:
        return error.message
    try:
        items = kubectl.get("nodes")
    except BuildtoolsError as error:
        return f"no cluster answers ({error.message})"
    return [_node(item) for item in items if _ready(item)]


def _node(item: Mapping[str, Any]) -> Platform:
    info = item["status"].get("nodeInfo") or {}
    system, architecture = (str(info.get(key)) for key in ("operatingSystem", "architecture"))
    # Of Windows nodes the kernel's version is that of the system.
    version = str(info.get("kernelVersion")) if system == "windows" else ""
    return Platform(os=system, architecture=architecture, os_version=version)


def _ready(item: Mapping[str, Any]) -> bool:
    conditions = item.get("status", {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return ready and not item.get("spec", {}).get("unschedulable")


def _fits(image: Platform, node: Platform) -> bool:
    """Whether the node is of the image's very kind: a newer Windows would take another entry of the index."""
    if (image.os, image.normalised().architecture) != (node.os, node.normalised().architecture):
        return False
    if not image.os_version:
        return True
    try:
        return parse_os_version(image.os_version).build == parse_os_version(node.os_version).build
    except OsVersionError:
        return False


def _pod(kubectl: Kubectl, contract: Contract, undo: ExitStack) -> _Pod:
    """A pod that runs or has ended; leaving `undo` takes it away. Raises StartError and what kubectl does."""
    name = f"buildtools-smoke-{secrets.token_hex(6)}"
    stop = contract.lifecycle.stop
    grace = math.ceil(stop.within if stop else contract.lifecycle.within) + _SPARE
    folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="buildtools-")))
    undo.callback(_removed, kubectl, name)
    kubectl.create(json.dumps(pod(contract, name=name, port=_PORT, grace=grace)))
    watch = _watched(kubectl, name, undo)
    _started(watch, contract)
    log = folder / "log"
    following = undo.enter_context(log.open("wb"))
    follower = undo.enter_context(kubectl.running("logs", name, "--follow", output=following))
    port = 0
    if asks(contract.lifecycle) and terminated(watch.latest) is None:
        port = _forwarded(kubectl, name, folder / "forward", undo)
    return _Pod(
        kubectl=kubectl, name=name, watch=watch, follower=follower, output=log, port=port, grace=grace
    )


def _watched(kubectl: Kubectl, name: str, undo: ExitStack) -> Watch:
    process = undo.enter_context(
        kubectl.running("get", "pod", name, "--watch", "--output", "json", output=subprocess.PIPE)
    )
    assert process.stdout  # noqa: S101 - it was asked for
    watch = Watch(process.stdout)
    # Left before the process's own block, which would close the stream below a reader.
    undo.callback(watch.close)
    undo.callback(process.kill)
    return watch


def _started(watch: Watch, contract: Contract) -> None:
    """Wait until the container runs or has ended; raises StartError with what the node says."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if contract.cancelled.is_set():
            raise CancelledError
        done, reason = settled(watch.latest)
        if reason:
            raise StartError(reason)
        if done:
            return
        if watch.ended:
            raise StartError("the pod is gone before it has started")
        watch.wait(_SLICE)
    raise StartError(f"the pod does not run within {_START_SECONDS:g} seconds: {pending(watch.latest)}")


def _forwarded(kubectl: Kubectl, name: str, output: Path, undo: ExitStack) -> int:
    """A port of ours behind which is the pod's."""
    file = undo.enter_context(output.open("wb"))
    command = ("port-forward", f"pod/{name}", f":{_PORT}", f"--address={_LOOPBACK}")
    process = undo.enter_context(kubectl.running(*command, output=file))
    deadline = time.monotonic() + _FORWARD_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if match := _FORWARDED.search(output.read_bytes()):
            return int(match[1])
        time.sleep(_SLICE / 4)
    told = " ".join(last_lines(output, 1))
    raise StartError(f"its port cannot be reached: {told or 'kubectl port-forward says nothing'}")


def _removed(kubectl: Kubectl, name: str) -> None:
    """Take the pod away, whether or not it was made."""
    with suppress(BuildtoolsError):
        kubectl.end_pod(name, grace=0)
