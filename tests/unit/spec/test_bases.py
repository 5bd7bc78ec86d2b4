# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What a variant stands on: the most specific base wins, and each base that cannot be has its sentence."""

from collections.abc import Callable

import pytest

from buildtools.spec.variant import Variant

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]

MCR = "mcr.microsoft.com/windows/nanoserver"
HEX = "0" * 64
BOTH = "platforms: [linux/amd64, linux/arm64, 'windows/amd64:ltsc2019', 'windows/amd64:ltsc2022']\n"


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ("{linux: scratch, windows: nanoserver}", ["scratch", "scratch", f"{MCR}:1809", f"{MCR}:ltsc2022"]),
        ("{linux: 'a/b:1', linux/arm64: 'a/c:1', windows: 'a/w:{release}'}", ["a/b:1", "a/c:1", "a/w:ltsc2019", "a/w:ltsc2022"]),
        ("{linux/amd64: 'a/b:1', linux: 'a/c:1', 'windows/amd64:1809': 'a/o:1', windows/amd64: 'a/w:1', windows: 'a/x:1'}", ["a/b:1", "a/c:1", "a/o:1", "a/w:1"]),
        ("'a.b/{os}/{name}:{arch}{variant}'", ["a.b/linux/x:amd64", "a.b/linux/x:arm64", "a.b/windows/x:amd64", "a.b/windows/x:amd64"]),
        (f"'a/b@sha256:{HEX}'", [f"a/b@sha256:{HEX}"] * 4),
        ("a/b:1", ["a/b:1"] * 4),
    ],
)  # fmt: skip
def test_the_base_that_says_most_is_taken(base: str, found: list[str], variants: Variants) -> None:
    """By system, then by architecture, then by release; placeholders are filled in."""
    assert [variant.base for variant in variants(f"{BOTH}base: {base}\n")] == found


@pytest.mark.parametrize(
    ("platform", "key"),
    [("linux/arm64/v9", "linux/arm64"), ("linux/arm/v7", "linux/arm"), ("linux/amd64", "linux/x86_64")],
)
def test_a_key_means_its_platform_whatever_it_is_called(platform: str, key: str, variants: Variants) -> None:
    """A key without a variant stands for all of them, in any spelling."""
    (found,) = variants(f"platforms: [{platform}]\nbase: {{linux: scratch, {key}: 'a/b:1'}}\n")
    assert found.base == "a/b:1"


@pytest.mark.parametrize(
    ("release", "base", "found"),
    [
        ("ltsc2019", f"{MCR}:{{release}}", f"{MCR}:1809"),
        ("ltsc2019", f"{MCR}:{{release}}-amd64", f"{MCR}:1809-amd64"),
        ("ltsc2022", f"{MCR}:{{release}}", f"{MCR}:ltsc2022"),
        ("ltsc2019", "mcr.microsoft.com/windows/servercore:{release}", "mcr.microsoft.com/windows/servercore:ltsc2019"),
        ("ltsc2019", f"{MCR}:ltsc2019", f"{MCR}:ltsc2019"),
        ("ltsc2019", f"{MCR}:{{release}}@sha256:{HEX}", f"{MCR}:ltsc2019@sha256:{HEX}"),
    ],
)  # fmt: skip
def test_a_release_goes_by_the_tag_that_the_repository_has(
    release: str, base: str, found: str, variants: Variants
) -> None:
    """Nano Server calls ltsc2019 1809; what is written out or held to a digest stays as it is."""
    (variant,) = variants(f"platforms: ['windows/amd64:{release}']\nbase: '{base}'\n")
    assert variant.base == found


def test_named_bases_are_looked_up(variants: Variants) -> None:
    """With placeholders of their own, one text for all or one for each platform; a name may be made of them."""
    shared = "bases: {b-linux: 'a/{name}:{arch}', b-windows: {windows: 'w:1', 'windows/amd64:ltsc2022': 'w:2'}, none: scratch}\n"
    found = variants(f"{BOTH}base: 'b-{{os}}'\n", shared)
    assert [variant.base for variant in found] == ["a/x:amd64", "a/x:arm64", "w:1", "w:2"]
    assert [variant.base for variant in variants("base: none\n", shared)] == ["scratch"]


def test_engine_dockerfile_and_host_process_need_no_base(variants: Variants) -> None:
    """A Dockerfile says it itself, and a HostProcess image has a built-in one."""
    assert [v.base for v in variants("engine: dockerfile\nbase: ''\n")] == [""]
    assert [v.base for v in variants("kind: host-process\nplatforms: [windows/amd64]\nbase: ''\n")] == [
        "host-process"
    ]
    named = "kind: host-process\nplatforms: [windows/amd64]\nbase: hp\n"
    assert [v.base for v in variants(named, "bases: {hp: host-process}\n")] == ["host-process"]


WINDOWS = "platforms: ['windows/amd64:ltsc2022']\n"
NO_BASE = "add it to base: scratch, a named base, or a reference with a tag"
WRONG = [
    ("base: ''\nplatforms: [linux/amd64]\n", [f"2:13: there is no base for linux/amd64: {NO_BASE}"]),
    ("base: {linux/arm64: scratch}\nplatforms: [linux/amd64, linux/arm64]\n", [f"2:13: there is no base for linux/amd64: {NO_BASE}"]),
    ("base: nanoserver\n", [f'1:7: base "nanoserver" has nothing for linux/amd64: {NO_BASE}']),
    (f"base: scratch\n{WINDOWS}", ["1:7: scratch is for Linux: Windows starts no container without Windows files in its base: use a base such as nanoserver, or kind: host-process"]),
    ("base: host-process\n", ["1:7: the host-process base is only for HostProcess images, not linux/amd64: use another base"]),
    (f"base: host-process\n{WINDOWS}", ["1:7: the host-process base is only for HostProcess images, not windows/amd64:ltsc2022: write kind: host-process, or use another base"]),
    ("base: 'a/b:1'\nkind: host-process\nplatforms: [windows/amd64]\n", ["1:7: a HostProcess image has no Windows below it, so it cannot stand on a/b:1: write host-process, or delete kind: host-process"]),
    ("base: nanoserver\nkind: host-process\nplatforms: [windows/amd64]\n", ['1:7: base "nanoserver" goes by the Windows release, and windows/amd64 has none: write host-process, or delete kind: host-process']),
    ("base: 'a/b:{relase}'\nplatforms: ['windows/amd64:ltsc2022']\n", ["1:7: unknown placeholder {relase}: did you mean {release}?"]),
    ("base: 'a/b:{release}'\n", ["1:7: placeholder {release} has no meaning here: {release} is the Windows release, such as ltsc2022 (for Windows variants, not in build and fetch)"]),
    ("base: 'a/b:${arch}'\n", ["1:7: no shell reads ${arch}: write {arch}, or ${{arch}} for the text itself"]),
    ("base: nginx\n", ['1:7: "nginx" is neither a named base nor a reference with a tag: write a tag, as in nginx:1.0, or define the base']),
    ("base: scrach\n", ['1:7: "scrach" is neither a named base nor a reference with a tag: did you mean scratch?']),
    ("base: nanoservr\n", ['1:7: "nanoservr" is neither a named base nor a reference with a tag: did you mean nanoserver?']),
    ("base: a/b\n", ['1:7: "a/b" has no tag: add one, such as :1.0, or a digest']),
    ("base: 'a/B:1'\n", ["1:7: reference 'a/B:1' has upper-case letters in its repository: write it in lower case"]),
    ("base: {linux: 'a/b:1:2'}\n", ["1:15: reference 'a/b:1:2' has two colons behind its repository: write repository:tag"]),
    ("base: 'a@sha256:abc'\n", ["1:7: reference 'a@sha256:abc': digest 'sha256:abc' needs 64 hexadecimal digits, it has 3 characters"]),
    (f"base: 'a/w:ltsc2019-x'\n{WINDOWS}", ["1:7: a/w:ltsc2019-x is made for one Windows release and cannot serve windows/amd64:ltsc2022: write {release} in place of ltsc2019, or give windows/amd64:ltsc2022 its own base"]),
    (f"base: 'docker.io/library/w:x_1809'\n{WINDOWS}", ["1:7: w:x_1809 is made for one Windows release and cannot serve windows/amd64:ltsc2022: write {release} in place of 1809, or give windows/amd64:ltsc2022 its own base"]),
    *[
        (f"base: 'a/w:{tag}'\n{WINDOWS}", [f"1:7: a/w:{tag} is made for one Windows release and cannot serve windows/amd64:ltsc2022: write {{release}} in place of {word}, or give windows/amd64:ltsc2022 its own base"])
        for tag, word in [("10.0.17763.6414", "10.0.17763.6414"), ("10.0.17763", "10.0.17763"), ("10.0.26100-amd64", "10.0.26100"), ("2.1-10.0.14393.1", "10.0.14393.1"), ("x_10.0.99999_y", "10.0.99999"), ("ltsc2016", "ltsc2016"), ("1.0-ltsc2031-amd64", "ltsc2031")]
    ],
    ("base: {linux: scratch, linus: scratch}\n", ['1:24: "linus" is not a platform: did you mean linux?']),
    ("base: {linux: scratch, mac: scratch}\n", ['1:24: "mac" is not a platform: write linux/amd64 or windows/amd64:ltsc2022']),
    ("base: {linux: scratch, linux/amd65: scratch}\n", ['1:24: linux images are not made for the architecture "amd65": did you mean amd64?']),
    ("base: {linux: scratch, windows: nanoserver}\n", ['1:24: this image has no platform "windows": add it to platforms or delete this base']),
    ("base: {linux: scratch, linux/arm64: scratch}\n", ['1:24: this image has no platform "linux/arm64": add it to platforms or delete this base']),
    ("base: {linux: scratch, 'windows/amd64:ltsc2019': nanoserver, windows: nanoserver}\nplatforms: [linux/amd64, 'windows/amd64:ltsc2022']\n", ['1:24: this image has no platform "windows/amd64:ltsc2019": add it to platforms or delete this base']),
    ("base: {linux: scratch, windows: nanoserver}\nplatforms: [linux/amd64, windws/amd64]\n", ['2:26: no images are made for the operating system "windws": did you mean windows?']),
]  # fmt: skip


@pytest.mark.parametrize(("snippet", "sentences"), WRONG)
def test_a_base_that_cannot_be_has_its_sentence(snippet: str, sentences: list[str], faults: Faults) -> None:
    """J10, J12: what is wrong and what to write, where it stands, and nothing that only follows from it."""
    assert faults(snippet) == [f"image.yaml:{sentence}" for sentence in sentences]


def test_a_named_base_that_goes_by_the_release_has_nothing_for_linux(faults: Faults) -> None:
    """It is right for Windows, so it is reported where it is used."""
    assert faults("base: w\n", "bases: {w: 'a/w:{release}'}\n") == [
        'image.yaml:1:7: base "w" goes by the Windows release, and linux/amd64 has none: give linux a base of its own'
    ]


@pytest.mark.parametrize(
    "tag",
    [
        *("10.0.20348.2700", "10.0.20348", "ltsc2022-10.0.20348.1-amd64", "ltsc2022"),
        *("10.0.100", "10.0.1-nanoserver", "110.0.17763", "1.10.0.17763", "v10.0.17763", "10.0.177631"),
        *("10.0.17763x", "ltsc", "ltsc20161", "xltsc2016"),
    ],
)
def test_a_tag_that_names_no_other_release_will_do(tag: str, variants: Variants) -> None:
    """The variant's own build, and numbers that only look like one, such as .NET's."""
    assert [v.base for v in variants(f"{WINDOWS}base: 'a/w:{tag}'\n")] == [f"a/w:{tag}"]


def test_a_digest_serves_every_release(variants: Variants) -> None:
    """Only a tag says for which one it is made; an index by digest may hold all."""
    base = f"a/w:ltsc2019@sha256:{HEX}"
    assert [v.base for v in variants(f"{WINDOWS}base: '{base}'\n")] == [base]


NAMED = [
    ("bases: {scratch: 'a/b:1', host-process: 'a/b:1'}\n", ['1:9: "scratch" is built in: give the base another name', '1:27: "host-process" is built in: give the base another name']),
    ("bases: {a: b, b: 'x/y:1'}\n", ['1:12: "b" is another named base: write its reference here']),
    ("bases: {a: b, b: a}\n", ['1:12: "b" is another named base: write its reference here', '1:18: "a" is another named base: write its reference here']),
    ("bases: {a: {linux: b}, b: 'x/y:1'}\n", ['1:20: "b" is another named base: write its reference here']),
    ("bases: {a: 'Nginx:1'}\n", ["1:12: reference 'Nginx:1' has upper-case letters in its repository: write it in lower case"]),
    ("bases: {a: ''}\n", ["1:12: the reference is empty: write registry/repository:tag"]),
    ("bases: {a: nginx}\n", ['1:12: "nginx" is neither a named base nor a reference with a tag: write a tag, as in nginx:1.0, or define the base']),
    ("bases: {a: {linus: 'x:1', linux/amd65: 'x:1', mac: 'x:1'}}\n", [
        '1:13: "linus" is not a platform: did you mean linux?',
        '1:27: linux images are not made for the architecture "amd65": did you mean amd64?',
        '1:47: "mac" is not a platform: write linux/amd64 or windows/amd64:ltsc2022',
    ]),
    ("bases: {a: 'x:{relase}'}\n", ["1:12: unknown placeholder {relase}: did you mean {release}?"]),
    ("bases: {a: {linux: 'x:{release}'}}\n", ["1:20: placeholder {release} has no meaning here: {release} is the Windows release, such as ltsc2022 (for Windows variants, not in build and fetch)"]),
    ("releases: [ltsc2019, ltsc2018, '20348', ltsc2019, '1809']\n", [
        "1:22: unknown Windows release 'ltsc2018': did you mean ltsc2019? known are ltsc2019, ltsc2022, ltsc2025",
        '1:32: "20348" is a build, not a release: write ltsc2022',
        "1:41: ltsc2019 stands here twice: delete one of the two",
        "1:51: ltsc2019 stands here twice: delete one of the two",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("snippet", "sentences"), NAMED)
def test_a_mistake_in_the_defaults_has_its_sentence(
    snippet: str, sentences: list[str], project_faults: Callable[[str], list[str]]
) -> None:
    """J14, J15: used or not; bases do not lead to each other, so nothing goes round in circles."""
    assert project_faults(snippet) == [f"defaults.yaml:{sentence}" for sentence in sentences]


def test_bases_are_checked_without_releases_too(variants: Variants) -> None:
    """A project need not have default releases for a base that goes by the release."""
    snippet = f"{WINDOWS}base: w\n"
    assert [v.base for v in variants(snippet, "bases:\n  w: {windows: 'a/w:{release}'}\n")] == [
        "a/w:ltsc2022"
    ]
