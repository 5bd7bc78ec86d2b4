"""Images as tools write them, right and wrong, made of small layers that are whole all the same."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from buildtools.oci.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index, Manifest, canonical_json
from buildtools.oci.layer import LINUX, Entry, write_layer
from buildtools.oci.platform import Platform
from buildtools.windows.layer import WINDOWS
from tests.fakes.images import Image
from tests.fakes.uploads import MemoryShelf

V2019, V2022, V2025 = "10.0.17763.8146", "10.0.20348.4529", "10.0.26100.7462"
SYSTEM_PATH = r"C:\Windows\System32;C:\Windows"


def windows(version: str = "", *features: str) -> Platform:
    """A Windows platform of this version."""
    return Platform(os="windows", architecture="amd64", os_version=version, os_features=features)


def layer(text: str, *, system: str = "windows") -> bytes:
    """A layer that breaks no rule, with one file."""
    blob, data = io.BytesIO(), text.encode()
    entry = Entry(path="app/app.txt", size=len(data), open=lambda: io.BytesIO(data))
    write_layer([entry], blob, system=WINDOWS if system == "windows" else LINUX, epoch=0)
    return blob.getvalue()


def tar(*names: str, links: Mapping[str, str] | None = None, kind: bytes = tarfile.LNKTYPE) -> bytes:
    """A layer by hand: folders end in a slash, `links` are links of one kind to their targets."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w:gz") as archive:
        for name in (*names, *(links or {})):
            info = tarfile.TarInfo(name.rstrip("/"))
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            if links and name in links:
                info.type, info.linkname = kind, links[name]
            archive.addfile(info)
    return blob.getvalue()


def shape(
    platform: Platform,
    layers: Sequence[bytes],
    *,
    entry: Platform | None = None,
    annotations: Mapping[str, str] | None = None,
    diff_ids: Sequence[str] | None = None,
    **run: Any,
) -> Image:
    """An image of these layers whose config says `platform`; `entry` is what an index says instead.

    `run` is the config's own object, such as `Env`.
    """
    told = [digest_of(gzip.decompress(data)) for data in layers] if diff_ids is None else diff_ids
    config = canonical_json(
        platform.to_json() | {"config": run, "rootfs": {"type": "layers", "diff_ids": list(told)}}
    )
    manifest = Manifest.build(
        config=Descriptor.of(config, OCI_CONFIG),
        layers=[Descriptor.of(data, OCI_LAYER_GZIP) for data in layers],
        annotations=annotations,
    )
    return Image(manifest=manifest, blobs=(config, *layers), platform=entry or platform)


def vendor(version: str, *features: str, updates: bool = False) -> Image:
    """A vendor's base: one layer of its build, or that and one of updates."""
    build = version.rpartition(".")[0] if updates else version
    layers = [layer(f"base {build}"), *([layer(f"updates {version}")] if updates else [])]
    return shape(windows(version, *features), layers)


def on(base: Image, platform: Platform | None = None, *more: bytes, **settings: Any) -> Image:
    """An application on a base, with the base's platform unless the tool writes another."""
    blobs = base.blobs[1:]
    return shape(platform or base.platform, [*blobs, *(more or (layer("application"),))], **settings)


def store_of(index: Index, *images: Image, name: str = "ghcr.io/acme/app") -> MemoryShelf:
    """A repository with an index under the tag `1.0` and these images."""
    store = MemoryShelf(name)
    for image in images:
        image.put(store)
    store.put_manifest(index.raw, index.media_type, tag="1.0")
    return store


def index_of(*images: Image | Descriptor) -> Index:
    """An index in this order."""
    return Index.build(manifests=[item.entry if isinstance(item, Image) else item for item in images])


def published(*images: Image) -> MemoryShelf:
    """A repository with an index of these images in this order."""
    return store_of(index_of(*images), *images)


def attestation(subject: Image) -> tuple[Descriptor, dict[Any, bytes]]:
    """An attestation as BuildKit puts it into an index: its entry, and its blobs by digest."""
    config = canonical_json({"architecture": "unknown", "os": "unknown", "rootfs": {"diff_ids": []}})
    statement = b'{"_type":"https://in-toto.io/Statement/v0.1"}'
    manifest = Manifest.build(
        config=Descriptor.of(config, OCI_CONFIG),
        layers=[Descriptor.of(statement, "application/vnd.in-toto+json")],
    )
    entry = replace(
        Descriptor.of(manifest.raw, OCI_MANIFEST),
        platform=Platform(os="unknown", architecture="unknown"),
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject.entry.digest,
        },
    )
    return entry, {digest_of(data): data for data in (config, statement, manifest.raw)}


def codes(findings: Iterable[Any]) -> list[str]:
    """Code and severity of each finding: `base-differs error`."""
    return [f"{finding.code} {finding.severity}" for finding in findings]
