# ruff: noqa: E501 - headers stand whole, each on its line
"""Writing archives: POSIX's bytes to the letter, a PAX header only where one is needed, files that change."""

import io
import itertools
import tarfile
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.tar import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    CHUNK,
    DIRECTORY,
    FIFO,
    FILE,
    HARDLINK,
    SYMLINK,
    TarEntry,
    TarError,
    read_tar,
    write_tar,
)
from tests.fakes.tars import END, Seen, header, member, padded, pax, seen_by_python


def archive(*entries: TarEntry) -> bytes:
    """The whole archive."""
    return b"".join(write_tar(entries))


def headers(entry: TarEntry) -> bytes:
    """The first piece of an archive: the entry's headers."""
    return next(write_tar([entry]))


def file(name: str, data: bytes, **fields: int) -> TarEntry:
    """A file with this content."""
    return TarEntry(name=name, size=len(data), open=lambda: io.BytesIO(data), **fields)


def test_an_archive_ends_with_two_empty_blocks() -> None:
    """And with nothing behind them."""
    assert archive() == bytes(1024)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (file("a", b"data"), header(b"a", size=4) + padded(b"data")),
        (file("a", bytes(512)), header(b"a", size=512) + bytes(512)),
        (TarEntry(name="a"), header(b"a")),
        (
            TarEntry(name="d", kind=DIRECTORY, mode=0o1777, uid=7, gid=8, mtime=315532800),
            header(b"d", kind=b"5", mode=b"0001777\0", uid=b"0000007\0", gid=b"0000010\0", mtime=b"02263523000\0"),
        ),
        (TarEntry(name="l", kind=SYMLINK, link="../x y"), header(b"l", kind=b"2", link=b"../x y")),
        (TarEntry(name="h", kind=HARDLINK, link="a/b"), header(b"h", kind=b"1", link=b"a/b")),
        (TarEntry(name="c", kind=CHARACTER_DEVICE), header(b"c", kind=b"3")),
        (TarEntry(name="b", kind=BLOCK_DEVICE), header(b"b", kind=b"4")),
        (TarEntry(name="f", kind=FIFO, mode=0o100644), header(b"f", kind=b"6")),
        (TarEntry(name="i", uid=0o7777777, gid=0o7777777), header(b"i", uid=b"7777777\0", gid=b"7777777\0")),
        (TarEntry(name="t", mtime=0o77777777777), header(b"t", mtime=b"77777777777\0")),
    ],
)  # fmt: skip
def test_a_header_is_ustar_to_the_letter(entry: TarEntry, expected: bytes) -> None:
    """Numeric owners, no names of users, the version as POSIX writes it."""
    assert archive(entry) == expected + END


HUNDRED, LONG = "n" * 100, "p" * 155


@pytest.mark.parametrize(
    ("name", "stored", "prefix"),
    [
        (HUNDRED, HUNDRED, ""),
        (f"{'d' * 99}/", f"{'d' * 99}/", ""),
        (f"a/{HUNDRED}", HUNDRED, "a"),
        (f"{LONG}/{HUNDRED}", HUNDRED, LONG),
        (f"{LONG}/b", "b", LONG),
        (f"{'a' * 60}/{'b' * 60}", "b" * 60, "a" * 60),
        (f"{'a' * 60}/b/{'c' * 60}", "c" * 60, f"{'a' * 60}/b"),
        (f"{'a' * 90}/{'b' * 90}/{'c' * 9}", f"{'b' * 90}/{'c' * 9}", "a" * 90),
        (f"{'a' * 150}/b/{'c' * 99}", "c" * 99, f"{'a' * 150}/b"),
    ],
)
def test_a_long_name_is_split_at_a_slash(name: str, stored: str, prefix: str) -> None:
    """As far to the right as the prefix's 155 bytes allow: no PAX header is needed."""
    assert headers(TarEntry(name=name)) == header(stored.encode(), prefix=prefix.encode())


@pytest.mark.parametrize(
    ("name", "record", "stored"),
    [
        ("n" * 101, b"111 path=" + b"n" * 101 + b"\n", b"n" * 100),
        (f"{'d' * 100}/", b"111 path=" + b"d" * 100 + b"/\n", b"d" * 100),
        (f"/{HUNDRED}", b"111 path=/" + b"n" * 100 + b"\n", b"/" + b"n" * 99),
        (f"{LONG}p/b", b"168 path=" + b"p" * 156 + b"/b\n", b"p" * 100),
        (f"a/{HUNDRED}n", b"113 path=a/" + b"n" * 101 + b"\n", b"a/" + b"n" * 98),
        ("é", b"11 path=\xc3\xa9\n", b"?"),
        ("\udcff", b"9 path=\xff\n", b"?"),
        ("\U0001f433/x", b"15 path=\xf0\x9f\x90\xb3/x\n", b"?/x"),
    ],
)
def test_a_name_that_does_not_fit_stands_in_a_pax_header(name: str, record: bytes, stored: bytes) -> None:
    """Too long for ustar or not ASCII; the header keeps what it can hold."""
    assert headers(TarEntry(name=name)) == pax(record) + header(stored)


@pytest.mark.parametrize(
    ("link", "record", "stored"),
    [
        ("t" * 100, b"", b"t" * 100),
        ("t" * 101, b"115 linkpath=" + b"t" * 101 + b"\n", b"t" * 100),
        ("é" * 51, b"116 linkpath=" + b"\xc3\xa9" * 51 + b"\n", b"?" * 51),
        ("\udcff", b"14 linkpath=\xff\n", b"?"),
    ],
)
def test_a_target_that_does_not_fit_stands_in_a_pax_header(link: str, record: bytes, stored: bytes) -> None:
    """Targets have 100 bytes and no prefix; bytes that are no UTF-8 stay as they are."""
    expected = (pax(record) if record else b"") + header(b"l", kind=b"2", link=stored)
    assert headers(TarEntry(name="l", kind=SYMLINK, link=link)) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (TarEntry(name="a", size=0o77777777777), header(size=b"77777777777\0")),
        (TarEntry(name="a", size=0o100000000000), pax(b"19 size=8589934592\n") + header()),
        (TarEntry(name="a", uid=0o10000000), pax(b"15 uid=2097152\n") + header(uid=b"7777777\0")),
        (TarEntry(name="a", gid=1 << 31), pax(b"18 gid=2147483648\n") + header(gid=b"7777777\0")),
    ],
)
def test_numbers_beyond_octal_stand_in_a_pax_header(entry: TarEntry, expected: bytes) -> None:
    """Sizes from 8 GiB on, owners from 2097152 on."""
    assert headers(entry) == expected


def test_records_are_sorted_with_those_that_the_name_needs() -> None:
    """The same records in another order are the same bytes."""
    records = {"b": "2", "MSWINDOWS.fileattr": "16", "z": "é=1\n"}
    expected = pax(
        b"25 MSWINDOWS.fileattr=16\n", b"6 b=2\n", b"13 path=\xc3\xa9\xc3\xa9\n", b"11 z=\xc3\xa9=1\n\n"
    )
    for order in itertools.permutations(records):
        entry = TarEntry(name="éé", pax={key: records[key] for key in order})
        assert headers(entry) == expected + header(b"??")


@given(st.integers(0, 3000))
def test_a_record_counts_its_own_length(size: int) -> None:
    """Also where counting the digits adds a digit: the header's size and the record's number agree."""
    data = headers(TarEntry(name="a", pax={"k": "v" * size}))
    length = int(data[124:135], 8)
    assert data[156:157] == b"x"
    assert data[512 : 512 + length] == b"%d k=%b\n" % (length, b"v" * size)
    assert data[512 + length : -512].strip(b"\0") == b""


class Growing(io.BytesIO):
    """A file that gives at most three bytes at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        """A few bytes."""
        return super().read(3 if size is None else min(size, 3))


@pytest.mark.parametrize(
    ("size", "data", "sentence"),
    [
        (4, b"abc", "the/file became 1 bytes shorter while it was read: build again"),
        (4, b"", "the/file became 4 bytes shorter while it was read: build again"),
        (4, b"abcde", "the/file became longer while it was read: build again"),
        (0, b"a", "the/file became longer while it was read: build again"),
    ],
)
def test_a_file_that_changes_is_refused(size: int, data: bytes, sentence: str) -> None:
    """Its entry has promised a size; the file is closed all the same."""
    source = Growing(data)
    with pytest.raises(TarError) as caught:
        archive(TarEntry(name="the/file", size=size, open=lambda: source))
    assert str(caught.value) == sentence
    assert source.closed


def test_a_file_without_content_is_refused() -> None:
    """Empty files need none."""
    with pytest.raises(TarError) as caught:
        archive(TarEntry(name="a", size=3))
    assert str(caught.value) == "a has 3 bytes and no content to read them from"


def test_files_are_open_one_at_a_time() -> None:
    """Opened when their turn comes and closed before the next."""
    opened: list[BinaryIO] = []

    def give() -> BinaryIO:
        assert all(one.closed for one in opened)
        opened.append(Growing(b"content"))
        return opened[-1]

    pieces = write_tar(TarEntry(name=name, size=7, open=give) for name in "abc")
    next(pieces)
    assert opened == []
    next(pieces)
    assert len(opened) == 1
    assert b"".join(pieces).endswith(END)
    assert [one.closed for one in opened] == [True] * 3


def test_no_piece_is_larger_than_a_chunk() -> None:
    """However large the file."""
    data = bytes(2 * CHUNK + 5)
    pieces = list(write_tar([file("a", data)]))
    assert [len(piece) for piece in pieces] == [512, CHUNK, CHUNK, 5, 507, 1024]
    assert b"".join(pieces) == member(b"a", data) + END


@pytest.mark.parametrize("kind", [HARDLINK, SYMLINK, DIRECTORY, FIFO])
def test_only_files_have_content(kind: bytes) -> None:
    """What else has a size and a source is not opened."""
    entry = TarEntry(name="a", kind=kind, open=lambda: pytest.fail("opened"))
    assert archive(entry) == header(kind=kind) + END


NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=300)
NAME |= st.binary(min_size=1, max_size=160).map(
    lambda raw: raw.replace(b"\0", b"_").decode("utf-8", "surrogateescape")
)
NAME |= st.lists(st.integers(1, 160), min_size=1, max_size=4).map(
    lambda sizes: "/".join("n" * size for size in sizes)
)
NUMBER = st.integers(0, 0o7777777) | st.integers(0, 1 << 40)


@st.composite
def members(draw: st.DrawFn) -> Seen:
    """A member of any kind with any name."""
    kind = draw(st.sampled_from([FILE, HARDLINK, SYMLINK, DIRECTORY, FIFO, CHARACTER_DEVICE, BLOCK_DEVICE]))
    return Seen(
        name=draw(NAME),
        kind=kind,
        mode=draw(st.integers(0, 0o7777)),
        uid=draw(NUMBER),
        gid=draw(NUMBER),
        mtime=draw(st.integers(0, 0o77777777777)),
        link=draw(NAME) if kind in {HARDLINK, SYMLINK} else "",
        data=draw(st.binary(max_size=1100)) if kind == FILE else b"",
    )


def entry_of(seen: Seen) -> TarEntry:
    """The member as an entry."""
    return TarEntry(
        name=seen.name, kind=seen.kind, size=len(seen.data), mode=seen.mode, uid=seen.uid, gid=seen.gid,
        mtime=int(seen.mtime), link=seen.link, open=lambda: io.BytesIO(seen.data),
    )  # fmt: skip


@given(st.lists(members(), max_size=6))
def test_python_reads_what_was_written(wanted: list[Seen]) -> None:
    """Nasty names, long names, names that are no UTF-8, huge owners: nothing is lost."""
    got = seen_by_python(archive(*map(entry_of, wanted)))
    assert [slashless(one) for one in got] == [slashless(one) for one in wanted]


def slashless(one: Seen) -> Seen:
    """Without slashes at the end of name and target, which the standard library cuts off here and there."""
    return one._replace(name=one.name.rstrip("/"), link=one.link.rstrip("/"))


@given(st.lists(members(), max_size=6))
def test_our_reader_reads_what_was_written(wanted: list[Seen]) -> None:
    """To the letter; owners beyond octal stand in the records, as the reader leaves them."""
    got = [(entry, body.read()) for entry, body in read_tar(io.BytesIO(archive(*map(entry_of, wanted))))]
    assert got == [(stored(entry_of(one)), one.data) for one in wanted]


def stored(entry: TarEntry) -> TarEntry:
    """The entry with its large owners where an archive has them."""
    large = {key: str(value) for key in ("uid", "gid") if (value := getattr(entry, key)) > 0o7777777}
    fields = {name: getattr(entry, name) for name in ("name", "kind", "size", "mode", "mtime", "link")}
    return TarEntry(**fields, uid=min(entry.uid, 0o7777777), gid=min(entry.gid, 0o7777777), pax=large)


@given(members())
def test_a_header_agrees_with_python_s_own(seen: Seen) -> None:
    """Where everything fits into ustar, only the device numbers of what is no device differ."""
    info = tarfile.TarInfo(seen.name)
    info.type, info.mode, info.uid, info.gid = (
        seen.kind,
        seen.mode,
        seen.uid % 0o7777777,
        seen.gid % 0o7777777,
    )
    info.size, info.mtime, info.linkname = len(seen.data), int(seen.mtime), seen.link
    try:
        theirs = info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    except (ValueError, UnicodeError):
        return
    if seen.kind == DIRECTORY or len(seen.name) > 100:
        return  # Python writes a slash behind directories and splits long names elsewhere.
    ours = headers(entry_of(seen._replace(uid=info.uid, gid=info.gid)))
    for fields in (slice(148), slice(156, 329), slice(345, 512)):
        assert ours[fields] == theirs[fields]
