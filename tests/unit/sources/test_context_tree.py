"""The folder that a Dockerfile copies from, as it is on this disk."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from buildtools.errors import ConfigurationError
from buildtools.oci.layer import Entry, Kind
from buildtools.sources.context_tree import is_archive, read_context
from tests.fakes.definitions import write_tree


def paths(root: Path, ignore: str = "", own: str = "") -> list[str]:
    """What is in a context with these rules."""
    (root / ".dockerignore").write_text(ignore)
    if own:
        (root / "Dockerfile.dockerignore").write_text(own)
    found = read_context(root, root / "Dockerfile", shown="images/x")
    return sorted(path for path in found if not path.endswith(".dockerignore"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A context."""
    return write_tree(tmp_path / "x", "a", "dir/b", "dir/sub/c")


def test_what_is_in_it(root: Path) -> None:
    """Files, folders and links, with their modes, owned by root; nothing is opened."""
    (root / "dir" / "sub").chmod(0o711)
    (root / "a").chmod(0o640)
    (root / "link").symlink_to("dir/b")
    (root / "gone").symlink_to("/no/such")
    found = read_context(root, root / "Dockerfile", shown="images/x")
    assert sorted(found) == ["a", "dir", "dir/b", "dir/sub", "dir/sub/c", "gone", "link"]
    assert (found["a"].mode, found["dir/sub"].mode, found["a"].uid) == (0o640, 0o711, 0)
    assert (found["link"].kind, found["link"].target, found["gone"].target) == (
        Kind.SYMLINK,
        "dir/b",
        "/no/such",
    )
    assert (found["a"].origin, found["dir"].kind) == ("images/x/a", Kind.DIRECTORY)
    assert found["a"].open
    with found["a"].open() as file:
        assert len(file.read()) == found["a"].size


@pytest.mark.parametrize(
    ("ignore", "own", "left"),
    [
        ("dir", "", ["a"]),
        ("dir\n!dir/sub/c", "", ["a", "dir", "dir/sub", "dir/sub/c"]),
        ("**\n!a", "", ["a"]),
        ("a", "dir", ["a"]),
        ("", "", ["a", "dir", "dir/b", "dir/sub", "dir/sub/c"]),
    ],
)
def test_what_is_left_out(root: Path, ignore: str, own: str, left: list[str]) -> None:
    """A Dockerfile's own rules come before the context's; folders of what is taken in again are there."""
    assert paths(root, ignore, own) == left


def test_what_cannot_be(root: Path) -> None:
    """With its place."""
    with pytest.raises(ConfigurationError) as caught:
        paths(root, "a\n[b")
    assert (
        str(caught.value) == "images/x/.dockerignore:2:1: '[b' has a [ that is never closed: mend the pattern"
    )
    (root / ".dockerignore").unlink()
    with pytest.raises(ConfigurationError) as caught:
        read_context(root / "a", root / "Dockerfile", shown="images/x/a")
    assert str(caught.value) == "the context images/x/a is no folder: mend `context`"
    os.mkfifo(root / "pipe")
    with pytest.raises(ConfigurationError) as caught:
        read_context(root, root / "Dockerfile", shown=".")
    assert str(caught.value) == "pipe is neither a file nor a folder: leave it out with .dockerignore"


def test_archives() -> None:
    """By what is in them, whatever their names say."""

    def entry(content: bytes) -> Entry:
        return Entry(path="x", size=len(content), open=lambda: io.BytesIO(content))

    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a"))
    assert is_archive(entry(plain.getvalue()))
    assert is_archive(entry(b"\x1f\x8b..."))
    assert not is_archive(entry(b"MZ"))
    assert not is_archive(Entry(path="x", kind=Kind.DIRECTORY))
