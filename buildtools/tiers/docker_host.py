"""What a Docker Engine says of its machine, and which images that machine runs.

Sources: moby/moby:api (SystemInfo); MicrosoftDocs/Virtualization-Documentation:version-compatibility.md by
the table of releases.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from buildtools.dockerd import windows_version
from buildtools.oci.config import ImageConfig
from buildtools.oci.platform import Platform, parse_platform
from buildtools.windows.releases import OsVersion, OsVersionError, by_build, parse_os_version

_VER: Final = re.compile(r"(\d{1,5}\.\d{1,5}\.\d{1,5}(?:\.\d{1,9})?)\]", re.ASCII)
_LOCAL: Final = frozenset({"localhost", "localnpipe", "127.0.0.1", "::1"})

OLDER_HOST: Final = (
    "the image is of {}, and this host of {}: under process isolation it may not start before the host's "
    "update (0xc0370106; actions/runner-images#11582)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHost:
    """The machine of an engine.

    `version` is that of Windows, without a revision where the engine does not tell, None where it tells
    nothing and elsewhere. `local` says whether its ports are ours.
    """

    platform: Platform
    version: OsVersion | None = None
    local: bool = True


def engine_host(info: Mapping[str, Any], host: str) -> EngineHost:
    """What `docker info` says, asked at this host name; raises PlatformError."""
    platform = parse_platform(f"{info.get('OSType')}/{info.get('Architecture')}").normalised()
    version = windows_version(info) if platform.os == "windows" else None
    return EngineHost(platform=platform, version=version, local=host in _LOCAL)


def refusal(config: ImageConfig, host: EngineHost) -> str:
    """Why the engine cannot run the image; empty if it can."""
    wanted = config.platform.normalised()
    if not host.local:
        return "the Docker Engine is on another machine, whose ports cannot be asked from here"
    if wanted.os != host.platform.os:
        return f"needs an engine for {wanted.os} containers, this one is for {host.platform.os}"
    if wanted.architecture != host.platform.architecture:
        return f"needs an engine on {wanted.architecture}, this one is on {host.platform.architecture}"
    return _windows_refusal(config.platform.os_version, host.version) if wanted.os == "windows" else ""


def _windows_refusal(os_version: str, host: OsVersion | None) -> str:
    """Only process isolation is tried: it shows the image on the kernel that a node has."""
    if not os_version:
        return "HostProcess images run on nodes of a cluster only"
    try:
        image = parse_os_version(os_version)
    except OsVersionError as error:
        return str(error)
    if host is None:
        return "the engine does not say which Windows it is of"
    if image.build > host.build:
        return f"the image is of build {image.build}, newer than this host's {host.build}"
    row = by_build(image.build)
    if host.build not in (row.process_hosts if row else (image.build,)):
        return f"a host of build {host.build} runs images of build {image.build} under Hyper-V only"
    return ""


def patch_remark(config: ImageConfig, host: EngineHost) -> str:
    """What to say where an image of the host's own build is patched further than the host; else empty."""
    if host.version is None or host.version.revision is None or not config.platform.os_version:
        return ""
    image = parse_os_version(config.platform.os_version)
    if image.build != host.version.build or image <= host.version:
        return ""
    return OLDER_HOST.format(image, host.version)


def inner_remark(told: str, config: ImageConfig) -> str:
    """What is odd about what `ver` tells inside of the container, empty where it is of the image's build.

    OsVersion is only what the image says of itself. A finding it is not: what a process-isolated container
    is told by its host's kernel was not tried on every pair of releases.
    """
    found = _VER.search(told)
    try:
        inner = parse_os_version(found[1] if found else "")
        if inner.build == parse_os_version(config.platform.os_version).build:
            return ""
    except OsVersionError:
        return "its Windows version was not asked for, since cmd /c ver does not run in it"
    return f"its container says that it is Windows {inner}, and the image {config.platform.os_version}"


def loaded_faults(seen: Mapping[str, Any], config: ImageConfig, manifest_digest: str) -> str:
    """What of a loaded image, as the engine inspects it, is not the image's; empty for nothing.

    With a graph driver, as on Windows, an image's Id is its config's digest, with containerd's store its
    manifest's (moby/moby:daemon/image_store_choice.go).
    """
    wanted = config.platform
    pairs = (("Os", wanted.os), ("Architecture", wanted.architecture), ("OsVersion", wanted.os_version))
    faults = [
        f"{name} {seen.get(name)!r} for {value!r}" for name, value in pairs if (seen.get(name) or "") != value
    ]
    if seen.get("Id") not in {config.descriptor.digest, manifest_digest}:
        faults.append(f"Id {seen.get('Id')} for {config.descriptor.digest}")
    return ", ".join(faults)
