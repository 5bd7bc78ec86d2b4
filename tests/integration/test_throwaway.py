"""The throw-away registry: what the specification asks of one, and how it begins and ends."""

import http.client
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildtools.oci.descriptor import OCI_INDEX, OCI_MANIFEST
from buildtools.oci.digest import digest_of
from buildtools.stores.layout import Layout
from buildtools.throwaway.server import ThrowAway
from tests.fakes.asker import DIGEST, IMAGE, NOWHERE, RAW, SBOM, UPLOADS, Asker
from tests.fakes.components import require


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    """A client of an empty throw-away registry."""
    with ThrowAway(tmp_path) as registry:
        yield Asker(registry.host)


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
