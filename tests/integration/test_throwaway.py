"""The throw-away registry: what the specification asks of one, beside what docker-registry answers."""

import http.client
import json
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from buildtools.oci.descriptor import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index, Manifest
from buildtools.stores.layout import Layout
from buildtools.throwaway.server import ThrowAway
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.images import image

IMAGE = image(layers=(b"a layer",))
CONFIG, LAYER = IMAGE.blobs
RAW = IMAGE.manifest.raw
DIGEST = IMAGE.manifest.descriptor.digest
INDEX = Index.build(manifests=[IMAGE.entry])
BROKEN = Index.build(manifests=[Descriptor.of(b"nowhere", OCI_MANIFEST)])
LONELY = Manifest.build(config=Descriptor.of(b"{}", OCI_CONFIG), layers=[Descriptor.of(b"no", "x/y")])
NOWHERE = "sha256:" + "0" * 64
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
UPLOADS = "/v2/a/b/blobs/uploads/"
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


def filled(asker: Asker) -> Asker:
    """The image and its SBOM, under tags."""
    for data in IMAGE.blobs:
        assert asker.ask("POST", f"{UPLOADS}?digest={digest_of(data)}", data).status == 201
    for tag in ("b", "a", "c"):
        assert asker.ask("PUT", f"/v2/a/b/manifests/{tag}", RAW, Content_Type=OCI_MANIFEST).status == 201
    asker.ask("PUT", f"/v2/a/b/manifests/{SBOM.descriptor.digest}", SBOM.raw, Content_Type=OCI_MANIFEST)
    return asker


def test_tags_are_listed_in_pages(asker: Asker) -> None:
    """Sorted, and each page says where the next one is."""
    filled(asker)
    assert asker.ask("GET", "/v2/a/b/tags/list").body == b'{"name":"a/b","tags":["a","b","c"]}'
    page = asker.ask("GET", "/v2/a/b/tags/list?n=2")
    assert json.loads(page.body)["tags"] == ["a", "b"]
    assert page.headers["link"] == '</v2/a/b/tags/list?n=2&last=b>; rel="next"'
    rest = asker.ask("GET", "/v2/a/b/tags/list?n=2&last=b")
    assert (json.loads(rest.body)["tags"], "link" in rest.headers) == (["c"], False)
    assert json.loads(asker.ask("GET", "/v2/a/b/tags/list?n=0").body)["tags"] == []


def test_referrers_are_listed(asker: Asker) -> None:
    """With what their manifests say of themselves, filtered where that is asked for."""
    filled(asker)
    (entry,) = json.loads(asker.ask("GET", f"/v2/a/b/referrers/{DIGEST}").body)["manifests"]
    assert entry == {
        "mediaType": OCI_MANIFEST,
        "digest": SBOM.descriptor.digest,
        "size": len(SBOM.raw),
        "artifactType": "application/spdx+json",
        "annotations": {"org.example": "yes"},
    }
    kept = asker.ask("GET", f"/v2/a/b/referrers/{DIGEST}?artifactType=application/spdx%2Bjson")
    assert (json.loads(kept.body)["manifests"], kept.headers["oci-filters-applied"]) == (
        [entry],
        "artifactType",
    )
    none = asker.ask("GET", f"/v2/a/b/referrers/{DIGEST}?artifactType=other")
    assert json.loads(none.body)["manifests"] == []


def test_a_tag_is_deleted_alone(asker: Asker) -> None:
    """A digest takes all its tags with it."""
    filled(asker)
    assert asker.ask("DELETE", "/v2/a/b/manifests/a").status == 202
    assert json.loads(asker.ask("GET", "/v2/a/b/tags/list").body)["tags"] == ["b", "c"]
    assert asker.ask("DELETE", f"/v2/a/b/manifests/{DIGEST}").status == 202
    assert json.loads(asker.ask("GET", "/v2/a/b/tags/list").body)["tags"] == []


def test_a_registry_without_the_referrers_api(tmp_path: Path) -> None:
    """As many are: 404, and no OCI-Subject."""
    with ThrowAway(tmp_path, referrers=False) as registry:
        asker = filled(Asker(registry.host))
        put = asker.ask("PUT", "/v2/a/b/manifests/sbom", SBOM.raw, Content_Type=OCI_MANIFEST)
        assert (put.status, "oci-subject" in put.headers) == (201, False)
        assert asker.ask("GET", f"/v2/a/b/referrers/{DIGEST}").status == 404


def test_a_body_in_chunks(asker: Asker) -> None:
    """Transfer-Encoding: chunked, as clients send that do not know the size."""
    asker.ask("POST", UPLOADS)
    connection = http.client.HTTPConnection(asker.host, timeout=30)
    pieces = iter([b"some ", b"bytes"])
    connection.request("PATCH", asker.session, body=pieces, encode_chunked=True, headers={
        "Transfer-Encoding": "chunked"
    })  # fmt: skip
    answer = connection.getresponse()
    answer.read()
    assert (answer.status, answer.headers["Range"]) == (202, "0-9")
    connection.close()
    assert asker.ask("PUT", f"{{session}}&digest={digest_of(b'some bytes')}").status == 201


def test_a_client_that_asks_before_it_sends(asker: Asker) -> None:
    """Expect: 100-continue is answered at once, then the body is read."""
    with (
        socket.create_connection(asker.host.split(":"), timeout=30) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(
            f"POST {UPLOADS}?digest={digest_of(b'late')} HTTP/1.1\r\n"
            "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert answer.readline() == b"\r\n"
        connection.sendall(b"late")
        assert answer.readline() == b"HTTP/1.1 201 Created\r\n"


def test_an_upload_that_broke_goes_on(asker: Asker) -> None:
    """What came before the connection was cut is kept, and the session says how much that is."""
    asker.ask("POST", UPLOADS)
    with socket.create_connection(asker.host.split(":")) as connection:
        connection.sendall(f"PATCH {asker.session} HTTP/1.1\r\nContent-Length: 10\r\n\r\nsome ".encode())
    while (got := asker.ask("GET", "{session}")).headers["range"] != "0-4":
        assert got.status == 204
    asker.ask("PATCH", "{session}", b"bytes", Content_Range="5-9")
    assert asker.ask("PUT", f"{{session}}&digest={digest_of(b'some bytes')}").status == 201


def test_blobs_are_files_and_each_is_one(asker: Asker, tmp_path: Path) -> None:
    """However many repositories hold it; what was cancelled or spoilt leaves nothing."""
    data = bytes(range(256)) * 20_000
    for name in ("one", "two"):
        asker.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}", data)
    asker.ask("POST", UPLOADS)
    asker.ask("PATCH", "{session}", data)
    asker.ask("DELETE", "{session}")
    asker.ask("POST", UPLOADS)
    asker.ask("PUT", f"{{session}}&digest={NOWHERE}", data)
    assert [path.name for path in tmp_path.iterdir()] == [digest_of(data).removeprefix("sha256:")]
    assert asker.ask("GET", f"/v2/two/blobs/{digest_of(data)}").body == data


def test_a_manifest_above_the_limit(asker: Asker) -> None:
    """413, and the connection goes on."""
    got = asker.ask("PUT", "/v2/a/b/manifests/big", b" " * (4 * 1024 * 1024 + 1), Content_Type=OCI_INDEX)
    assert (got.status, got.codes) == (413, ["SIZE_INVALID"])


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """500 with a sentence, not a connection that ends."""
    with ThrowAway(tmp_path / "gone") as registry:
        got = Asker(registry.host).ask("POST", UPLOADS)
    assert (got.status, got.codes) == (500, ["UNKNOWN"])
    (error,) = json.loads(got.body)["errors"]
    assert error["message"].endswith("1.part cannot be written: No such file or directory")


def test_the_end_closes_connections(tmp_path: Path) -> None:
    """A client that keeps its connection does not keep the registry, nor a thread of it."""
    before = threading.active_count()
    with ThrowAway(tmp_path) as registry:
        connection = http.client.HTTPConnection(registry.host, timeout=30)
        connection.request("GET", "/v2/")
        assert connection.getresponse().read() == b"{}"
    assert threading.active_count() == before
    with pytest.raises(OSError, match=r"refused|closed"):
        Asker(registry.host).ask("GET", "/v2/")
    connection.close()


def test_another_client_pushes_and_pulls(tmp_path: Path, dist: Path) -> None:
    """Skopeo copies a whole index in and out."""
    skopeo = [
        require("skopeo"),
        "copy",
        "--all",
        "--quiet",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
    ]
    (tmp_path / "registry").mkdir()
    with ThrowAway(tmp_path / "registry") as registry:
        place = f"docker://{registry.host}/acme/whoami:1.0"
        source = next(path for path in (dist / "oci").iterdir() if path.name == "whoami")
        subprocess.run([*skopeo, f"oci:{source}", place], check=True)
        subprocess.run([*skopeo, place, f"oci:{tmp_path}/back:1.0"], check=True)
    (ours,), (back,) = Layout(source).entries(), Layout(tmp_path / "back").entries()
    assert back.digest == ours.digest
