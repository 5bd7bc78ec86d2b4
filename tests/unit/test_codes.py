"""Every code of a finding stands in the reference, and nothing stands there that cannot be found."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import buildtools

SOURCES = Path(buildtools.__file__).parent
REFERENCE = SOURCES.parent / "docs" / "reference" / "check.md"
CODE = re.compile(r"[a-z]+(?:-[a-z]+)*")
ADDERS = {"add", "fault", "Fault", "_Finding"}


def codes_in(source: str) -> Iterator[str]:
    """What is given as a code: to a finding, or as the first argument of what makes one."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        given += node.args[:1] if name in ADDERS else []
        for value in given:
            if (
                isinstance(value, ast.Constant)
                and isinstance(value.value, str)
                and CODE.fullmatch(value.value)
            ):
                yield value.value


def listed() -> set[str]:
    """The codes of the section about definitions."""
    section = REFERENCE.read_text(encoding="utf-8").partition("## Definitions\n")[2].partition("\n## ")[0]
    return set(
        re.findall(
            r"`([a-z-]+)`", "\n".join(line.split("|")[1] for line in section.splitlines()[3:] if "|" in line)
        )
    )


@pytest.mark.parametrize("path", sorted((SOURCES / "spec").glob("*.py")), ids=lambda path: path.name)
def test_codes_of_definitions_are_listed(path: Path) -> None:
    """A script may rely on them, so a person can look them up."""
    assert set(codes_in(path.read_text(encoding="utf-8"))) <= listed()


def test_codes_that_are_listed_are_in_the_code() -> None:
    """As texts somewhere in the sources."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    assert [code for code in sorted(listed()) if f'"{code}"' not in sources] == []
