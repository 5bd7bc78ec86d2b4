# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Kept assets and what is taken out of archives: always the right bytes, whatever is on the disk."""

import bz2
import hashlib
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import BuildError, VerificationError
from buildtools.pins import AssetPin
from buildtools.sources import fetch as module
from buildtools.sources.fetch import materialise
from buildtools.sources.hashes import HashCache
from buildtools.spec.variant import Fetch

FILES = {"tool-1/README": b"read me", "tool-1/bin/tool": b"#!/bin/sh\n", "tool-1/bin/other": b"other"}


def tar(files: Mapping[str, bytes] = FILES, *, mode: str = "w:gz", prefix: str = "") -> bytes:
    """An archive with these files, and with what is no file beside them."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, kind in {"tool-1/bin/link": tarfile.SYMTYPE, "tool-1/bin/folder": tarfile.DIRTYPE}.items():
            info = tarfile.TarInfo(prefix + name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return blob.getvalue()


def zipped(files: Mapping[str, bytes] = FILES, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these files and a folder."""
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w", method) as archive:
        archive.writestr("tool-1/bin/folder/", b"")
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return blob.getvalue()


@dataclass
class Shelf:
    """A cache with a publisher behind it; `sent` counts its downloads."""

    folder: Path
    data: bytes = b""
    sent: list[str] = field(default_factory=list)

    @property
    def pin(self) -> AssetPin:
        """What the asset is pinned to."""
        return AssetPin(size=len(self.data), sha256=hashlib.sha256(self.data).hexdigest())

    def get(self, members: Mapping[str, str] | None = None, kind: str = "tar.gz") -> Path:
        """What `materialise` makes of the data."""
        url = "https://example.com/tool"
        fetch = Fetch(name="tool", url=url, format=kind, members=members or {})  # type: ignore[arg-type]
        hashes = HashCache(self.folder / "hashes.json")
        return materialise(
            fetch, self.pin, cache=self.folder / "cache", download=self._download, hashes=hashes
        )

    def _download(self, url: str, pin: AssetPin, target: Path) -> None:
        assert pin == self.pin
        self.sent.append(url)
        target.write_bytes(self.data)

    def refused(self, members: Mapping[str, str], kind: str = "tar.gz") -> str:
        """The sentence; nothing but the asset is kept."""
        with pytest.raises(BuildError) as caught:
            self.get(members, kind)
        kept = [path.name for path in self.folder.rglob("*") if path.is_file()]
        assert sorted(kept) == sorted([self.pin.sha256, f"{self.pin.sha256}.lock"])
        return str(caught.value)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty cache."""
    return Shelf(tmp_path)


def taken(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_asset_as_it_is(shelf: Shelf) -> None:
    """Kept under its checksum, asked for once, and asked for again when its bytes have changed."""
    shelf.data = b"program"
    path = shelf.get()
    assert path == shelf.folder / "cache" / "fetched" / hashlib.sha256(b"program").hexdigest()
    assert path.read_bytes() == b"program"
    assert shelf.get() == path
    assert len(shelf.sent) == 1
    path.write_bytes(b"pr0gram")
    assert shelf.get().read_bytes() == b"program"
    assert len(shelf.sent) == 2


ARCHIVES = [
    (tar(), "tar.gz"),
    (tar(mode="w"), "tar.gz"),
    (tar(mode="w:xz"), "tar.gz"),
    (tar(mode="w:bz2"), "tar.gz"),
    (tar(prefix="./"), "tar.gz"),
    (zipped(), "zip"),
    (zipped(method=zipfile.ZIP_STORED), "zip"),
    (zipped(method=zipfile.ZIP_BZIP2), "zip"),
    (zipped(method=zipfile.ZIP_LZMA), "zip"),
]


@pytest.mark.parametrize(("data", "kind"), ARCHIVES)
def test_members_under_names_of_our_own(shelf: Shelf, data: bytes, kind: str) -> None:
    """Files alone match, never links and folders; the rest of the archive is not written anywhere."""
    shelf.data = data
    folder = shelf.get({"program": "tool-*/bin/t*", "text": "*/README"}, kind)
    assert taken(folder) == {"program": b"#!/bin/sh\n", "text": b"read me"}


def test_one_file_may_be_two_members(shelf: Shelf) -> None:
    """The stream is read once, so the second copy is made from the same bytes."""
    shelf.data = zipped()
    folder = shelf.get({"a": "tool-1/README", "b": "*/READ*"}, "zip")
    assert taken(folder) == {"a": b"read me", "b": b"read me"}
    shelf.data = tar()
    folder = shelf.get({"a": "tool-1/README", "b": "*/READ*"})
    assert taken(folder) == {"a": b"read me", "b": b"read me"}


def test_members_are_taken_out_once(shelf: Shelf) -> None:
    """The archive is not opened again as long as they are there; a lost one is taken out again."""
    shelf.data = tar()
    members = {"program": "tool-1/bin/tool"}
    folder = shelf.get(members)
    before = (folder / "program").stat().st_ino
    assert (shelf.get(members) / "program").stat().st_ino == before
    (folder / "program").unlink()
    assert taken(shelf.get(members)) == {"program": b"#!/bin/sh\n"}
    assert len(shelf.sent) == 1


def test_another_pattern_is_another_member(shelf: Shelf) -> None:
    """The same name of the same archive: what the definition says now counts, also beside the old one."""
    shelf.data = tar()
    first = shelf.get({"program": "tool-1/bin/tool"})
    second = shelf.get({"program": "tool-1/bin/other"})
    assert taken(second) == {"program": b"other"}
    assert taken(shelf.get({"program": "tool-1/bin/tool"})) == taken(first) == {"program": b"#!/bin/sh\n"}


@pytest.mark.parametrize(("data", "kind"), [(tar(), "tar.gz"), (zipped(), "zip")])
@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("bin/tool", "nothing"),
        ("tool-1/bin/folder*", "nothing"),
        ("*link", "nothing"),
        ("TOOL-1/*", "nothing"),
        ("tool-1/bin/*", "2 files (tool-1/bin/tool, tool-1/bin/other)"),
        ("*", "3 files (tool-1/README, tool-1/bin/tool, tool-1/bin/other)"),
    ],
)
def test_a_pattern_is_for_one_file(shelf: Shelf, data: bytes, kind: str, pattern: str, said: str) -> None:
    """None and several are errors, and nothing that was taken out on the way is kept."""
    shelf.data = data
    assert shelf.refused({"program": pattern}, kind) == (
        f"'{pattern}' matches {said} in the archive tool: write a pattern that one file has"
    )


def test_names_in_an_archive_decide_about_no_place(shelf: Shelf) -> None:
    """What climbs out of its folder, or begins at the root, lands under our name like anything else."""
    names = ["../../evil", "/evil-root"]
    for data, kind in (
        (tar(dict.fromkeys(names, b"x")), "tar.gz"),
        (zipped(dict.fromkeys(names, b"x")), "zip"),
    ):
        shelf.data = data
        assert taken(shelf.get({"a": "*/evil", "b": "*evil-root"}, kind)) == {"a": b"x", "b": b"x"}
    assert not list(shelf.folder.rglob("evil*"))


def encrypted() -> bytes:
    """A zip that says that its files are encrypted."""
    data = bytearray(zipped())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            struct.pack_into("<H", data, at + offset, 1)
    return bytes(data)


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    """The data with other bytes in it."""
    assert old in data
    return data.replace(old, new)


DAMAGED = [
    (b"", "tar.gz"),
    (b"not an archive", "tar.gz"),
    (tar()[:60], "tar.gz"),
    (tar({"a": bytes(range(256)) * 400})[:-200], "tar.gz"),
    (bz2.compress(tar(mode="w"))[:-20], "tar.gz"),
    (lzma.compress(tar(mode="w"))[:-20], "tar.gz"),
    (changed(tar(mode="w"), b"0000007\x00", b"000000x\x00"), "tar.gz"),
    (b"not an archive", "zip"),
    (zipped()[:-10], "zip"),
    (changed(zipped(method=zipfile.ZIP_STORED), b"read me", b"READ ME"), "zip"),
    (changed(zipped(method=zipfile.ZIP_BZIP2), b"BZh91AY", b"BZh91AX"), "zip"),
    (changed(zipped(method=zipfile.ZIP_LZMA), b"\x09\x04\x05\x00\x5d", b"\x09\x04\x05\x00\xff"), "zip"),
    (encrypted(), "zip"),
    (tar(), "zip"),
    (zipped(), "tar.gz"),
]


@pytest.mark.parametrize(("data", "kind"), DAMAGED)
def test_a_damaged_archive_is_a_sentence(shelf: Shelf, data: bytes, kind: str) -> None:
    """And nothing half is kept of it."""
    shelf.data = data
    sentence = shelf.refused({"text": "tool-1/README", "a": "a"}, kind)
    assert sentence.startswith(
        (f"the archive tool cannot be read as {kind} (", "'a' matches nothing in the archive")
    )


def mangled(draw: Callable[..., int], data: bytes) -> bytes:
    """The data with a few bytes changed, or cut short."""
    block = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        block[draw(st.integers(0, len(block) - 1))] = draw(st.integers(0, 255))
    return bytes(block[: draw(st.integers(len(block) // 2, len(block)))])


@given(
    data=st.composite(mangled)(tar(mode="w")) | st.composite(mangled)(tar()) | st.composite(mangled)(zipped())
    | st.composite(mangled)(zipped(method=zipfile.ZIP_LZMA)) | st.composite(mangled)(zipped(method=zipfile.ZIP_BZIP2)),
    kind=st.sampled_from(["tar.gz", "zip"]),
)  # fmt: skip
def test_no_archive_makes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str
) -> None:
    """Whatever is wrong with it."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf"), data)
    try:
        folder = shelf.get({"text": "tool-1/README"}, kind)
    except BuildError as error:
        said = str(error)
    else:
        said = ""
        assert taken(folder).keys() == {"text"}
    assert not said or said.startswith(("the archive tool cannot be read as ", "'tool-1/README' matches "))


@pytest.mark.parametrize(("data", "kind"), [(tar(), "tar.gz"), (zipped(), "zip")])
def test_an_archive_has_bounds(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, data: bytes, kind: str) -> None:
    """So many files, and so many bytes in one of them."""
    shelf.data = data
    monkeypatch.setattr(module, "_MOST_MEMBERS", 2)
    assert shelf.refused({"text": "*/README"}, kind) == (
        f"the archive tool cannot be read as {kind} (more than 2 members)"
    )
    monkeypatch.undo()
    monkeypatch.setattr(module, "MOST_ASSET", 6)
    assert shelf.refused({"text": "*/README"}, kind) == "tool-1/README has more than 6 bytes"


def test_an_unpacked_member_is_only_a_file(shelf: Shelf) -> None:
    """No mode of the archive is taken over: what is executable, the layer decides."""
    shelf.data = tar()
    mode = (shelf.get({"program": "*/tool"}) / "program").stat().st_mode
    assert stat.S_ISREG(mode)
    assert not mode & stat.S_IXUSR


def test_a_refused_download_is_passed_on(shelf: Shelf) -> None:
    """Wrong bytes never get a place."""

    def refuse(url: str, pin: AssetPin, target: Path) -> None:
        raise VerificationError("wrong")

    shelf._download = refuse  # type: ignore[method-assign]
    with pytest.raises(VerificationError):
        shelf.get()
