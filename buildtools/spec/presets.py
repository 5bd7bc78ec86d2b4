"""Release assets whose naming schemes are built in: Linkerd's three, each named in its own way.

Tags such as `release/v2.310.0` hold a slash, which a download URL writes as `%2F`.
Sources: linkerd/linkerd2-proxy:justfile, linkerd/linkerd2-proxy-init:validator/.justfile,
linkerd/linkerd-await:justfile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_RELEASES: Final = "https://github.com/linkerd/{}/releases/download"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a `fetch` entry with `preset` need not say; `platforms` are those that the project releases."""

    url: str
    checksum: str
    platforms: tuple[str, ...]
    members: Mapping[str, str] = field(default_factory=dict, hash=False)


def _proxy() -> Preset:
    folder = "linkerd2-proxy-v{version}-{os}-{arch}"
    release = f"{_RELEASES.format('linkerd2-proxy')}/release%2Fv{{version}}"
    return Preset(
        url=f"{release}/{folder}.tar.gz",
        checksum=f"{release}/{folder}.txt",
        platforms=("linux/amd64", "linux/arm64", "windows/amd64"),
        members={"linkerd2-proxy{exe}": f"{folder}/linkerd2-proxy{{exe}}", "LICENSE": f"{folder}/LICENSE"},
    )


def _network_validator() -> Preset:
    # Architecture before operating system, the other way round than the proxy's.
    folder = "linkerd-network-validator-v{version}-{arch}-{os}"
    release = f"{_RELEASES.format('linkerd2-proxy-init')}/validator%2Fv{{version}}"
    return Preset(
        url=f"{release}/{folder}.tgz",
        checksum=f"{release}/{folder}.txt",
        platforms=("linux/amd64", "linux/arm64", "windows/amd64"),
        members={"linkerd-network-validator{exe}": f"{folder}/linkerd-network-validator{{exe}}"},
    )


def _await() -> Preset:
    # A bare program whose name does not say the operating system; the checksum names it `release/<file>`.
    release = f"{_RELEASES.format('linkerd-await')}/release%2Fv{{version}}"
    file = f"{release}/linkerd-await-v{{version}}-{{arch}}{{exe}}"
    return Preset(
        url=file,
        checksum=f"{file}.shasum",
        platforms=("linux/amd64", "linux/arm64", "windows/amd64"),
    )


PRESETS: Final[Mapping[str, Preset]] = {
    "linkerd-await": _await(),
    "linkerd-network-validator": _network_validator(),
    "linkerd-proxy": _proxy(),
}
"""Presets by the name that `fetch.<name>.preset` gives."""
