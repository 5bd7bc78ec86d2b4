"""Stands for gh: notes every call down, and remembers releases and pull requests between calls.

Installed as a program; what it knows is in the folder GH_STATE. A call that is not foreseen fails.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.fakes.definitions import write_script

FLAGS = {"--clobber", "--silent", "--verify-tag"}


class FakeGh:
    """The program in `folder`/gh, and what it was asked."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.state = state
        state.mkdir(parents=True, exist_ok=True)
        write_script(folder / "gh", f'GH_STATE={state} exec {sys.executable} {__file__} "$@"\n')

    @property
    def calls(self) -> list[str]:
        """Every call since the last look, without the values of tokens."""
        path = self.state / "calls"
        lines = path.read_text().splitlines() if path.is_file() else []
        path.unlink(missing_ok=True)
        return lines

    def read(self, name: str) -> Any:
        """What is known as `name`."""
        return json.loads((self.state / f"{name}.json").read_text())


def _known(state: Path, name: str) -> dict[str, Any]:
    path = state / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def _options(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options with their values, and the rest; flags have none."""
    options: dict[str, str] = {}
    rest = []
    left = iter(words)
    for word in left:
        name, joint, value = word.partition("=")
        if not word.startswith("--"):
            rest.append(word)
        elif name in FLAGS:
            options[name] = ""
        else:
            options[name] = value if joint else next(left)
    return options, rest


def _release(state: Path, action: str, options: dict[str, str], rest: list[str]) -> int:
    known, (tag, *files) = _known(state, "releases"), rest
    contents = {Path(name).name: Path(name).read_text() for name in files}
    if action == "view":
        return 0 if tag in known else 1
    if action == "create" and tag not in known:
        known[tag] = {
            "files": contents,
            "notes": Path(options["--notes-file"]).read_text(),
            "prerelease": options["--prerelease"],
        }
    elif action == "upload" and tag in known and "--clobber" in options:
        known[tag]["files"] |= contents
    else:
        return 1
    (state / "releases.json").write_text(json.dumps(known))
    return 0


def _api(state: Path, action: str, options: dict[str, str], rest: list[str]) -> int:
    known, number = _known(state, "pulls"), action.rpartition("/")[2]
    field, _, name = options["--field"].partition("=@")
    if rest or action != f"repos/acme/images/pulls/{number}" or options["--method"] != "PATCH":
        return 1
    known[number][field] = Path(name).read_text()
    (state / "pulls.json").write_text(json.dumps(known))
    return 0


def _pull(state: Path, action: str, options: dict[str, str], rest: list[str]) -> int:
    known = _known(state, "pulls")
    if rest:
        return 1
    if action == "list":
        for number, one in known.items():
            if one["head"] == options["--head"]:
                sys.stdout.write(f"{number}\n")
        return 0
    if action == "create":
        known[str(len(known) + 1)] = {
            "head": options["--head"],
            "base": options["--base"],
            "title": options["--title"],
            "body": Path(options["--body-file"]).read_text(),
        }
    else:
        return 1
    (state / "pulls.json").write_text(json.dumps(known))
    return 0


def main(arguments: list[str]) -> int:
    """One call."""
    state = Path(os.environ["GH_STATE"])
    with (state / "calls").open("a") as file:
        file.write(" ".join(arguments) + "\n")
    if not os.environ.get("GH_TOKEN"):
        return 4
    thing, action, *words = arguments
    if (thing, action) == ("auth", "setup-git"):
        return 0
    options, rest = _options(words)
    return {"api": _api, "release": _release, "pr": _pull}[thing](state, action, options, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
