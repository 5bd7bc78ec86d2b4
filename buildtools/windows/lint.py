"""The rules that the Windows importer holds a layer to, as findings about any layer, ours or another's.

R1 to R12 are numbered as in docs/reference/check.md. Sources: microsoft/hcsshim:internal/wclayer/legacy.go,
internal/wclayer/importlayer.go, internal/safefile/safeopen.go; microsoft/go-winio:backuptar/tar.go.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from buildtools.errors import Diagnostic, Severity
from buildtools.oci.layer import WHITEOUT_PREFIX
from buildtools.oci.quote import quoted
from buildtools.oci.tar import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DIRECTORY,
    FIFO,
    FILE,
    GLOBAL_PAX,
    HARDLINK,
    SYMLINK,
    TarEntry,
)
from buildtools.windows.layer import ATTRIBUTES, CREATION_TIME, FILES, HIVES, SECURITY
from buildtools.windows.paths import check_length, name_fault
from buildtools.windows.security import SecurityError, from_base64

UTILITY_VM: Final = "UtilityVM"
_UTILITY_FILES: Final = f"{UTILITY_VM}/{FILES}"
_KNOWN_ROOTS: Final = frozenset({FILES.casefold(), HIVES.casefold(), UTILITY_VM.casefold(), "tombstones.txt"})
_OPAQUE: Final = ".wh..wh..opq"
_KNOWN_TYPES: Final = frozenset({FILE, HARDLINK, SYMLINK, DIRECTORY})
_SPECIAL: Final = {CHARACTER_DEVICE: "a character device", BLOCK_DEVICE: "a block device", FIFO: "a pipe"}
_DIRECTORY_LINK: Final = 0x410
# As go-winio reads them: a number of 32 bits; seconds of 64 bits with a fraction.
_ATTRIBUTES: Final = re.compile(r"0*[0-9]{1,10}", re.ASCII)
_TIME: Final = re.compile(r"[+-]?0*[0-9]{1,18}(?:\.[0-9]*)?", re.ASCII)


@dataclass(slots=True)
class _Layer:
    """What has been seen of the layer so far; paths by their form without case."""

    is_base: bool
    seen: dict[str, TarEntry] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)


def lint_windows_layer(entries: Iterable[TarEntry], *, is_base: bool = False) -> Iterator[Diagnostic]:
    """Every way in which the layer breaks a rule, entry by entry in the layer's order.

    `is_base` is for the lowest layer of an image, which may not delete anything.
    """
    layer = _Layer(is_base)
    for entry in entries:
        for rule in _RULES:
            yield from rule(entry, layer)
        name = entry.name.rstrip("/")
        layer.seen.setdefault(name.casefold(), entry)
        layer.exact.add(name)
    yield from _roots(layer)


def _finding(entry: TarEntry, code: str, message: str, hint: str, severity: Severity = "error") -> Diagnostic:
    return Diagnostic(code=code, message=message, hint=hint, path=entry.name, severity=severity)


def _parents(entry: TarEntry, layer: _Layer) -> Iterator[Diagnostic]:
    parent = entry.name.rstrip("/").rpartition("/")[0]
    if entry.kind == GLOBAL_PAX or not parent:
        return
    found = layer.seen.get(parent.casefold())
    if found is None:
        text = f"its parent {parent} does not stand before it in the layer"
        yield _finding(entry, "R1-parent", text, "add every parent directory, parents first")
    elif found.kind == SYMLINK:
        text = f"it lies in {parent}, which is a link in the same layer"
        yield _finding(entry, "R5-inside-link", text, "put it where the link points")
    elif found.kind != DIRECTORY:
        yield _finding(entry, "R1-parent", f"its parent {parent} is not a directory", "rename one of them")


def _duplicates(entry: TarEntry, layer: _Layer) -> Iterator[Diagnostic]:
    name = entry.name.rstrip("/")
    other = layer.seen.get(name.casefold())
    if other is None or entry.kind == GLOBAL_PAX:
        return
    if other.name.rstrip("/") == name:
        text = "it stands in the layer twice"
    else:
        text = f"it differs from {other.name} in case only, which NTFS takes for the same path"
    yield _finding(entry, "R2-duplicate", text, "leave one of them out")


def _names(entry: TarEntry, _: _Layer) -> Iterator[Diagnostic]:
    name = entry.name
    if entry.kind == GLOBAL_PAX:
        return
    if escape := _escape(name):
        yield _finding(entry, "R3-path", escape, "write the path relative to the layer, with / between names")
        return
    for part in name.rstrip("/").split("/"):
        code, fault = name_fault(part.removeprefix(WHITEOUT_PREFIX) or part)
        if fault and ":" in part:
            fault += "; an alternate data stream cannot travel in a layer"
        if fault:
            yield _finding(entry, code, fault, "rename it or leave it out")
    if too_long := check_length(name.rstrip("/")):
        yield _finding(entry, "R9-length", too_long, "shorten it")


def _escape(name: str) -> str | None:
    if "\\" in name:
        return "it has a backslash in its name, which Windows takes for a separator"
    if name.startswith("/"):
        return "its name begins with a slash"
    if ".." in name.split("/"):
        return "it has a .. in its name and leaves the layer"
    if "//" in name or "." in name.rstrip("/").split("/"):
        return "its name has an empty part or a single dot"
    if name[1:2] == ":":
        return "its name begins with a drive letter"
    return None


def _hard_links(entry: TarEntry, layer: _Layer) -> Iterator[Diagnostic]:
    if entry.kind != HARDLINK:
        return
    for what, path in (("its name", entry.name), ("its target", entry.link)):
        if not path.startswith((f"{FILES}/", f"{_UTILITY_FILES}/")):
            text = f"{what} {quoted(path)} does not begin with Files/"
            yield _finding(entry, "R4-hard-link", text, "hard links name full paths of the layer")
    if entry.link.startswith(f"{FILES}/") and entry.link not in layer.exact:
        text = f"its target {entry.link} does not stand before it in this layer"
        yield _finding(
            entry, "R4-target", text, "it must then be in a layer below, spelt the same", "warning"
        )


def _symlinks(entry: TarEntry, _: _Layer) -> Iterator[Diagnostic]:
    if entry.kind != SYMLINK:
        return
    if entry.link.startswith((f"{FILES}/", f"{FILES}\\")):
        text = f"its target {quoted(entry.link)} begins with Files/, which no path in a container does"
        yield _finding(entry, "R5-prefixed", text, "write the target as Windows is to read it")
    elif entry.link.startswith("/"):
        text = f"its target {quoted(entry.link)} is absolute on Linux only"
        yield _finding(entry, "R5-absolute", text, "write it relative, or as C:\\...")


def _directory_links(entry: TarEntry, _: _Layer) -> Iterator[Diagnostic]:
    attributes = entry.pax.get(ATTRIBUTES, "")
    if entry.kind == SYMLINK and not attributes:
        text = "it has no file attributes, so Windows takes it for a link to a file"
        yield _finding(
            entry, "R5-attributes", text, f"{ATTRIBUTES}={_DIRECTORY_LINK} marks a directory's", "warning"
        )


def _whiteouts(entry: TarEntry, layer: _Layer) -> Iterator[Diagnostic]:
    folder, _, name = entry.name.rstrip("/").rpartition("/")
    if not name.startswith(WHITEOUT_PREFIX):
        return
    if name == _OPAQUE:
        text = "opaque whiteouts do nothing on Windows"
        yield _finding(entry, "R6-opaque", text, "delete the files one by one")
    elif folder != FILES and not folder.startswith(f"{FILES}/"):
        yield _finding(entry, "R6-place", "a deleted file lies outside Files/", "only files can be deleted")
    if layer.is_base:
        yield _finding(entry, "R6-base", "the lowest layer deletes a file", "leave the file out instead")


def _root_names(entry: TarEntry, _: _Layer) -> Iterator[Diagnostic]:
    if entry.name in {f"{UTILITY_VM}/", f"{_UTILITY_FILES}/"}:
        text = "its name ends in a slash, and the importer compares this one to the letter"
        yield _finding(entry, "R12-slash", text, "write it without")
    if entry.name.casefold() in {"tombstones.txt", f"{FILES.casefold()}/tombstones.txt"}:
        text = "the importer keeps its own file of this name"
        yield _finding(entry, "R11-internal", text, "rename it")


def _types(entry: TarEntry, _: _Layer) -> Iterator[Diagnostic]:
    if entry.kind == GLOBAL_PAX:
        text = "a global PAX header becomes a file named pax_global_header on Windows"
        yield _finding(entry, "T1-global", text, "write the archive without one (git archive adds it)")
    elif entry.kind not in _KNOWN_TYPES:
        what = _SPECIAL.get(entry.kind, f"of tar type {entry.kind.decode('ascii', 'replace')!r}")
        yield _finding(entry, "T2-type", f"it is {what}, which Windows has not", "leave it out")


def _records(entry: TarEntry, _: _Layer) -> Iterator[Diagnostic]:
    descriptor = entry.pax.get(SECURITY)
    if descriptor is not None:
        try:
            from_base64(descriptor)
        except SecurityError as error:
            yield _finding(entry, "T3-security", str(error), f"write a self-relative one into {SECURITY}")
    attributes = entry.pax.get(ATTRIBUTES, "0")
    if not _ATTRIBUTES.fullmatch(attributes) or int(attributes.lstrip("0") or "0") >= 1 << 32:
        text = f"its file attributes {quoted(attributes)} are not a number of 32 bits"
        yield _finding(entry, "T4-attributes", text, f"write a decimal number into {ATTRIBUTES}")
    created = entry.pax.get(CREATION_TIME, "0")
    if not _TIME.fullmatch(created):
        text = f"its creation time {quoted(created)} is not a number of seconds"
        yield _finding(entry, "T5-time", text, f"write seconds with up to nine decimals into {CREATION_TIME}")


def _roots(layer: _Layer) -> Iterator[Diagnostic]:
    names: dict[str, TarEntry] = {}
    for path, entry in layer.seen.items():
        names.setdefault(path.partition("/")[0], entry)
    if FILES.casefold() not in names:
        text = "the layer has no Files directory: it is a layer for Linux"
        hint = "put what is on drive C under Files/; some builders forget to (COPY --link)"
        yield Diagnostic(code="R8-files", message=text, hint=hint)
    if HIVES.casefold() not in names and not layer.is_base:
        text = "the layer has no Hives directory, which the classic importer asks for"
        yield Diagnostic(code="R8-hives", message=text, hint="add an empty one")
    for name in sorted(names.keys() - _KNOWN_ROOTS):
        first = names[name]
        if first.kind != GLOBAL_PAX and FILES.casefold() in names:
            yield _finding(first, "R8-root", "it lies outside Files/ and Hives/", "move it under Files/")


_RULES: Final[tuple[Callable[[TarEntry, _Layer], Iterator[Diagnostic]], ...]] = (
    _types,
    _names,
    _parents,
    _duplicates,
    _hard_links,
    _symlinks,
    _directory_links,
    _whiteouts,
    _root_names,
    _records,
)
