"""Which names promise a secret: their values stay out of definitions, plans and images."""

import re
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET: Final = re.compile("apikey|credentials?|key|[a-z]*pass(?:phrase|wd|word)|pwd|secrets?|tokens?")
# A last word that makes it something about a secret: TOKEN_TTL, TLS_KEY_FILE, SECRET_NAME.
_ABOUT: Final = re.compile(
    "algorithm|bits|count|days|dir|directory|enabled|expiry|file|folder|format|header|hours|id|issuer|keys|"
    "length|lifetime|location|map|max|min|minutes|mode|mount|names?|path|prefix|provider|ref|rotation|"
    "seconds|size|store|timeout|ttl|type|uri|url|version|volume"
)
_PATH: Final = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][\w.$@-]+){2,}[\\/]?")

_FILE: Final = re.compile(
    r"(^|/)(\.env(\.[^/]*)?|id_(rsa|dsa|ecdsa|ed25519)|\.git|\.npmrc|\.pypirc|\.netrc|nuget\.config"
    r"|\.docker/config\.json|[^/]*\.pfx|credentials(\.json)?|\.aws/[^/]*)(/|$)",
    re.IGNORECASE,
)


def is_secret_file(path: str) -> bool:
    """Whether a file's name says that it holds a secret, as `.env`, `id_rsa` and all below `.git` do."""
    return _FILE.search(path) is not None


def is_secret_name(name: str) -> bool:
    """Whether a variable or argument of this name holds a secret, as `GITHUB_TOKEN` or `dbPassword` do."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not any(_SECRET.fullmatch(word) for word in words):
        return False
    return "public" not in words and not _ABOUT.fullmatch(words[-1])


def is_literal_secret(name: str, value: str) -> bool:
    """Whether writing `value` down under this name gives a secret away; a path to one does not."""
    return is_secret_name(name) and value != "" and not _PATH.fullmatch(value)
