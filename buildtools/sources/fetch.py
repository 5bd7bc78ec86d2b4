"""Release assets: found by URL, held to a checksum, kept by it, and opened without unpacking anything."""

import fnmatch
import hashlib
import re
import shutil
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, Final, cast
from urllib.parse import urlsplit

from buildtools.errors import BuildError, BuildtoolsError, UnavailableError, VerificationError
from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.documents import canonical_json
from buildtools.pins import AssetPin
from buildtools.settings import Settings
from buildtools.sources.hashes import HashCache
from buildtools.spec.variant import Fetch
from buildtools.stores.addresses import is_loopback
from buildtools.stores.disk import errors_name, locked, remove, replace
from buildtools.stores.redact import Redactor
from buildtools.stores.retry import RETRIED, Clock, Fault, retrying
from buildtools.stores.transport import Answer, Request, Transport

MOST_CHECKSUM: Final = 1024 * 1024
MOST_ASSET: Final = 4 * 1024**3
"""Bytes that an asset, or one file taken out of it, may have."""

_CHUNK: Final = 1024 * 1024
_SHA256: Final = re.compile(r"\b([0-9a-fA-F]{64})\b")
_MOST_MEMBERS: Final = 100_000


class Downloader:
    """Gets assets over HTTP; safe to use from several threads. Close it at the end."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._redact = Redactor()
        self._transport = Transport(
            clock=self._clock, redact=self._redact, plain=is_loopback, ca_bundle=settings.ca_bundle
        )

    def resolve(self, fetch: Fetch) -> AssetPin:
        """The asset's size and checksum as its publisher states them now; raises BuildError."""
        sha256 = fetch.sha256 or self._checksum(fetch)
        return AssetPin(size=self._size(fetch.url), sha256=sha256)

    def download(self, url: str, pin: AssetPin, target: Path) -> None:
        """Write the asset to `target` once all of its bytes fit the pin; raises VerificationError."""
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            with errors_name(target, "written"):
                target.parent.mkdir(parents=True, exist_ok=True)
                self._run(lambda: self._download(url, pin, temporary))
                replace(temporary, target)
        finally:
            remove(temporary)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _run(self, operation: Callable[[], None]) -> None:
        retrying(operation, clock=self._clock)

    def _download(self, url: str, pin: AssetPin, target: Path) -> None:
        digest, size, most = hashlib.sha256(), 0, pin.size or MOST_ASSET
        with self._get(url) as answer, target.open("wb") as file:
            while size <= most and (data := answer.read1(_CHUNK)):
                size += len(data)
                digest.update(data)
                file.write(data)
        if answer.length is not None and size < min(answer.length, most + 1):
            raise Fault(
                UnavailableError(f"{self._shown(url)} broke off after {size} bytes", hint="run it again")
            )
        if size > most or digest.hexdigest() != pin.sha256:
            raise VerificationError(
                f"{self._shown(url)} does not have the sha256 {pin.sha256} that it is pinned to",
                hint="it was replaced: if that is right, run `buildtools pins --update`",
            )

    def _checksum(self, fetch: Fetch) -> str:
        """The sha256 out of the publisher's checksum file: in the asset's line where there are several."""
        text = ""

        def read() -> None:
            nonlocal text
            with self._get(fetch.checksum_url) as answer:
                raw = answer.read(MOST_CHECKSUM)
            if raw is None:
                raise BuildError(f"{self._shown(fetch.checksum_url)} is too large for a checksum file")
            text = raw.decode("utf-8", "replace")

        self._run(read)
        name = urlsplit(fetch.url).path.rpartition("/")[2]
        found = [(match[1].lower(), line) for line in text.splitlines() if (match := _SHA256.search(line))]
        named = [digest for digest, line in found if re.search(rf"(^|[\s/*]){re.escape(name)}\s*$", line)]
        candidates = set(named or [digest for digest, _ in found])
        if len(candidates) != 1:
            what = f"names {name} with different sha256" if named else "has no sha256 in it"
            if found and not named:
                what = f"has several, and none of them names {name}"
            raise BuildError(
                f"{self._shown(fetch.checksum_url)} {what}",
                hint="mend the `checksum` pattern, or write the `sha256` itself",
            )
        return candidates.pop()

    def _size(self, url: str) -> int:
        size = 0

        def ask() -> None:
            nonlocal size
            with self._get(url, method="HEAD") as answer:
                size = answer.length or 0

        self._run(ask)
        return size

    def _get(self, url: str, *, method: str = "GET") -> Answer:
        answer = self._transport.send(
            Request(method=method, url=url, headers={"Accept-Encoding": "identity"})
        )
        if answer.status == 200:
            return answer
        with answer:
            shown = self._shown(url)
            if answer.status in RETRIED:
                error = UnavailableError(
                    f"{answer.host} answered {answer.status} for {shown}", hint="run it again"
                )
                raise Fault(error, tries=RETRIED[answer.status], retry_after=answer.retry_after)
            hint = (
                "check version and URL pattern"
                if answer.status == 404
                else "check that it can be had without log-in"
            )
            raise BuildError(f"{answer.host} answered {answer.status} for {shown}", hint=hint)

    def _shown(self, url: str) -> str:
        return self._redact.foreign(url)


def materialise(
    fetch: Fetch,
    pin: AssetPin,
    *,
    cache: Path,
    download: Callable[[str, AssetPin, Path], None],
    hashes: HashCache,
) -> Path:
    """The fetched asset on this disk: a file, or a folder with the archive's chosen members.

    The asset is kept in `cache` by its checksum and held to it again at each use; `hashes` makes that
    cheap. Raises BuildError, VerificationError.
    """
    store = cache / "fetched"
    asset = store / pin.sha256
    store.mkdir(parents=True, exist_ok=True)
    with locked(store / f"{pin.sha256}.lock"):
        if not _intact(asset, pin, hashes):
            download(fetch.url, pin, asset)
        if not fetch.members:
            return asset
        # The patterns belong to the name: what another definition took out is another folder.
        chosen = digest_of(canonical_json(dict(fetch.members))).partition(":")[2]
        return _members(fetch, asset, store / f"{pin.sha256}.{chosen[:16]}")


def _intact(asset: Path, pin: AssetPin, hashes: HashCache) -> bool:
    """Whether the cached asset still has its bytes; a disk may rot."""
    try:
        return hashes.digest(asset) == Digest(f"sha256:{pin.sha256}")
    except OSError:
        return False


def _members(fetch: Fetch, asset: Path, folder: Path) -> Path:
    """The folder with the chosen members; it appears when all of them are there."""
    if all((folder / name).is_file() for name in fetch.members):
        return folder
    fresh = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        with errors_name(fresh, "written"):
            fresh.mkdir()
        _take_all(fetch, asset, fresh)
        with errors_name(folder, "written"):
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _take_all(fetch: Fetch, asset: Path, folder: Path) -> None:
    """Copy members under names of our own; names in the archive decide about no place on disk."""
    found: dict[str, list[str]] = {name: [] for name in fetch.members}
    with _damaged(fetch), asset.open("rb") as file:
        for path, open_member in _OPENERS[fetch.format](file):
            new = []
            for name, pattern in fetch.members.items():
                if fnmatch.fnmatchcase(path, pattern):
                    found[name].append(path)
                    new += [folder / name] if len(found[name]) == 1 else []
            if new:
                _take(_content(fetch, open_member, path), new)
    for name, paths in found.items():
        if len(paths) != 1:
            how = "nothing" if not paths else f"{len(paths)} files ({', '.join(paths[:3])})"
            raise BuildError(
                f"{fetch.members[name]!r} matches {how} in the archive {fetch.name}",
                hint="write a pattern that one file has",
            )


def _take(content: Iterable[bytes], targets: Sequence[Path]) -> None:
    """Write one member; a second name gets a copy, since a stream can be read once."""
    first, *others = targets
    with errors_name(first, "written"):
        with first.open("wb") as file:
            file.writelines(content)
        for other in others:
            shutil.copyfile(first, other)


def _content(fetch: Fetch, open_member: Callable[[], IO[bytes]], path: str) -> Iterator[bytes]:
    size = 0
    with _damaged(fetch), open_member() as source:
        while data := source.read(_CHUNK):
            size += len(data)
            if size > MOST_ASSET:
                raise BuildError(f"{path} has more than {MOST_ASSET} bytes")
            yield data


@contextmanager
def _damaged(fetch: Fetch) -> Iterator[None]:
    try:
        yield
    except BuildtoolsError:
        raise
    # What the standard library's readers raise for damaged archives is written down nowhere.
    except Exception as error:
        raise BuildError(f"the archive {fetch.name} cannot be read as {fetch.format} ({error})") from error


def _tar_members(file: BinaryIO) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
    # As a stream: nothing is looked for twice, and the archive's own index is not believed.
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for count, member in enumerate(archive):
            if count >= _MOST_MEMBERS:
                raise tarfile.TarError(f"more than {_MOST_MEMBERS} members")
            if member.isreg():
                yield (
                    member.name.removeprefix("./"),
                    partial(_extracted, archive, member),
                )


def _zip_members(file: BinaryIO) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
    with zipfile.ZipFile(file) as archive:
        for count, member in enumerate(archive.infolist()):
            if count >= _MOST_MEMBERS:
                raise zipfile.BadZipFile(f"more than {_MOST_MEMBERS} members")
            if not member.is_dir():
                yield member.filename, partial(archive.open, member)


def _extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    # None is for what is no regular file.
    return cast("IO[bytes]", archive.extractfile(member))


_OPENERS: Final[Mapping[str, Callable[[BinaryIO], Iterator[tuple[str, Callable[[], IO[bytes]]]]]]] = {
    "tar.gz": _tar_members,
    "zip": _zip_members,
}
