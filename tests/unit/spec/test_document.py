"""Documents and reports: where values stand, and what is found about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import Diagnostic
from buildtools.spec.document import Document, Mark, Place, Report, capped, one_line

PLACES = {
    (): Place(Mark(1, 1), Mark(1, 1)),
    ("files",): Place(Mark(1, 1), Mark(2, 3)),
    ("files", 0): Place(Mark(2, 3), Mark(2, 5), "a"),
    ("name",): Place(Mark(3, 1), Mark(3, 7), "x"),
}


@pytest.fixture
def report() -> Report:
    """Nothing found yet about a small document."""
    value = {"files": ["a"], "name": "x"}
    return Report(Document(path="image.yaml", value=value, places=PLACES))


def test_a_place_that_the_file_does_not_hold_is_the_nearest_around_it(report: Report) -> None:
    """However deep the trail leads."""
    document = report.document
    assert document.place(("files", 0)) == PLACES["files", 0]
    assert document.place(("files", 0, "to", "linux")) == PLACES["files", 0]
    assert document.place(("files", 1, "to")) == PLACES["files",]
    assert document.place(("config", "env")) == PLACES[()]


def test_a_finding_stands_at_a_value_or_its_key(report: Report) -> None:
    """With the code, the sentence and the file's name."""
    report.add("type", ("name",), "what is wrong", "what to do")
    report.add("unknown-key", ("name",), "what is wrong", at_key=True)
    assert report.findings == (
        Diagnostic(code="unknown-key", message="what is wrong", path="image.yaml", line=3, column=1),
        Diagnostic(
            code="type", message="what is wrong", hint="what to do", path="image.yaml", line=3, column=7
        ),
    )
    assert [str(finding) for finding in report.findings] == [
        "image.yaml:3:1: what is wrong",
        "image.yaml:3:7: what is wrong: what to do",
    ]


def test_findings_are_in_the_order_of_the_file_and_each_is_told_once(report: Report) -> None:
    """Several variants find the same; of two at one place the first found comes first."""
    assert not report.failed
    for trail, message in [(("name",), "b"), (("files", 0), "z"), (("name",), "a"), (("name",), "b")]:
        report.add("value", trail, message)
    assert report.failed
    assert [(finding.line, finding.message) for finding in report.findings] == [(2, "z"), (3, "b"), (3, "a")]


def test_a_report_shows_twenty_findings(report: Report) -> None:
    """And says how many there are beside them."""
    for number in range(23):
        report.add("value", ("name",), f"wrong {number}")
    assert len(report.findings) == 21
    assert str(report.findings[19]) == "image.yaml:3:7: wrong 19"
    note = report.findings[20]
    assert str(note) == "image.yaml: 3 more findings are not shown: mend these first"
    assert (note.severity, note.code) == ("note", "more")


@given(st.integers(0, 60))
def test_no_finding_is_lost_uncounted(count: int) -> None:
    """Twenty at the most are kept, and the note counts the rest."""
    every = [Diagnostic(code="value", message=str(number), path="p") for number in range(count)]
    shown = capped(iter(every))
    assert list(shown[:20]) == every[:20]
    assert [str(note) for note in shown[20:]] == (
        [f"p: {count - 20} more findings are not shown: mend these first"] if count > 20 else []
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("C:\\app é 漢", "C:\\app é 漢"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m\x07", "\\x9b31m\\x07"),
        ("\u2028\u202e\ufeff\ud800", "\\u2028\\u202e\\ufeff\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_no_terminal_shows_is_escaped(text: str, shown: str, report: Report) -> None:
    """So that a sentence is one line, and nothing in a file moves the cursor or turns the text round."""
    assert one_line(text) == shown
    report.add("value", (), text, text)
    assert [str(finding) for finding in report.findings] == [f"image.yaml:1:1: {shown}: {shown}"]


@given(st.text())
def test_any_text_is_one_line(text: str) -> None:
    """Printable text stays as it is."""
    assert one_line(text).isprintable()
    assert (one_line(text) == text) is text.isprintable()
