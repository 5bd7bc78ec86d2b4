"""What is wrong with a Linux layer, ours or another's: paths that escape, twins, devices.

Source: opencontainers/image-spec:layer.md; the ways in which extraction went wrong in containerd and moby.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from buildtools.errors import Diagnostic
from buildtools.oci.tar import BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY, GLOBAL_PAX, HARDLINK, TarEntry

_DEVICES: Final = frozenset({CHARACTER_DEVICE, BLOCK_DEVICE})


def lint_linux_layer(entries: Iterable[TarEntry]) -> Iterator[Diagnostic]:
    """Every way in which the layer would surprise a runtime, entry by entry in the layer's order."""
    seen: dict[str, TarEntry] = {}
    for entry in entries:
        if entry.kind == GLOBAL_PAX:
            continue
        name = entry.name.removeprefix("./").rstrip("/")
        other = seen.get(name)
        if ".." in name.split("/"):
            yield _finding(entry, "L1-path", "its name has a .. in it and leaves the image", "rename it")
        elif name.startswith("/"):
            yield _finding(
                entry, "L1-path", "its name begins with a slash", "write it relative to the image's root"
            )
        if other is not None and not (entry.kind == other.kind == DIRECTORY):
            yield _finding(entry, "L2-duplicate", "it stands in the layer twice", "leave one of them out")
        if entry.kind == HARDLINK and ".." in entry.link.split("/"):
            text = f"its target {entry.link!r} has a .. in it and leaves the image"
            yield _finding(entry, "L3-link", text, "hard links name full paths of the image")
        if entry.kind in _DEVICES:
            yield _finding(entry, "L4-device", "it is a device", "devices belong to the node: leave it out")
        seen[name] = entry


def _finding(entry: TarEntry, code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, hint=hint, path=entry.name)
