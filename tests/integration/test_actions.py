# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""`pins --actions` against an API on loopback: what is looked up, what is written, and what is refused."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from buildtools.actions import FILE
from buildtools.cli import main
from buildtools.stores import retry
from buildtools.workflow.actions import PINS, action
from tests.fakes.github import FakeGitHub, Repository
from tests.fakes.project import make_project

NEW = "b" * 40
TOKEN = "ghp_0123456789abcdef0123"
CHECKOUT = action("actions/checkout")
Verb = Callable[..., tuple[int, str, str]]


def days_ago(days: float) -> str:
    """A time as the API writes it."""
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """All pinned actions, as they are pinned and nothing newer."""
    with FakeGitHub() as fake:
        for pin in PINS:
            one = pin.action
            fake.repositories["/".join(one.name.split("/")[:2])] = Repository(
                tags={one.version: one.sha}, releases={one.version: days_ago(100)}
            )
        monkeypatch.setenv("GITHUB_API_URL", fake.url)
        yield fake


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project."""
    return make_project(tmp_path)


@pytest.fixture
def pins(root: Path, github: FakeGitHub, capsys: pytest.CaptureFixture[str]) -> Verb:
    """`pins --actions` in it: the exit code and what was printed."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["pins", "--actions", "-C", str(root), "--max-wait", "0", *arguments])
        out, err = capsys.readouterr()
        return code, out, re.sub(r"\Aasking \S+\n", "", err)

    return run


def releases(github: FakeGitHub, days: float, *tags: str, name: str = "actions/checkout") -> None:
    """Newer versions of an action, so many days old."""
    one = github.repositories[name]
    one.tags |= dict.fromkeys(tags, NEW)
    one.releases |= dict.fromkeys(tags, days_ago(days))


def rows(root: Path) -> dict[str, Any]:
    """What the project's file holds, without the days of the look-ups."""
    found: dict[str, Any] = json.loads((root / FILE).read_bytes())
    return {name: {key: row[key] for key in row if key != "seen"} for name, row in found.items()}


def test_a_newer_version_is_written(pins: Verb, root: Path, github: FakeGitHub) -> None:
    """Its tag's commit, in the project's file; a second run finds nothing to do."""
    releases(github, 8, "v7.0.2")
    releases(github, 8, "v8.0.0")
    code, out, err = pins()
    assert (code, err) == (0, f"{FILE} is written: run `nox -s workflows` and commit both\n")
    assert "actions/checkout v7.0.1 v7.0.2 moves v8.0.0 with --major" in " ".join(out.split())
    assert rows(root) == {"actions/checkout": {"uses": "actions/checkout", "version": "v7.0.2", "sha": NEW}}
    before = (root / FILE).read_bytes()
    assert pins("--check")[::2] == (0, "")
    assert (root / FILE).read_bytes() == before


def test_check_writes_nothing(pins: Verb, root: Path, github: FakeGitHub) -> None:
    """It says how many and ends with 3."""
    releases(github, 8, "v7.0.2")
    code, _, err = pins("--check")
    assert code == 3
    assert err == f"error: 1 of {len(PINS)} actions have newer versions: run `nox -s pins -- --actions`\n"
    assert not (root / FILE).exists()


def test_too_young(pins: Verb, root: Path, github: FakeGitHub) -> None:
    """Named, and taken on demand."""
    releases(github, 6, "v7.0.2")
    code, out, _ = pins("--json")
    (found,) = (one for one in json.loads(out)["actions"] if one["young"])
    assert (code, found["name"], found["what"], found["young"]) == (
        0,
        "actions/checkout",
        "newest",
        ["v7.0.2"],
    )
    assert not (root / FILE).exists()
    assert pins("--cooldown", "5")[0] == 0
    assert rows(root)["actions/checkout"]["version"] == "v7.0.2"


def test_a_major_on_demand(pins: Verb, root: Path, github: FakeGitHub) -> None:
    """With --major."""
    releases(github, 8, "v8.0.0")
    assert pins("--major")[0] == 0
    assert rows(root)["actions/checkout"]["version"] == "v8.0.0"


def test_annotated_tags_pages_and_previews(pins: Verb, root: Path, github: FakeGitHub) -> None:
    """The commit behind the tag's object, on the last page; previews are passed over."""
    one = github.repositories["actions/checkout"]
    releases(github, 8, *(f"v7.1.{number}" for number in range(7)))
    one.tags["v7.1.6"], one.annotated = "c" * 40, {"c" * 40: "d" * 40}
    releases(github, 8, "v7.2.0")
    one.previews = frozenset({"v7.2.0"})
    github.page = 2
    assert pins()[0] == 0
    assert rows(root)["actions/checkout"] == {
        "uses": "actions/checkout",
        "version": "v7.1.6",
        "sha": "d" * 40,
    }


@pytest.mark.parametrize("annotated", [True, False])
def test_tags_without_releases(annotated: bool, pins: Verb, root: Path, github: FakeGitHub) -> None:
    """The time is the tag's, or its commit's."""
    one = github.repositories["actions/checkout"]
    one.releases = {}
    one.tags["v7.0.2"] = "c" * 40
    if annotated:
        one.annotated, one.committed = {"c" * 40: NEW}, days_ago(0)
    assert pins()[0] == 0
    assert rows(root)["actions/checkout"]["sha"] == (NEW if annotated else "c" * 40)


def test_rows_of_the_project(pins: Verb, root: Path, github: FakeGitHub) -> None:
    """A mirror is looked up by its own name, a path is left alone, and what the table has goes."""
    login = action("docker/login-action")
    github.repositories["mirror/checkout"] = Repository(
        tags={"v7.0.1": CHECKOUT.sha, "v7.0.2": NEW}, releases={"v7.0.2": days_ago(9)}
    )
    (root / "workflows").mkdir()
    (root / FILE).write_text(
        json.dumps(
            {
                "actions/attest": {"uses": "./.github/actions/attest"},
                "actions/checkout": {"uses": "mirror/checkout", "version": "v7.0.1", "sha": CHECKOUT.sha},
                "docker/login-action": {"uses": login.name, "version": login.version, "sha": login.sha},
            }
        )
    )
    assert pins()[0] == 0
    assert rows(root) == {
        "actions/attest": {"uses": "./.github/actions/attest"},
        "actions/checkout": {"uses": "mirror/checkout", "version": "v7.0.2", "sha": NEW},
    }
    assert not [path for path, _ in github.asked if "/repos/actions/attest" in path]


def moved_tag(github: FakeGitHub) -> None:
    """Somebody has put the tag on another commit."""
    github.repositories["actions/checkout"].tags["v7.0.1"] = NEW


def gone_tag(github: FakeGitHub) -> None:
    """The version was withdrawn."""
    del github.repositories["actions/checkout"].tags["v7.0.1"]


def gone(github: FakeGitHub) -> None:
    """The repository was deleted, or made private."""
    del github.repositories["actions/checkout"]


def renamed(github: FakeGitHub) -> None:
    """The repository has a new name; the old one leads to it."""
    github.repositories["new/checkout"] = github.repositories.pop("actions/checkout")
    github.moved["actions/checkout"] = "new/checkout"


def without_tag(github: FakeGitHub) -> None:
    """A release whose tag cannot be read."""
    github.repositories["actions/checkout"].releases["v7.0.2"] = days_ago(9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (moved_tag, f"the tag v7.0.1 of actions/checkout stands on {NEW}, and is pinned at {CHECKOUT.sha}: find out who moved it before you take either, and name the right one for actions/checkout in {FILE}"),
        (gone_tag, f"actions/checkout has no tag v7.0.1 any more: find out why it was withdrawn, and name another version for actions/checkout in {FILE}"),
        (gone, f"HOST has no actions/checkout, or shows it to nobody without a log-in: set GITHUB_TOKEN to a token that may read it, or name another action for actions/checkout in {FILE}"),
        (renamed, f"actions/checkout is called new/checkout now, and whoever takes the old name is asked from then on: name new/checkout for actions/checkout in {FILE}"),
        (without_tag, "actions/checkout has a release v7.0.2 without its tag: run it again later, or ask its makers"),
    ],
)  # fmt: skip
def test_what_is_not_as_pinned(
    change: Callable[[FakeGitHub], None], sentence: str, pins: Verb, root: Path, github: FakeGitHub
) -> None:
    """A finding, exit code 4, and nothing is written, not even what would be right."""
    change(github)
    releases(github, 9, "v4.2.9", name="actions/attest")
    code, _, err = pins()
    assert code == 4
    assert f"error: {sentence}\n".replace("HOST", github.host) in err
    assert err.endswith(
        f"error: 1 of {len(PINS)} actions are not what they are pinned as; nothing is written\n"
    )
    assert not (root / FILE).exists()


LIMITED = {"x-ratelimit-remaining": "0"}
FUTURE = "4102444800"


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        ((403, {"Retry-After": "120"}, b""), 6, "HOST has been asked too often, which without GITHUB_TOKEN is 60 times an hour: it asks to come back in 120 seconds; run the command again then, or wait for it with --max-wait 120"),
        ((429, {"Retry-After": "120"}, b""), 6, "HOST has been asked too often, which without GITHUB_TOKEN is 60 times an hour: it asks to come back in 120 seconds; run the command again then, or wait for it with --max-wait 120"),
        ((403, LIMITED, b""), 6, "HOST has been asked too often, which without GITHUB_TOKEN is 60 times an hour: it asks to come back in 60 seconds; run the command again then, or wait for it with --max-wait 60"),
        ((403, LIMITED | {"x-ratelimit-reset": FUTURE}, b""), 6, "HOST has been asked too often, which without GITHUB_TOKEN is 60 times an hour: it asks to come back in "),
        ((403, {"x-ratelimit-remaining": "7"}, b""), 5, "HOST refuses /api/v3/repos/actions/checkout: use a token that may read it, or none at all"),
        ((401, {}, b""), 5, "HOST does not take the token of GH_TOKEN or GITHUB_TOKEN: make a new one; reading public repositories needs no rights"),
        ((418, {}, b""), 1, "HOST answered 418 for /api/v3/repos/actions/checkout: check GITHUB_API_URL"),
        ((200, {}, b"<html>"), 1, "HOST answered /api/v3/repos/actions/checkout with what GitHub's API does not say: check GITHUB_API_URL and proxies"),
        ((200, {}, b'{"full_name": 7}'), 1, "HOST answered /api/v3/repos/actions/checkout with what GitHub's API does not say: check GITHUB_API_URL and proxies"),
        ((200, {}, b"\xff"), 1, "HOST answered /api/v3/repos/actions/checkout with what GitHub's API does not say: check GITHUB_API_URL and proxies"),
    ],
)  # fmt: skip
def test_what_the_api_may_answer(
    answer: tuple[int, dict[str, str], bytes], code: int, sentence: str, pins: Verb, github: FakeGitHub
) -> None:
    """A sentence each, and its exit code."""
    github.broken = lambda _: answer
    found, _, err = pins()
    assert (found, "Traceback" in err) == (code, False)
    assert err.startswith(f"error: {sentence}".replace("HOST", github.host))


def test_a_limit_that_ends_is_waited_for(
    pins: Verb, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as --max-wait allows; the table is whole then."""
    slept: list[float] = []
    clock = replace(retry.Clock(), sleep=slept.append, random=lambda: 0.0)
    monkeypatch.setattr("buildtools.sources.github.Clock", lambda: clock)
    first = iter([(429, {"Retry-After": "7"}, b"")])
    github.broken = lambda _: next(first, None)
    assert pins("--max-wait", "10")[0] == 0
    assert slept == [7.0]


def test_the_token_goes_to_the_api_alone(
    pins: Verb, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A redirect to another host goes without it, and nothing prints it."""
    monkeypatch.setenv("GITHUB_TOKEN", "other")
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    with FakeGitHub() as elsewhere:
        elsewhere.repositories = github.repositories
        github.broken = lambda path: (
            (302, {"Location": f"http://{elsewhere.host}{path}"}, b"")
            if path.endswith("/actions/checkout")
            else None
        )
        code, out, err = pins()
        assert (code, TOKEN in out + err) == (0, False)
        assert {headers.get("Authorization") for _, headers in github.asked} == {f"Bearer {TOKEN}"}
        assert [headers.get("Authorization") for _, headers in elsewhere.asked] == [None]


def test_a_proxy_that_is_not_there(pins: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for hosts beyond this machine, and said to be the reason."""
    monkeypatch.setenv("GITHUB_API_URL", "https://github.example.com/api/v3")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    code, _, err = pins()
    assert (code, err) == (
        6,
        "error: github.example.com cannot be reached through the proxy: check HTTPS_PROXY and NO_PROXY, and the proxy's log-in\n",
    )


def test_a_next_page_on_another_host(pins: Verb, github: FakeGitHub) -> None:
    """It is not asked for, since the token would go along."""
    link = {"Link": '<https://evil.example.com/x>; rel="next"'}
    github.broken = lambda path: (200, link, b"[]") if "/releases" in path else None
    code, _, err = pins()
    assert (code, err) == (
        1,
        f"error: {github.host} names its next page on another host: check GITHUB_API_URL\n",
    )


def test_nobody_there(pins: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """After all tries exit code 6."""
    clock = replace(retry.Clock(), sleep=lambda _: None)
    monkeypatch.setattr("buildtools.sources.github.Clock", lambda: clock)
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    code, _, err = pins()
    assert (code, err) == (
        6,
        "error: 127.0.0.1:9 cannot be connected to: check the network; it is safe to run the command again\n",
    )


@pytest.mark.parametrize(
    "text", ["http://api.example.com", "api.example.com", "https://u:p@h", "https://[", "ftp://h"]
)
def test_an_address_that_will_not_do(text: str, pins: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token must not go over plain HTTP."""
    monkeypatch.setenv("GITHUB_API_URL", text)
    code, _, err = pins()
    assert code == 2
    assert (
        err
        == f"error: GITHUB_API_URL is {text!r}, which is no https address: set it to one such as https://api.github.com\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--actions", "app"], "--actions looks up all actions: leave out images, --platform and --update"),
        (["--actions", "--update"], "--actions looks up all actions: leave out images, --platform and --update"),
        (["--major"], "--major and --cooldown are about actions: add --actions"),
        (["--cooldown", "3"], "--major and --cooldown are about actions: add --actions"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(
    arguments: list[str], sentence: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anybody is asked."""
    assert main(["pins", "-C", str(root), *arguments]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_days_that_are_none(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole number."""
    with pytest.raises(SystemExit, match="2"):
        main(["pins", "--actions", "-C", str(root), "--cooldown", "-1"])
    assert "'-1' is not a number of days from 0 to 9999" in capsys.readouterr().err
