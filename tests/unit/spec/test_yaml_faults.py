# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""YAML syntax faults that are rare: the same sentence from both parsers, and a place for each."""

import pytest
import yaml

from buildtools.errors import ConfigurationError
from buildtools.spec.document import Mark
from buildtools.spec.yaml import read
from buildtools.spec.yaml_faults import Fault, explain

MORE = [
    ("[", '1:2: the file ends within brackets or braces: close them, or quote the whole value, as in "{out}/app"'),
    ("{", '1:2: the file ends within brackets or braces: close them, or quote the whole value, as in "{out}/app"'),
    ("a:\n  - [b,  ", '2:10: the file ends within brackets or braces: close them, or quote the whole value, as in "{out}/app"'),
    ("a: [b\n\n\n", '1:4: the bracket that opens here is never closed: close it, or quote the whole value, as in "{out}/app"'),
    ('a: "b', "1:4: the quote that opens here is never closed: close it, or delete it"),
    ("a: 1\nb", "2:1: the line is no key with a colon behind it: write `key: value`, or indent it under the key above"),
    ("a: 1\n\t\n", "2:1: a tab stands where only spaces may: use spaces"),
    ("a: [b,\n\t]\n", "2:1: the line is indented with a tab: use spaces"),
    ("a: [|]\n", "1:5: a value cannot start with |: quote it"),
    ("a: [>b]\n", "1:5: a value cannot start with >: quote it"),
    ("a: ? b\n", "1:4: a value cannot start with ?: quote it"),
    ("a: !%ZZ x\n", "1:4: a value cannot start with !: quote it"),
    ("%TAG\n---\na: 1\n", "1:5: YAML directives are not allowed: delete the line that starts with %"),
    ("%YAML 1.x\n---\na: 1\n", "1:9: YAML directives are not allowed: delete the line that starts with %"),
    ("[a]\nname: x\n", "2:1: text follows the end of the document: delete the line that is `...`, or what stands in brackets or quotes above"),
    ("'a'\nb: 1\n", "2:1: text follows the end of the document: delete the line that is `...`, or what stands in brackets or quotes above"),
    ("a: |9\n b\n", "2:2: the line fits nothing above it: line up the keys of one mapping and the dashes of one list"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), MORE)
def test_a_fault_has_its_sentence(text: str, sentence: str, parser: str) -> None:
    """J16: with a line feed at the end of the file or without."""
    with pytest.raises(ConfigurationError) as caught:
        read(text, "image.yaml")
    assert [str(finding) for finding in caught.value.diagnostics] == [f"image.yaml:{sentence}"]


@pytest.mark.parametrize("text", ["a: {b:}\n", "a: [b:]\n", "{a: {b:, c: 1}}\n"])
def test_a_colon_in_brackets_needs_a_space(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The C parser refuses what PyYAML's own parser, and YAML 1.2, take for a key without a value."""
    if not hasattr(yaml, "CSafeLoader"):
        pytest.skip("PyYAML has no libyaml here")
    with pytest.raises(ConfigurationError) as caught:
        read(text, "image.yaml")
    (finding,) = caught.value.diagnostics
    assert str(finding) == (
        f"image.yaml:1:{text.index('b') + 2}: a colon in brackets or braces has no space behind it: "
        "write `key: value`, or quote the text"
    )
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert read(text, "image.yaml").value["a"]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("[a]: b\nc: &x 1\n", ["1:1: a list or mapping cannot be a key: write text, quoted if it has brackets", "2:4: anchor &x is not allowed: delete it"]),
        ("? {a: [b]}\n: 1\n? [c]\n: 2\nd: 1\nd: 2\n", [
            "1:3: a list or mapping cannot be a key: write text, quoted if it has brackets",
            "3:3: a list or mapping cannot be a key: write text, quoted if it has brackets",
            '6:1: duplicate key "d": it stands on line 5 already: delete one of the two',
        ]),
        ("a:\n? b:\n    c\n", ["2:3: a list or mapping cannot be a key: write text, quoted if it has brackets"]),
        ("{release}: a\n", ["1:1: a list or mapping cannot be a key: write text, quoted if it has brackets"]),
        ('"a\\nb": 1\n"a\\nb": 2\n', ['2:1: duplicate key "a\\nb": it stands on line 1 already: delete one of the two']),
    ],
)  # fmt: skip
def test_reading_goes_on_behind_a_key_that_is_none(text: str, sentences: list[str], parser: str) -> None:
    """What stands in it and behind it is read as if it were a key, and nothing is told that only follows."""
    with pytest.raises(ConfigurationError) as caught:
        read(text, "image.yaml")
    assert [str(finding) for finding in caught.value.diagnostics] == [
        f"image.yaml:{text}" for text in sentences
    ]


def test_a_fault_that_nobody_foresaw_is_still_located() -> None:
    """A later PyYAML may say more: its words are passed on."""
    mark = yaml.Mark("", 0, 1, 3, None, 0)
    unknown = yaml.MarkedYAMLError("while dreaming", None, "found a sheep", mark)
    hint = "mend it here or in the line above"
    assert explain(unknown, "a: 1\nb: 2\n") == Fault(
        Mark(2, 4), "this is not YAML (while dreaming: found a sheep)", hint
    )
    assert explain(ValueError("no place"), "a: 1\n") == Fault(Mark(1, 1), "this is not YAML (no place)", hint)
