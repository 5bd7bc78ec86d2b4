"""What passes over is survived, what does not is named: a client against a misbehaving registry."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest
import trustme

from buildtools.errors import (
    AuthenticationError,
    BuildError,
    BuildtoolsError,
    UnavailableError,
)
from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.settings import Settings
from buildtools.stores.base import NotFoundError
from buildtools.stores.client import Client
from buildtools.stores.registry import Registry
from tests.fakes import registry as fake
from tests.fakes.clock import FakeClock
from tests.fakes.docker_registry import free_port
from tests.fakes.registry import ALWAYS, FakeRegistry, Fault, Rule
from tests.fakes.story import BLOB_GET, INDEX, LARGE, LARGE_BLOB, PASSWORD, REPOSITORY, logged_in, seed, story


def ignoring_range() -> Fault:
    """Answer each request for a part with the whole blob."""
    return fake.whole(LARGE)


RECOVERED: dict[str, list[Rule]] = {
    "503 once": [Rule(pattern=".", fault=fake.status(503))],
    "502 with a page": [Rule(pattern=".", fault=fake.status(502, body=b"<html>", Content_Type="text/html"))],
    "500 twice": [Rule(pattern=".", fault=fake.status(500), times=2)],
    "504 five times": [Rule(pattern=".", fault=fake.status(504), times=5)],
    "408": [Rule(pattern=".", fault=fake.status(408))],
    "two connections reset": [Rule(pattern=".", fault=fake.reset(), times=2)],
    "429 with seconds": [Rule(pattern=".", fault=fake.status(429, Retry_After="2"))],
    "429 six times without a word": [Rule(pattern=".", fault=fake.status(429), times=6)],
    "cut in the middle": [Rule(pattern="GET", fault=fake.cut(100))],
}


@pytest.mark.parametrize("rules", RECOVERED.values(), ids=RECOVERED)
def test_a_manifest_survives(rules: list[Rule]) -> None:
    """What passes over is waited for, and the bytes are right."""
    copies = [Rule(pattern=rule.pattern, fault=rule.fault, times=rule.times) for rule in rules]
    with story(*copies) as told:
        assert told.registry.get_manifest("1.0") == (INDEX.descriptor, INDEX.raw)
        assert len(told.time.slept) == sum(rule.times for rule in rules)


@pytest.mark.parametrize("rules", RECOVERED.values(), ids=RECOVERED)
def test_a_blob_survives(rules: list[Rule]) -> None:
    """The same for a blob of five megabytes."""
    copies = [Rule(pattern=rule.pattern, fault=rule.fault, times=rule.times) for rule in rules]
    with story(*copies) as told:
        assert told.read() == LARGE


def test_a_download_resumes_where_it_broke() -> None:
    """After a cut only the rest is asked for, however often there is progress."""
    cuts = [Rule(pattern=BLOB_GET, fault=fake.cut(1_100_000), times=4)]
    with story(*cuts) as told:
        assert told.read() == LARGE
        ranges = [seen.headers.get("range") for seen in told.server.seen]
        assert ranges == [None, "bytes=1100000-", "bytes=2200000-", "bytes=3300000-", "bytes=4400000-"]


def test_a_download_survives_a_registry_that_ignores_ranges() -> None:
    """What comes again is read over."""
    rules = [
        Rule(pattern=BLOB_GET, fault=fake.cut(1_500_000)),
        Rule(pattern=BLOB_GET, fault=ignoring_range(), skip=1),
    ]
    with story(*rules) as told:
        assert told.read() == LARGE
        assert len(told.server.seen) == 2


def test_a_download_without_progress_ends() -> None:
    """A registry that always cuts at the same place is given up in bounded time."""
    rules = [
        Rule(pattern=BLOB_GET, fault=ignoring_range(), times=ALWAYS),
        Rule(pattern=BLOB_GET, fault=fake.cut(1000), times=ALWAYS),
    ]
    with story(*rules) as told, pytest.raises(UnavailableError) as caught:
        told.read()
    assert str(caught.value) == (
        f"{told.server.host} cut the connection: check the network; it is safe to run the command again"
    )
    assert len(told.server.seen) == 6


def test_another_part_than_asked_for_is_refused() -> None:
    """A registry that answers with a wrong range gets no say in the blob."""
    wrong = fake.header("Content-Range", "bytes 5-9/10")
    rules = [Rule(pattern=BLOB_GET, fault=fake.cut(10)), Rule(pattern=BLOB_GET, fault=wrong, skip=1)]
    with story(*rules) as told, pytest.raises(BuildError) as caught:
        told.read()
    assert str(caught.value) == (
        f"{told.name} answered with another part of blob {LARGE_BLOB.digest} than was asked for"
    )


def test_a_trickle_counts_as_broken() -> None:
    """A server that sends a few bytes a minute does not hold a build for ever."""
    with FakeRegistry(rules=[Rule(pattern=BLOB_GET, fault=fake.pieces(100), times=ALWAYS)]) as server:
        server.put_blob(REPOSITORY, LARGE[:1000])
        time = FakeClock()

        def now() -> float:
            time.time += 31.0
            return time.time

        clock = type(time.clock)(sleep=time.sleep, now=now, random=lambda: 0.5)
        client = Client(Settings(), clock=clock)
        registry = Registry(server.host, REPOSITORY, settings=Settings(), client=client)
        with (
            pytest.raises(UnavailableError) as caught,
            registry.get_blob(Descriptor.of(LARGE[:1000], OCI_LAYER)) as body,
        ):
            body.read()
        client.close()
    assert "bytes in a minute: check the network" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "least"),
    [("2", 2.0), ("300", 300.0), (formatdate(1_800_000_007, usegmt=True), 7.0), ("0", 0.0)],
)
def test_retry_after_is_obeyed(value: str, least: float) -> None:
    """Seconds and dates are waited for, and a moment more so that not all come back at once."""
    fault = fake.status(429, Retry_After=value, Date=formatdate(1_800_000_000, usegmt=True))
    with story(Rule(pattern=".", fault=fault)) as told:
        told.registry.get_manifest("1.0")
        assert told.time.slept == [least + 0.5]


def test_a_long_retry_after_is_left_to_people() -> None:
    """Nobody waits an hour in front of a terminal."""
    fault = fake.status(429, Retry_After="3600")
    with story(Rule(pattern=".", fault=fault)) as told, pytest.raises(UnavailableError) as caught:
        told.registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"{told.server.host} answered 429 for manifest {told.name}:1.0: "
        "it asks to come back in 3600 seconds; run the command again then, "
        "or wait for it with --max-wait 3600"
    )
    assert told.time.slept == []


def test_a_long_retry_after_is_waited_for_where_that_is_asked_for() -> None:
    """Nightly jobs have the time."""
    fault = fake.status(429, Retry_After="3600")
    with story(Rule(pattern=".", fault=fault), settings=Settings(max_wait=3600)) as told:
        told.registry.get_manifest("1.0")
        assert told.time.slept == [3600.5]


@pytest.mark.parametrize(
    ("status", "tries"), [(500, 3), (502, 6), (503, 6), (504, 6), (408, 6), (429, 8), (499, 6), (522, 6)]
)
def test_what_does_not_pass_over_ends(status: int, tries: int) -> None:
    """After so many tries the registry counts as unavailable, and what it said is shown."""
    fault = fake.errors(status, "UNKNOWN", "invalid URL on layer")
    rule = Rule(pattern=".", fault=fault, times=ALWAYS)
    with story(rule, chance=1.0) as told, pytest.raises(UnavailableError) as caught:
        told.registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"{told.server.host} answered {status} for manifest {told.name}:1.0 (UNKNOWN: invalid URL on layer): "
        "it is safe to run the command again"
    )
    assert len(told.server.seen) == tries
    assert told.time.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0][: tries - 1]


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, BuildError, "{host} answered 400 for {what} (SOME: words): check that it is an image registry"),
        (403, AuthenticationError, "{host} denies {what} (SOME: words): {login}"),
        (404, NotFoundError, "Manifest {name}:1.0 was not found (SOME: words): {check}"),
        (418, BuildError, "{host} answered 418 for {what} (SOME: words): check that it is an image registry"),
    ],
)
def test_what_will_not_change_is_not_tried_again(
    status: int, kind: type[BuildtoolsError], message: str
) -> None:
    """One request, one sentence."""
    rule = Rule(pattern=".", fault=fake.errors(status, "SOME", "words"), times=ALWAYS)
    with story(rule) as told, pytest.raises(kind) as caught:
        told.registry.get_manifest("1.0")
    host = told.server.host
    assert str(caught.value) == message.format(
        host=host,
        name=told.name,
        what=f"manifest {told.name}:1.0",
        login=f"run `docker login {host}`, and check that the account may use that repository",
        check=f"check the name, or run `docker login {host}` if it is private",
    )
    assert len(told.server.seen) == 1


def test_what_a_server_says_is_made_harmless() -> None:
    """No control characters, CI commands, secrets or novels out of an error body."""
    text = f"\x1b[31m\n::error::x Bearer abc.def {PASSWORD} https://u:p@h/x?X-Sig=1 " + "y" * 500
    rule = Rule(pattern=".", fault=fake.errors(400, "BAD", text))
    settings = logged_in("elsewhere.example.com")
    with story(rule, settings=settings) as told, pytest.raises(BuildError) as caught:
        told.registry.get_manifest("1.0")
    shown = str(caught.value)
    start = f"{told.server.host} answered 400 for manifest {told.name}:1.0 ("
    assert shown.startswith(f"{start}BAD:  [31m : :error: :x Bearer *** *** https://***@h/x?*** yyy")
    assert shown.endswith("y…): check that it is an image registry")


def test_a_page_is_not_shown() -> None:
    """HTML of some gateway says nothing to people; plain text may."""
    page = Rule(pattern=".", fault=fake.status(400, body=b"<html>", Content_Type="text/html"))
    text = Rule(pattern=".", fault=fake.status(400, body=b"no way", Content_Type="text/plain"), skip=1)
    with story(page, text) as told:
        for expected in ("", " (no way)"):
            with pytest.raises(BuildError) as caught:
                told.registry.get_manifest("1.0")
            assert caught.value.message == (
                f"{told.server.host} answered 400 for manifest {told.name}:1.0{expected}"
            )


def test_nobody_listens() -> None:
    """A port without a server is tried again, then named."""
    time = FakeClock()
    host = f"127.0.0.1:{free_port()}"
    registry = Registry(host, "app", settings=Settings(), client=Client(Settings(), clock=time.clock))
    with pytest.raises(UnavailableError) as caught:
        registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"{host} cannot be connected to: check the network; it is safe to run the command again"
    )
    assert len(time.slept) == 5


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of the test's own."""
    return trustme.CA()


@contextmanager
def tls_story(authority: trustme.CA, folder: Path, *, trusted: bool) -> Iterator[tuple[str, Registry]]:
    """A registry that speaks TLS, and a client that does or does not know its authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = folder / "ca.pem"
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(bundle))
    with FakeRegistry(tls=context) as server:
        seed(server)
        settings = Settings(ca_bundle=bundle, mirrors={"registry.example.com": f"https://{server.host}"})
        client = Client(settings, clock=FakeClock().clock)
        yield server.host, Registry("registry.example.com", REPOSITORY, settings=settings, client=client)
        client.close()


def test_tls_with_a_private_authority(authority: trustme.CA, tmp_path: Path) -> None:
    """SSL_CERT_FILE makes a private authority known."""
    with tls_story(authority, tmp_path, trusted=True) as (_, registry):
        assert registry.get_manifest("1.0")[1] == INDEX.raw


def test_tls_with_an_unknown_authority(authority: trustme.CA, tmp_path: Path) -> None:
    """An unknown certificate is refused at once, with what to set."""
    with tls_story(authority, tmp_path, trusted=False) as (host, registry):
        with pytest.raises(UnavailableError) as caught:
            registry.get_manifest("1.0")
        assert str(caught.value) == (
            f"{host} (the mirror of registry.example.com/{REPOSITORY}) "
            "has a certificate that is not trusted: name the file of its certificate "
            "authority in SSL_CERT_FILE, and check host name and dates"
        )


def test_https_to_a_plain_port() -> None:
    """A registry without TLS is named as such."""
    with FakeRegistry() as server:
        settings = Settings(mirrors={"registry.example.com": f"https://{server.host}"})
        registry = Registry("registry.example.com", REPOSITORY, settings=settings)
        with pytest.raises(UnavailableError) as caught:
            registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"{server.host} (the mirror of registry.example.com/{REPOSITORY}) does not speak TLS as expected: "
        "if it speaks plain HTTP, name it in BUILDTOOLS_PLAIN_HTTP"
    )
