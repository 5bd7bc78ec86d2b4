"""Secrets wherever a registry, a person or a file can put them: none is in anything that is written.

Looked at are stdout, stderr, the JSON document, the records, the layout and the report of a bug.
"""

import base64
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes import registry as fake
from tests.fakes.registry import ALWAYS, FakeRegistry, Login, Rule
from tests.integration.faults.conftest import Lab

PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/"
TOKENS = st.text(PLAIN, min_size=6, max_size=30).map("s3cr3t-".__add__)
"""What may stand in a header or a URL."""
PASSWORDS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_characters="\x7f"), min_size=6, max_size=30
).map("s3cr3t-".__add__)


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Where a secret was put: the environment, a log-in, what the registry does, the place to publish to.

    `config` is Docker's config.json; `{host}` in any of them stands for the registry.
    """

    environment: dict[str, str] = field(default_factory=dict)
    config: dict[str, object] = field(default_factory=dict)
    login: Login | None = None
    rules: tuple[Rule, ...] = ()
    place: str = "{host}/acme"


def password(secret: str) -> dict[str, str]:
    """The secret as the password in the environment."""
    return {
        "BUILDTOOLS_REGISTRY_HOST": "{host}",
        "BUILDTOOLS_REGISTRY_USERNAME": "bot",
        "BUILDTOOLS_REGISTRY_PASSWORD": secret,
    }


def packed(secret: str) -> str:
    """User and password as Docker's file and Basic have them."""
    return base64.b64encode(f"bot:{secret}".encode()).decode()


def echoes(*texts: str) -> tuple[Rule, ...]:
    """A registry that says what it was sent, in each form that errors have."""
    text = " ".join(texts)
    document = fake.errors(400, "DENIED", text)
    plain = fake.status(500, body=text.encode(), Content_Type="text/plain; charset=utf-8")
    return (
        Rule(pattern="^POST .*/uploads/", fault=plain, times=2, skip=1),
        Rule(pattern="^P.* /v2/", fault=document, times=ALWAYS, skip=4),
    )


LOGIN = Login(users={"bot": "another password"}, anonymous=False)

PLACES: dict[str, Callable[[str], Planted]] = {
    "a password that is refused": lambda secret: Planted(environment=password(secret), login=LOGIN),
    "a password that is echoed": lambda secret: Planted(
        environment=password(secret),
        login=Login(users={"bot": secret}, anonymous=False, schemes=("basic",)),
        rules=echoes(secret, packed(secret), f"Basic {packed(secret)}", quote(secret, safe="")),
    ),
    "Docker's file, echoed": lambda secret: Planted(
        config={"auths": {"{host}": {"auth": packed(secret)}}},
        login=Login(users={"bot": secret}, anonymous=False, schemes=("basic",)),
        rules=echoes(secret, packed(secret)),
    ),
    "Docker's file, damaged": lambda secret: Planted(
        config={"auths": {"{host}": {"auth": f"%{packed(secret)}"}}}, login=LOGIN
    ),
    "an identity token": lambda secret: Planted(
        config={"auths": {"{host}": {"identitytoken": secret}}}, login=LOGIN, rules=echoes(secret)
    ),
    "a registry token": lambda secret: Planted(
        config={"auths": {"{host}": {"registrytoken": secret}}}, login=LOGIN, rules=echoes(secret)
    ),
}
"""What people configure, where any text may be a password."""

PLACES_OF_TOKENS: dict[str, Callable[[str], Planted]] = {
    "a token of the token service": lambda secret: Planted(
        login=Login(),
        rules=(
            Rule(pattern="/token", fault=fake.body(json.dumps({"token": secret}).encode()), times=ALWAYS),
            Rule(pattern="^POST", fault=fake.errors(403, "DENIED", f"not with {secret}"), times=ALWAYS),
        ),
    ),
    "what a token service says": lambda secret: Planted(
        login=Login(),
        rules=(
            Rule(
                pattern="/token",
                fault=fake.status(200, body=f'{{"toke": "{secret}"'.encode()),
                times=ALWAYS,
            ),
        ),
    ),
    "the realm's query": lambda secret: Planted(
        login=Login(realm=f"http://tokens.example.com/t?key={secret}")
    ),
    "the realm's user": lambda secret: Planted(
        login=Login(realm=f"https://u:{quote(secret, safe='')}@tokens.example.com/t")
    ),
    "a session's query": lambda secret: Planted(
        rules=(
            Rule(
                pattern="^POST",
                fault=lambda answer: fake.header(
                    "Location", f"{answer.headers.get('Location', '/x?a=b')}&_state={secret}"
                )(answer),
                times=ALWAYS,
            ),
            Rule(
                pattern="^PUT .*uploads",
                before=True,
                fault=fake.errors(400, "SIZE_INVALID", f"http://h/v2/x/blobs/uploads/1?_state={secret}"),
                times=ALWAYS,
            ),
        ),
    ),
    "a signed URL": lambda secret: Planted(
        rules=(
            Rule(
                pattern="^POST",
                fault=fake.header("Location", f"http://storage.example.com/x?X-Amz-Signature={secret}"),
                times=ALWAYS,
            ),
        )
    ),
    "a redirect": lambda secret: Planted(
        rules=(
            Rule(
                pattern="^HEAD",
                fault=fake.redirect(f"http://u:{quote(secret, safe='')}@storage.example.com/x?sig={secret}"),
                times=ALWAYS,
            ),
        )
    ),
    "headers and JSON in an error": lambda secret: Planted(
        rules=echoes(
            f"Authorization: Bearer {secret}",
            f"authorization={secret}",
            f'{{"token": "{secret}", "password": "{secret}"}}',
            f"access_token={secret}&x=1",
        )
    ),
    "a proxy": lambda secret: Planted(
        environment={"HTTPS_PROXY": f"http://u:{quote(secret, safe='')}@127.0.0.1:9"},
        place="registry.example.com/acme",
    ),
    "a mirror": lambda secret: Planted(
        environment={
            "BUILDTOOLS_MIRRORS": f"docker.io=https://u:{quote(secret, safe='')}@mirror.example.com/x"
        }
    ),
    "a place": lambda secret: Planted(place=f"https://u:{quote(secret, safe='')}@registry.example.com/acme"),
}
"""What a registry sends, and URLs, where a token has fewer characters."""


@pytest.mark.parametrize("place", PLACES)
def test_no_password_is_shown(place: str, lab: Lab, everything: bool) -> None:
    """C11: whatever characters it has."""

    @settings(max_examples=200 if everything else 2)
    @example(secret="s3cr3t-a b&c%d'e\"f\\ü")
    @given(secret=PASSWORDS)
    def run(secret: str) -> None:
        shows_nothing(lab, secret, PLACES[place](secret))

    run()


@pytest.mark.parametrize("place", PLACES_OF_TOKENS)
def test_no_token_is_shown(place: str, lab: Lab, everything: bool) -> None:
    """C11: and none in any URL."""

    @settings(max_examples=200 if everything else 2)
    @given(secret=TOKENS)
    def run(secret: str) -> None:
        shows_nothing(lab, secret, PLACES_OF_TOKENS[place](secret))

    run()


def shows_nothing(lab: Lab, secret: str, planted: Planted) -> None:
    """Publish, as a table and as JSON, and look through all that was written."""
    with (
        FakeRegistry(login=planted.login, rules=planted.rules) as server,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        config = json.dumps(planted.config).replace("{host}", server.host)
        (folder / "config.json").write_text(config)
        values = {key: text.replace("{host}", server.host) for key, text in planted.environment.items()}
        place = planted.place.replace("{host}", server.host)
        with environment({**values, "DOCKER_CONFIG": name, "TMPDIR": name}):
            for more in ((), ("--json",)):
                said = lab.at("publish", "host", "--to", place, *more)
                assert said.code in {1, 2, 4, 5, 6}, said
                check(secret, said.out, said.err)
        reports = [path.read_text() for path in folder.glob("buildtools-*")]
        assert reports == []
    check(secret, *(path.read_bytes().decode("latin-1") for path in written(lab)))


def check(secret: str, *texts: str) -> None:
    """Look for the secret as it is, packed, and quoted."""
    forms = {secret, packed(secret), quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}
    for text in texts:
        assert not [form for form in forms if form in text]


def written(lab: Lab) -> Sequence[Path]:
    """Every file of the records, the caches and the image's layout."""
    return [
        path
        for folder in ("records", "cache", "oci/host")
        for path in (lab.dist / folder).rglob("*")
        if path.is_file()
    ]


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """These variables for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        patch.setattr(tempfile, "tempdir", None)
        yield
