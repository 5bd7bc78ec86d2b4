"""A request that is in flight when a program is stopped: what each kind of program makes of it."""

import platform
import sys
from pathlib import Path

import pytest

from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import canonical_json
from buildtools.spec.model import LifecycleSpec, ReadySpec, StopSpec
from buildtools.tiers.base import Contract, Outcome
from buildtools.tiers.native import Native
from buildtools.tiers.story import hold
from tests.fakes.definitions import write_script

SERVER = """\
import os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading

under_way, asked, never = threading.Event(), threading.Event(), threading.Event()
drains = os.environ.get("DRAINS")

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/ready":
            under_way.set()
        if self.path == "/slow":
            (asked if drains == "1" else never).wait()
        self.send_response(int(os.environ.get("STATUS", "200")) if self.path == "/slow" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

class Server(ThreadingHTTPServer):
    daemon_threads = not drains
    block_on_close = True

def stop():
    under_way.wait()
    server.shutdown()
    asked.set()

server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop).start())
server.serve_forever()
server.server_close()
"""


def stopped(root: Path, *env: str, drain: str = "/slow", within: float = 20) -> Outcome:
    """Stop the server above while a request is in flight."""
    write_script(root / "app", SERVER, program=f"{sys.executable} -IS")
    document = {
        "architecture": "arm64" if platform.machine() in {"aarch64", "arm64"} else "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Entrypoint": ["/app"], "Env": list(env)},
    }
    lifecycle = LifecycleSpec(
        args=("{port}",),
        ready=ReadySpec(http="/ready", within=20.0),
        stop=StopSpec(within=within, drain=drain),
    )
    image = ImageConfig.parse(canonical_json(document))
    return hold(Contract(name="app", config=image, root=root, lifecycle=lifecycle), Native())


@pytest.mark.parametrize(
    ("env", "drain", "findings"),
    [
        (("DRAINS=1",), "/slow", ()),
        ((), "/slow", ("the request in flight, /slow, was lost",)),
        (("DRAINS=1", "STATUS=503"), "/slow", ("the request in flight, /slow, was answered with 503",)),
        (("DRAINS=1",), "/quick", ("had answered /quick before it was stopped: ask for more",)),
    ],
)
def test_a_request_in_flight(
    tmp_path: Path, env: tuple[str, ...], drain: str, findings: tuple[str, ...]
) -> None:
    """It is answered in full before the program ends, or it is said what became of it."""
    outcome = stopped(tmp_path, *env, drain=drain)
    assert (outcome.findings, outcome.exit_code) == (findings, 0)


def test_a_program_that_is_still_draining(tmp_path: Path) -> None:
    """One that runs on after its time is said to do so, once; its request may still be answered."""
    outcome = stopped(tmp_path, "DRAINS=for ever", within=0.1)
    assert outcome.findings == ("SIGTERM did not end it within 0.1 seconds",)
