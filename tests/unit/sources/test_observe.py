# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What a variant is made of: its build's inputs and the files that are copied as they are."""

from dataclasses import replace
from pathlib import Path

import pytest

from buildtools.errors import ConfigurationError
from buildtools.oci.digest import digest_of
from buildtools.sources.hashes import HashCache
from buildtools.sources.observe import missing, observe
from buildtools.spec.variant import FileRule
from tests.fakes.definitions import copied, step, variant, write_tree


def test_what_counts(tmp_path: Path) -> None:
    """Inputs and copied files by content; not what is left out, made, fetched or needs no file."""
    root = write_tree(tmp_path / "app", "src/main.go", "conf/a", "conf/a.bak", "unused")
    made = variant(
        build=step(("go", "build"), inputs=("src",)),
        files=(
            copied("conf", "etc/", exclude=("*.bak",)),
            copied("app", "app", origin="out"),
            copied("tool/tool", "tool", origin="fetch"),
            FileRule(kind="directory", destination="data"),
            FileRule(kind="symlink", destination="link", target="app"),
        ),
    )
    assert observe(made, root=root, hashes=HashCache(tmp_path / "hashes.json")) == {
        "src/main.go": digest_of(b"src/main.go"),
        "conf/a": digest_of(b"conf/a"),
    }


def test_nothing_is_made_of_nothing(tmp_path: Path) -> None:
    """A variant may have neither commands nor files."""
    assert observe(variant(), root=tmp_path, hashes=HashCache(tmp_path / "hashes.json")) == {}


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    """An input that was renamed is found out before anything is built."""
    root = write_tree(tmp_path / "app", "src/main.go")
    made = variant(
        build=replace(step(("go", "build"), inputs=("scr",)), line=5, column=11),
        files=(replace(copied("gone", "etc/"), line=9, column=3),),
    )
    sentences = [
        f"images/app/image.yaml:5:11: 'scr' matches nothing in {root}: name a file, folder or glob that exists",
        f"images/app/image.yaml:9:3: 'gone' matches nothing in {root}: name a file, folder or glob that exists",
    ]
    with pytest.raises(ConfigurationError) as caught:
        observe(made, root=root, hashes=HashCache(tmp_path / "hashes.json"))
    assert [str(finding) for finding in caught.value.diagnostics] == sentences
    assert [str(finding) for finding in missing(made, root=root)] == sentences


def test_a_folder_to_work_in_and_a_dockerfile_must_be_there(tmp_path: Path) -> None:
    """They are looked for before anything is built, too."""
    root = write_tree(tmp_path / "app", "main.go")
    made = variant(build=replace(step(("go", "build"), inputs=("main.go",)), workdir="src", line=3, column=8))
    engine = variant(engine="dockerfile", dockerfile="Dockerfile", context="ctx")
    assert [str(finding) for finding in missing(made, root=root)] == [
        f"images/app/image.yaml:3:8: src is no folder in {root}: mend `workdir`"
    ]
    assert [str(finding) for finding in missing(engine, root=root)] == [
        f"images/app/image.yaml: ctx is no folder in {root}: mend `context`",
        f"images/app/image.yaml: 'Dockerfile' matches nothing in {root}: name a file, folder or glob that exists",
    ]


def test_what_an_engine_is_sent_counts(tmp_path: Path) -> None:
    """Files by content, name and execute bit, folders and links by their names; not what is ignored."""
    root = write_tree(tmp_path / "app", "Dockerfile", "ctx/a", "ctx/run", "ctx/d/x.log")
    (root / "ctx/run").chmod(0o755)
    (root / "ctx/.dockerignore").write_text("*.log\n**/*.log")
    (root / "ctx/l").symlink_to("a")
    made = variant(engine="dockerfile", dockerfile="Dockerfile", context="ctx")
    assert observe(made, root=root, hashes=HashCache(tmp_path / "hashes.json")) == {
        "Dockerfile": digest_of(b"Dockerfile"),
        "ctx/.dockerignore": digest_of(b"*.log\n**/*.log"),
        "ctx/a": digest_of(b"ctx/a"),
        "ctx/d/": digest_of(b""),
        "ctx/l": digest_of(b"a"),
        "ctx/run*": digest_of(b"ctx/run"),
    }
