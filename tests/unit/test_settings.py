"""Settings: every variable read, every mistake named."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from buildtools.errors import ConfigurationError
from buildtools.settings import VARIABLES, Settings


class Recorder(Mapping[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_empty_environment_gives_the_defaults() -> None:
    """Nothing set is nothing special."""
    assert Settings.from_env({}) == Settings()


def test_every_variable_read_is_documented() -> None:
    """The table that the docs are made of lists all that is read, once."""
    environ = Recorder()
    Settings.from_env(environ)
    names = [variable.name for variable in VARIABLES]
    of_the_http_library = {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}
    of_the_docker_library = {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}
    assert environ.asked == set(names) - of_the_http_library - of_the_docker_library
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[A-Z].*\.", variable.meaning) for variable in VARIABLES)


def test_full_environment() -> None:
    """Each variable lands in its field."""
    found = Settings.from_env(
        {
            "BUILDTOOLS_MIRRORS": "mcr.microsoft.com=127.0.0.1:5000/mcr, docker.io = hub.example.com,",
            "BUILDTOOLS_PLAIN_HTTP": "a.example.com:5000,b.example.com",
            "BUILDTOOLS_REGISTRY_HOST": "ghcr.io",
            "BUILDTOOLS_REGISTRY_USERNAME": "bot",
            "BUILDTOOLS_REGISTRY_PASSWORD": "hunter2",
            "BUILDTOOLS_MAX_WAIT": "900",
            "BUILDTOOLS_JOBS": "4",
            "SOURCE_DATE_EPOCH": "1767225600",
            "NO_COLOR": "1",
            "FORCE_COLOR": "1",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_TOKEN": "ghs_1",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_API_URL": "https://github.example.com/api/v3/",
            "GH_TOKEN": "ghp_2",
            "GITHUB_REF_TYPE": "tag",
            "GITHUB_REF_NAME": "v1.4.2",
            "GITHUB_REF": "refs/tags/v1.4.2",
            "GITHUB_HEAD_REF": "topic",
            "GITHUB_SHA": "0123",
            "GITHUB_STEP_SUMMARY": "/run/summary.md",
            "GITHUB_OUTPUT": "/run/output",
            "GITHUB_ENV": "/run/env",
            "DOCKER_CONFIG": "/etc/docker-config",
            "REGISTRY_AUTH_FILE": "/etc/auth.json",
            "XDG_RUNTIME_DIR": "/run/user/1000",
            "XDG_CONFIG_HOME": "/config",
            "SSL_CERT_FILE": "/etc/ssl/ca.crt",
        }
    )
    assert found == Settings(
        mirrors={"mcr.microsoft.com": "127.0.0.1:5000/mcr", "docker.io": "hub.example.com"},
        plain_http=("a.example.com:5000", "b.example.com"),
        registry_host="ghcr.io",
        registry_username="bot",
        registry_password="hunter2",
        max_wait=900.0,
        jobs=4,
        source_date_epoch=1767225600,
        no_color=True,
        force_color=True,
        ci=True,
        github_actions=True,
        github_actor="octocat",
        github_token="ghs_1",
        github_api_url="https://github.example.com/api/v3",
        github_api_token="ghp_2",
        github_ref_type="tag",
        github_ref_name="v1.4.2",
        github_ref="refs/tags/v1.4.2",
        github_head_ref="topic",
        github_sha="0123",
        github_step_summary=Path("/run/summary.md"),
        github_output=Path("/run/output"),
        github_env=Path("/run/env"),
        auth_files=(
            Path("/etc/docker-config/config.json"),
            Path("/etc/auth.json"),
            Path("/run/user/1000/containers/auth.json"),
            Path("/config/containers/auth.json"),
        ),
        ca_bundle=Path("/etc/ssl/ca.crt"),
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/users/me"}, ("/users/me/.docker/config.json", "/users/me/.config/containers/auth.json")),
        ({"USERPROFILE": "/u/me"}, ("/u/me/.docker/config.json", "/u/me/.config/containers/auth.json")),
        ({"HOME": "/a", "USERPROFILE": "/b"}, ("/a/.docker/config.json", "/a/.config/containers/auth.json")),
    ],
)
def test_credential_files_lie_in_the_home_folder(
    environ: Mapping[str, str], expected: tuple[str, ...]
) -> None:
    """Without DOCKER_CONFIG and its like, the home folder says where credentials lie."""
    assert Settings.from_env(environ).auth_files == tuple(Path(file) for file in expected)


def test_requests_ca_bundle_wins() -> None:
    """Of the two names for a CA file the more special one counts."""
    environ = {"SSL_CERT_FILE": "/a.crt", "REQUESTS_CA_BUNDLE": "/b.crt"}
    assert Settings.from_env(environ).ca_bundle == Path("/b.crt")


@pytest.mark.parametrize(
    "text", ["http://a.example", "a.example", "https://u:p@a", "https://[", "https://a:x"]
)
def test_an_api_that_a_token_must_not_go_to(text: str) -> None:
    """Plain HTTP beyond this machine, and what is no address."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"GITHUB_API_URL": text})
    assert str(caught.value) == (
        f"GITHUB_API_URL is {text!r}, which is no https address: set it to one such as https://api.github.com"
    )


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("1", True), ("0", False), ("False", False)])
def test_flags(text: str, expected: bool) -> None:
    """CI=false is no CI."""
    assert Settings.from_env({"CI": text}).ci is expected


@pytest.mark.parametrize(
    "text", ["1.5", "-1", "+1", " 1", "1 ", "1_000", "0x10", "１２", "253402300800", "²"]
)
def test_source_date_epoch_is_strict(text: str) -> None:
    """Only plain digits up to the year 9999 are a time."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"SOURCE_DATE_EPOCH": text})
    assert str(caught.value) == (
        f"SOURCE_DATE_EPOCH is {text!r}, which is not a whole number of seconds since 1970: "
        "set it to what `git log -1 --format=%ct` prints"
    )


@pytest.mark.parametrize("text", ["-1", "1.5", "86401", "soon"])
def test_a_wait_is_a_number_of_seconds(text: str) -> None:
    """At most a day, and no fractions."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"BUILDTOOLS_MAX_WAIT": text})
    assert str(caught.value) == (
        f"BUILDTOOLS_MAX_WAIT is {text!r}, which is not a number of seconds from 0 to 86400: "
        "set it to a number such as 900"
    )


@pytest.mark.parametrize("text", ["0", "1.5", "86401", "soon"])
def test_a_silence_is_a_number_of_seconds(text: str) -> None:
    """At least one, since an engine always needs some time."""
    assert Settings.from_env({"BUILDTOOLS_ENGINE_SILENCE": "90"}).engine_silence == 90.0
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"BUILDTOOLS_ENGINE_SILENCE": text})
    assert str(caught.value) == (
        f"BUILDTOOLS_ENGINE_SILENCE is {text!r}, which is not a number of seconds from 1 to 86400: "
        "set it to a number such as 3600"
    )


def test_the_token_of_github_counts_only_there() -> None:
    """A token of that name in somebody's shell is for something else."""
    assert Settings.from_env({"GITHUB_TOKEN": "ghs_1"}).github_token == ""
    assert Settings.from_env({"GITHUB_TOKEN": "ghs_1", "GITHUB_ACTIONS": "true"}).github_token == "ghs_1"


@pytest.mark.parametrize(("text", "expected"), [("", None), ("0", 0), ("253402300799", 253402300799)])
def test_source_date_epoch_limits(text: str, expected: int | None) -> None:
    """Nothing, the first and the last second that can be written."""
    assert Settings.from_env({"SOURCE_DATE_EPOCH": text}).source_date_epoch == expected


def test_all_mistakes_are_told_at_once() -> None:
    """One run names every variable that is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(
            {
                "BUILDTOOLS_MIRRORS": "docker.io",
                "BUILDTOOLS_JOBS": "many",
                "BUILDTOOLS_REGISTRY_USERNAME": "bot",
            }
        )
    assert str(caught.value).splitlines() == [
        (
            "BUILDTOOLS_MIRRORS is 'docker.io', and 'docker.io' in it is no pair: "
            "write pairs such as docker.io=hub.example.com"
        ),
        "BUILDTOOLS_JOBS is 'many', which is not a number from 1 to 1024: set it to a number such as 4",
        (
            "BUILDTOOLS_REGISTRY_USERNAME cannot be used without BUILDTOOLS_REGISTRY_HOST and "
            "BUILDTOOLS_REGISTRY_PASSWORD: set all three or none"
        ),
    ]


def test_the_password_is_not_in_the_repr() -> None:
    """A settings value may be printed."""
    assert "hunter2" not in repr(Settings(registry_password="hunter2"))


def test_the_environment_wins_over_the_project() -> None:
    """Mirrors of the project count where the environment names none."""
    found = Settings(mirrors={"docker.io": "env.example.com"}, plain_http=("a",)).with_project(
        mirrors={"docker.io": "project.example.com", "quay.io": "q.example.com"}, plain_http=("b", "a")
    )
    assert found.mirrors == {"docker.io": "env.example.com", "quay.io": "q.example.com"}
    assert found.plain_http == ("a", "b")


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/users/me"}, "/users/me/.cache/buildtools"),
        ({"USERPROFILE": "/users/me"}, "/users/me/.cache/buildtools"),
        ({"HOME": "/users/me", "XDG_CACHE_HOME": "/var/cache/me"}, "/var/cache/me/buildtools"),
        ({"HOME": "/users/me", "XDG_CACHE_HOME": "cache"}, "/users/me/.cache/buildtools"),
        ({"XDG_CACHE_HOME": "/var/cache/me"}, "/var/cache/me/buildtools"),
        ({"XDG_CACHE_HOME": "cache"}, None),
    ],
)
def test_where_things_are_kept_over_runs(environ: Mapping[str, str], folder: str | None) -> None:
    """Where the XDG specification says; a path that is not absolute is none."""
    assert Settings.from_env(environ).cache == (folder and Path(folder))
