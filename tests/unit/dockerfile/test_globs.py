"""Names by pattern: sources of COPY, and `.dockerignore` with all that its documentation promises."""

import pytest
from docker.utils.build import PatternMatcher
from hypothesis import assume, given
from hypothesis import strategies as st

from buildtools.dockerfile.globs import PatternError, excludes, is_pattern, read_ignore, source_expression


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.txt", ["a.txt", ".txt"], ["a/b.txt", "a.txt.x"]),
        ("a?c/*", ["abc/x", "a.c/y"], ["a/c/x", "abc", "abc/x/y"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("[^a-c]x", ["dx", "-x"], ["ax", "/x"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[a\\-c]", ["a", "-", "c"], ["b"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("a\\*", ["a*"], ["ab"]),
        ("a\\", ["a\\"], ["a"]),
        ("**", ["abc"], ["a/b"]),
    ],
)
def test_sources(pattern: str, matching: list[str], others: list[str]) -> None:
    """As Go's filepath.Match: nothing but a slash separates."""
    expression = source_expression(pattern)
    assert [path for path in (*matching, *others) if expression.fullmatch(path)] == matching


def test_parents_go_deep() -> None:
    """With --parents two stars stand for any folders."""
    expression = source_expression("a/**/*.txt", deep=True)
    assert [bool(expression.fullmatch(path)) for path in ("a/x.txt", "a/b/c/x.txt", "b/x.txt")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("pattern", ["[a", "[", "[^", "[b-a]", "[a\\"])
def test_broken_patterns(pattern: str) -> None:
    """Are refused."""
    with pytest.raises(PatternError):
        source_expression(pattern)


def test_what_is_a_pattern() -> None:
    """Stars, question marks and brackets."""
    assert [is_pattern(text) for text in ("a", "a*", "a?", "[a]", "a]")] == [False, True, True, True, False]


IGNORE = """\
# a comment
 # none

*.md
!README*.md
README-secret.md
/build/
**/*.tmp
docs/**
!docs/keep/*.txt
vendor
!vendor/ours
.
/
"""


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("a.md", True),
        ("sub/a.md", False),
        ("README.md", False),
        ("README-secret.md", True),
        ("build", True),
        ("build/x/y", True),
        ("sub/build", False),
        ("x.tmp", True),
        ("a/b/x.tmp", True),
        ("docs", False),
        ("docs/a", True),
        ("docs/keep/b.txt", False),
        ("docs/keep/deep/b.txt", True),
        ("vendor/theirs/x", True),
        ("vendor/ours/x", False),
        ("# none", True),
        ("src/main.go", False),
    ],
)
def test_what_is_left_out(path: str, left_out: bool) -> None:
    """Of the rules that fit a path or a folder above it, the last one counts."""
    assert read_ignore(IGNORE).leaves_out(path) is left_out


def test_rules_that_keep() -> None:
    """They decide whether folders that are left out must be looked into."""
    assert read_ignore(IGNORE).keeps
    assert not read_ignore("a\nb/**\n").keeps
    assert not read_ignore("").leaves_out("a")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("a\n!\n", "line 2: ! stands alone"), ("[a", "line 1: '[a' has a [ that is never closed")],
)
def test_what_cannot_be_ignored(text: str, sentence: str) -> None:
    """With its line."""
    with pytest.raises(PatternError) as caught:
        read_ignore(text)
    assert str(caught.value) == sentence


def test_excludes() -> None:
    """Of --exclude: relative to what is copied."""
    rules = excludes(("*.bak", "sub/../old"))
    assert [rules.leaves_out(path) for path in ("a.bak", "sub/a.bak", "old/x", "new")] == [
        True,
        False,
        True,
        False,
    ]


NAME = st.sampled_from(["a", "b", "ab", "c.txt"])
RULE = st.builds(
    lambda parts, mark, end: mark + "/".join(parts) + end,
    st.lists(st.sampled_from(["a", "b", "ab", "*", "?", "**", "*.txt"]), min_size=1, max_size=3),
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
)


@given(
    rules=st.lists(RULE, max_size=4),
    paths=st.lists(st.lists(NAME, min_size=1, max_size=3).map("/".join), min_size=1, max_size=6),
)
def test_another_reader_agrees(rules: list[str], paths: list[str]) -> None:
    """docker-py's, which sends contexts for who builds with it: it leaves the same files out."""
    # It takes two stars alone for one folder at least, which Docker's own reader does not.
    assume(not any("**" in rule for rule in rules))
    ignore, other = read_ignore("\n".join(rules)), PatternMatcher(rules)
    assert [ignore.leaves_out(path) for path in paths] == [bool(other.matches(path)) for path in paths]
