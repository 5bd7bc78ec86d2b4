"""Dockerfiles as text: lines, directives, here-documents, flags, lists; and every place exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.dockerfile.faults import MOST, Faults, Place
from buildtools.dockerfile.lines import MOST_BYTES, read_lines
from buildtools.dockerfile.parse import Instruction, parse

FOLDER_HINT = "put `# escape=`` into the first line, or write slashes, as in C:/app/"
FLAG_HINT = "arguments that begin with dashes stand in a list"


def only(text: str) -> Instruction:
    """The single instruction of a text without faults."""
    found = parse(text, "D")
    assert not found.faults
    (one,) = found.instructions
    return one


def words(one: Instruction) -> list[tuple[str, int, int]]:
    """The words with their places."""
    return [(word.text, word.place.line, word.place.column) for word in one.words]


def faults(text: str) -> list[str]:
    """What is wrong with a text."""
    return [str(fault) for fault in parse(text, "D").faults]


def test_continued_lines_and_comments() -> None:
    """Comments and empty lines between the lines of an instruction are no part of it."""
    one = only("# top\n\n  COPY a \\ \n # within\n\n\tbc \\\n   d/\n")
    assert (one.keyword, one.place) == ("COPY", Place(3, 3))
    assert words(one) == [("a", 3, 8), ("bc", 6, 2), ("d/", 7, 4)]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("RUN a\\\nb", "ab"),
        ("RUN a\\\\\nUSER b", "a\\\\"),
        ("RUN a \\", "a"),
        ("\ufeffRUN a\r\n", "a"),
        ("run a\\\n# c", "a"),
        ("RUN a `", "a `"),
    ],
)
def test_ends_of_lines(text: str, rest: str) -> None:
    """Two escape characters are one that is meant; the end of the file ends a line."""
    assert parse(text, "D").instructions[0].rest.text == rest


def test_directives() -> None:
    """They stand at the top, whatever their case; behind anything else they are comments."""
    found = parse("# Syntax = docker/dockerfile:1 \n#escape=`\n# check=skip=all\nCOPY a `\n C:\\b\\\n", "D")
    assert (found.syntax, found.escape) == ("docker/dockerfile:1", "`")
    assert words(found.instructions[0]) == [("a", 4, 6), ("C:\\b\\", 5, 2)]
    assert parse("# a comment\n# escape=`\nRUN a\n", "D").escape == "\\"
    assert parse("# escape=`", "D").escape == "`"


HERE = """\
COPY --chmod=600 <<one.txt <<-"two" b /to/
$x
 one.txt
one.txt
\ttab
\ttwo
RUN <<EOF cat
echo
EOF
RUN cat <<<here && echo $((1 << 2)) "<<x"
ONBUILD RUN <<A
a
A
ENV a=<<b
"""


def test_here_documents() -> None:
    """A quoted name keeps its variables; with a dash tabs in front are taken away."""
    found = parse(HERE, "D")
    assert not found.faults
    copy, run, plain, trigger, env = found.instructions
    documents = [(one.name, one.content, one.expand, one.place.column) for one in copy.documents]
    assert documents == [("one.txt", "$x\n one.txt\n", True, 18), ("two", "tab\n", False, 28)]
    assert [word.text for word in copy.words] == ["b", "/to/"]
    assert [one.content for one in run.documents] == ["echo\n"]
    assert (plain.documents, env.documents) == ((), ())
    assert [one.content for one in trigger.documents] == ["a\n"]
    assert parse("ONBUILD <<", "D").instructions[0].documents == ()


def test_flags() -> None:
    """In front of the arguments alone; the last of several counts, two dashes end them."""
    one = only("COPY --from=a --exclude=x --exclude='y z' --link --parents=false --chown=1 --chown=2 a --b c")
    assert [word.text for word in one.flags["exclude"]] == ["x", "y z"]
    chown = one.flag("chown")
    assert chown
    assert (chown.text, chown.place) == ("2", Place(1, 84))
    assert (one.switch("link"), one.switch("parents"), one.switch("from")) == (True, False, True)
    assert (one.flag("chmod"), one.switch("chmod")) == (None, False)
    assert [word.text for word in one.words] == ["a", "--b", "c"]
    assert [word.text for word in only("COPY -- --from b").words] == ["--from", "b"]


def test_lists() -> None:
    """A JSON list of texts is one; anything like it is words."""
    one = only('COPY [ "a b", "c\\"d" , "e" ]')
    assert one.items
    assert [(word.text, word.place.column) for word in one.items] == [("a b", 8), ('c"d', 15), ("e", 24)]
    for text in ("CMD [a]", 'CMD ["a", 1]', 'CMD ["a"', "CMD ['a']", "CMD [] x"):
        assert only(text).items is None
    assert only("CMD []").items == ()


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", ["D:1:1: there is no instruction in it: begin with FROM"]),
        ("# a\n", ["D:1:1: there is no instruction in it: begin with FROM"]),
        ("COPPY a b\n x", [
            "D:1:1: there is no instruction 'COPPY': did you mean COPY?",
            "D:2:2: there is no instruction 'x': begin the line with an instruction, as in COPY a b",
        ]),
        ("FROM a\n USER  ", ["D:2:2: USER says nothing: write its arguments, or delete the line"]),
        ("COPY --fro=a --chown b", [
            "D:1:6: COPY has no flag --fro: did you mean --from?",
            "D:1:14: --chown needs a value: write --chown=VALUE",
        ]),
        ("COPY --zzzzz=a b c", ["D:1:6: COPY has no flag --zzzzz: delete it"]),
        ("CMD --help", [
            f'D:1:5: CMD has no flag --help: {FLAG_HINT}: CMD ["--help"]',
            "D:1:1: CMD says nothing: write its arguments, or delete the line",
        ]),
        ("SHELL bash", ['D:1:7: SHELL takes a JSON list: write it as in SHELL ["cmd", "/S", "/C"]']),
        ("# escape=x\n# escape=`\n# escape=`\nFROM a", [
            "D:1:1: the directive escape is 'x', and only a backslash or a backtick can be: write # escape=`",
            "D:3:1: the directive escape stands twice: delete one of the two",
        ]),
        ("COPY <<A /x\nb", ["D:1:6: the here-document A has no end: write A alone on a line behind it"]),
        ("COPY a C:\\app\\\nUSER b", [
            f"D:1:8: the backslash at the end of C:\\app\\ joins the next line to this one: {FOLDER_HINT}",
        ]),
        ("x" * (MOST_BYTES + 1), ["D:1:1: the file is larger than 1 MiB: split it, or name another file"]),
    ],
)  # fmt: skip
def test_what_is_no_dockerfile(text: str, sentences: list[str]) -> None:
    """All of it at once, each with its place."""
    assert sorted(faults(text)) == sorted(sentences)


def test_a_folder_at_the_end_of_a_line() -> None:
    """Is no fault where the next line goes on, or where another character escapes."""
    assert not faults("COPY a C:\\app\\\n b")
    assert not faults("# escape=`\nCOPY a C:\\app\\\nUSER b")
    assert not faults("COPY a C:\\app\\")


def test_many_faults() -> None:
    """A file that is no Dockerfile does not flood the screen."""
    assert len(faults("x\n" * 1000)) == MOST


@given(st.text(alphabet="COPYFRMadb \\`#<-=[]\"'\n\t\r$", max_size=200))
def test_any_text(text: str) -> None:
    """It is read or refused, and whatever is said has a place in the file."""
    found = parse(text, "D")
    rows = text.replace("\r\n", "\n").split("\n")
    places = [one.place for one in found.instructions]
    for place in [*places, *(Place(one.line, one.column) for one in found.faults)]:
        assert 1 <= place.line <= len(rows)
        assert 1 <= place.column <= len(rows[place.line - 1]) + 1


@given(
    st.lists(st.lists(st.sampled_from(["a", "bc", "d_e"]), min_size=1, max_size=4), min_size=1, max_size=5)
)
def test_places_of_words(table: list[list[str]]) -> None:
    """However lines are broken, each word stands where it says."""
    text = "".join("ENV " + " \\\n  ".join(f"{word}=1" for word in row) + "\n" for row in table)
    rows = text.split("\n")
    for one in parse(text, "D").instructions:
        for word in one.words:
            assert rows[word.place.line - 1][word.place.column - 1 :].startswith(word.text)


def test_lines_know_their_places() -> None:
    """Of every character."""
    (line,) = read_lines("ab\\\n  cd", Faults("D")).lines
    assert line.text == "ab  cd"
    assert [line.place(offset) for offset in (1, 2, 4)] == [Place(1, 2), Place(2, 1), Place(2, 3)]
