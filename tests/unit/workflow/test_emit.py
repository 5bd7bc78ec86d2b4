"""YAML that is written: the same to readers of YAML 1.1 and 1.2, whatever a value holds."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from buildtools.spec.yaml import read
from buildtools.workflow.emit import Commented, emit, quote

TRICKY = [
    "on", "off", "yes", "No", "y", "n", "true", "False", "null", "~", "", " ", "a ", " a", "3.13", "1_000",
    "0x1f", "0o17", "017", "1e3", ".5", ".inf", "-", "- a", "?", ": ", "a: b", "a:", "a #b", "#", "a#b",
    "&a", "*a", "!a", "|", ">", "%", "@a", "`a`", "{a}", "[a]", "${{ github.ref }}", "${{ matrix.x }}: y",
    "1:30", "12:30:45", "2026-11-24", "=", "<<", "'a'", '"a"', "a\nb", "a\nb\n", "a\n\nb\n\n", "\na",
    " a\nb", "a \nb", "a\tb", "\ta\nb", "a\r\nb", "\xe9", "\x00", "\x85", "\u2028", "\ufeff", "\U0001f600",
    "v*", "**/x", "a\\b", "---", "...", "a,b", "./x", "../x", "/x", 'echo "$X" && true', "a" * 300, "0",
    "+1", "-1", "_1", "0b1", "190:20:30", "\\", "\n", "\n\n",
]  # fmt: skip

CONTROL = re.compile(r"\\x(?:0[0-8bcef]|1[0-9a-f]|7f)|\\r")

scalars = st.one_of(
    st.sampled_from(TRICKY),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.lists(st.sampled_from(["a", " ", "\n", ":", "#", "- ", "b"]), max_size=8).map("".join),
    st.integers(-(10**17), 10**17),
    st.booleans(),
    st.none(),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(TRICKY), inner, max_size=4)
    ),
    max_leaves=12,
)
documents = st.dictionaries(
    st.one_of(st.sampled_from(TRICKY), st.text(max_size=6)), trees, min_size=1, max_size=5
)


@given(documents)
def test_every_reader_gets_back_what_was_written(document: dict[str, Any]) -> None:
    """PyYAML, which reads YAML 1.1, and the project's own reader of YAML 1.2."""
    text = emit(document, header=["Generated."], spaced=frozenset({"jobs"}))
    assert yaml.safe_load(text) == document
    # The project's reader refuses control characters, however they are written.
    if not CONTROL.search(text):
        assert read(text, "x.yml").value == document


@given(documents)
def test_keys_keep_their_order_and_no_line_ends_in_a_space(document: dict[str, Any]) -> None:
    """What is written twice is the same text."""
    text = emit(document)
    assert list(yaml.safe_load(text)) == list(document)
    assert text == emit(document)
    assert all(line == line.rstrip(" ") for line in text.split("\n"))


@given(documents)
def test_comments_change_nothing(document: dict[str, Any]) -> None:
    """A remark stands behind its value, also where that is a block or in quotes."""

    def remarked(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: remarked(value) for key, value in node.items()}
        if isinstance(node, Sequence) and not isinstance(node, str):
            return [remarked(value) for value in node]
        return Commented(node, "why: 'x' # y")

    assert yaml.safe_load(emit(remarked(document))) == document


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("3.13", 'a: "3.13"'),
        (3, "a: 3"),
        (True, "a: true"),
        ("true", 'a: "true"'),
        ("${{ github.ref }}", "a: ${{ github.ref }}"),
        ("actions/checkout@v1", "a: actions/checkout@v1"),
        ("a: b", 'a: "a: b"'),
        (["main", "v*"], 'a: [main, "v*"]'),
        ([], "a: []"),
        ({}, "a: {}"),
        (None, "a:"),
        ("one\ntwo\n", "a: |\n  one\n  two"),
        ("one\ntwo", "a: |-\n  one\n  two"),
        (Commented("read", "look"), "a: read # look"),
        (["x" * 60, "y" * 60], f"a:\n  - {'x' * 60}\n  - {'y' * 60}"),
        ([{"b": 1, "c": [[], {}, ["d"]]}], "a:\n  - b: 1\n    c:\n      - []\n      - {}\n      - - d"),
    ],
)
def test_how_it_looks(value: Any, line: str) -> None:
    """As people write it."""
    assert emit({"a": value}) == f"{line}\n"


def test_an_empty_list_behind_a_long_key() -> None:
    """It stays a list, since nothing under a key means null."""
    assert emit({"k" * 120: []}) == f"{'k' * 120}: []\n"


def test_the_key_on_is_in_quotes() -> None:
    """A reader of YAML 1.1 takes it for true."""
    assert emit({"on": {"push": None}}) == '"on":\n  push:\n'


def test_sections_and_jobs_stand_apart() -> None:
    """The header above, an empty line between sections and between jobs."""
    text = emit(
        {"name": "x", "jobs": {"a": {"b": 1}, "c": {}}}, header=["One.", "Two."], spaced=frozenset({"jobs"})
    )
    assert text == "# One.\n# Two.\nname: x\n\njobs:\n  a:\n    b: 1\n\n  c: {}\n"


@pytest.mark.parametrize(("text", "quoted"), [("\x07é\u2028\U000e0001", r'"\x07é\u2028\U000e0001"')])
def test_escapes(text: str, quoted: str) -> None:
    """What editors do not show is written out."""
    assert quote(text) == quoted
