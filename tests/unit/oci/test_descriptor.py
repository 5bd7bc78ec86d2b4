"""Descriptors: reading and writing one JSON object without losing anything."""

from typing import Any

import pytest

from buildtools.oci.descriptor import (
    CONFIG_TYPES,
    INDEX_TYPES,
    LAYER_TYPES,
    MANIFEST_TYPES,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
)
from buildtools.oci.digest import DigestError, digest_of
from buildtools.oci.platform import Platform

DIGEST = digest_of(b"")
WHOLE: dict[str, Any] = {
    "mediaType": OCI_MANIFEST,
    "size": 2,
    "digest": DIGEST,
    "platform": {"os": "linux", "architecture": "amd64"},
    "annotations": {"a": "b"},
    "urls": ["https://example.com/blob"],
    "artifactType": "application/x",
    "data": "e30=",
}


def test_the_descriptor_of_bytes() -> None:
    """Size and digest are those of the bytes."""
    assert Descriptor.of(b"", OCI_LAYER) == Descriptor(media_type=OCI_LAYER, size=0, digest=DIGEST)


def test_a_descriptor_is_written_as_it_was_read() -> None:
    """Every key comes back, known or not."""
    descriptor = Descriptor.from_json(WHOLE)
    assert descriptor.to_json() == WHOLE
    assert descriptor.platform == Platform(os="linux", architecture="amd64")
    assert descriptor.extra == {"data": "e30="}


def test_empty_keys_are_left_out() -> None:
    """Null and empty are not written."""
    plain = {"mediaType": OCI_LAYER, "size": 0, "digest": DIGEST}
    empty = {"annotations": None, "urls": None, "artifactType": None, "platform": None}
    assert Descriptor.from_json(plain | empty).to_json() == plain


def test_a_digest_that_is_none_is_refused() -> None:
    """A descriptor without a digest points nowhere."""
    with pytest.raises(DigestError):
        Descriptor.from_json(WHOLE | {"digest": "sha256:1"})


@pytest.mark.parametrize(
    ("media_type", "urls", "foreign"),
    [
        (OCI_LAYER_GZIP, (), False),
        (OCI_LAYER_GZIP, ("https://example.com/x",), True),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", (), True),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar", (), True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", (), True),
    ],
)
def test_foreign_layers_are_told(media_type: str, urls: tuple[str, ...], foreign: bool) -> None:
    """By media type or by URLs."""
    assert Descriptor(media_type=media_type, size=1, digest=DIGEST, urls=urls).is_foreign is foreign


def test_no_media_type_is_of_two_kinds() -> None:
    """The sets of media types are disjoint."""
    sets = [INDEX_TYPES, MANIFEST_TYPES, CONFIG_TYPES, LAYER_TYPES]
    assert len(frozenset().union(*sets)) == sum(len(one) for one in sets)
