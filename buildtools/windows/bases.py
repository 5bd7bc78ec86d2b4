"""Bases that need no registry: the HostProcess base, and stand-ins for bases that are out of reach.

Both are made from nothing, the same bytes each time. Source of the HostProcess base's shape:
microsoft/windows-host-process-containers-base-image, New-HostProcessBaseImage.ps1; the empty `Hives` of every
Windows layer is put beside it, since the classic importer may ask for one.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from buildtools.oci.config import ConfigSettings, ImageConfig, build_config
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Manifest
from buildtools.oci.layer import LINUX, Entry, LayerFormat, write_layer
from buildtools.oci.platform import Platform
from buildtools.windows.hive import minimal_hive
from buildtools.windows.layer import WINDOWS

STAND_IN_LABEL: Final = "dev.buildtools.stand-in"
"""Label of stand-in bases; every image that stands on one inherits it, and publishing refuses it."""

EPOCH: Final = 1703596800
"""2023-12-26T13:20:00Z, the time of the hives."""

_HIVES: Final = ("DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM")
_LICENSE: Final = b"""This base image holds nothing but empty registry hives and this text.
It is dedicated to the public domain (CC0 1.0).
"""
_README: Final = b"""This is a stand-in for a base image that was out of reach when the image was built.
It has the shape of its original and nothing of its content: nothing that needs the original runs on it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInBase:
    """A base as a registry would hold it; `blobs` are its config and layers by digest."""

    manifest: Manifest
    config: ImageConfig
    blobs: Mapping[Digest, bytes] = field(repr=False, hash=False)


@lru_cache(maxsize=1)
def host_process_base() -> BuiltInBase:
    """The base of HostProcess images: five empty registry hives, no os.version, so it fits every build."""
    hive = minimal_hive()
    entries = [_file(f"Windows/System32/config/{name}", hive) for name in _HIVES]
    platform = Platform(os="windows", architecture="amd64")
    return _base(
        platform,
        [*entries, _file("License.txt", _LICENSE)],
        WINDOWS,
        "buildtools HostProcess base",
        {},
    )


@lru_cache(maxsize=64)
def stand_in_base(platform: Platform, *, title: str) -> BuiltInBase:
    """A stand-in for the base `title` on `platform`, whose os.version says which Windows it stands for."""
    system = WINDOWS if platform.os == "windows" else LINUX
    name = "License.txt" if platform.os == "windows" else "etc/stand-in.txt"
    text = _README + f"Original: {title}\n".encode()
    return _base(platform, [_file(name, text)], system, f"stand-in for {title}", {STAND_IN_LABEL: "true"})


def is_stand_in(config: ImageConfig) -> bool:
    """Whether an image is a stand-in or stands on one."""
    return config.labels.get(STAND_IN_LABEL) == "true"


def _file(path: str, data: bytes) -> Entry:
    return Entry(path=path, size=len(data), open=lambda: io.BytesIO(data))


def _base(
    platform: Platform,
    entries: Sequence[Entry],
    system: LayerFormat,
    title: str,
    labels: Mapping[str, str],
) -> BuiltInBase:
    blob = io.BytesIO()
    layer = write_layer(entries, blob, system=system, epoch=EPOCH)
    config = build_config(
        None,
        platform=platform,
        settings=ConfigSettings(labels=labels),
        diff_ids=(layer.diff_id,),
        history=(title,),
        created="2023-12-26T13:20:00Z",
    )
    manifest = Manifest.build(config=config.descriptor, layers=(layer.descriptor,))
    return BuiltInBase(
        manifest=manifest,
        config=config,
        blobs={config.descriptor.digest: config.raw, layer.descriptor.digest: blob.getvalue()},
    )
