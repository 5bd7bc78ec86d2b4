"""Large blobs on their way into a registry: resumed, in chunks where nothing else is taken, or mounted."""

from dataclasses import replace

import pytest

from buildtools.errors import BuildError, UnavailableError
from buildtools.settings import Settings
from buildtools.stores import profiles
from buildtools.stores.client import Client
from buildtools.stores.registry import Registry
from tests.fakes import registry as fake
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.pushing import (
    BLOB,
    DATA,
    LAYER,
    PATCH,
    PLACE,
    POST,
    PUT,
    SESSION,
    UPLOADS,
    Source,
    asked,
    known,
    target,
)
from tests.fakes.registry import ALWAYS, Login, Response, Rule
from tests.fakes.story import PASSWORD, REPOSITORY, Story, story

SIZE = BLOB.size
MIB = 1024 * 1024
ONE_THIRD = f"PATCH {SIZE - 8 * MIB}"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten megabytes count as large."""
    monkeypatch.setattr(profiles, "DEFAULT", replace(profiles.DEFAULT, at_once=MIB))


def sent(told: Story, source: Source) -> None:
    """Upload the large blob, and see that it is there."""
    target(told).put_blob(BLOB, source.open)
    assert told.server.repository(PLACE).blobs == {BLOB.digest: DATA}


def ranges(told: Story) -> list[str | None]:
    """The Content-Range of each PATCH."""
    return [seen.headers.get("content-range") for seen in told.server.seen if seen.method == "PATCH"]


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_a_large_blob_is_streamed(code: int) -> None:
    """PUSH-14: one PATCH without a range, whatever good status it gets (ECR says 201), and a PUT."""

    def changed(answer: Response) -> Response:
        return Response(status=code, headers=answer.headers)

    with story(Rule(pattern=PATCH, fault=changed)) as told:
        source = Source(DATA)
        sent(told, source)
        assert asked(told) == ["POST 0", f"PATCH {SIZE}", "PUT 0"]
        assert ranges(told) == [None]
        assert source.opened == 1


def test_an_upload_resumes_where_it_broke() -> None:
    """After a cut the registry is asked how far it came, and only the rest is sent."""
    with story(Rule(pattern=PATCH, fault=fake.reset(), takes=8 * MIB)) as told:
        source = Source(DATA)
        sent(told, source)
        assert asked(told) == ["POST 0", f"PATCH {SIZE}", "GET 0", ONE_THIRD, "PUT 0"]
        assert ranges(told) == [None, f"{8 * MIB}-{SIZE - 1}"]
        assert source.opened == 2


def test_an_upload_with_progress_is_not_given_up() -> None:
    """However often the connection breaks, an upload that gets on goes on."""
    cuts = Rule(pattern=PATCH, fault=fake.reset(), takes=MIB, times=9)
    with story(cuts) as told:
        sent(told, Source(DATA))
        assert told.time.slept == [0.5] * 9
        assert len(asked(told, "PATCH")) == 10


def test_an_upload_without_progress_ends() -> None:
    """A registry that never takes more than some first bytes is given up in bounded time."""
    rules = [
        Rule(pattern=PATCH, fault=fake.reset(), takes=8 * MIB),
        Rule(pattern=PATCH, fault=fake.reset(), takes=10, times=ALWAYS),
    ]
    with story(*rules) as told, pytest.raises(UnavailableError) as caught:
        target(told).put_blob(BLOB, Source(DATA).open)
    assert str(caught.value) == (
        f"{told.server.host} cut the connection: check the network; it is safe to run the command again"
    )
    assert len(asked(told, "PATCH")) == 6


def test_progress_that_is_lost_does_not_count_twice() -> None:
    """A registry that forgets what it had gets no endless upload."""
    rules = [
        Rule(pattern=PATCH, fault=fake.reset(), takes=2 * MIB, times=ALWAYS, before=True),
        Rule(pattern=SESSION, fault=fake.status(404), times=ALWAYS),
    ]
    with story(*rules) as told, pytest.raises(UnavailableError):
        target(told).put_blob(BLOB, Source(DATA).open)
    assert len(asked(told, "PATCH")) == 6


@pytest.mark.parametrize(
    "fault",
    [
        fake.status(404),
        fake.status(405),
        fake.status(503),
        fake.status(416),
        fake.reset(),
        fake.header("Range", None),
        fake.header("Range", "0-0"),
        fake.header("Range", "5-10"),
        fake.header("Range", f"0-{SIZE}"),
        fake.header("Range", "bytes 0-10/*"),
    ],
    ids=["404", "405", "503", "416", "reset", "none", "0-0", "5-10", "too much", "other words"],
)
def test_an_upload_begins_anew_where_it_cannot_resume(fault: fake.Fault) -> None:
    """B07, B08: a session that does not say how far it is gives way to a new one."""
    rules = [
        Rule(pattern=PATCH, fault=fake.reset(), takes=8 * MIB),
        Rule(pattern=SESSION, fault=fault),
    ]
    with story(*rules) as told:
        sent(told, Source(DATA))
        assert asked(told) == ["POST 0", f"PATCH {SIZE}", "GET 0", "POST 0", f"PATCH {SIZE}", "PUT 0"]


def test_only_the_end_is_asked_for_when_all_bytes_are_there() -> None:
    """When the answer to the last PATCH or to the PUT is lost, no byte is sent again."""
    rules = [
        Rule(pattern=PATCH, fault=fake.reset()),
        Rule(pattern=PUT, fault=fake.status(502), before=True),
    ]
    with story(*rules) as told:
        sent(told, Source(DATA))
        assert asked(told) == ["POST 0", f"PATCH {SIZE}", "GET 0", "PUT 0", "GET 0", "PUT 0"]


def test_a_registry_that_keeps_less_is_sent_the_rest() -> None:
    """B09: the Range of an answer to PATCH says what is there."""

    def forgets(answer: Response) -> Response:
        (session,) = told.server.uploads.sessions.values()
        del session[8 * MIB :]
        return fake.header("Range", f"0-{8 * MIB - 1}")(answer)

    with story(Rule(pattern=PATCH, fault=forgets)) as told:
        sent(told, Source(DATA))
        assert asked(told) == ["POST 0", f"PATCH {SIZE}", "GET 0", ONE_THIRD, "PUT 0"]


@pytest.mark.parametrize("keeps", [False, True])
def test_spoilt_bytes_are_sent_again_from_the_start(keeps: bool) -> None:
    """PUSH-21: after DIGEST_INVALID a session is of no use, even where the registry keeps it."""

    def spoils(answer: Response) -> Response:
        (session,) = told.server.uploads.sessions.values()
        session[5] ^= 1
        return answer

    with story(Rule(pattern=PATCH, fault=spoils)) as told:
        told.server.uploads.keeps = keeps
        sent(told, Source(DATA))
        assert asked(told) == ["POST 0", f"PATCH {SIZE}", "PUT 0"] * 2


@pytest.mark.parametrize(
    ("at_once", "first"), [(MIB, f"PATCH {SIZE}"), (16 * MIB, f"PUT {SIZE}")], ids=["416", "413"]
)
def test_a_registry_that_takes_little_at_once_gets_chunks(
    at_once: int, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PUSH-15: after 413 or 416 the blob goes in chunks, each with its range."""
    monkeypatch.setattr(profiles, "DEFAULT", replace(profiles.DEFAULT, at_once=at_once))
    with story() as told:
        told.server.uploads.most = 4 * MIB
        sent(told, Source(DATA))
        chunks = [f"PATCH {4 * MIB}", f"PATCH {4 * MIB}", ONE_THIRD]
        assert asked(told, "PUT", "PATCH") == [first, *chunks, "PUT 0"]
        places = [place for place in ranges(told) if place]
        assert places == [f"0-{4 * MIB - 1}", f"{4 * MIB}-{8 * MIB - 1}", f"{8 * MIB}-{SIZE - 1}"]


@pytest.mark.parametrize(
    ("least", "expected"), [(6, 6), (1, 4), (100, SIZE / MIB)], ids=["more", "less", "above ours"]
)
def test_a_least_size_of_chunks_is_obeyed(least: int, expected: float) -> None:
    """OCI-Chunk-Min-Length makes chunks larger, never smaller."""
    refusal = Rule(pattern=PATCH, fault=fake.status(416), before=True)
    with story(refusal) as told:
        told.server.uploads.least = least * MIB
        sent(told, Source(DATA))
        assert asked(told, "PATCH")[1] == f"PATCH {int(expected * MIB)}"


def test_chunks_resume() -> None:
    """A chunk that broke is taken up where the registry is, and a lost answer to one costs no bytes."""
    rules = [
        Rule(pattern=PATCH, fault=fake.status(416), before=True),
        Rule(pattern=PATCH, fault=fake.reset(), skip=2),
        Rule(pattern=PATCH, fault=fake.reset(), skip=3, takes=MIB),
    ]
    with story(*rules) as told:
        sent(told, Source(DATA))
        rest = SIZE - 9 * MIB
        assert asked(told, "PATCH") == [
            f"PATCH {SIZE}", f"PATCH {4 * MIB}", f"PATCH {4 * MIB}", ONE_THIRD, f"PATCH {rest}"
        ]  # fmt: skip
        assert len(asked(told, "POST")) == 2


def test_chunks_that_are_too_large_are_the_end() -> None:
    """There is no way left after the smallest one."""
    refusal = Rule(pattern=PATCH, fault=fake.errors(413, "SIZE_INVALID", "no"), times=ALWAYS, before=True)
    with story(refusal) as told, pytest.raises(BuildError) as caught:
        target(told).put_blob(BLOB, Source(DATA).open)
    assert str(caught.value) == (
        f"{told.server.host} answered 413 for blob {BLOB.digest} for {target(told).name} (SIZE_INVALID: no): "
        "it is safe to run the command again"
    )


def mounted(told: Story, source: Source) -> bool:
    """Write a layer that another repository holds; returns whether bytes were sent."""
    told.server.put_blob(REPOSITORY, source.data)
    target(told).put_blob(LAYER, source.open, mount=REPOSITORY)
    assert told.server.repository(PLACE).blobs == {LAYER.digest: source.data}
    return source.opened > 0


def test_a_mount_spares_the_bytes() -> None:
    """What another repository of the registry holds is not even opened."""
    with story() as told:
        source = Source(b"a layer")
        assert not mounted(told, source)
        digest = LAYER.digest.replace(":", "%3A")
        assert told.server.lines() == [f"POST {UPLOADS}?mount={digest}&from=team%2Fapp"]
        assert source.opened == 0


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 501])
def test_a_registry_that_does_not_mount_gets_the_bytes(code: int) -> None:
    """B04: whatever it says, the blob is uploaded, and nobody waits."""
    refusal = Rule(pattern=rf"{POST}\?mount", fault=fake.status(code), times=ALWAYS, before=True)
    with story(refusal) as told:
        assert mounted(told, Source(b"a layer"))
        assert asked(told) == ["POST 0", "POST 0", "PUT 7"]
        assert told.time.slept == []


def test_the_session_in_place_of_a_mount_is_used() -> None:
    """B04: an answer of 202 is a session; no second one is asked for."""
    with story() as told:
        told.server.uploads.mounts = False
        assert mounted(told, Source(b"a layer"))
        assert asked(told) == ["POST 0", "PUT 7"]


@pytest.mark.parametrize("fault", [fake.status(503), fake.reset()], ids=["503", "reset"])
@pytest.mark.parametrize(("times", "expected"), [(1, False), (ALWAYS, True)])
def test_a_mount_is_tried_twice(fault: fake.Fault, times: int, expected: bool) -> None:
    """What passes over does not cost an upload; what does not pass over does not cost the push."""
    rule = Rule(pattern=rf"{POST}\?mount", fault=fault, times=times, before=True)
    with story(rule) as told:
        assert mounted(told, Source(b"a layer")) is expected
        assert told.time.slept == [0.5]


@pytest.mark.parametrize("code", [202, 404, 503])
def test_a_mount_that_was_refused_is_not_asked_for_again(code: int) -> None:
    """When the upload that follows begins anew, it begins without the mount."""
    rules = [
        Rule(pattern=rf"{POST}\?mount", fault=fake.status(code), times=2, before=True),
        Rule(pattern=PUT, fault=fake.status(502), times=2, before=True),
    ]
    with story(*rules) as told:
        told.server.uploads.mounts = False
        assert mounted(told, Source(b"a layer"))
        mounts = [line for line in told.server.lines() if "mount=" in line]
        assert len(mounts) == (2 if code == 503 else 1)


def test_a_mount_asks_to_read_the_source_too() -> None:
    """C05: a token for both repositories, each scope on its own."""
    login = Login(users={"bot": PASSWORD}, anonymous=False)
    with known(login) as told:
        assert not mounted(told, Source(b"a layer"))
        (token,) = [line for line in told.server.lines() if line.startswith("GET /token")]
        assert token == (
            "GET /token?service=fake&scope=repository%3Ateam%2Fnew%3Apull%2Cpush"
            "&scope=repository%3Ateam%2Fapp%3Apull"
        )


def test_who_may_not_read_the_source_still_writes() -> None:
    """A token service that refuses the mount's scopes is asked again for the upload's own."""
    login = Login(users={"bot": PASSWORD}, anonymous=False)
    rules = [
        Rule(pattern="^GET /token.*team%2Fapp", fault=fake.status(403), times=ALWAYS, before=True),
        Rule(pattern=PUT, fault=fake.status(502), before=True),
    ]
    with known(login, *rules) as told:
        assert mounted(told, Source(b"a layer"))
        assert asked(told) == ["POST 0", "POST 0", "PUT 7", "POST 0", "PUT 7"]


@pytest.mark.parametrize("way", ["whole", "stream", "chunks"])
def test_a_real_registry_takes_each_way(
    way: profiles.Way, registry: DockerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, as a stream or in chunks: docker-registry ends up with the same bytes, and mounts them."""
    monkeypatch.setattr(
        profiles, "DEFAULT", replace(profiles.DEFAULT, at_once=MIB if way != "whole" else 64 * MIB, large=way)
    )
    client = Client(Settings())
    name = f"ways/{way}"
    first = Registry(registry.host, name, settings=Settings(), client=client)
    source = Source(DATA)
    first.put_blob(BLOB, source.open)
    second = Registry(registry.host, f"{name}/mounted", settings=Settings(), client=client)
    second.put_blob(BLOB, source.open, mount=name)
    for place in (first, second):
        with place.get_blob(BLOB) as body:
            assert body.read() == DATA
    assert source.opened == 1
    client.close()


def test_a_registry_that_never_resumes_is_not_asked_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile spares the question: the upload begins anew."""
    monkeypatch.setattr(profiles, "DEFAULT", replace(profiles.DEFAULT, at_once=MIB, resumes=False))
    with story(Rule(pattern=PATCH, fault=fake.reset(), takes=8 * MIB)) as told:
        sent(told, Source(DATA))
        assert asked(told) == ["POST 0", f"PATCH {SIZE}", "POST 0", f"PATCH {SIZE}", "PUT 0"]


def test_a_profile_names_the_size_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that is known to want larger ones gets them."""
    changed = replace(profiles.DEFAULT, at_once=MIB, large="chunks", chunk=5 * MIB)
    monkeypatch.setattr(profiles, "DEFAULT", changed)
    with story() as told:
        sent(told, Source(DATA))
        assert asked(told, "PATCH") == [f"PATCH {5 * MIB}", f"PATCH {SIZE - 5 * MIB}"]
