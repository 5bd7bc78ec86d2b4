# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Layers of our own as a file tree; anything else ends with an error, never with a file in a wrong place."""

import gzip
import io
import os
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import BuildError
from buildtools.oci.layer import LINUX, Entry, Kind, write_layer
from buildtools.tiers.unpack import unpack
from buildtools.windows.layer import WINDOWS


def member(
    name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", data: bytes = b"x"
) -> tuple[tarfile.TarInfo, bytes]:
    """An entry as other tools write it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    info.mode = 0o755
    return info, data


def layer(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    """A compressed layer of these entries."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return io.BytesIO(blob.getvalue())


def ours(*entries: Entry) -> io.BytesIO:
    """A layer as the project writes it."""
    blob = io.BytesIO()
    write_layer(entries, blob, system=LINUX, epoch=0)
    return io.BytesIO(blob.getvalue())


def refused(root: Path, *members: tuple[tarfile.TarInfo, bytes]) -> str:
    """The sentence about a layer; no file lies outside of the root."""
    with pytest.raises(BuildError) as caught:
        unpack([layer(*members)], root)
    assert [path.name for path in root.parent.iterdir()] == [root.name]
    return str(caught.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder in an empty folder."""
    path = tmp_path / "above" / "root"
    path.mkdir(parents=True)
    return path


def test_our_own_layers(root: Path) -> None:
    """Files with content and mode, folders, links that stay inside; a later layer is put over the first."""
    entries = [
        Entry(path="app/run", size=3, mode=0o755, open=lambda: io.BytesIO(b"run")),
        Entry(path="app/text", size=4, mode=0o640, open=lambda: io.BytesIO(b"text")),
        Entry(path="data", kind=Kind.DIRECTORY),
        Entry(path="app/link", kind=Kind.SYMLINK, target="text"),
    ]
    newer = Entry(path="app/text", size=5, open=lambda: io.BytesIO(b"newer"))
    unpack([ours(*entries), ours(newer)], root)
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == [
        "app", "app/link", "app/run", "app/text", "data",
    ]  # fmt: skip
    assert (root / "app" / "run").read_bytes() == b"run"
    assert (root / "app" / "run").stat().st_mode & 0o7777 == 0o755
    assert (root / "app" / "text").read_bytes() == (root / "app" / "link").read_bytes() == b"newer"
    assert (root / "app" / "link").readlink() == Path("text")


@pytest.mark.parametrize(
    ("name", "kind", "link", "sentence"),
    [
        ("../evil", tarfile.REGTYPE, "", "the layer holds '../evil', which leaves the image"),
        ("a/../../evil", tarfile.REGTYPE, "", "the layer holds 'a/../../evil', which leaves the image"),
        ("/evil", tarfile.REGTYPE, "", "the layer holds '/evil', which leaves the image"),
        (
            "evil",
            tarfile.LNKTYPE,
            "other",
            "the layer holds 'evil', a link to 'other', which is no file of it",
        ),
        ("evil", tarfile.LNKTYPE, "../other", "the layer holds '../other', which leaves the image"),
        ("evil", tarfile.CHRTYPE, "", "the layer holds 'evil', which this tier does not unpack"),
        ("evil", tarfile.FIFOTYPE, "", "the layer holds 'evil', which this tier does not unpack"),
    ],
)
def test_what_is_refused(root: Path, name: str, kind: bytes, link: str, sentence: str) -> None:
    """Names that climb, second names of what is not there, and kinds that no program can be."""
    assert refused(root, member(name, kind, link=link)) == sentence
    assert list(root.iterdir()) == []


def test_layers_of_an_engine(root: Path) -> None:
    """Folders end with a slash or are not named, links lead from the root, names are taken away and replaced."""
    below = layer(
        member("./", tarfile.DIRTYPE),
        member("bin/", tarfile.DIRTYPE),
        member("bin/busybox", data=b"program"),
        member("bin/sh", tarfile.SYMTYPE, link="/bin/busybox"),
        member("bin/up", tarfile.SYMTYPE, link="../../../etc/passwd"),
        member("bin/again", tarfile.LNKTYPE, link="bin/busybox"),
        member("etc/deep/file"),
        member("gone/a"),
        member("emptied/a"),
        member("emptied/b/c"),
        member("folder/a"),
        member("link", tarfile.SYMTYPE, link="etc"),
    )
    above = layer(
        member("gone/.wh.a", data=b""),
        member(".wh.never", data=b""),
        member("emptied/.wh..wh..opq", data=b""),
        member("emptied/new"),
        member("folder"),
        member("link/", tarfile.DIRTYPE),
        member("link/in"),
    )
    unpack([below, above], root)
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()) == [
        "bin/again", "bin/busybox", "bin/sh", "bin/up", "emptied/new", "etc/deep/file", "folder", "link/in",
    ]  # fmt: skip
    assert (root / "bin/sh").read_bytes() == (root / "bin/again").read_bytes() == b"program"
    assert (root / "bin/sh").readlink() == Path("busybox")
    assert (root / "bin/up").readlink() == Path("../etc/passwd")


def test_nothing_is_written_through_a_link(root: Path) -> None:
    """Not even one that stays inside: engines write to where it leads."""
    unpack([ours(Entry(path="real", kind=Kind.DIRECTORY))], root)
    assert (
        refused(root, member("link", tarfile.SYMTYPE, link="real"), member("link/file"))
        == "the layer holds 'link/file', which leaves the image"
    )
    assert list((root / "real").iterdir()) == []


def test_a_link_on_the_way_to_the_folder_is_none_of_the_layers(root: Path) -> None:
    """Temporary folders lie behind links on some machines."""
    (root.parent / "link").symlink_to(root)
    (root / "inner").mkdir()
    unpack([layer(member("file"))], root.parent / "link" / "inner")
    assert (root / "inner" / "file").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            b"not a tar" * 100,
            "the layer cannot be unpacked: the archive has a header whose checksum is not a number",
        ),
        (
            layer(member("file")).getvalue()[:40],
            "the layer cannot be unpacked: the layer's gzip stream ends too early",
        ),
        (
            gzip.compress(gzip.decompress(layer(member("file")).getvalue())[:700]),
            "the layer cannot be unpacked: the archive ends in the middle of an entry",
        ),
        (
            b"\x28\xb5\x2f\xfd" + bytes(100),
            "the layer cannot be unpacked: the layer is compressed with zstd, which is not read here: use gzip",
        ),
    ],
)
def test_a_damaged_layer_is_a_sentence(root: Path, data: bytes, sentence: str) -> None:
    """Whether the tar or its compression is damaged."""
    with pytest.raises(BuildError) as caught:
        unpack([io.BytesIO(data)], root)
    assert str(caught.value) == sentence


def test_a_file_and_a_folder_of_one_name(root: Path) -> None:
    """What the disk does not take is a sentence, too."""
    assert refused(root, member("a"), member("a/b")) == (
        f"{root}/a/b cannot be written: a file stands where a folder should be: move it away or choose another place"
    )


NAMES = st.lists(st.sampled_from(["a", "b", "c", "..", ".", ""]), min_size=1, max_size=4).map("/".join)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])
MEMBERS = st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=6)


@given(members=MEMBERS)
def test_no_layer_writes_outside(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes, str]]
) -> None:
    """Whatever names, links and kinds it combines; and what goes wrong is a sentence."""
    root = tmp_path_factory.mktemp("above") / "root"
    root.mkdir()
    made = [member(name, kind, link=link) for name, kind, link in members]
    with suppress(BuildError):
        unpack([layer(*made)], root)
    assert [path.name for path in root.parent.iterdir()] == ["root"]
    for path in root.rglob("*"):
        assert Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def test_a_layer_of_windows(root: Path) -> None:
    """Its `Files` are drive C:; registry and utility VM are not files of it."""
    blob = io.BytesIO()
    program = Entry(path="app/a.exe", size=7, open=lambda: io.BytesIO(b"program"))
    write_layer([Entry(path="app", kind=Kind.DIRECTORY), program], blob, system=WINDOWS, epoch=0)
    beside = layer(member("Hives/Software_Delta", data=b"regf"), member("UtilityVM/Files/x", data=b"x"))
    unpack([io.BytesIO(blob.getvalue()), beside], root, windows=True)
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == ["app", "app/a.exe"]
    assert (root / "app" / "a.exe").read_bytes() == b"program"


def test_a_layer_of_windows_does_not_leave_the_drive(root: Path) -> None:
    """Its names are held to the same rules."""
    with pytest.raises(BuildError, match=r"the layer holds '../x', which leaves the image"):
        unpack([layer(member("Files/../x"))], root, windows=True)
    assert [path.name for path in root.parent.iterdir()] == [root.name]
