"""What a program says of where it runs, held against its image: operating system, processor, Windows build.

Only keys that the answer has are looked at, and only values that are words of that kind: a program may mean
something else by `os`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from buildtools.oci.platform import Platform, PlatformError, parse_platform
from buildtools.windows.releases import OsVersionError, parse_os_version

_SYSTEMS: Final = frozenset({"linux", "windows", "darwin", "freebsd"})
_ARCHITECTURES: Final = frozenset({"386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x"})
_SYSTEM_KEYS: Final = ("os", "os_type", "goos")
_ARCHITECTURE_KEYS: Final = ("architecture", "arch", "goarch")
_VERSION_KEYS: Final = ("os_version", "osversion", "os.version")
_BUILD_KEYS: Final = ("build", "os_build")


def answer_findings(platform: Platform, answer: Mapping[str, Any]) -> Iterator[str]:
    """What in the answer does not fit the image's platform, a sentence each."""
    yield from _system(platform, answer)
    yield from _architecture(platform, answer)
    if platform.os == "windows" and platform.os_version:
        yield from _build(platform, answer)


def _system(platform: Platform, answer: Mapping[str, Any]) -> Iterator[str]:
    for key, value in _texts(answer, _SYSTEM_KEYS):
        if (said := value.lower()) in _SYSTEMS and said != platform.os:
            yield f"answered {key} = {value!r}, its image is for {platform.os}"


def _architecture(platform: Platform, answer: Mapping[str, Any]) -> Iterator[str]:
    for key, value in _texts(answer, _ARCHITECTURE_KEYS):
        try:
            said = parse_platform(f"{platform.os}/{value}").normalised().architecture
        except PlatformError:
            continue
        if said in _ARCHITECTURES and said != platform.normalised().architecture:
            yield f"answered {key} = {value!r}, its image is for {platform.architecture}"


def _build(platform: Platform, answer: Mapping[str, Any]) -> Iterator[str]:
    try:
        wanted = parse_os_version(platform.os_version).build
    except OsVersionError:
        return
    said: list[tuple[str, Any, int]] = []
    for key, value in _texts(answer, _VERSION_KEYS):
        try:
            said.append((key, value, parse_os_version(value).build))
        except OsVersionError:
            yield f"answered {key} = {value!r}, which is no Windows version"
    for key in _BUILD_KEYS:
        text = str(answer.get(key))
        if text.isascii() and text.isdigit():
            said.append((key, answer[key], int(text[:12])))
    for key, value, build in said:
        if build != wanted:
            yield f"answered {key} = {value!r}, its image is for build {wanted}"


def _texts(answer: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key in keys:
        if isinstance(value := answer.get(key), str):
            yield key, value
