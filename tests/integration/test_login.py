"""`buildtools login`: what would be used, and what the registry makes of it; nothing is stored."""

import base64
import json
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.registry import FakeRegistry, Login

PASSWORD = "hunter2-of-the-bot"
LOGIN = Login(users={"bot": PASSWORD}, anonymous=False)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's config.json, the only place that is looked at; empty."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config.json"


def stored(config: Path, host: str, password: str = PASSWORD) -> None:
    """Let Docker have logged in."""
    packed = base64.b64encode(f"bot:{password}".encode()).decode()
    config.write_text(json.dumps({"auths": {host: {"auth": packed}}}))


def answered(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict[str, object]]:
    """The exit code of `login --json`, and its document; no secret is in what it prints."""
    code = main(["login", "--json", *argv])
    captured = capsys.readouterr()
    assert PASSWORD not in captured.out + captured.err
    return code, json.loads(captured.out)


def test_a_registry_that_lets_in_says_so(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Docker's credentials are found, and the registry takes them, for pulling and for pushing."""
    with FakeRegistry(login=LOGIN) as server:
        stored(config, server.host)
        code, document = answered(capsys, f"{server.host}/team/app")
        assert code == 0
        assert document == {
            "schema": 1,
            "registry": server.host,
            "repository": "team/app",
            "username": "bot",
            "source": str(config),
            "places": [
                {"place": str(config), "found": True},
                {"place": str(config.parent / "home/.config/containers/auth.json"), "found": False},
            ],
            "pull": True,
            "push": True,
            "failure": "",
        }
        assert server.repositories.get("team/app") is None or not server.repository("team/app").blobs


def test_only_the_registry_is_asked_where_no_repository_is_named(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No upload is begun."""
    with FakeRegistry(login=LOGIN) as server:
        stored(config, server.host)
        code, document = answered(capsys, server.host)
        assert (code, document["pull"], document["push"]) == (0, None, None)
        assert {seen.target.partition("?")[0] for seen in server.seen} == {"/v2/", "/token"}


def test_a_wrong_password_is_an_authentication_error(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5, after one try with it: more may lock the account."""
    with FakeRegistry(login=LOGIN) as server:
        stored(config, server.host, "wrong")
        code, document = answered(capsys, server.host)
        assert code == 5
        assert document["failure"] == (
            f"The token service of {server.host} refused the credentials from {config} (status 401): "
            f"run `docker login {server.host}`, and check that the account may use that repository"
        )
        assert sum(seen.target.startswith("/token") for seen in server.seen) == 1


def test_a_registry_that_takes_the_password_itself(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is named alone where no repository is."""
    login = Login(users={"bot": PASSWORD}, anonymous=False, schemes=("basic",))
    with FakeRegistry(login=login) as server:
        stored(config, server.host, "wrong")
        for place, named in ((server.host, ""), (f"{server.host}/team/app", "")):
            code, document = answered(capsys, place)
            assert (code, str(document["failure"]).partition(":")[0]) == (5, server.host.partition(":")[0])
            assert f"{server.host} refuses the log-in{named} (" in str(document["failure"])


def test_nothing_found_is_anonymous(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table says where was looked, and as whom the registry was asked."""
    with FakeRegistry() as server:
        assert main(["login", server.host]) == 0
        shown = capsys.readouterr().out
        assert "nobody: anonymous" in shown
        assert f"nothing for {server.host}" in shown


def test_a_registry_that_is_not_there_does_not_hide_what_would_be_used(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The places are listed, and the exit code is that of the network."""
    stored(config, "registry.invalid")
    code, document = answered(capsys, "registry.invalid")
    assert (code, document["source"]) == (6, str(config))
    assert document["failure"] == (
        "registry.invalid is a host name that nobody knows: check its spelling and the network"
    )


def test_github_lends_its_token_to_its_own_registry(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a workflow, for ghcr.io, behind a log-in that was made there."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_TOKEN", PASSWORD)
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    _, document = answered(capsys, "ghcr.io")
    assert (document["username"], document["source"]) == ("octocat", "GITHUB_TOKEN")
    _, document = answered(capsys, "ghcr.io.example.invalid")
    assert document["source"] == ""
    stored(config, "ghcr.io")
    _, document = answered(capsys, "ghcr.io")
    assert (document["username"], document["source"]) == ("bot", str(config))


@pytest.mark.parametrize("text", ["a b", "Ghcr.io/UPPER", "registry.example:port"])
def test_what_is_no_registry_is_a_usage_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before anything is asked."""
    assert main(["login", text]) == 2
    assert "name a registry, as in ghcr.io, or a repository in one" in capsys.readouterr().err
