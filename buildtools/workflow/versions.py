"""Which of an action's releases is taken: the newest of its major version that has been out for some days."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

DAY: Final = 86_400
"""Seconds."""

Version = tuple[int, int, int]

_VERSION: Final = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version by its tag; `published` is in seconds since 1970, None where it has to be asked for."""

    tag: str
    published: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is taken, None where nothing newer may be; tags that are too young; the newest major beyond."""

    release: Release | None = None
    young: tuple[str, ...] = ()
    major: str = ""


def parse_version(tag: str) -> Version | None:
    """`v7.0.1`, `7.0.1` and `v1.3` as numbers; None for a tag that moves (`v7`), a preview, and the like."""
    match = _VERSION.fullmatch(tag)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def choose(
    releases: Iterable[Release],
    current: str,
    *,
    published: Callable[[str], float],
    before: float,
    any_major: bool = False,
) -> Chosen:
    """The newest release above `current` that was published `before` that time, in seconds since 1970.

    `published` says when for a tag whose release does not; it is asked for as few as possible. Without
    `any_major` other major versions are only named. A current version that is no version is left alone.
    """
    now = parse_version(current)
    if now is None:
        return Chosen()
    known = {release: parse_version(release.tag) for release in releases}
    above = sorted(
        ((version, release) for release, version in known.items() if version and version > now),
        key=lambda pair: pair[0],
        reverse=True,
    )
    beyond = next((release.tag for version, release in above if version[0] > now[0]), "")
    young: list[str] = []
    for version, release in above:
        if version[0] > now[0] and not any_major:
            continue
        when = published(release.tag) if release.published is None else release.published
        if when <= before:
            taken = parse_version(release.tag)
            gone_to = bool(taken and taken[0] > now[0])
            return Chosen(release=release, young=tuple(young), major="" if gone_to else beyond)
        young.append(release.tag)
    return Chosen(young=tuple(young), major=beyond)
