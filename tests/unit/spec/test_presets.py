"""Presets: Linkerd's assets by the names that its releases give them.

Expected names are those of the project's release pages, written out by hand.
"""

# ruff: noqa: E501 - sentences are asserted whole, each on its line
from collections.abc import Callable

import pytest

from buildtools.spec.presets import PRESETS
from buildtools.spec.variant import Fetch, Variant

GITHUB = "https://github.com/linkerd"
PROXY = f"{GITHUB}/linkerd2-proxy/releases/download/release%2Fv2.310.0"
VALIDATOR = f"{GITHUB}/linkerd2-proxy-init/releases/download/validator%2Fv0.1.9"
AWAIT = f"{GITHUB}/linkerd-await/releases/download/release%2Fv0.3.1"

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]


def proxy(system: str, arch: str, exe: str) -> Fetch:
    """The proxy: operating system, then architecture; one folder of the archive's own name."""
    folder = f"linkerd2-proxy-v2.310.0-{system}-{arch}"
    return Fetch(
        name="a",
        url=f"{PROXY}/{folder}.tar.gz",
        checksum_url=f"{PROXY}/{folder}.txt",
        format="tar.gz",
        members={f"linkerd2-proxy{exe}": f"{folder}/linkerd2-proxy{exe}", "LICENSE": f"{folder}/LICENSE"},
    )


def validator(system: str, arch: str, exe: str) -> Fetch:
    """The validator: architecture, then operating system; `.tgz`."""
    folder = f"linkerd-network-validator-v0.1.9-{arch}-{system}"
    program = f"linkerd-network-validator{exe}"
    return Fetch(
        name="a",
        url=f"{VALIDATOR}/{folder}.tgz",
        checksum_url=f"{VALIDATOR}/{folder}.txt",
        format="tar.gz",
        members={program: f"{folder}/{program}"},
    )


def bare(system: str, arch: str, exe: str) -> Fetch:
    """linkerd-await: a bare program; no name says the operating system."""
    url = f"{AWAIT}/linkerd-await-v0.3.1-{arch}{exe}"
    return Fetch(name="a", url=url, checksum_url=f"{url}.shasum")


PLATFORMS = (("linux", "amd64", ""), ("linux", "arm64", ""), ("windows", "amd64", ".exe"))
SCHEMES = {
    "linkerd-proxy": ("{preset: linkerd-proxy, version: 2.310.0}", proxy),
    "linkerd-network-validator": ("{preset: linkerd-network-validator, version: 0.1.9}", validator),
    "linkerd-await": ("{preset: linkerd-await, version: 0.3.1}", bare),
}


def on(os: str, arch: str) -> str:
    """Top-level keys for one platform."""
    return f"platforms: [{os}/{arch}]\nbase: {'scratch' if os == 'linux' else 'nanoserver'}\n"


@pytest.mark.parametrize(("os", "arch", "exe"), PLATFORMS)
@pytest.mark.parametrize("name", SCHEMES)
def test_a_preset_names_what_the_project_releases(
    variants: Variants, name: str, os: str, arch: str, exe: str
) -> None:
    """Each naming scheme and checksum suffix, on each platform; the tag's slash is `%2F`."""
    spec, expected = SCHEMES[name]
    for variant in variants(f"fetch: {{a: {spec}}}\n{on(os, arch)}"):
        assert variant.fetches == (expected(os, arch, exe),)


def test_the_fourth_scheme_can_be_written(variants: Variants) -> None:
    """The command line tool, whose version is its whole tag, has no preset: a pattern reaches it."""
    release = f"{GITHUB}/linkerd2/releases/download/{{version}}"
    spec = f'{{version: edge-26.6.3, url: "{release}/linkerd2-cli-{{version}}-{{os}}{{exe}}", sha256: "{"0" * 64}"}}'
    found = variants(f"fetch: {{a: {spec}}}\n{on('windows', 'amd64')}")
    url = f"{GITHUB}/linkerd2/releases/download/edge-26.6.3/linkerd2-cli-edge-26.6.3-windows.exe"
    assert {each.fetches for each in found} == {(Fetch(name="a", url=url, sha256="0" * 64),)}


def test_every_preset_is_held_to_its_scheme() -> None:
    """A preset without a row above would be untested."""
    assert sorted(PRESETS) == sorted(SCHEMES)
    names = tuple("/".join(row[:2]) for row in PLATFORMS)
    assert {preset.platforms for preset in PRESETS.values()} == {names}


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("platform", ["linux/arm/v7", "linux/s390x", "linux/amd64/v3"])
def test_what_a_project_does_not_release_is_not_asked_for(faults: Faults, name: str, platform: str) -> None:
    """The preset says so before a server does."""
    text = f'fetch:\n  a:\n    preset: {name}\n    version: "1.2.3"\nplatforms: [{platform}]\n'
    assert faults(text) == [
        f"image.yaml:3:13: preset {name} has nothing for {platform}: it has linux/amd64, linux/arm64, windows/amd64"
    ]


def test_a_filter_leaves_a_missing_platform_out(variants: Variants) -> None:
    """What is fetched for some platforms only is not missed on the others."""
    text = 'fetch: {a: {preset: linkerd-proxy, version: "1.2.3", platforms: [linux/arm64]}}\n'
    found = variants(text + "platforms: [linux/s390x, linux/arm64]\n")
    assert [len(each.fetches) for each in found] == [0, 1]


def test_chosen_members_replace_those_of_the_preset(variants: Variants) -> None:
    """The debug symbols lie in the same archive."""
    members = '{proxy.dbg: "linkerd2-proxy-v{version}-{os}-{arch}/linkerd2-proxy{exe}.dbg"}'
    text = f'fetch: {{a: {{preset: linkerd-proxy, version: "2.310.0", members: {members}}}}}\n'
    for variant in variants(text + on("windows", "amd64")):
        (fetch,) = variant.fetches
        assert fetch.url == proxy("windows", "amd64", ".exe").url
        assert fetch.members == {"proxy.dbg": "linkerd2-proxy-v2.310.0-windows-amd64/linkerd2-proxy.exe.dbg"}


def test_own_digits_replace_the_checksum_file_of_the_preset(variants: Variants) -> None:
    """A definition that holds the sha256 needs no file of the publisher."""
    text = f'fetch: {{a: {{preset: linkerd-await, version: "0.3.1", sha256: "{"0" * 64}"}}}}\n'
    (variant,) = variants(text)
    assert variant.fetches == (Fetch(name="a", url=f"{AWAIT}/linkerd-await-v0.3.1-amd64", sha256="0" * 64),)
