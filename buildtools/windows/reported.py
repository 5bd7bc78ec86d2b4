"""What a registry says about the Windows that it belongs to, and wine's own file of it.

wine takes the version that it reports to programs from the values that Windows keeps for information
(wine-mirror/wine:dlls/ntdll/version.c), so that each program can be shown the Windows of its image. The
file `system.reg` is text: a line in brackets for each key, and a line for each value below it
(wine-mirror/wine:server/registry.c).
"""

from collections.abc import Mapping
from typing import Final

from buildtools.windows.releases import OsVersion, product_of

CURRENT_VERSION: Final = r"Software\Microsoft\Windows NT\CurrentVersion"

Value = str | int


def reported(version: OsVersion) -> Mapping[str, Value]:
    """The values of `CURRENT_VERSION` on a Windows of this version; numbers are DWORDs."""
    build = str(version.build)
    return {
        "CSDVersion": "",
        "CurrentBuild": build,
        "CurrentBuildNumber": build,
        "CurrentMajorVersionNumber": version.major,
        "CurrentMinorVersionNumber": version.minor,
        "CurrentVersion": f"{version.major}.{version.minor}",
        "ProductName": f"{product_of(version.build)} Datacenter",
        "UBR": version.revision or 0,
    }


def with_values(text: str, key: str, values: Mapping[str, Value]) -> str:
    """The text of wine's `system.reg` in which the key has these values, and its others as before."""
    lines = text.splitlines()
    head = _head(key)
    # A head may be followed by the time at which the key was changed last.
    start = next((n for n, line in enumerate(lines) if line.partition("] ")[0].rstrip("]") == head), None)
    if start is None:
        lines += ["", f"{head}]"]
        start = len(lines) - 1
    end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("[")), len(lines))
    names = tuple(f"{_quoted(name)}=" for name in values)
    kept = [line for line in lines[start + 1 : end] if line and not line.startswith(names)]
    written = [f"{_quoted(name)}={_data(value)}" for name, value in sorted(values.items())]
    return "\n".join((*lines[: start + 1], *kept, *written, "", *lines[end:], ""))


def _head(key: str) -> str:
    return "[" + key.replace("\\", r"\\")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def _data(value: Value) -> str:
    return f"dword:{value:08x}" if isinstance(value, int) else _quoted(value)
