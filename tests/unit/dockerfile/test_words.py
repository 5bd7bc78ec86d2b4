r"""Words and variables: the table of the Dockerfile reference, and what never may happen with any text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.dockerfile.words import LONGEST, WordError, expand, expand_words, split_words

VALUES = {"a": "one", "path": "/usr/lib/x.tar.gz", "empty": "", "two": "a  b", "A_1": "n"}


def filled(text: str, escape: str = "\\", *, quotes: bool = True) -> str:
    """The text with the variables of the tests."""
    return expand(text, VALUES.get, escape, quotes=quotes)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$a", "one"),
        ("${a}", "one"),
        ("x${a}y$a.z", "xoneyone.z"),
        ("$ab ${A_1}", " n"),
        ("$", "$"),
        ("a$ b", "a$ b"),
        ("$1x$12", "x"),
        ("$@$", "$"),
        ("${gone:-d}", "d"),
        ("${empty:-d}${empty-d}", "d"),
        ("${gone-$a}", "one"),
        ("${a:+set}${empty:+set}${empty+set}${gone+set}", "setset"),
        ("${a:?must}${a?must}", "oneone"),
        ("${path#*/}", "usr/lib/x.tar.gz"),
        ("${path##*/}", "x.tar.gz"),
        ("${path%.*}", "/usr/lib/x.tar"),
        ("${path%%.*}", "/usr/lib/x"),
        ("${path#nothing}${a%x}", "/usr/lib/x.tar.gzone"),
        ("${path#/us?}", "/lib/x.tar.gz"),
        ("${path%\\?z}", "/usr/lib/x.tar.gz"),
        ("${path/lib/bin}", "/usr/bin/x.tar.gz"),
        ("${path//.*./-}${a/o/}${gone/a/b}", "/usr/lib/x-gzne"),
        ("${path/\\//_}", "_usr/lib/x.tar.gz"),
        ("${gone#x}", ""),
        ("'$a'", "$a"),
        ("\"$a 'x'\"", "one 'x'"),
        ('"\\"\\$a\\\\ \\n"', '"$a\\ \\n'),
        ("\\$a\\n", "$an"),
        ("a\\", "a"),
        ('"a\\"b"', 'a"b'),
        ("${gone:-'x y'}", "x y"),
    ],
)
def test_variables(text: str, result: str) -> None:
    """Each form, with the value that the reference's rules give."""
    assert filled(text) == result


def test_a_backtick_escapes() -> None:
    r"""So that backslashes are names' separators: C:\app."""
    assert filled("C:\\$a\\`$a", "`") == "C:\\one\\$a"


def test_quotes_of_a_here_document() -> None:
    """Are characters like others."""
    assert filled("'$a' \"$a\" \\$a", quotes=False) == "'one' \"one\" $a"


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("'x", 0, "a single quote is never closed"),
        ('a"x', 1, "a double quote is never closed"),
        ('"x\\', 0, "a double quote is never closed"),
        ("${}", 0, "${...} names no variable"),
        ("${:-x}", 0, "${...} names no variable"),
        ("x${", 1, "${...} names no variable"),
        ("${a", 0, "} is missing"),
        ("${a:", 0, "} is missing"),
        ("${a:-x", 0, "} is missing"),
        ("${a/b", 0, "/ is missing"),
        ("${a/b/c", 0, "} is missing"),
        ("${a//x}", 0, "/ is missing"),
        ("${a/ /}${a!x}", 7, "${a! is no way to fill a variable in"),
        ("${a:#x}", 0, "${a:# is no way to fill a variable in"),
        ("${a///x}", 0, "${a/...} replaces nothing"),
        ("${gone:?say it}", 0, "gone: say it"),
        ("${gone?}", 0, "gone: it must be set"),
        ("${path#\\a}", 7, "\\a means nothing in a pattern"),
        ("${a:-'x}", 5, "a single quote is never closed"),
        ("${a:-" * 40, 160, "more than 32 variables stand in each other"),
    ],
)
def test_what_is_no_word(text: str, offset: int, message: str) -> None:
    """It is said where in the word."""
    with pytest.raises(WordError) as caught:
        filled(text)
    assert (caught.value.offset, caught.value.message) == (offset, message)


def test_values_do_not_grow_without_end() -> None:
    """A variable that doubles itself thirty times would fill the memory."""
    value = "x" * (LONGEST // 2)
    with pytest.raises(WordError, match=f"the value has more than {LONGEST} characters"):
        expand("$a$a$a", lambda _: value, "\\")


def test_words() -> None:
    """White space of values splits, that of quotes and escapes does not."""
    assert list(split_words(" a 'b c'  d\\ e \"f\\\" g\"", "\\")) == [
        (1, "a"), (3, "'b c'"), (10, "d\\ e"), (15, '"f\\" g"')
    ]  # fmt: skip
    assert expand_words("$two '$two' x\\ y", VALUES.get, "\\") == ["a", "b", "$two", "x y"]
    with pytest.raises(WordError) as caught:
        expand_words("ab ${", VALUES.get, "\\")
    assert caught.value.offset == 3


@given(st.text(alphabet="$ab{}:-+?#%/*'\"\\` 1\n"), st.sampled_from("\\`"))
def test_any_text(text: str, escape: str) -> None:
    """It becomes a text, or an error that points into it."""
    found: str | WordError
    try:
        found = expand(text, VALUES.get, escape)
    except WordError as error:
        found = error
    assert isinstance(found, str) or (0 <= found.offset <= len(text) and found.message and found.hint)


@given(st.text(), st.sampled_from("\\`"))
def test_what_is_quoted_stays(text: str, escape: str) -> None:
    """Every special character with an escape in front is itself."""
    quoted = re.sub(r"""([$'"\\`])""", lambda match: escape + match[0], text)
    assert expand(quoted, VALUES.get, escape) == text


@given(st.text(alphabet="ab '\"\\"), st.sampled_from("\\`"))
def test_splitting_loses_nothing(text: str, escape: str) -> None:
    """Words stand where they say, and between them is white space alone."""
    end = 0
    for offset, word in split_words(text, escape):
        assert text[end:offset].strip() == ""
        assert text[offset : offset + len(word)] == word
        end = offset + len(word)
    assert text[end:].strip() == ""


@given(st.text(alphabet="abx./"), st.text(alphabet="abx./*?"), st.sampled_from(["#", "##", "%", "%%"]))
def test_trimming(value: str, pattern: str, mark: str) -> None:
    """What is taken away matches, and none shorter (or longer) does."""
    result = expand(f"${{v{mark}{pattern}}}", {"v": value}.get, "\\")
    expression = re.compile("".join({"*": ".*", "?": "."}.get(one) or re.escape(one) for one in pattern))
    front = mark.startswith("#")
    ends = [
        value[count:] if front else value[: len(value) - count]
        for count in range(len(value) + 1)
        if expression.fullmatch(value[:count] if front else value[len(value) - count :])
    ]
    marks_first = pattern.startswith(mark[0]) and len(mark) == 1
    if not marks_first:
        assert result == ((ends[-1] if len(mark) == 2 else ends[0]) if ends else value)
