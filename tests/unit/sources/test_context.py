# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What a Docker Engine is sent: which files, under which names, and the same bytes everywhere."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from buildtools.oci.tar import DIRECTORY, FILE, SYMLINK
from buildtools.sources.context import Item, context_items, context_tar, name_in_context, secrets_in
from buildtools.sources.tree import SourceError
from tests.fakes.definitions import variant, write_tree


def names(root: Path, ignore: str = "", dockerfile: str = "Dockerfile") -> list[str]:
    """The names in the context."""
    if ignore:
        (root / ".dockerignore").write_text(ignore)
    return [item.name for item in context_items(root, dockerfile)]


def test_all_files_sorted(tmp_path: Path) -> None:
    """Folders before what is in them."""
    root = write_tree(tmp_path, "b/c", "a", "Dockerfile")
    assert names(root) == ["Dockerfile", "a", "b", "b/c"]


def test_what_is_ignored_is_not_sent(tmp_path: Path) -> None:
    """But for the two files that the engine itself needs."""
    root = write_tree(tmp_path, "b/c", "a", "Dockerfile")
    assert names(root, "# all\n*\n ! b/c \n") == [".dockerignore", "Dockerfile", "b/c"]


def test_only_files_folders_and_links(tmp_path: Path) -> None:
    """A pipe would never end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError) as caught:
        context_items(tmp_path, "Dockerfile")
    assert str(caught.value) == (
        f"{tmp_path}/pipe is neither file, folder nor link: leave it out in .dockerignore, or move it away"
    )
    with pytest.raises(SourceError) as caught:
        context_items(tmp_path / "gone", "Dockerfile")
    assert str(caught.value) == f"the context {tmp_path}/gone is no folder: mend `context`"


def test_the_tar_is_the_same_everywhere(tmp_path: Path) -> None:
    """Owner and time are no matter of the checkout; modes and links are kept, and one content is replaced."""
    root = write_tree(tmp_path, "a", "Dockerfile", "d/e")
    (root / "a").chmod(0o755)
    (root / "l").symlink_to("d/e")
    items = context_items(root, "Dockerfile")
    data = b"".join(context_tar(items, replaced={"Dockerfile": b"FROM x\n"}, mtime=7))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: member for member in archive}
        content = archive.extractfile("Dockerfile")
        assert content is not None
        assert content.read() == b"FROM x\n"
    assert {(one.uid, one.gid, one.mtime) for one in members.values()} == {(0, 0, 7)}
    assert (members["a"].mode, members["l"].linkname, members["d"].isdir()) == (0o755, "d/e", True)


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
