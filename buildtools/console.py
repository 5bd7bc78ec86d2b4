"""The terminal: tables, notes and faults, for a person, for a log and for GitHub Actions.

Results go to stdout; progress and faults go to stderr. Under GitHub Actions faults are annotations and
long work is grouped; text that comes from files or registries cannot start a workflow command.
"""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from buildtools.errors import BuildtoolsError, ConfigurationError, Diagnostic, VerificationError
from buildtools.settings import Settings

_MOST_SUMMARY: Final = 512 * 1024
"""Half of what GitHub takes of a step (1 MiB), since a step may show several tables."""
_NEW_LINE: Final = "\n"
_LOG_WIDTH: Final = 200
"""Columns of what is no terminal."""
_STYLES: Final = {"error": "bold red", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text under named columns; `right` names the columns whose numbers align at the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    right: frozenset[str] = frozenset()


@dataclass(kw_only=True)
class Console:
    """Where a run writes to; one a process."""

    settings: Settings
    out: IO[str] = field(default_factory=lambda: _stream("stdout"))
    err: IO[str] = field(default_factory=lambda: _stream("stderr"))
    quiet: bool = False
    printed: bool = field(default=False, init=False)
    """Whether the result has begun."""
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)
    _status: Any = field(default=None, init=False)

    def print(self, text: str = "") -> None:
        """A line of the result."""
        with self._lock:
            self.printed = True
            self._write(self.out, f"{text}\n")

    def table(self, table: Table) -> None:
        """A table of the result: columns for a person, drawn as wide as its text."""
        with self._lock:
            self.printed = True
            if not self.out.isatty() and not self.settings.force_color and (lines := plain_lines(table)):
                self._write(self.out, "".join(f"{line}\n" for line in lines))
            else:
                self._draw(table)
        self.summarise(table)

    def _draw(self, table: Table) -> None:
        """A table with styles, and columns that fold where there is not room for them."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in table.columns:
            drawn.add_column(column, justify="right" if column in table.right else "left", overflow="fold")
        for row in table.rows:
            drawn.add_row(*(Text(printable(cell)) for cell in row))

        def draw(rich: Any) -> None:
            if table.title:
                rich.print(Text(printable(table.title), style="bold"), soft_wrap=True)
            rich.print(drawn)

        self._write(self.out, self._drawn(self.out, draw))

    def summarise(self, table: Table) -> None:
        """Append a table to the step summary of GitHub Actions, where there is one."""
        path = self.settings.github_step_summary
        if not (path and self.settings.github_actions):
            return
        text = markdown(table)
        # A summary that grew too long would fail the upload of the whole step's.
        if len(text.encode()) <= _MOST_SUMMARY:
            with self._lock, path.open("a", encoding="utf-8") as file:
                file.write(text)

    def note(self, text: str) -> None:
        """What is going on: the spinner's text on a terminal, a line of its own elsewhere."""
        if self.quiet:
            return
        with self._lock:
            if self._status is not None:
                self._status.update(printable(text))
            else:
                self._write(self.err, f"{printable(text)}\n")

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Long work: a spinner with the seconds so far on a terminal, a group under GitHub Actions."""
        if self.quiet:
            yield
        elif self.settings.github_actions:
            self._write(self.err, f"::group::{_command(text)}\n")
            try:
                yield
            finally:
                self._write(self.err, "::endgroup::\n")
        elif self.err.isatty():
            with self._spinner(text):
                yield
        else:
            self.note(text)
            yield

    @contextmanager
    def _spinner(self, text: str) -> Iterator[None]:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=self._rich(self.err), transient=True) as progress:
            task = progress.add_task(text)
            self._status = _Spinner(progress, task)
            try:
                yield
            finally:
                self._status = None

    def fault(self, error: BuildtoolsError) -> None:
        """An error, with every finding that it carries, where people and GitHub look for it."""
        findings: Iterable[Diagnostic] = ()
        if isinstance(error, ConfigurationError | VerificationError):
            findings = error.diagnostics
        for finding in findings:
            self.finding(finding)
        if not isinstance(error, ConfigurationError):
            self.finding(Diagnostic(code="error", message=error.message, hint=error.hint))

    def finding(self, finding: Diagnostic) -> None:
        """One finding: `file:line:column: error: what is wrong: what to do`."""
        place = ":".join(str(part) for part in (finding.path, finding.line, finding.column) if part)
        text = ": ".join(part for part in (finding.message, finding.hint) if part)
        parts = (
            *([(f"{printable(place)}: ", "bold")] if place else []),
            (f"{finding.severity}: ", _STYLES[finding.severity]),
            (f"{printable(text, keep=_NEW_LINE)}\n", None),
        )

        def draw(rich: Any) -> None:
            for part, style in parts:
                rich.print(part, style=style, end="", markup=False, highlight=False, soft_wrap=True)

        with self._lock:
            if self.settings.github_actions:
                self._write(self.err, annotation(finding) + "\n")
            self._write(self.err, self._drawn(self.err, draw))

    def close(self) -> None:
        """Send what is left in buffers; raises OSError where that cannot be written."""
        self._write(self.out, "")

    def _write(self, file: IO[str], text: str) -> None:
        """Write; a reader that has gone (`... | head`) ends nothing, since the exit code is still to tell."""
        try:
            file.write(text)
            if file is self.err or not text:
                file.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())

    def _drawn(self, file: IO[str], draw: Callable[[Any], None]) -> str:
        """What is drawn for a file, as text: written by rich itself, a reader that has gone ends the run."""
        rich = self._rich(file)
        with rich.capture() as captured:
            draw(rich)
        return str(captured.get())

    def _rich(self, file: IO[str]) -> Any:
        from rich.console import Console as RichConsole

        force = True if self.settings.force_color else None
        no_color = self.settings.no_color or None
        width = None if file.isatty() else _LOG_WIDTH
        # Without emoji: `oci:x:` is a layout's name and no picture.
        return RichConsole(
            file=file,
            force_terminal=force,
            no_color=no_color,
            width=width,
            legacy_windows=False,
            emoji=False,
        )


def _stream(name: str) -> IO[str]:
    """Standard output or error; a file that takes all where the caller closed it (`>&-`)."""
    found: IO[str] | None = getattr(sys, name)
    return found or Path(os.devnull).open("w", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Spinner:
    progress: Any
    task: Any

    def update(self, text: str) -> None:
        self.progress.update(self.task, description=text)


def annotation(finding: Diagnostic) -> str:
    """The finding as a GitHub Actions workflow command."""
    kind = "notice" if finding.severity == "note" else finding.severity
    places = {"file": finding.path, "line": finding.line, "col": finding.column, "title": finding.code}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in places.items() if value)
    text = ": ".join(part for part in (finding.message, finding.hint) if part)
    return f"::{kind} {properties}::{_command(text)}"


def markdown(table: Table) -> str:
    """A table in GitHub's Markdown; what cells hold is text and never markup."""
    right = ["---:" if column in table.right else "---" for column in table.columns]
    rows = [table.columns, right, *([_cell(cell) for cell in row] for row in table.rows)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    title = [f"### {_cell(table.title)}", ""] if table.title else []
    return "\n".join([*title, *lines, "", ""])


def _cell(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", printable(text))


def printable(text: str, *, keep: str = "") -> str:
    """The text with control characters written out, so that no label starts a workflow command."""
    safe = "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)
    return "\n".join(
        line.replace("::", ":\u200b:") if line.lstrip().startswith("::") else line
        for line in safe.split("\n")
    )


def plain_lines(table: Table) -> list[str] | None:
    """The lines that rich draws where it has no colours and room for all of it; None where it has not.

    A log needs no more, and loading rich takes as long as asking a registry.
    """
    rows = [table.columns, *([printable(cell) for cell in row] for row in table.rows)]
    if not all(_is_narrow(cell) for row in rows for cell in row):
        return None
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if not widths or sum(widths) + 3 * len(widths) - 1 > _LOG_WIDTH:
        return None
    sides = [_right if column in table.right else str.ljust for column in table.columns]
    drawn = [
        "   ".join(side(cell, width) for cell, side, width in zip(row, sides, widths, strict=True))
        for row in rows
    ]
    width = len(drawn[0])
    lines = ["", drawn[0], "─" * width, *drawn[1:], ""]
    return [*filter(None, (printable(table.title),)), *(f" {line:{width}} " for line in lines)]


def _right(text: str, width: int) -> str:
    return text.rstrip().rjust(width)


def _is_narrow(text: str) -> bool:
    """Whether every character takes one column of a terminal."""
    if text.isascii():
        return True
    import unicodedata  # for few texts

    return all(
        unicodedata.east_asian_width(c) not in "FW" and unicodedata.category(c) not in {"Mn", "Me", "Cf"}
        for c in text
    )


def size(count: int | None) -> str:
    """Bytes as people read them: `7.4 MB`; `–` where the size is unknown."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def seconds(duration: float) -> str:
    """A duration as people read it: `0.4 s`, `1 min 05 s`."""
    if duration < 60:
        return f"{duration:.1f} s"
    return f"{int(duration // 60)} min {int(duration % 60):02} s"


class Stopwatch:
    """Seconds since it was made, by the monotonic clock."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._start


def _command(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _command(text).replace(":", "%3A").replace(",", "%2C")
