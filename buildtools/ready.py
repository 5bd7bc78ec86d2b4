r"""The `ready` verb: a Windows machine of GitHub made ready for images: temporary files on its second disk.

The Docker service unpacks layers in the system's folder for temporary files, whatever DOCKER_TMPDIR says
(moby/moby#48093), and where there is a second disk it has the room (actions/runner-images#12609).
Services read the machine's variables when they start, so Docker is restarted.

Source: learn.microsoft.com, GetTempPath2 (SYSTEMTEMP), icacls, setx;
fluent/fluent-bit:.github/workflows/call-build-images.yaml, which does so on these machines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from buildtools.errors import BuildError, MissingToolError

FOLDER: Final = "D:\\temp"
SYSTEM_FOLDER: Final = "D:\\SystemTemp"
# SYSTEM and Administrators by number: their names are in the language of the machine.
_ONLY_SYSTEM: Final = ("*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F")
_SERVICE: Final = "docker"


class Machine(Protocol):
    """What is known of the machine, and what can be done to it."""

    @property
    def is_windows(self) -> bool:
        """Whether it is Windows."""
        ...

    def make_folder(self, path: str) -> bool:
        """Make a folder; False where there is no such disk."""
        ...

    def run(self, *command: str) -> tuple[int, str]:
        """Run a program; gives its exit code and what it printed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ThisMachine:
    """The machine that this runs on."""

    platform: str

    @property
    def is_windows(self) -> bool:
        """Whether it is Windows."""
        return self.platform == "win32"

    def make_folder(self, path: str) -> bool:
        """Make a folder; False where there is no such disk."""
        folder = Path(path)
        if not Path(folder.anchor).exists():
            return False
        folder.mkdir(parents=True, exist_ok=True)
        return True

    def run(self, *command: str) -> tuple[int, str]:
        """Run a program; gives its exit code and what it printed."""
        import subprocess

        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except FileNotFoundError as error:
            raise MissingToolError(f"{command[0]} is not on PATH", hint="run it on Windows") from error
        return done.returncode, f"{done.stdout}{done.stderr}".strip()


def ready(machine: Machine, note: Callable[[str], None]) -> dict[str, str]:
    """Move temporary files to the second disk and restart Docker; gives variables for the steps that follow.

    Without a second disk nothing is done. A Docker service that does not start again is only noted: the step
    that waits for it tries on. Nothing is done either where this is not Windows. Raises BuildError.
    """
    if not machine.is_windows:
        note("this machine is not Windows: there is nothing to do")
        return {}
    if not (machine.make_folder(FOLDER) and machine.make_folder(SYSTEM_FOLDER)):
        note("there is no second disk: temporary files stay on the first one")
        return {}
    _must(machine, "icacls", SYSTEM_FOLDER, "/inheritance:r", "/grant:r", *_ONLY_SYSTEM)
    for name in ("SYSTEMTEMP", "TEMP", "TMP"):
        _must(machine, "setx", name, SYSTEM_FOLDER, "/M")
    _restart(machine, note)
    note(f"temporary files go to {FOLDER}, those of services to {SYSTEM_FOLDER}")
    return {"TEMP": FOLDER, "TMP": FOLDER}


def _restart(machine: Machine, note: Callable[[str], None]) -> None:
    code, told = machine.run("sc", "query", _SERVICE)
    if code:
        note("there is no Docker service")
        return
    # The state's name is not translated; net stop fails for a service that is stopped already.
    if "RUNNING" in told:
        _must(machine, "net", "stop", _SERVICE)
    code, told = machine.run("net", "start", _SERVICE)
    if code:
        note(f"the Docker service did not start again: {_line(told)}")


def _must(machine: Machine, *command: str) -> None:
    code, told = machine.run(*command)
    if code:
        shown = " ".join(command)
        raise BuildError(f"{shown} ended with {code}: {_line(told)}", hint="run it as an administrator")


def _line(told: str) -> str:
    return " ".join(told.split()) or "it says nothing"
