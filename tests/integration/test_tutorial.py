"""The tutorial does what it says: its files, its commands, on this machine."""

import re
import shlex
from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.stores.layout import Layout

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
LINKS = re.compile(r"\]\(([^)#]+)")


def test_the_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files make a project, its offline commands succeed and leave an index of five."""
    text = TUTORIAL.read_text(encoding="utf-8")
    for name, body in re.findall(r"```\w+ file=(\S+)\n(.*?)```", text, re.DOTALL):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8", newline="\n")
    monkeypatch.chdir(tmp_path)
    offline = text.partition("## 5.")[0]
    commands = [shlex.split(line) for line in re.findall(r"^\$ buildtools (.*)$", offline, re.MULTILINE)]
    assert len(commands) == 4
    for command in commands:
        assert main(command) == 0, command
    layout = Layout(tmp_path / "dist" / "oci" / "greeter")
    (index,) = layout.entries()
    assert layout.get_manifest(index.digest)[1].count(b'"platform"') == 5


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        *(f"docs/{name}" for name in ("tutorial.md", "how-it-works.md", "publish.md", "adr/README.md")),
    ],
)
def test_links_lead_somewhere(page: str) -> None:
    """What a page links to in the repository is there."""
    path = TUTORIAL.parents[1] / page
    targets = [link for link in LINKS.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert targets
    assert not [link for link in targets if not (path.parent / link).exists()]
