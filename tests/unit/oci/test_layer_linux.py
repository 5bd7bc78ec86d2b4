"""Linux layers: written by us, read back by the standard library, and the same bytes in any order."""

import gzip
import io
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.compress import CompressionError, inflated
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.layer import LINUX, Entry, Kind, Layer, write_layer
from buildtools.oci.lint import lint_linux_layer
from buildtools.oci.pieces import PieceReader
from buildtools.oci.tar import TarEntry, read_tar
from tests.fakes.tars import END, Seen, header, member, seen_by_python

EPOCH = 315532800  # 1980-01-01


def file(path: str, data: bytes, mode: int = 0o644, uid: int = 0, gid: int = 0) -> Entry:
    """A file with this content."""
    return Entry(path=path, size=len(data), open=lambda: io.BytesIO(data), mode=mode, uid=uid, gid=gid)


def written(entries: list[Entry], epoch: int = EPOCH) -> tuple[bytes, Layer]:
    """The layer's blob, and what is known about it."""
    sink = io.BytesIO()
    layer = write_layer(entries, sink, system=LINUX, epoch=epoch)
    return sink.getvalue(), layer


def test_a_layer_is_these_bytes() -> None:
    """By hand, out of POSIX and the image specification: no roots, numeric owners, the layer's time."""
    time = b"02263523000\0"
    expected = (
        header(b"etc", kind=b"5", mode=b"0000755\0", mtime=time)
        + header(b"etc/app", mode=b"0000600\0", uid=b"0000101\0", gid=b"0000102\0", size=3, mtime=time)
        + b"x=1"
        + bytes(509)
        + header(b"etc/.wh.old", mtime=time)
        + header(b"etc/to", kind=b"2", mode=b"0000777\0", link=b"../run", mtime=time)
        + header(b"a", kind=b"1", link=b"etc/app", mtime=time)
        + END
    )
    blob, layer = written([
        Entry(path="a", kind=Kind.HARDLINK, target="etc/app"),
        Entry(path="etc/to", kind=Kind.SYMLINK, target="../run", mode=0o600),
        file("etc/app", b"x=1", 0o600, 65, 66),
        Entry(path="etc/old", kind=Kind.WHITEOUT),
    ])  # fmt: skip
    assert gzip.decompress(blob) == expected
    assert layer == Layer(
        descriptor=Descriptor.of(blob, OCI_LAYER_GZIP), diff_id=digest_of(expected), size=len(expected)
    )


def test_the_time_is_the_layer_s() -> None:
    """Nothing of the clock or of the files comes in."""
    blob, _ = written([Entry(path="a/b")], epoch=7)
    assert {one.mtime for one in seen_by_python(gzip.decompress(blob))} == {7}
    again, _ = written([file("a", b"x")])
    assert gzip.decompress(again) == member_with_time(b"a", b"x") + END


def member_with_time(name: bytes, data: bytes) -> bytes:
    """A file of 1980."""
    return header(name, size=len(data), mtime=b"02263523000\0") + member(data=data)[512:]


CHARACTERS = st.characters(exclude_characters="\0/", exclude_categories=["Cs"])
PART = st.text(CHARACTERS, min_size=1, max_size=20)
PART |= st.sampled_from(
    ["é" * 120, "n" * 255, " ", "\n", "\\", "a b", "-", "...", "~", "C:", "nul", "x/y", "*"]
)
PART |= st.binary(min_size=1, max_size=9).map(
    lambda raw: raw.translate(None, b"\0/").decode("utf-8", "surrogateescape") or "_"
)
PATH = st.lists(PART, min_size=1, max_size=5).map("/".join)
OWNER = st.integers(0, 0o7777777) | st.integers(0, 1 << 32)
SMALL = st.integers(0, 1 << 20)


def usable(path: str) -> bool:
    """Whether a path may be in a layer."""
    return not any(part in {"", ".", ".."} or part.startswith(".wh.") for part in path.split("/"))


@st.composite
def entry(draw: st.DrawFn, path: str, files: list[str]) -> tuple[Entry, bytes]:
    """An entry of any kind at this path, and its content; hard links are to these files."""
    kind = draw(st.sampled_from([one for one in Kind if files or one is not Kind.HARDLINK]))
    data = draw(st.binary(max_size=1100)) if kind is Kind.FILE else b""
    targets = {Kind.SYMLINK: PATH.filter(usable), Kind.HARDLINK: st.sampled_from(files or [""])}
    target = draw(targets.get(kind, st.just("")))
    made = Entry(
        path=path, kind=kind, size=len(data), open=(lambda: io.BytesIO(data)) if kind is Kind.FILE else None,
        mode=draw(st.integers(0, 0o7777)), uid=draw(OWNER), gid=draw(OWNER), target=target,
    )  # fmt: skip
    return made, data


@st.composite
def tree(draw: st.DrawFn) -> list[tuple[Entry, bytes]]:
    """Entries that fit together: no two at one path, and only directories hold others."""
    found: dict[str, tuple[Entry, bytes]] = {}
    for path in draw(st.lists(PATH.filter(usable), max_size=8)):
        above = {path[:place] for place, one in enumerate(path) if one == "/"}
        if path in found or any(other.startswith(f"{path}/") for other in found):
            continue
        if all(found[one][0].kind is Kind.DIRECTORY for one in above & found.keys()):
            files = [made.path for made, _ in found.values() if made.kind is Kind.FILE]
            found[path] = draw(entry(path, files))
    return list(found.values())


TYPES = {
    Kind.DIRECTORY: b"5", Kind.FILE: b"0", Kind.SYMLINK: b"2", Kind.HARDLINK: b"1", Kind.WHITEOUT: b"0",
}  # fmt: skip


def expected(made: Entry, data: bytes) -> Seen:
    """The entry as a member."""
    folder, slash, name = made.path.rpartition("/")
    return Seen(
        name=f"{folder}{slash}.wh.{name}" if made.kind is Kind.WHITEOUT else made.path,
        kind=TYPES[made.kind],
        mode=0o777 if made.kind is Kind.SYMLINK else made.mode,
        uid=made.uid, gid=made.gid, mtime=EPOCH, link=made.target, data=data,
    )  # fmt: skip


@given(tree(), st.randoms(use_true_random=False))
def test_python_reads_every_layer_and_order_does_not_matter(
    content: list[tuple[Entry, bytes]], shuffle: random.Random
) -> None:
    """Nasty names, long names, names that are no UTF-8: all there, with parents, always the same bytes."""
    blob, layer = written([made for made, _ in content])
    archive = gzip.decompress(blob)
    seen = {one.name: one for one in seen_by_python(archive)}
    wanted = {(one := expected(made, data)).name: one for made, data in content}
    assert {name: seen[name] for name in wanted} == wanted
    parents = set(seen) - set(wanted)
    assert {(seen[name].kind, seen[name].mode, seen[name].uid, seen[name].gid) for name in parents} <= {
        (b"5", 0o755, 0, 0)
    }
    assert (layer.diff_id, layer.size) == (digest_of(archive), len(archive))
    mixed = [made for made, _ in content]
    shuffle.shuffle(mixed)
    assert written(mixed) == (blob, layer)


@given(tree())
def test_what_is_written_has_no_finding_and_parents_come_first(content: list[tuple[Entry, bytes]]) -> None:
    """The linter of strangers' layers agrees with the writer."""
    blob, _ = written([made for made, _ in content])
    members = [one for one, _ in read_tar(PieceReader(inflated(io.BytesIO(blob))))]
    assert list(lint_linux_layer(members)) == []
    seen = {""}
    for one in members:
        assert one.name.rpartition("/")[0] in seen
        seen.add(one.name)
    kinds = [one.kind == b"1" for one in members]
    assert kinds == sorted(kinds)


@given(tree(), st.integers(0, 4000))
def test_a_layer_that_is_cut_off_is_noticed(content: list[tuple[Entry, bytes]], lost: int) -> None:
    """Wherever: the reader never takes part of a layer for all of it."""
    blob, _ = written([made for made, _ in content])
    data = blob[: max(2, len(blob) - 1 - lost)]
    with pytest.raises(CompressionError, match=r"\Athe layer's gzip stream ends too early\Z"):
        list(inflated(io.BytesIO(data)))
    whole = [one for one, _ in read_tar(PieceReader(inflated(io.BytesIO(blob))))]
    got: list[TarEntry] = []
    with suppress(CompressionError):  # else only the end behind the last entry is missing
        got.extend(one for one, _ in read_tar(PieceReader(inflated(io.BytesIO(data)))))
        assert got == whole
    assert got == whole[: len(got)]
