"""Which entries a person means: `linux`, `linux/arm64`, `windows/amd64:ltsc2022`, `windows:10.0.20348`."""

from dataclasses import dataclass, replace

from buildtools.oci.platform import Platform, PlatformError, parse_platform
from buildtools.oci.quote import quoted
from buildtools.windows.releases import (
    OsVersion,
    OsVersionError,
    UnknownReleaseError,
    parse_os_version,
    release,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformPattern:
    """Platforms that a text names.

    `platform` has no architecture where all are meant. `build` is a Windows build, None for every one;
    `version` is the only four-part version that is meant, where one is written.
    """

    text: str
    platform: Platform
    build: int | None = None
    version: OsVersion | None = None

    def matches(self, platform: Platform) -> bool:
        """Whether the platform is one of those that are meant."""
        found, wanted = platform.normalised(), self.platform
        if found.os != wanted.os:
            return False
        if wanted.architecture and (found.architecture, found.variant) != (
            wanted.architecture,
            wanted.variant,
        ):
            return False
        if self.build is None:
            return True
        try:
            version = parse_os_version(found.os_version)
        except OsVersionError:
            return False
        return version.build == self.build and self.version in {None, version}


def parse_pattern(text: str) -> PlatformPattern:
    """Read `os[/architecture[/variant]][:release or version]`; raises PlatformError."""
    place, colon, version = text.partition(":")
    if colon and not version:
        raise PlatformError(
            f"platform {quoted(text)} ends in a colon: write a version behind it or leave it out"
        )
    # An architecture of its own for a moment, so that one rule says what a platform's words are.
    bare = "/" not in place
    platform = parse_platform(f"{place}/any" if bare else place)
    where = replace(platform, architecture="" if bare else platform.architecture)
    if not version:
        return PlatformPattern(text=text, platform=where)
    if where.os != "windows":
        raise PlatformError(f"only Windows has versions: write {where.os} in place of {text}")
    try:
        found = parse_os_version(version)
    except OsVersionError:
        try:
            return PlatformPattern(text=text, platform=where, build=release(version).build)
        except UnknownReleaseError as error:
            raise PlatformError(str(error)) from error
    exact = None if found.revision is None else found
    return PlatformPattern(text=text, platform=where, build=found.build, version=exact)
