"""A client that sends what a test says and nothing else, and an image to send."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from buildtools.oci.descriptor import OCI_CONFIG, OCI_MANIFEST, Descriptor
from buildtools.oci.documents import Index, Manifest
from tests.fakes.images import image

IMAGE = image(layers=(b"a layer",))
CONFIG, LAYER = IMAGE.blobs
RAW = IMAGE.manifest.raw
DIGEST = IMAGE.manifest.descriptor.digest
INDEX = Index.build(manifests=[IMAGE.entry])
BROKEN = Index.build(manifests=[Descriptor.of(b"nowhere", OCI_MANIFEST)])
LONELY = Manifest.build(config=Descriptor.of(b"{}", OCI_CONFIG), layers=[Descriptor.of(b"no", "x/y")])
NOWHERE = "sha256:" + "0" * 64
UPLOADS = "/v2/a/b/blobs/uploads/"
SBOM = Manifest.build(
    config=Descriptor.of(CONFIG, OCI_CONFIG),
    layers=[],
    subject=IMAGE.manifest.descriptor,
    artifact_type="application/spdx+json",
    annotations={"org.example": "yes"},
)


@dataclass(frozen=True, kw_only=True)
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def codes(self) -> list[str]:
        """The codes of an error document."""
        try:
            return [error["code"] for error in json.loads(self.body)["errors"]]
        except ValueError:
            return []


@dataclass
class Asker:
    """A client that does as it is told; `{session}` in a path is where the last answer sent it."""

    host: str
    session: str = ""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Got:
        """One request."""
        target = path.replace("{session}", self.session)
        if "&" in target and "?" not in target:
            target = target.replace("&", "?", 1)
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body=body, headers=named)
            answer = connection.getresponse()
            try:
                body = answer.read()
            except http.client.IncompleteRead as error:
                body = error.partial
            got = Got(
                status=answer.status,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=body,
            )
        finally:
            connection.close()
        if "/uploads/" in got.headers.get("location", ""):
            parts = urlsplit(got.headers["location"])
            self.session = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return got
