r"""Paths in an image as Dockerfiles write them: `/app/`, `C:\app`, `C:/app`, and `app` below WORKDIR."""

import re
from typing import Final

from buildtools.windows.paths import check_length, check_name

_DRIVE: Final = re.compile(r"([A-Za-z]):(.*)", re.DOTALL)
_LOST: Final = (
    "the escape character is \\, so backslashes were taken away: put `# escape=`` into the first line, or"
)


class ImagePathError(ValueError):
    """The path cannot be in such an image; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def resolve(text: str, *, os: str, workdir: str, written: str = "") -> tuple[str, bool]:
    """The path relative to the image's root with slashes, and whether it says that it is a folder.

    `workdir` is what relative paths start from; `written` is the text before escapes were taken away.
    Raises ImagePathError.
    """
    slashed = _windows(text, written or text) if os == "windows" else text
    folder = slashed.endswith(("/", "/.")) or slashed in {"", "."}
    start = [] if slashed.startswith("/") else [part for part in workdir.split("/") if part]
    parts = start
    for part in slashed.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    path = "/".join(parts)
    if os == "windows":
        fault = next(filter(None, map(check_name, parts)), None) or check_length(path)
        if fault:
            raise ImagePathError(f"{text!r} cannot be a path on Windows: {fault}", "use another name")
    elif "\0" in path:
        raise ImagePathError(f"{text!r} holds a zero byte", "use another name")
    return path, folder or not path


def _windows(text: str, written: str) -> str:
    slashed = text.replace("\\", "/")
    if slashed.startswith("//"):
        raise ImagePathError(
            f"{text!r} is a network or device path", "an image has drive C: only, as in C:/app"
        )
    match = _DRIVE.fullmatch(slashed)
    if match is None:
        if "\\" in written and "\\" not in text and "/" not in text:
            raise ImagePathError(f"{written!r} is read as {text!r}", f"{_LOST} write {_slashes(written)}")
        return slashed
    drive, rest = match.groups()
    if drive.upper() != "C":
        raise ImagePathError(f"{text!r} is on drive {drive.upper()}:", "an image has drive C: only")
    if rest and not rest.startswith("/"):
        hint = f"write C:/{rest}"
        if "\\" in written and "\\" not in text:
            hint = f"{_LOST} write {_slashes(written)}"
        raise ImagePathError(f"{text!r} is relative to a drive's current folder", hint)
    return rest or "/"


def _slashes(written: str) -> str:
    return written.replace("\\", "/")


def native(path: str, os: str) -> str:
    """The path as the operating system writes it."""
    return "C:\\" + path.replace("/", "\\") if os == "windows" else f"/{path}"
