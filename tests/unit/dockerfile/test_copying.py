# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Copying on trees that are values: names, folders, links, owners, modes, and what cannot be."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.dockerfile.copying import CopyError, Files, Tree, chosen, perform
from buildtools.dockerfile.faults import Place
from buildtools.dockerfile.recipe import Copy, Directory, Source
from buildtools.oci.layer import LINUX, Entry, Kind, arrange

HERE = Place(3, 1)


def tree(*paths: str) -> dict[str, Entry]:
    """A context: `x/` is a folder, `x>y` a link, anything else a file."""
    found: dict[str, Entry] = {}
    for path in paths:
        name, arrow, target = path.partition(">")
        if arrow:
            found[name] = Entry(path=name, kind=Kind.SYMLINK, target=target)
        elif path.endswith("/"):
            found[path[:-1]] = Entry(path=path[:-1], kind=Kind.DIRECTORY, mode=0o700, uid=8)
        else:
            found[path] = Entry(path=path, open=lambda: io.BytesIO(b""), mode=0o640, uid=8, gid=9)
    return found


CONTEXT = tree(
    "a", "b.txt", "dir/", "dir/c.txt", "dir/sub/", "dir/sub/d", "empty/", "dir/l>c.txt", "to>dir", "loop>loop"
)


def copy(*sources: str, to: str, **changed: Any) -> Copy:
    """A step that copies; a destination with a slash at its end is a folder."""
    return Copy(
        place=HERE,
        sources=tuple(Source(path=source, place=Place(3, 6)) for source in sources),
        destination=to.strip("/"),
        into_folder=to.endswith("/") or not to.strip("/"),
        **changed,
    )


def done(*steps: Copy | Directory, files: Files = CONTEXT, ignore_case: bool = False) -> dict[str, Entry]:
    """The files after these steps."""
    return perform(steps, Tree(ignore_case=ignore_case), lambda _: files).files


@pytest.mark.parametrize(
    ("step", "paths"),
    [
        (copy("a", to="x"), ["x"]),
        (copy("a", to="x/"), ["x", "x/a"]),
        (copy("a", to="/"), ["a"]),
        (copy("a", to="x/y/z"), ["x", "x/y", "x/y/z"]),
        (copy("dir", to="x"), ["x", "x/c.txt", "x/l", "x/sub", "x/sub/d"]),
        (copy("dir", to="/"), ["c.txt", "l", "sub", "sub/d"]),
        (copy("empty", to="x"), ["x"]),
        (copy("a", "empty", to="x/"), ["x", "x/a"]),
        (copy("*.txt", to="x/"), ["x", "x/b.txt"]),
        (copy("a", "*.none", to="x/"), ["x", "x/a"]),
        (copy("dir/*", to="x/"), ["x", "x/c.txt", "x/d", "x/l"]),
        (copy("to", to="x/"), ["x", "x/c.txt", "x/l", "x/sub", "x/sub/d"]),
        (copy("to/c.txt", to="x/"), ["x", "x/c.txt"]),
        (copy("dir", to="x", exclude=("*.txt", "sub/d")), ["x", "x/l", "x/sub"]),
        (copy("a", "b.txt", to="x/", exclude=("*.txt",)), ["x", "x/a"]),
        (copy("dir/sub/d", "a", to="x/", parents=True), ["x", "x/a", "x/dir", "x/dir/sub", "x/dir/sub/d"]),
        (copy("dir/./sub/d", to="x/", parents=True), ["x", "x/sub", "x/sub/d"]),
        (copy("dir/**/d", to="/", parents=True), ["dir", "dir/sub", "dir/sub/d"]),
        (copy("dir", to="/", parents=True, exclude=("dir/sub", "**/l")), ["dir", "dir/c.txt"]),
        (copy("dir/./sub", to="/", parents=True, exclude=("sub",)), []),
        (copy(to="x/", documents=(("h", "text"),)), ["x", "x/h"]),
        (copy(to="x", documents=(("h", "text"),)), ["x"]),
    ],
)  # fmt: skip
def test_names(step: Copy, paths: list[str]) -> None:
    """Files go into folders and take a name; of folders the content is copied."""
    assert sorted(done(step)) == paths


def test_a_folder_that_is_there() -> None:
    """Is copied into, without a slash, too; and keeps its mode."""
    found = done(Directory(place=HERE, path="x/y", owner=(5, 6)), copy("a", to="x/y"), copy("dir", to="x/y"))
    assert sorted(found) == ["x", "x/y", "x/y/a", "x/y/c.txt", "x/y/l", "x/y/sub", "x/y/sub/d"]
    assert (found["x/y"].mode, found["x/y"].uid, found["x"].gid) == (0o755, 5, 6)
    several = done(Directory(place=HERE, path="x"), copy("dir/*", to="x"))
    assert sorted(several) == ["x", "x/c.txt", "x/d", "x/l"]


def test_modes_and_owners() -> None:
    """The source's own, unless flags say others; folders on the way are root's."""
    found = done(copy("dir", to="x"))
    assert (found["x"].mode, found["x"].uid) == (0o755, 0)
    assert (found["x/sub"].mode, found["x/sub"].uid, found["x/c.txt"].gid) == (0o700, 8, 9)
    found = done(copy("dir", to="p/x", owner=(1, 2), mode=0o600))
    assert [(found[path].uid, found[path].gid) for path in ("p", "p/x", "p/x/sub", "p/x/l")] == [(1, 2)] * 4
    assert [oct(found[path].mode) for path in ("p/x", "p/x/sub", "p/x/c.txt", "p/x/l")] == [
        "0o755", "0o600", "0o600", "0o644"
    ]  # fmt: skip
    special = {"s": Entry(path="s", mode=0o4755)}
    assert done(copy("s", to="x", mode=0o700), files=special)["x"].mode == 0o4700
    assert done(copy("a", to="tmp/"))["tmp"].mode == 0o1777


def test_here_documents() -> None:
    """Are files of their own."""
    entry = done(copy(to="x", documents=(("h", "täxt"),)))["x"]
    assert entry.open
    with entry.open() as file:
        assert (file.read(), entry.size, entry.mode) == ("täxt".encode(), 5, 0o644)


def test_case_on_windows() -> None:
    """A folder keeps the spelling that came first, a file is replaced whatever its case."""
    found = done(
        copy("a", to="App/One"), copy("b.txt", to="app/one"), copy("a", to="APP/two"), ignore_case=True
    )
    assert sorted(found) == ["App", "App/One", "App/two"]
    assert len(done(copy("a", to="X"), copy("a", to="x"))) == 2
    with pytest.raises(CopyError) as caught:
        done(copy("*", to="x/"), files=tree("A", "a"), ignore_case=True)
    assert caught.value.message == "x/A and x/a are one path on Windows"


@pytest.mark.parametrize(
    ("steps", "message", "hint"),
    [
        ([copy("dir/c.tx", to="x")], "there is no dir/c.tx to copy", "did you mean dir/c.txt?"),
        ([copy("zzz", to="x")], "there is no zzz to copy", "name what is there; .dockerignore may leave it out"),
        ([copy("z*", to="x/")], "there is no z* to copy", "name what is there; .dockerignore may leave it out"),
        ([copy("zzz", to="x/", parents=True)], "there is no zzz to copy", "name what is there; .dockerignore may leave it out"),
        ([copy("loop", to="x")], "/loop is a link that leads in a circle", "mend the link"),
        ([copy("dir/*", to="x")], "3 sources match, and the destination is no folder", "end the destination with a slash"),
        ([copy("a", to="x"), copy("a", to="x/y")], "/x is a file, and a folder is needed there", "use another path"),
        ([copy("dir", to="x"), copy("a", to="x/l/y")], "/x/l is a link, which is not followed, and a folder is needed there", "use another path"),
        ([copy("a", to="c.txt/"), copy("dir", to="/")], "/dir/c.txt is a file, and /c.txt is a folder", "use another destination"),
        ([copy("a", to="sub"), copy("dir", to="/")], "/dir/sub is a folder, and /sub is a file", "use another destination"),
        ([copy("a", to="x"), copy("dir", to="x")], "/x is a file, and a folder is needed there", "use another path"),
    ],
)  # fmt: skip
def test_what_cannot_be_copied(steps: list[Copy], message: str, hint: str) -> None:
    """With the place of the step, and what to do."""
    with pytest.raises(CopyError) as caught:
        done(*steps)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.place in {HERE, Place(3, 6)}


def test_dangling_links() -> None:
    """A matched link that leads nowhere cannot be followed."""
    with pytest.raises(CopyError, match="there is no d"):
        done(copy("d*", to="x/"), files=tree("d1>gone"))
    assert done(copy("l", to="x"), files=tree("l>/a/../b", "b"))["x"].kind is Kind.FILE


def test_what_is_chosen() -> None:
    """Everything that the result depends on, links and what they lead to included."""
    assert sorted(chosen(copy("to", "a", to="x/"), CONTEXT)) == [
        "a",
        "dir",
        "dir/c.txt",
        "dir/l",
        "dir/sub",
        "dir/sub/d",
        "to",
    ]
    assert sorted(chosen(copy("dir/sub", to="x/", parents=True), CONTEXT)) == ["dir/sub", "dir/sub/d"]
    assert sorted(chosen(copy("", to="x/"), tree("a"))) == ["a"]


NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)


@given(
    st.dictionaries(NAMES, st.booleans(), max_size=6),
    st.lists(st.tuples(NAMES, NAMES, st.booleans()), max_size=4),
)
def test_any_copies(places: dict[str, bool], steps: list[tuple[str, str, bool]]) -> None:
    """They make a tree that a layer can hold as it is, or end with a sentence."""
    context: dict[str, Entry] = {}
    for path in sorted(places):
        parts = path.split("/")
        folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
        if all(folder not in context or context[folder].kind is Kind.DIRECTORY for folder in folders):
            context |= {folder: context.get(folder) or tree(f"{folder}/")[folder] for folder in folders}
            context.setdefault(path, *tree(path if places[path] else f"{path}/").values())
    try:
        found = done(*(copy(source, to=to + "/" * slash) for source, to, slash in steps), files=context)
    except CopyError:
        return
    assert {entry.path: entry.kind for entry in arrange(found.values(), system=LINUX)} == {
        path: entry.kind for path, entry in found.items()
    }
