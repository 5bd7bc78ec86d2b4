r"""Paths in an image as definitions write them: `/app/x` on Linux, `C:\app\x` or `/app/x` on Windows."""

import re
from typing import Final

from buildtools.spec.platforms import Problem
from buildtools.windows.paths import PathError
from buildtools.windows.paths import image_path as windows_path

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MAX_COMPONENT: Final = 255
_MAX_PATH: Final = 4096
_WHITEOUT: Final = ".wh."


def image_path(text: str, os: str) -> str | Problem:
    """The absolute path as a relative POSIX one, `app/x` for both; the root is empty."""
    return _on_windows(text) if os == "windows" else _on_linux(text)


def native_path(text: str, os: str) -> str | Problem:
    """The absolute path as the operating system writes it."""
    path = image_path(text, os)
    if isinstance(path, Problem):
        return path
    return "C:\\" + path.replace("/", "\\") if os == "windows" else f"/{path}"


def is_folder(text: str, os: str) -> bool:
    """Whether the path ends in a slash, which says that files are copied into it."""
    return text.endswith(("/", "\\") if os == "windows" else "/")


def _on_windows(text: str) -> str | Problem:
    # A path from the root without a drive is what Dockerfiles write: an image has drive C: only.
    rooted = text.startswith(("/", "\\")) and not text.startswith(("//", "\\\\"))
    whole = f"C:{text}" if rooted else text
    try:
        path = windows_path(whole)
    except PathError as error:
        # Behind the path itself, which may hold colons, as the hints on drive C: do.
        what, _, hint = str(error).removeprefix(repr(whole)).partition(": ")
        return Problem(f"{whole!r}{what}", hint) if what else Problem(str(error), "use another name")
    return _not_reserved(path, text)


def _on_linux(text: str) -> str | Problem:
    if not text.startswith("/"):
        return Problem(f'"{text}" is not an absolute path', "start it with a slash")
    if found := _CONTROL.search(text):
        message = f"the path holds the control character U+{ord(found[0]):04X}"
        return Problem(message, "a backslash in double quotes starts an escape: use single quotes")
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if ".." in parts:
        return Problem(f'"{text}" has a .. in it', "write the path without")
    path = "/".join(parts)
    if any(len(part.encode()) > _MAX_COMPONENT for part in parts) or len(path.encode()) >= _MAX_PATH:
        message = f"the path is longer than Linux allows ({_MAX_COMPONENT} bytes a name, {_MAX_PATH} in all)"
        return Problem(message, "shorten it")
    return _not_reserved(path, text)


def _not_reserved(path: str, text: str) -> str | Problem:
    if any(part.startswith(_WHITEOUT) for part in path.split("/")):
        return Problem(
            f'"{text}" is how layers mark deleted files', "use a name that does not start with .wh."
        )
    return path
