"""Mirrors: where a repository is read when the project names a registry in place of another.

A mirror is read *in place of* the registry that it mirrors, for tags too, and nothing falls back to the
latter. A tag then has one answer and not two (a mirror that lags behind gives old bases, which the pins
show, not now one and now the other), a machine without a way out fails at once with a sentence that names
both, and a project's rule about where bytes come from is kept. What is pinned is read by digest, so a
mirror cannot change it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.stores.redact import HIDDEN

_SCHEMES: Final = ("https", "http")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a repository is read.

    `scheme` is `http` or `https` where the mirror says so, else empty: then the host decides. `upstream`
    is the registry and repository that people wrote, where this is the mirror of it.
    """

    host: str
    repository: str
    scheme: str = ""
    upstream: str = ""

    def __str__(self) -> str:
        """`127.0.0.1:5000/mcr/windows/nanoserver`."""
        return f"{self.host}/{self.repository}"


def locate(registry: str, repository: str, mirrors: Mapping[str, str]) -> Location:
    """Where to read a repository; raises ConfigurationError for a mirror that cannot be one.

    `mirrors` maps `host[/path]` to `[http://|https://]host[/path]`. The longest name that covers the
    repository wins, and what of the repository's path is left is appended to the mirror's.
    """
    wanted = [registry, *repository.split("/")]
    covering = [name for name in mirrors if _covers(_parts(name), wanted)]
    if not covering:
        return Location(host=registry, repository=repository)
    name = max(covering, key=lambda item: len(_parts(item)))
    scheme, host, path = _read(name, mirrors[name])
    rest = wanted[len(_parts(name)) :]
    if not (path or rest):
        raise _wrong(name, mirrors[name], "name the repository at the mirror too, as in host/repository")
    return Location(
        host=host, repository="/".join((*path, *rest)), scheme=scheme, upstream=f"{registry}/{repository}"
    )


def plain_hosts(mirrors: Mapping[str, str]) -> frozenset[str]:
    """The hosts of mirrors that are declared to speak plain HTTP."""
    read = (_read(name, mirror) for name, mirror in mirrors.items())
    return frozenset(host for scheme, host, _ in read if scheme == "http")


def _read(name: str, mirror: str) -> tuple[str, str, list[str]]:
    scheme, separator, rest = mirror.rpartition("://")
    parts = _parts(rest)
    if (separator and scheme not in _SCHEMES) or not parts or not _plausible(parts):
        raise _wrong(name, mirror, "write host/path, as in 127.0.0.1:5000/mcr")
    return scheme, parts[0], parts[1:]


def _parts(text: str) -> list[str]:
    return text.strip("/").split("/") if text.strip("/") else []


def _plausible(parts: Iterable[str]) -> bool:
    return all(part and not set(part) & set(" ?#@\\\"'") for part in parts)


def _covers(name: list[str], wanted: list[str]) -> bool:
    return bool(name) and wanted[: len(name)] == name


def _wrong(name: str, mirror: str, hint: str) -> ConfigurationError:
    # What stands before an @ is a log-in.
    before, at, host = mirror.rpartition("@")
    shown = f"{HIDDEN}@{host}" if at and before else mirror
    message = f"{shown!r} cannot be the mirror of {name!r}"
    return ConfigurationError(Diagnostic(code="bad-mirror", message=message, hint=hint))
