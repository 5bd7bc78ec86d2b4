# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Pushes against a misbehaving registry: what passes over is survived, and what is there at the end is right."""

import io
from dataclasses import replace
from functools import partial

import pytest

from buildtools.errors import (
    AuthenticationError,
    BuildError,
    BuildtoolsError,
    UnavailableError,
    VerificationError,
)
from buildtools.stores import profiles
from buildtools.stores.base import NotFoundError
from tests.fakes import registry as fake
from tests.fakes.pushing import (
    APP,
    APP_INDEX,
    CHILD_PUT,
    HEAD_BLOB,
    LAYER,
    PLACE,
    POST,
    PUT,
    TAG_PUT,
    UPLOADS,
    Source,
    asked,
    is_complete,
    known,
    push,
    target,
)
from tests.fakes.registry import ALWAYS, FakeRegistry, Login, Response, Rule
from tests.fakes.story import PASSWORD, story

UNKNOWN = fake.errors(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
SPOILT = fake.errors(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
NOT_YET = fake.errors(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
PAGE = fake.status(502, body=b"<html>", Content_Type="text/html")
WRONG = fake.header("Docker-Content-Digest", "sha256:" + "0" * 64)

RECOVERED: dict[str, Rule] = {
    "PUSH-01 503 to POST": Rule(pattern=POST, fault=fake.status(503), before=True),
    "PUSH-02 500 to a blob": Rule(pattern=PUT, fault=fake.status(500), before=True),
    "PUSH-03 502 with a page to a blob": Rule(pattern=PUT, fault=PAGE, before=True),
    "PUSH-04 429 to the tag": Rule(pattern=TAG_PUT, fault=fake.status(429, Retry_After="2"), before=True),
    "PUSH-05 429 to HEAD": Rule(pattern=HEAD_BLOB, fault=fake.status(429), before=True),
    "PUSH-06 429 to a blob": Rule(pattern=PUT, fault=fake.status(429), before=True),
    "PUSH-07 reset in a body": Rule(pattern=PUT, fault=fake.reset(), takes=3, before=True),
    "PUSH-08 answer to a blob lost": Rule(pattern=PUT, fault=fake.reset()),
    "PUSH-09 answer to the tag lost": Rule(pattern=TAG_PUT, fault=fake.reset()),
    "PUSH-10 session gone": Rule(pattern=PUT, fault=UNKNOWN, before=True),
    "PUSH-10 session gone, no code": Rule(pattern=PUT, fault=fake.status(404), before=True),
    "PUSH-10 answer lost, then gone": Rule(pattern=PUT, fault=UNKNOWN),
    "PUSH-11 HEAD denied": Rule(pattern=HEAD_BLOB, fault=fake.status(403), times=ALWAYS),
    "PUSH-13 HEAD not allowed": Rule(pattern="^HEAD", fault=fake.status(405), times=ALWAYS),
    "PUSH-20 another digest answered": Rule(pattern=TAG_PUT, fault=WRONG),
    "PUSH-21 DIGEST_INVALID": Rule(pattern=PUT, fault=SPOILT, before=True),
    "PUSH-22 Location missing": Rule(pattern=POST, fault=fake.header("Location", None)),
    "PUSH-24 two connections reset": Rule(pattern=".", fault=fake.reset(), times=2, before=True),
    "PUSH-25 429 six times": Rule(pattern=".", fault=fake.status(429), times=6, before=True),
    "PUSH-26 503 twice": Rule(pattern=PUT, fault=fake.status(503), times=2, before=True),
    "D12 parts not seen yet": Rule(pattern=CHILD_PUT, fault=NOT_YET, times=4, before=True),
    "answer to a child lost": Rule(pattern=CHILD_PUT, fault=fake.reset()),
}


@pytest.mark.parametrize("rule", RECOVERED.values(), ids=RECOVERED)
def test_a_push_survives(rule: Rule) -> None:
    """What passes over is waited for, and all is there, byte for byte."""
    with story(replace(rule)) as told:
        push(told)
        assert is_complete(told.server)


@pytest.mark.parametrize(
    ("name", "slept"),
    [
        ("PUSH-04 429 to the tag", [2.5]),
        ("PUSH-08 answer to a blob lost", [0.5]),
        ("PUSH-22 Location missing", [0.5]),
        ("PUSH-25 429 six times", [0.5, 1.0, 2.0, 4.0, 8.0, 15.0]),
        ("PUSH-26 503 twice", [0.5, 1.0]),
        ("PUSH-11 HEAD denied", []),
        ("PUSH-13 HEAD not allowed", []),
        ("PUSH-20 another digest answered", []),
    ],
)
def test_how_long_a_push_waits(name: str, slept: list[float]) -> None:
    """As long as the registry says, else longer and longer; not at all for what waiting does not mend."""
    with story(replace(RECOVERED[name])) as told:
        push(told)
        assert told.time.slept == slept


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(pattern=PUT, fault=fake.reset()), ["POST 0", "PUT 7"]),
        (Rule(pattern=PUT, fault=UNKNOWN), ["POST 0", "PUT 7"]),
        (Rule(pattern=PUT, fault=fake.status(502), before=True), ["POST 0", "PUT 7", "POST 0", "PUT 7"]),
        (Rule(pattern=PUT, fault=UNKNOWN, before=True), ["POST 0", "PUT 7", "POST 0", "PATCH 7", "PUT 0"]),
        (Rule(pattern=PUT, fault=SPOILT, before=True), ["POST 0", "PUT 7", "POST 0", "PUT 7"]),
    ],
    ids=["lost answer", "lost answer, session gone", "502", "session gone", "spoilt"],
)
def test_what_is_sent_again(rule: Rule, expected: list[str]) -> None:
    """A blob whose answer was lost is there; otherwise it is opened and sent again, in a new session."""
    with story(rule) as told:
        source = Source(b"a layer")
        target(told).put_blob(LAYER, source.open)
        assert asked(told) == expected
        assert source.opened == len([line for line in expected if line.endswith("7")])
        assert told.server.repository(PLACE).blobs == {LAYER.digest: b"a layer"}


@pytest.mark.parametrize(
    ("rule", "kind", "message", "requests"),
    [
        (
            Rule(pattern=CHILD_PUT, fault=fake.errors(500, "UNKNOWN", "no"), times=ALWAYS, before=True),
            UnavailableError,
            "{host} answered 500 for manifest {name}@{manifest} (UNKNOWN: no): it is safe to run the command again",
            3,
        ),
        (
            Rule(pattern=PUT, fault=fake.reset(), times=ALWAYS, takes=2, before=True),
            UnavailableError,
            "{host} cut the connection: check the network; it is safe to run the command again",
            6,
        ),
        (
            Rule(pattern=PUT, fault=SPOILT, times=ALWAYS, before=True),
            BuildError,
            (
                "{host} answered 400 for blob {config} for {name} (DIGEST_INVALID: provided digest did not match uploaded content): "
                "it is safe to run the command again"
            ),
            2,
        ),
        (
            Rule(pattern=POST, fault=fake.header("Location", None), times=ALWAYS),
            UnavailableError,
            (
                "{host} answered 202 for blob {config} for {name} without saying where to send it: "
                "it is safe to run the command again"
            ),
            3,
        ),
        (
            Rule(
                pattern=POST,
                fault=fake.errors(404, "NAME_UNKNOWN", "no such project"),
                times=ALWAYS,
                before=True,
            ),
            NotFoundError,
            (
                "Repository {name} was not found (NAME_UNKNOWN: no such project): "
                "create it first where the registry wants that, and check its name"
            ),
            1,
        ),
        (
            Rule(pattern=POST, fault=fake.errors(403, "DENIED", "quota exceeded"), times=ALWAYS, before=True),
            AuthenticationError,
            (
                "{host} denies uploads to {name} (DENIED: quota exceeded): "
                "run `docker login {host}`, and check that the account may use that repository"
            ),
            1,
        ),
        (
            Rule(pattern=CHILD_PUT, fault=NOT_YET, times=ALWAYS, before=True),
            BuildError,
            (
                "{host} answered 404 for manifest {name}@{manifest} (MANIFEST_BLOB_UNKNOWN: blob unknown to registry): "
                "it is safe to run the command again"
            ),
            5,
        ),
        (
            Rule(
                pattern=CHILD_PUT, fault=fake.errors(400, "MANIFEST_INVALID", "no"), times=ALWAYS, before=True
            ),
            BuildError,
            "{host} answered 400 for manifest {name}@{manifest} (MANIFEST_INVALID: no): check that it is an image registry",
            1,
        ),
    ],
    ids=["PUSH-16", "PUSH-17", "PUSH-21", "PUSH-22", "B21", "B20", "D12", "MANIFEST_INVALID"],
)
def test_a_push_that_cannot_work_ends(
    rule: Rule, kind: type[BuildtoolsError], message: str, requests: int
) -> None:
    """After a bounded number of tries one sentence says what is wrong, and there is no tag."""
    counted = Rule(pattern=rule.pattern, fault=lambda answer: answer, times=ALWAYS)
    with story(replace(rule), counted) as told:
        with pytest.raises(kind) as caught:
            push(told)
        assert str(caught.value) == message.format(
            host=told.server.host,
            name=target(told).name,
            manifest=APP.manifest.descriptor.digest,
            config=APP.manifest.config.digest,
        )
        assert ALWAYS - counted.times == requests
        assert told.server.repository(PLACE).tags == {}


def test_a_missing_tag_may_be_denied() -> None:
    """PUSH-12: Artifactory answers HEAD of a missing manifest with 403; GET says that it is missing."""
    rule = Rule(pattern=f"^HEAD /v2/{PLACE}/manifests", fault=fake.status(403), times=ALWAYS)
    with story(rule) as told:
        with pytest.raises(NotFoundError):
            target(told).resolve("1.0")
        push(told)
        assert target(told).resolve("1.0") == APP_INDEX.descriptor


def test_a_registry_that_keeps_something_else_is_found_out() -> None:
    """PUSH-20: when the registry says another digest than ours, what can be read decides."""
    with story() as told:
        push(told)

        def swapped(answer: Response) -> Response:
            told.server.repository(PLACE).tags["2.0"] = APP.manifest.descriptor.digest
            return WRONG(answer)

        told.server.rules.append(Rule(pattern="^PUT .*/manifests/2.0", fault=swapped))
        with pytest.raises(VerificationError) as caught:
            target(told).put_manifest(APP_INDEX.raw, APP_INDEX.media_type, tag="2.0")
        assert str(caught.value) == (
            f"{target(told).name} should answer for 2.0 with digest {APP_INDEX.descriptor.digest}, "
            f"it answers with {APP.manifest.descriptor.digest}: "
            "a proxy in between may change what it passes on; try again, then tell whoever runs it"
        )


@pytest.mark.parametrize("code", [400, 403, 405, 409, 412])
def test_a_tag_that_cannot_be_moved(code: int) -> None:
    """D11: the digest that is there already is success, another one is an error that leaves it there."""
    immutable = Rule(
        pattern=TAG_PUT, fault=fake.errors(code, "DENIED", "immutable"), times=ALWAYS, before=True, skip=1
    )
    with story(immutable) as told:
        push(told)
        push(told)
        with pytest.raises(BuildtoolsError, match=r"\(DENIED: immutable\)"):
            target(told).put_manifest(APP.manifest.raw, APP.manifest.media_type, tag="1.0")
        assert is_complete(told.server)


@pytest.mark.parametrize("uses", [8, 2, 1])
@pytest.mark.parametrize("scheme", ["bearer", "basic"])
def test_a_token_dies_on_the_way(uses: int, scheme: str) -> None:
    """PUSH-18, PUSH-19: a new token is asked for, and the body is opened anew."""
    login = Login(users={"bot": PASSWORD}, anonymous=False, uses=uses, schemes=(scheme,))
    with known(login) as told:
        push(told)
        assert is_complete(told.server)
        assert told.time.slept == []


def test_a_token_that_is_never_taken() -> None:
    """A registry that refuses its own token twice is not asked a third time."""
    login = Login(users={"bot": PASSWORD}, anonymous=False, uses=0)
    with known(login) as told:
        with pytest.raises(AuthenticationError) as caught:
            target(told).put_blob(LAYER, Source(b"a layer").open)
        assert str(caught.value) == (
            f"{told.server.host} refuses the log-in for {PLACE} (UNAUTHORIZED: authentication required): "
            f"run `docker login {told.server.host}`, and check that the account may use that repository"
        )
        assert len(asked(told)) == 2


def test_a_blob_of_another_size_is_sent_again() -> None:
    """B14: HEAD with another size than ours does not count as there."""
    with story() as told:
        told.server.repository(PLACE).blobs[LAYER.digest] = b"cut o"
        push(told)
        assert is_complete(told.server)


@pytest.mark.parametrize("form", ["path", "whole", "no query", "name only"])
def test_where_a_session_may_be(form: str) -> None:
    """B02: a Location may be a path or a URL, with a query or without."""

    def changed(answer: Response) -> Response:
        path = answer.headers["Location"]
        forms = {
            "path": path,
            "whole": f"http://{told.server.host}{path}",
            "no query": path.partition("?")[0],
            "name only": f"//{told.server.host}{path}",
        }
        return fake.header("Location", forms[form])(answer)

    with story(Rule(pattern=POST, fault=changed, times=ALWAYS)) as told:
        push(told)
        assert is_complete(told.server)
        joint = "?" if form == "no query" else "?_state=0&"
        puts = [line for line in told.server.lines() if line.startswith(f"PUT {UPLOADS}")]
        assert all(f"{joint}digest=sha256%3A" in line for line in puts)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_another_host_gets_no_credentials(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PUSH-23: bytes may go to another host, the log-in may not."""
    monkeypatch.setattr(profiles, "DEFAULT", replace(profiles.DEFAULT, at_once=3))
    login = Login(users={"bot": PASSWORD}, anonymous=False)
    with FakeRegistry() as storage, known(login) as told:
        storage.uploads = told.server.uploads

        def elsewhere(answer: Response) -> Response:
            url = f"http://localhost:{storage.port}{answer.headers['Location']}"
            return fake.header("Location", url)(answer)

        told.server.rules.append(Rule(pattern=f"^{method} {UPLOADS}", fault=elsewhere, times=ALWAYS))
        push(told)
        assert is_complete(told.server)
    assert storage.seen
    assert [seen.headers for seen in storage.seen if "authorization" in seen.headers] == []
    assert any("authorization" in seen.headers for seen in told.server.seen)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (
            "http://storage.example.com/x?sig=abc",
            "over plain HTTP, where everyone on the way could change the answer",
        ),
        ("ftp://storage.example.com/x?sig=abc", "which is no web address"),
        ("https://u:p@storage.example.com/x?sig=abc", "a URL with credentials in it"),
    ],
)
def test_where_a_session_may_not_be(url: str, reason: str) -> None:
    """Nothing is sent to an address that a registry has no business with, and its secrets are not shown."""
    with story(Rule(pattern=POST, fault=fake.header("Location", url))) as told:
        source = Source(b"a layer")
        with pytest.raises(BuildError) as caught:
            target(told).put_blob(LAYER, source.open)
        shown = url.replace("sig=abc", "***").replace("u:p", "***")
        assert str(caught.value) == (
            f"{told.server.host} asks to upload to {shown}, {reason}: "
            "nothing was sent there; tell whoever runs that registry"
        )
        assert source.opened == 0


class _Broken(io.BytesIO):
    """A source that fails after its first bytes."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"a layer")
        self._error = error

    def readinto(self, buffer: object, /) -> int:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    "error", [UnavailableError("the base's registry is away"), OSError(5, "Input/output error")]
)
def test_a_source_that_fails_is_not_the_network(error: Exception) -> None:
    """What the source raises is raised at once, as it is: the registry has done nothing."""
    with story() as told:
        with pytest.raises(type(error)) as caught:
            target(told).put_blob(LAYER, partial(_Broken, error))
        assert caught.value is error
        assert asked(told, "POST") == ["POST 0"]
        assert told.server.repository(PLACE).blobs == {}
