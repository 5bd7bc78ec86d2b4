"""Programs of others: what their ends and complaints become."""

import sys
from pathlib import Path

import pytest

from buildtools.errors import (
    AuthenticationError,
    BuildError,
    BuildtoolsError,
    MissingToolError,
    UnavailableError,
)
from buildtools.programs import Answer, Kind, Program, find
from tests.fakes.definitions import write_script

KIND = Kind(name="it", install="get it", unavailable=("Gone away",), refused=("denied",), login="log in")


def program(folder: Path, text: str) -> Program:
    """A program of Python."""
    return find(KIND, str(write_script(folder / "it", text, program=sys.executable)))


def test_what_it_says(tmp_path: Path) -> None:
    """Output, complaints, exit code; it gets its input, and each command is told first."""
    told: list[str] = []
    write_script(
        tmp_path / "it",
        "import sys\nprint(sys.argv[1:], sys.stdin.read())\nsys.exit('no')\n",
        program=sys.executable,
    )
    it = find(KIND, str(tmp_path / "it"), say=told.append)
    assert it.call("a", "b c", stdin="in", seconds=30) == Answer(1, "['a', 'b c'] in\n", "no\n")
    assert told == ["it a b c"]


@pytest.mark.parametrize(
    ("complaint", "kind", "sentence"),
    [
        ("it has GONE AWAY", UnavailableError, "it do this failed: it has GONE AWAY: run it again"),
        ("Denied!", AuthenticationError, "it do this failed: Denied!: log in"),
        ("broken\n  twice", BuildError, "it do this failed: broken twice"),
        ("", BuildError, "it do this failed: it says nothing"),
        ("x" * 700, BuildError, f"it do this failed: {'x' * 600} ..."),
    ],
)
def test_complaints(tmp_path: Path, complaint: str, kind: type[BuildtoolsError], sentence: str) -> None:
    """Their kind is the error's, on one line."""
    it = program(tmp_path, f"import sys\nsys.stderr.write({complaint!r})\nsys.exit(4)\n")
    with pytest.raises(kind) as caught:
        it.answer("do", "this", "now", seconds=30)
    assert type(caught.value) is kind
    assert str(caught.value) == sentence


def test_no_end_in_time(tmp_path: Path) -> None:
    """It is ended, and that is something to try again."""
    it = program(tmp_path, "import time\ntime.sleep(60)\n")
    with pytest.raises(UnavailableError) as caught:
        it.answer("wait", seconds=0.2)
    assert str(caught.value) == "it wait failed: no answer within 0.2 seconds: run it again"
    with it.started("wait") as running:
        assert running.finish(0.2) == Answer(None, "", "no answer within 0.2 seconds")
    assert running.process.poll() is not None


def test_what_runs_meanwhile(tmp_path: Path) -> None:
    """More output than a pipe holds does not hold it up."""
    it = program(tmp_path, "import sys\nsys.stdout.write('y' * 1_000_000)\nsys.stderr.write('z')\n")
    with it.started() as running:
        assert running.finish(30) == Answer(0, "y" * 1_000_000, "z")


def test_what_is_missing_or_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 7, and where it is to be had."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError) as caught:
        find(KIND)
    assert str(caught.value) == "it is not on PATH: get it"
    with pytest.raises(MissingToolError) as caught:
        find(KIND, "/nowhere/it")
    assert str(caught.value) == "/nowhere/it is no program: get it"
    broken = find(KIND, str(write_script(tmp_path / "it", "", program="/nowhere/python")))
    with pytest.raises(MissingToolError) as caught:
        broken.call(seconds=1)
    assert str(caught.value) == f"{tmp_path / 'it'} cannot be started (No such file or directory): get it"
    with pytest.raises(MissingToolError), broken.started():
        pass


def test_what_a_program_logs_is_no_complaint() -> None:
    """Kubectl logs each of its tries before it says in a sentence what is wrong."""
    logged = 'E1125 14:20:24.529194   12536 memcache.go:265] "Unhandled Error"\n'
    said = "The connection to the server localhost:8080 was refused\n"
    assert Answer(1, "", logged * 2 + said).complaint == said.strip()
    assert Answer(1, "", logged).complaint == " ".join(logged.split())
