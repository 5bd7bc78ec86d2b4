"""Files by pattern: the same names in the same order everywhere, and nothing from outside the project."""

import fnmatch
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from buildtools.sources.tree import SourceError, find, glob_expression
from tests.fakes.definitions import write_tree

FILES = (
    "a.txt",
    "B.txt",
    "conf/one.txt",
    "conf/two.yaml",
    "conf/deep/three.txt",
    "conf/[x].txt",
    ".git/HEAD",
    "conf/__pycache__/m.pyc",
    "conf/.DS_Store",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image's folder with files and a file beside it."""
    return write_tree(tmp_path / "project" / "image", *FILES, **{"../shared.txt": "shared"})


def names(root: Path, *patterns: str, exclude: tuple[str, ...] = ()) -> list[str]:
    """The names that are found."""
    return [found.name for found in find(root, patterns, exclude)]


def refused(root: Path, *patterns: str, exclude: tuple[str, ...] = ()) -> str:
    """The sentence about what cannot be part of an image, with the root left out."""
    with pytest.raises(SourceError) as caught:
        find(root, patterns, exclude)
    return str(caught.value).replace(str(root), "ROOT")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.txt", ["a.txt"]),
        ("./a.txt", ["a.txt"]),
        ("conf", ["conf/[x].txt", "conf/deep/three.txt", "conf/one.txt", "conf/two.yaml"]),
        ("conf/", ["conf/[x].txt", "conf/deep/three.txt", "conf/one.txt", "conf/two.yaml"]),
        ("conf\\deep", ["conf/deep/three.txt"]),
        ("*.txt", ["B.txt", "a.txt"]),
        ("?.txt", ["B.txt", "a.txt"]),
        ("[ab].txt", ["a.txt"]),
        ("[a-zB].txt", ["B.txt", "a.txt"]),
        ("[!a].txt", ["B.txt"]),
        ("conf/*", ["conf/[x].txt", "conf/deep/three.txt", "conf/one.txt", "conf/two.yaml"]),
        ("conf/*.txt", ["conf/[x].txt", "conf/one.txt"]),
        ("conf/**/*.txt", ["conf/[x].txt", "conf/deep/three.txt", "conf/one.txt"]),
        ("**/one.txt", ["conf/one.txt"]),
        ("conf/d**", ["conf/deep/three.txt"]),
        ("conf/[[]x].txt", ["conf/[x].txt"]),
        ("conf/[[]*", ["conf/[x].txt"]),
        ("conf/[x*", ["conf/[x].txt"]),
        ("../*.txt", ["../shared.txt"]),
        (
            ".",
            ["B.txt", "a.txt", "conf/[x].txt", "conf/deep/three.txt", "conf/one.txt", "conf/two.yaml"],
        ),
    ],
)
def test_what_a_pattern_finds(root: Path, pattern: str, found: list[str]) -> None:
    """Files, folders and globs; sorted by bytes, without what belongs to git, Python and macOS."""
    assert names(root, pattern) == found


def test_each_file_is_found_once(root: Path) -> None:
    """However many patterns match it, and in the order of names, not of patterns."""
    assert names(root, "conf", "*.txt", "conf/one.txt") == [
        "B.txt",
        "a.txt",
        "conf/[x].txt",
        "conf/deep/three.txt",
        "conf/one.txt",
        "conf/two.yaml",
    ]
    assert find(root, ["a.txt"])[0].path == root / "a.txt"


@pytest.mark.parametrize(
    ("exclude", "found"),
    [
        ("*.txt", ["conf/two.yaml"]),
        ("deep", ["conf/[x].txt", "conf/one.txt", "conf/two.yaml"]),
        ("conf/deep/", ["conf/[x].txt", "conf/one.txt", "conf/two.yaml"]),
        ("conf/*.txt", ["conf/deep/three.txt", "conf/two.yaml"]),
        ("./conf/*.txt", ["conf/deep/three.txt", "conf/two.yaml"]),
        ("./one.txt", ["conf/[x].txt", "conf/deep/three.txt", "conf/one.txt", "conf/two.yaml"]),
        ("conf/**", []),
        ("[x].txt", ["conf/[x].txt", "conf/deep/three.txt", "conf/one.txt", "conf/two.yaml"]),
        ("[o-p]ne.txt", ["conf/[x].txt", "conf/deep/three.txt", "conf/two.yaml"]),
    ],
)
def test_what_exclude_leaves_out(root: Path, exclude: str, found: list[str]) -> None:
    """A pattern without a slash counts in every folder; one with a slash begins at the root."""
    assert names(root, "conf", exclude=(exclude,)) == found


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("conf/ones.txt", "'conf/ones.txt' matches nothing in ROOT: did you mean 'conf/one.txt'?"),
        ("zzz", "'zzz' matches nothing in ROOT: name a file, folder or glob that exists"),
        ("A.TXT", "'A.TXT' matches nothing in ROOT: name a file, folder or glob that exists"),
        ("*.TXT", "'*.TXT' matches nothing in ROOT: name a file, folder or glob that exists"),
        ("no/one*.txt", "'no/one*.txt' matches nothing in ROOT: did you mean 'conf/one.txt'?"),
        ("*/a.txt", "'*/a.txt' matches nothing in ROOT: did you mean 'a.txt'?"),
        ("[ab", "'[ab' matches nothing in ROOT: name a file, folder or glob that exists"),
        (
            "[z-a].txt",
            "'[z-a].txt' has a range whose end comes before its start: write it the other way round",
        ),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error(root: Path, pattern: str, sentence: str) -> None:
    """What was meant is not there; a similar name is offered."""
    assert refused(root, pattern) == sentence


def test_what_exclude_leaves_out_still_counts_as_matched(root: Path) -> None:
    """The pattern was right: that nothing is left is for the caller to say."""
    assert names(root, "a.txt", exclude=("a.txt",)) == []


@pytest.fixture
def linked(root: Path) -> Path:
    """Links in the image's folder: to a file, and to what cannot be part of an image."""
    outside = write_tree(root.parent.parent / "outside", "secret")
    links = {
        "in": root / "a.txt",
        "chain": root / "in",
        "out": outside / "secret",
        "folder": root / "conf",
        "away": outside,
        "gone": root / "nowhere",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


def test_links_to_files_of_the_project_are_followed(linked: Path) -> None:
    """Also through another link; a checkout on Windows has the file's content there."""
    assert names(linked, "in", "chain") == ["chain", "in"]


OUTSIDE = "is a link that leads out of ROOT: copy the file into the project"
NO_FILE = "is a link that leads to no file: link to a file, or remove it"
NO_FOLDER = "is a link to a folder: name the folder that it leads to"


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("out", f"ROOT/out {OUTSIDE}"),
        ("o*", f"ROOT/out {OUTSIDE}"),
        ("away", f"ROOT/away {OUTSIDE}"),
        ("a*", f"ROOT/away {OUTSIDE}"),
        ("folder", "ROOT/folder is a link to a folder: copy that folder by an entry of its own"),
        ("gone", f"ROOT/gone {NO_FILE}"),
        ("away/secret", f"ROOT/away {NO_FOLDER}"),
        ("away/*", f"ROOT/away {NO_FOLDER}"),
        ("./away/s?cret", f"ROOT/away {NO_FOLDER}"),
        ("gone/secret", "'gone/secret' matches nothing in ROOT: did you mean 'gone'?"),
        ("folder/deep", f"ROOT/folder {NO_FOLDER}"),
        ("conf/../away/secret", f"ROOT/conf/../away {NO_FOLDER}"),
    ],
)
def test_links_that_leave_the_project_are_refused(linked: Path, pattern: str, sentence: str) -> None:
    """Whether the link is the file itself or a folder on the way to it."""
    assert refused(linked, pattern) == sentence


def test_what_is_left_out_or_not_asked_for_does_no_harm(linked: Path) -> None:
    """A link or pipe that no image gets is nobody's business, and `exclude` helps as its hint says."""
    os.mkfifo(linked / "conf" / "pipe")
    assert refused(linked, "conf") == (
        "ROOT/conf/pipe is neither a file nor a folder: leave it out with `exclude`"
    )
    assert names(linked, "conf/deep", "*.txt") == ["B.txt", "a.txt", "conf/deep/three.txt"]
    assert len(names(linked, ".", exclude=("pipe", "out", "away", "folder", "gone"))) == 8
    assert refused(linked, "zzz").startswith("'zzz' matches nothing in ROOT: ")


def test_a_folder_that_cannot_be_read_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's reason."""
    real = os.scandir

    def scandir(path: Path) -> "os._ScandirIterator[str]":
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert refused(root, "conf") == "ROOT/conf/deep cannot be read (Permission denied): mend its access"


def test_a_name_that_is_not_utf_8_is_said(root: Path) -> None:
    """A layer could not hold it, and sorting could not place it."""
    Path(os.fsdecode(os.fsencode(root) + b"/conf/\xff")).write_bytes(b"")
    assert refused(root, "conf") == (
        "'conf/\\udcff' in ROOT has a name that is not UTF-8: rename it or leave it out with `exclude`"
    )
    assert names(root, "conf/deep", "*.txt") == ["B.txt", "a.txt", "conf/deep/three.txt"]


PIECES = st.lists(
    st.sampled_from(["a", "b", "-", "^", "\\", ".", "]", "*", "?", "[ab]", "[!a]", "[a-b]", "[^a]", "[\\d]"]),
    min_size=1,
    max_size=5,
)


@given(
    pieces=PIECES,
    end=st.sampled_from(["", "[", "[!", "[a"]),
    name=st.text("abd[]!-^\\.", min_size=1, max_size=5),
)
def test_one_name_is_matched_as_shells_do(pieces: list[str], end: str, name: str) -> None:
    """Python's fnmatch agrees, but for `**` alone, which is any path."""
    pattern = "".join(pieces) + end
    assume(pattern != "**")
    found = glob_expression(f"/{pattern}").fullmatch(name) is not None
    assert found == fnmatch.fnmatchcase(name, pattern)


@given(pattern=st.text("ab/[]!-^&~|\\*?.", max_size=10), name=st.text("ab/[]-", max_size=5))
def test_no_pattern_makes_a_traceback(pattern: str, name: str) -> None:
    """Nor a warning; the only thing that can be wrong with one is a range."""
    with suppress(SourceError):
        glob_expression(pattern).fullmatch(name)


@given(name=st.text(st.characters(exclude_characters="/*?[", exclude_categories=["Cs"]), min_size=1))
def test_a_name_without_wildcards_matches_itself_alone(name: str) -> None:
    """Nothing in a name means anything to the matcher."""
    expression = glob_expression(f"/{name}")
    assert expression.fullmatch(name)
    assert not expression.fullmatch(name + "x")
    assert not expression.fullmatch("x" + name)


@given(character=st.characters(exclude_characters="x]"))
def test_no_class_matches_a_slash(character: str) -> None:
    """`[!x]` is any character of a name, and a slash is none."""
    assert not glob_expression(f"/a[!{character}]b").fullmatch("a/b") or character == "/"
