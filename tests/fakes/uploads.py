"""The writing half of the fake registry, as strict as a real one about digests, ranges and parts."""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs

from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index, parse_document
from buildtools.stores.memory import MemoryStore

Written = tuple[int, dict[str, str]]
"""Status and headers."""


class Asked(Protocol):
    """A request's first lines."""

    @property
    def method(self) -> str:
        """`PATCH`."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case names."""


class RefusedError(Exception):
    """What the registry says no to: status, error code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass
class Uploads:
    """The sessions; `repository` gives a repository by its name.

    `mounts` is whether blobs are mounted, `least` what OCI-Chunk-Min-Length says, `most` how many bytes a
    request may have, `status` whether a session says how far it is. `keeps` is whether a session
    outlives a commit whose bytes were wrong.
    """

    repository: Callable[[str], MemoryStore]
    mounts: bool = True
    least: int | None = None
    most: int | None = None
    status: bool = True
    keeps: bool = False
    sessions: dict[str, bytearray] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def answer(self, seen: Asked, name: str, number: str, query: str, data: bytes) -> Written:
        """What a request about an upload is answered; raises RefusedError."""
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        if seen.method == "POST" and not number:
            return self._begin(name, asked)
        if number not in self.sessions:
            raise RefusedError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if seen.method == "GET" and self.status:
            return 204, self._headers(name, number)
        if seen.method == "PATCH":
            self._append(number, seen.headers.get("content-range", ""), data)
            return 202, self._headers(name, number)
        if seen.method == "PUT":
            if self.most is not None and len(data) > self.most:
                raise RefusedError(413, "SIZE_INVALID", "request entity too large")
            return self._commit(name, number, asked.get("digest", ""), data)
        raise RefusedError(405, "UNSUPPORTED", "method not allowed")

    def _begin(self, name: str, asked: Mapping[str, str]) -> Written:
        source = self.repository(asked["from"]) if self.mounts and "from" in asked else MemoryStore()
        for digest, data in source.blobs.items():
            if digest == asked.get("mount"):
                self.repository(name).blobs[digest] = data
                return 201, {"Location": f"/v2/{name}/blobs/{digest}"}
        number = f"upload-{next(self._numbers)}"
        self.sessions[number] = bytearray()
        return 202, self._headers(name, number)

    def _append(self, number: str, place: str, data: bytes) -> None:
        kept = self.sessions[number]
        if place:
            asked = re.fullmatch(r"(\d+)-(\d+)", place)
            if not asked or int(asked[1]) != len(kept):
                raise RefusedError(416, "RANGE_INVALID", "invalid content range")
        if self.most is not None and len(data) > self.most:
            raise RefusedError(416, "SIZE_INVALID", "request body too large")
        kept += data

    def _commit(self, name: str, number: str, digest: str, data: bytes) -> Written:
        whole = bytes(self.sessions[number]) + data
        found = digest_of(whole)
        if found == digest or not self.keeps:
            del self.sessions[number]
        if found != digest:
            raise RefusedError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.repository(name).blobs[found] = whole
        return 201, {"Location": f"/v2/{name}/blobs/{found}", "Docker-Content-Digest": found}

    def _headers(self, name: str, number: str) -> dict[str, str]:
        size = len(self.sessions[number])
        least = {} if self.least is None else {"OCI-Chunk-Min-Length": str(self.least)}
        return {
            "Location": f"/v2/{name}/blobs/uploads/{number}?_state={size}",
            # Zero for none and for one, as distribution has it.
            "Range": f"0-{max(size, 1) - 1}",
            **least,
        }


def put_manifest(store: MemoryStore, identifier: str, media_type: str, raw: bytes) -> Written:
    """Keep a manifest whose parts are there; raises RefusedError."""
    digest = digest_of(raw)
    if ":" in identifier and identifier != digest:
        raise RefusedError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    document = parse_document(raw, media_type)
    if isinstance(document, Index):
        missing = [part for part in document.manifests if part.digest not in store.manifests]
    else:
        missing = [part for part in (document.config, *document.layers) if part.digest not in store.blobs]
    if missing:
        raise RefusedError(404, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {missing[0].digest}")
    store.put_manifest(raw, media_type, tag="" if ":" in identifier else identifier)
    return 201, {"Docker-Content-Digest": digest}
