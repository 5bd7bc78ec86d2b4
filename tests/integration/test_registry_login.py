"""Logging in over real sockets, and what a registry may not make a client do."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from buildtools.errors import (
    AuthenticationError,
    BuildError,
    BuildtoolsError,
    UnavailableError,
)
from buildtools.oci.descriptor import OCI_INDEX
from buildtools.oci.reference import parse_reference
from buildtools.settings import Settings
from buildtools.stores.client import Client
from buildtools.stores.registry import Registries, Registry
from tests.fakes import registry as fake
from tests.fakes.clock import FakeClock
from tests.fakes.docker_registry import free_port
from tests.fakes.registry import ALWAYS, FakeRegistry, Login, Rule
from tests.fakes.story import (
    BLOB_GET,
    INDEX,
    LARGE,
    LARGE_BLOB,
    PASSWORD,
    REPOSITORY,
    logged_in,
    seed,
    story,
)


def test_a_redirect_is_followed_without_credentials() -> None:
    """A blob may lie on another host, which learns nothing about us."""
    with FakeRegistry() as storage:
        seed(storage)
        elsewhere = f"http://localhost:{storage.port}/v2/{REPOSITORY}/blobs/{LARGE_BLOB.digest}?sig=abc"
        rule = Rule(pattern=BLOB_GET, fault=fake.redirect(elsewhere), times=ALWAYS)
        login = Login(users={"bot": PASSWORD}, anonymous=False)
        with FakeRegistry(login=login, rules=[rule]) as server:
            seed(server)
            registry = Registries(logged_in(server.host)).open(
                parse_reference(f"{server.host}/{REPOSITORY}:1.0")
            )
            with registry.get_blob(LARGE_BLOB) as body:
                assert body.read() == LARGE
            assert registry.get_manifest("1.0")[1] == INDEX.raw
    assert any("authorization" in seen.headers for seen in server.seen)
    assert [seen.headers.get("authorization") for seen in storage.seen] == [None]


def test_a_download_that_breaks_after_a_redirect_starts_at_the_registry() -> None:
    """A signed address may be old by then, so the registry is asked for a new one."""
    with FakeRegistry(rules=[Rule(pattern=BLOB_GET, fault=fake.cut(2_000_000))]) as storage:
        seed(storage)
        elsewhere = f"http://localhost:{storage.port}/v2/{REPOSITORY}/blobs/{LARGE_BLOB.digest}"
        with story(Rule(pattern=BLOB_GET, fault=fake.redirect(elsewhere), times=ALWAYS)) as told:
            assert told.read() == LARGE
            assert len(told.server.seen) == 2
        assert [seen.headers.get("range") for seen in storage.seen] == [None, "bytes=2000000-"]


def test_redirects_in_a_circle_end() -> None:
    """Five are followed."""
    with story() as told:
        told.server.rules.append(Rule(pattern=".", fault=fake.redirect("/v2/again"), times=ALWAYS))
        with pytest.raises(BuildError) as caught:
            told.registry.get_manifest("1.0")
        assert str(caught.value) == f"{told.server.host} redirects more than 5 times"


def test_a_public_registry_cannot_point_at_private_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect into the client's own network is refused; the query of the address is not shown."""
    target = "http://169.254.169.254/latest/meta-data?token=abc"
    with FakeRegistry(rules=[Rule(pattern=".", fault=fake.redirect(target), times=ALWAYS)]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        settings = Settings(plain_http=("registry.example.com", "169.254.169.254"))
        registry = Registry("registry.example.com", REPOSITORY, settings=settings)
        with pytest.raises(BuildError) as caught:
            registry.get_manifest("1.0")
    assert str(caught.value) == (
        "registry.example.com redirects to http://169.254.169.254/latest/meta-data?***, "
        "a private address, which a public host has no business with: "
        "nothing was sent there; tell whoever runs that registry"
    )
    assert len(proxy.seen) == 1


def test_loopback_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is for other machines."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with story() as told:
        assert told.registry.get_manifest("1.0")[1] == INDEX.raw


def test_netrc_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials come from where registries' credentials are kept, not from a file for FTP."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login bot password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with story() as told:
        told.registry.get_manifest("1.0")
        assert "authorization" not in told.server.seen[0].headers


def test_an_anonymous_token_is_fetched_once() -> None:
    """The registry asks once; then the token serves for all that follows."""
    with story(login=Login()) as told:
        told.registry.get_manifest("1.0")
        told.registry.resolve("1.0")
        assert told.read() == LARGE
        assert told.server.lines() == [
            f"GET /v2/{REPOSITORY}/manifests/1.0",
            "GET /token?service=fake&scope=repository%3Ateam%2Fapp%3Apull",
            f"GET /v2/{REPOSITORY}/manifests/1.0",
            f"HEAD /v2/{REPOSITORY}/manifests/1.0",
            f"GET /v2/{REPOSITORY}/blobs/{LARGE_BLOB.digest}",
        ]


def test_threads_share_one_token() -> None:
    """Eight threads that meet a closed door fetch one key."""
    with story(login=Login()) as told:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: told.registry.get_manifest("1.0")[1], range(16)))
        assert found == [INDEX.raw] * 16
        assert sum("/token" in line for line in told.server.lines()) == 1


def test_a_dead_token_is_renewed() -> None:
    """A token that the registry takes three times only costs a new one each time."""
    with story(login=Login(uses=3)) as told:
        for _ in range(7):
            assert told.registry.get_manifest("1.0")[1] == INDEX.raw
        assert sum("/token" in line for line in told.server.lines()) == 3


@pytest.mark.parametrize(("expires_in", "seconds"), [(300, 300), (None, 60), (0, 60)])
def test_an_old_token_is_not_used(expires_in: int | None, seconds: int) -> None:
    """A token is kept for as long as the service says, a minute when it says nothing."""
    with story(login=Login(expires_in=expires_in)) as told:
        told.registry.get_manifest("1.0")
        told.time.time += seconds - 11
        told.registry.get_manifest("1.0")
        assert sum("/token" in line for line in told.server.lines()) == 1
        told.time.time += 11
        told.registry.get_manifest("1.0")
        assert sum("/token" in line for line in told.server.lines()) == 2
        assert sum("/manifests" in line for line in told.server.lines()) == 4


def test_each_repository_has_its_own_token() -> None:
    """A token for one repository is not shown for another, and the registry need not ask twice."""
    with story(login=Login()) as told:
        told.server.put_manifest("team/other", INDEX.raw, OCI_INDEX, tag="1.0")
        told.registry.get_manifest("1.0")
        other = Registry(told.server.host, "team/other", settings=Settings(), client=told.client)
        assert other.get_manifest("1.0")[1] == INDEX.raw
        assert told.server.lines()[-2:] == [
            "GET /token?service=fake&scope=repository%3Ateam%2Fother%3Apull",
            "GET /v2/team/other/manifests/1.0",
        ]


def test_the_scope_is_the_registrys_to_say() -> None:
    """Where the challenge names another scope, that is what is asked for."""
    with story(login=Login(wanted="repository:team/app:pull,push")) as told:
        told.registry.get_manifest("1.0")
        assert told.server.lines()[1] == (
            "GET /token?service=fake&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"
        )


@pytest.mark.parametrize("schemes", [("bearer",), ("basic",), ("negotiate", "basic", "bearer")])
def test_credentials_open_a_private_registry(schemes: tuple[str, ...]) -> None:
    """Name and password work for a token service and for a registry without one."""
    login = Login(users={"bot": PASSWORD}, anonymous=False, schemes=schemes)
    with FakeRegistry(login=login) as server:
        seed(server)
        registry = Registry(server.host, REPOSITORY, settings=logged_in(server.host))
        assert registry.get_manifest("1.0")[1] == INDEX.raw


def test_credentials_of_another_registry_stay_home() -> None:
    """A registry that asks gets only its own credentials."""
    login = Login(users={"bot": PASSWORD})
    with story(login=login, settings=logged_in("ghcr.io")) as told:
        told.registry.get_manifest("1.0")
        sent = " ".join(seen.headers.get("authorization", "") for seen in told.server.seen)
        assert "Basic" not in sent


def test_wrong_credentials_are_tried_once() -> None:
    """A second try could lock the account."""
    login = Login(users={"bot": PASSWORD}, anonymous=False)
    with FakeRegistry(login=login) as server:
        registry = Registry(server.host, REPOSITORY, settings=logged_in(server.host, "mistyped"))
        with pytest.raises(AuthenticationError) as caught:
            registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"The token service of {server.host} refused the credentials from BUILDTOOLS_REGISTRY_PASSWORD "
        f"(status 401): run `docker login {server.host}`, and check that the account may use that repository"
    )
    assert sum("/token" in line for line in server.lines()) == 1


def test_wrong_credentials_for_basic_are_tried_once() -> None:
    """The same where the registry itself looks at the password."""
    login = Login(users={"bot": PASSWORD}, schemes=("basic",))
    with FakeRegistry(login=login) as server:
        registry = Registry(server.host, REPOSITORY, settings=logged_in(server.host, "mistyped"))
        with pytest.raises(AuthenticationError) as caught:
            registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"{server.host} refuses the log-in for {REPOSITORY} (UNAUTHORIZED: authentication required): "
        f"run `docker login {server.host}`, and check that the account may use that repository"
    )
    assert len(server.seen) == 2


def test_an_anonymous_client_is_told_to_log_in() -> None:
    """Without credentials the sentence says where they come from."""
    with story(login=Login(anonymous=False)) as told, pytest.raises(AuthenticationError) as caught:
        told.registry.get_manifest("1.0")
    host = told.server.host
    assert str(caught.value) == (
        f"The token service of {host} refused an anonymous request (status 401): "
        f"run `docker login {host}`, and check that the account may use that repository"
    )
    with story(login=Login(schemes=("basic",))) as told, pytest.raises(AuthenticationError) as caught:
        told.registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"{told.server.host} asks for a user name and password, and none are found for it: "
        f"run `docker login {told.server.host}`, or set BUILDTOOLS_REGISTRY_HOST, "
        "BUILDTOOLS_REGISTRY_USERNAME and BUILDTOOLS_REGISTRY_PASSWORD"
    )


@pytest.mark.parametrize(("schemes", "offered"), [((), "none"), (("negotiate",), "negotiate")])
def test_a_registry_that_asks_for_something_else(schemes: tuple[str, ...], offered: str) -> None:
    """A 401 without a way in is an error of its own."""
    with story(login=Login(schemes=schemes)) as told, pytest.raises(AuthenticationError) as caught:
        told.registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"{told.server.host} asks for a log-in, but offers no way that is known here (it offers {offered}): "
        "check that the name is a registry's"
    )


def test_the_token_service_may_stumble() -> None:
    """A fault on the way to a token is one of the operation's tries."""
    with story(Rule(pattern="/token", fault=fake.status(503)), login=Login()) as told:
        assert told.registry.get_manifest("1.0")[1] == INDEX.raw
        assert len(told.time.slept) == 1


def test_the_token_service_is_gone() -> None:
    """A token service that stays away makes the registry unavailable."""
    rule = Rule(pattern="/token", fault=fake.status(503), times=ALWAYS)
    with story(rule, login=Login()) as told, pytest.raises(UnavailableError) as caught:
        told.registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"The token service of {told.server.host} answered 503: it is safe to run the command again"
    )


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'{"token": 5}', b'{"token": "a b"}', b'{"token": "a\\nX: y"}', b"<html>"]
)
def test_a_token_service_that_answers_with_something_else(answer: bytes) -> None:
    """What is no token is never sent on."""
    rule = Rule(pattern="/token", fault=fake.body(answer))
    with story(rule, login=Login()) as told, pytest.raises(AuthenticationError) as caught:
        told.registry.get_manifest("1.0")
    assert caught.value.message == (f"The token service of {told.server.host} did not answer with a token")


def test_a_realm_in_the_clear_is_refused() -> None:
    """A token service is reached over TLS, or where plain HTTP is declared."""
    realm = "http://tokens.example.com/get?a=1"
    with story(login=Login(realm=realm)) as told, pytest.raises(AuthenticationError) as caught:
        told.registry.get_manifest("1.0")
    assert str(caught.value) == (
        f"{told.server.host} names http://tokens.example.com/get?*** as its token service, "
        "over plain HTTP, where everyone on the way could change the answer: "
        "nothing was sent there; tell whoever runs that registry"
    )


@pytest.mark.parametrize("oauth", [True, False])
def test_an_identity_token_is_exchanged(oauth: bool, tmp_path: Path) -> None:
    """What a credential helper gives as `<token>` goes to the token service as a refresh token."""
    login = Login(users={"": ""}, anonymous=True, oauth=oauth, refresh_tokens=("refresh-me-please",))
    config = tmp_path / "config.json"
    settings = Settings(auth_files=(config,))
    answer = json.dumps({"ServerURL": "x", "Username": "<token>", "Secret": "refresh-me-please"})
    with story(login=login, settings=settings, run=lambda *_: (0, answer)) as told:
        config.write_text(json.dumps({"credHelpers": {told.server.host: "fake"}}))
        assert told.registry.get_manifest("1.0")[1] == INDEX.raw
        methods = [line.split()[0] for line in told.server.lines() if "/token" in line]
        assert methods == (["POST"] if oauth else ["POST", "GET"])


def test_no_secret_is_shown() -> None:
    """Whatever goes wrong, neither password nor token is in the sentence."""
    login = Login(users={"bot": PASSWORD}, anonymous=False)
    faults = [
        fake.errors(code, "X", f"{PASSWORD} Basic Ym90 token-1-of-the-fake-registry {code}")
        for code in (400, 401, 403, 404, 429, 500)
    ]
    for fault in faults:
        rule = Rule(pattern="manifests", fault=fault, times=ALWAYS, skip=1)
        with FakeRegistry(login=login, rules=[rule]) as server:
            client = Client(logged_in(server.host), clock=FakeClock().clock)
            registry = Registry(server.host, REPOSITORY, settings=logged_in(server.host), client=client)
            with pytest.raises(BuildtoolsError) as caught:
                registry.get_manifest("1.0")
            client.close()
        shown = f"{caught.value} {caught.value!r} {caught.value.args}"
        assert PASSWORD not in shown
        assert "token-1" not in shown
        assert "Ym90" not in shown
