"""A stand-in for a vendor's registry: base images per Windows build, and a Linux base, in a real registry."""

import io
from collections.abc import Sequence

from buildtools.oci.config import ConfigSettings, build_config
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Index, Manifest
from buildtools.oci.layer import LINUX, Entry, write_layer
from buildtools.oci.platform import Platform
from buildtools.windows.layer import WINDOWS
from tests.fakes.docker_registry import DockerRegistry

BUILDS = {"1809": "10.0.17763.8146", "ltsc2022": "10.0.20348.4529", "ltsc2025": "10.0.26100.7462"}
"""Tags of a vendor's base, and the versions behind them."""


def windows(version: str) -> Platform:
    """A Windows platform of this version."""
    return Platform(os="windows", architecture="amd64", os_version=version)


def linux(architecture: str = "amd64") -> Platform:
    """A Linux platform."""
    return Platform(os="linux", architecture=architecture)


def put_base(
    registry: DockerRegistry,
    name: str,
    platform: Platform,
    *,
    text: str = "base",
    padding: bytes = b"",
    said: Platform | None = None,
) -> Descriptor:
    """Seed a base image with `padding` in its layer, and return its index entry.

    `said` is what the index says where that is wrong.
    """
    blob = io.BytesIO()
    data = f"{text} {platform}\n".encode() + padding
    system, path = (WINDOWS, "base.txt") if platform.os == "windows" else (LINUX, "etc/base.txt")
    entry = Entry(path=path, size=len(data), open=lambda: io.BytesIO(data))
    layer = write_layer([entry], blob, system=system, epoch=0)
    config = build_config(
        None,
        platform=platform,
        settings=ConfigSettings(),
        diff_ids=(layer.diff_id,),
        history=(text,),
        created="2026-01-01T00:00:00Z",
    )
    manifest = Manifest.build(config=config.descriptor, layers=(layer.descriptor,))
    registry.put_blob(name, blob.getvalue())
    registry.put_blob(name, config.raw)
    put = registry.put_manifest(name, manifest.raw, manifest.media_type)
    return Descriptor(media_type=put.media_type, size=put.size, digest=put.digest, platform=said or platform)


def put_base_index(
    registry: DockerRegistry, name: str, tag: str, entries: Sequence[Descriptor]
) -> Descriptor:
    """Seed the index of a base under a tag."""
    index = Index.build(manifests=entries)
    return registry.put_manifest(name, index.raw, index.media_type, tag=tag)
