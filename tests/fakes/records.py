"""Build records without a build."""

from typing import Any

from buildtools.oci.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.record import BaseRecord, BlobRecord, BuildRecord

BLOBS = {OCI_MANIFEST: b"manifest", OCI_CONFIG: b"config", OCI_LAYER_GZIP: b"layer"}


def record(image: str, label: str, **changes: Any) -> BuildRecord:
    """The record of a variant whose blobs are the bytes above."""
    manifest, config, layer = (
        BlobRecord.of(Descriptor.of(data, kind), diff_id=digest_of(b"tar") if data == b"layer" else "")
        for kind, data in BLOBS.items()
    )
    system, _, rest = label.partition("/")
    fields: dict[str, Any] = {
        "image": image,
        "label": label,
        "os": system,
        "architecture": rest.partition(":")[0],
        "fingerprint": digest_of(b"all"),
        "layer_fingerprint": digest_of(b"files"),
        "ingredients": {},
        "manifest": manifest,
        "config": config,
        "layers": (layer,),
        "base": BaseRecord(reference="scratch"),
    }
    return BuildRecord(**(fields | changes))
