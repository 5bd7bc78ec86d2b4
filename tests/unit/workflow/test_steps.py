"""What steps run: commands on their own, with programs that note what they are asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from buildtools.workflow import jobs, steps
from buildtools.workflow.steps import TOOL, Tool, locked
from tests.fakes.components import require
from tests.fakes.definitions import write_script
from tests.fakes.plans import DOCKERFILES

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts")


def wait_for_docker(tmp_path: Path, up_at: int) -> tuple[int, str, list[str]]:
    """Run the loop where the engine answers after so many starts; exit code, output, what was called."""
    told = tmp_path / "told"
    note = f'echo "$(basename "$0") $*" >>{told}\n'
    started = f'[ "$(grep -c "^net start" {told})" -ge {up_at} ]'
    write_script(tmp_path / "docker", f"{note}{started} || {{ echo 'cannot connect' >&2; exit 1; }}\n")
    write_script(tmp_path / "net", f"{note}[ {up_at} -le 30 ] || exit 2\n")
    write_script(tmp_path / "sleep", note)
    done = subprocess.run(
        [require("bash"), "--noprofile", "--norc", "-eo", "pipefail", "-c", steps.docker().run],
        env={"PATH": f"{tmp_path}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, told.read_text().splitlines()


def test_docker_is_up(tmp_path: Path) -> None:
    """Nothing is started, and nobody waits."""
    code, out, told = wait_for_docker(tmp_path, 0)
    assert (code, out, told) == (0, "", ["docker version", "docker info"])


def test_docker_starts_on_the_third_try(tmp_path: Path) -> None:
    """The service is started until the engine answers."""
    code, out, told = wait_for_docker(tmp_path, 3)
    assert code == 0
    assert out.splitlines() == [f"attempt {number}: starting the service" for number in (1, 2, 3)]
    assert told == ["docker version", "net start docker", "sleep 2"] * 3 + ["docker version", "docker info"]


def test_docker_never_starts(tmp_path: Path) -> None:
    """The last line is an annotation of the run, and the step fails."""
    code, out, told = wait_for_docker(tmp_path, 99)
    assert (code, out.splitlines()[-1]) == (1, "::error::the Docker service did not start")
    assert told == ["docker version", "net start docker", "sleep 2"] * 30


def test_what_is_installed_has_its_hash() -> None:
    """Also where a project names a file of its own."""
    command = "python -m pip install --require-hashes --requirement requirements/tool.txt"
    assert TOOL.setup()[-1].run == command
    assert Tool(install=locked("a.txt")).setup()[-1].run == command.replace("requirements/tool.txt", "a.txt")


@pytest.mark.parametrize("job", [jobs.build(DOCKERFILES), jobs.prove(DOCKERFILES)], ids=["build", "prove"])
def test_windows_machines_are_made_ready_before_docker_is_used(job: jobs.Job) -> None:
    """Line ends before the checkout, the tool before its first command; Docker last of all."""
    names = [step.name for step in job.steps]
    wanted = [
        "Keep line ends and symbolic links",
        "Check out",
        "Set up Python",
        "Install",
        "Keep temporary files on the second disk",
        "Wait for Docker",
    ]
    assert [name for name in names if name in wanted] == wanted


def test_every_command_goes_through_shellcheck() -> None:
    """Shell is the only language of steps, so that actionlint hands all of it on."""
    assert shutil.which("shellcheck"), "the test group brings it"
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        assert "shell: pwsh" not in text
        assert "shell: powershell" not in text
