"""Tar archives as streams: a writer that depends on its entries alone, a reader that believes nothing.

Written are ustar headers with a PAX header in front where one is needed; never a global PAX header, which
Windows' importer takes for a file. Read are ustar, PAX and GNU long names, within bounds and without
touching a disk. Sources: POSIX.1-2017 `pax`, "ustar Interchange Format" and "pax Interchange Format"; GNU
tar manual, "Basic Tar Format".
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol

BLOCK: Final = 512
CHUNK: Final = 1024 * 1024
"""Bytes of a file that are held at once."""

FILE: Final = b"0"
HARDLINK: Final = b"1"
SYMLINK: Final = b"2"
CHARACTER_DEVICE: Final = b"3"
BLOCK_DEVICE: Final = b"4"
DIRECTORY: Final = b"5"
FIFO: Final = b"6"
PAX: Final = b"x"
GLOBAL_PAX: Final = b"g"
_GNU_NAME: Final = b"L"
_GNU_LINK: Final = b"K"
_EXTENSIONS: Final = frozenset({PAX, _GNU_NAME, _GNU_LINK})
_HEADER_ONLY: Final = frozenset({HARDLINK, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE, DIRECTORY, FIFO})
"""What has no content whatever its size says, as in Go, whose reader runtimes use."""

_PAX_NAME: Final = "././@PaxHeader"
_MOST_OCTAL_SIZE: Final = 0o77777777777
_MOST_OCTAL_ID: Final = 0o7777777
_MOST_PAX: Final = 1024 * 1024
_MOST_ENTRIES: Final = 1_000_000
_READ_AHEAD: Final = 64 * 1024
_END: Final = bytes(2 * BLOCK)
_CUT_OFF: Final = "the archive ends in the middle of an entry"


class TarError(ValueError):
    """The stream is not a tar archive that can be read, or an entry cannot be written."""


class Source(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TarEntry:
    """One entry as an archive holds it.

    `name` and `link` are as written there. `pax` holds the records of the entry's own PAX header, without
    those that only carry a name or size too long for ustar. `open` gives the content of a file that is to
    be written.
    """

    name: str
    kind: bytes = FILE
    size: int = 0
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    link: str = ""
    pax: Mapping[str, str] = field(default_factory=dict, hash=False)
    open: Callable[[], BinaryIO] | None = field(default=None, compare=False)


def write_tar(entries: Iterable[TarEntry]) -> Iterator[bytes]:
    """The archive, piece by piece, no piece larger than CHUNK.

    Ends with two empty blocks, like BuildKit and Go, and unlike GNU tar without filling up to 10 KiB.
    Raises TarError when a file is not as long as its entry says.
    """
    for entry in entries:
        yield _headers(entry)
        if entry.kind == FILE and (entry.size or entry.open is not None):
            yield from _content(entry)
    yield _END


def _content(entry: TarEntry) -> Iterator[bytes]:
    if entry.open is None:
        raise TarError(f"{entry.name} has {entry.size} bytes and no content to read them from")
    left = entry.size
    with entry.open() as file:
        while left:
            data = file.read(min(left, CHUNK))
            if not data:
                raise TarError(f"{entry.name} became {left} bytes shorter while it was read: build again")
            left -= len(data)
            yield data
        if file.read(1):
            raise TarError(f"{entry.name} became longer while it was read: build again")
    yield bytes(-entry.size % BLOCK)


def _headers(entry: TarEntry) -> bytes:
    name, link, size = entry.name, entry.link, entry.size
    pax = dict(entry.pax)
    fitting, prefix = _split(name)
    if fitting is None:
        pax["path"] = name
        fitting, prefix = name.encode("ascii", "replace")[:100], b""
    target = link.encode("utf-8", "surrogateescape")
    if len(target) > 100 or not link.isascii():
        pax["linkpath"] = link
        target = link.encode("ascii", "replace")[:100]
    if size > _MOST_OCTAL_SIZE:
        pax["size"] = str(size)
        size = 0
    for key, number in (("uid", entry.uid), ("gid", entry.gid)):
        if number > _MOST_OCTAL_ID:
            pax[key] = str(number)
    header = _header(entry, fitting, prefix, target, size)
    return (_pax(pax) + header) if pax else header


def _split(name: str) -> tuple[bytes | None, bytes]:
    """The name as ustar's two fields; None where it does not fit or is not ASCII."""
    if not name.isascii():
        return None, b""
    raw = name.encode("ascii")
    if len(raw) <= 100:
        return raw, b""
    cut = raw.rfind(b"/", len(raw) - 101, 156)
    if 0 < cut <= 155 and 0 < len(raw) - cut - 1 <= 100:
        return raw[cut + 1 :], raw[:cut]
    return None, b""


def _header(entry: TarEntry, name: bytes, prefix: bytes, link: bytes, size: int) -> bytes:
    block = bytearray(BLOCK)

    def put(offset: int, data: bytes) -> None:
        block[offset : offset + len(data)] = data

    put(0, name)
    put(100, b"%07o\0" % (entry.mode & 0o7777))
    put(108, b"%07o\0" % min(entry.uid, _MOST_OCTAL_ID))
    put(116, b"%07o\0" % min(entry.gid, _MOST_OCTAL_ID))
    put(124, b"%011o\0" % size)
    put(136, b"%011o\0" % entry.mtime)
    put(148, b" " * 8)
    put(156, entry.kind)
    put(157, link)
    put(257, b"ustar\00000")
    put(329, b"0000000\0" * 2)
    put(345, prefix)
    put(148, b"%06o\0 " % sum(block))
    return bytes(block)


def _pax(records: Mapping[str, str]) -> bytes:
    body = b"".join(_record(key, records[key]) for key in sorted(records))
    header = TarEntry(name=_PAX_NAME, kind=PAX, size=len(body))
    return _header(header, _PAX_NAME.encode(), b"", b"", len(body)) + body + bytes(-len(body) % BLOCK)


def _record(key: str, value: str) -> bytes:
    """A record: its length (which counts its own digits), a space, `key=value` and a line end."""
    rest = f" {key}={value}\n".encode("utf-8", "surrogateescape")
    length = len(rest) + len(str(len(rest)))
    if len(str(length)) != len(str(len(rest))):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def read_tar(stream: Source) -> Iterator[tuple[TarEntry, BinaryIO]]:
    """Every entry with a reader of its content; the reader ends where the next entry is asked for.

    Global PAX headers come as entries, since what they do depends on the reader. An archive without the
    empty blocks at its end is accepted (umoci writes such); raises TarError for anything else.
    """
    reader = _Exact(stream)
    pending: dict[str, str] = {}
    count = 0
    while (block := reader.block()) is not None and any(block):
        count += 1
        if count > _MOST_ENTRIES:
            raise TarError(f"the archive has more than {_MOST_ENTRIES} entries")
        extends = block[156:157] in _EXTENSIONS
        entry = _parse(block, {} if extends else pending)
        if extends:
            pending |= _extension(entry, reader)
            continue
        pending = {}
        body = _Body(reader, 0 if entry.kind in _HEADER_ONLY else entry.size)
        yield entry, io.BufferedReader(body, _READ_AHEAD)
        body.skip()
        reader.skip(-body.size % BLOCK)
    if pending:
        raise TarError(_CUT_OFF)


class _Exact:
    """Reads whole pieces of a stream and says so when it ends in the middle of one."""

    def __init__(self, stream: Source) -> None:
        self._stream = stream

    def block(self) -> bytes | None:
        data = self._fill(BLOCK)
        if data and len(data) != BLOCK:
            raise TarError("the archive ends in the middle of a header")
        return data or None

    def read(self, size: int) -> bytes:
        data = self._fill(size)
        if len(data) != size:
            raise TarError(_CUT_OFF)
        return data

    def some(self, size: int) -> bytes:
        data = self._stream.read(size)
        if not data:
            raise TarError(_CUT_OFF)
        return data

    def skip(self, size: int) -> None:
        while size:
            size -= len(self.some(min(size, CHUNK)))

    def _fill(self, size: int) -> bytes:
        data = self._stream.read(size)
        while 0 < len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        return data


class _Body(io.RawIOBase):
    """The content of one entry."""

    def __init__(self, reader: _Exact, size: int) -> None:
        self.size = size
        self._left = size
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override] # a narrower buffer
        if not self._left:
            return 0
        data = self._reader.some(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def skip(self) -> None:
        self._reader.skip(self._left)
        self._left = 0


def _parse(block: bytes, pending: Mapping[str, str]) -> TarEntry:
    stored = _number(block[148:156], "checksum")
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    if stored != unsigned:
        raise TarError("the archive has a header with a wrong checksum: it is damaged, or it is not a tar")
    kind = block[156:157]
    name = _text(block[:100])
    if block[257:262] == b"ustar" and block[262:263] == b"\0" and (prefix := _text(block[345:500])):
        name = f"{prefix}/{name}"
    # An empty record leaves the header's own field, as in Go: else a name could hide behind one.
    size = _decimal(pending["size"]) if pending.get("size") else _number(block[124:136], "size")
    return TarEntry(
        name=pending.get("path") or name,
        kind=FILE if kind in {b"\0", b"7"} else kind,
        size=size,
        mode=_number(block[100:108], "mode"),
        uid=_number(block[108:116], "owner"),
        gid=_number(block[116:124], "group"),
        mtime=_number(block[136:148], "time"),
        link=pending.get("linkpath") or _text(block[157:257]),
        pax={key: value for key, value in pending.items() if key not in {"path", "linkpath", "size"}},
    )


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(raw: bytes, what: str) -> int:
    """An octal field, or GNU's binary form for what does not fit in octal."""
    if raw[0] & 0x80:
        value = int.from_bytes(bytes((raw[0] & 0x7F,)) + raw[1:], "big")
    else:
        text = raw.partition(b"\0")[0].strip() or b"0"
        try:
            value = int(text, 8)
        except ValueError as error:
            raise TarError(f"the archive has a header whose {what} is not a number") from error
    if not 0 <= value < 1 << 63:
        raise TarError(f"the archive has a header with the impossible {what} {value}")
    return value


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise TarError("the archive has a PAX header whose size is not a number")
    return int(text)


def _extension(entry: TarEntry, reader: _Exact) -> dict[str, str]:
    """What a PAX header or GNU's long name says about the entry behind it."""
    if entry.size > _MOST_PAX:
        raise TarError(f"the archive has a PAX header of {entry.size} bytes, at most {_MOST_PAX} are read")
    data = reader.read(entry.size)
    reader.skip(-entry.size % BLOCK)
    if entry.kind == PAX:
        return dict(_records(data))
    key = "path" if entry.kind == _GNU_NAME else "linkpath"
    return {key: _text(data)}


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    while data:
        digits, space, _ = data[:12].partition(b" ")
        if not space or not digits.isdigit() or not len(digits) < int(digits) <= len(data):
            raise TarError("the archive has a damaged PAX header")
        record, data = data[: int(digits)], data[int(digits) :]
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if not equals or record[-1:] != b"\n":
            raise TarError("the archive has a damaged PAX header")
        yield key.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")
