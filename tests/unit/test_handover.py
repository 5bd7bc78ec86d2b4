"""What a record says is held against what a registry has; images on stand-ins go nowhere."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from buildtools.build import Built
from buildtools.errors import ConfigurationError
from buildtools.handover import Sender, Sent, differs
from buildtools.oci.config import ConfigSettings, build_config
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Manifest
from buildtools.oci.platform import Platform
from buildtools.plan import Base, Target
from buildtools.record import BaseRecord, BlobRecord
from buildtools.settings import Settings
from buildtools.stores.layout import Layout
from buildtools.stores.registry import Registries
from buildtools.stores.rehearsal import Asked
from buildtools.views.sending import sent_json, sent_table
from tests.fakes.definitions import variant
from tests.fakes.records import record

LAYER = Descriptor.of(b"layer", OCI_LAYER_GZIP)
DIFF_ID = digest_of(b"tar")
CONFIG = build_config(
    None,
    settings=ConfigSettings(),
    platform=Platform(os="linux", architecture="amd64"),
    created="2026-11-24T00:00:00Z",
    diff_ids=(DIFF_ID,),
    history=("files",),
)
MANIFEST = Manifest.build(config=CONFIG.descriptor, layers=(LAYER,))
RECORD = record(
    "app",
    "linux/amd64",
    manifest=BlobRecord.of(MANIFEST.descriptor),
    config=BlobRecord.of(CONFIG.descriptor),
    layers=(BlobRecord.of(LAYER, diff_id=DIFF_ID),),
)
OTHER = BlobRecord.of(Descriptor.of(b"other", OCI_LAYER_GZIP), diff_id=digest_of(b"other"))


def target(**changes: Any) -> Target:
    """The target that the record is of."""
    fields: dict[str, Any] = {
        "variant": variant(),
        "base": Base(reference="scratch"),
        "created": 0,
        "ingredients": {},
        "fingerprint": digest_of(b"all"),
        "layer_fingerprint": digest_of(b"files"),
        "reasons": (),
        "runner": "ubuntu-24.04",
        "record": RECORD,
    }
    return Target(**(fields | changes))


def test_what_is_as_the_record_says() -> None:
    """Nothing differs."""
    assert differs(target(), RECORD, MANIFEST, CONFIG) == ""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"manifest": structs.replace(RECORD.manifest, size=7)}, "size"),
        ({"manifest": structs.replace(RECORD.manifest, media_type="a/b")}, "media type"),
        ({"config": OTHER}, "config"),
        ({"layers": (OTHER,)}, "list of layers"),
        ({"layers": ()}, "list of layers"),
        ({"base_layers": (OTHER,)}, "list of layers"),
        ({"layers": (structs.replace(RECORD.layers[0], diff_id=OTHER.diff_id),)}, "list of diff_ids"),
        ({"architecture": "arm64"}, "platform"),
        ({"os_version": "10.0.1.2"}, "platform"),
        ({"os_features": ("win32k",)}, "platform"),
        ({"base": BaseRecord(reference="scratch", digest=digest_of(b"base"))}, "base"),
    ],
)
def test_each_part_of_a_record_is_held_against_the_image(changes: dict[str, Any], told: str) -> None:
    """A record that says otherwise is found out, whatever it is about."""
    assert differs(target(), structs.replace(RECORD, **changes), MANIFEST, CONFIG) == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"variant": variant(architecture="arm64")}, "operating system or architecture than the Plan"),
        ({"base": Base(reference="scratch", os_version="10.0.1.2")}, "base"),
        ({"base": Base(reference="a/b", digest=digest_of(b"base"))}, "base"),
    ],
)
def test_the_plan_is_held_against_the_image(changes: dict[str, Any], told: str) -> None:
    """A whole image of another platform or base is not what was planned."""
    assert differs(target(**changes), RECORD, MANIFEST, CONFIG) == told


def test_stand_ins_are_not_sent(tmp_path: Path) -> None:
    """Each image is named with its variants before any registry is asked."""
    registries = Registries(Settings())
    sender = Sender(
        layout=lambda _: Layout(tmp_path), bases=registries, targets=registries, note=lambda _: None
    )
    stand_in = structs.replace(RECORD, base=BaseRecord(reference="a/b", stand_in=True))
    with pytest.raises(ConfigurationError) as caught:
        sender.run([Built(target=target(), record=stand_in, reused=False)], ["127.0.0.1:9/acme"])
    assert str(caught.value) == (
        "app stands on stand-in bases (linux/amd64), which are never published: build it on its real bases"
    )


def test_what_was_sent_as_a_table_and_as_json() -> None:
    """An image a row; a dry run adds its requests."""
    sent = Sent(record=RECORD, repository="ghcr.io/acme/app", sent=2048, mounted=1, present=2)
    table = sent_table([sent])
    assert [*table.rows] == [
        (
            "app",
            "linux/amd64",
            "ghcr.io/acme/app",
            MANIFEST.descriptor.digest[7:19],
            "2.0 kB",
            "1",
            "2",
        )
    ]
    row = {
        "image": "app",
        "platform": "linux/amd64",
        "repository": "ghcr.io/acme/app",
        "digest": MANIFEST.descriptor.digest,
        "sent": 2048,
        "mounted": 1,
        "present": 2,
    }
    assert sent_json([sent]) == {"schema": 1, "dry_run": False, "sent": [row]}
    asked = Asked(registry="ghcr.io", method="PUT", target="/v2/", size=5, writes=True)
    document = sent_json([sent], [asked])
    assert (document["dry_run"], document["total"]) == (True, {"requests": 1, "writes": 1, "size": 5})
