"""What can be said of a built image before it is started: its programs, its entrypoint, its stop signal."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from buildtools.errors import Diagnostic
from buildtools.oci.config import ConfigSettings, ImageConfig
from buildtools.oci.layer import Entry, Kind
from buildtools.sources.examine import examine
from buildtools.spec.variant import Variant
from buildtools.windows.signals import EXPECTED, check_stop_signal

_TOLD: Final = ("entrypoint", "program", "loader", "dll", "subsystem")
"""How the codes begin of findings that say whether a program starts; a linter tells the others."""


def check_image(variant: Variant, config: ImageConfig, root: Path) -> list[Diagnostic]:
    """Everything that keeps the image's program from starting or from being stopped, as far as files say it.

    `root`, which is C: for Windows, holds what its own layers hold, the base's files left out or not.
    """
    seen = replace(
        variant,
        platform=config.platform,
        config=ConfigSettings(entrypoint=config.entrypoint or None, cmd=config.cmd or None),
    )
    found = examine(seen, list(_entries(root)))
    name = f"{variant.image} {variant.label}: "
    told = [finding for finding in found if finding.code.startswith(_TOLD)]
    return [
        *(replace(finding, message=finding.message.removeprefix(name), path="") for finding in told),
        *_stop_signal(config),
    ]


def _stop_signal(config: ImageConfig) -> Iterator[Diagnostic]:
    value = config.stop_signal
    if value and (fault := check_stop_signal(value, config.platform.os)):
        # What is only taken for another event stops the program all the same.
        trap = config.platform.os == "windows" and value.upper().removeprefix("SIG") in EXPECTED
        yield Diagnostic(
            code="stop-signal",
            message=f"its StopSignal is wrong: {fault}",
            severity="warning" if trap else "error",
        )


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _entries(root: Path) -> Iterator[Entry]:
    """What lies below the folder, as a layer would hold it."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        if path.is_symlink():
            yield Entry(path=name, kind=Kind.SYMLINK, target=str(path.readlink()))
        elif path.is_dir():
            yield Entry(path=name, kind=Kind.DIRECTORY, mode=mode)
        else:
            yield Entry(path=name, size=found.st_size, mode=mode, open=partial(_opened, path))
