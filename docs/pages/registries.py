"""docs/reference/registries.md: what is known of registries beforehand."""

from typing import Final

from buildtools.stores.pace import MOST
from buildtools.stores.profiles import DEFAULT, MIB, PROFILES, Profile
from docs.pages.text import row

_REGISTRIES: Final = """\
# Registries

`buildtools` keeps to the distribution specification and finds out by asking what a registry can do: what
fails is tried another way, and a run that ended is simply run again. Where it is known beforehand that
something fails on a registry, a row of `buildtools/stores/profiles.py` spares the try. The rows come from the
reports named in them; docker-registry is the only one of these that the tests ask.

A host is asked %d things at a time at most. Where it answers that it is overloaded (429, 503), all of them
wait as long as it says (`Retry-After`, up to `--max-wait`), and half as much is asked at a time until it is
well again.

| registry | one PUT up to | larger blobs | what is known | reported in |
|---|---|---|---|---|
"""


def registries() -> str:
    """The text of the page."""
    rows = [
        row(one.name, f"{one.at_once // MIB} MiB", _larger(one), "; ".join(one.quirks), one.source)
        for one in (*PROFILES, DEFAULT)
    ]
    return _REGISTRIES % MOST + "".join(rows)


def _larger(profile: Profile) -> str:
    how = {"stream": "one PATCH", "chunks": "chunks", "whole": "one PUT"}[profile.large]
    again = "resumes" if profile.resumes else "begins anew"
    return f"{how}, {again} after a break; chunks of {profile.chunk // MIB} MiB where it is too much at once"
