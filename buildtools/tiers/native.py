"""The native tier: a Linux program straight from its image's file tree, on this machine."""

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

from buildtools.oci.config import ImageConfig
from buildtools.spec.model import LifecycleSpec
from buildtools.tiers.base import Contract, Outcome

_ARCHITECTURES: Final[Mapping[str, str]] = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_EVENTS: Final[Mapping[str, signal.Signals]] = {"shutdown": signal.SIGTERM, "interrupt": signal.SIGINT}
_PAUSE: Final = 0.02
_MOST_ANSWER: Final = 1024 * 1024
_LOG_LINES: Final = 20
_LITERAL: Final = "/?%&=#!$'()*+,:;@[]~"
"""What a path and its question may hold as it is; `%` since a path may be encoded already."""


class Native:
    """Runs Linux images as processes, without isolation: the program sees this machine's files and network.

    Its own files are read from the image, its working directory is the image's. Users are not switched.
    """

    name = "native"

    def unavailable(self, config: ImageConfig) -> str:
        """Why this machine cannot run such an image natively; empty if it can."""
        here = _ARCHITECTURES.get(platform.machine(), platform.machine())
        if config.platform.os != "linux" or not sys.platform.startswith("linux"):
            return f"needs a {config.platform.os} machine"
        if config.platform.architecture != here:
            return f"needs a {config.platform.architecture} machine, this is {here}"
        return ""

    def run(self, contract: Contract) -> Outcome:
        """Start, wait until ready, ask, stop, and say what happened."""
        if not (contract.config.entrypoint or contract.config.cmd or contract.lifecycle.args):
            return Outcome(findings=("cannot be started (its image names no program)",))
        port = free_port()
        try:
            with tempfile.TemporaryFile() as log, _started(contract, port, log) as process:
                run = _Run(process=process, port=port, lifecycle=contract.lifecycle, config=contract.config)
                run.story()
                process.poll()
                return Outcome(
                    findings=tuple(run.findings),
                    ready=run.ready,
                    answer=run.answer,
                    exit_code=process.returncode,
                    log=_tail(log),
                )
        except OSError as error:
            return Outcome(findings=(f"cannot be started ({error.strerror})",))


@dataclass(kw_only=True)
class _Run:
    """One run, told step by step; a step that fails ends the story."""

    process: "subprocess.Popen[bytes]"
    port: int
    lifecycle: LifecycleSpec
    config: ImageConfig
    findings: list[str] = field(default_factory=list)
    ready: float | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)

    def story(self) -> None:
        if self._becomes_ready():
            self._answers()
            self._stops()

    def _becomes_ready(self) -> bool:
        ready = self.lifecycle.ready
        if ready is None:
            return True
        start = time.monotonic()
        while (passed := time.monotonic() - start) < ready.within:
            if self.process.poll() is not None:
                self.findings.append(f"ended with {self.process.returncode} before it was ready")
                return False
            if _get(self.port, ready.http)[0] == http.client.OK:
                self.ready = passed
                return True
            time.sleep(_PAUSE)
        self.findings.append(f"was not ready within {ready.within:g} seconds")
        return False

    def _answers(self) -> None:
        probe = self.lifecycle.probe
        if probe is None:
            return
        status, body = _get(self.port, probe.http)
        if status != http.client.OK:
            self.findings.append(f"answered {status or 'nothing'} to {probe.http}")
            return
        try:
            answer = json.loads(body) if probe.json else {}
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            self.findings.append(f"did not answer {probe.http} with a JSON object")
            return
        self.answer = answer
        for key, wanted in probe.json.items():
            if answer.get(key) != wanted:
                self.findings.append(f"answered {key} = {answer.get(key)!r}, expected {wanted!r}")

    def _stops(self) -> None:
        stop = self.lifecycle.stop
        within = stop.within if stop else self.lifecycle.within
        if stop:
            self.process.send_signal(_EVENTS[stop.event])
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            what = f"{_EVENTS[stop.event].name} did not end it" if stop else "did not end"
            self.findings.append(f"{what} within {within:g} seconds")
            return
        if code != self.lifecycle.exit:
            self.findings.append(f"ended with {code}, expected {self.lifecycle.exit}")


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(config: ImageConfig, lifecycle: LifecycleSpec, *, root: Path, port: int) -> list[str]:
    """The command line: the image's entrypoint out of `root`, with the contract's arguments."""
    arguments = list(lifecycle.args) if lifecycle.args else list(config.cmd)
    words = [word.replace("{port}", str(port)) for word in (*config.entrypoint, *arguments)]
    return [str(root / words[0].lstrip("/")), *words[1:]]


@contextmanager
def _started(contract: Contract, port: int, log: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """The running program; afterwards it and all it started are gone."""
    environment = dict(entry.partition("=")[::2] for entry in contract.config.env)
    environment |= {name: text.replace("{port}", str(port)) for name, text in contract.lifecycle.env.items()}
    process = subprocess.Popen(
        command(contract.config, contract.lifecycle, root=contract.root, port=port),
        cwd=contract.root / contract.config.working_dir.lstrip("/"),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        # The group outlives its leader where the program left children behind.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of a GET on the loopback address; status 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", quote(path, safe=_LITERAL), headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_ANSWER)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _tail(log: IO[bytes]) -> tuple[str, ...]:
    log.seek(0)
    return tuple(line.decode("utf-8", "replace").rstrip() for line in deque(log, _LOG_LINES))
