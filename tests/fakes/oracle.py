"""What is in a registry, asked for with nothing but HTTP: the judge of every fault test.

Nothing of `buildtools.stores` is used here, so that a mistake there cannot hide itself.
"""

import hashlib
import http.client
import json
from typing import Any

_ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"


def digest_at(host: str, repository: str, identifier: str) -> str:
    """The digest of what a tag or digest leads to; empty where there is nothing."""
    status, raw = _get(host, f"/v2/{repository}/manifests/{identifier}")
    if status == 404:
        return ""
    assert status == 200, (identifier, status, raw)
    return _digest(raw)


def complete(host: str, repository: str, identifier: str) -> str:
    """The digest of what a tag or digest leads to, once all below it is there, byte for byte."""
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        status, raw = _ask(connection, f"/v2/{repository}/manifests/{identifier}")
        assert status == 200, (repository, identifier, status, raw)
        ahead, seen = [json.loads(raw)], set()
        while ahead:
            document = ahead.pop()
            for part in _parts(document):
                if part["digest"] in seen:
                    continue
                seen.add(part["digest"])
                kind = "manifests" if "manifest" in part["mediaType"] else "blobs"
                status, data = _ask(connection, f"/v2/{repository}/{kind}/{part['digest']}")
                assert (status, len(data), _digest(data)) == (200, part["size"], part["digest"])
                if kind == "manifests":
                    ahead.append(json.loads(data))
        return _digest(raw)
    finally:
        connection.close()


def named(host: str, repository: str, tag: str) -> list[dict[str, Any]]:
    """The entries of the index that a tag leads to; none where there is no tag."""
    status, raw = _get(host, f"/v2/{repository}/manifests/{tag}")
    if status == 404:
        return []
    assert status == 200, (tag, status, raw)
    return list(json.loads(raw)["manifests"])


def _parts(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document.get("manifests") or [document["config"], *document["layers"]]


def _get(host: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        return _ask(connection, path)
    finally:
        connection.close()


def _ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path, headers={"Accept": _ACCEPT})
    answer = connection.getresponse()
    return answer.status, answer.read()


def _digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"
