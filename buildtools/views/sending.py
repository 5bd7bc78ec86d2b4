"""What `publish --by-digest` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table, size
from buildtools.handover import Sent
from buildtools.oci.digest import short
from buildtools.stores.rehearsal import Asked
from buildtools.views.findings import SCHEMA
from buildtools.views.publish import requests_json


def sent_table(results: Sequence[Sent]) -> Table:
    """Every image in every repository, and what that took."""
    return Table(
        columns=("image", "platform", "repository", "digest", "sent", "mounted", "there"),
        rows=[
            (
                one.record.image,
                one.record.label,
                one.repository,
                short(one.record.manifest.digest),
                size(one.sent),
                str(one.mounted),
                str(one.present),
            )
            for one in results
        ],
        right=frozenset({"sent", "mounted", "there"}),
    )


def sent_json(results: Sequence[Sent], requests: Sequence[Asked] | None = None) -> dict[str, Any]:
    """The document of `publish --by-digest --json`; sizes are bytes, `mounted` and `present` count blobs."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "dry_run": requests is not None,
        "sent": [
            {
                "image": one.record.image,
                "platform": one.record.label,
                "repository": one.repository,
                "digest": one.record.manifest.digest,
                "sent": one.sent,
                "mounted": one.mounted,
                "present": one.present,
            }
            for one in results
        ],
    }
    return document if requests is None else document | requests_json(requests)
