# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Downloads of release assets: what is asked, what is believed, and what is tried again."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from buildtools.errors import BuildError, BuildtoolsError, UnavailableError, VerificationError
from buildtools.pins import AssetPin
from buildtools.settings import Settings
from buildtools.sources import fetch as module
from buildtools.sources.fetch import Downloader
from buildtools.spec.variant import Fetch
from buildtools.stores.retry import Fault
from buildtools.stores.transport import Request
from tests.fakes.clock import FakeClock
from tests.fakes.files import FileServer

URL = "https://example.com/v1/tool-1.0.zip"
SUMS = "https://example.com/v1/SHA256SUMS"


def pin(data: bytes, *, size: int | None = None) -> AssetPin:
    """The pin of these bytes."""
    return AssetPin(size=len(data) if size is None else size, sha256=hashlib.sha256(data).hexdigest())


class Page:
    """An answer that was written down: its body comes in these pieces, an exception among them is raised."""

    def __init__(
        self,
        *pieces: bytes | Exception,
        status: int = 200,
        length: int | None = -1,
        after: float | None = None,
    ) -> None:
        self.status, self.host, self.retry_after = status, "example.com", after
        self.length = (
            sum(len(piece) for piece in pieces if isinstance(piece, bytes)) if length == -1 else length
        )
        self._pieces = list(pieces)
        self.closed = False

    def read1(self, size: int) -> bytes:
        """The next piece."""
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        assert len(piece) <= size
        return piece

    def read(self, limit: int) -> bytes | None:
        """All of it, unless it is too long."""
        data = b"".join(iter(lambda: self.read1(limit), b""))
        return data if len(data) <= limit else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


class Web:
    """A downloader whose answers are the given pages, in that order."""

    def __init__(self) -> None:
        self.time = FakeClock()
        self.downloader = Downloader(Settings(), clock=self.time.clock)
        self.pages: list[Page] = []
        self.asked: list[str] = []
        self._open: list[Page] = []
        self.downloader._transport.send = self._send  # type: ignore[method-assign,assignment]

    def _send(self, request: Request) -> Page:
        self.asked.append(f"{request.method} {request.url}")
        assert dict(request.headers) == {"Accept-Encoding": "identity"}
        page = self.pages.pop(0)
        self._open.append(page)
        return page

    def answers(self, *pages: Page) -> Downloader:
        """The downloader, which gets these."""
        self.pages += pages
        return self.downloader

    def done(self) -> None:
        """All pages were asked for, and each was closed."""
        assert not self.pages
        assert all(page.closed for page in self._open)


@pytest.fixture
def web() -> Iterator[Web]:
    """Answers that were written down."""
    made = Web()
    yield made
    made.done()


def test_an_asset_is_written_once_it_is_right(web: Web, tmp_path: Path) -> None:
    """In a folder that is made for it; nothing else is left there."""
    target = tmp_path / "cache" / "asset"
    web.answers(Page(b"one", b"two")).download(URL, pin(b"onetwo"), target)
    assert target.read_bytes() == b"onetwo"
    assert [path.name for path in target.parent.iterdir()] == ["asset"]
    assert web.asked == [f"GET {URL}"]


MIB = bytes(1024 * 1024)


@pytest.mark.parametrize(
    ("pages", "wanted"),
    [
        ([Page(b"other.")], pin(b"onetwo")),
        ([Page(b"onetwo", b"more")], pin(b"onetwo", size=5)),
        ([Page(b"short")], pin(b"onetwo")),
        ([Page(b"", length=None)], pin(b"onetwo")),
        ([Page(b"other", length=None)], pin(b"onetwo", size=0)),
        # What is longer than the pin says is not read to its end, and not taken for a broken connection.
        ([Page(b"onetwothree", length=50_000_000)], pin(b"onetwo")),
        ([Page(MIB, MIB, b"", length=3 * len(MIB))], pin(b"onetwo")),
    ],
)
def test_other_bytes_are_refused(web: Web, tmp_path: Path, pages: list[Page], wanted: AssetPin) -> None:
    """Once and for all: they would be the same at the next try. The old file stays, nothing new is left."""
    target = tmp_path / "asset"
    target.write_bytes(b"old")
    with pytest.raises(VerificationError) as caught:
        web.answers(*pages).download(URL, wanted, target)
    assert str(caught.value) == (
        f"{URL} does not have the sha256 {wanted.sha256} that it is pinned to: "
        "it was replaced: if that is right, run `buildtools pins --update`"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["asset"]
    assert target.read_bytes() == b"old"
    assert web.time.slept == []


def test_no_asset_is_larger_than_all(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the size is not known there is a limit all the same."""
    monkeypatch.setattr(module, "MOST_ASSET", 5)
    with pytest.raises(VerificationError):
        web.answers(Page(b"one", b"two", length=None)).download(URL, pin(b"onetwo", size=0), tmp_path / "x")


def broken() -> Fault:
    """What a connection does that is cut."""
    return Fault(UnavailableError("example.com cut the connection"))


def test_what_broke_off_is_tried_again(web: Web, tmp_path: Path) -> None:
    """From the start, whether the connection says so or the length does."""
    pages = (Page(b"one", broken(), length=6), Page(b"on", length=6), Page(status=503), Page(b"onetwo"))
    web.answers(*pages).download(URL, pin(b"onetwo"), tmp_path / "asset")
    assert (tmp_path / "asset").read_bytes() == b"onetwo"
    assert web.asked == [f"GET {URL}"] * 4
    assert web.time.slept == [0.5, 1.0, 2.0]


def test_what_breaks_off_always_is_said(web: Web, tmp_path: Path) -> None:
    """With how far it came."""
    with pytest.raises(UnavailableError) as caught:
        web.answers(*(Page(b"on", length=6) for _ in range(6))).download(URL, pin(b"onetwo"), tmp_path / "x")
    assert str(caught.value) == f"{URL} broke off after 2 bytes: run it again"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "tries", "kind", "sentence"),
    [
        (404, 1, BuildError, f"example.com answered 404 for {URL}: check version and URL pattern"),
        (403, 1, BuildError, f"example.com answered 403 for {URL}: check that it can be had without log-in"),
        (206, 1, BuildError, f"example.com answered 206 for {URL}: check that it can be had without log-in"),
        (500, 3, UnavailableError, f"example.com answered 500 for {URL}: run it again"),
        (429, 8, UnavailableError, f"example.com answered 429 for {URL}: run it again"),
    ],
)
def test_what_a_server_refuses(
    web: Web, tmp_path: Path, status: int, tries: int, kind: type[BuildtoolsError], sentence: str
) -> None:
    """What may be otherwise in a moment is tried again, the rest is said at once."""
    with pytest.raises(kind) as caught:
        web.answers(*(Page(status=status) for _ in range(tries))).download(URL, pin(b""), tmp_path / "x")
    assert (type(caught.value), str(caught.value)) == (kind, sentence)


def test_a_server_says_when_to_come_back(web: Web, tmp_path: Path) -> None:
    """Retry-After is kept, and half a second of chance is added here."""
    web.answers(Page(status=429, after=7.0), Page(b"x")).download(URL, pin(b"x"), tmp_path / "x")
    assert web.time.slept == [7.5]


def test_a_disk_that_takes_nothing_is_said(web: Web, tmp_path: Path) -> None:
    """Here a file stands where the folder should be."""
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(BuildError) as caught:
        web.answers().download(URL, pin(b"x"), tmp_path / "cache" / "sub" / "asset")
    assert (
        str(caught.value)
        == f"{tmp_path}/cache/sub cannot be written: a file stands where a folder should be: move it away or choose another place"
    )


def test_secrets_of_a_url_stay_out_of_sentences(web: Web, tmp_path: Path) -> None:
    """Signed addresses carry them as parameters."""
    url = "https://bot:hunter2@example.com/tool.zip?X-Amz-Signature=hunter2"
    with pytest.raises(BuildError) as caught:
        web.answers(Page(status=404)).download(url, pin(b"x"), tmp_path / "x")
    assert "hunter2" not in str(caught.value)
    assert "example.com/tool.zip" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("A" * 64, "a" * 64),
        (f"{'a' * 64}\n", "a" * 64),
        (f"{'a' * 64}  another-name.zip\n", "a" * 64),
        (f"{'a' * 64}  tool-1.0.zip\n{'b' * 64}  tool-2.0.zip\n", "a" * 64),
        (f"{'b' * 64}  x-tool-1.0.zip\n{'a' * 64} *tool-1.0.zip\n", "a" * 64),
        (f"{'b' * 64}  tool-1.0.zip.sig\n{'a' * 64}  ./dist/tool-1.0.zip \n", "a" * 64),
        (f"{'b' * 64}  tool-1x0.zip\r\n{'a' * 64}  tool-1.0.zip\r\n", "a" * 64),
        (f"{'a' * 64}  one.zip\n{'a' * 64}  two.zip\n", "a" * 64),
        (f"\xff sums\n{'a' * 64}", "a" * 64),
    ],
)
def test_the_publishers_checksum(web: Web, text: str, digest: str) -> None:
    """Alone in its file, or in the line that names the asset; the size is asked for beside it."""
    pages = (Page(text.encode("latin-1")), Page(b"", length=123))
    fetch = Fetch(name="tool", url=URL + "?x=1", checksum_url=SUMS)
    assert web.answers(*pages).resolve(fetch) == AssetPin(size=123, sha256=digest)
    assert web.asked == [f"GET {SUMS}", f"HEAD {URL}?x=1"]


def test_a_checksum_in_the_definition_is_not_asked_for(web: Web) -> None:
    """Only the size is, 0 where the server does not say."""
    fetch = Fetch(name="tool", url=URL, sha256="c" * 64)
    assert web.answers(Page(length=None)).resolve(fetch) == AssetPin(size=0, sha256="c" * 64)
    assert web.asked == [f"HEAD {URL}"]


MEND = "mend the `checksum` pattern, or write the `sha256` itself"


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (Page(b"<html>"), f"{SUMS} has no sha256 in it: {MEND}"),
        (Page(b"a" * 128), f"{SUMS} has no sha256 in it: {MEND}"),
        (
            Page(b"a" * 64 + b"  x\n" + b"b" * 64 + b"  y\n"),
            f"{SUMS} has several, and none of them names tool-1.0.zip: {MEND}",
        ),
        (
            Page(b"a" * 64 + b"  tool-1.0.zip\n" + b"b" * 64 + b"  tool-1.0.zip\n"),
            f"{SUMS} names tool-1.0.zip with different sha256: {MEND}",
        ),
        (Page(MIB, b"x"), f"{SUMS} is too large for a checksum file"),
        (Page(status=404), f"example.com answered 404 for {SUMS}: check version and URL pattern"),
    ],
)
def test_a_checksum_file_that_does_not_say(web: Web, page: Page, sentence: str) -> None:
    """What is in it instead."""
    with pytest.raises(BuildError) as caught:
        web.answers(page).resolve(Fetch(name="tool", url=URL, checksum_url=SUMS))
    assert str(caught.value) == sentence


def test_a_real_server(tmp_path: Path) -> None:
    """A larger asset over HTTP, cut once, in many pieces; then other bytes that are longer than the pin."""
    data = bytes(range(256)) * 20_000
    with FileServer() as server:
        server.files["/asset"] = data
        server.files["/asset.sha256"] = hashlib.sha256(data).hexdigest().encode()
        server.cut["/asset"] = 1_500_000
        time = FakeClock()
        downloader = Downloader(Settings(), clock=time.clock)
        url = f"{server.url}/asset"
        found = downloader.resolve(Fetch(name="asset", url=url, checksum_url=f"{url}.sha256"))
        downloader.download(url, found, tmp_path / "asset")
        server.files["/asset"] = data * 2
        with pytest.raises(VerificationError):
            downloader.download(url, found, tmp_path / "asset")
        downloader.close()
    assert found == pin(data)
    assert (tmp_path / "asset").read_bytes() == data
    assert time.slept == [0.5]
    assert server.asked == ["GET /asset.sha256", "HEAD /asset", "GET /asset", "GET /asset", "GET /asset"]
