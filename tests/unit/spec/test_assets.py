"""Fetched assets: patterns filled in, presets, checksums, and a sentence for each mistake."""

# ruff: noqa: E501 - sentences are asserted whole, each on its line
import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError
from buildtools.spec.variant import Fetch, Variant

SHA = "0123456789abcdef" * 4
MIXED = "platforms: [linux/amd64, linux/arm64, windows/amd64]\nbase: {linux: scratch, windows: nanoserver}\n"
RAW = "url: https://h.io/a-{arch}{exe}"
SUM = 'checksum: "{url}.sha256"'
NEITHER = "neither checksum nor sha256 is given: write one of them: nothing unverified gets into an image"

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]


def entry(*lines: str, name: str = "a") -> str:
    """A definition that fetches one asset; its first key stands on line 3, in column 5."""
    return f"fetch:\n  {name}:\n" + "".join(f"    {line}\n" for line in lines)


def placed(*sentences: str) -> list[str]:
    """The sentences as they stand in a message."""
    return [f"image.yaml:{sentence}" for sentence in sentences]


def test_an_asset_is_found_for_each_platform(variants: Variants) -> None:
    """Names that the asset's project has of its own take the place of ours, and `{exe}` is only Windows'."""
    lines = ('version: "1.2.0"', "os-names: {windows: win}", "arch-names: {amd64: x86_64}")
    url = 'url: "https://h.io/v{version}/{name}-{os}-{arch}{exe}"'
    found = {each.label: each.fetches for each in variants(entry(url, SUM, *lines) + MIXED)}
    linux, arm, windows = (
        Fetch(
            name="a", url=f"https://h.io/v1.2.0/x-{end}", checksum_url=f"https://h.io/v1.2.0/x-{end}.sha256"
        )
        for end in ("linux-x86_64", "linux-arm64", "win-x86_64.exe")
    )
    assert found == {
        "linux/amd64": (linux,),
        "linux/arm64": (arm,),
        **{f"windows/amd64:{name}": (windows,) for name in ("ltsc2019", "ltsc2022")},
    }


def test_a_checksum_pattern_may_use_the_asset_and_its_url(variants: Variants) -> None:
    """`{asset}` is the last part of the path, without query or folder."""
    url = 'url: "https://h.io/x/tool.tgz?raw=1"'
    pattern = 'checksum: "https://s.io/{asset}.sum?of={url}"'
    (variant,) = variants(entry(url, pattern))
    assert variant.fetches[0].checksum_url == "https://s.io/tool.tgz.sum?of=https://h.io/x/tool.tgz?raw=1"


def test_a_value_with_braces_is_no_placeholder(variants: Variants) -> None:
    """What is filled in is not filled in again."""
    lines = ("url: https://h.io/{version}", 'version: "{os}"', f"sha256: {SHA}")
    assert variants(entry(*lines))[0].fetches[0].url == "https://h.io/{os}"


@pytest.mark.parametrize(
    "sha256", [SHA, f"{{linux/x86_64: {SHA}, linux/arm64/v8: {SHA}, windows/amd64: {SHA}}}"]
)
def test_the_digits_may_stand_in_the_definition(variants: Variants, sha256: str) -> None:
    """For all platforms or one by one, under any name of a platform; then no checksum is fetched."""
    found = [each.fetches[0] for each in variants(entry(RAW, f"sha256: {sha256}") + MIXED)]
    assert [(fetch.sha256, fetch.checksum_url) for fetch in found] == [(SHA, "")] * 4


def test_each_platform_has_its_own_digits(variants: Variants) -> None:
    """One variant never gets another's."""
    other = SHA[::-1]
    text = entry(RAW, f"sha256: {{linux/amd64: {SHA}, linux/arm64: {other}}}")
    found = variants(text + "platforms: [linux/arm64, linux/amd64]\n")
    assert [each.fetches[0].sha256 for each in found] == [other, SHA]


@pytest.mark.parametrize(
    ("asset", "lines", "kind"),
    [
        ("a", [], "raw"),
        ("a.tar.gz", [], "raw"),
        ("a.tar.gz", ["members: {b: c}"], "tar.gz"),
        ("a.tgz", ["members: {b: c}"], "tar.gz"),
        ("a.zip", ["members: {b: c}"], "zip"),
        ("a", ["members: {b: c}"], "tar.gz"),
        ("a.zip?x=.tgz", ["members: {b: c}"], "zip"),
        ("a.zip", ["members: {b: c}", "format: tar.gz"], "tar.gz"),
        ("a", ["members: {b: c}", "format: zip"], "zip"),
        ("a.zip", ["format: raw"], "raw"),
    ],
)
def test_the_format_goes_by_the_name(variants: Variants, asset: str, lines: list[str], kind: str) -> None:
    """But a format that is written down counts, and an asset without members is used as it is."""
    (variant,) = variants(entry(f"url: https://h.io/{asset}", SUM, *lines))
    assert variant.fetches[0].format == kind


def test_members_are_filled_in_on_both_sides(variants: Variants) -> None:
    """Our name and the path in the archive may differ from platform to platform."""
    lines = ('url: "https://h.io/t-{os}.zip"', SUM, 'members: {"t{exe}": "{asset}/{os}/t{exe}"}')
    found = {each.platform.os: dict(each.fetches[0].members) for each in variants(entry(*lines) + MIXED)}
    assert found == {
        "linux": {"t": "t-linux.zip/linux/t"},
        "windows": {"t.exe": "t-windows.zip/windows/t.exe"},
    }


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ("[linux]", ["linux/amd64", "linux/arm/v6", "linux/arm/v7"]),
        ("[windows]", ["windows/amd64:ltsc2022"]),
        ("[linux/arm]", ["linux/arm/v6", "linux/arm/v7"]),
        ("[linux/arm/v6]", ["linux/arm/v6"]),
        ("[linux/amd64, windows/amd64]", ["linux/amd64", "windows/amd64:ltsc2022"]),
        ("[linux/x86_64]", ["linux/amd64"]),
        ("[]", ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "windows/amd64:ltsc2022"]),
    ],
)
def test_an_asset_may_be_for_some_platforms_only(variants: Variants, asked: str, labels: list[str]) -> None:
    """By operating system, with the architecture, or with the variant; other names of the same count, too."""
    names = "platforms: [linux/amd64, linux/arm/v6, linux/arm/v7, 'windows/amd64:ltsc2022']\n"
    text = entry(RAW, SUM, f"platforms: {asked}") + names + "base: {linux: scratch, windows: nanoserver}\n"
    assert [each.label for each in variants(text) if each.fetches] == labels


ENTRIES = [
    (["{}"], ["3:5: neither preset nor url is given: write a url, or preset: linkerd-await or linkerd-network-validator or linkerd-proxy"]),
    ([RAW], [f"3:5: {NEITHER}"]),
    ([RAW, SUM, f"sha256: {SHA}"], ["3:5: both checksum and sha256 are given: write one of them: nothing unverified gets into an image"]),
    ([RAW, "sha256: {}"], [f"3:5: {NEITHER}"]),
    ([RAW, SUM, 'version: "v1.2"'], ['5:5: version "v1.2" starts with v: write "1.2"']),
    (['url: "https://h.io/{version}"', SUM], ['3:5: a pattern uses {version} and no version is given: add it, quoted: version: "1.2.3"']),
    ([RAW, 'checksum: "{url}-{version}"'], ['3:5: a pattern uses {version} and no version is given: add it, quoted: version: "1.2.3"']),
    ([RAW, SUM, 'members: {b: "{version}"}'], ['3:5: a pattern uses {version} and no version is given: add it, quoted: version: "1.2.3"']),
    ([RAW, SUM, 'members: {"{version}": b}'], ['3:5: a pattern uses {version} and no version is given: add it, quoted: version: "1.2.3"']),
    ([RAW, SUM, "format: zip"], ["5:5: no member of the archive is chosen: list them under members"]),
    ([RAW, SUM, "format: tar.gz"], ["5:5: no member of the archive is chosen: list them under members"]),
    ([RAW, SUM, "format: raw", "members: {b: c}"], ["5:5: a raw asset has no members: delete format, or members"]),
    ([RAW, SUM, "os-names: {darwin: mac}"], ['5:16: unknown operating system "darwin": write linux or windows']),
    ([RAW, SUM, "arch-names: {sparc: x}"], ['5:18: unknown architecture "sparc": write amd64 or arm64']),
    ([RAW, SUM, "arch-names: {x86_64: x}"], ['5:18: unknown architecture "x86_64": write amd64']),
    ([RAW, SUM, "arch-names: {amd64/v3: x}"], ['5:18: unknown architecture "amd64/v3": write amd64']),
    ([RAW, SUM, "platforms: [mac]"], ['5:17: "mac" is not a platform: write linux/amd64 or windows/amd64:ltsc2022']),
    ([RAW, SUM, 'platforms: ["windows/amd64:ltsc2022"]'], ["5:17: assets are fetched once for all Windows releases: write windows/amd64"]),
    ([RAW, f"sha256: {{linux: {SHA}}}"], ['4:14: "linux" is not a platform: write linux/amd64 or windows/amd64:ltsc2022']),
    ([RAW, f'sha256: {{"windows/amd64:ltsc2022": {SHA}}}'], ["4:14: assets are fetched once for all Windows releases: write windows/amd64"]),
    ([RAW, f"sha256: {{linux/arm64: {SHA}}}"], ["4:13: there is no sha256 for linux/amd64: add it, or say under platforms what to fetch for"]),
    ([RAW, f"sha256: {SHA.upper()}"], [f'4:13: "{SHA.upper()}" is not a sha256: write 64 lower-case hexadecimal digits']),
    ([RAW, f"sha256: {{linux/amd64: sha256:{SHA}}}"], [f'4:27: "sha256:{SHA}" is not a sha256: write 64 lower-case hexadecimal digits']),
    ([RAW, 'sha256: {linux/amd64: ""}'], ['4:27: "" is not a sha256: write 64 lower-case hexadecimal digits']),
    (['url: "https://h.io/{release}"', SUM], ["3:10: placeholder {release} has no meaning here: {release} is the Windows release, such as ltsc2022 (for Windows variants, not in build and fetch)"]),
    (['url: "https://h.io/{asset}"', SUM], ["3:10: placeholder {asset} has no meaning here: {asset} is the asset's file name (in a checksum or member pattern only)"]),
    ([RAW, 'checksum: "{ur}.sha256"'], ["4:15: unknown placeholder {ur}: did you mean {url}?"]),
    ([RAW, 'checksum: "ftp://h.io/{asset}"'], ['4:15: "ftp://h.io/a-amd64" is not a URL: write https://host/path']),
    ([RAW, SUM, 'members: {"{nam}": c}'], ["5:24: unknown placeholder {nam}: did you mean {name}?"]),
    ([RAW, SUM, 'members: {b: "{}"}'], ["5:18: unknown placeholder {}: there are {name}, {os}, {arch}, {variant}, {exe}, {version}, {asset}, and {{ for a brace that is meant"]),
    ([RAW, SUM, "members: {b/c: d}"], ['5:20: "b/c" cannot name a member: write our file name: the path in the archive']),
    ([RAW, SUM, "members: {'b\\c': d}"], ['5:22: "b\\c" cannot name a member: write our file name: the path in the archive']),
    ([RAW, SUM, "members: {'': d}"], ['5:19: "" cannot name a member: write our file name: the path in the archive']),
    ([RAW, SUM, "members: {.: d}"], ['5:18: "." cannot name a member: write our file name: the path in the archive']),
    ([RAW, SUM, "members: {..: d}"], ['5:19: ".." cannot name a member: write our file name: the path in the archive']),
    ([RAW, SUM, "members: {b: ''}"], ["5:18: the member's path is empty: write our file name: the path in the archive"]),
    (["preset: linkerd-proxi", 'version: "1.2.3"'], ['3:5: unknown preset "linkerd-proxi": did you mean linkerd-proxy?']),
    (["preset: kubectl", 'version: "1.2.3"'], ['3:5: unknown preset "kubectl": the presets are linkerd-await, linkerd-network-validator, linkerd-proxy']),
    (["preset: linkerd-proxy"], ['3:5: preset linkerd-proxy needs a version: add it, quoted: version: "1.2.3"']),
    (["preset: linkerd-proxy", 'version: "1.2.3"', RAW, SUM], ["5:5: url and preset exclude each other: delete one of the two", "6:5: checksum and preset exclude each other: delete one of the two"]),
    (["preset: linkerd-proxy", 'version: "1.2.3"', "format: raw"], ["5:5: a raw asset has no members: delete format, or members"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "sentences"), ENTRIES)
def test_an_entry_that_cannot_be_is_refused(faults: Faults, lines: list[str], sentences: list[str]) -> None:
    """What contradicts itself, what is missing, and what no platform has."""
    assert faults(entry(*lines)) == placed(*sentences)


def test_an_asset_is_the_same_for_all_releases(faults: Faults) -> None:
    """So its name cannot say the release, on Windows either."""
    platforms = "platforms: [windows/amd64:ltsc2022]\nbase: nanoserver\n"
    (sentence,) = faults(entry('url: "https://h.io/{release}"', SUM) + platforms)
    assert sentence.startswith("image.yaml:3:10: placeholder {release} has no meaning here: ")


def test_an_asset_has_a_name_of_letters(faults: Faults) -> None:
    """It becomes a folder's name, so it cannot lead anywhere; the key itself is what is wrong."""
    sentence = "cannot name an asset: use letters, digits, dots, dashes and underscores"
    assert faults(entry(RAW, SUM, name="../a")) == placed(f'2:3: "../a" {sentence}')
    assert faults(entry(RAW, SUM, name="..")) == placed(f'2:3: ".." {sentence}')
    assert faults(entry(RAW, SUM, name="a" * 65)) == placed(f'2:3: "{"a" * 65}" {sentence}')


def test_every_entry_is_checked_once(faults: Faults) -> None:
    """Several platforms do not say the same thing several times, and a filter hides no mistake."""
    text = entry(RAW, "platforms: [windows]") + "platforms: [linux/amd64, linux/arm64]\n"
    assert faults(text) == placed(f"3:5: {NEITHER}")


URLS = [
    ("h.io/a", '"h.io/a" is not a URL: write https://host/path'),
    ("file:///a", '"file:///a" is not a URL: write https://host/path'),
    ("https:///a", '"https:///a" is not a URL: write https://host/path'),
    ("https://h.io:99999/a", '"https://h.io:99999/a" is not a URL: write https://host/path'),
    ("https://[::1/a", '"https://[::1/a" is not a URL: write https://host/path'),
    ("https://h.io/a b", "the URL has spaces in it: write %20 for a space that is meant"),
    ("https://h.io/a\\tb", "the URL has spaces in it: write %20 for a space that is meant"),
    ("https://u:hunter2@h.io/a", "the URL holds a user name or password: delete it: secrets stay out of definitions"),
    ("https://token@h.io/a", "the URL holds a user name or password: delete it: secrets stay out of definitions"),
    ("ftp://u:hunter2@h.io/a", "the URL holds a user name or password: delete it: secrets stay out of definitions"),
    ("https://u:hunter2@h.io:99999/a", "the URL holds a user name or password: delete it: secrets stay out of definitions"),
    ("http://h.io/a", "h.io is reached over plain HTTP: write https, or declare it under plain-http"),
    ("http://8.8.8.8/a", "8.8.8.8 is reached over plain HTTP: write https, or declare it under plain-http"),
    ("http://localhost.evil.io/a", "localhost.evil.io is reached over plain HTTP: write https, or declare it under plain-http"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "sentence"), URLS)
def test_a_url_that_is_not_safe_is_refused(faults: Faults, url: str, sentence: str) -> None:
    """No passwords, which no sentence repeats, and no plain HTTP to strangers."""
    assert faults(entry(f'url: "{url}"', f"sha256: {SHA}")) == placed(f"3:10: {sentence}")


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://localhost:8080/a", ""),
        ("http://127.0.0.1/a", ""),
        ("http://127.1.2.3:1/a", ""),
        ("http://[::1]:8080/a", ""),
        ("http://h.io/a", "h.io"),
        ("http://h.io:8080/a", "h.io"),
        ("http://H.io:8080/a", "h.io:8080"),
        ("http://[2001:db8::1]/a", "[2001:db8::1]"),
        ("http://[2001:db8::1]:8080/a", "[2001:db8::1]"),
        ("http://[2001:db8::1]:8080/a", "[2001:db8::1]:8080"),
        ("https://h.io/a@b", ""),
        ("https://h.io:8443/a?b=c#d", ""),
    ],
)
def test_a_safe_url_is_taken_as_it_is(variants: Variants, url: str, plain: str) -> None:
    """Plain HTTP only to this machine and to what the project declares."""
    shared = f'plain-http: ["{plain}"]\n' if plain else ""
    (variant,) = variants(entry(f'url: "{url}"', f"sha256: {SHA}"), shared)
    assert variant.fetches[0].url == url


def test_a_declared_port_is_one_port(faults: Faults) -> None:
    """Another port of the same host is still a stranger."""
    text = entry('url: "http://h.io:8080/a"', f"sha256: {SHA}")
    assert faults(text, "plain-http: [h.io:5000]\n") == placed(
        "3:10: h.io is reached over plain HTTP: write https, or declare it under plain-http"
    )


KEYS = st.sampled_from(("preset", "version", "url", "checksum", "sha256"))
TEXTS = st.one_of(
    st.sampled_from(("{url}.sum", "https://h.io/{asset}", "linkerd-proxy", "http://[", "{", "1.2.3", SHA)),
    st.text(max_size=12),
)


@given(spec=st.dictionaries(KEYS, TEXTS), members=st.dictionaries(TEXTS, TEXTS, max_size=2))
def test_no_entry_is_a_traceback(variants: Variants, spec: dict[str, str], members: dict[str, str]) -> None:
    """Whatever is written, there are findings or an asset that is verified and stays in its folder."""
    text = json.dumps({"a": spec | ({"members": members} if members else {})}, ensure_ascii=False)
    with suppress(ConfigurationError):
        for fetch in variants(f"fetch: {text}\n{MIXED}")[0].fetches:
            assert fetch.sha256 or fetch.checksum_url
            assert fetch.url.startswith(("http://", "https://"))
            assert not {"", ".", ".."} & set(fetch.members)
            assert not any("/" in name or "\\" in name for name in fetch.members)
