"""Programs on PATH that are small shell scripts."""

from pathlib import Path

import pytest

from tests.fakes.definitions import Tools, write_script


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Puts a script into a folder and makes the folders used so far all that PATH has, in that order."""
    folders: list[str] = []

    def add(folder: str, name: str, text: str, *, program: str = "/bin/sh") -> Path:
        place = tmp_path / folder
        if str(place) not in folders:
            folders.append(str(place))
        monkeypatch.setenv("PATH", ":".join(folders))
        return write_script(place / name, text, program=program)

    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return add
