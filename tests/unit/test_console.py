"""The terminal: tables, notes, faults, and text that cannot take it over."""

import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buildtools.console import Console, Stopwatch, Table, annotation, plain_lines, printable, seconds, size
from buildtools.errors import BuildError, ConfigurationError, Diagnostic, VerificationError
from buildtools.settings import Settings

FINDING = Diagnostic(
    code="unknown-key",
    message='unknown key "platfroms"',
    hint='did you mean "platforms"?',
    path="images/a/image.yaml",
    line=3,
    column=1,
)


def console(**settings: bool) -> Console:
    """A console on two strings."""
    return Console(settings=Settings(**settings), out=io.StringIO(), err=io.StringIO())


def test_a_finding_is_one_line_with_place_fault_and_remedy() -> None:
    """People and editors read file:line:column first."""
    terminal = console()
    terminal.fault(ConfigurationError(FINDING))
    assert terminal.err.getvalue() == (
        'images/a/image.yaml:3:1: error: unknown key "platfroms": did you mean "platforms"?\n'
    )


def test_a_name_between_colons_is_no_picture() -> None:
    """The layout `x` is not a red cross."""
    terminal = console()
    terminal.finding(Diagnostic(code="c", message=":no_entry: wrong", path="oci:x"))
    assert terminal.err.getvalue() == "oci:x: error: :no_entry: wrong\n"


def test_an_error_without_a_place_says_what_and_what_to_do() -> None:
    """Errors that are not about a file have no colon in front."""
    terminal = console()
    terminal.fault(BuildError("the disk is full", hint="make room"))
    assert terminal.err.getvalue() == "error: the disk is full: make room\n"


def test_a_verification_error_shows_its_findings_before_its_summary() -> None:
    """The sum comes last, where the eye is."""
    terminal = console()
    terminal.fault(VerificationError("1 fault in 1 file", diagnostics=(FINDING,)))
    lines = terminal.err.getvalue().splitlines()
    assert lines[0].startswith("images/a/image.yaml:3:1: error: unknown key")
    assert lines[1] == "error: 1 fault in 1 file"


def test_under_github_actions_a_finding_is_an_annotation_too() -> None:
    """GitHub shows it beside the line of the file."""
    terminal = console(github_actions=True)
    terminal.fault(ConfigurationError(FINDING))
    first = terminal.err.getvalue().splitlines()[0]
    assert first == (
        "::error file=images/a/image.yaml,line=3,col=1,title=unknown-key::"
        'unknown key "platfroms": did you mean "platforms"?'
    )


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (Diagnostic(code="c", message="50% of\ntwo"), "::error title=c::50%25 of%0Atwo"),
        (
            Diagnostic(code="c", message="m", path="a,b:c", severity="warning"),
            "::warning file=a%2Cb%3Ac,title=c::m",
        ),
        (Diagnostic(code="c", message="m", severity="note"), "::notice title=c::m"),
    ],
)
def test_annotations_escape_what_the_runner_would_read(finding: Diagnostic, text: str) -> None:
    """Percent signs, line ends, commas and colons have a meaning in workflow commands."""
    assert annotation(finding) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – text", "plain – text"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines", "two\\nlines"),
        ("::set-output name=a::b", ":\u200b:set-output name=a:\u200b:b"),
        ("  ::add-mask::x", "  :\u200b:add-mask:\u200b:x"),
        ("a::b", "a::b"),
    ],
)
def test_text_of_strangers_cannot_take_over_the_terminal(text: str, shown: str) -> None:
    """Labels and tags are anybody's text: no control character, no workflow command."""
    assert printable(text) == shown


def test_no_line_of_a_text_starts_a_workflow_command() -> None:
    """Where line breaks are kept, each line is one on its own."""
    text = "linux/amd64/x\n::error::stolen\n  ::set-output name=a::b\nC::D"
    assert printable(text, keep="\n").split("\n") == [
        "linux/amd64/x",
        ":\u200b:error:\u200b:stolen",
        "  :\u200b:set-output name=a:\u200b:b",
        "C::D",
    ]


def test_a_table_draws_columns_and_rows() -> None:
    """Every cell is there, under its column."""
    terminal = console()
    table = Table(
        columns=("image", "size"), rows=[("whoami", "1 B")], title="Images", right=frozenset({"size"})
    )
    terminal.table(table)
    text = terminal.out.getvalue()
    assert [line.split() for line in text.splitlines() if line.strip(" ─")] == [
        ["Images"],
        ["image", "size"],
        ["whoami", "1", "B"],
    ]


def test_a_table_shows_markup_as_text() -> None:
    """A label such as [bold] is not a style."""
    terminal = console()
    terminal.table(Table(columns=("a",), rows=[("[bold]x[/bold]",)]))
    assert "[bold]x[/bold]" in terminal.out.getvalue()


TABLE = Table(
    title="What *is*", columns=("name", "size"), rows=[("a|b", "1 B"), ("<b>", "")], right=frozenset({"size"})
)
MARKDOWN = """\
### What \\*is\\*

| name | size |
| --- | ---: |
| a\\|b | 1 B |
| \\<b\\> |  |

"""


def test_a_table_is_in_the_step_summary(tmp_path: Path) -> None:
    """As Markdown in which nothing of a stranger's is markup, behind what is there already."""
    summary = tmp_path / "summary.md"
    terminal = Console(
        settings=Settings(github_actions=True, github_step_summary=summary),
        out=io.StringIO(),
        err=io.StringIO(),
    )
    terminal.table(TABLE)
    terminal.summarise(TABLE)
    assert summary.read_text() == MARKDOWN * 2
    terminal.summarise(Table(columns=("x",), rows=[("y" * 600_000,)]))
    assert summary.read_text() == MARKDOWN * 2


def test_without_actions_there_is_no_step_summary(tmp_path: Path) -> None:
    """The variable alone may be left over from somewhere."""
    summary = tmp_path / "summary.md"
    terminal = Console(settings=Settings(github_step_summary=summary), out=io.StringIO(), err=io.StringIO())
    terminal.table(TABLE)
    assert not summary.exists()


@given(
    columns=st.lists(st.text("abc –×", min_size=1, max_size=9), min_size=1, max_size=5, unique=True),
    rows=st.lists(st.lists(st.text(max_size=30), min_size=5, max_size=5), max_size=5),
    right=st.integers(0, 31),
)
@example(columns=["a"], rows=[["0 ", "", "", "", ""]], right=1)
def test_a_log_gets_the_table_that_rich_draws(columns: list[str], rows: list[list[str]], right: int) -> None:
    """What is drawn without loading rich is what rich draws, space by space."""
    columns = [f"{name.strip()}{number}" for number, name in enumerate(columns)]
    table = Table(
        columns=columns,
        rows=[row[: len(columns)] for row in rows],
        right=frozenset(name for number, name in enumerate(columns) if right >> number & 1),
    )
    lines = plain_lines(table)
    terminal = console()
    terminal._draw(table)
    if lines is not None:
        assert "".join(f"{line}\n" for line in lines) == terminal.out.getvalue()


@pytest.mark.parametrize("cell", ["漢字", "e\u0301", "x" * 201])
def test_rich_draws_what_is_wide(cell: str) -> None:
    """A character of two columns or of none, and what must be folded, is rich's to draw."""
    assert plain_lines(Table(columns=("a",), rows=[(cell,)])) is None


def test_a_title_stands_in_one_line() -> None:
    """A digest that is broken in two cannot be copied, whoever draws the table."""
    table = Table(columns=("a",), rows=[("1",)], title="a title that is longer than its table")
    terminal = console()
    terminal.table(table)
    terminal._draw(table)
    assert terminal.out.getvalue().splitlines()[:1] * 2 == [table.title] * 2
    assert terminal.out.getvalue().count(f"{table.title}\n") == 2


def test_notes_are_lines_and_quiet_leaves_them_out() -> None:
    """A log has one line a note; `--quiet` has none."""
    terminal = console()
    terminal.note("compiling")
    assert terminal.err.getvalue() == "compiling\n"
    terminal.quiet = True
    terminal.note("compiling")
    with terminal.working("building"):
        pass
    assert terminal.err.getvalue() == "compiling\n"


def test_work_is_a_group_under_github_actions() -> None:
    """The group ends even where the work fails."""
    terminal = console(github_actions=True)
    with pytest.raises(BuildError), terminal.working("building"):
        raise BuildError("no")
    assert terminal.err.getvalue() == "::group::building\n::endgroup::\n"


class Terminal(io.StringIO):
    """A string that claims to be a terminal."""

    def isatty(self) -> bool:
        """Always."""
        return True


def test_work_on_a_terminal_is_a_spinner_that_leaves_nothing_behind() -> None:
    """Notes change the spinner's text; once the work ends the line is cleared."""
    terminal = Console(settings=Settings(no_color=True), out=io.StringIO(), err=Terminal())
    with terminal.working("building"):
        terminal.note("compiling whoami")
    terminal.note("done")
    text = terminal.err.getvalue()
    assert "compiling whoami" in text
    assert text.endswith("done\n")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (7_400_000, "7.4 MB"),
        (2_500_000_000_000, "2500.0 GB"),
    ],
)
def test_sizes(count: int | None, text: str) -> None:
    """Decimal units, as registries count."""
    assert size(count) == text


@pytest.mark.parametrize(("duration", "text"), [(0.44, "0.4 s"), (65.2, "1 min 05 s")])
def test_durations(duration: float, text: str) -> None:
    """Seconds, and minutes where they are many."""
    assert seconds(duration) == text


def test_a_stopwatch_never_runs_backwards() -> None:
    """It reads the monotonic clock."""
    watch = Stopwatch()
    assert 0 <= watch() <= watch()
