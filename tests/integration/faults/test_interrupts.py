"""Ctrl-C in a publish: the run ends although uploads do not, and the next one finishes the work."""

import os
import signal
import threading

import pytest

from tests.fakes.proxy import ALWAYS, Fault, Passed, Rule
from tests.integration.faults.conftest import Lab

SAYS = "interrupted: what was finished is kept, nothing is half written\n"


@pytest.mark.parametrize(
    "pattern",
    [
        "^PUT .*/blobs/uploads/",
        "^HEAD .*/manifests/latest",
        "^PUT .*/manifests/sha256",
        "^PUT .*/manifests/latest",
    ],
    ids=["uploads", "first request", "manifests", "tag"],
)
def test_an_interrupt_does_not_wait_for_uploads(pattern: str, lab: Lab) -> None:
    """F08: requests are held until the process has gone, so that one that waited for them would never end."""
    met, gone = threading.Event(), threading.Event()

    def hold(_: Passed) -> None:
        met.set()
        gone.wait(120)

    path = lab.place(old="latest")
    lab.proxy.reset(Rule(pattern=pattern, fault=Fault(act=hold, breaks="before"), times=ALWAYS))
    try:
        running = lab.start(path, noisy=True)
        assert met.wait(60)
        os.kill(running.pid, signal.SIGINT)
        ended = running.wait()
    finally:
        gone.set()
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.endswith(SAYS)
    assert lab.state(path) == "old"
    lab.proxy.reset()
    assert lab.publish(path).code == 0
    assert lab.state(path) == lab.digest()


def test_an_interrupt_does_not_wait_for_a_pause(lab: Lab) -> None:
    """Nor for the pause before another try, however long the registry asks for."""
    met = threading.Event()
    fault = Fault(status=429, headers={"Retry-After": "290"}, act=lambda _: met.set())
    path = lab.place()
    lab.proxy.reset(Rule(pattern="^POST", fault=fault, times=ALWAYS))
    running = lab.start(path, noisy=True)
    assert met.wait(60)
    os.kill(running.pid, signal.SIGINT)
    ended = running.wait()
    assert (ended.code, ended.out) == (130, "")
    assert lab.state(path) == "absent"
