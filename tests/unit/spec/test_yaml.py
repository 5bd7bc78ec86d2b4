# ruff: noqa: E501 - sentences are asserted whole, each on its line
import sys

import pytest
import yaml

from buildtools.errors import ConfigurationError
from buildtools.spec.document import Mark
from buildtools.spec.yaml import MAX_BYTES, MAX_VALUES, read

NAME = "images/x/image.yaml"


def faults(source: bytes | str) -> list[str]:
    """Every sentence that reading the source gives, without the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        read(source, NAME)
    return [str(finding).removeprefix(f"{NAME}:").strip() for finding in caught.value.diagnostics]


VALUES = [
    ("true", True),
    ("false", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("0", 0),
    ("8080", 8080),
    ("-7", -7),
    ("2.5", 2.5),
    ("1.10", 1.1),
    ("True", "True"),
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("0777", "0777"),
    ("0x1F", "0x1F"),
    ("0o17", "0o17"),
    ("1_000", "1_000"),
    ("+5", "+5"),
    ("1e3", "1e3"),
    (".5", ".5"),
    (".inf", ".inf"),
    ("12:30:45", "12:30:45"),
    ("2026-11-24", "2026-11-24"),
    ("1" * 19, "1" * 19),
    ('"8080"', "8080"),
    ("'true'", "true"),
    ('"\\u00e9"', "é"),
    ("a # b", "a"),
    ("'C:\\app'", "C:\\app"),
    ("[]", []),
    ("{}", {}),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_scalars_are_resolved_by_the_core_schema_only(text: str, value: object, parser: str) -> None:
    """J03: only true, false, null, integers and fractions are more than text."""
    found = read(f"a: {text}\n", NAME).value["a"]
    assert found == value
    assert type(found) is type(value)


def test_block_scalars_are_text() -> None:
    """A literal block that looks like a number stays text."""
    assert read("a: |\n  42\nb: >-\n  true\n", NAME).value == {"a": "42\n", "b": "true"}


def test_keys_are_text() -> None:
    """Keys are never resolved: `1`, `true` and an empty key are names."""
    assert read("1: a\ntrue: b\nnull: c\n'': d\n", NAME).value == {
        "1": "a",
        "true": "b",
        "null": "c",
        "": "d",
    }


def test_places_are_those_of_key_and_value() -> None:
    """Every value knows the line and column of itself and of its key."""
    document = read("name: x\nfiles:\n  - from: a\n    to: [/b, /c]\n", NAME)
    assert document.place(("files", 0, "from")).key == Mark(3, 5)
    assert document.place(("files", 0, "from")).value == Mark(3, 11)
    assert document.place(("files", 0, "to", 1)).value == Mark(4, 14)
    assert document.place(("files", 0, "to", 1)).text == "/c"
    assert document.place(()).value == Mark(1, 1)


def test_the_place_of_what_is_not_there_is_that_of_what_holds_it() -> None:
    """A missing key is reported where its mapping begins."""
    document = read("a:\n  b: 1\n", NAME)
    assert document.place(("a", "c", "d")) == document.place(("a",))


SYNTAX = [
    ("a: b: c\n", '1:5: a colon stands where no key can be: quote a value that holds ": ", or mend the indentation of this line or the one above'),
    ("a: 1\n b: 2\n", '2:3: a colon stands where no key can be: quote a value that holds ": ", or mend the indentation of this line or the one above'),
    ("a: {out}/x\n", '1:9: text follows the closing }: quote the whole value, as in "{out}/app"'),
    ("a: [b]c\n", '1:7: text follows the closing ]: quote the whole value, as in "{out}/app"'),
    ('a: "b" c\n', '1:8: text follows the closing ": quote the whole value, as in "{out}/app"'),
    ("a: @x\n", "1:4: a value cannot start with @: quote it"),
    ("a: `x`\n", "1:4: a value cannot start with `: quote it"),
    ("a: %PATH%\n", "1:4: a value cannot start with %: quote it"),
    ("a: *\n", "1:4: a value cannot start with *: quote it"),
    ("a: &\n", "1:4: a value cannot start with &: quote it"),
    ("a: !<\n", "1:4: a value cannot start with !: quote it"),
    ("a: !foo!bar x\n", "1:4: a value cannot start with !: quote it"),
    ('a: "x\n', "1:4: the quote that opens here is never closed: close it, or delete it"),
    ("a: 'x\n", "1:4: the quote that opens here is never closed: close it, or delete it"),
    ('a: "b\n---\n"\n', "1:4: the quote that opens here is never closed: close it, or delete it"),
    ("a: [1, 2\n", '1:4: the bracket that opens here is never closed: close it, or quote the whole value, as in "{out}/app"'),
    ("a: {b: 1\n", '1:4: the bracket that opens here is never closed: close it, or quote the whole value, as in "{out}/app"'),
    ("a: {b: c d: e}\n", "1:11: a comma or a closing bracket is missing before this: quote text that holds brackets, braces or commas"),
    ("a:\n  - b\n - c\n", "3:2: the line fits nothing above it: line up the keys of one mapping and the dashes of one list"),
    ("- a\nb: 1\n", "2:1: the line fits nothing above it: line up the keys of one mapping and the dashes of one list"),
    ("a: - b\n", "1:4: a list item stands where none can be: start the list on its own line"),
    ("a: ]\n", "1:4: ] stands where a value should be: quote it"),
    ("a: |x\n  b\n", "1:4: text stands behind a block scalar's | or >: start it on the next line, or quote it"),
    ('a: "\\xZZ"\n', "1:7: the escape in double quotes names no character: use single quotes, as for every Windows path"),
    ("%YAML 2.0\n---\na: 1\n", "1:1: YAML directives are not allowed: delete the line that starts with %"),
    ("--- a\nb\n...\nc\n", "4:1: text follows the end of the document: delete the line that is `...`, or what stands in brackets or quotes above"),
    ("a: 1\nb\n", "2:1: the line is no key with a colon behind it: write `key: value`, or indent it under the key above"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), SYNTAX)
def test_syntax_errors_are_sentences(text: str, sentence: str, parser: str) -> None:
    """J16: whatever the parser calls it, the person reads where it is and what to do."""
    assert faults(text) == [sentence]


def test_a_backslash_in_double_quotes_is_explained(parser: str) -> None:
    """Windows paths in double quotes are the most frequent slip; the two parsers differ by a column."""
    (sentence,) = faults('a: "C:\\dir"\n')
    assert sentence == (
        "1:7: the backslash in double quotes starts no known escape: "
        "use single quotes, as for every Windows path"
    )


def test_an_escape_beyond_unicode_is_explained(parser: str) -> None:
    """PyYAML's own parser raises ValueError here, without a place."""
    (sentence,) = faults('a: "\\U00110000"\n')
    assert sentence.split(":", 2)[2] == (
        " the escape in double quotes names no character: use single quotes, as for every Windows path"
    )


def test_an_escape_that_makes_a_control_character_is_caught(parser: str) -> None:
    r"""`"C:\app"` is a bell and `pp` to YAML: valid, and never meant."""
    (sentence,) = faults('a: "C:\\app"\n')
    assert sentence == (
        "1:4: the text holds the control character U+0007: "
        "a backslash in double quotes starts an escape: use single quotes"
    )


def test_an_escape_that_makes_half_a_character_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser lets a lone surrogate through, which no file could hold."""
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    (sentence,) = faults('a: "\\ud800"\n')
    assert sentence == (
        "1:4: the text holds the control character U+D800: "
        "a backslash in double quotes starts an escape: use single quotes"
    )


STRUCTURE = [
    ("a: 1\nb: 2\na: 3\n", ['3:1: duplicate key "a": it stands on line 1 already: delete one of the two']),
    ("a: &x 1\n", ["1:4: anchor &x is not allowed: delete it"]),
    ("a: &x [*x]\n", ["1:4: anchor &x is not allowed: delete it", "1:8: alias *x is not allowed: write the value out"]),
    ("<<: {a: 1}\n", ["1:1: merge key << is not allowed: write the keys out"]),
    ("a: !!python/object:os.system x\n", ["1:4: tag !!python/object:os.system is not allowed: delete it, or quote the value"]),
    ("a: !local [1]\n", ["1:4: tag !local is not allowed: delete it, or quote the value"]),
    ("!!map\na: 1\n", ["1:1: tag !!map is not allowed: delete it, or quote the value"]),
    ("a: 1\n---\nb: 2\n", ["2:1: a second document starts here: keep one a file"]),
    ("%YAML 1.1\n---\na: 1\n", ["1:1: YAML directives are not allowed: delete the line that starts with %"]),
    ("? [a, b]\n: 1\n", ["1:3: a list or mapping cannot be a key: write text, quoted if it has brackets"]),
    ("{a: 1}: b\n", ["1:1: a list or mapping cannot be a key: write text, quoted if it has brackets"]),
    ("*x : 1\n", ["1:1: alias *x is not allowed: write the value out"]),
    ("&r a: 1\n", ["1:1: anchor &r is not allowed: delete it"]),
    ("a: &x 1\na: !t 2\nb: *x\n", [
        "1:4: anchor &x is not allowed: delete it",
        '2:1: duplicate key "a": it stands on line 1 already: delete one of the two',
        "2:4: tag !t is not allowed: delete it, or quote the value",
        "3:4: alias *x is not allowed: write the value out",
    ]),
    ("a: &x 1\nb: 'c\n", ["1:4: anchor &x is not allowed: delete it", "2:4: the quote that opens here is never closed: close it, or delete it"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentences"), STRUCTURE)
def test_what_makes_yaml_mean_something_else_is_refused(text: str, sentences: list[str], parser: str) -> None:
    """J01, J02, J05, J06, J07, J16: all at once, each where it stands."""
    assert faults(text) == sentences


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    """Quotes make `<<` a name; the schema then says that there is no such key."""
    assert read("'<<': 1\n", NAME).value == {"<<": 1}


ENCODINGS = [
    (b"", "the file is empty: write at least the required keys"),
    (b"\n \n", "the file is empty: write at least the required keys"),
    (b"# a\n# b\n", "the file holds nothing but comments: write at least the required keys"),
    (b"\xef\xbb\xbfa: 1\n", "1:1: the file starts with a byte order mark: save it as UTF-8 without one"),
    ("a: 1\n".encode("utf-16"), "1:1: the file is UTF-16: save it as UTF-8"),
    ("a: 1\n".encode("utf-16-be"), "1:1: the character U+0000 is not allowed in YAML: delete it, or write it as an escape in double quotes"),
    ("\ufeffa: 1\n".encode("utf-16-be"), "1:1: the file is UTF-16: save it as UTF-8"),
    ("a: 1\n".encode("utf-32"), "1:1: the file is UTF-32: save it as UTF-8"),
    ("\ufeffa: 1\n".encode("utf-32-be"), "1:1: the file is UTF-32: save it as UTF-8"),
    (b"a: 1\nb: \xff\n", "2:4: the byte 0xff is not UTF-8: save the file as UTF-8"),
    ("é: \xe9\n".encode() + b"x: caf\xe9\n", "2:7: the byte 0xe9 is not UTF-8: save the file as UTF-8"),
    (b"a: 1\r\nb: 2\r\n", "1:5: the line does not end in a line feed alone (CRLF or CR): save the file with LF line ends"),
    (b"a: 1\rb: 2\n", "1:5: the line does not end in a line feed alone (CRLF or CR): save the file with LF line ends"),
    (b"a:\n\tb: 1\n", "2:1: the line is indented with a tab: use spaces"),
    (b"a:\n  \tb: 1\n", "2:3: the line is indented with a tab: use spaces"),
    (b"a: \x07\n", "1:4: the character U+0007 is not allowed in YAML: delete it, or write it as an escape in double quotes"),
    ("a: x\u2028y\n".encode(), "1:5: the character U+2028 is not allowed in YAML: delete it, or write it as an escape in double quotes"),
    (b"a: 1\n#" + b"x" * MAX_BYTES, "the file has 1,000,006 bytes and the limit is 1,000,000: a definition is a few kilobytes: look what got into it"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "sentence"), ENCODINGS)
def test_files_that_are_not_plain_text_are_refused(source: bytes, sentence: str) -> None:
    """J16, J17: each kind of wrong file has its own sentence."""
    assert faults(source) == [sentence]


def test_text_with_a_lone_surrogate_is_refused() -> None:
    """Text that did not come from bytes gets the same care."""
    assert faults("a: \ud800\n") == ["1:4: the byte 0xed is not UTF-8: save the file as UTF-8"]


def test_a_trailing_tab_and_a_tab_in_quotes_are_no_indentation() -> None:
    """Only tabs in front of a line's first character are refused."""
    assert read(b'a: "x\ty"\n \n', NAME).value == {"a": "x\ty"}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{a: "])
def test_deep_nesting_is_a_sentence(opening: str, parser: str) -> None:
    """J04: three thousand brackets end neither in RecursionError nor in an overflowing stack."""
    before = sys.getrecursionlimit()
    (sentence,) = faults(opening * 3000)
    # libyaml counts brackets ahead of its own events and gives up first.
    assert sentence.split(":", 2)[2] in {
        f" values are nested {how}: a definition needs six levels: look for a bracket too many"
        for how in ("more than 50 deep", "too deep")
    }
    assert sys.getrecursionlimit() == before


def test_fifty_levels_are_still_read() -> None:
    """The limit itself is allowed."""
    value = read("[" * 50 + "]" * 50, NAME).value
    depth = 1
    while value:
        value, depth = value[0], depth + 1
    assert depth == 50


@pytest.mark.parametrize("value", ["1,", "[],"])
def test_too_many_values_are_a_sentence(value: str) -> None:
    """J01: what a file can make this program hold is bounded, aliases or not."""
    (sentence,) = faults("[" + value * MAX_VALUES + "]")
    assert sentence.split(":", 2)[2] == " the file holds more than 50,000 values: look what got into it"


def test_many_faults_are_capped_with_a_note() -> None:
    """Twenty findings of a file are enough; the rest is counted."""
    found = faults("".join(f"k{n}: &a{n} 1\n" for n in range(30)))
    assert len(found) == 21
    assert found[0] == "1:5: anchor &a0 is not allowed: delete it"
    assert found[-1] == "10 more findings are not shown: mend these first"
