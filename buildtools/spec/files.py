"""What is in a variant: `files` entries resolved for its platform, checked against each other."""

from typing import Final, Literal

from buildtools.spec.document import KeyPath
from buildtools.spec.file_sources import Source, source_for
from buildtools.spec.image_paths import image_path, is_folder
from buildtools.spec.inside import is_glob
from buildtools.spec.model import FileSpec, PerOS
from buildtools.spec.platforms import Problem
from buildtools.spec.scope import Scope, Slot, per_os
from buildtools.spec.variant import Fetch, FileRule
from buildtools.windows.security import SecurityError, descriptor_for

_KINDS: Final = ("from", "directory", "symlink")
_KEYS: Final = {
    "from": {"to", "exclude", "mode", "owner", "acl"},
    "directory": {"mode", "owner", "acl"},
    "symlink": {"target", "owner", "acl"},
}
_ONLY: Final = {"mode": "linux", "owner": "linux", "acl": "windows"}
_LARGEST_ID: Final = 2**32 - 2
_NO_SOURCE: Final = Source("project", "")


def check_files(scope: Scope, slots: tuple[Slot, ...]) -> None:
    """Report what is wrong with entries whatever the platform."""
    systems = {slot.os for slot in slots}
    for position, spec in enumerate(scope.spec.files):
        trail: KeyPath = ("files", position)
        present = [kind for kind in _KINDS if scope.says((*trail, kind))]
        if len(present) != 1:
            said = " and ".join(present) if present else "none of from, directory and symlink"
            scope.report.add("files", trail, f"the entry has {said}", "write exactly one of them")
            continue
        _check_keys(scope, trail, present[0])
        _check_owner(scope, spec, trail)
        _check_acl(scope, spec, trail)
        there = {os for os in systems if per_os(_subject(spec), os, ()) is not None}
        for key, os in _ONLY.items():
            if systems and os not in there and scope.says((*trail, key)):
                message = f"{key} is only for {os.title()}, and this entry is not in any {os.title()} variant"
                scope.report.add("files", (*trail, key), message, "delete it", at_key=True)


def rules_for(scope: Scope, slot: Slot, fetches: tuple[Fetch, ...]) -> tuple[FileRule, ...]:
    """The entries that this variant has, in the order of the definition."""
    rules: list[FileRule] = []
    seen: dict[str, int] = {}
    for position, spec in enumerate(scope.spec.files):
        rule = _rule(scope, slot, spec, ("files", position), fetches)
        if rule is None:
            continue
        rules.append(rule)
        if rule.into_folder:
            continue
        key = rule.destination.casefold() if slot.os == "windows" else rule.destination
        if key in seen:
            message = (
                f"/{rule.destination} is put into {slot.os} images twice: line {seen[key]} does it already"
            )
            scope.report.add("duplicate-file", ("files", position), message, "delete one of the two")
        seen.setdefault(key, rule.line)
    return tuple(rules)


def _check_keys(scope: Scope, trail: KeyPath, kind: str) -> None:
    for key in ("to", "target", "exclude", "mode", "owner", "acl"):
        if key not in _KEYS[kind] and scope.says((*trail, key)):
            scope.report.add(
                "files", (*trail, key), f'"{key}" means nothing beside "{kind}"', "delete it", at_key=True
            )
    needed = {"from": "to", "symlink": "target"}.get(kind)
    if needed and not scope.says((*trail, needed)):
        scope.report.add("files", trail, f'"{kind}" needs "{needed}" beside it', f'add "{needed}"')


def _check_owner(scope: Scope, spec: FileSpec, trail: KeyPath) -> None:
    if any(int(number) > _LARGEST_ID for number in spec.owner.split(":")):
        message = f'"{spec.owner}" holds a number that no Linux user or group has'
        scope.report.add("files", (*trail, "owner"), message, f"write numbers up to {_LARGEST_ID}")


def _check_acl(scope: Scope, spec: FileSpec, trail: KeyPath) -> None:
    try:
        descriptor_for(spec.acl, directory=False)
    except SecurityError as error:
        message, _, hint = str(error).partition(": ")
        scope.report.add("acl", (*trail, "acl"), message, hint)


def _subject(spec: FileSpec) -> PerOS | None:
    return next((kind for kind in (spec.from_, spec.directory, spec.symlink) if kind is not None), None)


def _rule(
    scope: Scope, slot: Slot, spec: FileSpec, trail: KeyPath, fetches: tuple[Fetch, ...]
) -> FileRule | None:
    """The entry for this platform; None where it has none, or none that could be made."""
    if spec.from_ is not None:
        return _copy(scope, slot, spec, trail, fetches)
    kind: Literal["directory", "symlink"] = "symlink" if spec.directory is None else "directory"
    subject = per_os(spec.directory if kind == "directory" else spec.symlink, slot.os, (*trail, kind))
    if subject is None:
        return None
    destination = _destination(scope, slot, *subject)
    if kind == "symlink" and destination == "":
        message = f'"{subject[0]}" is the root of the image, which cannot be a link'
        scope.report.add("files", subject[1], message, "write the path of the link itself")
    target = _target(scope, slot, spec, trail) if kind == "symlink" else ""
    if destination is None or target is None:
        return None
    return _made(scope, spec, trail, kind=kind, destination=destination, target=target)


def _copy(
    scope: Scope, slot: Slot, spec: FileSpec, trail: KeyPath, fetches: tuple[Fetch, ...]
) -> FileRule | None:
    subject = per_os(spec.from_, slot.os, (*trail, "from"))
    if subject is None:
        return None
    goal = per_os(spec.to, slot.os, (*trail, "to"))
    if goal is None:
        if scope.says((*trail, "to")):
            message = f'"to" says nothing about {slot.os}, and "from" does'
            scope.report.add("files", (*trail, "to"), message, f"add {slot.os} to it", at_key=True)
        return None
    source = source_for(scope, slot, *subject, fetches)
    destination = _destination(scope, slot, *goal)
    if source is None or destination is None:
        return None
    into_folder = is_folder(goal[0], slot.os)
    if not into_folder and (is_glob(source.path) or not destination):
        what = f'"{subject[0]}" may be many files' if destination else f'"{goal[0]}" is a folder'
        scope.report.add("files", goal[1], f'{what}, and "to" does not end in a slash', "end it in a slash")
    excluded = tuple(path for path in spec.exclude if path)
    return _made(
        scope,
        spec,
        trail,
        kind="copy",
        destination=destination,
        source=source,
        into_folder=into_folder,
        exclude=excluded,
    )


def _made(
    scope: Scope,
    spec: FileSpec,
    trail: KeyPath,
    *,
    kind: Literal["copy", "directory", "symlink"],
    destination: str,
    source: Source = _NO_SOURCE,
    into_folder: bool = False,
    exclude: tuple[str, ...] = (),
    target: str = "",
) -> FileRule:
    uid, _, gid = spec.owner.partition(":")
    mark = scope.report.document.place((*trail, "from")).value
    return FileRule(
        kind=kind,
        origin=source.origin,
        source=source.path,
        exclude=exclude,
        destination=destination,
        into_folder=into_folder,
        target=target,
        mode=int(spec.mode, 8) if spec.mode else None,
        uid=int(uid),
        gid=int(gid),
        acl=spec.acl,
        line=mark.line,
        column=mark.column,
    )


def _destination(scope: Scope, slot: Slot, text: str, trail: KeyPath) -> str | None:
    filled = scope.filled(text, trail, slot.values)
    if filled is None:
        return None
    path = image_path(filled, slot.os)
    if isinstance(path, Problem):
        scope.report.add("image-path", trail, path.message, path.hint)
        return None
    return path


def _target(scope: Scope, slot: Slot, spec: FileSpec, trail: KeyPath) -> str | None:
    """What a symbolic link points at, as it is written into the layer."""
    found = per_os(spec.target, slot.os, (*trail, "target"))
    if found is None:
        if scope.says((*trail, "target")):
            message = f'"target" says nothing about {slot.os}, and "symlink" does'
            scope.report.add("files", (*trail, "target"), message, f"add {slot.os} to it", at_key=True)
        return None
    text, at = found
    filled = scope.filled(text, at, slot.values)
    if not filled:
        if filled is not None:
            scope.report.add("files", at, "the target is empty", "write where the link points")
        return None
    if slot.os == "windows" and filled.startswith("/"):
        message = f'"{filled}" has no drive, and Windows would not find it'
        hint = f"write C:{filled.replace('/', chr(92))}, or a path relative to the link's folder"
        scope.report.add("image-path", at, message, hint)
    return filled
