"""The command line itself: every way to end has its exit code and a sentence, never a traceback."""

import ast
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from buildtools import cli
from buildtools.cli import main
from buildtools.console import Console
from buildtools.errors import (
    AuthenticationError,
    BuildError,
    BuildtoolsError,
    ChangesFound,
    MissingToolError,
    PartialError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from buildtools.verbs import plan as plan_verb
from buildtools.verbs import schema as schema_verb
from buildtools.verbs.base import Run
from buildtools.verbs.cluster import ACTIONS

HEAVY = {"requests", "docker", "rich", "yaml", "jsonschema_rs"}
NOXFILE = Path(__file__).parents[2] / "noxfile.py"

ENDS = [
    (BuildError("it failed", hint="try again"), 1, "error: it failed: try again\n"),
    (UsageError("no such image"), 2, "error: no such image\n"),
    (ChangesFound("1 of 3 differs"), 3, "error: 1 of 3 differs\n"),
    (VerificationError("1 error"), 4, "error: 1 error\n"),
    (AuthenticationError("not allowed"), 5, "error: not allowed\n"),
    (UnavailableError("gone"), 6, "error: gone\n"),
    (MissingToolError("no go"), 7, "error: no go\n"),
    (PartialError("1 done, 1 not"), 9, "error: 1 done, 1 not\n"),
    (BuildtoolsError("this cannot be"), 70, "error: this cannot be\n"),
    (
        KeyboardInterrupt(),
        130,
        "interrupted: what was finished is kept, nothing is half written\n",
    ),
    (
        PermissionError(errno.EACCES, os.strerror(errno.EACCES), "dist/oci"),
        1,
        "error: dist/oci cannot be used: permission is denied: check who owns it, or choose another place\n",
    ),
    (
        FileNotFoundError(errno.ENOENT, "No such file or directory", "gone.txt"),
        1,
        "error: gone.txt cannot be used: No such file or directory\n",
    ),
]


def run(monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> int:
    """The exit code of `schema` where its verb ends with this error."""

    def verb(_: Run) -> None:
        if error:
            raise error

    monkeypatch.setattr(schema_verb, "run", verb)
    return main(["schema"])


@pytest.mark.parametrize(("error", "code", "text"), ENDS, ids=lambda value: type(value).__name__)
def test_every_error_ends_as_a_sentence(
    error: BaseException,
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its exit code is that of the help text, and stdout stays empty."""
    assert run(monkeypatch, error) == code
    assert capsys.readouterr() == ("", text)


def test_a_bug_is_said_and_kept_for_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names a file with the traceback; the terminal shows none."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(monkeypatch, ZeroDivisionError("by zero")) == 70
    (kept,) = tmp_path.iterdir()
    assert capsys.readouterr().err == (
        f"error: this is a bug of buildtools (ZeroDivisionError: by zero): please report it with {kept}\n"
    )
    assert "Traceback (most recent call last)" in kept.read_text()


WORDS = """\
import sys
from buildtools import cli
from buildtools.console import Table
from buildtools.errors import Diagnostic, VerificationError
from buildtools.verbs import schema

def verb(run):
    for number in range(20):
        run.console.table(Table(columns=("a", "b"), rows=[("1", "2")] * 10))
        run.console.print("text" * 5000)
        run.console.finding(Diagnostic(code="x", message="m", severity="note"))
    if "--good" not in sys.argv:
        raise VerificationError("1 error", hint="mend it")

schema.run = verb
sys.exit(cli.main(["schema"]))
"""


@pytest.mark.parametrize(("words", "code"), [([], 4), (["--good"], 0)])
def test_a_reader_that_goes_away_leaves_the_exit_code_as_it_is(words: list[str], code: int) -> None:
    """`buildtools ... | head` under pipefail still tells what was found, without a word about the pipe."""
    with subprocess.Popen(
        [sys.executable, "-c", WORDS, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = set(process.stderr)
        assert process.wait() == code
    assert said == {"note: m\n", *(["error: 1 error: mend it\n"] if code else [])}


def test_a_reader_of_findings_that_goes_away_leaves_the_exit_code_as_it_is() -> None:
    """`2>&1 | head` closes both."""
    with subprocess.Popen(
        [sys.executable, "-c", WORDS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait() == 4


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2)])
def test_streams_that_are_closed_are_no_bug(closed: tuple[int, ...]) -> None:
    """`>&-` is a way to say that nobody listens."""
    shell = " ".join(f"{number}>&-" for number in closed)
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {shell}', sys.executable, WORDS], capture_output=True, check=False
    )
    assert done.returncode == 4
    assert b"bug" not in done.stderr


def test_what_a_newcomer_reads_first(
    golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every verb by what it is for, and what the tool's end means."""
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    golden("help.txt", capsys.readouterr().out)


def test_every_verb_is_a_nox_session_in_this_order() -> None:
    """Each says what it does; what is no verb stands before and behind them."""
    functions = [one for one in ast.parse(NOXFILE.read_text()).body if isinstance(one, ast.FunctionDef)]
    sessions = [one for one in functions if one.decorator_list]
    verbs = [verb.name for verb in cli.VERBS]
    assert [one.name for one in sessions] == ["lint", "tests", *verbs, "lock", "docs", "bench"]
    assert all(map(ast.get_docstring, sessions))


@pytest.mark.parametrize("verb", [verb.name for verb in cli.VERBS])
def test_every_verb_has_a_help_text_with_the_exit_codes(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it does, its options, and what its end means."""
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: buildtools {verb}" in shown
    assert "4  verification failed" in shown


@pytest.mark.parametrize("word", [action.name for action in ACTIONS])
def test_every_word_of_cluster_has_a_help_text(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As a verb has one, with the exit codes."""
    with pytest.raises(SystemExit) as caught:
        main(["cluster", word, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: buildtools cluster {word}" in shown
    assert "4  verification failed" in shown


def test_an_unknown_word_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The words that there are stand in the sentence."""
    with pytest.raises(SystemExit) as caught:
        main(["bild"])
    assert caught.value.code == 2
    assert "invalid choice: 'bild' (choose from" in capsys.readouterr().err


def test_the_command_line_starts_without_heavy_modules() -> None:
    """Start-up is a feature: what draws, asks registries or validates is loaded when it is needed."""
    more = {"concurrent.futures", "http.client", "isal", "msgspec", "ssl", "subprocess", "tempfile"}
    assert loaded_with("buildtools.cli", HEAVY | more) == []


@pytest.mark.parametrize("verb", [*cli.VERBS, *ACTIONS], ids=lambda verb: verb.name)
def test_a_verb_is_loaded_without_heavy_modules(verb: cli.Verb) -> None:
    """They cost more than most runs take; of our own rooms, workflows are only for those who write them."""
    rooms = {"buildtools.workflow.model"} if verb.name in {"plan", "build", "publish", "check"} else set()
    assert loaded_with(verb.module().__name__, HEAVY | rooms) == []


def loaded_with(module: str, names: set[str]) -> list[str]:
    """Which of these modules a fresh Python has when it has loaded this one."""
    code = f"import sys, {module}; print(*sorted({names} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_quiet_says_nothing_of_what_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Notes go, results and faults stay."""
    console = Console(settings=cli.Settings(), quiet=True)
    console.note("working")
    console.print("a result")
    assert capsys.readouterr() == ("a result\n", "")


def run_json(monkeypatch: pytest.MonkeyPatch, error: BaseException, *, printed: bool = False) -> int:
    """The exit code of `plan --json` where its verb ends with this error."""

    def verb(run: Run) -> None:
        if printed:
            run.json({"schema": 1})
        raise error

    monkeypatch.setattr(plan_verb, "run", verb)
    return main(["plan", "--json"])


def test_a_failure_is_json_where_json_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document on stdout, of findings; nothing on stderr."""
    assert run_json(monkeypatch, BuildError("it failed", hint="try again")) == 1
    captured = capsys.readouterr()
    (finding,) = json.loads(captured.out)["findings"]
    assert (finding["code"], finding["message"], finding["hint"]) == ("error", "it failed", "try again")
    assert captured.err == ""


def test_there_is_never_a_second_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a result the failure is a sentence."""
    assert run_json(monkeypatch, ChangesFound("1 of 3 differs"), printed=True) == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"schema": 1}
    assert captured.err == "error: 1 of 3 differs\n"


def test_github_gets_annotations_beside_the_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, which the runner reads, too."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert run_json(monkeypatch, BuildError("it failed")) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["schema"] == 1
    assert captured.err.startswith("::error title=error::it failed\n")


def test_an_interrupt_while_modules_are_loaded_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console script waits for nothing before it is ready for Ctrl-C."""

    def interrupted(name: str, *_: object, **__: object) -> None:
        assert name == "buildtools.cli"
        raise KeyboardInterrupt

    from buildtools.__main__ import run as script

    monkeypatch.setattr("builtins.__import__", interrupted)
    assert script() == 130
