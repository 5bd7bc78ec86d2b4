# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Tags that publishing sets and those that it leaves alone, held against registries and a real git."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.oci.digest import Digest
from buildtools.stores.layout import Layout
from tests.fakes import registry as fake
from tests.fakes.bases import BUILDS, put_base, put_base_index, windows
from tests.fakes.clock import FakeClock
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.project import make_project
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule
from tests.integration.test_publish import publish

OLD, NEW = 1_767_225_600, 1_772_323_200


def git(folder: Path, *arguments: str) -> str:
    """What git says, with nobody's configuration but ours."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.strip()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose images need no registry."""
    root = make_project(tmp_path / "small")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(OLD))
    return root


@pytest.fixture
def committed(small: Path) -> Path:
    """The same, committed on `main`."""
    git(small, "init", "-q", "-b", "main")
    (small / ".gitignore").write_text("dist/\n")
    git(small, "add", ".")
    git(small, "commit", "-q", "-m", "all")
    return small


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry that notes what it is asked."""
    with FakeRegistry() as server:
        yield server


def tags_of(document: Any, key: str = "published") -> dict[str, str]:
    """What became of each tag of the one image."""
    (one,) = document[key]
    return {tag["tag"]: tag["what"] for tag in one["tags"]}


def change(root: Path, text: str = "two") -> None:
    """Another content of the image `host`."""
    (root / "images/host/host.cmd").write_text(f"@echo {text}\n")


def index_of(root: Path) -> Digest:
    """The digest of the index of `host` in its layout."""
    (entry,) = Layout(root / "dist/oci/host").entries()
    return entry.digest


def to(server: FakeRegistry, *arguments: str) -> list[str]:
    """The arguments that publish `host` there."""
    return ["host", "--to", f"{server.host}/acme", *arguments]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("v1.4.2", ["1.4.2", "1.4", "1", "latest"]),
        ("0.4.2", ["0.4.2", "0.4", "latest"]),
        ("v1.4.2-rc.1+7", ["1.4.2-rc.1_7"]),
        ("nightly", ["sha-{sha}", "main"]),
    ],
)
def test_tags_of_a_commit(
    tag: str, expected: list[str], committed: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its version where a git tag has one, immutable ones first."""
    git(committed, "tag", tag)
    found = tags_of(publish(capsys, *to(server)))
    sha = git(committed, "rev-parse", "HEAD")[:7]
    assert list(found) == [name.format(sha=sha) for name in expected]
    assert list(server.repository("acme/host").tags) == list(found)


def test_tags_of_a_github_run(
    committed: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request has its number and no branch; a run for a tag has that tag's version."""
    sha = git(committed, "rev-parse", "HEAD")
    git(committed, "tag", "v9.9.9")
    run = {"GITHUB_ACTIONS": "true", "GITHUB_SHA": sha, "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0.0"}
    for name, value in run.items():
        monkeypatch.setenv(name, value)
    assert list(tags_of(publish(capsys, *to(server)))) == ["1.0.0", "1.0", "1", "latest"]
    git(committed, "tag", "-d", "v9.9.9")
    pull = {"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "7/merge", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_HEAD_REF": "main"}  # fmt: skip
    for name, value in pull.items():
        monkeypatch.setenv(name, value)
    assert list(tags_of(publish(capsys, *to(server)))) == [f"sha-{sha[:7]}", "pr-7"]
    monkeypatch.setenv("GITHUB_SHA", "0" * 40)
    assert list(tags_of(publish(capsys, *to(server)))) == [f"sha-{sha[:7]}", "main"]


def test_tags_of_the_definitions(
    small: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The image's win over those of all, the command line's over both."""
    with (small / "images/defaults.yaml").open("a") as file:
        file.write("tags: ['{version}', edge]\n")
    assert list(tags_of(publish(capsys, *to(server)))) == ["edge"]
    assert list(tags_of(publish(capsys, *to(server, "--image-version", "v2.0.0-rc.1")))) == [
        "2.0.0-rc.1",
        "edge",
    ]
    with (small / "images/host/image.yaml").open("a") as file:
        file.write("tags: ['node-{version}']\n")
    assert list(tags_of(publish(capsys, *to(server, "--image-version", "2.0.0")))) == ["node-2.0.0"]
    assert list(tags_of(publish(capsys, *to(server, "--tag", "x", "--tag", "x")))) == ["x"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tag", "{versoin}"], "--tag {versoin}: unknown placeholder {versoin}: did you mean {version}?"),
        (["--tag", "a b"], "--tag a b: \"a b\" gives no tag: write letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"),
        (["--tag", "{pr}"], 'no tag comes out of "{pr}", without {pr}: there is no fact at all: no commit, no version, no CI run; name a tag with --tag'),
        (["--image-version", "1.2"], "'1.2' is no semantic version: write three numbers, as in 1.4.2 or 1.4.2-rc.1"),
        (["--expect-current", "none", "--expect-current", "x=none"], "--expect-current x=none is about a tag that is not set: the tags are latest"),
        (["--expect-current", "sha256:12"], "--expect-current sha256:12: digest 'sha256:12' needs 64 hexadecimal digits, it has 2 characters: write sha256:..., or none for a tag that is new"),
        (["--expect-current", f"sha256:{'0' * 64}"], "--expect-current names one index, and 2 images would be published: name one image, such as host"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(
    arguments: list[str], sentence: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is built."""
    images = ["host", "made"] if "2 images" in sentence else ["host"]
    assert main(["publish", "-q", *images, "--to", "127.0.0.1:9/acme", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not (small / "dist").exists()


def test_no_tag_is_left_for_an_image(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the place of its tags."""
    with (small / "images/host/image.yaml").open("a") as file:
        file.write("tags: ['{version}']\n")
    assert main(["publish", "-q", "host"]) == 2
    assert capsys.readouterr().err == (
        'images/host/image.yaml:10:1: error: no tag comes out of "{version}", without {version}: '
        "there is no fact at all: no commit, no version, no CI run; name a tag with --tag\n"
    )


def test_a_git_that_refuses_is_not_taken_for_none(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`latest` would be a guess."""
    (small / ".git").write_text("nonsense\n")
    assert main(["publish", "-q", "host"]) == 2
    assert capsys.readouterr().err == (
        f"error: git refuses (fatal: invalid gitfile format: {small}/.git), so there is no commit that tags "
        "could be made of: name the tags with --tag\n"
    )


def test_what_is_not_committed_has_no_commits_tags(
    committed: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither version nor commit; a tag that is typed stands for what it is."""
    (committed / "notes").write_text("not of an image")
    publish(capsys, *to(server, "--image-version", "1.0.0"))
    change(committed)
    assert (
        main(["publish", "-q", *to(server, "--image-version", "1.0.1", "--tag", "{version}", "--tag", "x")])
        == 1
    )
    assert capsys.readouterr().err == (
        "error: 1.0.1 would name a commit that images/host/host.cmd is not part of: "
        "commit what is changed, or publish it as it is with --allow-dirty\n"
    )
    assert tags_of(publish(capsys, *to(server, "--tag", "try"))) == {"try": "set"}
    found = publish(capsys, *to(server, "--image-version", "1.0.1", "--tag", "{version}", "--allow-dirty"))
    assert tags_of(found) == {"1.0.1": "set"}


def test_pins_that_were_just_made_are_not_committed(
    project: Path, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The image is made of them, and the commit does not have them."""
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "all")
    assert main(["publish", "-q", "hello", "--to", f"{server.host}/acme"]) == 1
    assert "would name a commit that images/pins.json is not part of" in capsys.readouterr().err
    assert not server.seen


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
    gone = Rule(pattern="^HEAD .*/manifests/sha256", fault=fake.status(404), skip=2, times=1)
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
