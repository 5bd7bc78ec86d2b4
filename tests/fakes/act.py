"""Runs generated workflows with act on this machine, without Docker, with stand-ins for actions."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
        return self._noted("attested")

    @property
    def sboms(self) -> list[str]:
        """Subjects of attestations that hold an SBOM."""
        return self._noted("sboms")

    def _noted(self, name: str) -> list[str]:
        path = self.store / name
        return path.read_text().splitlines() if path.is_file() else []

    @property
    def artifacts(self) -> list[str]:
        """Names of artifacts."""
        return sorted(path.name for path in self.store.glob("artifacts/*"))

    @property
    def results(self) -> list[str]:
        """What the gate was told of the jobs before it, sorted: act has them in no order."""
        return sorted(" ".join(self._noted("results")).split())


def known_to_act(text: str) -> str:
    """A workflow without what act 0.2.89 does not know, which two values of the job's context are, too."""
    for name in ("workflow_repository", "workflow_sha"):
        text = text.replace(f"job.{name}", f"env.{name}")
    # Machines that prove have a Docker Engine each; here they share one, so they pull and remove by turns.
    text = text.replace("      fail-fast: false\n", "      fail-fast: false\n      max-parallel: 1\n")
    return UNKNOWN.sub("", text)


def _standins() -> Iterator[str]:
    """Where act finds the repositories of actions; an action may lie in a folder of one."""
    for pin in PINS:
        owner, repository, *_ = pin.action.name.split("/")
        if (STANDINS / repository).is_dir():
            yield f"--local-repository={owner}/{repository}@{pin.action.sha}={STANDINS / repository}"


def run_act(
    event: str,
    root: Path,
    work: Path,
    *,
    name: str = "images",
    payload: Mapping[str, Any] | None = None,
    first: Path | None = None,
    options: tuple[str, ...] = (),
    **env: str,
) -> Act:
    """Run a workflow of the git checkout `root` for this event.

    `payload` is what GitHub would tell about the event; `env` goes to all steps. Programs in the folder
    `first` and in `work`/bin are found before others; `options` are act's own.
    """
    store, home, binaries = work / "store", work / "home", work / "bin"
    for folder in (store / "artifacts", home, binaries):
        folder.mkdir(parents=True, exist_ok=True)
    write_script(binaries / "python", f'exec {sys.executable} "$@"\n')
    # The step that waits for the service asks it; nothing else uses the client.
    write_script(binaries / "docker", '[ "$1" = version ] || [ "$1" = info ]\n')
    workflow = work / f"{name}.yml"
    text = (root / ".github" / "workflows" / f"{name}.yml").read_text()
    workflow.write_text(known_to_act(text))
    standins = [*_standins()]
    # act loses what a short step has printed on a busy machine, so what the gate is told is noted down.
    noted = work / "noted.sh"
    noted.write_text('[ -z "${RESULTS-}" ] || echo "$RESULTS" >"$STANDIN_STORE/results"\n')
    given = {
        "BASH_ENV": str(noted),
        "PYTHONPATH": f"{STANDINS / 'python'}:{ROOT}",
        "STANDINS": str(STANDINS),
        "STANDIN_STORE": str(store),
        **env,
    }
    told = work / "event.json"
    told.write_text(json.dumps(payload or {}))
    command = [
        require("act"),
        event,
        f"--eventpath={told}",
        f"--workflows={workflow}",
        *(f"--platform={label}=-self-hosted" for label in sorted(HOSTED)),
        "--no-cache-server",
        "--log-prefix-job-id",
        "--secret=GITHUB_TOKEN=a-token-that-opens-nothing",
        *standins,
        *options,
        *(f"--env={name}={value}" for name, value in given.items()),
    ]
    # Whatever act wants from the network it does not get.
    environment = {
        "PATH": ":".join([*([str(first)] if first else []), str(binaries), os.environ["PATH"]]),
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


def passed(run: Act, code: int = 0) -> Act:
    """The run, with its whole log where it ended otherwise."""
    if run.code != code:
        pytest.fail(f"act ended with {run.code}:\n{run.log}", pytrace=False)
    return run
