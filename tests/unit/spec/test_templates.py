# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Placeholders: what they become, what braces stand for, and a sentence for each mistake."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.spec.model import PLACEHOLDERS
from buildtools.spec.templates import TemplateError, fill, names_in

VALUES = {"name": "app", "os": "linux", "arch": "arm64", "variant": "", "exe": ""}
LISTED = "there are {name}, {os}, {arch}, {variant}, {exe}, and {{ for a brace that is meant"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("plain text", "plain text"),
        ("{name}", "app"),
        ("{name}-{os}{arch}", "app-linuxarm64"),
        ("app{exe}", "app"),
        ("v{variant}.", "v."),
        ("{{name}}", "{name}"),
        ("{{{name}}}", "{app}"),
        ("{{}}", "{}"),
        ("{{{{", "{{"),
        ("a}}b", "a}b"),
        ("${{HOME}}", "${HOME}"),
        ("$HOME $(A) %B% $", "$HOME $(A) %B% $"),
        ("$ {os}", "$ linux"),
        ("line\n{os}\n", "line\nlinux\n"),
    ],
)
def test_placeholders_are_filled_in(text: str, filled: str) -> None:
    """Each becomes its value, doubled braces become one, and all else stays."""
    assert fill(text, VALUES) == filled


@pytest.mark.parametrize("text", ["{out}/app", "a{out}{out}", "{{{out}}}"])
def test_what_is_kept_stays_a_placeholder(text: str) -> None:
    """For whoever knows its value later."""
    assert fill(text, VALUES, keep={"out"}) == text.replace("{{", "{").replace("}}}", "}}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "a { stands alone: write {{ for a brace that is meant"),
        ("a } b", "a } stands alone: write }} for a brace that is meant"),
        ("{na{me}", "a { stands alone: write {{ for a brace that is meant"),
        ("{name}}", "a } stands alone: write }} for a brace that is meant"),
        ("{nmae}", "unknown placeholder {nmae}: did you mean {name}?"),
        ("{ name }", "unknown placeholder { name }: did you mean {name}?"),
        ("{Name}", "unknown placeholder {Name}: did you mean {name}?"),
        ("{}", f"unknown placeholder {{}}: {LISTED}"),
        ("{zzz}", f"unknown placeholder {{zzz}}: {LISTED}"),
        ("{zzz} {", f"unknown placeholder {{zzz}}: {LISTED}"),
        ("{port}", "placeholder {port} has no meaning here: {port} is a free port on the loopback address (in lifecycle only)"),
        ("${os}", "no shell reads ${os}: write {os}, or ${{os}} for the text itself"),
        ("$${HOME}", "no shell reads ${HOME}: write ${{HOME}} for the text itself"),
        ("${port}", "no shell reads ${port}: write ${{port}} for the text itself"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_sentence(text: str, sentence: str) -> None:
    """What is wrong and what to write; the two parts are there for findings."""
    with pytest.raises(TemplateError) as caught:
        fill(text, VALUES)
    assert str(caught.value) == sentence
    assert f"{caught.value.message}: {caught.value.hint}" == sentence


def test_what_is_kept_is_among_the_choices() -> None:
    """In guesses, in the list, and behind a dollar."""
    for text, sentence in {
        "{outt}": "unknown placeholder {outt}: did you mean {out}?",
        "{qqq}": "unknown placeholder {qqq}: there are {os}, {fetch}, {out}, and {{ for a brace that is meant",
        "${out}": "no shell reads ${out}: write {out}, or ${{out}} for the text itself",
    }.items():
        with pytest.raises(TemplateError) as caught:
            fill(text, {"os": "linux"}, keep={"out", "fetch"})
        assert str(caught.value) == sentence


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_placeholder_is_explained_where_it_means_nothing(name: str) -> None:
    """The sentence says where it has its meaning."""
    with pytest.raises(TemplateError) as caught:
        fill(f"{{{name}}}", {})
    assert (
        str(caught.value) == f"placeholder {{{name}}} has no meaning here: {{{name}}} is {PLACEHOLDERS[name]}"
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", set()),
        ("{os}/{arch}/{os}", {"os", "arch"}),
        ("{{os}}", set()),
        ("{{{os}}}", {"os"}),
        ("{zzz", set()),
        ("{}", {""}),
    ],
)
def test_names_are_those_in_single_braces(text: str, names: set[str]) -> None:
    """Doubled braces name nothing, and no text is refused."""
    assert names_in(text) == names


NAMES = st.sampled_from(sorted(VALUES))


@given(
    parts=st.lists(st.tuples(st.text(), NAMES)),
    values=st.fixed_dictionaries(dict.fromkeys(VALUES, st.text())),
)
def test_a_value_is_put_in_as_it_is(parts: list[tuple[str, str]], values: dict[str, str]) -> None:
    """J15: braces in a value lead to no other value, so nothing can be cyclic."""
    text = expected = ""
    for literal, name in parts:
        plain = literal.rstrip("$")
        text += plain.replace("{", "{{").replace("}", "}}") + f"{{{name}}}"
        expected += plain + values[name]
    assert fill(text, values) == expected
    assert names_in(text) == {name for _, name in parts}


@given(st.text(alphabet="{}$ aos", max_size=12))
def test_any_text_is_filled_or_refused(text: str) -> None:
    """Without single braces nothing is refused; with nothing but known names in them nothing is either."""
    clean = re.sub(r"\{\{|\}\}", "", text)
    try:
        fill(text, {"a": "", "os": "", "o": "", "s": "", "": ""})
    except TemplateError:
        assert re.search(r"[{}]", clean)
    else:
        assert not re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", clean))
