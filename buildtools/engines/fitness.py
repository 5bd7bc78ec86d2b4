"""Whether an engine can build a target, and with which isolation: said before anything is sent to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from buildtools.dockerd import EngineInfo, NoEngineError
from buildtools.errors import MissingToolError
from buildtools.plan import Target
from buildtools.windows.isolation import NEWER_CODE, isolation_for
from buildtools.windows.releases import OsVersion, OsVersionError, parse_os_version

_HINTS: Final[Mapping[str, str]] = {
    "exec format error": "the engine's machine does not run programs of {architecture}: build there, or "
    "install emulation (binfmt_misc)",
    "no space left on device": "the engine's disk is full: free some with `docker system prune`",
    "There is not enough space on the disk": "the engine's disk is full: free some with "
    "`docker system prune`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """How an engine builds a target: `isolation` is empty on Linux; `host` is its Windows version."""

    engine: str
    isolation: str = ""
    host: OsVersion | None = None
    warning: str = ""


def require_fit(engine: EngineInfo, target: Target) -> Fitness:
    """How the engine builds the target; raises MissingToolError where it cannot."""
    wanted = target.variant.platform
    if engine.os != wanted.os:
        raise NoEngineError(
            f"{target.name} needs a Docker Engine for {wanted.os}, and the {engine} is for {engine.os}",
            hint=_other_mode(target, engine),
        )
    if wanted.os != "windows":
        return Fitness(engine=str(engine), warning=_foreign(engine, target))
    image = _version(target)
    if image is None or engine.host is None:
        return Fitness(engine=str(engine), isolation=engine.isolation or "process", host=engine.host)
    chosen = isolation_for(image, engine.host)
    if chosen.mode == "refused":
        raise MissingToolError(f"{target.name}: {chosen.reason}", hint=chosen.hint)
    told = f"{chosen.reason}: {chosen.hint}" if chosen.mode == "hyperv" else ""
    warning = f"{chosen.warning}: {chosen.hint}" if chosen.warning else told
    return Fitness(engine=str(engine), isolation=chosen.mode, host=engine.host, warning=warning)


def hint_for(message: str, target: Target, fitness: Fitness) -> str:
    """What to do about an engine's message, empty where we know nothing."""
    if NEWER_CODE in message:
        image = target.base.os_version or "unknown"
        return (
            f"the base is of {image} and the engine's host of {fitness.host or 'unknown'}: a container "
            "that is newer than its host does not start; update the host, or pin the base's earlier patch"
        )
    return known_hint(message, target.variant.platform.architecture)


def known_hint(message: str, architecture: str) -> str:
    """What to do about a message that any engine may have, empty where we know nothing."""
    hints = (hint for part, hint in _HINTS.items() if part in message)
    return next(hints, "").format(architecture=architecture)


def _version(target: Target) -> OsVersion | None:
    """The base's Windows version; without its patch level where the base is not known."""
    release = target.variant.release
    try:
        return parse_os_version(target.base.os_version)
    except OsVersionError:
        return OsVersion(10, 0, release.build) if release else None


def _other_mode(target: Target, engine: EngineInfo) -> str:
    if target.variant.platform.os == "linux":
        return (
            "switch Docker Desktop to Linux containers, or name a Linux engine in DOCKER_HOST, "
            "such as one in WSL"
        )
    runner = target.runner or "a Windows machine with an engine"
    if engine.name == "docker-desktop":
        return f"switch Docker Desktop to Windows containers, or build it on {runner}"
    return f"build it on {runner}; a Dockerfile that only copies becomes `files`, which need no engine"


def _foreign(engine: EngineInfo, target: Target) -> str:
    wanted = target.variant.platform
    if engine.architecture == wanted.architecture:
        return ""
    return (
        f"the engine is for {engine.architecture}: RUN works for {wanted.architecture} only where the "
        "machine emulates it"
    )
