"""Paths that definitions name in the project: relative, with forward slashes, never leading out of it."""

import re
from typing import Final

from buildtools.spec.platforms import Problem

_GLOB: Final = re.compile(r"[*?\[]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def is_glob(path: str) -> bool:
    """Whether the path stands for any number of files."""
    return _GLOB.search(path) is not None


def inside(path: str, folder: str) -> str | Problem:
    """The path without needless parts, relative to `folder`, which is itself relative to the project.

    `..` may climb as far as the project's own folder. An empty result is written `.`.
    """
    if problem := _not_relative(path):
        return problem
    climbed = 0
    parts: list[str] = []
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            parts.append(part)
        elif not parts:
            climbed += 1
        elif is_glob(parts.pop()):
            return Problem(f'"{path}" goes up behind a glob', "write the folder out")
    if climbed > len([part for part in folder.split("/") if part not in {"", "."}]):
        return Problem(f'"{path}" leads out of the project', "copy what is needed into the project")
    clean = "/".join([".."] * climbed + parts) or "."
    # Once more: `./C:/x` has become `C:/x`, which joined to a folder on Windows is another drive.
    return _not_relative(clean) or clean


def _not_relative(path: str) -> Problem | None:
    if not path:
        return Problem("the path is empty", "write a file, a folder or a glob")
    if found := _CONTROL.search(path):
        message = f"the path holds the control character U+{ord(found[0]):04X}"
        return Problem(message, "a backslash in double quotes starts an escape: use single quotes")
    if "\\" in path:
        return Problem(f'"{path}" has backslashes', "write forward slashes, whatever the operating system")
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path):
        return Problem(f'"{path}" is not relative', "write it relative to the image's folder")
    return None
