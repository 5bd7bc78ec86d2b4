r"""Paths and names on Windows: what an image may hold, and where in a layer `C:\app` lies.

Sources: microsoft/hcsshim:internal/safefile/safeopen.go, internal/wclayer/legacy.go; Microsoft Learn,
"Naming Files, Paths, and Namespaces".
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

ILLEGAL: Final = frozenset('<>:"|?*\\/')
MAX_COMPONENT: Final = 255
MAX_PATH: Final = 32767
LAYER_ROOT: Final = "Files"

_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[A-Za-z]:")

SYSTEM_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "linux": (
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ),
    "windows": (
        r"C:\Windows\System32",
        r"C:\Windows",
        r"C:\Windows\System32\Wbem",
        r"C:\Windows\System32\WindowsPowerShell\v1.0",
    ),
}
"""The whole PATH of an image. A PATH in the config replaces the registry's and `%PATH%` is never expanded,
so it has to be complete (containerd/containerd:internal/cri/opts; moby/buildkit#5445)."""


class PathError(ValueError):
    """The path cannot be used in a Windows image."""


def image_path(text: str) -> str:
    r"""`C:\app\x.exe` as a relative POSIX path (`app/x.exe`); raises PathError.

    `/` and `\` both separate; the drive must be C: and the path absolute.
    """
    slashed = text.replace("\\", "/")
    if slashed.startswith("//"):
        raise PathError(f"{text!r} is a network or device path: an image has drive C: only, as in C:\\app")
    if not _DRIVE.match(slashed):
        if slashed.startswith("/"):
            raise PathError(f"{text!r} has no drive: write C:{slashed.replace('/', chr(92))}")
        raise PathError(f"{text!r} is relative: write the whole path, as in C:\\app\\program.exe")
    if slashed[0].upper() != "C":
        raise PathError(f"{text!r} is on drive {slashed[0].upper()}: an image has drive C: only")
    if not slashed[2:].startswith("/"):
        raise PathError(f"{text!r} is relative to a drive's current folder: write C:\\ and the whole path")
    parts = [part for part in slashed[3:].split("/") if part not in {"", "."}]
    if ".." in parts:
        raise PathError(f"{text!r} has a .. in it: write the path without")
    for part in parts:
        if fault := check_name(part):
            raise PathError(f"{text!r}: {fault}")
    path = "/".join(parts)
    if fault := check_length(path):
        raise PathError(f"{text!r}: {fault}")
    return path


def to_layer_path(text: str) -> str:
    r"""`C:\app\x.exe` as a name in a layer's tar: `Files/app/x.exe`; raises PathError."""
    path = image_path(text)
    return f"{LAYER_ROOT}/{path}" if path else LAYER_ROOT


def from_layer_path(name: str) -> str:
    r"""`Files/app/x.exe` as people write it: `C:\app\x.exe`; raises PathError."""
    root, _, rest = name.partition("/")
    if root != LAYER_ROOT:
        raise PathError(f"{name!r} does not lie under Files/")
    return "C:\\" + rest.replace("/", "\\")


def check_name(name: str) -> str | None:
    """What is wrong with one component of a path, None if nothing is."""
    return name_fault(name)[1] or None


def name_fault(name: str) -> tuple[str, str]:
    """The rule of docs/reference/check.md that one component breaks, and how; both are empty if none."""
    return next(((code, fault) for rule, code in _NAME_RULES if (fault := rule(name))), ("", ""))


def _empty(name: str) -> str:
    return "" if name else "a name is empty"


def _control(name: str) -> str:
    found = next((character for character in name if ord(character) < 32), "")
    return f"{name!r} holds the control character {found!r}, which NTFS does not allow" if found else ""


def _bytes(name: str) -> str:
    found = any("\ud800" <= character <= "\udfff" for character in name)
    return f"{name!r} is not UTF-8, so Windows would see another name" if found else ""


def _illegal(name: str) -> str:
    found = next((character for character in name if character in ILLEGAL), "")
    return f"{name!r} holds {found}, which NTFS does not allow" if found else ""


def _ending(name: str) -> str:
    what = {".": "dot", " ": "space"}.get(name[-1:], "")
    return f"{name!r} ends in a {what}, so Windows programs cannot open it" if what else ""


def _device(name: str) -> str:
    stem = name.partition(".")[0].rstrip(" ")
    return (
        f"{name!r} is a device's name on Windows, whatever its extension" if _RESERVED.fullmatch(stem) else ""
    )


def _long(name: str) -> str:
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2
    return f"{name[:20]!r}... has more than {MAX_COMPONENT} UTF-16 units" if units > MAX_COMPONENT else ""


def _internal(name: str) -> str:
    used = name.lower().endswith(".$wcidirs$")
    return f"{name!r} is a name that the Windows layer importer uses itself" if used else ""


_NAME_RULES: Final = (
    (_empty, "R3-path"),
    (_control, "R3-path"),
    (_bytes, "R3-path"),
    (_illegal, "R3-path"),
    (_ending, "R10-name"),
    (_device, "R10-name"),
    (_long, "R9-length"),
    (_internal, "R11-internal"),
)


def check_length(path: str) -> str | None:
    """Whether the whole path is too long for NTFS, in UTF-16 units; None if it is not."""
    units = len(path.encode("utf-16-le", "surrogatepass")) // 2
    return f"the path has {units} UTF-16 units, at most {MAX_PATH} are possible" if units > MAX_PATH else None


def join_path_list(folders: Iterable[str], system: str) -> str:
    """A complete PATH: these folders, then the operating system's own."""
    separator = ";" if system == "windows" else ":"
    seen: dict[str, str] = {}
    for folder in (*folders, *SYSTEM_PATHS[system]):
        seen.setdefault(folder.casefold() if system == "windows" else folder, folder)
    return separator.join(seen.values())
