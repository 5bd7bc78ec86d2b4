"""What `promote` prints, from values that were written down."""

from dataclasses import replace

from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.promote import Part, Promotion
from buildtools.stores.copy import Copied
from buildtools.views.promote import parts_table, promote_json, promote_table

SENT, MOUNTED, PRESENT = (Descriptor.of(text, OCI_LAYER) for text in (b"sent" * 500, b"mounted", b"there"))
DIGEST = digest_of(b"index")
DONE = Promotion(
    source="ghcr.io/acme/staging:1.0",
    target="ghcr.io/acme/app",
    digest=DIGEST,
    tags=("1.0", "latest"),
    blobs=Copied(sent=(SENT,), mounted=(MOUNTED,), present=(PRESENT,)),
    manifests=6,
    referrers=2,
    warnings=("a warning",),
)
DRY = replace(
    DONE,
    dry_run=True,
    parts=(
        Part(kind="blob", name=SENT.digest, doing="send", size=2000),
        Part(kind="tag", name="1.0", doing="set"),
    ),
)


def test_a_promotion_as_a_table() -> None:
    """One row: where, under which tags, and what it took."""
    table = promote_table(DONE)
    assert table.columns == (
        "repository", "tags", "digest", "sent", "mounted", "there", "referrers", "what"
    )  # fmt: skip
    cells = ("ghcr.io/acme/app", "1.0, latest", DIGEST[7:19], "2.0 kB", "1", "1", "2")
    assert table.rows == [(*cells, "promoted")]
    assert promote_table(DRY).rows == [(*cells, "would be promoted")]
    assert promote_table(replace(DONE, changed=False)).rows == [(*cells, "up to date")]


def test_the_parts_of_a_dry_run() -> None:
    """A row each; tags have no size."""
    assert parts_table(DRY).rows == [("blob", SENT.digest, "2.0 kB", "send"), ("tag", "1.0", "", "set")]


def test_a_promotion_as_json() -> None:
    """The parts only for a dry run."""
    document = {
        "schema": 1,
        "source": "ghcr.io/acme/staging:1.0",
        "target": "ghcr.io/acme/app",
        "digest": DIGEST,
        "tags": ["1.0", "latest"],
        "changed": True,
        "dry_run": False,
        "blobs": {"sent": 1, "mounted": 1, "present": 1},
        "bytes": 2000,
        "manifests": 6,
        "referrers": 2,
        "warnings": ["a warning"],
    }
    assert promote_json(DONE) == document
    parts = [
        {"kind": "blob", "name": SENT.digest, "doing": "send", "size": 2000},
        {"kind": "tag", "name": "1.0", "doing": "set", "size": 0},
    ]
    assert promote_json(DRY) == {**document, "dry_run": True, "parts": parts}
