"""From a variant's file rules to the entries of its layer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from buildtools.errors import BuildError, ConfigurationError
from buildtools.linux import elf
from buildtools.oci.layer import LINUX, Entry, Kind, LayerFormat
from buildtools.sources.observe import located
from buildtools.sources.tree import SourceError, find
from buildtools.spec.variant import FileRule, Variant
from buildtools.windows.layer import WINDOWS
from buildtools.windows.security import descriptor_for

LAYER_FORMATS: Final[Mapping[str, LayerFormat]] = {"linux": LINUX, "windows": WINDOWS}
"""How an operating system's layers hold entries."""

_PROGRAM_MAGICS: Final = (elf.MAGIC, b"#!")
_PROGRAM: Final = 0o755
_DEFAULT_ACL: Final = "users-rx"
_DRIVE: Final = re.compile(r"^[Cc]:/?")


def entries(
    variant: Variant,
    *,
    root: Path,
    out: Path | None = None,
    fetched: Mapping[str, Path] | None = None,
    rules: Sequence[FileRule] | None = None,
) -> list[Entry]:
    """The variant's entries: files by content, directories and links.

    Raises ConfigurationError for a rule that matches nothing, else BuildError.

    `root` is the image's folder, `out` the product of its build commands, `fetched` its assets by name;
    `rules` are the ones to follow, all of the variant's where nothing is said.
    """
    made: list[Entry] = []
    for rule in variant.files if rules is None else rules:
        place, source = _located(rule, root, out, fetched or {})
        try:
            made.extend(_ENTRIES[rule.kind](rule, variant, place, source))
        except SourceError as error:
            raise ConfigurationError(located(variant, error, rule.line, rule.column)) from error
    return [*with_link_kinds(made)]


def _located(rule: FileRule, root: Path, out: Path | None, fetched: Mapping[str, Path]) -> tuple[Path, str]:
    """The folder that the source lies in, and the source relative to it; empty for a whole asset."""
    if rule.origin == "fetch":
        name, _, member = rule.source.partition("/")
        return fetched[name], member
    if rule.origin == "project":
        return root, rule.source
    if out is None:
        raise BuildError(f"{rule.destination} comes out of {{out}}, and nothing was built")
    return out, rule.source


def _copies(rule: FileRule, variant: Variant, place: Path, source: str) -> Iterator[Entry]:
    """One entry a file; below the destination when the rule names a folder or a glob."""
    if not source:
        yield _file(place, _single(rule, rule.source), rule, variant)
        return
    found = find(place, (source,), rule.exclude)
    folders, is_glob = set[str](), bool(set(source) & set("*?["))
    if not found:
        raise SourceError(f"everything that {rule.source!r} matches is left out by `exclude`")
    if (place / source).is_file():
        yield _file(found[0].path, _single(rule, found[0].name), rule, variant)
        return
    fixed = _fixed_parts(source)
    for item in found:
        below = item.name.split("/")[fixed:]
        # A glob names what is in a folder, not the folder itself.
        folders |= {"/".join(below[:depth]) for depth in range(is_glob, len(below))}
        yield _file(item.path, _joined(rule.destination, "/".join(below)), rule, variant)
    if rule.uid or rule.gid or rule.acl != _DEFAULT_ACL:
        # Whoever may write the files is to write into their folders, too; others are made as they are needed.
        for folder in sorted(folders):
            if path := _joined(rule.destination, folder).strip("/"):
                yield from _directory(replace(rule, destination=path, mode=None), variant, place, source)


def _single(rule: FileRule, name: str) -> str:
    return _joined(rule.destination, name.rpartition("/")[2]) if rule.into_folder else rule.destination


def _fixed_parts(source: str) -> int:
    """How many names of a folder or glob are fixed; what follows them keeps its tree in the image."""
    parts = [part for part in source.split("/") if part not in {"", "."}]
    return next((number for number, part in enumerate(parts) if set(part) & set("*?[")), len(parts))


def _joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder.strip("/") else name


def _file(path: Path, destination: str, rule: FileRule, variant: Variant) -> Entry:
    def opened() -> BinaryIO:
        return path.open("rb")

    mode = rule.mode
    if mode is None:
        # By content, never by the checkout's own mode: Windows has none, and machines must agree.
        with path.open("rb") as file:
            mode = _PROGRAM if file.read(4).startswith(_PROGRAM_MAGICS) else 0o644
    return Entry(
        path=destination,
        size=path.stat().st_size,
        open=opened,
        mode=mode,
        uid=rule.uid,
        gid=rule.gid,
        security=_security(rule, variant, directory=False),
        origin=path.as_posix(),
    )


def _directory(rule: FileRule, variant: Variant, _: Path, __: str) -> Iterator[Entry]:
    yield Entry(
        path=rule.destination,
        kind=Kind.DIRECTORY,
        mode=_PROGRAM if rule.mode is None else rule.mode,
        uid=rule.uid,
        gid=rule.gid,
        security=_security(rule, variant, directory=True),
    )


def _symlink(rule: FileRule, variant: Variant, _: Path, __: str) -> Iterator[Entry]:
    yield Entry(
        path=rule.destination,
        kind=Kind.SYMLINK,
        target=rule.target,
        uid=rule.uid,
        gid=rule.gid,
        security=_security(rule, variant, directory=False),
    )


def with_link_kinds(made: Sequence[Entry]) -> Iterator[Entry]:
    """The entries, of which each link says whether it leads to a directory: Windows wants to know before."""
    paths = [entry.path for entry in made if entry.kind is not Kind.DIRECTORY]
    folders = {entry.path.casefold() for entry in made if entry.kind is Kind.DIRECTORY}
    folders |= {parent.casefold() for path in paths for parent in _parents(path)}
    for entry in made:
        if entry.kind is Kind.SYMLINK:
            target = _led_to(entry)
            leads = target in folders or entry.target.endswith(("/", "\\"))
            yield replace(entry, target_is_directory=leads)
        else:
            yield entry


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _led_to(link: Entry) -> str:
    """The path in the image that a link names, without case: only Windows asks."""
    target = _DRIVE.sub("/", link.target.replace("\\", "/"))
    folder = "" if target.startswith("/") else link.path.rpartition("/")[0]
    return _normal(f"{folder}/{target}").casefold()


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _security(rule: FileRule, variant: Variant, *, directory: bool) -> bytes:
    return descriptor_for(rule.acl, directory=directory) if variant.platform.os == "windows" else b""


_ENTRIES: Final = {"copy": _copies, "directory": _directory, "symlink": _symlink}
