"""Semantic versions, read and ordered as semver.org has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.spec.versions import Version, parse_version

NUMBERS = st.integers(min_value=0, max_value=10**12).map(str)
IDENTIFIERS = st.from_regex(r"[0-9]*[a-zA-Z-][0-9a-zA-Z-]{0,6}", fullmatch=True) | NUMBERS
METADATA = st.from_regex(r"[0-9a-zA-Z-]{1,6}", fullmatch=True)
VERSIONS = st.builds(
    Version,
    major=NUMBERS,
    minor=NUMBERS,
    patch=NUMBERS,
    prerelease=st.lists(IDENTIFIERS, max_size=3).map(".".join),
    build=st.lists(METADATA, max_size=3).map(".".join),
)


@given(VERSIONS, st.sampled_from(["", "v"]))
def test_what_is_written_is_read_again(version: Version, prefix: str) -> None:
    """With the `v` that git tags have, and without."""
    assert parse_version(f"{prefix}{version}") == version


@given(st.text(alphabet="v01a.-+ \n", max_size=12))
def test_what_is_read_is_written_again(text: str) -> None:
    """Nothing of a text is lost or made up."""
    version = parse_version(text)
    assert version is None or str(version) == text.removeprefix("v")


@pytest.mark.parametrize(
    "text",
    [
        "", "v", "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.03", "1.2.3-", "1.2.3-01", "1.2.3-a..b",
        "1.2.3+", "1.2.3+a+b", "1.2.3+a_b", "V1.2.3", "vv1.2.3", " 1.2.3", "1.2.3\n", "-1.2.3", "1.2.x",
        "١.2.3", "1.2.3-ä", "release-1.2.3", f"1.2.3-{'a' * 300}",
    ],
)  # fmt: skip
def test_what_is_no_version(text: str) -> None:
    """Neither more nor less than the grammar."""
    assert parse_version(text) is None


def test_the_order_of_versions() -> None:
    """The example of semver.org, item 11, and build metadata, which counts for nothing."""
    ordered = [
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1", "10.0.0",
    ]  # fmt: skip
    found = [version.precedence for text in ordered if (version := parse_version(text))]
    assert len(found) == len(ordered)
    assert sorted(found) == found
    assert len(set(found)) == len(found)
    assert Version(major="1", minor="0", patch="0", build="a").precedence == found[7]
