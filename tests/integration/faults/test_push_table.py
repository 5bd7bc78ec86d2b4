# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The push faults that the reference measured on other clients, with a whole `publish` against a real registry.

The image is a mixed index of five entries under a tag that was on another image before. After each fault the
registry itself is asked what the tag is on now.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from buildtools.stores import profiles
from tests.fakes import proxy as faults
from tests.fakes.proxy import ALWAYS, Fault, Passed, Proxy, Rule
from tests.integration.faults.conftest import OLD_INDEX, Lab

POST = r"^POST .*/blobs/uploads/"
PUT = r"^PUT .*/blobs/uploads/"
PATCH = r"^PATCH .*/blobs/uploads/"
HEAD_BLOB = r"^HEAD .*/blobs/sha256"
CHILD_PUT = r"^PUT .*/manifests/sha256"
TAG_PUT = r"^PUT .*/manifests/latest"
NOW = "Wed, 21 Oct 2026 07:28:00 GMT"
LATER = "Wed, 21 Oct 2026 07:28:07 GMT"
PAGE = faults.status(502, body=b"<html>bad gateway</html>", Content_Type="text/html")
PASSWORD = "hunter2-of-the-bot"
CHALLENGE = faults.status(401, WWW_Authenticate='Basic realm="registry"')


def above(most: int) -> Callable[[Passed], bool]:
    """Requests with a body of more bytes."""
    return lambda passed: int(passed.headers.get("content-length", 0)) > most


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row of the table: the faults, how long is waited in all at the least, and how blobs are sent."""

    rules: tuple[Rule, ...]
    waits: float = 0.0
    streamed: bool = False
    requests: int = 0


def one(pattern: str, fault: Fault, *, times: int = 1) -> tuple[Rule, ...]:
    """One rule."""
    return (Rule(pattern=pattern, fault=fault, times=times),)


RECOVERED: dict[str, Case] = {
    "PUSH-01": Case(rules=one(POST, faults.status(503)), waits=0.5),
    "PUSH-02": Case(rules=one(PUT, faults.status(500)), waits=0.5),
    "PUSH-03": Case(rules=one(PUT, PAGE), waits=0.5),
    "PUSH-04": Case(rules=one(TAG_PUT, faults.status(429, Retry_After="2")), waits=2.0),
    "PUSH-05": Case(rules=one(HEAD_BLOB, faults.status(429)), waits=0.5),
    "PUSH-06": Case(rules=one(PUT, faults.status(429)), waits=0.5),
    "PUSH-07": Case(rules=one(PUT, faults.cut_request(100)), waits=0.5),
    "PUSH-08": Case(rules=one(PUT, faults.lost()), waits=0.5),
    "PUSH-09": Case(rules=one(TAG_PUT, faults.lost()), waits=0.5),
    "PUSH-10": Case(rules=one(PUT, faults.error(404, "BLOB_UPLOAD_UNKNOWN")), waits=0.5),
    "PUSH-11": Case(rules=one(HEAD_BLOB, faults.status(403), times=ALWAYS)),
    "PUSH-12": Case(rules=one(r"^HEAD .*/manifests/", faults.status(403), times=ALWAYS)),
    "PUSH-13": Case(rules=one("^HEAD", faults.status(405), times=ALWAYS)),
    "PUSH-14": Case(rules=one(PATCH, Fault(restated=201), times=ALWAYS), streamed=True),
    "PUSH-15": Case(
        rules=(Rule(pattern=PATCH, fault=faults.status(416), times=ALWAYS, only=above(512)),), streamed=True
    ),
    "PUSH-18": Case(rules=(Rule(pattern=".", fault=CHALLENGE, skip=8),)),
    "PUSH-20": Case(rules=one(TAG_PUT, faults.header("Docker-Content-Digest", f"sha256:{'0' * 64}"))),
    "PUSH-21": Case(rules=one(PUT, Fault(sent=faults.flipped(0))), waits=0.5),
    "PUSH-22": Case(rules=one(POST, faults.header("Location", None)), waits=0.5),
    "PUSH-24": Case(rules=one(".", faults.refused(), times=2), waits=1.5),
    "PUSH-25": Case(rules=one(".", faults.status(429), times=6), waits=15.0),
    "A12": Case(
        rules=tuple(
            Rule(pattern=POST, fault=faults.status(code), skip=number)
            for number, code in enumerate((408, 499, 522))
        ),
        waits=1.5,
    ),
    "A14": Case(rules=one(TAG_PUT, faults.status(429, Retry_After=LATER, Date=NOW)), waits=7.0),
    "A17": Case(rules=one(POST, Fault(raw=b"429 Too Many Requests\n\n")), waits=0.5),
    "A22": Case(rules=one(".", Fault(hangs_up=True), times=ALWAYS)),
    "PUSH-26": Case(rules=one(PUT, faults.status(503), times=2), waits=0.5),
}


@pytest.mark.parametrize("name", RECOVERED)
def test_a_publish_survives(name: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0, and the tag is on the complete index with the digest that was built."""
    case = RECOVERED[name]
    if case.streamed:
        small = replace(profiles.DEFAULT, at_once=3, chunk=512)
        monkeypatch.setattr(profiles, "DEFAULT", small)
    if name == "PUSH-18":
        log_in(lab, monkeypatch)
    path = lab.place(old="latest")
    rules = [replace(rule) for rule in case.rules]
    lab.proxy.reset(*rules)
    said = lab.publish(path)
    assert (said.code, said.err) == (0, "")
    assert lab.state(path) == lab.digest()
    assert all(rule.times < before.times for rule, before in zip(rules, case.rules, strict=True))
    assert sum(lab.clock.slept) >= case.waits
    assert len(lab.proxy.log) < 120


def log_in(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process credentials for the proxy."""
    monkeypatch.setenv("BUILDTOOLS_REGISTRY_USERNAME", "bot")
    monkeypatch.setenv("BUILDTOOLS_REGISTRY_PASSWORD", PASSWORD)
    monkeypatch.setenv("BUILDTOOLS_REGISTRY_HOST", lab.proxy.host)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A row that cannot end well: the fault, the exit code, and the sentence."""

    pattern: str
    fault: Fault
    code: int
    says: str


AGAIN = "it is safe to run the command again"
FAILED: dict[str, Failure] = {
    "PUSH-16": Failure(
        pattern="^PUT .*/manifests/{child}",
        fault=faults.error(500, "UNKNOWN"),
        code=6,
        says=f"error: {{host}} answered 500 for manifest {{name}}@{{child}} (UNKNOWN: so it is): {AGAIN}",
    ),
    "PUSH-17": Failure(
        pattern="^PUT .*digest=sha256%3A{layer}",
        fault=faults.cut_request(10),
        code=6,
        says=f"error: {{host}} cut the connection: check the network; {AGAIN}",
    ),
    "C09 a log-in that is refused": Failure(
        pattern="^P",
        fault=CHALLENGE,
        code=5,
        says="error: {host} refuses the log-in for {repository}: run `docker login {host}`, "
        "and check that the account may use that repository",
    ),
    "A15": Failure(
        pattern=TAG_PUT,
        fault=faults.status(429, Retry_After="3600"),
        code=6,
        says="error: {host} answered 429 for manifest {name}:latest: "
        "it asks to come back in 3600 seconds; run the command again then, or wait for it with --max-wait 3600",
    ),
    "A18": Failure(
        pattern=CHILD_PUT,
        fault=faults.error(500, "MANIFEST_INVALID"),
        code=6,
        says=f"error: {{host}} answered 500 for manifest {{name}}@{{any}} (MANIFEST_INVALID: so it is): {AGAIN}",
    ),
    "B20": Failure(
        pattern=POST,
        fault=faults.error(403, "DENIED"),
        code=5,
        says="error: {host} denies uploads to {name} (DENIED: so it is): run `docker login {host}`, "
        "and check that the account may use that repository",
    ),
    "B21": Failure(
        pattern=POST,
        fault=faults.error(404, "NAME_UNKNOWN"),
        code=1,
        says="error: Repository {name} was not found (NAME_UNKNOWN: so it is): "
        "create it first where the registry wants that, and check its name",
    ),
    "C01": Failure(
        pattern="^P",
        fault=faults.status(401),
        code=5,
        says="error: {host} asks for a log-in, but offers no way that is known here (it offers none): "
        "check that the name is a registry's",
    ),
    "D11": Failure(
        pattern=TAG_PUT,
        fault=faults.error(409, "TAG_IMMUTABLE"),
        code=1,
        says="error: {name}:latest stands on {old} and the registry does not let it be moved: "
        "{host} answered 409 for manifest {name}:latest (TAG_IMMUTABLE: so it is): "
        "where tags are immutable, publish under another one",
    ),
}


@pytest.mark.parametrize("name", FAILED)
def test_a_publish_fails(name: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence and its exit code, the tag as it was, in a bounded number of requests; the next run mends it."""
    case = FAILED[name]
    if name.startswith("C09"):
        log_in(lab, monkeypatch)
    index = json.loads(lab.blob(lab.digest()))
    child = index["manifests"][1]["digest"]
    manifest = json.loads(lab.blob(child))
    path = lab.place(old="latest")
    words = {
        "host": lab.proxy.host,
        "repository": f"{path}/hello",
        "name": f"{lab.proxy.host}/{path}/hello",
        "child": child,
        "old": OLD_INDEX.descriptor.digest,
        "layer": manifest["layers"][0]["digest"].partition(":")[2],
    }
    pattern = case.pattern.replace("{child}", child).replace("{layer}", words["layer"])
    lab.proxy.reset(Rule(pattern=pattern, fault=case.fault, times=ALWAYS))
    said = lab.publish(path)
    found = re.sub(r"@sha256:[0-9a-f]{64} ", "@{any} ", said.err) if "{any}" in case.says else said.err
    assert (found, said.code) == (case.says.format_map(words | {"any": "{any}"}) + "\n", case.code)
    assert lab.state(path) == "old"
    assert len(lab.proxy.log) < 120
    lab.proxy.reset()
    assert lab.publish(path).code == 0
    assert lab.state(path) == lab.digest()


def test_another_host_gets_the_bytes_and_no_credentials(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """PUSH-23: the registry names another host for its uploads; the log-in stays with the registry."""
    log_in(lab, monkeypatch)
    path = lab.place(old="latest")
    with Proxy(lab.registry.host) as storage:
        port = storage.host.rpartition(":")[2]

        def elsewhere(location: str) -> str:
            return location.replace(lab.proxy.host, f"localhost:{port}")

        lab.proxy.reset(
            Rule(pattern="^HEAD", fault=CHALLENGE),
            Rule(pattern=POST, fault=faults.header("Location", elsewhere), times=ALWAYS),
        )
        assert lab.publish(path).code == 0
        assert lab.state(path) == lab.digest()
        assert len(storage.log) == 10
        assert not any("authorization" in passed.headers for passed in storage.log)
    assert sum("authorization" in passed.headers for passed in lab.proxy.log) > 10
