"""What a variant fetches: URL and checksum patterns filled in, presets looked up, checked."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final, Literal
from urllib.parse import urlsplit

from buildtools.spec.document import KeyPath
from buildtools.spec.model import FetchSpec
from buildtools.spec.platforms import Problem, read_platform
from buildtools.spec.presets import PRESETS, Preset
from buildtools.spec.scope import SYSTEMS, Scope, Slot
from buildtools.spec.templates import names_in
from buildtools.spec.variant import Fetch

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_LOGIN: Final = re.compile(r"[^/?#]*//[^/?#]*@")
_FORMATS: Final[Mapping[str, Literal["tar.gz", "zip"]]] = {
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".zip": "zip",
}


def fetches_for(scope: Scope, slot: Slot) -> tuple[Fetch, ...]:
    """The assets that a variant needs, in the order of the definition; findings go to the report."""
    found: list[Fetch] = []
    for name, spec in scope.spec.fetch.items():
        trail: KeyPath = ("fetch", name)
        problems = list(_contradictions(name, spec))
        for key, problem in problems:
            at = (*trail, *key)
            scope.report.add(
                "fetch", at, problem.message, problem.hint, at_key=bool(key) or not _NAME.fullmatch(name)
            )
        if not problems and wanted(spec, slot):
            fetch = _fetch(scope, slot, name, spec)
            found.extend([fetch] if fetch else [])
    return tuple(found)


def wanted(spec: FetchSpec, slot: Slot) -> bool:
    """Whether the asset is fetched for this platform."""
    names = {slot.os, str(slot.platform), f"{slot.os}/{slot.platform.architecture}"}
    return not spec.platforms or any(text in names or _means(text, slot) for text in spec.platforms)


def _means(text: str, slot: Slot) -> bool:
    """Whether the text is another name of the platform, as x86_64 is of amd64."""
    return read_platform(text) == (slot.platform, None)


def _contradictions(name: str, spec: FetchSpec) -> Iterator[tuple[KeyPath, Problem]]:
    """What is wrong with the entry whatever the platform; each with the key that it is about."""
    if not _NAME.fullmatch(name):
        yield (
            (),
            Problem(f'"{name}" cannot name an asset', "use letters, digits, dots, dashes and underscores"),
        )
    if spec.preset:
        yield from _preset_contradictions(spec)
    elif not spec.url:
        yield (
            (),
            Problem("neither preset nor url is given", f"write a url, or preset: {' or '.join(PRESETS)}"),
        )
    elif bool(spec.checksum) == bool(spec.sha256):
        said = "both checksum and sha256 are" if spec.sha256 else "neither checksum nor sha256 is"
        yield (), Problem(f"{said} given", "write one of them: nothing unverified gets into an image")
    if spec.version.startswith("v"):
        yield ("version",), Problem(f'version "{spec.version}" starts with v', f'write "{spec.version[1:]}"')
    if not spec.version and any("version" in names_in(text) for text in _patterns(spec)):
        yield (
            (),
            Problem("a pattern uses {version} and no version is given", 'add it, quoted: version: "1.2.3"'),
        )
    if spec.format in {"tar.gz", "zip"} and not spec.members and not spec.preset:
        yield ("format",), Problem("no member of the archive is chosen", "list them under members")
    if spec.format == "raw" and (spec.members or (spec.preset in PRESETS and PRESETS[spec.preset].members)):
        yield ("format",), Problem("a raw asset has no members", "delete format, or members")
    yield from _unknown_names(spec)


def _preset_contradictions(spec: FetchSpec) -> Iterator[tuple[KeyPath, Problem]]:
    if spec.preset not in PRESETS:
        guess = get_close_matches(spec.preset, PRESETS, n=1)
        hint = f"did you mean {guess[0]}?" if guess else f"the presets are {', '.join(PRESETS)}"
        yield ("preset",), Problem(f'unknown preset "{spec.preset}"', hint)
    for key, value in {"url": spec.url, "checksum": spec.checksum}.items():
        if value:
            yield (key,), Problem(f"{key} and preset exclude each other", "delete one of the two")
    if not spec.version:
        yield (), Problem(f"preset {spec.preset} needs a version", 'add it, quoted: version: "1.2.3"')


def _patterns(spec: FetchSpec) -> tuple[str, ...]:
    return (spec.url, spec.checksum, *spec.members, *spec.members.values())


def _unknown_names(spec: FetchSpec) -> Iterator[tuple[KeyPath, Problem]]:
    """Names of platforms that do not exist, in filters and maps."""
    for os in spec.os_names:
        if os not in SYSTEMS:
            yield ("os-names", os), Problem(f'unknown operating system "{os}"', "write linux or windows")
    for arch in spec.arch_names:
        read = read_platform(f"linux/{arch}")
        ours = "amd64 or arm64" if isinstance(read, Problem) else read[0].architecture
        if arch != ours:
            yield ("arch-names", arch), Problem(f'unknown architecture "{arch}"', f"write {ours}")
    for position, text in enumerate(spec.platforms):
        if (problem := _bad_platform(text)) and text not in SYSTEMS:
            yield ("platforms", position), problem
    for key in spec.sha256 if isinstance(spec.sha256, dict) else ():
        if problem := _bad_platform(key):
            yield ("sha256", key), problem


def _bad_platform(text: str) -> Problem | None:
    read = read_platform(text)
    if isinstance(read, Problem):
        return read
    return (
        Problem("assets are fetched once for all Windows releases", f"write {read[0]}") if read[1] else None
    )


def _fetch(scope: Scope, slot: Slot, name: str, spec: FetchSpec) -> Fetch | None:
    trail: KeyPath = ("fetch", name)
    preset = PRESETS.get(spec.preset)
    if preset and str(slot.platform) not in preset.platforms:
        message = f"preset {spec.preset} has nothing for {slot.platform}"
        scope.report.add("fetch", (*trail, "preset"), message, f"it has {', '.join(preset.platforms)}")
        return None
    values = {
        **slot.compile_values,
        "version": spec.version,
        "os": spec.os_names.get(slot.os, slot.os),
        "arch": spec.arch_names.get(slot.platform.architecture, slot.platform.architecture),
    }
    url = scope.filled(preset.url if preset else spec.url, (*trail, "url"), values)
    if url is None or not _sound(scope, url, (*trail, "url")):
        return None
    asset = urlsplit(url).path.rpartition("/")[2]
    checksum = _checksum(scope, spec, preset, {**values, "url": url, "asset": asset}, trail)
    members = _members(scope, spec, preset, {**values, "asset": asset}, trail)
    sha256 = _sha256(scope, slot, spec, trail)
    if checksum is None or members is None or sha256 is None:
        return None
    return Fetch(
        name=name,
        url=url,
        sha256=sha256,
        checksum_url=checksum,
        format=_format(spec, asset, members),
        members=members,
    )


def _checksum(
    scope: Scope, spec: FetchSpec, preset: Preset | None, values: Mapping[str, str], trail: KeyPath
) -> str | None:
    """The checksum's URL, empty where the definition holds the sha256 itself."""
    pattern = preset.checksum if preset else spec.checksum
    if spec.sha256 or not pattern:
        return ""
    url = scope.filled(pattern, (*trail, "checksum"), values)
    return url if url is not None and _sound(scope, url, (*trail, "checksum")) else None


def _members(
    scope: Scope, spec: FetchSpec, preset: Preset | None, values: Mapping[str, str], trail: KeyPath
) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for key, pattern in (spec.members or (preset.members if preset else {})).items():
        at = (*trail, "members", key)
        ours, theirs = scope.filled(key, at, values), scope.filled(pattern, at, values)
        if ours is None or theirs is None:
            return None
        if ours in {"", ".", ".."} or "/" in ours or "\\" in ours or not theirs:
            message = f'"{ours}" cannot name a member' if theirs else "the member's path is empty"
            scope.report.add("fetch", at, message, "write our file name: the path in the archive")
            return None
        found[ours] = theirs
    return found


def _sha256(scope: Scope, slot: Slot, spec: FetchSpec, trail: KeyPath) -> str | None:
    """The digits for this platform, empty where none are given."""
    at: KeyPath = (*trail, "sha256")
    value = spec.sha256
    if isinstance(value, dict):
        keys = [key for key in value if _means(key, slot)]
        if not keys:
            message = f"there is no sha256 for {slot.platform}"
            scope.report.add("fetch", at, message, "add it, or say under platforms what to fetch for")
            return None
        at, value = (*at, keys[0]), value[keys[0]]
    elif not value:
        return ""
    if _SHA256.fullmatch(value):
        return value
    scope.report.add("fetch", at, f'"{value}" is not a sha256', "write 64 lower-case hexadecimal digits")
    return None


def _format(spec: FetchSpec, asset: str, members: Mapping[str, str]) -> Literal["raw", "tar.gz", "zip"]:
    if spec.format != "auto":
        return spec.format
    if not members:
        return "raw"
    return next((kind for end, kind in _FORMATS.items() if asset.endswith(end)), "tar.gz")


def _sound(scope: Scope, url: str, trail: KeyPath) -> bool:
    """Whether the URL can be fetched safely; a finding where not."""
    problem = _unsound(url, scope.project.plain_http)
    if problem:
        scope.report.add("url", trail, problem.message, problem.hint)
    return problem is None


def _unsound(url: str, plain_http: tuple[str, ...]) -> Problem | None:
    if _SPACE.search(url):
        return Problem("the URL has spaces in it", "write %20 for a space that is meant")
    if _LOGIN.match(url):  # before any sentence that repeats the URL
        return Problem("the URL holds a user name or password", "delete it: secrets stay out of definitions")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return Problem(f'"{url}" is not a URL', "write https://host/path")
    if parts.scheme not in {"http", "https"} or not host:
        return Problem(f'"{url}" is not a URL', "write https://host/path")
    written = f"[{host}]" if ":" in host else host
    if parts.scheme == "http" and not (_is_loopback(host) or {written, f"{written}:{port}"} & {*plain_http}):
        return Problem(f"{host} is reached over plain HTTP", "write https, or declare it under plain-http")
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
