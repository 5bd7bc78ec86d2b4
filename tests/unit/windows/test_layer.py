# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Windows layers: each entry's records, the whole archive as another reader sees it, and what is refused."""

import base64
import gzip
import io
import tarfile

import pytest

from buildtools.oci.digest import digest_of
from buildtools.oci.layer import Entry, Kind, LayerError, arrange, write_layer
from buildtools.oci.tar import TarEntry, write_tar
from buildtools.windows.layer import WINDOWS, attributes_of
from tests.fakes.descriptors import NO_LIST_USERS, USERS_RX_DIRECTORY, USERS_RX_FILE

EPOCH = 315532800
"""1980-01-01T00:00:00Z"""
TIMES = {"LIBARCHIVE.creationtime": "315532800", "atime": "315532800", "ctime": "315532800"}
DIRECTORY = TIMES | {"MSWINDOWS.fileattr": "16", "MSWINDOWS.rawsd": USERS_RX_DIRECTORY}
FILE = TIMES | {"MSWINDOWS.fileattr": "32", "MSWINDOWS.rawsd": USERS_RX_FILE}


def opened() -> io.BytesIO:
    """Three bytes."""
    return io.BytesIO(b"abc")


ENTRIES = [
    (
        Entry(path="app", kind=Kind.DIRECTORY, mode=0o700, uid=5),
        TarEntry(name="Files/app", kind=b"5", mode=0o755, mtime=EPOCH, pax=DIRECTORY),
    ),
    (
        Entry(path="app/a.exe", size=3, open=opened, mode=0o777, gid=5),
        TarEntry(name="Files/app/a.exe", size=3, mode=0o644, mtime=EPOCH, pax=FILE),
    ),
    (
        Entry(path="a", security=base64.b64decode(NO_LIST_USERS)),
        TarEntry(name="Files/a", mtime=EPOCH, pax=FILE | {"MSWINDOWS.rawsd": NO_LIST_USERS}),
    ),
    (
        Entry(path="a", kind=Kind.DIRECTORY, security=base64.b64decode(NO_LIST_USERS)),
        TarEntry(
            name="Files/a",
            kind=b"5",
            mode=0o755,
            mtime=EPOCH,
            pax=DIRECTORY | {"MSWINDOWS.rawsd": NO_LIST_USERS},
        ),
    ),
    (
        Entry(path="l", kind=Kind.SYMLINK, target="C:\\app\\a.exe", size=3),
        TarEntry(
            name="Files/l",
            kind=b"2",
            mtime=EPOCH,
            link="C:\\app\\a.exe",
            pax=FILE | {"MSWINDOWS.fileattr": "1024"},
        ),
    ),
    (
        Entry(path="l", kind=Kind.SYMLINK, target="..\\app", target_is_directory=True),
        TarEntry(
            name="Files/l", kind=b"2", mtime=EPOCH, link="..\\app", pax=FILE | {"MSWINDOWS.fileattr": "1040"}
        ),
    ),
    (
        Entry(path="h", kind=Kind.HARDLINK, target="app/a.exe", size=3),
        TarEntry(name="Files/h", kind=b"1", mtime=EPOCH, link="Files/app/a.exe", pax=TIMES),
    ),
    (
        Entry(path="app/old.exe", kind=Kind.WHITEOUT, size=3),
        TarEntry(name="Files/app/.wh.old.exe", mtime=EPOCH),
    ),
]


@pytest.mark.parametrize(("entry", "written"), ENTRIES)
def test_an_entry_has_its_records(entry: Entry, written: TarEntry) -> None:
    """Attributes, descriptor and all times; owners and modes of Linux count for nothing."""
    assert WINDOWS.check(entry) is None
    assert WINDOWS.encode(entry, EPOCH) == written


def test_the_content_of_a_file_goes_along() -> None:
    """It is read when the archive is written, not before."""
    assert WINDOWS.encode(Entry(path="a", size=3, open=opened), EPOCH).open is opened


@pytest.mark.parametrize(
    ("entry", "attributes"),
    [
        (Entry(path="a"), 0x20),
        (Entry(path="a", kind=Kind.DIRECTORY), 0x10),
        (Entry(path="a", kind=Kind.SYMLINK), 0x400),
        (Entry(path="a", kind=Kind.SYMLINK, target_is_directory=True), 0x410),
    ],
)
def test_attributes_say_what_an_entry_is(entry: Entry, attributes: int) -> None:
    """ARCHIVE, DIRECTORY and REPARSE_POINT of [MS-FSCC] 2.6."""
    assert attributes_of(entry) == attributes


def test_a_layer_begins_with_its_roots() -> None:
    """Without descriptors, so that drive C keeps its own."""
    roots = [
        TarEntry(name=name, kind=b"5", mode=0o755, mtime=EPOCH, pax=TIMES | {"MSWINDOWS.fileattr": "16"})
        for name in ("Files", "Hives")
    ]
    assert list(WINDOWS.roots(EPOCH)) == roots


def test_records_have_their_bytes() -> None:
    """POSIX pax: length, key, value and a line end each, sorted by key, filled up to a block."""
    data = b"".join(write_tar([WINDOWS.encode(Entry(path="h", kind=Kind.HARDLINK, target="a"), EPOCH)]))
    records = b"37 LIBARCHIVE.creationtime=315532800\n19 atime=315532800\n19 ctime=315532800\n"
    assert data[512:1024] == records + bytes(512 - len(records))
    assert (data[:13], data[156:157]) == (b"././@PaxHeade", b"x")
    assert (data[1024:1032], data[1024 + 156 : 1024 + 166]) == (b"Files/h\0", b"1Files/a\0\0")
    assert len(data) == 3 * 512 + 1024


def _read(data: bytes) -> tuple[list[tuple[str, bytes, int, str, dict[str, str]]], bytes]:
    """What the standard library sees in a layer, and the content of its files."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {
            (0, 0, "", "", EPOCH)
        }
        content = b"".join(archive.extractfile(one).read() for one in members if one.isreg())  # type: ignore[union-attr]
        return [(one.name, one.type, one.mode, one.linkname, one.pax_headers) for one in members], content


def test_a_layer_is_an_archive_that_others_read() -> None:
    """Roots, then parents in front of what they hold, no slash at the end, no global header."""
    entries = [
        Entry(path="app/b/größe.txt", size=3, open=opened),
        Entry(path="app/a.exe", size=3, open=opened),
        Entry(path="app/old", kind=Kind.WHITEOUT),
        Entry(path="app/link", kind=Kind.SYMLINK, target="b", target_is_directory=True),
        Entry(path="app/twin.exe", kind=Kind.HARDLINK, target="app/a.exe"),
    ]
    sink = io.BytesIO()
    layer = write_layer(entries, sink, system=WINDOWS, epoch=EPOCH)
    data = gzip.decompress(sink.getvalue())
    root = TIMES | {"MSWINDOWS.fileattr": "16"}
    assert _read(data) == (
        [
            ("Files", b"5", 0o755, "", root),
            ("Hives", b"5", 0o755, "", root),
            ("Files/app", b"5", 0o755, "", DIRECTORY),
            ("Files/app/a.exe", b"0", 0o644, "", FILE),
            ("Files/app/b", b"5", 0o755, "", DIRECTORY),
            ("Files/app/b/größe.txt", b"0", 0o644, "", FILE | {"path": "Files/app/b/größe.txt"}),
            ("Files/app/link", b"2", 0o644, "b", FILE | {"MSWINDOWS.fileattr": "1040"}),
            ("Files/app/.wh.old", b"0", 0o644, "", {}),
            ("Files/app/twin.exe", b"1", 0o644, "Files/app/a.exe", TIMES),
        ],
        b"abcabc",
    )
    assert (layer.diff_id, layer.size) == (digest_of(data), len(data))
    assert layer.descriptor.digest == digest_of(sink.getvalue())


DEEP = "/".join(["x" * 255] * 128)
"""32767 units, of which `Files/` takes six."""
WHITEOUT = "names that begin with .wh. mark deleted files in a layer"
TOMBSTONES = "the Windows layer importer keeps its own file of this name at the root"

FAULTS = [
    (Entry(path="a/nul.txt"), "'nul.txt' is a device's name on Windows, whatever its extension"),
    (Entry(path="a:b"), "'a:b' holds :, which NTFS does not allow"),
    (Entry(path="a./b"), "'a.' ends in a dot, so Windows programs cannot open it"),
    (Entry(path="a\\b"), "'a\\\\b' holds \\, which NTFS does not allow"),
    (Entry(path="a.$wcidirs$"), "'a.$wcidirs$' is a name that the Windows layer importer uses itself"),
    (Entry(path="nul", kind=Kind.WHITEOUT), "'nul' is a device's name on Windows, whatever its extension"),
    (Entry(path="tombstones.txt"), TOMBSTONES),
    (Entry(path="Tombstones.TXT", kind=Kind.DIRECTORY), TOMBSTONES),
    (Entry(path="tombstones.txt/a"), TOMBSTONES),
    (Entry(path=".wh.a"), WHITEOUT),
    (Entry(path="a/.wh..wh..opq"), WHITEOUT),
    (Entry(path="a/.wh.b/c"), WHITEOUT),
    (Entry(path="a/.wh.b", kind=Kind.WHITEOUT), WHITEOUT),
    (Entry(path=DEEP[:-6]), None),
    (Entry(path=DEEP[:-5]), "the path has 32768 UTF-16 units, at most 32767 are possible"),
    (Entry(path=DEEP[:-10], kind=Kind.WHITEOUT), None),
    (
        Entry(path=DEEP[:-9], kind=Kind.WHITEOUT),
        "the path has 32768 UTF-16 units, at most 32767 are possible",
    ),
    (Entry(path="l", kind=Kind.SYMLINK), "the link has no target"),
    (
        Entry(path="l", kind=Kind.SYMLINK, target="/app"),
        "the link's target '/app' is absolute on Linux only: write it relative",
    ),
    (
        Entry(path="l", kind=Kind.SYMLINK, target="Files/app"),
        r"the link's target 'Files/app' begins with Files/, as no path in a container does: write it with C:\ or .\ in front",
    ),
    (
        Entry(path="l", kind=Kind.SYMLINK, target="Files\\app"),
        r"the link's target 'Files\\app' begins with Files/, as no path in a container does: write it with C:\ or .\ in front",
    ),
    (Entry(path="l", kind=Kind.SYMLINK, target=".\\Files\\app"), None),
    (Entry(path="l", kind=Kind.SYMLINK, target="C:\\Files"), None),
    (Entry(path="l", kind=Kind.SYMLINK, target="Files.txt"), None),
    (Entry(path="h", kind=Kind.HARDLINK), "the link has no target"),
    (
        Entry(path="h", kind=Kind.HARDLINK, target="/a"),
        "the hard link's target '/a' must be a path of the image without a root",
    ),
    (
        Entry(path="h", kind=Kind.HARDLINK, target="Files/a"),
        "the hard link's target 'Files/a' must be a path of the image without a root",
    ),
    *[
        (
            Entry(path="h", kind=Kind.HARDLINK, target=target),
            f"the hard link's target {target!r} must be a path of the image without a root",
        )
        for target in ("../a", "a/../b", "..", "./a", "a//b", "a/")
    ],
    (
        Entry(path="h", kind=Kind.HARDLINK, target="C:/a"),
        "the hard link's target 'C:/a' cannot be: 'C:' holds :, which NTFS does not allow",
    ),
    (
        Entry(path="h", kind=Kind.HARDLINK, target="app\\a"),
        r"the hard link's target 'app\\a' cannot be: 'app\\a' holds \, which NTFS does not allow",
    ),
]


@pytest.mark.parametrize(("entry", "sentence"), FAULTS, ids=[one.path[:20] + one.target for one, _ in FAULTS])
def test_what_the_importer_would_refuse_is_not_written(entry: Entry, sentence: str | None) -> None:
    """R4 to R6 and R9 to R11, for the entry and for the directories it lies in."""
    assert WINDOWS.check(entry) == sentence
    if sentence:
        with pytest.raises(LayerError) as caught:
            arrange([entry], system=WINDOWS)
        assert str(caught.value) == f"{entry.path}: {sentence}"


def test_paths_that_differ_in_case_are_one_path() -> None:
    """R2: NTFS has no case."""
    with pytest.raises(LayerError) as caught:
        arrange([Entry(path="App"), Entry(path="app")], system=WINDOWS)
    assert str(caught.value) == "App and app are the same path in the image"
