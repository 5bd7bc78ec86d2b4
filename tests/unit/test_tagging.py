"""Which of two indexes is newer, and by what."""

import pytest

from buildtools.oci.annotations import CREATED
from buildtools.oci.descriptor import OCI_MANIFEST, Descriptor
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.tagging import newer

JANUARY, MARCH = "2026-01-01T00:00:00Z", "2026-03-01T01:00:00+01:00"


def index(created: str, *versions: str) -> Index:
    """An index of this time with a Windows entry for each version."""
    platforms = [Platform(os="linux", architecture="amd64")]
    platforms += [Platform(os="windows", architecture="amd64", os_version=version) for version in versions]
    entries = [
        Descriptor(
            media_type=OCI_MANIFEST,
            size=1,
            digest=Descriptor.of(str(platform).encode(), "").digest,
            platform=platform,
        )
        for platform in platforms
    ]
    return Index.build(manifests=entries, annotations={CREATED: created} if created else {})


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (index(MARCH), index(JANUARY), ("of 2026-03-01T00:00:00Z", "of 2026-01-01T00:00:00Z")),
        (index(JANUARY), index(MARCH), None),
        (index("2026-01-01"), index(JANUARY), None),
        (index(""), index(JANUARY), None),
        (index("yesterday"), index(JANUARY), None),
        (index(MARCH), index(""), None),
        (
            index(JANUARY, "10.0.1.5", "10.0.2.6"),
            index(JANUARY, "10.0.1.5", "10.0.2.5"),
            ("with base 10.0.2.6", "with 10.0.2.5"),
        ),
        (index(JANUARY, "10.0.1.5"), index(JANUARY, "10.0.1.5"), None),
        (index(JANUARY, "10.0.1.4"), index(JANUARY, "10.0.1.5"), None),
        (index(JANUARY, "10.0.3.9"), index(JANUARY, "10.0.1.5"), None),
        (index(JANUARY, "10.0.1.9"), index(MARCH, "10.0.1.5"), None),
        (
            index(JANUARY, "10.0.1.10", "10.0.1.2"),
            index(JANUARY, "10.0.1.9"),
            ("with base 10.0.1.10", "with 10.0.1.9"),
        ),
        (index(JANUARY, "", "odd"), index(JANUARY, ""), None),
    ],
)
def test_which_index_is_newer(one: Index, other: Index, expected: tuple[str, str] | None) -> None:
    """By the time of the newest image, then by the revisions of Windows bases; else it cannot be told."""
    assert newer(one, other) == expected
