"""The rules that the Windows importer holds a layer to, as findings about any layer, ours or another's.

R1 to R12 are numbered as in docs/reference/check.md. The importer cleans most names as Go does, so that
`./Files/a` is `Files/a` to it, and NTFS has no case; where it compares to the letter all the same there are
findings. Sources: microsoft/hcsshim:internal/wclayer/legacy.go, internal/wclayer/importlayer.go,
internal/safefile/safeopen.go; microsoft/go-winio:backuptar/tar.go.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
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
_ROOTS: Final = {root.casefold(): root for root in (FILES, HIVES, UTILITY_VM)}
_KNOWN_ROOTS: Final = frozenset({*_ROOTS, "tombstones.txt"})
_OPAQUE: Final = ".wh..wh..opq"
_KNOWN_TYPES: Final = frozenset({FILE, HARDLINK, SYMLINK, DIRECTORY})
_SPECIAL: Final = {CHARACTER_DEVICE: "a character device", BLOCK_DEVICE: "a block device", FIFO: "a pipe"}
_DIRECTORY: Final = 0x10
_DIRECTORY_LINK: Final = 0x410
_RECORDS: Final = "MSWINDOWS."
# As go-winio reads them: a number of 32 bits; seconds of 64 bits with a fraction.
_ATTRIBUTES: Final = re.compile(r"0*[0-9]{1,10}", re.ASCII)
_DRIVE_C: Final = re.compile(r"(?://\?/)?c:/?|/(?!/)", re.IGNORECASE)
_TIME: Final = re.compile(r"[+-]?0*[0-9]{1,18}(?:\.[0-9]*)?", re.ASCII)


@dataclass(slots=True)
class _Layer:
    """What has been seen of the layer so far; paths by their form without case."""

    is_base: bool
    seen: dict[str, TarEntry] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    links: list[TarEntry] = field(default_factory=list)


def is_windows_layer(entries: Iterable[TarEntry]) -> bool:
    """Whether a layer is for Windows: whether anything lies in one of Windows' roots, however written.

    A root in another case counts where the layer has no other roots or has Windows' records: on Linux
    `files` may be any directory.
    """
    roots, records = set(), False
    for entry in entries:
        if entry.kind == GLOBAL_PAX:
            continue
        root = next((part for part in re.split(r"[/\\]", entry.name) if part not in {"", "."}), "")
        if root in _ROOTS.values():
            return True
        roots.add(root.casefold())
        records = records or any(key.startswith(_RECORDS) for key in entry.pax)
    return bool(roots & _ROOTS.keys()) and (records or roots <= {"", *_ROOTS})


def lint_windows_layer(entries: Iterable[TarEntry], *, is_base: bool = False) -> Iterator[Diagnostic]:
    """Every way in which the layer breaks a rule, entry by entry in the layer's order.

    `is_base` is for the lowest layer of an image, which may not delete anything.
    """
    layer = _Layer(is_base)
    for written in entries:
        yield from _dots(written)
        entry = _cleaned(written)
        if not entry.name and written.name:
            continue
        for rule in _RULES:
            yield from rule(entry, layer)
        name = entry.name.rstrip("/")
        layer.seen.setdefault(name.casefold(), entry)
        layer.exact.add(name)
        if entry.kind == SYMLINK:
            layer.links.append(entry)
    yield from _known_targets(layer)
    yield from _roots(layer)


def _cleaned(entry: TarEntry) -> TarEntry:
    """The entry with its name as the importer cleans it, and a hard link's target."""
    if entry.kind == GLOBAL_PAX:
        return entry
    link = _undotted(entry.link) if entry.kind == HARDLINK else entry.link
    name = _undotted(entry.name)
    return entry if (name, link) == (entry.name, entry.link) else replace(entry, name=name, link=link)


def _undotted(name: str) -> str:
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return "" if name == "." else name


def _dots(entry: TarEntry) -> Iterator[Diagnostic]:
    """Names that begin with ./ where the importer does not clean them first."""
    name = _undotted(entry.name)
    if entry.kind == GLOBAL_PAX or name == entry.name:
        return
    if not name:
        text = "it is the layer's root itself, which the importer cannot make again"
        yield _finding(entry, "R3-dot", text, "name the roots, as in tar -cf layer.tar Files Hives")
    elif entry.kind == HARDLINK or name.rstrip("/") == UTILITY_VM:
        text = "its name begins with ./, and the importer compares this one to the letter"
        yield _finding(entry, "R3-dot", text, "write it without ./ in front")


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
    if escape := _escape("name", name):
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


def _escape(what: str, path: str) -> str | None:
    if path[1:2] == ":":
        return f"its {what} begins with a drive letter"
    if "\\" in path:
        return f"it has a backslash in its {what}, which Windows takes for a separator"
    if path.startswith("/"):
        return f"its {what} begins with a slash"
    if ".." in path.split("/"):
        return f"it has a .. in its {what} and leaves the layer"
    if "//" in path or "." in path.rstrip("/").split("/"):
        return f"its {what} has an empty part or a single dot"
    return None


def _hard_links(entry: TarEntry, layer: _Layer) -> Iterator[Diagnostic]:
    if entry.kind != HARDLINK:
        return
    hint = "hard links name full paths of the layer"
    if fault := _outside("name", entry.name):
        yield _finding(entry, "R4-hard-link", fault, hint)
    if not entry.link:
        yield _finding(entry, "R4-hard-link", "it has no target", hint)
    elif escape := _escape("target", entry.link):
        yield _finding(entry, "R4-hard-link", f"{escape}: {quoted(entry.link)}", hint)
    elif fault := _outside("target", entry.link):
        yield _finding(entry, "R4-hard-link", fault, hint)
    else:
        yield from _hard_link_target(entry, layer)


def _outside(what: str, path: str) -> str | None:
    if path.startswith((f"{FILES}/", f"{_UTILITY_FILES}/")):
        return None
    text = f"its {what} {quoted(path)} does not begin with Files/"
    folded = path.casefold()
    if folded.startswith((f"{FILES.casefold()}/", f"{_UTILITY_FILES.casefold()}/")):
        text += " to the letter, as the importer has it"
    return text


def _hard_link_target(entry: TarEntry, layer: _Layer) -> Iterator[Diagnostic]:
    target = entry.link.rstrip("/")
    other = layer.seen.get(target.casefold())
    if other is not None and other.kind == DIRECTORY:
        text = f"its target {quoted(target)} is a directory"
        yield _finding(entry, "R4-hard-link", text, "only files have hard links")
    elif other is not None and target not in layer.exact:
        text = f"its target {quoted(target)} is spelt {quoted(other.name)} in this layer"
        yield _finding(entry, "R4-hard-link", text, "spell it the same, the importer compares to the letter")
    elif other is None and target.startswith(f"{FILES}/"):
        text = f"its target {quoted(target)} does not stand before it in this layer"
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


def _known_targets(layer: _Layer) -> Iterator[Diagnostic]:
    """Links for files whose targets are directories of the layer, wherever these stand in it."""
    for entry in layer.links:
        attributes = _number(entry.pax.get(ATTRIBUTES, ""))
        if attributes is None or attributes & _DIRECTORY:
            continue
        found = layer.seen.get(_resolved(entry).casefold())
        if found is not None and found.kind == DIRECTORY:
            text = f"its target {quoted(entry.link)} is a directory, and its attributes are a file's"
            hint = f"{ATTRIBUTES}={_DIRECTORY_LINK} marks a directory's"
            yield _finding(entry, "R5-attributes", text, hint, "warning")


def _resolved(entry: TarEntry) -> str:
    """The name in the layer that a symbolic link leads to, one that no layer has for another drive."""
    target = entry.link.replace("\\", "/")
    drive = _DRIVE_C.match(target)
    parts = [FILES] if drive else entry.name.rstrip("/").split("/")[:-1]
    for part in target[drive.end() if drive else 0 :].split("/"):
        if part == "..":
            # Above drive C there is nothing, and Windows stays there.
            parts = parts[: max(1, len(parts) - 1)]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _whiteouts(entry: TarEntry, layer: _Layer) -> Iterator[Diagnostic]:
    folder, _, name = entry.name.rstrip("/").rpartition("/")
    if not name.startswith(WHITEOUT_PREFIX):
        return
    if name == _OPAQUE:
        text = "opaque whiteouts do nothing on Windows"
        yield _finding(entry, "R6-opaque", text, "delete the files one by one")
    elif folder != FILES and not folder.startswith(f"{FILES}/"):
        text = "a deleted file lies outside Files/"
        if folder.casefold() == FILES.casefold() or folder.casefold().startswith(f"{FILES.casefold()}/"):
            text += ", which the importer compares to the letter"
        yield _finding(entry, "R6-place", text, "only files can be deleted")
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
    if _number(attributes) is None:
        text = f"its file attributes {quoted(attributes)} are not a number of 32 bits"
        yield _finding(entry, "T4-attributes", text, f"write a decimal number into {ATTRIBUTES}")
    created = entry.pax.get(CREATION_TIME, "0")
    if not _TIME.fullmatch(created):
        text = f"its creation time {quoted(created)} is not a number of seconds"
        yield _finding(entry, "T5-time", text, f"write seconds with up to nine decimals into {CREATION_TIME}")


def _number(attributes: str) -> int | None:
    number = int(attributes.lstrip("0") or "0") if _ATTRIBUTES.fullmatch(attributes) else 1 << 32
    return number if number < 1 << 32 else None


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
    yield from _spelling(layer)
    for name in sorted(names.keys() - _KNOWN_ROOTS):
        first = names[name]
        if first.kind != GLOBAL_PAX and FILES.casefold() in names:
            yield _finding(first, "R8-root", "it lies outside Files/ and Hives/", "move it under Files/")


def _spelling(layer: _Layer) -> Iterator[Diagnostic]:
    """Roots in another case, once each; for files and folders of `Files` it does not matter."""
    told = set()
    for entry in layer.seen.values():
        parts = entry.name.rstrip("/").split("/")
        for place, right in ((0, HIVES), (0, UTILITY_VM), (1, _UTILITY_FILES)):
            root = "/".join(parts[: place + 1])
            if root.casefold() != right.casefold() or parts[place] == right.split("/")[place]:
                continue
            if right not in told and (right != HIVES or len(parts) > 1):
                told.add(right)
                text = f"its root is spelt {root}, and the importer compares {right} to the letter"
                yield _finding(entry, "R8-case", text, f"write {right}")


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
