# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Networks that do not lead to the registry: each ends in one sentence that says what stands in the way."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.fakes import proxy as faults
from tests.fakes import registry as fake
from tests.fakes.docker_registry import free_port
from tests.fakes.registry import ALWAYS, FakeRegistry, Login, Rule
from tests.integration.faults.conftest import Lab

AGAIN = "check the network; it is safe to run the command again\n"


def test_nobody_listens(lab: Lab) -> None:
    """A01: a refused connection is tried six times."""
    host = f"127.0.0.1:{free_port()}"
    said = lab.at("publish", "host", "--to", f"{host}/acme")
    assert (said.code, said.err) == (6, f"error: {host} cannot be connected to: {AGAIN}")
    assert len(lab.clock.slept) == 5


def test_a_registry_that_comes_back(lab: Lab) -> None:
    """A01: a registry that is away for a moment is waited for."""
    path = lab.place()
    lab.proxy.reset(faults.Rule(pattern=".", fault=faults.refused(), times=2))
    assert lab.publish(path).code == 0
    assert lab.state(path) == lab.digest()


def test_a_name_that_nobody_knows(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A02: named at once, and asked for once."""
    asked = []

    def unknown(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    said = lab.at("publish", "host", "--to", "registry.example.com/acme")
    assert said.code == 6
    assert said.err == (
        "error: registry.example.com is a host name that nobody knows: check its spelling and the network\n"
    )
    assert asked == ["registry.example.com"]


def trust(authority: trustme.CA, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process trust an authority, and no other."""
    bundle = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)


def all_hosts_are_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name lead to loopback."""
    real = socket.getaddrinfo

    def loopback(_: str, *more: Any, **named: Any) -> Any:
        return real("127.0.0.1", *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", loopback)


@contextmanager
def tls(certificate: trustme.LeafCert) -> Iterator[FakeRegistry]:
    """A registry with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with FakeRegistry(tls=context) as server:
        yield server


@pytest.mark.parametrize("kind", ["unknown authority", "another host", "expired"])
def test_a_certificate_that_is_wrong(
    kind: str, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A03, A04: refused at the first try, over no weaker transport."""
    authority = trustme.CA()
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = {
        "unknown authority": lambda: trustme.CA().issue_cert("localhost"),
        "another host": lambda: authority.issue_cert("other.example.com"),
        "expired": lambda: authority.issue_cert("localhost", not_after=past),
    }[kind]()
    trust(authority, tmp_path, monkeypatch)
    with tls(certificate) as server:
        host = "registry.example.com"
        all_hosts_are_this_one(monkeypatch)
        said = lab.at("publish", "host", "--to", f"{host}:{server.port}/acme")
        assert server.seen == []
    assert said.code == 6
    assert said.err == (
        f"error: {host}:{server.port} has a certificate that is not trusted: name the file of its certificate "
        "authority in SSL_CERT_FILE, and check host name and dates\n"
    )
    assert lab.clock.slept == []


def test_https_to_a_plain_port(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A05: plain HTTP is spoken only where it is declared."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *more, **named: real("127.0.0.1", *more, **named))
    with FakeRegistry() as server:
        place = f"registry.example.com:{server.port}/acme"
        said = lab.at("publish", "host", "--to", place)
        assert said.code == 6
        assert said.err == (
            f"error: registry.example.com:{server.port} does not speak TLS as expected: "
            "if it speaks plain HTTP, name it in BUILDTOOLS_PLAIN_HTTP\n"
        )
        assert server.seen == []
        monkeypatch.setenv("BUILDTOOLS_PLAIN_HTTP", f"registry.example.com:{server.port}")
        assert lab.at("publish", "host", "--to", place).code == 0


class _Refusing(BaseHTTPRequestHandler):
    """A proxy that wants a log-in of its own."""

    def do_CONNECT(self) -> None:
        """Refuse."""
        self.send_response_only(407)
        self.send_header("Proxy-Authenticate", "Basic")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_proxy_that_wants_a_log_in(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A06: HTTPS_PROXY is used, and its refusal is not taken for the registry's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_address[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        said = lab.at("publish", "host", "--to", "registry.example.com/acme")
        server.shutdown()
    assert said.code == 6
    assert said.err == (
        "error: registry.example.com cannot be reached through the proxy: "
        "check HTTPS_PROXY and NO_PROXY, and the proxy's log-in\n"
    )


def test_a_redirect_to_a_weaker_transport(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A19: from https nothing leads to http."""
    authority = trustme.CA()
    trust(authority, tmp_path, monkeypatch)
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *more, **named: real("127.0.0.1", *more, **named))
    with tls(authority.issue_cert("registry.example.com")) as server:
        server.rules.append(
            Rule(pattern=".", fault=fake.redirect("http://registry.example.com/x?sig=abc"), times=ALWAYS)
        )
        said = lab.at("publish", "host", "--to", f"registry.example.com:{server.port}/acme")
    assert said.code == 1
    assert said.err == (
        f"error: registry.example.com:{server.port} redirects to http://registry.example.com/x?***, "
        "over plain HTTP, where everyone on the way could change the answer: "
        "nothing was sent there; tell whoever runs that registry\n"
    )


@pytest.mark.parametrize("scheme", ["bearer", "basic"])
def test_a_wrong_password_is_sent_once(scheme: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """C09: a whole publish with it must not lock the account."""
    with FakeRegistry(login=Login(users={"bot": "right"}, anonymous=False, schemes=(scheme,))) as server:
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_HOST", server.host)
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_USERNAME", "bot")
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_PASSWORD", "wrong")
        said = lab.at("publish", "hello", "--to", f"{server.host}/acme")
        assert said.code == 5
        assert sum("authorization" in seen.headers for seen in server.seen) == 1


HELPERS = {
    "missing": ("", "The credential helper docker-credential-test cannot be run (No such file or directory): install it, or take it out of Docker's config.json"),
    "garbage": ("echo s3cr3t-garbage", "docker-credential-test, which {config} names, did not answer with credentials for {host}: run `docker login {host}` again"),
    "fails": ("echo s3cr3t-words; exit 3", "docker-credential-test, which {config} names, failed with exit code 3 for {host}: run `docker login {host}` again"),
    "hangs": ("exec sleep 60", "The credential helper docker-credential-test did not answer within 1 seconds: it may be waiting for someone to unlock a keychain; unlock it, or use another helper"),
    "has none": ("echo credentials not found in native keychain; exit 1", "{host} asks for a user name and password, and none are found for it: run `docker login {host}`, or set BUILDTOOLS_REGISTRY_HOST, BUILDTOOLS_REGISTRY_USERNAME and BUILDTOOLS_REGISTRY_PASSWORD"),
}  # fmt: skip


@pytest.mark.parametrize("name", HELPERS)
def test_a_credential_helper_that_does_not_help(
    name: str, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C06: the sentence names the helper, never what it said."""
    script, sentence = HELPERS[name]
    if script:
        program = tmp_path / "docker-credential-test"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setattr("buildtools.stores.credentials.HELPER_SECONDS", 1.0)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    config = tmp_path / "config.json"
    config.write_text('{"credsStore": "test"}')
    with FakeRegistry(login=Login(users={"bot": "x"}, schemes=("basic",))) as server:
        said = lab.at("publish", "host", "--to", f"{server.host}/acme")
        assert said.code == 5
        assert said.err == (f"error: {sentence.format(config=config, host=server.host)}\n")
        assert server.repository("acme/host").tags == {}
