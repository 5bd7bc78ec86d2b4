# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Manifests as values with places: all that Kubernetes reads, and bounds for what it would choke on."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cluster.tree import MAX_BYTES, MAX_DEPTH, Value, read_documents
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.spec.document import Mark


def plain(value: Value) -> object:
    """The value without places."""
    if isinstance(value.content, dict):
        return {key: plain(inner) for key, (_, inner) in value.content.items()}
    return [plain(item) for item in value.content] if isinstance(value.content, list) else value.content


def values(text: str) -> list[object]:
    """The documents without places."""
    return [plain(value) for value in read_documents(text.encode(), "m.yaml")]


def refused(text: str | bytes) -> str:
    """Every sentence about a text."""
    with pytest.raises(ConfigurationError) as caught:
        read_documents(text if isinstance(text, bytes) else text.encode(), "m.yaml")
    return str(caught.value)


def test_several_documents_with_the_place_of_every_part() -> None:
    """Lines and columns count from 1, those of keys too."""
    first, second = read_documents(b"a: {b: [x, 'y']}\n---\n- c\n", "m.yaml")
    assert first.get("a", "b").items[1].mark == Mark(1, 12)
    assert (first.key("a").mark, first.get("a").key("b").mark) == (Mark(1, 1), Mark(1, 5))
    assert second.items[0].mark == Mark(3, 3)
    assert (first.get("a", "b").texts, second.texts) == (("x", "y"), ("c",))


def test_what_is_absent_has_the_place_of_what_it_would_be_in() -> None:
    """However deep it would be."""
    (document,) = read_documents(b"a:\n  b: null\n  c: 1\n", "m.yaml")
    assert document.get("a", "x", "y").mark == document.get("a").mark == Mark(2, 3)
    assert document.get("a").key("x").mark == Mark(2, 3)
    assert document.get("a", "b").absent
    assert document.get("a", "b").mark == Mark(2, 6)
    assert Value(Mark(1, 1), 5).key("x").absent
    assert (document.get("a").text, document.items, document.get("a", "c").pairs) == ("", [], {})
    assert not document.get("a", "c").flag


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("on", True),
        ("True", True),
        ("No", False),
        ("off", False),
        ("~", None),
        ("", None),
        ("017", 17),
        ("-3", -3),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        ("1.0e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("'yes'", "yes"),
        ('"1"', "1"),
        ("!!str 1", "1"),
        ("|-\n  1", "1"),
    ],
)
def test_scalars_are_those_of_kubernetes(text: str, value: object) -> None:
    """Words for true and false count, quoted ones are text."""
    assert values(f"a: {text}\n") == [{"a": value}]


def test_anchors_aliases_and_merge_keys() -> None:
    """A mapping's own keys win, then those that were named first."""
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {<<: [*x, *y], a: 0}\nw: {<<: *y}\nv: *x\n"
    one, two = {"a": 1, "b": 2}, {"b": 3, "c": 4}
    assert values(text) == [{"x": one, "y": two, "z": {"a": 0, "b": 2, "c": 4}, "w": two, "v": one}]
    assert values("a: &a 1\nb: [*a, &c [2], *c]\n") == [{"a": 1, "b": [1, [2], [2]]}]
    assert values('"<<": 5\n') == [{"<<": 5}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: *x\n", "m.yaml:1:4: alias *x names nothing above it: write the value out"),
        ("a: &a 1\n---\nb: *a\n", "m.yaml:3:4: alias *a names nothing above it: write the value out"),
        ("a: &a\n  b: *a\n", "m.yaml:2:6: alias *a stands inside what it names: write the value out"),
        ("a: 1\na: 2\n", 'm.yaml:2:1: duplicate key "a": it stands on line 1 already: delete one of the two'),
        ("? [a]\n: 1\n", "m.yaml:1:3: a list or mapping cannot be a key: write a name"),
        ("a: &a x\n*a : 1\n", "m.yaml:2:1: an alias cannot be a key: write the name"),
        ("a: {<<: 5}\n", "m.yaml:1:9: << stands before what is no mapping: write the keys out"),
        ("a: {<<: [{b: 1}, 2]}\n", "m.yaml:1:9: << stands before what is no mapping: write the keys out"),
        ("a: [1\n", 'm.yaml:1:4: the bracket that opens here is never closed: close it, or quote the whole value, as in "{value}"'),
        ("a: b: c\n", 'm.yaml:1:5: a colon stands where no key can be: quote a value that holds ": ", or mend the indentation of this line or the one above'),
        (b"a: \xff\n", "m.yaml:1:4: the byte 0xff is not UTF-8: save the file as UTF-8"),
        ("[" * (MAX_DEPTH + 1), f"m.yaml:1:{MAX_DEPTH + 1}: values are nested more than {MAX_DEPTH} deep: look for brackets too many"),
        (b"#" * (MAX_BYTES + 1), "m.yaml: the file has 8,000,001 bytes, at most 8,000,000 are read: name the manifests one by one"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else None,
)  # fmt: skip
def test_what_cannot_be_read(text: str | bytes, sentence: str) -> None:
    """Each fault has its place and a way out."""
    assert refused(text) == sentence


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    """What they stand for is counted before anybody walks it."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 20)]
    assert refused("\n".join(lines)) == (
        "m.yaml:6:20: the file stands for more than 400,000 values: split it, or write fewer aliases"
    )


def test_a_bomb_of_merge_keys_is_refused_too() -> None:
    """They copy keys, so that they count like aliases."""
    lines = ["m0: &m0 {" + ", ".join(f"k{n}: [1, 2, 3, 4, 5, 6, 7, 8, 9]" for n in range(1000)) + "}"]
    lines += [f"n{n}: {{<<: *m0}}" for n in range(100)]
    assert "the file stands for more than 400,000 values" in refused("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("kind: Pod\nname: {{ .Values.x }}\n", "2:7"),
        ("{{- if .Values.x }}\nkind: Pod\n{{- end }}\n", "1:1"),
        ("kind: Pod\nspec:\n  {{- toYaml .Values.spec | nindent 2 }}\n", "3:3"),
    ],
)
def test_a_template_is_not_rendered(text: str, place: str) -> None:
    """It says what to do first."""
    assert refused(text) == (
        f"m.yaml:{place}: this is a template of a Helm chart and no manifest yet: "
        "render it first: helm template CHART > manifests.yaml"
    )


def test_braces_in_quotes_are_no_template() -> None:
    """Alerts and workflows have them."""
    assert values('text: "{{ $labels.node }}"\n') == [{"text": "{{ $labels.node }}"}]


def test_json_with_tabs_and_a_byte_order_mark() -> None:
    """As editors on Windows write it."""
    assert values('\ufeff{\n\t"a": [1],\r\n\t"b": "x"\n}\n') == [{"a": [1], "b": "x"}]


def told(source: bytes) -> None:
    """Read a text; what is wrong with it has a sentence and a file."""
    findings: tuple[Diagnostic, ...] = ()
    try:
        read_documents(source, "m.yaml")
    except ConfigurationError as error:
        findings = error.diagnostics
    assert all(item.message and item.path == "m.yaml" for item in findings)


TEXT = "a: &x {b: [1, 'c'], d: |\n  text\n}\ne: {<<: *x, f: \"g\"}\n---\n- *y\n- ? k\n  : v\n"


@given(st.text(alphabet=st.sampled_from("ab&*x:,[]{}\n -?'\"|>!%#<\t\\\x00\x85é"), max_size=60))
def test_any_text_is_values_or_sentences(text: str) -> None:
    """Never a traceback."""
    told(text.encode("utf-8", "surrogatepass"))


@given(st.data())
def test_any_mutation_is_values_or_sentences(data: st.DataObject) -> None:
    """A character changed, lost or doubled."""
    text = TEXT
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        text = (
            text[:place]
            + data.draw(st.sampled_from(["", "*", "&x ", "\t", "{{", "'", ": "]))
            + text[place + 1 :]
        )
    told(text.encode())


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(WORDS, JSON, max_size=3))
def test_what_is_dumped_is_read(value: dict[str, object]) -> None:
    """In another writer's YAML."""
    assert values(yaml.safe_dump(value, allow_unicode=True)) == [value]
