"""Bases made from nothing: what is in them, and that an image on a stand-in can be told."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable

import pytest

from buildtools.oci.config import ConfigSettings, ImageConfig, build_config
from buildtools.oci.digest import digest_of
from buildtools.oci.platform import Platform
from buildtools.windows.bases import (
    STAND_IN_LABEL,
    BuiltInBase,
    host_process_base,
    is_stand_in,
    stand_in_base,
)
from buildtools.windows.hive import minimal_hive

TITLE = "mcr.microsoft.com/windows/nanoserver:ltsc2022"
WINDOWS = Platform(os="windows", architecture="amd64", os_version="10.0.20348.1")
LINUX = Platform(os="linux", architecture="arm64")
LICENSE = b"""This base image holds nothing but empty registry hives and this text.
It is dedicated to the public domain (CC0 1.0).
"""
STAND_IN = """This is a stand-in for a base image that was out of reach when the image was built.
It has the shape of its original and nothing of its content: nothing that needs the original runs on it.
Original: {}
"""


def layer_of(base: BuiltInBase) -> bytes:
    """The tar of the base's only layer, by the standard library."""
    (layer,) = base.manifest.layers
    return gzip.decompress(base.blobs[layer.digest])


def contents(base: BuiltInBase) -> dict[str, bytes | None]:
    """Names in their order with their bytes, None for a directory."""
    with tarfile.open(fileobj=io.BytesIO(layer_of(base))) as tar:
        return {
            item.name: file.read() if (file := tar.extractfile(item)) else None for item in tar.getmembers()
        }


def windows_stand_in() -> BuiltInBase:
    """For nanoserver."""
    return stand_in_base(WINDOWS, title=TITLE)


def linux_stand_in() -> BuiltInBase:
    """For some Linux base."""
    return stand_in_base(LINUX, title="alpine:3.22")


EVERY = pytest.mark.parametrize("make", [host_process_base, windows_stand_in, linux_stand_in])


def test_the_host_process_base_holds_five_hives_and_a_licence() -> None:
    """In drive C, with an empty registry beside it as in every Windows layer."""
    folder = "Files/Windows/System32/config"
    assert contents(host_process_base()) == {
        "Files": None,
        "Hives": None,
        "Files/License.txt": LICENSE,
        "Files/Windows": None,
        "Files/Windows/System32": None,
        folder: None,
        **{
            f"{folder}/{name}": minimal_hive()
            for name in ("DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM")
        },
    }


def test_the_host_process_base_fits_every_windows_build() -> None:
    """Its config says nothing of a version, nor of a program."""
    base = host_process_base()
    assert json.loads(base.config.raw) == {
        "architecture": "amd64",
        "config": {},
        "created": "2023-12-26T13:20:00Z",
        "history": [{"created": "2023-12-26T13:20:00Z", "created_by": "buildtools HostProcess base"}],
        "os": "windows",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer_of(base)).hexdigest()}"]},
    }
    assert not is_stand_in(base.config)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (windows_stand_in, ["Files", "Hives", "Files/License.txt"]),
        (linux_stand_in, ["etc", "etc/stand-in.txt"]),
    ],
)
def test_a_stand_in_holds_one_text(make: Callable[[], BuiltInBase], names: list[str]) -> None:
    """Which says what it is not; the rest is the shape of its operating system's layers."""
    found = contents(make())
    title = TITLE if make is windows_stand_in else "alpine:3.22"
    assert list(found) == names
    assert found[names[-1]] == STAND_IN.format(title).encode()
    assert [data for data in found.values() if data is not None] == [found[names[-1]]]


@pytest.mark.parametrize(("make", "platform"), [(windows_stand_in, WINDOWS), (linux_stand_in, LINUX)])
def test_a_stand_in_is_for_the_platform_asked_for(
    make: Callable[[], BuiltInBase], platform: Platform
) -> None:
    """Windows version included; its label and history say what it is."""
    config = make().config
    assert config.platform == platform
    assert config.labels == {"dev.buildtools.stand-in": "true"}
    title = TITLE if make is windows_stand_in else "alpine:3.22"
    assert [entry.created_by for entry in config.history] == [f"stand-in for {title}"]


@EVERY
def test_a_base_is_complete(make: Callable[[], BuiltInBase]) -> None:
    """Its blobs are those that its manifest names, under their digests and with their sizes."""
    base = make()
    named = (base.manifest.config, *base.manifest.layers)
    assert {item.digest: item.size for item in named} == {
        digest: len(data) for digest, data in base.blobs.items()
    }
    assert all(digest_of(data) == digest for digest, data in base.blobs.items())
    assert base.blobs[base.manifest.config.digest] == base.config.raw
    assert base.config.diff_ids == (digest_of(layer_of(base)),)


@EVERY
def test_a_base_is_always_the_same_bytes(make: Callable[[], BuiltInBase]) -> None:
    """Made once a run, and the same when it is made again."""
    base = make()
    assert make() is base
    host_process_base.cache_clear()
    stand_in_base.cache_clear()
    assert make() is not base
    assert make() == base
    assert hash(make()) == hash(base)


@EVERY
def test_everything_has_the_time_of_the_hives(make: Callable[[], BuiltInBase]) -> None:
    """No clock gets in."""
    with tarfile.open(fileobj=io.BytesIO(layer_of(make()))) as tar:
        assert {item.mtime for item in tar.getmembers()} == {1703596800}


def test_two_titles_are_two_stand_ins() -> None:
    """So that an image on the one is not taken for an image on the other."""
    other = stand_in_base(WINDOWS, title="mcr.microsoft.com/windows/servercore:ltsc2022")
    assert other.manifest.descriptor.digest != windows_stand_in().manifest.descriptor.digest


def test_a_base_is_shown_without_its_bytes() -> None:
    """Megabytes in a traceback help nobody."""
    assert "blobs" not in repr(windows_stand_in())


@pytest.mark.parametrize(
    ("labels", "expected"),
    [({}, False), ({STAND_IN_LABEL: "true"}, True), ({STAND_IN_LABEL: "false"}, False)],
)
def test_a_stand_in_is_known_by_its_label(labels: dict[str, str], expected: bool) -> None:
    """And by nothing else."""
    assert is_stand_in(_on(None, labels)) is expected


def test_an_image_on_a_stand_in_is_one_itself() -> None:
    """It inherits the label, with labels of its own beside it."""
    config = _on(windows_stand_in().config, {"a": "b"})
    assert config.labels == {STAND_IN_LABEL: "true", "a": "b"}
    assert is_stand_in(config)
    assert not is_stand_in(_on(host_process_base().config, {"a": "b"}))


def _on(base: ImageConfig | None, labels: dict[str, str]) -> ImageConfig:
    """The config of an image on this base."""
    return build_config(
        base,
        platform=Platform(os="windows", architecture="amd64"),
        settings=ConfigSettings(labels=labels),
        diff_ids=(digest_of(b"layer"),),
        history=("files",),
        created="2026-01-01T00:00:00Z",
    )
