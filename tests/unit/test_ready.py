"""A Windows machine is made ready: what is asked of it, in order, on machines of every kind."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.errors import BuildError, MissingToolError
from buildtools.ready import ThisMachine, ready
from tests.fakes.definitions import write_script

ACL = "icacls D:\\SystemTemp /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F"
SETX = [f"setx {name} D:\\SystemTemp /M" for name in ("SYSTEMTEMP", "TEMP", "TMP")]
MOVED = "temporary files go to D:\\temp, those of services to D:\\SystemTemp"


@dataclass(kw_only=True)
class Recorder:
    """A machine that keeps what is asked of it; `answers` are by the beginnings of commands."""

    is_windows: bool = True
    disk: bool = True
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def make_folder(self, path: str) -> bool:
        """Remember it."""
        self.folders.append(path)
        return self.disk

    def run(self, *command: str) -> tuple[int, str]:
        """Remember it and answer."""
        shown = " ".join(command)
        self.asked.append(shown)
        found = (answer for start, answer in self.answers.items() if shown.startswith(start))
        return next(found, (0, "        STATE              : 4  RUNNING" if command[0] == "sc" else ""))


def made_ready(machine: Recorder) -> tuple[dict[str, str], list[str]]:
    """The variables, and what was said."""
    said: list[str] = []
    return ready(machine, said.append), said


def test_a_second_disk() -> None:
    """Only the system may read its folder; Docker starts again after the variables are set."""
    machine = Recorder()
    assert made_ready(machine) == ({"TEMP": "D:\\temp", "TMP": "D:\\temp"}, [MOVED])
    assert machine.folders == ["D:\\temp", "D:\\SystemTemp"]
    assert machine.asked == [ACL, *SETX, "sc query docker", "net stop docker", "net start docker"]


def test_no_second_disk() -> None:
    """Nothing is asked, and no variable changes."""
    machine = Recorder(disk=False)
    assert made_ready(machine) == ({}, ["there is no second disk: temporary files stay on the first one"])
    assert (machine.asked, machine.folders) == ([], ["D:\\temp"])


@pytest.mark.parametrize(
    ("answers", "then", "said"),
    [
        ({"sc": (0, "STATE : 1  STOPPED")}, ["net start docker"], []),
        ({"sc": (1060, "not installed")}, [], ["there is no Docker service"]),
        (
            {"net start": (2, "The service could not\r\nbe started.\n")},
            ["net stop docker", "net start docker"],
            ["the Docker service did not start again: The service could not be started."],
        ),
        (
            {"net start": (2, "")},
            ["net stop docker", "net start docker"],
            ["the Docker service did not start again: it says nothing"],
        ),
    ],
)
def test_a_docker_service_in_another_state(
    answers: dict[str, tuple[int, str]], then: Sequence[str], said: list[str]
) -> None:
    """Stopped, not there, or not starting: the step that waits for it has the last word."""
    machine = Recorder(answers=answers)
    assert made_ready(machine) == ({"TEMP": "D:\\temp", "TMP": "D:\\temp"}, [*said, MOVED])
    assert machine.asked == [ACL, *SETX, "sc query docker", *then]


@pytest.mark.parametrize("command", [ACL, *SETX, "net stop docker"])
def test_a_command_that_fails(command: str) -> None:
    """Nothing is done after it: Docker would unpack to the full disk."""
    machine = Recorder(answers={command: (5, "Access is denied.")})
    with pytest.raises(BuildError) as caught:
        made_ready(machine)
    assert str(caught.value) == f"{command} ended with 5: Access is denied.: run it as an administrator"
    assert machine.asked[-1] == command


def test_another_system() -> None:
    """Nothing is touched."""
    machine = Recorder(is_windows=False)
    assert made_ready(machine) == ({}, ["this machine is not Windows: there is nothing to do"])
    assert (machine.asked, machine.folders) == ([], [])


def test_this_machine(tmp_path: Path) -> None:
    """Folders are made, programs are run, and what is not there is said."""
    machine = ThisMachine(platform="linux")
    assert (machine.is_windows, ThisMachine(platform="win32").is_windows) == (False, True)
    assert machine.make_folder(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()
    code = "import sys; print('out'); sys.stderr.write('err'); sys.exit(3)"
    assert machine.run(sys.executable, "-c", code) == (3, "out\nerr")
    with pytest.raises(MissingToolError, match="no-such-program is not on PATH: run it on Windows"):
        machine.run("no-such-program")


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts")
def test_the_verb_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With programs that note their arguments: variables go to the steps that follow."""
    for name in ("icacls", "setx", "net"):
        write_script(tmp_path / "bin" / name, f'echo "{name} $*" >>{tmp_path}/asked\n')
    write_script(tmp_path / "bin" / "sc", "echo 'STATE : 4  RUNNING'\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    monkeypatch.setenv("GITHUB_ENV", str(tmp_path / "env"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("buildtools.verbs.ready.sys", type("Sys", (), {"platform": "win32"}))
    monkeypatch.setattr(ThisMachine, "make_folder", lambda _self, _path: True)
    assert main(["ready"]) == 0
    assert (tmp_path / "env").read_text() == "TEMP=D:\\temp\nTMP=D:\\temp\n"
    assert (tmp_path / "asked").read_text().splitlines() == [
        ACL, *SETX, "net stop docker", "net start docker",
    ]  # fmt: skip
    assert capsys.readouterr().err == f"{MOVED}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there it would change this machine")
def test_the_verb_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Said, and no failure."""
    assert main(["ready"]) == 0
    assert capsys.readouterr() == ("", "this machine is not Windows: there is nothing to do\n")
