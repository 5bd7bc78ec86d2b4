# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Reading archives: ustar, PAX and GNU's long names, and a sentence for what is damaged."""

import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci import tar
from buildtools.oci.tar import TarEntry, TarError, read_tar
from tests.fakes.tars import END, Dribble, header, member, padded, pax, seen_by_python

TARFILE_FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def read(data: bytes) -> list[tuple[TarEntry, bytes]]:
    """Every entry with its content."""
    return [(entry, body.read()) for entry, body in read_tar(io.BytesIO(data))]


def names(data: bytes) -> list[str]:
    """The entries' names, their content passed over."""
    return [entry.name for entry, _ in read_tar(io.BytesIO(data))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (header(b"a", mode=b"0000755\0", uid=b"0000007\0", gid=b"0000010\0", mtime=b"00000000011\0"), TarEntry(name="a", mode=0o755, uid=7, gid=8, mtime=9)),
        (header(b"d/", kind=b"5"), TarEntry(name="d/", kind=b"5")),
        (header(b"./a"), TarEntry(name="./a")),
        (header(b"n" * 100), TarEntry(name="n" * 100)),
        (header(b"n", prefix=b"a/b"), TarEntry(name="a/b/n")),
        (header(b"n", prefix=b"p" * 155), TarEntry(name="p" * 155 + "/n")),
        (header(b"n", magic=b"ustar ", version=b" \0", prefix=b"no prefix"), TarEntry(name="n")),
        (header(b"n", magic=b"", version=b"", prefix=b"no prefix"), TarEntry(name="n")),
        (header(b"a\0hidden"), TarEntry(name="a")),
        (header(b"\xff"), TarEntry(name="\udcff")),
        (header("é".encode()), TarEntry(name="é")),
        (header(kind=b"\0"), TarEntry(name="a", kind=b"0")),
        (header(kind=b"7"), TarEntry(name="a", kind=b"0")),
        (header(kind=b"2", link=b"t" * 100), TarEntry(name="a", kind=b"2", link="t" * 100)),
        (header(kind=b"1", link=b"\xff\0x"), TarEntry(name="a", kind=b"1", link="\udcff")),
        (header(mode=b"   755 \0"), TarEntry(name="a", mode=0o755)),
        (header(mode=b"755\0\0\0\0\0"), TarEntry(name="a", mode=0o755)),
        (header(mode=bytes(8), uid=b" " * 8), TarEntry(name="a", mode=0)),
        (header(uid=b"\x80" + (1 << 40).to_bytes(7, "big")), TarEntry(name="a", uid=1 << 40)),
        (header(mtime=b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7), TarEntry(name="a", mtime=(1 << 63) - 1)),
    ],
)  # fmt: skip
def test_a_header_is_read(data: bytes, expected: TarEntry) -> None:
    """POSIX's, GNU's and those from before both."""
    assert read(data + END) == [(expected, b"")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pax(b"10 path=x\n") + header(), TarEntry(name="x")),
        (pax(b"11 path=x/\n") + header(prefix=b"p"), TarEntry(name="x/")),
        (pax(b"14 linkpath=x\n") + header(kind=b"2", link=b"y"), TarEntry(name="a", kind=b"2", link="x")),
        (pax(b"9 path=\xff\n") + header(), TarEntry(name="\udcff")),
        (pax(b"12 path=a\nb\n") + header(), TarEntry(name="a\nb")),
        (pax(b"10 path==\n") + header(), TarEntry(name="=")),
        (pax(b"10 path=x\n", b"10 path=y\n") + header(), TarEntry(name="y")),
        (pax(b"10 path=x\n") + pax(b"6 k=v\n") + header(), TarEntry(name="x", pax={"k": "v"})),
        (pax(b"11 uid=123\n") + header(), TarEntry(name="a", pax={"uid": "123"})),
        (pax(b"5 k=\n") + header(), TarEntry(name="a", pax={"k": ""})),
        (pax() + header(), TarEntry(name="a")),
        (member(b"@L", b"x" * 600 + b"\0", kind=b"L") + header(), TarEntry(name="x" * 600)),
        (member(b"@L", b"x", kind=b"L") + header(), TarEntry(name="x")),
        (member(b"@K", b"y" * 600 + b"\0", kind=b"K") + header(kind=b"2"), TarEntry(name="a", kind=b"2", link="y" * 600)),
        (
            member(b"@K", b"y\0", kind=b"K") + member(b"@L", b"x\0", kind=b"L") + header(kind=b"1"),
            TarEntry(name="x", kind=b"1", link="y"),
        ),
        # An empty record leaves the header's own field: so reads Go, which unpacks layers.
        (pax(b"8 path=\n") + header(b"../evil"), TarEntry(name="../evil")),
        (pax(b"13 linkpath=\n") + header(kind=b"1", link=b"../b"), TarEntry(name="a", kind=b"1", link="../b")),
        (pax(b"8 size=\n") + header(), TarEntry(name="a")),
    ],
)  # fmt: skip
def test_an_extension_changes_the_entry_behind_it(data: bytes, expected: TarEntry) -> None:
    """And only that one; what it knows besides names and sizes stays as records."""
    assert read(data + header(b"next") + END) == [(expected, b""), (TarEntry(name="next"), b"")]


def test_a_size_in_a_pax_header_counts() -> None:
    """Files from 8 GiB on have theirs only there."""
    data = pax(b"9 size=3\n") + header() + padded(b"abc") + header(b"b") + END
    assert read(data) == [(TarEntry(name="a", size=3), b"abc"), (TarEntry(name="b"), b"")]


@pytest.mark.parametrize(
    "extension",
    [member(b"@L", b"long\0", kind=b"L"), pax(b"13 path=long\n"), member(b"@K", b"k" * 700, kind=b"K")],
)
def test_the_size_of_a_pax_header_is_for_the_file_alone(extension: bytes) -> None:
    """An extension between the two has its own: else strangers could hide what follows."""
    data = pax(b"9 size=3\n") + extension + header() + padded(b"abc") + header(b"b") + END
    assert [(entry.size, body) for entry, body in read(data)] == [(3, b"abc"), (0, b"")]
    assert names(data) == [one.name for one in seen_by_python(data)]


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_links_directories_devices_and_pipes_have_no_content(kind: bytes) -> None:
    """Whatever their size says: runtimes and Python pass over none, so what follows is an entry."""
    data = header(b"first", kind=kind, size=512) + header(b"second") + END
    assert [(entry.name, body) for entry, body in read(data)] == [("first", b""), ("second", b"")]
    assert names(data) == [one.name for one in seen_by_python(data)]


def test_a_global_header_is_an_entry() -> None:
    """Its reader knows what it does; the entries behind it stay as they are."""
    data = member(b"pax_global_header", b"10 path=x\n", kind=b"g") + header() + END
    assert read(data) == [
        (TarEntry(name="pax_global_header", kind=b"g", size=10), b"10 path=x\n"),
        (TarEntry(name="a"), b""),
    ]


@pytest.mark.parametrize(
    "end", [b"", END, bytes(512), END * 10, bytes(512) + header(b"hidden"), END + b"rest"]
)
def test_an_archive_ends_with_its_first_empty_block(end: bytes) -> None:
    """Or with the stream: umoci writes no empty blocks."""
    assert read(member(b"a", b"data") + end) == [(TarEntry(name="a", size=4), b"data")]
    assert read(end if end.startswith(bytes(512)) else b"") == []


TWO = member(b"a", b"x" * 700) + pax(b"10 path=y\n") + member(b"b", b"y" * 512)
IN_HEADER, IN_ENTRY = (f"the archive ends in the middle of {what}" for what in ("a header", "an entry"))


def sentence_of(data: bytes) -> str:
    """What reading says."""
    with pytest.raises(TarError) as caught:
        read(data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (1, IN_HEADER),
        (511, IN_HEADER),
        (512, IN_ENTRY),
        (1000, IN_ENTRY),
        (1024, IN_ENTRY),
        (1300, IN_ENTRY),
        (1535, IN_ENTRY),
        (1537, IN_HEADER),
        (2048, IN_ENTRY),
        (2058, IN_ENTRY),
        (2559, IN_ENTRY),
        (2560, IN_ENTRY),
        (2561, IN_HEADER),
        (3072, IN_ENTRY),
        (3583, IN_ENTRY),
    ],
)
def test_an_archive_that_is_cut_off_is_refused(end: int, sentence: str) -> None:
    """In a header, in content, in the filling behind it, between an extension and its entry."""
    assert sentence_of(TWO[:end]) == sentence
    with pytest.raises(TarError) as caught:
        names(TWO[:end])
    assert str(caught.value) == sentence
    assert names(TWO[:1536]) == ["a"]
    assert names(TWO) == ["a", "y"]


def number(what: str) -> str:
    """The sentence for a field that is none."""
    return f"the archive has a header whose {what} is not a number"


def impossible(what: str, value: int) -> str:
    """The sentence for a number out of bounds."""
    return f"the archive has a header with the impossible {what} {value}"


CHECKSUM = "the archive has a header with a wrong checksum: it is damaged, or it is not a tar"
DAMAGED = "the archive has a damaged PAX header"
SIZE = "the archive has a PAX header whose size is not a number"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"x" * 512, number("checksum")),
        (b"7" * 512, CHECKSUM),
        (header(checksum=b"000000\0 "), CHECKSUM),
        (header()[:-1] + b"x", CHECKSUM),
        (header(size=b"0000000000x\0"), number("size")),
        (header(size=b"00000000008\0"), number("size")),
        (header(mode=b"rwxr-xr-"), number("mode")),
        (header(uid=b"root\0\0\0\0"), number("owner")),
        (header(gid=b"0\xa9\0\0\0\0\0\0"), number("group")),
        (header(mtime=b"now\0\0\0\0\0\0\0\0\0"), number("time")),
        (header(size=b"-0000000001\0"), impossible("size", -1)),
        (header(size=b"\x80\0\0\0\x80" + bytes(7)), impossible("size", 1 << 63)),
        (header(size=b"\xff" * 12), impossible("size", (1 << 95) - 1)),
        (header(kind=b"x", size=1024 * 1024 + 1), "the archive has a PAX header of 1048577 bytes, at most 1048576 are read"),
        (header(kind=b"L", size=1 << 30), "the archive has a PAX header of 1073741824 bytes, at most 1048576 are read"),
        (pax(b"9 size=x\n") + header(), SIZE),
        (pax(b"11 size=-1\n") + header(), SIZE),
        (pax(b"12 size=0x1\n") + header(), SIZE),
        (pax("12 size=１\n".encode()) + header(), SIZE),
        (pax(b"29 size=" + b"1" * 20 + b"\n") + header(), SIZE),
        (pax(b"28 size=" + b"9" * 19 + b"\n") + header(), IN_ENTRY),
        (pax(b"path=x\n"), DAMAGED),
        (pax(b"x path=x\n"), DAMAGED),
        (pax(b" 10 path=x\n"), DAMAGED),
        (pax(b"0 path=x\n"), DAMAGED),
        (pax(b"1 path=x\n"), DAMAGED),
        (pax(b"2 path=x\n"), DAMAGED),
        (pax(b"-9 path=x\n"), DAMAGED),
        (pax(b"8 path=x\n"), DAMAGED),
        (pax(b"11 path=x\n"), DAMAGED),
        (pax(b"999999999999 path=x\n"), DAMAGED),
        (pax(b"10\npath=x\n"), DAMAGED),
        (pax(b"7 path\n"), DAMAGED),
        (pax(b"10 path=xy"), DAMAGED),
        (pax(b"10 path=x\n", b"\0"), DAMAGED),
        (pax("１０ path=x\n".encode()), DAMAGED),
    ],
)  # fmt: skip
def test_a_damaged_archive_has_its_sentence(data: bytes, sentence: str) -> None:
    """G09: what a stranger wrote is held against bounds before it is believed."""
    assert sentence_of(data + END) == sentence


def test_the_largest_extension_is_read() -> None:
    """A mebibyte: POSIX names no bound, and Windows' descriptors are a few hundred bytes."""
    name = "x" * (1024 * 1024 - 14)
    assert names(pax(b"1048576 path=%b\n" % name.encode()) + header() + END) == [name]


def test_the_number_of_entries_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Extensions count: else an archive could consist of them."""
    monkeypatch.setattr(tar, "_MOST_ENTRIES", 3)
    assert names(pax(b"10 path=x\n") + header() + header() + END) == ["x", "a"]
    for data in (header() * 4, pax(b"10 path=x\n") * 4):
        assert sentence_of(data + END) == "the archive has more than 3 entries"


def test_content_may_be_read_in_part_or_not_at_all() -> None:
    """The next entry begins where it should."""
    data = member(b"a", b"0123456789" * 200_000) + member(b"b", b"xyz") + member(b"c", b"rest") + END
    got = []
    for entry, body in read_tar(io.BytesIO(data)):
        got.append((entry.name, body.read(13 if entry.name == "a" else 1)))
        assert body.readable()
    assert got == [("a", b"0123456789012"), ("b", b"x"), ("c", b"r")]


def test_a_reader_ends_where_the_next_entry_is_asked_for() -> None:
    """It never gives bytes of another entry."""
    first, _ = (body for _, body in read_tar(io.BytesIO(member(b"a", b"data") + member(b"b", b"more") + END)))
    assert first.read() == b""


@st.composite
def infos(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    """A member for the standard library to write."""
    text = st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=300
    )
    info = tarfile.TarInfo(draw(text | st.integers(1, 400).map("n".__mul__)))
    info.type = draw(st.sampled_from([b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"]))
    data = draw(st.binary(max_size=1100)) if info.type in {b"0", b"7"} else b""
    info.size, info.mode = len(data), draw(st.integers(0, 0o7777))
    info.uid, info.gid = draw(st.integers(0, 1 << 40)), draw(st.integers(0, 0o7777777))
    info.mtime = draw(st.integers(0, 0o77777777777))
    info.linkname = draw(text) if info.type in {b"1", b"2"} else ""
    return info, data


@given(st.sampled_from(TARFILE_FORMATS), st.lists(infos(), max_size=5))
def test_what_python_writes_is_read(form: int, wanted: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """In each of its three formats."""
    out, expected = io.BytesIO(), []
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8") as archive:
        for info, data in wanted:
            try:
                archive.addfile(info, io.BytesIO(data))
            except ValueError:  # a name or number that ustar cannot hold
                continue
            kind = b"0" if info.type == b"7" else info.type
            expected.append((info.name, kind, info.mode, info.uid, info.gid, info.mtime, info.linkname, data))
    got = [(fields(entry), data) for entry, data in read(out.getvalue())]
    # Python writes a slash behind a directory's name.
    assert got == [
        ((one[0].rstrip("/") if one[1] == b"5" else one[0], *one[1:-1]), one[-1]) for one in expected
    ]


def fields(entry: TarEntry) -> tuple[object, ...]:
    """What the standard library knows too."""
    name = entry.name.rstrip("/") if entry.kind == b"5" else entry.name
    uid = int(entry.pax.get("uid", entry.uid))
    return name, entry.kind, entry.mode, uid, entry.gid, entry.mtime, entry.link


@given(st.integers(1, 700))
def test_a_stream_may_come_in_drops(most: int) -> None:
    """However few bytes come at once."""
    data = TWO + member(b"@L", b"long" * 200, kind=b"L") + member(b"c", b"end") + END
    assert [(entry, body.read()) for entry, body in read_tar(Dribble(data, most))] == read(data)


FIELD = st.binary(max_size=12) | st.from_regex(rb"[0-7 ]{0,11}\x00?", fullmatch=True)


@given(
    st.lists(st.tuples(FIELD, FIELD, st.sampled_from(b"01234567xgLKS\0")), max_size=4),
    st.binary(max_size=1500),
)
def test_any_archive_is_read_or_refused(heads: list[tuple[bytes, bytes, int]], tail: bytes) -> None:
    """Nothing but TarError is raised, also behind headers whose checksum is right."""
    data = b"".join(
        header(name, size=size[:12], mode=name[:8], kind=bytes((kind,))) + padded(tail)
        for name, size, kind in heads
    )
    for archive in (data, data[: -len(tail) or None], tail):
        with suppress(TarError):
            assert all(entry.kind not in {b"x", b"L", b"K"} for entry, _ in read(archive))
