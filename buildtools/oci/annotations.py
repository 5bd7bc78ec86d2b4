"""The annotations that are read and written here, by the names that the specification gives them.

Source: opencontainers/image-spec:annotations.md.
"""

from typing import Final

CREATED: Final = "org.opencontainers.image.created"
"""When an image was made; of an index when its newest image was (RFC 3339)."""
BASE_NAME: Final = "org.opencontainers.image.base.name"
"""The reference of the base that an image stands on."""
BASE_DIGEST: Final = "org.opencontainers.image.base.digest"
"""The digest of that base's manifest, for the image's own platform."""
