"""What `publish` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table, size
from buildtools.errors import BuildtoolsError
from buildtools.oci.digest import short
from buildtools.publish import Published
from buildtools.views.findings import SCHEMA


def publish_table(done: Sequence[Published]) -> Table:
    """What is in which registry now, and what that took."""
    return Table(
        columns=("image", "repository", "tags", "digest", "sent", "mounted", "there", "what"),
        rows=[
            (
                one.image,
                one.repository,
                ", ".join(one.tags),
                short(one.digest),
                size(one.sent),
                str(one.mounted),
                str(one.present),
                "published" if one.changed else "up to date",
            )
            for one in done
        ],
        right=frozenset({"sent", "mounted", "there"}),
    )


def publish_json(done: Sequence[Published], failures: Sequence[BuildtoolsError]) -> dict[str, Any]:
    """The document of `publish --json`; sizes are bytes, `mounted` and `present` count blobs."""
    return {
        "schema": SCHEMA,
        "published": [
            {
                "image": one.image,
                "repository": one.repository,
                "digest": one.digest,
                "tags": list(one.tags),
                "sent": one.sent,
                "mounted": one.mounted,
                "present": one.present,
                "changed": one.changed,
            }
            for one in done
        ],
        "failures": [str(failure) for failure in failures],
    }
