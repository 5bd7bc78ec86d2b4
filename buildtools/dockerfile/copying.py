"""Copying as COPY does it, on file trees that are values: paths with slashes to entries, the root left out.

What happens to folders, names and links is that of moby/buildkit:solver/llbsolver/file and tonistiigi/fsutil:
copy; the differential test holds both against each other.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Final

from buildtools.dockerfile.faults import Place
from buildtools.dockerfile.globs import Ignore, excludes, is_pattern, source_expression
from buildtools.dockerfile.recipe import Copy, Directory, Source, Step
from buildtools.oci.layer import Entry, Kind

Files = Mapping[str, Entry]
"""A file tree: every file, link and directory but the root, by its path."""

_MOST_LINKS: Final = 40
_MODES: Final[Mapping[str, int]] = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}


class CopyError(ValueError):
    """A step cannot be done; `place` says where it stands, `hint` what to do."""

    def __init__(self, place: Place, message: str, hint: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


@dataclass(slots=True, kw_only=True)
class Tree:
    """The files that a stage has so far; `ignore_case` is for Windows, where `App` and `app` are one."""

    ignore_case: bool = False
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, Entry]:
        """The tree by paths as they are spelt."""
        return {entry.path: entry for entry in self.entries.values()}

    def key(self, path: str) -> str:
        """What a path is looked up by."""
        return path.casefold() if self.ignore_case else path

    def get(self, path: str) -> Entry | None:
        """What is there."""
        return self.entries.get(self.key(path))

    def is_folder(self, path: str) -> bool:
        """Whether the path is the root or a directory of the tree."""
        found = self.get(path)
        return not path or (found is not None and found.kind is Kind.DIRECTORY)

    def spelt(self, path: str) -> str:
        """The path with the folders that are there as they are spelt there."""
        folder, slash, name = path.rpartition("/")
        if found := self.get(path):
            return found.path
        return f"{self.spelt(folder)}{slash}{name}" if slash else name

    def put(self, entry: Entry) -> None:
        """Put an entry in place of what is there."""
        self.entries[self.key(entry.path)] = replace(entry, path=self.spelt(entry.path))

    def make_folder(self, path: str, place: Place, owner: tuple[int, int]) -> None:
        """Make a directory and those that it lies in, where they are missing; raises CopyError."""
        found = self.get(path)
        if not path or (found and found.kind is Kind.DIRECTORY):
            return
        if found:
            what = "a link, which is not followed" if found.kind is Kind.SYMLINK else "a file"
            raise CopyError(
                place, f"/{found.path} is {what}, and a folder is needed there", "use another path"
            )
        self.make_folder(path.rpartition("/")[0], place, owner)
        mode = _MODES.get(path, 0o755)
        self.put(Entry(path=path, kind=Kind.DIRECTORY, mode=mode, uid=owner[0], gid=owner[1]))


def perform(steps: "tuple[Step, ...]", tree: Tree, source: Callable[[Copy], Files]) -> Tree:
    """Do the steps of a stage one after the other; raises CopyError.

    `source` gives the files that a step copies from.
    """
    for step in steps:
        if isinstance(step, Directory):
            tree.make_folder(step.path, step.place, step.owner)
        else:
            _copy(step, tree, source(step))
    return tree


def chosen(step: Copy, files: Files) -> dict[str, Entry]:
    """The files that a step copies, by their paths in the source; raises CopyError."""
    found: dict[str, Entry] = {}
    for one in step.sources:
        for path in _matches(one, step, files):
            real = path if step.parents else _followed(one, path, files)
            for name in {path, real}:
                if entry := files.get(name):
                    found[name] = entry
            found |= dict(_below(real, files))
    return found


def _copy(step: Copy, tree: Tree, files: Files) -> None:
    taken = dict[str, str]()
    named = [(one, path) for one in step.sources for path in _matches(one, step, files)]
    if not named and not step.documents:
        raise _nothing(step.sources[0], files)
    if len(named) > 1 and not step.into_folder and not tree.is_folder(step.destination):
        hint = "end the destination with a slash"
        raise CopyError(step.place, f"{len(named)} sources match, and the destination is no folder", hint)
    for one, path in named:
        for target, entry in _placed(one, path, step, tree, files):
            _put(target, entry, step, tree)
            other = taken.setdefault(tree.key(target), target)
            if other != target:
                message = f"{other} and {target} are one path on Windows"
                raise CopyError(one.place, message, "rename one, or leave it out")
    for name, content in step.documents:
        _put_document(name, content, step, tree)


def _placed(one: Source, path: str, step: Copy, tree: Tree, files: Files) -> Iterator[tuple[str, Entry]]:
    """Where everything goes that a source names: a folder's content, a file by its name."""
    ignore = excludes(step.exclude)
    if step.parents:
        yield from _with_parents(one, path, step, files, ignore)
        return
    wanted, path = path, _followed(one, path, files)
    entry = files.get(path)
    if path and entry is None:
        raise _nothing(one, files)
    if entry is not None and entry.kind is not Kind.DIRECTORY:
        name = wanted.rpartition("/")[2]
        if step.exclude and ignore.leaves_out(name):
            return
        into = step.into_folder or tree.is_folder(step.destination)
        yield _joined(step.destination, name) if into else step.destination, entry
        return
    # The folder itself is not copied: where it is new, it is one like any other that is made on the way.
    tree.make_folder(step.destination, step.place, step.owner or (0, 0))
    for inner, found in _below(path, files):
        relative = inner[len(path) :].lstrip("/")
        if not ignore.leaves_out(relative):
            yield _joined(step.destination, relative), found


def _with_parents(
    one: Source, path: str, step: Copy, files: Files, ignore: Ignore
) -> Iterator[tuple[str, Entry]]:
    """What --parents keeps: the folders behind `/./`, else all of them."""
    pivot = one.path.partition("/./")[0] if "/./" in one.path else ""
    kept = path[len(pivot) :].lstrip("/")
    parts = kept.split("/")
    for count in range(1, len(parts)):
        folder = "/".join(parts[:count])
        if found := files.get(f"{pivot}/{folder}".lstrip("/")):
            yield _joined(step.destination, folder), found
    entry = files.get(path)
    if entry is not None and not ignore.leaves_out(kept):
        yield _joined(step.destination, kept), entry
    for inner, found in _below(path, files):
        relative = inner[len(pivot) :].lstrip("/")
        if not ignore.leaves_out(relative):
            yield _joined(step.destination, relative), found


def _put(target: str, entry: Entry, step: Copy, tree: Tree) -> None:
    """Put one entry at its place, with the folders that it needs."""
    uid, gid = step.owner or (entry.uid, entry.gid)
    tree.make_folder(target.rpartition("/")[0], step.place, (uid, gid) if step.owner else (0, 0))
    there = tree.get(target)
    is_folder = entry.kind is Kind.DIRECTORY
    if there and (there.kind is Kind.DIRECTORY) != is_folder:
        what = ("a folder", "a file") if is_folder else ("a file", "a folder")
        message = f"/{entry.path} is {what[0]}, and /{target} is {what[1]}"
        raise CopyError(step.place, message, "use another destination")
    mode = entry.mode
    if step.mode is not None and entry.kind is not Kind.SYMLINK:
        # The special bits of the source stay.
        mode = entry.mode & 0o7000 | step.mode
    tree.put(replace(entry, path=target, mode=mode, uid=uid, gid=gid))


def _put_document(name: str, content: str, step: Copy, tree: Tree) -> None:
    data = content.encode("utf-8", "surrogateescape")
    into = step.into_folder or tree.is_folder(step.destination)
    target = _joined(step.destination, name) if into else step.destination
    entry = Entry(path=target, size=len(data), open=lambda: io.BytesIO(data), origin=f"here-document {name}")
    _put(target, entry, step, tree)


def _matches(one: Source, step: Copy, files: Files) -> list[str]:
    """The paths that a source means; the empty one is the root. Raises CopyError where it means none."""
    if step.parents:
        return _parents_matches(one, files)
    if not is_pattern(one.path):
        # Links are followed later: the name that something gets is the one that was asked for.
        path = _followed(one, one.path, files)
        if path and path not in files:
            raise _nothing(one, files)
        return [one.path]
    expression = source_expression(one.path)
    return sorted(path for path in files if expression.fullmatch(path))


def _parents_matches(one: Source, files: Files) -> list[str]:
    pattern = one.path.replace("/./", "/")
    if not is_pattern(pattern):
        if pattern and pattern not in files:
            raise _nothing(one, files)
        return [pattern]
    expression = source_expression(pattern, deep=True)
    return sorted(path for path in files if expression.fullmatch(path))


def _followed(one: Source, path: str, files: Files) -> str:
    """The path without links in it: what is named itself is followed, what lies below is copied as it is."""
    for _ in range(_MOST_LINKS):
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            entry = files.get("/".join(parts[:count]))
            if entry is not None and entry.kind is Kind.SYMLINK:
                start = [] if entry.target.startswith("/") else parts[: count - 1]
                path = _normal([*start, *entry.target.split("/"), *parts[count:]])
                break
        else:
            return path
    raise CopyError(one.place, f"/{one.path} is a link that leads in a circle", "mend the link")


def _normal(parts: list[str]) -> str:
    found: list[str] = []
    for part in parts:
        if part == "..":
            found[-1:] = []
        elif part not in {"", "."}:
            found.append(part)
    return "/".join(found)


def _below(path: str, files: Files) -> Iterator[tuple[str, Entry]]:
    """Everything below a folder, folders first."""
    start = f"{path}/" if path else ""
    for inner in sorted(files, key=lambda name: name.split("/")):
        if inner.startswith(start) and inner != path:
            yield inner, files[inner]


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _nothing(one: Source, files: Files) -> CopyError:
    near = get_close_matches(one.path, list(files), n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "name what is there; .dockerignore may leave it out"
    return CopyError(one.place, f"there is no {one.path or '/'} to copy", hint)
