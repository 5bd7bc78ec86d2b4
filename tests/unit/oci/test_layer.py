# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Layers: what is refused and why, what is added, and the order that makes the same entries the same bytes."""

import io
import itertools
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.compress import compressor_name
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.layer import (
    COMPRESSOR,
    LINUX,
    Entry,
    Kind,
    Layer,
    LayerError,
    arrange,
    layer_diff_id,
    whiteout_name,
    write_layer,
)
from buildtools.oci.tar import TarEntry


class Caseless:
    """A format that knows no case and has two roots: stands for Windows."""

    ignore_case = True

    def check(self, entry: Entry) -> str | None:
        """Refuse one name."""
        return "the name is bad" if "bad" in entry.path else None

    def roots(self, epoch: int) -> tuple[TarEntry, ...]:
        """Two directories."""
        return tuple(TarEntry(name=name, kind=b"5", mtime=epoch) for name in ("R1", "R2"))

    def encode(self, entry: Entry, epoch: int) -> TarEntry:
        """The name below a root."""
        return TarEntry(name=f"R1/{entry.path}", mtime=epoch, pax={"k": entry.path})


CASELESS = Caseless()


def directory(path: str, mode: int = 0o755, origin: str = "") -> Entry:
    """A directory."""
    return Entry(path=path, kind=Kind.DIRECTORY, mode=mode, origin=origin)


def link(path: str, target: str, kind: Kind = Kind.SYMLINK) -> Entry:
    """A link."""
    return Entry(path=path, kind=kind, target=target)


def gone(path: str) -> Entry:
    """A whiteout."""
    return Entry(path=path, kind=Kind.WHITEOUT)


def fault(*entries: Entry, system: object = LINUX) -> str:
    """The sentence that arranging gives."""
    with pytest.raises(LayerError) as caught:
        arrange(entries, system=system)  # type: ignore[arg-type]
    return str(caught.value)


EMPTY = "the path is empty or holds a zero byte"
SLASH = "the path begins with a slash, it must be relative to the image's root"
DOTS = "the path has a .. in it and would leave the image"
PART = "the path has an empty part or a single dot in it"
MARKS = "names that begin with .wh. mark deleted files in a layer"
HALF = "the path holds half a character, which UTF-8 has no bytes for"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("", f": {EMPTY}"),
        ("a\0b", f"'a\\x00b': {EMPTY}"),
        ("/a", f"/a: {SLASH}"),
        ("/../a", f"/../a: {SLASH}"),
        ("..", f"..: {DOTS}"),
        ("../a", f"../a: {DOTS}"),
        ("a/../b", f"a/../b: {DOTS}"),
        ("a/..", f"a/..: {DOTS}"),
        (".", f".: {PART}"),
        ("./a", f"./a: {PART}"),
        ("a/./b", f"a/./b: {PART}"),
        ("a//b", f"a//b: {PART}"),
        ("a/", f"a/: {PART}"),
        ("\ud800", f"'\\ud800': {HALF}"),
        ("a/\udfff\udc7f", f"'a/\\udfff\\udc7f': {HALF}"),
        (".wh.a", f".wh.a: {MARKS}"),
        ("a/.wh..wh..opq", f"a/.wh..wh..opq: {MARKS}"),
        (".wh.a/b", f".wh.a/b: {MARKS}"),
        ("a/.wh.b/c", f"a/.wh.b/c: {MARKS}"),
    ],
)
@pytest.mark.parametrize("kind", Kind)
def test_a_path_that_cannot_be_in_a_layer_is_refused(path: str, sentence: str, kind: Kind) -> None:
    """G07, G08: whatever has it."""
    assert fault(Entry(path=path, kind=kind, target="t")) == sentence


@pytest.mark.parametrize(
    "path", ["...", "..a", "a/..b/c", ".wh", "a.wh.b", " ", "a\\..\\b", "C:", "\udcff", "é"]
)
def test_a_path_that_only_looks_odd_is_taken(path: str) -> None:
    """Linux has names of every kind."""
    assert [entry.path for entry in arrange([Entry(path=path)], system=LINUX)][-1] == path


LINK = "the link has no target"
TARGET = "the link's target holds a zero byte or half a character"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (link("a", ""), f"a: {LINK}"),
        (link("a", "", Kind.HARDLINK), f"a: {LINK}"),
        (link("a", "b\0c"), f"a: {TARGET}"),
        (link("a", "\ud83d"), f"a: {TARGET}"),
        (link("a", "\ud83d", Kind.HARDLINK), f"a: {TARGET}"),
        (
            link("a", "/b", Kind.HARDLINK),
            "a: the hard link's target '/b' must be a path of the image without a root",
        ),
        (
            link("a", "../b", Kind.HARDLINK),
            "a: the hard link's target '../b' must be a path of the image without a root",
        ),
        (
            link("a", "./b", Kind.HARDLINK),
            "a: the hard link's target './b' must be a path of the image without a root",
        ),
    ],
)
def test_a_link_needs_a_target_that_can_be_written(entry: Entry, sentence: str) -> None:
    """A hard link names a path of the layer; a symbolic link may lead anywhere."""
    assert fault(entry) == sentence


@pytest.mark.parametrize("target", ["../../up", "/etc/passwd", ".", "b c", "\udcff", "C:\\x"])
def test_a_symbolic_link_may_lead_anywhere(target: str) -> None:
    """It is read inside the container."""
    assert arrange([link("a", target)], system=LINUX) == [link("a", target)]


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([Entry(path="a"), Entry(path="a")], "a and a are the same path in the image"),
        (
            [Entry(path="a", origin="x.txt"), Entry(path="a", origin="y.txt")],
            "a (x.txt) and a (y.txt) are the same path in the image",
        ),
        ([Entry(path="a"), directory("a")], "a and a are the same path in the image"),
        ([directory("a"), gone("a")], "a and a are the same path in the image"),
        ([directory("a", 0o700), directory("a", 0o755)], "a and a are the same path in the image"),
        ([Entry(path="a", origin="x"), Entry(path="a/b")], "a (x) is a file, and a/b lies in it"),
        ([link("a", "t"), Entry(path="a/b/c")], "a is a symlink, and a/b/c lies in it"),
        (
            [link("a", "t", Kind.HARDLINK), Entry(path="a/b"), Entry(path="t")],
            "a is a hardlink, and a/b lies in it",
        ),
        ([gone("a"), Entry(path="a/b")], "a is a whiteout, and a/b lies in it"),
        ([gone("a"), gone("a/b")], "a is a whiteout, and a/b lies in it"),
        (
            [Entry(path="/x"), Entry(path="a"), Entry(path="a/b"), Entry(path="c"), Entry(path="c")],
            f"/x: {SLASH}; c and c are the same path in the image; a is a file, and a/b lies in it",
        ),
        ([Entry(path="../a"), Entry(path="../a")], f"../a: {DOTS}"),
    ],
)
def test_entries_that_exclude_each_other_are_refused(entries: list[Entry], sentence: str) -> None:
    """All faults at once, each once, in the order of the paths, whatever the order of the entries."""
    assert fault(*entries) == sentence
    twins = {entry.path for entry in entries if [one.path for one in entries].count(entry.path) > 1}
    if not twins:
        assert {fault(*order) for order in itertools.permutations(entries)} == {sentence}


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([Entry(path="App"), Entry(path="app")], "App and app are the same path in the image"),
        ([directory("App"), directory("app")], "App and app are the same path in the image"),
        ([Entry(path="É"), Entry(path="é")], "É and é are the same path in the image"),
        ([Entry(path="A"), Entry(path="a/b")], "A is a file, and a/b lies in it"),
        ([Entry(path="A/x"), Entry(path="a/y")], "a/y and A spell a directory in two ways: use one"),
        (
            [directory("App", origin="d"), Entry(path="app/x", origin="s")],
            "app/x (s) and App (d) spell a directory in two ways: use one",
        ),
        ([Entry(path="bad/x"), Entry(path="c")], "bad/x: the name is bad"),
    ],
)
def test_without_case_more_is_the_same(entries: list[Entry], sentence: str) -> None:
    """NTFS takes both spellings for one file; Linux does not."""
    assert fault(*entries, system=CASELESS) == sentence
    assert {entry.path for entry in entries} <= {entry.path for entry in arrange(entries, system=LINUX)}


TARGET_IS = "h: the hard link's target"


@pytest.mark.parametrize(
    ("entries", "target", "sentence"),
    [
        ([], "a", f"{TARGET_IS} 'a' is not in this layer"),
        ([], "h", f"{TARGET_IS} 'h' is a hardlink and no file"),
        ([Entry(path="a/b")], "a", f"{TARGET_IS} 'a' is a directory and no file"),
        ([directory("a")], "a", f"{TARGET_IS} 'a' is a directory and no file"),
        ([link("a", "b")], "a", f"{TARGET_IS} 'a' is a symlink and no file"),
        ([gone("a")], "a", f"{TARGET_IS} 'a' is a whiteout and no file"),
        ([Entry(path="a"), link("b", "a", Kind.HARDLINK)], "b", f"{TARGET_IS} 'b' is a hardlink and no file"),
    ],
)
@pytest.mark.parametrize("system", [LINUX, CASELESS])
def test_a_hard_link_leads_to_a_file_of_the_layer(
    entries: list[Entry], target: str, sentence: str, system: object
) -> None:
    """Else a runtime has nothing to make it of when it comes to it."""
    assert fault(*entries, link("h", target, Kind.HARDLINK), system=system) == sentence


def test_a_hard_link_s_target_is_spelt_as_the_file_is() -> None:
    """Windows' importer looks for it to the letter, though NTFS has no case; on Linux it is another file."""
    entries = (Entry(path="App/a"), link("h", "app/A", Kind.HARDLINK))
    assert fault(*entries, system=CASELESS) == f"{TARGET_IS} 'app/A' is spelt 'App/a' in this layer"
    assert fault(*entries) == f"{TARGET_IS} 'app/A' is not in this layer"


def test_missing_parents_are_added() -> None:
    """Owned by root and open to read; those that are given stay as they are."""
    given_parent = Entry(path="a/b", kind=Kind.DIRECTORY, mode=0o1777, uid=7)
    entries = [Entry(path="a/b/c/d"), given_parent, Entry(path="a/x")]
    assert arrange(entries, system=LINUX) == [
        directory("a"), given_parent, directory("a/b/c"), Entry(path="a/b/c/d"), Entry(path="a/x"),
    ]  # fmt: skip


def test_a_directory_may_be_given_twice() -> None:
    """As long as both say the same."""
    twice = [directory("a", origin="one"), Entry(path="a/b"), directory("a", origin="two")]
    assert [entry.path for entry in arrange(twice, system=LINUX)] == ["a", "a/b"]


def test_the_order_is_that_of_names_in_bytes() -> None:
    """What a directory holds stands right behind it: sorting whole paths would put a-b and a.txt between."""
    paths = ["a", "a/z", "a-b", "a.txt", "B", "\ud7ff", "\uffff", "\U00010000", "\udcff"]
    entries = [directory("a"), *(Entry(path=path) for path in paths[1:])]
    expected = ["B", "a", "a/z", "a-b", "a.txt", "\ud7ff", "\uffff", "\U00010000", "\udcff"]
    for order in (entries, entries[::-1], sorted(entries, key=lambda one: one.path)):
        assert [entry.path for entry in arrange(order, system=LINUX)] == expected


def test_hard_links_stand_behind_what_they_may_name() -> None:
    """A runtime makes them when it reads them: a link in front of its file could not be made."""
    entries = [link("a/first", "z/file", Kind.HARDLINK), Entry(path="z/file"), link("a/soft", "x")]
    assert [entry.path for entry in arrange(entries, system=LINUX)] == [
        "a", "a/soft", "z", "z/file", "a/first",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name"), [("a", ".wh.a"), ("a/b", "a/.wh.b"), ("a/b/.c d", "a/b/.wh..c d"), ("é/ü", "é/.wh.ü")]
)
def test_a_whiteout_has_the_specification_s_name(path: str, name: str) -> None:
    """In the directory of what it takes away: image-spec, "Whiteouts"."""
    assert whiteout_name(gone(path)) == name


def test_the_format_says_what_is_written() -> None:
    """Roots first, with the layer's time, then each entry as the format encodes it."""
    sink = io.BytesIO()
    layer = write_layer([Entry(path="b"), Entry(path="a")], sink, system=CASELESS, epoch=8)
    assert layer.descriptor == Descriptor.of(sink.getvalue(), OCI_LAYER_GZIP)
    assert layer == Layer(
        descriptor=layer.descriptor, diff_id=layer.diff_id, size=2 * 512 + 2 * 3 * 512 + 1024
    )


def test_nothing_is_a_layer_too() -> None:
    """An empty archive: two blocks of zeros."""
    layer = write_layer([], io.BytesIO(), system=LINUX, epoch=0)
    assert (layer.diff_id, layer.size) == (digest_of(bytes(1024)), 1024)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            Entry(path="a", size=9, open=lambda: io.BytesIO(b"abc")),
            "a became 6 bytes shorter while it was read: build again",
        ),
        (
            Entry(path="a", size=2, open=lambda: io.BytesIO(b"abc")),
            "a became longer while it was read: build again",
        ),
        (Entry(path="a", open=lambda: io.BytesIO(b"abc")), "a became longer while it was read: build again"),
        (Entry(path="a", size=2), "a has 2 bytes and no content to read them from"),
        (Entry(path="/a"), f"/a: {SLASH}"),
    ],
)
def test_a_layer_that_cannot_be_written_is_one_error(entry: Entry, sentence: str) -> None:
    """B18: whoever finds it, the entries or the archive."""
    with pytest.raises(LayerError) as caught:
        write_layer([entry], io.BytesIO(), system=LINUX, epoch=0)
    assert str(caught.value) == sentence
    with pytest.raises(LayerError) as caught:
        layer_diff_id([entry], system=LINUX, epoch=0)
    assert str(caught.value) == sentence


@given(st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=2000)), st.integers(0, 2**31))
def test_the_diff_id_is_known_without_compressing(files: dict[str, bytes], epoch: int) -> None:
    """The digest of the very tar that would be compressed."""
    entries = [
        Entry(path=path, size=len(data), open=partial(io.BytesIO, data)) for path, data in files.items()
    ]
    written = write_layer(entries, io.BytesIO(), system=LINUX, epoch=epoch)
    assert layer_diff_id(entries, system=LINUX, epoch=epoch) == written.diff_id


def test_an_error_of_the_file_or_the_disk_stays_what_it_is() -> None:
    """Its own words are the best."""

    def denied() -> io.BytesIO:
        raise PermissionError(13, "Permission denied", "a")

    class Full:
        def write(self, data: bytes, /) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(PermissionError):
        write_layer([Entry(path="a", size=1, open=denied)], io.BytesIO(), system=LINUX, epoch=0)
    with pytest.raises(OSError, match="No space left on device"):
        write_layer([Entry(path="a")], Full(), system=LINUX, epoch=0)


def test_the_compressor_is_known_by_name() -> None:
    """Records keep it."""
    assert compressor_name() == COMPRESSOR


@given(
    st.lists(
        st.builds(
            Entry,
            path=st.text(st.sampled_from("aA./\\\0\ud800\udcffé.wh"), max_size=6) | st.text(),
            kind=st.sampled_from(Kind),
            target=st.text(st.characters(), max_size=5),
        ),
        max_size=5,
    ),
    st.sampled_from([LINUX, CASELESS]),
)
def test_any_entries_are_arranged_or_refused(entries: list[Entry], system: object) -> None:
    """Nothing but LayerError is raised; what passes has parents in front, no twins, and nothing is lost."""
    try:
        paths = [entry.path for entry in arrange(entries, system=system)]  # type: ignore[arg-type]
    except LayerError:
        return
    assert {entry.path for entry in entries} <= set(paths)
    assert len(set(paths)) == len(paths)
    seen = {""}
    for path in paths:
        assert path.rpartition("/")[0] in seen
        seen.add(path)


@pytest.mark.parametrize(
    ("path", "modes"),
    [
        ("tmp/a", [0o1777]),
        ("var/tmp/a", [0o755, 0o1777]),
        ("root/.config/a", [0o700, 0o755]),
        ("opt/tmp/a", [0o755, 0o755]),
    ],
)
def test_parents_that_nobody_listed_have_the_modes_of_every_linux(path: str, modes: list[int]) -> None:
    """A file in /tmp does not close /tmp to everyone else."""
    arranged = arrange([Entry(path=path)], system=LINUX)
    assert [entry.mode for entry in arranged if entry.kind is Kind.DIRECTORY] == modes
