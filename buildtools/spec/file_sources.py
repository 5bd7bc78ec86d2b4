"""Where a copied file comes from: the project, what build commands wrote, or a fetched asset."""

from difflib import get_close_matches
from typing import Final, NamedTuple

from buildtools.spec.assets import wanted
from buildtools.spec.document import KeyPath
from buildtools.spec.inside import inside
from buildtools.spec.platforms import Problem
from buildtools.spec.scope import Scope, Slot
from buildtools.spec.variant import Fetch, Origin

_ROOTS: Final = frozenset({"out", "fetch"})


class Source(NamedTuple):
    """Where a copied file comes from; `path` is relative to the origin's folder."""

    origin: Origin
    path: str


def source_for(
    scope: Scope, slot: Slot, text: str, trail: KeyPath, fetches: tuple[Fetch, ...]
) -> Source | None:
    """What `from` means for this variant; None, and a finding, where it means nothing."""
    filled = scope.filled(text, trail, slot.values, keep=_ROOTS)
    if filled is None:
        return None
    root, _, rest = filled.partition("/")
    if any(f"{{{name}}}" in (rest if root == f"{{{name}}}" else filled) for name in _ROOTS):
        message = "{out} and {fetch} are folders and stand at the start of a path"
        scope.report.add("files", trail, message, 'write them as in "{out}/app"')
        return None
    found: Source | Problem | None
    if root == "{out}":
        found = _from_out(scope, rest)
    elif root == "{fetch}":
        found = _from_fetch(scope, slot, rest, fetches)
    else:
        clean = inside(filled, scope.folder)
        found = clean if isinstance(clean, Problem) else Source("project", clean)
    if isinstance(found, Problem):
        scope.report.add("path", trail, found.message, found.hint)
        return None
    return found


def _from_out(scope: Scope, path: str) -> Source | Problem:
    if scope.spec.build is None:
        return Problem("{out} is what build commands write, and there is no build", "add build.run")
    clean = inside(path or ".", "")
    return clean if isinstance(clean, Problem) else Source("out", clean)


def _from_fetch(scope: Scope, slot: Slot, path: str, fetches: tuple[Fetch, ...]) -> Source | Problem | None:
    name, _, member = path.partition("/")
    if name not in scope.spec.fetch:
        guess = get_close_matches(name, scope.spec.fetch, n=1)
        hint = f"did you mean {guess[0]}?" if guess else "add it under fetch"
        return Problem(f'nothing is fetched under the name "{name}"', hint)
    if not wanted(scope.spec.fetch[name], slot):
        message = f"{name} is not fetched for {slot.platform}"
        return Problem(message, f"leave {slot.os} out of from, or add it to the asset's platforms")
    asset = next((fetch for fetch in fetches if fetch.name == name), None)
    if asset is None:  # what is wrong with it is reported where it is defined
        return None
    if member == "" and not asset.members:
        return Source("fetch", name)
    if member in asset.members:
        return Source("fetch", f"{name}/{member}")
    if not asset.members:
        return Problem(f"{name} is one file and has no member", f"write {{fetch}}/{name}")
    message = f'{name} has no member "{member}"' if member else f"{name} is an archive"
    return Problem(message, f"name one of its members: {', '.join(asset.members)}")
