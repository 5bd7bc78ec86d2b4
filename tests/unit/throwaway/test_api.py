"""The API of the throw-away registry without sockets: ranges and chunks of every size."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.digest import digest_of
from buildtools.throwaway.api import Api
from buildtools.throwaway.replies import Part, Reply
from buildtools.throwaway.shelves import Shelves

DATA = bytes(range(100))
BLOB = f"/v2/a/blobs/{digest_of(DATA)}"
UPLOADS = "/v2/a/blobs/uploads/"


def ask(api: Api, method: str, target: str, body: bytes = b"", **headers: str) -> Reply:
    """One request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.answer(method, target, named, io.BytesIO(body))


def body_of(reply: Reply) -> bytes:
    """The bytes that are sent."""
    if isinstance(reply.body, bytes):
        return reply.body
    with reply.body.open() as file:
        file.seek(reply.body.start)
        return file.read(reply.body.size)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A registry with one blob."""
    shelves = Shelves(tmp_path_factory.mktemp("throwaway"))
    api = Api(found=shelves.get, made=shelves.made)
    assert ask(api, "POST", f"{UPLOADS}?digest={digest_of(DATA)}", DATA).status == 201
    yield api
    api.uploads.close()


@given(start=st.integers(0, 120), end=st.none() | st.integers(0, 120))
def test_a_range_is_a_slice(api: Api, start: int, end: int | None) -> None:
    """From a byte on, or up to and with another one; what begins behind the end is refused."""
    reply = ask(api, "GET", BLOB, range=f"bytes={start}-{'' if end is None else end}")
    if end is not None and end < start:
        assert (reply.status, body_of(reply)) == (200, DATA)
    elif start >= len(DATA):
        assert (reply.status, reply.headers["Content-Range"]) == (416, "bytes */100")
    else:
        expected = DATA[start:] if end is None else DATA[start : end + 1]
        last = start + len(expected) - 1
        assert (reply.status, body_of(reply)) == (206, expected)
        assert reply.headers["Content-Range"] == f"bytes {start}-{last}/100"
        assert reply.size == len(expected)


@given(last=st.integers(0, 120))
def test_a_range_from_the_end(api: Api, last: int) -> None:
    """The last so many bytes, all where that is more than there are."""
    reply = ask(api, "GET", BLOB, range=f"bytes=-{last}")
    if last:
        assert (reply.status, body_of(reply)) == (206, DATA[-last:])
    else:
        assert reply.status == 416


@pytest.mark.parametrize("asked", ["", "bytes=-", "bytes=1-2,5-6", "lines=1-2", "bytes=a-b", "bytes=5-2"])
def test_what_is_no_range_is_all(api: Api, asked: str) -> None:
    """As HTTP wants it."""
    reply = ask(api, "GET", BLOB, range=asked)
    assert (reply.status, body_of(reply)) == (200, DATA)


@given(sizes=st.lists(st.integers(1, 30), max_size=6), rest=st.binary(max_size=30), ranges=st.booleans())
def test_chunks_become_a_blob(api: Api, sizes: list[int], rest: bytes, ranges: bool) -> None:
    """Whatever their sizes, with ranges or without, and with the last ones in the PUT."""
    whole, session = b"", ask(api, "POST", UPLOADS).headers["Location"]
    for size in sizes:
        chunk = bytes([size]) * size
        place = {"content_range": f"{len(whole)}-{len(whole) + size - 1}"} if ranges else {}
        reply = ask(api, "PATCH", session, chunk, content_length=str(size), **place)
        whole += chunk
        session = reply.headers["Location"]
        assert (reply.status, reply.headers["Range"]) == (202, f"0-{len(whole) - 1}" if whole else "0-0")
    whole += rest
    assert ask(api, "PUT", f"{session}&digest={digest_of(whole)}", rest).status == 201
    assert body_of(ask(api, "GET", f"/v2/a/blobs/{digest_of(whole)}")) == whole


@given(start=st.integers(0, 9), end=st.integers(0, 9), length=st.none() | st.integers(0, 9))
def test_a_chunk_out_of_place_changes_nothing(api: Api, start: int, end: int, length: int | None) -> None:
    """Neither one that does not follow what is there nor one that is not as long as it says."""
    session = ask(api, "POST", UPLOADS).headers["Location"]
    headers = {"content_range": f"{start}-{end}"} | (
        {} if length is None else {"content_length": str(length)}
    )
    reply = ask(api, "PATCH", session, b"x" * (length or 1), **headers)
    fits = start == 0 and (length is None or length == end + 1)
    assert reply.status == (202 if fits else 416 if start else 400)
    if not fits:
        assert ask(api, "GET", session).headers["Range"] == "0-0"


def test_a_reply_knows_its_size(tmp_path: Path) -> None:
    """Whether its body is here or in a file."""
    path = tmp_path / "blob"
    path.write_bytes(DATA)
    assert Reply(body=DATA).size == 100
    assert Reply(body=Part(open=lambda: path.open("rb"), start=10, size=20)).size == 20


def test_the_end_forgets_uploads(tmp_path: Path) -> None:
    """Their files, too."""
    shelves = Shelves(tmp_path)
    api = Api(found=shelves.get, made=shelves.made)
    ask(api, "PATCH", ask(api, "POST", UPLOADS).headers["Location"], DATA)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    api.uploads.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tag", ["-a", "a b", "a" * 129])
def test_a_tag_that_is_none(api: Api, tag: str) -> None:
    """Is refused by its code."""
    reply = ask(api, "PUT", f"/v2/a/manifests/{tag.replace(' ', '%20')}", b"{}")
    assert (reply.status, b"TAG_INVALID" in body_of(reply)) == (400, True)
