"""Which variants an image has: `platforms` as written, made one slot for each variant."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple

from buildtools.oci.platform import Platform, PlatformError, parse_platform
from buildtools.spec.document import KeyPath, Report
from buildtools.spec.model import ImageSpec, ProjectSpec
from buildtools.spec.scope import SYSTEMS, Slot
from buildtools.windows.releases import (
    EXAMPLE,
    RELEASES,
    UnknownReleaseError,
    WindowsRelease,
    by_build,
    release,
)

_ARCHITECTURES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "linux": {
        "386": ("",),
        "amd64": ("", "v2", "v3", "v4"),
        "arm": ("v5", "v6", "v7", "v8"),
        "arm64": ("", "v9"),
        "loong64": ("",),
        "ppc64le": ("",),
        "riscv64": ("",),
        "s390x": ("",),
    },
    # There are no Windows Server container images for other processors.
    "windows": {"amd64": ("",)},
}
_BUILD: Final = re.compile(r"(?:10\.0\.)?([0-9]{5})(?:\.[0-9]+)?")


class Problem(NamedTuple):
    """Why a text is no platform, and what to do."""

    message: str
    hint: str


def release_named(name: str) -> WindowsRelease | Problem:
    """The Windows release of this name or alias."""
    try:
        return release(name)
    except UnknownReleaseError as error:
        build = _BUILD.fullmatch(name)
        if build and (meant := by_build(int(build[1]))):
            return Problem(f'"{name}" is a build, not a release', f"write {meant.name}")
        return split(str(error))


def split(sentence: str) -> Problem:
    """A whole sentence of another room as what is wrong and what to do."""
    message, _, hint = sentence.rpartition(": ")
    return Problem(message, hint) if message else Problem(hint, "")


def read_platform(text: str) -> tuple[Platform, WindowsRelease | None] | Problem:
    """Read `os/architecture[/variant][:release]` of a platform that images can be made for."""
    try:
        platform = parse_platform(text)
    except PlatformError:
        return Problem(f'"{text}" is not a platform', f"write linux/amd64 or windows/amd64:{EXAMPLE.name}")
    if platform.os not in _ARCHITECTURES:
        return Problem(
            f'no images are made for the operating system "{platform.os}"',
            _guess(platform.os, SYSTEMS, "write linux or windows"),
        )
    variants = _ARCHITECTURES[platform.os].get(platform.architecture)
    if variants is None:
        known = tuple(_ARCHITECTURES[platform.os])
        return Problem(
            f'{platform.os} images are not made for the architecture "{platform.architecture}"',
            _guess(platform.architecture, known, f"write {' or '.join(known)}"),
        )
    if platform.variant not in variants:
        known = tuple(
            f"{platform.architecture}/{name}" if name else platform.architecture for name in variants
        )
        return Problem(
            f'{platform.architecture} has no variant "{platform.variant}"', f"write {' or '.join(known)}"
        )
    return _with_release(platform)


def _with_release(platform: Platform) -> tuple[Platform, WindowsRelease | None] | Problem:
    name = platform.os_version
    bare = Platform(os=platform.os, architecture=platform.architecture, variant=platform.variant)
    if not name:
        return bare, None
    if platform.os != "windows":
        return Problem(f'only Windows has releases, and "{name}" stands behind {bare}', f"write {bare}")
    found = release_named(name)
    return found if isinstance(found, Problem) else (bare, found)


def _guess(word: str, known: tuple[str, ...], otherwise: str) -> str:
    guess = get_close_matches(word, known, n=1)
    return f"did you mean {guess[0]}?" if guess else otherwise


def slots(spec: ImageSpec, project: ProjectSpec, report: Report) -> tuple[Slot, ...]:
    """One slot for each variant, in the order of the definition; findings go to `report`."""
    found: dict[tuple[str, ...], Slot] = {}
    for position, text in enumerate(spec.platforms):
        trail: KeyPath = ("platforms", position)
        for slot in _slots_of(text, trail, spec, project, report):
            build = str(slot.release.build) if slot.release else ""
            key = (slot.os, slot.platform.architecture, slot.platform.variant, build)
            if key in found:
                first = report.document.place(found[key].trail).value.line
                message = f"{slot.label} is built twice: line {first} asks for it already"
                report.add("duplicate-platform", trail, message, "delete one of the two")
            found.setdefault(key, slot)
    return tuple(found.values())


def _slots_of(
    text: str, trail: KeyPath, spec: ImageSpec, project: ProjectSpec, report: Report
) -> Iterator[Slot]:
    """The slots that one entry of `platforms` means."""
    read = read_platform(text)
    if isinstance(read, Problem):
        report.add("platform", trail, read.message, read.hint)
        return
    platform, named = read
    if platform.os == "windows" and spec.kind == "host-process":
        if named is not None:
            message = "a HostProcess image is one entry for every Windows release"
            report.add("host-process", trail, message, f"write {platform}")
        yield _slot(spec, platform, None, trail)
    elif platform.os == "linux":
        yield _slot(spec, platform, None, trail)
    else:
        for each in _releases(named, trail, project, report):
            if problem := _too_old(each, spec):
                report.add("requires", trail, problem.message, problem.hint)
            yield _slot(spec, platform, each, trail)


def _releases(
    named: WindowsRelease | None, trail: KeyPath, project: ProjectSpec, report: Report
) -> Iterator[WindowsRelease]:
    """The release asked for, or the project's default ones."""
    if named is not None:
        yield named
        return
    if not project.releases:
        message = "a bare windows/amd64 means the project's default releases, and there are none"
        example = f"windows/amd64:{EXAMPLE.name}"
        hint = f"list releases in images/defaults.yaml, or write one behind a colon: {example}"
        report.add("platform", trail, message, hint)
    for name in project.releases:  # checked where they stand
        yield release(name)


def _too_old(chosen: WindowsRelease, spec: ImageSpec) -> Problem | None:
    lowest = spec.requires.windows_build
    if lowest is None or chosen.build >= lowest:
        return None
    enough = [f"windows/amd64:{row.name}" for row in RELEASES if row.build >= lowest]
    return Problem(
        f"{chosen.name} is build {chosen.build}, and requires.windows-build asks for {lowest} or later",
        f"name the releases that are new enough ({', '.join(enough)})" if enough else "lower the requirement",
    )


def _slot(spec: ImageSpec, platform: Platform, chosen: WindowsRelease | None, trail: KeyPath) -> Slot:
    windows = platform.os == "windows"
    values = {
        "name": spec.name,
        "os": platform.os,
        "arch": platform.architecture,
        "variant": platform.variant,
        "exe": ".exe" if windows else "",
    }
    return Slot(
        platform=platform,
        label=f"{platform}:{chosen.name}" if chosen else str(platform),
        trail=trail,
        release=chosen,
        kind="host-process" if windows and spec.kind == "host-process" else "container",
        values=values | ({"release": chosen.name} if chosen else {}),
    )
