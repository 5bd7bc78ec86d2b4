"""Digests: what is accepted, what is said about the rest."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.digest import DigestError, digest_of, encoded, parse_digest, short

DIGITS = "0123456789abcdef" * 4


def test_a_digest_is_returned_as_it_is() -> None:
    """The one accepted form."""
    assert parse_digest(f"sha256:{DIGITS}") == f"sha256:{DIGITS}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'' is not a digest: write sha256: and 64 hexadecimal digits"),
        ("latest", "'latest' is not a digest: write sha256: and 64 hexadecimal digits"),
        ("md5:00", "digest algorithm 'md5' is not supported: use sha256"),
        (f"sha512:{DIGITS * 2}", "digest algorithm 'sha512' is not supported: use sha256"),
        (f"SHA256:{DIGITS}", "digest algorithm 'SHA256' is not supported: use sha256"),
        ("sha256:abc", "digest 'sha256:abc' needs 64 hexadecimal digits, it has 3 characters"),
        (
            f"sha256:{DIGITS}\n",
            f"digest 'sha256:{DIGITS}\\n' needs 64 hexadecimal digits, it has 65 characters",
        ),
        (
            f"sha256:{DIGITS.upper()}",
            f"digest 'sha256:{DIGITS.upper()}' has upper-case digits: write them in lower case",
        ),
        (
            f"sha256:{DIGITS[:-1]}g",
            f"digest 'sha256:{DIGITS[:-1]}g' has characters that are not hexadecimal digits",
        ),
        (
            f"sha256:{DIGITS[:-1]}\u0661",
            f"digest 'sha256:{DIGITS[:-1]}\u0661' has characters that are not hexadecimal digits",
        ),
    ],
)
def test_what_is_no_digest_is_refused_with_the_reason(text: str, sentence: str) -> None:
    """Each way of being wrong has its sentence."""
    with pytest.raises(DigestError) as caught:
        parse_digest(text)
    assert str(caught.value) == sentence


@given(st.binary())
def test_the_digest_of_bytes_parses_and_is_theirs(data: bytes) -> None:
    """What we make we accept, and it is SHA-256."""
    digest = digest_of(data)
    assert parse_digest(digest) == digest
    assert encoded(digest) == hashlib.sha256(data).hexdigest()
    assert short(digest) == encoded(digest)[:12]


@given(st.text())
def test_any_other_text_raises_nothing_but_digest_error(text: str) -> None:
    """Whatever a stranger writes."""
    with pytest.raises(DigestError):
        parse_digest(text)
