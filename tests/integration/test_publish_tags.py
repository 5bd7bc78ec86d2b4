"""Several tags, one after the other: which are set when one fails, what it costs, and dry runs."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.stores.layout import Layout
from tests.fakes import registry as fake
from tests.fakes.bases import BUILDS, put_base, put_base_index, windows
from tests.fakes.clock import FakeClock
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.project import make_project
from tests.fakes.publishing import change, index_of, tags_of, to
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule
from tests.integration.test_publish import publish


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry that notes what it is asked."""
    with FakeRegistry() as server:
        yield server


@pytest.mark.parametrize(
    ("tags", "broken", "expected", "code"),
    [
        (["a", "b", "c"], "b", {"a": "set", "b": "failed", "c": "set"}, 9),
        (["a", "1.0.0"], "1.0.0", {"1.0.0": "failed", "a": "left"}, 1),
        (["a", "1.0.0", "2.0.0"], "1.0.0", {"1.0.0": "failed", "2.0.0": "set", "a": "left"}, 9),
    ],
)
def test_one_tag_cannot_be_set(
    tags: list[str],
    broken: str,
    expected: dict[str, str],
    code: int,
    small: Path,
    server: FakeRegistry,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Others are set and reported; a floating one does not go where a version is missing."""
    server.rules.append(Rule(pattern=f"^PUT .*/manifests/{broken}$", fault=fake.status(400), before=True))
    document = publish(capsys, *to(server, *(word for tag in tags for word in ("--tag", tag))), code=code)
    assert tags_of(document, "published" if code == 9 else "not_published") == expected
    assert len(document["failures"]) == 1
    assert set(server.repository("acme/host").tags) == {tag for tag in tags if expected[tag] == "set"}


def test_a_registry_goes_away_between_tags(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tags behind it are not tried as well, and the same run again sets them."""
    monkeypatch.setattr("buildtools.stores.client.Clock", lambda: FakeClock().clock)
    server.rules.append(Rule(pattern="^PUT .*/manifests/b$", fault=fake.status(503), times=6, before=True))
    arguments = to(server, "--tag", "a", "--tag", "b", "--tag", "c")
    document = publish(capsys, *arguments, code=9)
    assert tags_of(document) == {"a": "set", "b": "failed", "c": "failed"}
    assert tags_of(publish(capsys, *arguments)) == {"a": "unchanged", "b": "set", "c": "set"}


def test_the_index_is_collected_in_between(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is asked for once more before the first tag."""
    gone = Rule(pattern="^HEAD .*/manifests/sha256", fault=fake.status(404), skip=1, times=1)
    server.rules.append(gone)
    document = publish(capsys, *to(server, "--no-verify"), code=1)
    assert document["failures"] == [
        (
            f"the index {index_of(small)} is gone from {server.host}/acme/host right after it was written: "
            "its garbage collection may be running: run the command again"
        )
    ]
    assert not server.repository("acme/host").tags
    assert tags_of(publish(capsys, *to(server))) == {"latest": "set"}


def test_parts_are_asked_for_once_however_many_tags(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """A further tag costs a look, a second one, the tag, and reading it back."""
    publish(capsys, *to(server, "--tag", "a"))
    one = len(server.seen)
    server.seen.clear()
    publish(capsys, "host", "--to", f"{server.host}/other", "--tag", "a", "--tag", "b", "--tag", "c")
    # The first run also looked whether its layer is published already.
    assert len(server.seen) == one - 1 + 2 * 4
    server.seen.clear()
    publish(capsys, *to(server, "--no-verify", "--tag", "a", "--tag", "d"))
    index = f"/v2/acme/host/manifests/{index_of(small)}"
    tag = "/v2/acme/host/manifests/d"
    assert server.lines() == [
        "HEAD /v2/acme/host/manifests/a",
        f"HEAD {tag}", f"HEAD {index}", f"HEAD {index}", f"HEAD {tag}", f"PUT {tag}", f"HEAD {tag}",
    ]  # fmt: skip


def lines(requests: Sequence[Any]) -> list[str]:
    """Requests of a dry run, with their bodies, as the fake registry's `real` has them."""
    return [f"{one['method']} {one['target']} {one['size']}" for one in requests]


def real(server: FakeRegistry) -> list[str]:
    """Requests as they came, with what the registry calls an upload put out of them."""
    found = [(seen.method, seen.target, seen.size) for seen in server.seen]
    return [
        f"{method} {re.sub(r'uploads/[0-9a-f]{32}[?]_state=0&', 'uploads/SESSION?', target)} {size}"
        for method, target, size in found
    ]


@pytest.mark.parametrize("images", [["host"], ["hello"], ["host", "hello"]])
def test_a_dry_run_says_what_the_real_one_does(
    images: list[str], project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line, with the bytes of each body; mounts, too; and nothing is written."""
    monkeypatch.setattr("buildtools.verbs.publish.THREADS", 1)
    with FakeRegistry() as server, FakeRegistry() as other:
        for tag, version in BUILDS.items():
            entry = put_base(server, "mcr/windows/nanoserver", windows(version))
            put_base_index(server, "mcr/windows/nanoserver", tag, [entry])
        monkeypatch.setenv("BUILDTOOLS_MIRRORS", f"mcr.microsoft.com={server.host}/mcr")
        arguments = [
            *images,
            "--to",
            f"{server.host}/acme",
            "--to",
            f"{other.host}/acme",
            "--image-version",
            "1.0.0",
        ]
        assert main(["build", "-q", *images]) == 0
        server.seen.clear()
        dry = publish(capsys, *arguments, "--dry-run")
        assert not [seen for seen in (*server.seen, *other.seen) if seen.method not in {"GET", "HEAD"}]
        assert set(server.repositories) == {"mcr/windows/nanoserver"}
        server.seen.clear()
        other.seen.clear()
        done = publish(capsys, *arguments, "--no-verify")
        # The base is read where it is, which is not a target.
        expected = [line for line in real(server) if "/v2/mcr/" not in line]
        found = {
            host: [one for one in dry["requests"] if one["registry"] == host]
            for host in (server.host, other.host)
        }
        assert lines(found[server.host]) == expected
        assert lines(found[other.host]) == real(other)
        assert dry["published"] == done["published"]
        assert dry["total"] == {
            "requests": len(dry["requests"]),
            "writes": sum(seen.method in {"POST", "PUT"} for seen in (*server.seen, *other.seen)),
            "size": sum(seen.size for seen in (*server.seen, *other.seen)),
        }
        assert any("?mount=" in line for line in expected) == ("hello" in images)
        again = publish(capsys, *arguments, "--dry-run")
        assert again["total"]["writes"] == 0


def test_a_dry_run_of_a_real_registry(
    small: Path, registry: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """It builds, tells and sends nothing; refusals are the real run's."""
    place = f"{registry.host}/acme-{free_port()}"
    assert main(["publish", "host", "--to", place, "--dry-run"]) == 0
    told = capsys.readouterr()
    assert re.search(
        r"^Nothing was sent: \d+ of \d+ requests would write \d\.\d kB\.$", told.err, re.MULTILINE
    )
    assert f"PUT /v2/{place.partition('/')[2]}/host/manifests/latest" in told.out
    assert "would be set" in told.out
    assert index_of(small)
    stated = ["host", "--to", place, "--image-version", "1.0.0"]
    publish(capsys, *stated)
    change(small)
    dry = publish(capsys, *stated, "--dry-run", code=1)
    assert dry["failures"] == publish(capsys, *stated, code=1)["failures"]
    assert dry["total"]["writes"] == 0


def test_an_index_says_when_it_was_made(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes on every machine, and nothing is wrong with them."""
    assert main(["build", "host", "-q"]) == 0
    layout = Layout(small / "dist/oci/host")
    raw = layout.get_manifest(index_of(small))[1]
    assert json.loads(raw)["annotations"] == {"org.opencontainers.image.created": "2026-01-01T00:00:00Z"}
    other = make_project(tmp_path / "other")
    monkeypatch.chdir(other)
    assert main(["build", "host", "-q"]) == 0
    assert Layout(other / "dist/oci/host").get_manifest(index_of(small))[1] == raw
    capsys.readouterr()
    assert main(["check", "--json", "oci:dist/oci/host"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["findings"]
    assert (note["code"], note["severity"]) == ("os-version-missing", "note")
    assert main(["inspect", "--json", "oci:dist/oci/host"]) == 0


def test_a_place_that_is_down_is_said_of_every_tag(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One cause, whatever was to be set there."""
    denied = Rule(pattern="POST", fault=fake.status(403), times=ALWAYS)
    with FakeRegistry(rules=[denied]) as server:
        document = publish(capsys, *to(server, "--tag", "a", "--tag", "1.0.0"), code=5)
    assert tags_of(document, "not_published") == {"1.0.0": "failed", "a": "failed"}
    assert len(document["failures"]) == 1
