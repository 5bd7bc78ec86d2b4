"""An image as an archive that a Docker Engine loads, piece by piece: layers are never in memory.

It is both an OCI image layout and what `docker save` writes, with the same blobs: an engine with a graph
driver reads `manifest.json`, one with containerd's store `index.json`. Sources: opencontainers/image-spec:
image-layout.md; moby/moby:image/tarexport/load.go; containerd/containerd:core/images/archive/importer.go.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import BinaryIO, Final

from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import OCI_INDEX, Descriptor
from buildtools.oci.digest import Digest, encoded
from buildtools.oci.documents import Manifest, canonical_json
from buildtools.oci.tar import TarEntry, write_tar

_NAME: Final = "io.containerd.image.name"
_REF_NAME: Final = "org.opencontainers.image.ref.name"


def docker_archive(
    manifest: Manifest, config: ImageConfig, *, tag: str, open_blob: Callable[[Descriptor], BinaryIO]
) -> Iterator[bytes]:
    """The archive of an image that the engine is to know as `tag`, such as `app:1`; raises what stores do."""
    name = {_NAME: f"docker.io/library/{tag}", _REF_NAME: tag.partition(":")[2]}
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [replace(manifest.descriptor, annotations=name).to_json()],
    }
    saved = [
        {
            "Config": _path(manifest.config.digest),
            "RepoTags": [tag],
            "Layers": [_path(layer.digest) for layer in manifest.layers],
        }
    ]
    documents = {
        "oci-layout": canonical_json({"imageLayoutVersion": "1.0.0"}),
        "index.json": canonical_json(index),
        "manifest.json": canonical_json(saved),
        _path(manifest.descriptor.digest): manifest.raw,
        _path(manifest.config.digest): config.raw,
    }
    layers = {_path(layer.digest): layer for layer in manifest.layers}
    return write_tar(
        [
            *(
                TarEntry(name=path, size=len(data), open=partial(BytesIO, data))
                for path, data in documents.items()
            ),
            *(
                TarEntry(name=path, size=layer.size, open=partial(open_blob, layer))
                for path, layer in layers.items()
            ),
        ]
    )


def _path(digest: Digest) -> str:
    return f"blobs/sha256/{encoded(digest)}"
