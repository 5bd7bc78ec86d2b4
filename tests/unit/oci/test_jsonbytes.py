"""JSON of strangers: one reading or none; and the one form that is written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.jsonbytes import (
    MAX_DEPTH,
    MAX_DOCUMENT,
    MAX_INTEGER,
    DocumentError,
    Field,
    canonical_json,
    read_json,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def nested(levels: int) -> bytes:
    """A document of this many objects and lists within each other."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_the_canonical_form_is_compact_sorted_and_utf_8() -> None:
    """One form for one value, without a final newline."""
    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == '{"a":"é","b":[1,2.5,null]}'.encode()


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_what_is_written_reads_back(document: dict[str, Any]) -> None:
    """And its key order does not show."""
    raw = canonical_json(document)
    assert read_json(raw, "it").value == json.loads(raw)
    assert canonical_json(dict(reversed(document.items()))) == raw


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            float("nan"),
            "the document cannot be written as JSON (Out of range float values are not JSON compliant: nan)",
        ),
        (
            "\ud800",
            (
                "the document cannot be written as JSON ('utf-8' codec can't encode character '\\ud800' "
                "in position 1: surrogates not allowed)"
            ),
        ),
    ],
)
def test_what_json_cannot_say_is_refused(document: object, sentence: str) -> None:
    """Instead of bytes that nobody else reads."""
    with pytest.raises(DocumentError) as caught:
        canonical_json(document)
    # Python 3.11 does not name the number.
    assert str(caught.value) in {sentence, sentence.replace(": nan)", ")")}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "it is not JSON (Expecting value: line 1 column 1 (char 0))"),
        (b"{} {}", "it is not JSON (Extra data: line 1 column 4 (char 3))"),
        (
            b"\xff",
            "it is not JSON ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)",
        ),
        (
            '{"a":1}'.encode("utf-16"),
            "it is not JSON ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)",
        ),
        (
            b"\xef\xbb\xbf{}",
            "it is not JSON (Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0))",
        ),
        (b"[]", "it must be a JSON object, it is a list"),
        (b"1.0", "it must be a JSON object, it is 1.0"),
        (b"null", "it must be a JSON object, it is missing"),
        (b'{"a":1,"b":{"c":1,"c":1}}', "it is refused: the key 'c' stands twice in one object"),
        (b'{"a":NaN}', "it is refused: NaN is not a number in JSON"),
        (b'{"a":-Infinity}', "it is refused: -Infinity is not a number in JSON"),
        (b'{"a":1e999}', "it is refused: '1e999' is larger than any number that readers agree on"),
        (
            b'{"a":"\\ud800"}',
            (
                "it is refused: the document cannot be written as JSON ('utf-8' codec can't encode character "
                "'\\ud800' in position 6: surrogates not allowed)"
            ),
        ),
        (nested(MAX_DEPTH + 1), "it nests deeper than 32 levels"),
        (b"[" * 200_000, "it nests deeper than 32 levels"),
        (b'{"a":' * 200_000, "it nests deeper than 32 levels"),
        (b" " * (MAX_DOCUMENT + 1), "it has 4194305 bytes, at most 4194304 are read"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_document_that_readers_may_disagree_about_is_refused(raw: bytes, sentence: str) -> None:
    """Another encoding, a key twice, a bomb."""
    with pytest.raises(DocumentError) as caught:
        read_json(raw, "it")
    assert str(caught.value) == sentence


def test_a_number_of_many_digits_is_refused() -> None:
    """Python would spend quadratic time on it."""
    with pytest.raises(DocumentError, match=r"^it is not JSON \(Exceeds the limit"):
        read_json(b'{"a":' + b"9" * 5000 + b"}", "it")


def test_the_deepest_document_is_read() -> None:
    """MAX_DEPTH levels are fine, and so is a document of the greatest size."""
    assert list(read_json(nested(MAX_DEPTH), "it").value) == ["a"]
    assert read_json(b"{}" + b" " * (MAX_DOCUMENT - 2), "it").value == {}


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ud80 1eE+-.nul', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing but DocumentError is raised."""
    try:
        document = read_json(raw, "it")
    except DocumentError:
        return
    assert isinstance(document.value, dict)


ROOT = Field(
    value={
        "text": "x",
        "empty": "",
        "list": ["x", ""],
        "mixed": ["x", 1],
        "map": {"k": "v"},
        "deep": {"list": [{"size": 1.0}]},
        "flag": True,
        "null": None,
        "number": 7,
    },
    path="",
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ROOT.get("text").text(), "x"),
        (ROOT.get("text").text(required=True), "x"),
        (ROOT.get("null").text(), ""),
        (ROOT.get("nowhere").get("below").text(), ""),
        (ROOT.get("list").texts(most=2), ("x", "")),
        (ROOT.get("null").texts(most=2), ()),
        (ROOT.get("map").strings(most=1), {"k": "v"}),
        (ROOT.get("null").strings(most=1), {}),
        (ROOT.get("map").keys(most=1), ("k",)),
        (ROOT.get("flag").flag(), True),
        (ROOT.get("null").flag(), False),
        (ROOT.get("number").size(), 7),
        (ROOT.get("null").object(), {}),
    ],
)
def test_a_field_is_read_as_its_type(found: object, expected: object) -> None:
    """Absent and null ones are empty."""
    assert found == expected


@pytest.mark.parametrize(
    ("field", "read", "sentence"),
    [
        (ROOT.get("number"), Field.text, "number must be a string, it is 7"),
        (ROOT.get("null"), lambda f: f.text(required=True), "null must be a string, it is missing"),
        (ROOT.get("empty"), lambda f: f.text(required=True), "empty must not be empty"),
        (ROOT.get("mixed"), lambda f: f.texts(most=9), "mixed[1] must be a string, it is 1"),
        (ROOT.get("list"), lambda f: f.texts(most=1), "list has 2 items, at most 1 are read"),
        (ROOT.get("text"), lambda f: f.items(most=9), "text must be a list, it is 'x'"),
        (ROOT.get("map"), lambda f: f.strings(most=0), "map has 1 keys, at most 0 are read"),
        (ROOT.get("map"), lambda f: f.keys(most=0), "map has 1 keys, at most 0 are read"),
        (ROOT, lambda f: f.strings(most=9), "['list'] must be a string, it is a list"),
        (ROOT.get("list"), Field.object, "list must be an object, it is a list"),
        (ROOT.get("text"), Field.flag, "text must be true or false, it is 'x'"),
        (ROOT.get("map"), Field.flag, "map must be true or false, it is an object"),
        (
            ROOT.get("deep").get("list").items(most=1)[0].get("size"),
            Field.size,
            f"deep.list[0].size must be a whole number from 0 to {MAX_INTEGER}, it is 1.0",
        ),
        (ROOT.get("flag"), Field.size, f"flag must be a whole number from 0 to {MAX_INTEGER}, it is true"),
        (Field(value=False, path="f"), Field.text, "f must be a string, it is false"),
        (
            Field(value=MAX_INTEGER + 1, path="size"),
            Field.size,
            f"size must be a whole number from 0 to {MAX_INTEGER}, it is 9223372036854775808",
        ),
        (
            Field(value=-1, path="size"),
            Field.size,
            f"size must be a whole number from 0 to {MAX_INTEGER}, it is -1",
        ),
        (
            ROOT.get("text"),
            Field.digest,
            "text: 'x' is not a digest: write sha256: and 64 hexadecimal digits",
        ),
        (
            ROOT,
            lambda f: f.items(most=1),
            "the document must be a list, it is an object",
        ),
        (ROOT, lambda f: f.known_as("Text"), "the key 'text' must be spelled Text"),
        (
            Field(value={"layer\u017f": 1}, path=""),
            lambda f: f.known_as("layers"),
            "the key 'layer\u017f' must be spelled layers",
        ),
    ],
)
def test_a_field_of_another_type_is_named(field: Field, read: Any, sentence: str) -> None:
    """The path, what was expected, what is there."""
    with pytest.raises(DocumentError) as caught:
        read(field)
    assert str(caught.value) == sentence


def test_keys_that_are_spelled_right_pass() -> None:
    """The check is about case alone."""
    ROOT.known_as("text", "TEXTS")
