"""The proxy itself: other clients pass through it unchanged, and what it counts is what happened."""

import http.client
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fakes.components import require
from tests.fakes.proxy import ALWAYS, Fault, Passed, Proxy, Rule, flipped, header, lost
from tests.integration.faults.conftest import Lab


def ask(proxy: Proxy, target: str = "/v2/") -> tuple[int, bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(proxy.host, timeout=30)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_another_client_passes_through(lab: Lab, tmp_path: Path) -> None:
    """Skopeo gets back through it what it sent."""
    skopeo, place = require("skopeo"), f"docker://{lab.proxy.host}/{lab.place()}/copy:1"
    assert lab.at("build", "host").code == 0
    out = [skopeo, "copy", "--all", "--quiet", "--dest-tls-verify=false"]
    subprocess.run([*out, f"oci:{lab.dist}/oci/host:latest", place], check=True)
    back = [skopeo, "copy", "--all", "--quiet", "--src-tls-verify=false"]
    subprocess.run([*back, place, f"oci:{tmp_path}/back:latest"], check=True)
    ours = {path.name: path.read_bytes() for path in (lab.dist / "oci/host/blobs/sha256").iterdir()}
    theirs = {path.name: path.read_bytes() for path in (tmp_path / "back/blobs/sha256").iterdir()}
    assert theirs == ours


def test_a_body_of_unknown_length_passes(lab: Lab) -> None:
    """In the pieces that it comes in, with their bytes counted."""
    connection = http.client.HTTPConnection(lab.proxy.host, timeout=30)
    connection.request("POST", f"/v2/{lab.place()}/app/blobs/uploads/")
    session = connection.getresponse()
    session.read()
    target = session.headers["Location"].partition(lab.proxy.host)[2]
    pieces = [b"one", b"", b"two" * 50_000]
    connection.request("PATCH", target, body=iter(pieces), encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Range"]) == (202, "0-150002")
    connection.close()
    passed = lab.proxy.log[-1]
    assert (passed.headers["transfer-encoding"], passed.size) == ("chunked", 150_003)


def test_the_depth_of_requests(lab: Lab) -> None:
    """Requests one after the other add up, those side by side count once."""
    for _ in range(3):
        assert ask(lab.proxy)[0] == 200
    assert (lab.proxy.depth(), len(lab.proxy.log), lab.proxy.connections) == (3, 3, 3)
    together = threading.Barrier(4)

    def meet(_: Passed) -> None:
        together.wait(30)

    lab.proxy.reset(Rule(pattern=".", fault=Fault(act=meet), times=ALWAYS))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: ask(lab.proxy)[0], range(4))) == [200] * 4
    assert (lab.proxy.depth(), len(lab.proxy.log)) == (1, 4)


def test_latency_is_for_each_request_and_connection(lab: Lab) -> None:
    """What is asked for passes all the same."""
    with Proxy(lab.registry.host, latency=0.001, connecting=0.001) as proxy:
        assert ask(proxy) == (200, b"{}")
        (passed,) = proxy.log
        assert (passed.status, passed.answered, passed.met) == (200, 200, None)


def test_rules_are_counted(lab: Lab) -> None:
    """Each rule counts for itself; of those that apply the first has its way."""
    lab.proxy.reset(
        Rule(pattern="^GET /v2/$", fault=Fault(status=418), skip=1),
        Rule(pattern="^GET", fault=Fault(received=flipped(0)), times=2),
        Rule(pattern="^GET", fault=header("Content-Type", None)),
    )
    assert [ask(lab.proxy) for _ in range(4)] == [(200, b"z}"), (418, b""), (200, b"{}"), (200, b"{}")]


def test_a_lost_answer_was_one(lab: Lab) -> None:
    """The registry has done what it was asked, the client has heard nothing."""
    lab.proxy.reset(Rule(pattern=".", fault=lost()))
    try:
        ask(lab.proxy)
    except ConnectionError:
        pass
    else:
        raise AssertionError("an answer came")
    lab.proxy.wait_idle()
    assert [(passed.status, passed.answered) for passed in lab.proxy.log] == [(200, 0)]
