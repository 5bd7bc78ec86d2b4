"""What a variant stands on: the most specific base of the definition, named bases looked up, checked."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from buildtools.oci.reference import InvalidReference, Reference, parse_reference
from buildtools.spec.document import KeyPath, Report
from buildtools.spec.model import ProjectSpec
from buildtools.spec.platforms import Problem, read_platform, release_named, split
from buildtools.spec.scope import SYSTEMS, Scope, Slot
from buildtools.spec.templates import TemplateError, fill, names_in
from buildtools.spec.variant import HOST_PROCESS, OWN, SCRATCH
from buildtools.windows.releases import RELEASES, WindowsRelease, by_build

_NO_BASE_HINT: Final = "add it to base: scratch, a named base, or a reference with a tag"
_HOST_PROCESS_HINT: Final = "write host-process, or delete kind: host-process"
_VERSION: Final = re.compile(r"(?<![A-Za-z0-9.])10\.0\.([0-9]{5})(?:\.[0-9]+)?(?![A-Za-z0-9])")
"""A Windows version in a tag; the builds have five digits, so that .NET 10.0.100 is none."""


def base_for(scope: Scope, slot: Slot) -> str | None:
    """`scratch`, `host-process`, `image:NAME` or a reference; None, and a finding, for no usable base.

    A variant of engine `dockerfile` may have none, which is an empty text.
    """
    chosen = _choose(scope.spec.base, slot, ("base",))
    if chosen is None:
        return _default(scope, slot)
    text, trail = chosen
    filled = scope.filled(text, trail, slot.values)
    if filled is None:
        return None
    if filled in scope.project.bases:
        named = _choose(scope.project.bases[filled], slot, ())
        if named is None:
            scope.report.add("base", trail, f'base "{filled}" has nothing for {slot.label}', _NO_BASE_HINT)
            return None
        text, name = named[0], filled
        try:
            filled = fill(text, slot.values)
        except TemplateError:  # what is wrong for every variant is reported where the base is defined
            hint = _HOST_PROCESS_HINT if slot.kind == "host-process" else f"give {slot.os} a base of its own"
            message = f'base "{name}" goes by the Windows release, and {slot.label} has none'
            scope.report.add("base", trail, message, hint)
            return None
    if problem := _unfit(filled, scope, slot):
        scope.report.add(problem[0], trail, problem[1].message, problem[1].hint)
        return None
    if slot.release is not None and "release" in names_in(text) and not filled.startswith(OWN):
        return _with_own_tag(filled, slot.release)
    return filled


def check_keys(scope: Scope, slots: tuple[Slot, ...]) -> None:
    """Report keys of `base` that are no platform, or none that this image has."""
    if isinstance(scope.spec.base, str):
        return
    known = all(_has_slot(text, slots) for text in scope.spec.platforms)
    for key in scope.spec.base:
        trail: KeyPath = ("base", key)
        problem = _bad_key(key)
        if problem is None and known and not any(_fits(key, slot) for slot in slots):
            problem = Problem(
                f'this image has no platform "{key}"', "add it to platforms or delete this base"
            )
        if problem:
            scope.report.add("platform", trail, problem.message, problem.hint, at_key=True)


def _has_slot(text: str, slots: tuple[Slot, ...]) -> bool:
    """Whether the platform has become a variant; what a broken one would have needed is not known."""
    read = read_platform(text)
    return not isinstance(read, Problem) and any(slot.platform == read[0] for slot in slots)


def check_named(project: ProjectSpec, report: Report) -> None:
    """Report what is wrong with the bases of `defaults.yaml`, used or not."""
    for name, value in project.bases.items():
        trail: KeyPath = ("bases", name)
        if name in {SCRATCH, HOST_PROCESS}:
            report.add("base", trail, f'"{name}" is built in', "give the base another name", at_key=True)
        texts = (
            {trail: value} if isinstance(value, str) else {(*trail, key): text for key, text in value.items()}
        )
        for place, text in texts.items():
            key = str(place[-1]) if len(place) > 2 else "windows"
            if len(place) > 2 and (problem := _bad_key(key)):
                report.add("platform", place, problem.message, problem.hint, at_key=True)
            else:
                _check_text(text, place, key, project, report)


def _check_text(text: str, trail: KeyPath, key: str, project: ProjectSpec, report: Report) -> None:
    release = project.releases[0] if project.releases else RELEASES[0].name
    values = {"name": "name", "os": "linux", "arch": "amd64", "variant": "", "exe": ""}
    try:
        filled = fill(text, values | ({} if key.startswith("linux") else {"release": release}))
    except TemplateError as error:
        report.add("placeholder", trail, error.message, error.hint)
        return
    if filled in project.bases:
        report.add("base", trail, f'"{filled}" is another named base', "write its reference here")
    elif filled not in {SCRATCH, HOST_PROCESS} and not filled.startswith(OWN):
        found = _reference(filled, project.bases)
        if isinstance(found, Problem):
            report.add("reference", trail, found.message, found.hint)


def _choose(base: str | Mapping[str, str], slot: Slot, trail: KeyPath) -> tuple[str, KeyPath] | None:
    """The base for a slot and its place: of the keys that fit, the one that says most."""
    if isinstance(base, str):
        return (base, trail) if base else None
    fitting = [key for key in base if _fits(key, slot)]
    if not fitting:
        return None
    key = max(fitting, key=lambda key: (":" in key, key.count("/")))
    return base[key], (*trail, key)


def _fits(key: str, slot: Slot) -> bool:
    if key in SYSTEMS:
        return key == slot.os
    read = read_platform(key)
    if isinstance(read, Problem):
        return False
    platform, release = read
    same = (platform.os, platform.architecture) == (slot.os, slot.platform.architecture)
    return same and platform.variant in {"", slot.platform.variant} and release in {None, slot.release}


def _bad_key(key: str) -> Problem | None:
    if key in SYSTEMS:
        return None
    if "/" not in key and (guess := get_close_matches(key, SYSTEMS, n=1)):
        return Problem(f'"{key}" is not a platform', f"did you mean {guess[0]}?")
    read = read_platform(key)
    return read if isinstance(read, Problem) else None


def _default(scope: Scope, slot: Slot) -> str | None:
    if scope.spec.engine == "dockerfile":
        return ""
    if slot.kind == "host-process":
        return HOST_PROCESS
    scope.report.add("base", slot.trail, f"there is no base for {slot.label}", _NO_BASE_HINT)
    return None


def _unfit(base: str, scope: Scope, slot: Slot) -> tuple[str, Problem] | None:
    """The code and the reason why this variant cannot stand on this base."""
    if base == HOST_PROCESS and slot.kind != "host-process":
        hint = "write kind: host-process, or use another base" if slot.os == "windows" else "use another base"
        return "base", Problem(
            f"the host-process base is only for HostProcess images, not {slot.label}", hint
        )
    if slot.kind == "host-process" and base != HOST_PROCESS:
        message = f"a HostProcess image has no Windows below it, so it cannot stand on {base}"
        return "base", Problem(message, _HOST_PROCESS_HINT)
    if base == SCRATCH and slot.os == "windows":
        message = "scratch is for Linux: Windows starts no container without Windows files in its base"
        return "base", Problem(message, "use a base such as nanoserver, or kind: host-process")
    if base in {SCRATCH, HOST_PROCESS} or base.startswith(OWN):
        return None
    found = _reference(base, scope.project.bases)
    if isinstance(found, Problem):
        return "reference", found
    return _other_release(found, slot)


def _reference(text: str, bases: Mapping[str, object]) -> Reference | Problem:
    """The reference, if it says which image it means."""
    if re.fullmatch(r"[\w.-]+", text):
        guess = get_close_matches(text, [*bases, SCRATCH, HOST_PROCESS], n=1)
        hint = f"did you mean {guess[0]}?" if guess else f"write a tag, as in {text}:1.0, or define the base"
        return Problem(f'"{text}" is neither a named base nor a reference with a tag', hint)
    try:
        reference = parse_reference(text)
    except InvalidReference as error:
        return split(str(error))
    if not reference.tag and not reference.digest:
        return Problem(f'"{text}" has no tag', "add one, such as :1.0, or a digest")
    return reference


def _with_own_tag(base: str, release: WindowsRelease) -> str:
    """The reference with the tag that its repository has for the release: nanoserver calls ltsc2019 1809."""
    reference = parse_reference(base)
    tag = release.tags.get(reference.name)
    if tag is None or reference.digest:
        return base
    return str(reference.with_tag(reference.tag.replace(release.name, tag)))


def _other_release(reference: Reference, slot: Slot) -> tuple[str, Problem] | None:
    """A tag that names one Windows release serves no other."""
    if reference.digest or slot.release is None:
        return None
    for word, made_for in _releases_in(reference.tag):
        if made_for != slot.release:
            message = f"{reference.familiar} is made for one Windows release and cannot serve {slot.label}"
            hint = f"write {{release}} in place of {word}, or give {slot.label} its own base"
            return "single-release", Problem(message, hint)
    return None


def _releases_in(tag: str) -> Iterator[tuple[str, WindowsRelease | None]]:
    """What in a tag names a Windows release, and which it is; None for one that the table has not."""
    for match in _VERSION.finditer(tag):
        yield match[0], by_build(int(match[1]))
    for word in re.split(r"[-_.]", tag):
        made_for = next((row for row in RELEASES if word in {row.name, *row.aliases}), None)
        if made_for or re.fullmatch(r"ltsc[0-9]{4}", word):
            yield word, made_for


def check_releases(project: ProjectSpec, report: Report) -> None:
    """Report default releases that do not exist or stand twice."""
    for position, name in enumerate(project.releases):
        trail: KeyPath = ("releases", position)
        found = release_named(name)
        if isinstance(found, Problem):
            report.add("platform", trail, found.message, found.hint)
        elif found in [release_named(earlier) for earlier in project.releases[:position]]:
            report.add("platform", trail, f"{found.name} stands here twice", "delete one of the two")
