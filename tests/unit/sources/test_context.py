# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What a Docker Engine is sent: which files, under which names, and the same bytes everywhere."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from buildtools.errors import ConfigurationError
from buildtools.oci.tar import DIRECTORY, FILE, SYMLINK
from buildtools.sources.context import (
    Item,
    context_items,
    context_tar,
    name_in_context,
    secrets_in,
    sent_rules,
)
from tests.fakes.definitions import variant, write_tree

SENT = variant(engine="dockerfile", dockerfile="Dockerfile", context=".")


def names(root: Path, ignore: str = "") -> list[str]:
    """The names in the context."""
    if ignore:
        (root / ".dockerignore").write_text(ignore)
    return [item.name for item in context_items(root, SENT)]


def test_all_files_sorted(tmp_path: Path) -> None:
    """Folders before what is in them."""
    root = write_tree(tmp_path, "b/c", "a", "Dockerfile")
    assert names(root) == ["Dockerfile", "a", "b", "b/c"]


def test_what_is_ignored_is_not_sent(tmp_path: Path) -> None:
    """But for the two files that the engine itself needs."""
    root = write_tree(tmp_path, "b/c", "a", "Dockerfile")
    assert names(root, "# all\n*\n ! b/c \n") == [".dockerignore", "Dockerfile", "b", "b/c"]


def test_only_files_folders_and_links(tmp_path: Path) -> None:
    """A pipe would never end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError) as caught:
        context_items(tmp_path, SENT)
    assert str(caught.value) == (
        "images/app/pipe is neither a file nor a folder: leave it out with .dockerignore"
    )
    with pytest.raises(ConfigurationError) as caught:
        context_items(tmp_path / "gone", SENT)
    assert str(caught.value) == "the context images/app is no folder: mend `context`"


def test_the_tar_is_the_same_everywhere(tmp_path: Path) -> None:
    """Owner and time are no matter of the checkout; modes and links are kept, and one content is replaced."""
    root = write_tree(tmp_path, "a", "Dockerfile", "d/e")
    (root / "a").chmod(0o755)
    (root / "l").symlink_to("d/e")
    items = context_items(root, SENT)
    data = b"".join(context_tar(items, replaced={"Dockerfile": b"FROM x\n"}, mtime=7))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: member for member in archive}
        content = archive.extractfile("Dockerfile")
        assert content is not None
        assert content.read() == b"FROM x\n"
    assert {(one.uid, one.gid, one.mtime) for one in members.values()} == {(0, 0, 7)}
    assert (members["a"].mode, members["l"].linkname, members["d"].isdir()) == (0o755, "d/e", True)


def test_the_rules_of_the_dockerfile_go_first(tmp_path: Path) -> None:
    """What they name is not sent, and the engine gets them in place of those of the context."""
    root = write_tree(tmp_path, "secret", "kept", "Dockerfile")
    (root / ".dockerignore").write_text("kept\n")
    assert sent_rules(root, SENT, context_items(root, SENT)) is None
    (root / "Dockerfile.dockerignore").write_text("secret\n*.dockerignore")
    items = context_items(root, SENT)
    assert [item.name for item in items] == [".dockerignore", "Dockerfile", "kept"]
    assert sent_rules(root, SENT, items) == b"secret\n*.dockerignore\n"
    (root / ".dockerignore").unlink()
    items = context_items(root, SENT)
    assert [item.name for item in items] == ["Dockerfile", "kept"]
    assert sent_rules(root, SENT, items) == b"secret\n*.dockerignore\n.dockerignore\n"


def test_a_dockerfile_from_elsewhere_is_left_out_by_the_engine(tmp_path: Path) -> None:
    """With the rules of the context, and with rules of its own."""
    root = write_tree(tmp_path, "ctx/a", "ctx/b", "Dockerfile")
    outside = variant(engine="dockerfile", dockerfile="Dockerfile", context="ctx")
    items = context_items(root, outside)
    assert [item.name for item in items] == ["a", "b"]
    assert sent_rules(root, outside, items) == b".dockerignore\n.buildtools.Dockerfile\n"
    (root / "ctx/.dockerignore").write_text("a\n")
    items = context_items(root, outside)
    assert [item.name for item in items] == [".dockerignore", "b"]
    assert sent_rules(root, outside, items) == b"a\n.buildtools.Dockerfile\n"
    (root / "Dockerfile.dockerignore").write_text("b\n")
    items = context_items(root, outside)
    assert [item.name for item in items] == [".dockerignore", "a"]
    assert sent_rules(root, outside, items) == b"b\n.buildtools.Dockerfile\n"


@pytest.mark.parametrize(
    ("dockerfile", "context", "name"),
    [
        ("Dockerfile", ".", "Dockerfile"),
        ("docker/Dockerfile", ".", "docker/Dockerfile"),
        ("ctx/Dockerfile", "ctx", "Dockerfile"),
        ("Dockerfile", "ctx", ".buildtools.Dockerfile"),
        ("Dockerfile", "..", "app/Dockerfile"),
    ],
)
def test_the_dockerfile_has_a_name_in_the_context(dockerfile: str, context: str, name: str) -> None:
    """Its own where it lies there."""
    assert name_in_context(variant(engine="dockerfile", dockerfile=dockerfile, context=context)) == name


def test_secrets_are_listed() -> None:
    """Files only, the first five by name."""
    found = [".env", "a/id_rsa", ".git/config", "x/.npmrc", "NuGet.Config", "b.pfx", "main.go"]
    items = [Item(path=Path(name), name=name, kind=FILE) for name in found]
    items += [
        Item(path=Path(".git"), name=".git", kind=DIRECTORY),
        Item(path=Path("l"), name="l", kind=SYMLINK),
    ]
    assert secrets_in(items) == (
        "the context has files that often hold secrets: .env, a/id_rsa, .git/config, x/.npmrc, NuGet.Config and 1 more"
    )
    assert secrets_in(items[6:]) == ""
