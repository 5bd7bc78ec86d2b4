"""Content digests that are remembered: never one that the file might not have any more."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.sources import hashes
from buildtools.sources.hashes import HashCache

SECOND = 1_000_000_000


def digest(data: bytes) -> str:
    """What the standard library says."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were really read."""
    read: list[str] = []
    real = hashes._digest

    def count(path: Path) -> str:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(hashes, "_digest", count)
    return read


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock so many seconds ahead of now."""
    start = time.time_ns()

    def move(seconds: float) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: start + int(seconds * SECOND))

    move(60)
    return move


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a content."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


def test_a_file_is_read_once(
    tmp_path: Path, file: Path, counted: list[str], later: Callable[[float], None]
) -> None:
    """In this run, and in the next one, which reads the cache."""
    place = tmp_path / "cache" / "hashes.json"
    with HashCache(place) as cache:
        assert cache.digest(file) == cache.digest(file) == digest(b"content")
    with HashCache(place) as cache:
        assert cache.digest(file) == digest(b"content")
    assert counted == ["file"]
    status = file.stat()
    assert json.loads(place.read_bytes()) == {
        "schema": 1,
        "files": {
            str(file): [
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_ino,
                digest(b"content"),
            ]
        },
    }


def _longer(path: Path) -> None:
    status = path.stat()
    path.write_bytes(b"content!")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _touched(path: Path) -> None:
    status = path.stat()
    path.write_bytes(b"CONTENT")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def _other_file(path: Path) -> None:
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"CONTENT")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "now"), [(_longer, b"content!"), (_touched, b"CONTENT"), (_other_file, b"CONTENT")]
)
def test_a_changed_file_is_read_again(
    tmp_path: Path, file: Path, change: Callable[[Path], None], now: bytes, later: Callable[[float], None]
) -> None:
    """Another size, another time, or another file under the name with both of them the same."""
    cache = HashCache(tmp_path / "hashes.json")
    assert cache.digest(file) == digest(b"content")
    change(file)
    assert cache.digest(file) == digest(now)


@pytest.mark.parametrize("field", range(4))
def test_every_part_of_the_identity_counts(
    tmp_path: Path, file: Path, field: int, later: Callable[[float], None]
) -> None:
    """Size, both times and inode: one that differs is enough to read the file."""
    status = file.stat()
    seen = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    place = tmp_path / "hashes.json"
    place.write_text(json.dumps({"schema": 1, "files": {str(file): [*seen, "remembered"]}}))
    assert HashCache(place).digest(file) == "remembered"
    seen[field] += 1
    place.write_text(json.dumps({"schema": 1, "files": {str(file): [*seen, "remembered"]}}))
    assert HashCache(place).digest(file) == digest(b"content")


@pytest.mark.parametrize(
    ("seconds", "reads"),
    [(-60.0, 2), (0.0, 2), (1.9, 2), (2.5, 1)],
)
def test_a_file_as_young_as_the_clock_is_coarse_is_not_remembered(
    tmp_path: Path,
    counted: list[str],
    later: Callable[[float], None],
    seconds: float,
    reads: int,
) -> None:
    """It may change again without its time moving; a time in the future proves nothing, either."""
    file = tmp_path / "file"
    file.write_bytes(b"content")
    later(seconds + (file.stat().st_ctime_ns - time.time_ns()) / SECOND + 60)
    cache = HashCache(tmp_path / "hashes.json")
    cache.digest(file)
    cache.digest(file)
    assert len(counted) == reads
    cache.save()
    assert (tmp_path / "hashes.json").exists() == (reads == 1)


def test_a_moved_time_does_not_hide_a_change(
    tmp_path: Path, file: Path, counted: list[str], later: Callable[[float], None]
) -> None:
    """A file that was just unpacked has an old mtime; that it was made just now its ctime says."""
    os.utime(file, ns=(0, 0))
    later(0)
    cache = HashCache(tmp_path / "hashes.json")
    cache.digest(file)
    cache.digest(file)
    assert counted == ["file", "file"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        '{"schema": 1}',
        '{"schema": 1, "files": []}',
        '{"schema": 1, "files": {"FILE": 5}}',
        '{"schema": 1, "files": {"FILE": [7, 0, 0, 0]}}',
        '{"schema": 1, "files": {"FILE": "abcde"}}',
        '{"schema": 2, "files": {"FILE": [7, 0, 0, 0, "wrong"]}}',
        "[" * 100_000,
    ],
)
def test_a_broken_cache_is_no_fault(tmp_path: Path, file: Path, text: str) -> None:
    """The files are read again."""
    place = tmp_path / "hashes.json"
    place.write_text(text.replace("FILE", str(file)))
    assert HashCache(place).digest(file) == digest(b"content")


@given(
    document=st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["schema", "files", "a"]), inner)
        ),
        max_leaves=8,
    )
)
def test_no_cache_makes_a_traceback(tmp_path: Path, document: object) -> None:
    """Whatever JSON stands in it."""
    (tmp_path / "file").write_bytes(b"content")
    place = tmp_path / "hashes.json"
    place.write_text(json.dumps(document))
    assert HashCache(place).digest(tmp_path / "file") == digest(b"content")


def test_nothing_learnt_is_nothing_written(
    tmp_path: Path, file: Path, later: Callable[[float], None]
) -> None:
    """A cache that was not used or told nothing new is left alone."""
    place = tmp_path / "hashes.json"
    with HashCache(place):
        pass
    assert not place.exists()
    with HashCache(place) as cache:
        cache.digest(file)
    written = place.stat().st_ino
    with HashCache(place) as cache:
        cache.digest(file)
    assert place.stat().st_ino == written


def test_a_cache_that_cannot_be_written_is_no_fault(
    tmp_path: Path, file: Path, later: Callable[[float], None]
) -> None:
    """Neither where its folder is a file, nor where another folder has its name; nothing is left over."""
    (tmp_path / "hashes.json").mkdir()
    for place in (file / "hashes.json", tmp_path / "hashes.json"):
        with HashCache(place) as cache:
            assert cache.digest(file) == digest(b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "hashes.json"]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """The caller knows what it was for."""
    with pytest.raises(FileNotFoundError):
        HashCache(tmp_path / "hashes.json").digest(tmp_path / "gone")


def test_threads_share_a_cache(tmp_path: Path, later: Callable[[float], None]) -> None:
    """All digests are right and all are kept."""
    for number in range(16):
        (tmp_path / f"{number}").write_bytes(b"%d" % number)
    found: dict[int, str] = {}
    cache = HashCache(tmp_path / "cache.json")

    def work(number: int) -> None:
        found[number] = cache.digest(tmp_path / f"{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.save()
    assert found == {number: digest(b"%d" % number) for number in range(16)}
    assert len(json.loads((tmp_path / "cache.json").read_bytes())["files"]) == 16
