"""Paths in the project: relative, cleaned as POSIX does it, and never leading out."""

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.spec.inside import inside, is_glob
from buildtools.spec.platforms import Problem

FOLDER = "images/x"
BACKSLASH = "a backslash in double quotes starts an escape: use single quotes"


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("a", "a"),
        (".", "."),
        ("./", "."),
        ("a/..", "."),
        ("./a//b/./c/", "a/b/c"),
        ("a/../b", "b"),
        ("**/*.py", "**/*.py"),
        ("../y/a", "../y/a"),
        ("../../a", "../../a"),
        ("a/../../../b", "../../b"),
        ("..", ".."),
        ("...", "..."),
        ("a/~", "a/~"),
        ("a/b:c", "a/b:c"),
        ("ab:c", "ab:c"),
        ("1:c", "1:c"),
        ("a b/ü", "a b/ü"),
    ],
)
def test_a_path_is_cleaned(path: str, clean: str) -> None:
    """Needless parts go, and what is left stays relative to the image's folder."""
    assert inside(path, FOLDER) == clean


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("", "the path is empty", "write a file, a folder or a glob"),
        ("a\tb", "the path holds the control character U+0009", BACKSLASH),
        ("a\x7f", "the path holds the control character U+007F", BACKSLASH),
        ("a\\b", '"a\\b" has backslashes', "write forward slashes, whatever the operating system"),
        ("/etc/passwd", '"/etc/passwd" is not relative', "write it relative to the image's folder"),
        ("~/.ssh", '"~/.ssh" is not relative', "write it relative to the image's folder"),
        ("C:/x", '"C:/x" is not relative', "write it relative to the image's folder"),
        ("c:x", '"c:x" is not relative', "write it relative to the image's folder"),
        ("./C:/x", '"C:/x" is not relative', "write it relative to the image's folder"),
        ("a/../c:x", '"c:x" is not relative', "write it relative to the image's folder"),
        (".//~/x", '"~/x" is not relative', "write it relative to the image's folder"),
        ("*/../a", '"*/../a" goes up behind a glob', "write the folder out"),
        ("a[b]/../c", '"a[b]/../c" goes up behind a glob', "write the folder out"),
        ("../../../a", '"../../../a" leads out of the project', "copy what is needed into the project"),
        (
            "a/../../../../b",
            '"a/../../../../b" leads out of the project',
            "copy what is needed into the project",
        ),
    ],
)
def test_a_path_that_may_not_be_is_refused(path: str, message: str, hint: str) -> None:
    """J11: absolute on any operating system, out of the project, or not a path."""
    assert inside(path, FOLDER) == Problem(message, hint)


@pytest.mark.parametrize("folder", ["", ".", "./"])
def test_nothing_leads_out_of_the_top(folder: str) -> None:
    """A definition in the project's own folder cannot climb at all."""
    assert inside("../a", folder) == Problem(
        '"../a" leads out of the project', "copy what is needed into the project"
    )
    assert inside("a/../b", folder) == "b"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", False),
        ("a/b.c", False),
        ("{out}/x", False),
        ("*", True),
        ("a/?", True),
        ("[ab]", True),
        ("a]", False),
    ],
)
def test_a_glob_has_magic_characters(path: str, found: bool) -> None:
    """Stars, question marks and opening brackets."""
    assert is_glob(path) is found


PARTS = st.sampled_from(("a", "b c", "..", ".", "", "C:", "~", "x:y", "*", "\\", "\n")) | st.text(max_size=3)


@given(path=st.lists(PARTS, max_size=8).map("/".join), depth=st.integers(0, 3))
def test_paths_are_cleaned_as_posix_does(path: str, depth: int) -> None:
    """What is accepted is what `posixpath.normpath` gives, stays in the project, and is accepted again."""
    clean = inside(path, "/".join(["d"] * depth))
    if isinstance(clean, Problem):
        assert clean.message
        assert clean.hint
        return
    assert clean == posixpath.normpath(path)
    assert posixpath.normpath("/".join(["d"] * depth + [clean])).partition("/")[0] != ".."
    assert not re.match(r"[A-Za-z]:|[/~]", clean)
    assert inside(clean, "/".join(["d"] * depth)) == clean
