"""What must not be printed: credentials and tokens, wherever they turn up in a text.

Signed URLs carry their right of access in the query, so queries go altogether.
"""

import json
import re
import threading
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
_MOST: Final = 300
_PATTERNS: Final = (
    # user:password@ in a URL
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{HIDDEN}@"),
    # the query and fragment of a URL
    (re.compile(r"(?<=[a-z])(://[^\s?#\"'<>]*)[?#][^\s\"'<>]*", re.IGNORECASE), rf"\1?{HIDDEN}"),
    # an Authorization header or its value
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=:-]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(r"\b(authorization[\"']?\s*[:=]\s*[\"']?)(?!Bearer|Basic)\S+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # "token": "…" and its like in JSON, token=… in a query of its own
    (
        re.compile(
            r"([\"']?\b\w*(?:token|password|secret|signature)\b[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s&,;\"']+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    # a JSON web token standing alone
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    # An environment may hold bytes that are no text.
    for safe in ("", "/"):
        yield quote(secret, safe=safe, errors="surrogatepass")
        yield quote_plus(secret, safe=safe, errors="surrogatepass")


class Redactor:
    """Hides known secrets, and what looks like one."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def learn(self, *secrets: str) -> None:
        """Hide these from now on, written as in a URL or in JSON, too.

        Short ones would hide ordinary words and are left to the patterns.
        """
        long = [secret for secret in secrets if len(secret) >= 4]
        with self._lock:
            self._known.update(form for secret in long for form in _forms(secret))

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        with self._lock:
            known = sorted(self._known, key=len, reverse=True)
        for secret in known:
            text = text.replace(secret, HIDDEN)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def foreign(self, text: str) -> str:
        """A stranger's text for a sentence of ours: no secrets, no control characters, not long.

        Control characters and `::` at a line's start would be commands to a terminal or a CI service.
        """
        plain = _CONTROL.sub(" ", self(text)).replace("::", ": :").strip()
        return plain if len(plain) <= _MOST else plain[: _MOST - 1] + "…"
