"""Text of strangers inside a sentence."""

import pytest

from buildtools.oci.quote import quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "'plain'"),
        ("::error::\n\x1b[31m", r"'::error::\n\x1b[31m'"),
        ("a" * 80, "'" + "a" * 80 + "'"),
        ("a" * 81, "'" + "a" * 80 + "'... (81 characters)"),
    ],
)
def test_text_is_quoted_escaped_and_cut(text: str, shown: str) -> None:
    """No stranger starts a line of the log or fills it."""
    assert quoted(text) == shown
