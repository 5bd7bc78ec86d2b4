"""The story that every tier is told: start, become ready, answer, stop with a request in flight, be gone."""

import http.client
import json
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from buildtools.spec.model import LifecycleSpec
from buildtools.tiers.answers import answer_findings
from buildtools.tiers.base import (
    CancelledError,
    Contract,
    Explains,
    Outcome,
    Remarking,
    Running,
    StartError,
    StopEvent,
    Tier,
)

_PAUSE: Final = 0.02
_SLICE: Final = 0.5
"""Seconds that a story waits before it looks whether it is still wanted."""
_UNDER_WAY: Final = 0.3
"""Seconds after which a request that was sent is in the program's hands: nothing says when it is."""
_LONGER: Final = 5
"""Seconds that a request in flight may take beyond the time to stop: what ends it is the program's end."""
_MOST_ANSWER: Final = 1024 * 1024
_LITERAL: Final = "/?%&=#!$'()*+,:;@[]~"
"""What a path and its question may hold as it is; `%` since a path may be encoded already."""


def hold(contract: Contract, tier: Tier) -> Outcome:
    """Start the contract's program in the tier, wait until it is ready, ask, stop it; say what happened.

    Raises CancelledError soon after the contract is cancelled; the program is gone then, too.
    """
    if not (contract.config.entrypoint or contract.config.cmd or contract.lifecycle.args):
        return Outcome(findings=("cannot be started (its image names no program)",))
    try:
        # The pool is left last: a request in flight ends with the program at the latest.
        with ThreadPoolExecutor(1) as pool, tier.started(contract) as running:
            story = _Story(running=running, contract=contract, tier=tier)
            story.tell(pool)
            return Outcome(
                findings=tuple(story.findings),
                ready=story.ready,
                answer=story.answer,
                exit_code=running.wait(0),
                log=running.log(),
                remarks=running.remarks if isinstance(running, Remarking) else (),
            )
    except StartError as error:
        return Outcome(findings=(f"cannot be started ({error})",))


@dataclass(kw_only=True)
class _Story:
    """One run, told step by step; a step that fails ends the story."""

    running: Running
    contract: Contract
    tier: Tier
    findings: list[str] = field(default_factory=list)
    ready: float | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lifecycle(self) -> LifecycleSpec:
        return self.contract.lifecycle

    def tell(self, pool: ThreadPoolExecutor) -> None:
        if self._becomes_ready():
            self._answers()
            self._stops(pool)

    def _heed(self) -> None:
        if self.contract.cancelled.is_set():
            raise CancelledError

    def _waits(self, within: float) -> int | None:
        """The exit code as soon as it has ended, None where it still runs after these seconds."""
        deadline = time.monotonic() + within
        while True:
            self._heed()
            left = deadline - time.monotonic()
            code = self.running.wait(max(0.0, min(_SLICE, left)))
            if code is not None or left <= 0:
                return code

    def _becomes_ready(self) -> bool:
        ready = self.lifecycle.ready
        if ready is None:
            return True
        start = time.monotonic()
        while (passed := time.monotonic() - start) < ready.within:
            self._heed()
            if (code := self.running.wait(0)) is not None:
                self.findings.append(f"ended with {code} before it was ready{self._why(code)}")
                return False
            if get(self.running.endpoint, ready.http)[0] == http.client.OK:
                self.ready = passed
                return True
            time.sleep(_PAUSE)
        self.findings.append(f"was not ready within {ready.within:g} seconds")
        return False

    def _answers(self) -> None:
        probe = self.lifecycle.probe
        if probe is None:
            return
        status, body = get(self.running.endpoint, probe.http)
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
        self.findings += answer_findings(self.contract.config.platform, answer)
        for key, wanted in probe.json.items():
            if answer.get(key) != wanted:
                self.findings.append(f"answered {key} = {answer.get(key)!r}, expected {wanted!r}")

    def _stops(self, pool: ThreadPoolExecutor) -> None:
        stop = self.lifecycle.stop
        within = stop.within if stop else self.lifecycle.within
        flight: Future[tuple[int, bytes]] | None = None
        if stop and stop.drain:
            flight = pool.submit(get, self.running.endpoint, stop.drain, within + _LONGER)
            time.sleep(_UNDER_WAY)
            if flight.done():
                self.findings.append(f"had answered {stop.drain} before it was stopped: ask for more")
        if stop:
            self.running.deliver(stop.event)
        code = self._waits(within)
        if flight and stop:
            self._drained(flight, stop.drain, ended=code is not None)
        if code is None:
            what = f"{self._called(stop.event)} did not end it" if stop else "did not end"
            self.findings.append(f"{what} within {within:g} seconds")
            return
        if code != self.lifecycle.exit:
            self.findings.append(f"ended with {code}, expected {self.lifecycle.exit}{self._why(code)}")
        if left := self.running.leftovers():
            self.findings.append(f"left running: {', '.join(left)}")

    def _called(self, event: StopEvent) -> str:
        """What was sent: a Linux image may ask for a signal of its own to be stopped with."""
        config = self.contract.config
        own = config.stop_signal if event == "shutdown" and config.platform.os == "linux" else ""
        return own or self.tier.events[event]

    def _why(self, code: int) -> str:
        why = self.running.explain(code) if isinstance(self.running, Explains) else ""
        return f": {why}" if why else ""

    def _drained(self, flight: "Future[tuple[int, bytes]]", path: str, *, ended: bool) -> None:
        """What became of the request that was under way; a program that runs on may answer it later."""
        if not (ended or flight.done()):
            return
        status = flight.result()[0]
        if status != http.client.OK:
            what = f"answered with {status}" if status else "lost"
            self.findings.append(f"the request in flight, {path}, was {what}")


def get(endpoint: tuple[str, int], path: str, within: float = 5) -> tuple[int, bytes]:
    """Status and body of a GET at the endpoint; status 0 where nobody answers within these seconds."""
    connection = http.client.HTTPConnection(*endpoint, timeout=within)
    try:
        connection.request("GET", quote(path, safe=_LITERAL), headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_ANSWER)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
