"""What the throw-away registry answers with: replies, and refusals with the specification's error document.

Source: opencontainers/distribution-spec:spec.md, "Error Codes".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from buildtools.oci.documents import canonical_json

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`size` bytes from byte `start` on out of what `open` opens: they are sent without being held."""

    open: Callable[[], BinaryIO]
    size: int
    start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Status, headers and body; the length of the body is told for HEAD, too."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Part = b""

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self.body.size if isinstance(self.body, Part) else len(self.body)


class Refused(Exception):  # noqa: N818 - an answer like others, raised where it is found
    """What the registry says no to: a status, and one of the specification's codes with a sentence."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    @property
    def reply(self) -> Reply:
        """The answer that says so."""
        document = {"errors": [{"code": self.code, "message": self.message}]}
        return Reply(
            status=self.status,
            headers={"Content-Type": JSON, **self.headers},
            body=canonical_json(document),
        )
