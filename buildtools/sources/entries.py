"""From a variant's file rules to the entries of its layer."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from buildtools.errors import BuildError, ConfigurationError
from buildtools.linux import elf
from buildtools.oci.layer import Entry, Kind
from buildtools.sources.observe import located
from buildtools.sources.tree import SourceError, find
from buildtools.spec.variant import FileRule, Variant
from buildtools.windows.security import descriptor_for

_PROGRAM_MAGICS: Final = (elf.MAGIC, b"#!")
_PROGRAM: Final = 0o755


def entries(
    variant: Variant, *, root: Path, out: Path | None = None, fetched: Mapping[str, Path] | None = None
) -> list[Entry]:
    """The variant's entries: files by content, directories and links.

    Raises ConfigurationError for a rule that matches nothing, else BuildError.

    `root` is the image's folder, `out` the product of its build commands, `fetched` its assets by name.
    """
    made: list[Entry] = []
    for rule in variant.files:
        place, source = _located(rule, root, out, fetched or {})
        try:
            made.extend(_ENTRIES[rule.kind](rule, variant, place, source))
        except SourceError as error:
            raise ConfigurationError(located(variant, error, rule.line, rule.column)) from error
    return made


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
    if not found:
        raise SourceError(f"everything that {rule.source!r} matches is left out by `exclude`")
    if (place / source).is_file():
        yield _file(found[0].path, _single(rule, found[0].name), rule, variant)
        return
    fixed = _fixed_parts(source)
    for item in found:
        below = "/".join(item.name.split("/")[fixed:])
        yield _file(item.path, _joined(rule.destination, below), rule, variant)


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
    folders = {other.destination for other in variant.files if other.kind == "directory" or other.into_folder}
    base = rule.destination.rpartition("/")[0]
    target = rule.target.replace("\\", "/")
    yield Entry(
        path=rule.destination,
        kind=Kind.SYMLINK,
        target=rule.target,
        uid=rule.uid,
        gid=rule.gid,
        target_is_directory=target.endswith("/") or _normal(f"{base}/{target}") in folders,
        security=_security(rule, variant, directory=False),
    )


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
