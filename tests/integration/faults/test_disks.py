"""Full, small, read-only and rotten disks: a sentence, nothing half written, and the next run mends it."""

import errno
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.components import missing, require
from tests.integration.faults.conftest import Lab
from tests.integration.faults.test_crashes import age, names, sound

FULL = ": the disk is full: free some space and run the command again\n"
LARGER = ": the file would be larger than allowed: raise the limit or use another disk\n"


@pytest.mark.parametrize("largest", [1, 300, 2000])
def test_a_limit_on_the_size_of_files(largest: int, lab: Lab, tmp_path: Path) -> None:
    """F01: EFBIG at whatever file is the first that is too large."""
    path, dist = lab.place(old="latest"), tmp_path / "dist"
    ended = lab.rerun(path, dist=dist, largest=largest)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"error: {dist}/")
    assert ended.err.endswith(LARGER)
    assert lab.state(path) == "old"
    mended(lab, path, dist)


def mended(lab: Lab, path: str, dist: Path) -> None:
    """What is there is whole; the next run publishes and leaves no file that it does not need."""
    sound(dist)
    age(dist)
    again = lab.rerun(path, dist=dist)
    assert (again.code, again.err) == (0, "")
    assert lab.state(path) == lab.digest()
    sound(dist)
    assert {name for name in names(dist) if "/." in name} == {"oci/hello/.buildtools/lock"}


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of so many bytes."""
    if os.geteuid() != 0:
        missing("mounting a small disk needs root")
    folder.mkdir()
    options = f"size={size}"
    done = subprocess.run(
        [require("mount"), "-t", "tmpfs", "-o", options, "tmpfs", folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        missing(f"this machine mounts no tmpfs: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run([require("umount"), "--lazy", folder], check=True)


@pytest.mark.parametrize("left", [0, 20_000, 60_000])
def test_a_disk_that_fills_up(left: int, lab: Lab, tmp_path: Path) -> None:
    """F01: ENOSPC wherever the space ends; with some of it back, the next run goes on."""
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        dist, path = disk / "dist", lab.place(old="latest")
        filler = disk / "filler"
        fill(filler, left)
        ended = lab.rerun(path, dist=dist)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith(f"error: {disk}/")
        assert ended.err.endswith(FULL)
        assert lab.state(path) == "old"
        filler.unlink()
        mended(lab, path, dist)


def fill(path: Path, left: int) -> None:
    """Take all space of a disk but so many bytes."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the end of the loop
        file.truncate(max(0, file.tell() - left))


def test_a_full_disk_does_not_keep_from_publishing(lab: Lab, tmp_path: Path) -> None:
    """F05: what is built already is published although nothing can be written."""
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        dist = disk / "dist"
        assert lab.rerun(lab.place(), dist=dist).code == 0
        fill(disk / "filler", 0)
        path = lab.place(old="latest")
        ended = lab.rerun(path, dist=dist)
        assert (ended.code, ended.err) == (0, "")
        assert lab.state(path) == lab.digest()


def test_a_read_only_folder_is_published(lab: Lab, tmp_path: Path) -> None:
    """F05: the same on a disk that is mounted read-only; a build says where it cannot write."""
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        dist = disk / "dist"
        assert lab.rerun(lab.place(), dist=dist).code == 0
        subprocess.run([require("mount"), "-o", "remount,ro", disk], check=True)
        path = lab.place(old="latest")
        ended = lab.rerun(path, dist=dist)
        assert (ended.code, ended.err) == (0, "")
        assert lab.state(path) == lab.digest()
        refused = lab.rerun(path, dist=disk / "other")
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == (
            f"error: {disk}/other cannot be written: the disk is read-only: choose another place\n"
        )


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        ("layer", "flipped"),
        ("layer", "cut"),
        ("config", "flipped"),
        ("config", "longer"),
        ("manifest", "flipped"),
        ("index", "flipped"),
    ],
)
def test_rot_between_build_and_publish(part: str, damage: str, lab: Lab, tmp_path: Path) -> None:
    """F03: bytes that have changed in the layout never reach a registry; what to do is said, or done."""
    dist = tmp_path / "dist"
    assert lab.rerun(lab.place(), dist=dist).code == 0
    blob = blobs(dist)[part]
    data = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(
        {"flipped": data[:20] + bytes([data[20] ^ 1]) + data[21:], "cut": data[:-1], "longer": data + b"x"}[
            damage
        ]
    )
    path = lab.place(old="latest")
    lab.proxy.reset()
    ended = lab.rerun(path, dist=dist)
    if part == "index" or damage != "flipped":
        # Seen before anything is sent, so that it was built again.
        assert (ended.code, ended.err) == (0, "")
        assert lab.state(path) == lab.digest()
        return
    found = hashlib.sha256(blob.read_bytes()).hexdigest()
    kind = "manifest" if part == "manifest" else "blob"
    assert ended.code == 4
    assert ended.err == (
        f"error: The bytes of {kind} sha256:{blob.name} in {dist}/oci/hello have digest sha256:{found}: "
        "they were damaged or replaced; delete that copy and fetch or build it again\n"
    )
    assert lab.state(path) == "old"
    assert not [passed for passed in lab.proxy.log if blob.name in passed.target and passed.status == 201]
    blob.unlink()
    mended(lab, path, dist)


def blobs(dist: Path) -> dict[str, Path]:
    """One blob of each kind in the image's layout."""
    folder = dist / "oci" / "hello"
    files = folder / "blobs" / "sha256"

    def at(descriptor: dict[str, str]) -> Path:
        return files / descriptor["digest"].partition(":")[2]

    index = at(json.loads((folder / "index.json").read_text())["manifests"][0])
    manifest = at(json.loads(index.read_bytes())["manifests"][0])
    document = json.loads(manifest.read_bytes())
    return {
        "index": index,
        "manifest": manifest,
        "config": at(document["config"]),
        "layer": at(document["layers"][0]),
    }
