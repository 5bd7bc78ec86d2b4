"""Steps that several jobs have: the checkout, Python, the tool itself, and what Windows machines need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from buildtools.workflow.actions import action
from buildtools.workflow.model import Step, Value

ON_WINDOWS: Final = "matrix.os == 'windows'"
"""Legs say their operating system themselves, so that conditions can be read off the matrix."""

_DOCKER: Final = """\
for attempt in {1..30}; do
  if docker version; then
    docker info
    exit 0
  fi
  echo "attempt $attempt: starting the service"
  net start docker || true
  sleep 2
done
echo "::error::the Docker service did not start"
exit 1
"""

PYTHON: Final = "3.13"


def locked(requirements: str) -> str:
    """The command that installs what the file names, and nothing whose hash does not stand there."""
    return f"python -m pip install --require-hashes --requirement {requirements}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """How jobs come by this tool: the Python that runs it, and the command that installs it.

    `locked` makes that command for a file of versions with hashes. This repository's own holds what the tool
    needs and not the tool, which is run out of the checkout; that of a project holds the tool, too.
    """

    python: str = PYTHON
    install: str = locked("requirements/tool.txt")

    def setup(self, *, history: bool = True) -> tuple[Step, ...]:
        """The steps before the first use; `history` where images are dated by their commits."""
        return (checkout(history=history), python(self.python), Step(name="Install", run=self.install))


TOOL: Final = Tool()
"""This repository's own way."""


def checkout(*, history: bool = False) -> Step:
    """The repository, without leaving a token behind; the whole history where times come from it."""
    fields: dict[str, Value] = {"persist-credentials": False}
    if history:
        fields["fetch-depth"] = 0
    return Step(name="Check out", uses=action("actions/checkout"), with_=fields)


def python(version: str = PYTHON) -> Step:
    """The same Python everywhere."""
    return Step(name="Set up Python", uses=action("actions/setup-python"), with_={"python-version": version})


def tool(
    name: str, arguments: str, *, step_id: str = "", if_: str = "", env: Mapping[str, Value] | None = None
) -> Step:
    """One command of this tool; values come in through `env`, as `"$NAME"`."""
    return Step(name=name, id=step_id, if_=if_, env=env or {}, run=f"python -m buildtools {arguments}")


def line_ends(if_: str = ON_WINDOWS) -> Step:
    """Before the checkout: digests are of the bytes that are checked out."""
    return Step(
        name="Keep line ends and symbolic links",
        if_=if_,
        run="git config --global core.autocrlf false\ngit config --global core.symlinks true\n",
    )


def docker(if_: str = ON_WINDOWS) -> Step:
    """The Docker service of Windows machines is often stopped at first (actions/runner-images#13729)."""
    return Step(name="Wait for Docker", if_=if_, timeout=5, run=_DOCKER)


def temporary(if_: str = ON_WINDOWS) -> Step:
    """Where there is a second disk it has the room (actions/runner-images#12609); after `Tool.setup`."""
    return tool("Keep temporary files on the second disk", "ready", if_=if_)


def login(host: str, user: str = "${{ github.actor }}", password: str = "") -> Step:
    """Log in where actions and the Docker Engine look for it."""
    secret = password or "${{ secrets.GITHUB_TOKEN }}"
    return Step(
        name=f"Log in to {host}",
        uses=action("docker/login-action"),
        with_={"registry": host, "username": user, "password": secret},
    )


def upload(name: str, *paths: str, days: int = 7, if_: str = "") -> Step:
    """Hand files on; layers are compressed already."""
    return Step(
        name="Upload",
        if_=if_,
        uses=action("actions/upload-artifact"),
        with_={
            "name": name,
            "path": "\n".join(paths) + ("\n" if len(paths) > 1 else ""),
            "if-no-files-found": "error",
            "retention-days": days,
            "compression-level": 0,
        },
    )


def download(pattern: str, path: str) -> Step:
    """Files of all artifacts whose names match, in one folder."""
    return Step(
        name="Download",
        uses=action("actions/download-artifact"),
        with_={"pattern": pattern, "path": path, "merge-multiple": True},
    )
