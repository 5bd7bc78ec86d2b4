"""The throw-away registry beside docker-registry: one request after the other, answered alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from buildtools.oci.descriptor import OCI_INDEX, OCI_MANIFEST
from buildtools.oci.digest import digest_of
from buildtools.throwaway.server import ThrowAway
from tests.fakes.asker import BROKEN, CONFIG, DIGEST, INDEX, LAYER, LONELY, NOWHERE, RAW, SBOM, UPLOADS, Asker
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    """A client of an empty throw-away registry."""
    with ThrowAway(tmp_path) as registry:
        yield Asker(registry.host)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request of the corpus, and what both registries answer: `real` where docker-registry deviates."""

    method: str
    path: str
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    code: str = ""
    real: int = 0
    why: str = ""


def row(method: str, path: str, status: int, body: bytes = b"", **rest: object) -> Row:
    """A row, written shortly."""
    return Row(method=method, path=path, status=status, body=body, **rest)  # type: ignore[arg-type] # as Row checks


MANIFEST = {"Content-Type": OCI_MANIFEST}
LAYER_AT = f"/v2/a/b/blobs/{digest_of(LAYER)}"
LISTED = f"/v2/a/b/referrers/{DIGEST}"
PLACE = ("Content-Range",)
CREATED = ("Docker-Content-Digest", "Location")
CORPUS = (
    row("GET", "/v2/", 200, shown=("Docker-Distribution-API-Version",)),
    row("GET", "/v2/a/b/tags/list", 404, code="NAME_UNKNOWN"),
    row("HEAD", "/v2/a/b/manifests/1.0", 404),
    row("GET", "/v2/a/b/manifests/1.0", 404, code="NAME_UNKNOWN", real=404, why="says MANIFEST_UNKNOWN"),
    row("GET", f"/v2/a/b/blobs/{NOWHERE}", 404, code="NAME_UNKNOWN", real=404, why="says BLOB_UNKNOWN"),
    # A whole blob with POST and PUT.
    row("POST", UPLOADS, 202, shown=("Range",)),
    row("GET", "{session}", 204, shown=("Range",)),
    row("PUT", f"{{session}}&digest={digest_of(LAYER)}", 201, LAYER, shown=CREATED),
    row("PUT", "{session}", 404, code="BLOB_UPLOAD_UNKNOWN"),
    row("HEAD", LAYER_AT, 200, shown=("Content-Length", "Docker-Content-Digest")),
    row("GET", LAYER_AT, 200, shown=("Content-Length", "Docker-Content-Digest")),
    # In chunks.
    row("POST", UPLOADS, 202),
    row("PATCH", "{session}", 202, CONFIG[:10], headers={"Content-Range": "0-9"}, shown=("Range",)),
    row("GET", "{session}", 204, shown=("Range",)),
    row(
        "PATCH",
        "{session}",
        202,
        CONFIG[10:],
        headers={"Content-Range": f"10-{len(CONFIG) - 1}"},
        shown=("Range",),
    ),
    row("PUT", f"{{session}}&digest={digest_of(CONFIG)}", 201, shown=("Docker-Content-Digest",)),
    # What goes wrong.
    row("POST", UPLOADS, 202),
    row("PUT", f"{{session}}&digest={NOWHERE}", 400, b"other bytes", code="DIGEST_INVALID"),
    row("POST", UPLOADS, 202),
    row("PUT", "{session}", 400, b"x", code="DIGEST_INVALID"),
    row("POST", UPLOADS, 202),
    row("DELETE", "{session}", 204),
    row("GET", "{session}", 404, code="BLOB_UPLOAD_UNKNOWN"),
    row("POST", UPLOADS, 202),
    row(
        "PATCH",
        "{session}",
        416,
        CONFIG[20:30],
        headers={"Content-Range": "20-29"},
        shown=("Range",),
        real=202,
        why="appends it all the same",
    ),
    row("DELETE", "{session}", 204),
    row(
        "PATCH",
        f"{UPLOADS}none",
        404,
        b"x",
        code="BLOB_UPLOAD_UNKNOWN",
        real=404,
        why="says that the session cannot be one",
    ),
    # Ranges.
    row("GET", LAYER_AT, 206, headers={"Range": "bytes=2-4"}, shown=PLACE),
    row("GET", LAYER_AT, 206, headers={"Range": "bytes=5-"}, shown=PLACE),
    row("GET", LAYER_AT, 206, headers={"Range": "bytes=-3"}, shown=PLACE),
    row("GET", LAYER_AT, 206, headers={"Range": "bytes=5-99"}, shown=PLACE),
    row("GET", LAYER_AT, 416, headers={"Range": "bytes=7-"}, shown=PLACE),
    row(
        "HEAD",
        LAYER_AT,
        200,
        headers={"Range": "bytes=2-4"},
        shown=("Content-Length",),
        real=206,
        why="cuts it",
    ),
    # Mounts: of what is there, and of what is not, which begins an upload.
    row(
        "POST",
        f"/v2/other/blobs/uploads/?mount={digest_of(LAYER)}&from=a/b",
        201,
        shown=CREATED,
    ),
    row("HEAD", f"/v2/other/blobs/{digest_of(LAYER)}", 200, shown=("Content-Length",)),
    row("POST", f"/v2/other/blobs/uploads/?mount={NOWHERE}&from=a/b", 202),
    row("DELETE", "{session}", 204),
    row("POST", f"/v2/other/blobs/uploads/?mount={digest_of(LAYER)}", 202),
    row("DELETE", "{session}", 204),
    row(
        "POST",
        f"/v2/other/blobs/uploads/?digest={digest_of(b'at once')}",
        201,
        b"at once",
        shown=("Docker-Content-Digest",),
        real=202,
        why="begins a session instead, as the spec allows",
    ),
    # Manifests.
    row(
        "PUT",
        "/v2/a/b/manifests/1.0",
        404,
        LONELY.raw,
        headers=MANIFEST,
        code="MANIFEST_BLOB_UNKNOWN",
        real=400,
        why="another status; the spec names the code only",
    ),
    row(
        "PUT",
        "/v2/a/b/manifests/1.0",
        404,
        BROKEN.raw,
        headers={"Content-Type": OCI_INDEX},
        code="MANIFEST_BLOB_UNKNOWN",
        real=400,
        why="another status; the spec names the code only",
    ),
    row("PUT", "/v2/a/b/manifests/1.0", 400, b"{", headers=MANIFEST, code="MANIFEST_INVALID"),
    row("PUT", f"/v2/a/b/manifests/{NOWHERE}", 400, RAW, headers=MANIFEST, code="DIGEST_INVALID"),
    row(
        "PUT",
        f"/v2/a/b/manifests/{DIGEST}",
        201,
        RAW,
        headers=MANIFEST,
        shown=("Docker-Content-Digest",),
    ),
    row("PUT", "/v2/a/b/manifests/1.0", 201, RAW, headers=MANIFEST, shown=("Docker-Content-Digest",)),
    row("PUT", "/v2/a/b/manifests/2.0", 201, RAW, headers=MANIFEST, shown=("Docker-Content-Digest",)),
    row("PUT", "/v2/a/b/manifests/all", 201, INDEX.raw, headers={"Content-Type": OCI_INDEX}),
    row(
        "HEAD",
        "/v2/a/b/manifests/1.0",
        200,
        headers={"Accept": OCI_MANIFEST},
        shown=("Content-Length", "Content-Type", "Docker-Content-Digest"),
    ),
    row(
        "GET",
        f"/v2/a/b/manifests/{DIGEST}",
        200,
        headers={"Accept": OCI_MANIFEST},
        shown=("Content-Length", "Content-Type", "Docker-Content-Digest"),
    ),
    row("GET", "/v2/a/b/manifests/none", 404, code="MANIFEST_UNKNOWN"),
    row("GET", f"/v2/a/b/manifests/{NOWHERE}", 404, code="MANIFEST_UNKNOWN"),
    row("GET", "/v2/a/b/tags/list", 200),
    row("GET", "/v2/a/b/tags/list?n=1", 200, shown=("Link",), real=200, why="has no pages"),
    # Subjects and referrers.
    row(
        "PUT",
        f"/v2/a/b/manifests/{SBOM.descriptor.digest}",
        201,
        SBOM.raw,
        headers=MANIFEST,
        shown=("OCI-Subject",),
        real=201,
        why="knows no subjects",
    ),
    row("GET", LISTED, 200, shown=("Content-Type",), real=404, why="has no referrers API"),
    row("GET", f"/v2/a/b/referrers/{NOWHERE}", 200, real=404, why="has no referrers API"),
    row("GET", "/v2/a/b/referrers/nothing", 400, code="DIGEST_INVALID", real=404, why="has no referrers API"),
    # Deleting.
    row("DELETE", "/v2/a/b/manifests/2.0", 202, real=400, why="deletes no tags"),
    row("DELETE", f"/v2/a/b/manifests/{DIGEST}", 202),
    row("GET", "/v2/a/b/manifests/1.0", 404, code="MANIFEST_UNKNOWN"),
    row("DELETE", f"/v2/a/b/manifests/{DIGEST}", 404, code="MANIFEST_UNKNOWN"),
    row("DELETE", LAYER_AT, 202),
    row("GET", LAYER_AT, 404, code="BLOB_UNKNOWN"),
    row("DELETE", LAYER_AT, 404, code="BLOB_UNKNOWN"),
    # What there is not.
    row("PUT", "/v2/a/b/tags/list", 405),
    row("GET", "/v2/UPPER/tags/list", 400, code="NAME_INVALID", real=404, why="takes it for another page"),
    row("GET", "/v2/_nothing", 404),
)


def differences(asker: Asker, other: Asker) -> list[str]:
    """Where two registries answer the corpus differently, but for what is known."""
    found = []
    for item in CORPUS:
        ours = asker.ask(item.method, item.path, item.body, **dict(item.headers))
        theirs = other.ask(item.method, item.path, item.body, **dict(item.headers))
        line = f"{item.method} {item.path}"
        if (ours.status, theirs.status) != (item.status, item.real or item.status):
            found.append(f"{line}: {ours.status} and {theirs.status}")
        if item.code and (item.method != "HEAD") and ours.codes != [item.code]:
            found.append(f"{line}: {ours.codes}")
        if item.code and not item.why and theirs.codes[:1] != [item.code]:
            found.append(f"{line}: {ours.codes} and {theirs.codes}")
        for name in item.shown:
            values = [got.headers.get(name.lower(), "").replace(host, "") for got, host in (
                (ours, f"http://{asker.host}"), (theirs, f"http://{other.host}")
            )]  # fmt: skip
            if not values[0] or (values[0] != values[1] and not item.why):
                found.append(f"{line}: {name} {values}")
    return found


def test_the_corpus_is_answered_as_by_docker_registry(asker: Asker, tmp_path: Path) -> None:
    """Status, code and essential headers of each request, but where a row says why not."""
    with DockerRegistry(require("docker-registry"), tmp_path / "docker-registry") as real:
        assert differences(asker, Asker(real.host)) == []
