"""Names that promise a secret, and values that would give it away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.spec.secrets import is_literal_secret, is_secret_name

SECRET = (
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "MYSQL_PWD",
    "PGPASSWORD",
    "DB_PASSWD",
    "dbPassword",
    "apiKey",
    "APIKEY",
    "APIKey",
    "API-KEY",
    "SSH_PRIVATE_KEY",
    "SSH_PASSPHRASE",
    "TOKEN",
    "TOKEN_2",
    "TOKENS",
    "CLIENT_SECRET",
    "clientSecretV2",
    "SECRET_KEY_BASE",
    "GOOGLE_CREDENTIALS",
    "DOCKER_CREDENTIAL",
    "npm.token",
    "HTTPToken",
)
HARMLESS = (
    "",
    "_",
    "PATH",
    "KEYBOARD",
    "MONKEY",
    "TOKENIZER",
    "SECRETARY",
    "COMPASS",
    "AWS_ACCESS_KEY_ID",
    "TOKEN_TTL",
    "TOKEN_URL",
    "TLS_KEY_FILE",
    "tlsKeyPath",
    "SECRET_NAME",
    "PASSWORD_MIN_LENGTH",
    "PUBLIC_KEY",
    "publicKey",
    "SSH_PUBLIC_KEY_2",
    "KEYS",
    "LINKERD2_PROXY_LOG",
)


@pytest.mark.parametrize("name", SECRET)
def test_a_name_promises_a_secret(name: str) -> None:
    """In whatever style it is written, also where a number or a word of no account follows."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_name_promises_none(name: str) -> None:
    """Words that only look alike, public keys, and what says something about a secret."""
    assert not is_secret_name(name)


WORDS = st.sampled_from(
    ("api", "key", "token", "secret", "db", "password", "name", "file", "public", "ttl", "value")
)


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_the_style_of_a_name_does_not_matter(words: list[str]) -> None:
    """`DB_PASSWORD`, `db-password`, `dbPassword` and `DbPassword` are the same promise."""
    pascal = "".join(word.title() for word in words)
    styles = (
        "_".join(words),
        "_".join(words).upper(),
        "-".join(words),
        pascal,
        words[0] + pascal[len(words[0]) :],
    )
    assert len({is_secret_name(style) for style in styles}) == 1


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD", "/run/secrets/db", False),
        ("DB_PASSWORD", "C:\\secrets\\db", False),
        ("DB_PASSWORD", "C:/secrets/db.txt/", False),
        ("DB_PASSWORD", "/hunter2", True),
        ("DB_PASSWORD", "secrets/db", True),
        ("DB_PASSWORD", "/run/secrets/db and more", True),
        ("DB_PASSWORD", "/a+b/c=", True),
        ("DB_USER", "hunter2", False),
    ],
)
def test_a_value_gives_a_secret_away(name: str, value: str, secret: bool) -> None:
    """Nothing and the absolute path of a file do not; anything else under such a name does."""
    assert is_literal_secret(name, value) is secret


@given(name=st.text(max_size=20), value=st.text(max_size=20))
def test_only_names_of_secrets_make_values_secret(name: str, value: str) -> None:
    """And no text is too odd to be looked at."""
    assert not is_literal_secret(name, value) or is_secret_name(name)
