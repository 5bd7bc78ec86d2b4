# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Tags that are moved and tags that stay: versions, older images, and somebody else in between."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import registry as fake
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.git import git
from tests.fakes.publishing import NEW, OLD, change, index_of, tags_of, to
from tests.fakes.registry import FakeRegistry, Rule
from tests.integration.test_publish import publish


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry that notes what it is asked."""
    with FakeRegistry() as server:
        yield server


def test_a_version_is_published_once(
    committed: Path, registry: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same content is success; another one is refused, and no other tag is moved to it."""
    place = f"{registry.host}/acme-{free_port()}"
    stated = ["host", "--to", place, "--image-version", "1.4.2"]
    first = publish(capsys, *stated)["published"][0]["digest"]
    assert set(tags_of(publish(capsys, *stated)).values()) == {"unchanged"}
    change(committed)
    git(committed, "commit", "-qam", "two")
    document = publish(capsys, *stated, code=1)
    assert tags_of(document, "not_published") == {
        "1.4.2": "refused",
        "1.4": "left",
        "1": "left",
        "latest": "left",
    }
    second = document["not_published"][0]["digest"]
    assert document["failures"] == [
        (
            f"{place}/host:1.4.2 is published already with another content: it stands on {first}, this build is "
            f"{second}: publish under another version, or let --move-tags replace what is there"
        )
    ]
    assert document["not_published"][0]["sent"] == 0
    assert set(tags_of(publish(capsys, *stated, "--move-tags")).values()) == {"set"}


def test_an_older_image_moves_no_tag_back(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless that is asked for; both times are named."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(NEW))
    publish(capsys, *to(server))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(OLD))
    document = publish(capsys, *to(server, "--tag", "latest", "--tag", "other"), code=9)
    assert tags_of(document) == {"latest": "refused", "other": "set"}
    assert document["failures"] == [
        (
            f"{server.host}/acme/host:latest stands on an index of 2026-03-01T00:00:00Z, and this one is older, "
            "of 2026-01-01T00:00:00Z: publish what is newer, or go back with --allow-older"
        )
    ]
    assert tags_of(publish(capsys, *to(server, "--allow-older"))) == {"latest": "set"}


def test_older_pins_move_no_tag_back(
    project: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """They leave the image's time as it is, and its Windows versions tell."""
    publish(capsys, "hello", "--to", f"{server.host}/acme")
    store = server.repository("acme/hello")
    media_type, raw = store.manifests[store.tags["latest"]]
    store.put_manifest(raw.replace(b"10.0.20348.4529", b"10.0.20348.9999"), media_type, tag="latest")
    document = publish(capsys, "hello", "--to", f"{server.host}/acme", code=1)
    assert document["failures"] == [
        (
            f"{server.host}/acme/hello:latest stands on an index with base 10.0.20348.9999, and this one is older, "
            "with 10.0.20348.4529: publish what is newer, or go back with --allow-older"
        )
    ]


def test_a_newer_run_finishes_first(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look and the tag somebody else has set it: it is looked at again."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(NEW))
    publish(capsys, *to(server, "--tag", "newer"))
    newer = index_of(small)
    store = server.repository("acme/host")

    def overtake(response: Any) -> Any:
        store.tags["latest"] = newer
        return response

    server.rules.append(Rule(pattern="^PUT /v2/acme/host/manifests/sha256", fault=overtake, skip=1))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(OLD))
    document = publish(capsys, *to(server, "--tag", "latest"), code=1)
    assert tags_of(document, "not_published") == {"latest": "refused"}
    assert "stands on an index of 2026-03-01T00:00:00Z" in document["failures"][0]
    assert store.tags["latest"] == newer


def test_indexes_without_a_time_are_replaced(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of other tools and of earlier versions, single images, and what is no image at all."""
    publish(capsys, *to(server, "--tag", "x"))
    store = server.repository("acme/host")
    entry = json.loads(store.get_manifest("x")[1])["manifests"][0]
    for number, annotations in enumerate(({}, {"org.opencontainers.image.created": "yesterday"})):
        document = {"schemaVersion": 2, "manifests": [entry], "annotations": annotations}
        store.put_manifest(
            json.dumps(document).encode(), "application/vnd.oci.image.index.v1+json", tag=f"t{number}"
        )
    store.tags["image"] = entry["digest"]
    named = [word for tag in ("t0", "t1", "image") for word in ("--tag", tag)]
    assert set(tags_of(publish(capsys, *to(server, *named))).values()) == {"set"}


def test_a_tag_stands_on_what_was_expected(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing for a new one, else a digest; both are named where it is another."""
    assert tags_of(publish(capsys, *to(server, "--expect-current", "none"))) == {"latest": "set"}
    first = index_of(small)
    change(small)
    document = publish(capsys, *to(server, "--expect-current", "none"), code=1)
    assert document["failures"] == [
        (
            f"{server.host}/acme/host:latest stands on {first}, and nothing was expected: "
            "somebody else has published: look at what is there, then expect that"
        )
    ]
    other = f"sha256:{'0' * 64}"
    document = publish(capsys, *to(server, "--expect-current", f"latest={other}"), code=1)
    assert f"latest stands on {first}, and {other} was expected" in document["failures"][0]
    assert tags_of(publish(capsys, *to(server, "--expect-current", first))) == {"latest": "set"}
    document = publish(capsys, *to(server, "--tag", "new", "--expect-current", first), code=1)
    assert f"new stands on nothing, and {first} was expected" in document["failures"][0]


def test_somebody_publishes_in_between(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """All parts are there, and the tag is left to whoever was first."""
    publish(capsys, *to(server, "--tag", "x"))
    theirs = index_of(small)
    change(small)
    store = server.repository("acme/host")

    def overtake(response: Any) -> Any:
        store.tags["latest"] = theirs
        return response

    server.rules.append(Rule(pattern="^PUT /v2/acme/host/manifests/sha256", fault=overtake, skip=1))
    document = publish(capsys, *to(server, "--expect-current", "none"), code=1)
    assert f"latest stands on {theirs}, and nothing was expected" in document["failures"][0]
    assert store.tags["latest"] == theirs
    assert index_of(small) in store.manifests


def test_a_registry_that_keeps_tags(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the tag and what it stands on."""
    publish(capsys, *to(server))
    first = index_of(small)
    change(small)
    refusal = fake.errors(
        400, "TAG_INVALID", "the image tag 'latest' cannot be overwritten because the tag is immutable"
    )
    server.rules.append(Rule(pattern="^PUT .*/latest", fault=refusal, before=True))
    document = publish(capsys, *to(server), code=1)
    assert document["failures"] == [
        (
            f"{server.host}/acme/host:latest stands on {first} and the registry does not let it be moved: "
            f"{server.host} answered 400 for manifest {server.host}/acme/host:latest (TAG_INVALID: the image tag "
            "'latest' cannot be overwritten because the tag is immutable): where tags are immutable, publish under "
            "another one"
        )
    ]
