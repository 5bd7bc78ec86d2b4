"""Runs generated workflows with act on this machine, without Docker, with stand-ins for actions."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from buildtools.workflow.actions import PINS
from buildtools.workflow.runners import HOSTED
from tests.fakes.components import require
from tests.fakes.definitions import write_script

STANDINS = Path(__file__).parent / "actions"
ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
# act 0.2.89 does not know these two keys and refuses them.
UNKNOWN = re.compile(r"^ +(?:artifact-metadata: +write.*|queue: +max)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One run: its exit code, its log, and what the stand-ins have noted."""

    code: int
    log: str
    store: Path

    @property
    def attested(self) -> list[str]:
        """Subjects of attestations."""
        path = self.store / "attested"
        return path.read_text().splitlines() if path.is_file() else []

    @property
    def artifacts(self) -> list[str]:
        """Names of artifacts."""
        return sorted(path.name for path in self.store.glob("artifacts/*"))

    @property
    def results(self) -> list[str]:
        """What the gate was told of the jobs before it, sorted: act has them in no order."""
        found = re.search(
            r"^\[ok\] +\| ((?:success|failure|skipped|cancelled)(?: \w+)*)$", self.log, re.MULTILINE
        )
        return sorted(found[1].split()) if found else []


def run_act(event: str, root: Path, work: Path, **env: str) -> Act:
    """Run images.yml of the git checkout `root` for this event; `env` goes to all steps."""
    store, home, binaries = work / "store", work / "home", work / "bin"
    for folder in (store / "artifacts", home, binaries):
        folder.mkdir(parents=True)
    write_script(binaries / "python", f'exec {sys.executable} "$@"\n')
    # The step that waits for the service asks it; nothing else uses the client.
    write_script(binaries / "docker", '[ "$1" = version ] || [ "$1" = info ]\n')
    workflow = work / "images.yml"
    text = (root / ".github" / "workflows" / "images.yml").read_text()
    workflow.write_text(UNKNOWN.sub("", text))
    standins = [
        f"--local-repository={pin.action.reference}={STANDINS / pin.action.name.rpartition('/')[2]}"
        for pin in PINS
        if (STANDINS / pin.action.name.rpartition("/")[2]).is_dir()
    ]
    given = {
        "PYTHONPATH": f"{STANDINS / 'python'}:{ROOT}",
        "STANDINS": str(STANDINS),
        "STANDIN_STORE": str(store),
        **env,
    }
    command = [
        require("act"),
        event,
        f"--workflows={workflow}",
        *(f"--platform={label}=-self-hosted" for label in sorted(HOSTED)),
        "--no-cache-server",
        "--log-prefix-job-id",
        "--secret=GITHUB_TOKEN=a-token-that-opens-nothing",
        *standins,
        *(f"--env={name}={value}" for name, value in given.items()),
    ]
    # Whatever act wants from the network it does not get.
    environment = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "HOME": str(home),
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        command,
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Act(code=done.returncode, log=done.stdout + done.stderr, store=store)
