"""Every file that is generated passes the linters of people who did not write it, without a finding."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.fakes.components import missing, require

ROOT = Path(__file__).parents[2]
FILES = (
    sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    + sorted(
        # Nobody's workflow is `all`: it has everything that can be said.
        path
        for path in (ROOT / "tests" / "golden" / "workflows").glob("*.yml")
        if path.stem != "all"
    )
    + sorted((ROOT / "docs" / "examples").glob("*/.github/workflows/*.yml"))
)
PARSER = ROOT / ".cache" / "parser" / "check.cjs"
SCHEMAS = ("vendor.github-workflows", "custom.github-workflows-require-timeout")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a linter."""
    program, *arguments = command
    return subprocess.run([require(program), *arguments], capture_output=True, text=True, check=False)


def actionlint(path: Path) -> list[str]:
    """Findings of actionlint with shellcheck."""
    shell = require("shellcheck")
    done = run("actionlint", "-shellcheck", shell, "-pyflakes=", "-format", "{{json .}}", str(path))
    return [f"{one['line']}: {one['message']}" for one in json.loads(done.stdout or "[]")]


def zizmor(path: Path) -> list[str]:
    """Findings of zizmor's strictest persona."""
    done = run(
        "zizmor", "--offline", "--no-progress", "-q", "--persona", "auditor", "--no-exit-codes",
        "--format", "json", str(path),
    )  # fmt: skip
    return [f"{one['ident']}: {one['desc']}" for one in json.loads(done.stdout)]


def official(*paths: Path) -> subprocess.CompletedProcess[str]:
    """What GitHub's own parser says."""
    if not PARSER.is_file():
        missing(f"{PARSER} is not there: `nox -s lint` and `nox -s tests` make it")
    return run("node", str(PARSER), *map(str, paths))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_linters_find_nothing(path: Path) -> None:
    """And nothing in the file tells them to be silent."""
    assert not re.search("zizmor:|shellcheck disable|noqa", path.read_text())
    assert actionlint(path) == []
    assert zizmor(path) == []
    for schema in SCHEMAS:
        done = run("check-jsonschema", "--builtin-schema", schema, str(path))
        assert done.returncode == 0, done.stdout


def test_the_file_with_everything_keeps_the_schema() -> None:
    """No key of the model is one that GitHub does not know."""
    path = ROOT / "tests" / "golden" / "workflows" / "all.yml"
    for schema in SCHEMAS:
        assert run("check-jsonschema", "--builtin-schema", schema, str(path)).returncode == 0


def test_dependabot_has_its_schema() -> None:
    """The generated file is one."""
    path = ROOT / ".github" / "dependabot.yml"
    assert run("check-jsonschema", "--builtin-schema", "vendor.dependabot", str(path)).returncode == 0


@pytest.mark.parametrize(
    ("pattern", "with_", "found"),
    [
        (r"@[0-9a-f]{40} # v7.0.1", "@v7", "unpinned-uses"),
        (r" # push images", "", "undocumented-permissions"),
        (r"persist-credentials: false", "persist-credentials: true", "artipacked"),
        (r"permissions: \{\}\n\nconcurrency", "concurrency", "excessive-permissions"),
        (r'"\$TAG"', "${{ github.head_ref }}", "template-injection"),
    ],
)
def test_the_linters_would_tell(pattern: str, with_: str, found: str, tmp_path: Path) -> None:
    """What is taken out of a good file is missed, so their silence says something."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    text = (ROOT / ".github" / "workflows" / "images.yml").read_text()
    changed = re.sub(pattern, lambda _: with_, text)
    assert changed != text
    (folder / "images.yml").write_text(changed)
    assert any(one.startswith(found) for one in zizmor(folder / "images.yml"))


def test_the_official_parser_finds_nothing() -> None:
    """In any file that is generated here, all parts of the model among them."""
    files = [*FILES, ROOT / "tests" / "golden" / "workflows" / "all.yml"]
    done = official(*files)
    assert (done.stdout, done.returncode) == (f"{len(files)} workflows, nothing found\n", 0)


@pytest.mark.parametrize(
    ("pattern", "with_", "found"),
    [
        (
            r"runs-on: ubuntu-24.04",
            "runs_on: ubuntu-24.04",
            "(Line: {}, Col: 5): Unexpected value 'runs_on'",
        ),
        (r"matrix\.children\[0\]$", "matrix.children[0", "Unexpected symbol: 'EOF'"),
        (r"if: always\(\)", "if: secrets.a == ''", "Unrecognized named-value: 'secrets'"),
        (r"needs: \[plan\]", "needs: [plans]", "Job 'build' depends on unknown job 'plans'."),
        (r"cancel-in-progress: true", "cancel-in-progress: maybe", "Unexpected value 'maybe'"),
    ],
)
def test_the_official_parser_would_tell(pattern: str, with_: str, found: str, tmp_path: Path) -> None:
    """A mistake each, with its line."""
    text = (ROOT / ".github" / "workflows" / "images.yml").read_text()
    path = tmp_path / "images.yml"
    changed = re.sub(pattern, lambda _: with_, text, count=1, flags=re.MULTILINE)
    path.write_text(changed)
    line = changed[: changed.index(with_)].count("\n") + 1
    done = official(path)
    assert done.returncode == 1
    assert f"{path}: images.yml" in done.stdout or f"{path}: {path}" in done.stdout
    assert found.replace("{}", str(line)) in done.stdout


@pytest.mark.parametrize("text", ["", "a: [", "- a\n", "a: &a b\nc: *d\n"])
def test_the_official_parser_of_what_is_no_workflow(text: str, tmp_path: Path) -> None:
    """A line with the file's name, and no stack of calls."""
    path = tmp_path / "x.yml"
    path.write_text(text)
    done = official(path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{path}: ")
