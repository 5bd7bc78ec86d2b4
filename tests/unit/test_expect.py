# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What a definition promises against what is published, each difference at its place in the definition."""

from dataclasses import replace
from typing import Any

import pytest

from buildtools.expect import Expectation, compare
from buildtools.oci.config import ImageConfig, build_config
from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Manifest, canonical_json
from buildtools.oci.platform import Platform
from buildtools.pins import BasePin, Pins
from buildtools.spec.expand import load
from buildtools.spec.variant import HOST_PROCESS, SCRATCH, Variant
from buildtools.tree import Entry
from buildtools.windows.bases import STAND_IN_LABEL, host_process_base
from tests.fakes.images import Image
from tests.fakes.project import DEFAULTS, HELLO, HOST
from tests.fakes.shapes import V2019, V2022, V2025, vendor, windows

NANO = "mcr.microsoft.com/windows/nanoserver"
BASES = {"10.0.17763": vendor(V2019), "10.0.20348": vendor(V2022), "10.0.26100": vendor(V2025)}
OWN = Descriptor.of(b"application", OCI_LAYER)

EVERYTHING = """\
name: all
platforms: [linux/amd64, windows/amd64:ltsc2022]
base: {linux: scratch, windows: nanoserver}
files: [{from: x, to: {linux: /x, windows: 'C:\\x'}}]
config:
  env: {A: "1"}
  labels: {one: two}
  ports: [8080, 53/udp]
  linux: {entrypoint: [/x], cmd: [-v], path: [/bin], user: "1:1", workdir: /data, stop-signal: SIGINT, volumes: [/data]}
  windows: {entrypoint: ['C:\\x'], user: ContainerUser}
"""


def pinned() -> Pins:
    """The bases of three releases."""
    pins = Pins()
    for build, base in BASES.items():
        tag = {"10.0.17763": "1809", "10.0.20348": "ltsc2022", "10.0.26100": "ltsc2025"}[build]
        config = ImageConfig.parse(base.blobs[0])
        pin = BasePin(
            digest=base.manifest.descriptor.digest,
            media_type=base.manifest.media_type,
            os_version=config.platform.os_version,
            manifest=base.manifest.raw,
            config=base.blobs[0],
        )
        pins = pins.with_base(f"{NANO}:{tag}", f"windows/amd64:{build}", pin)
    return pins


def expected(text: str = HELLO, *, pins: Pins | None = None) -> Expectation:
    """The definition as a project has it."""
    name = text.partition("\n")[0].removeprefix("name: ")
    path = f"images/{name}/image.yaml"
    project = load({"images/defaults.yaml": DEFAULTS.encode(), path: text.encode()})
    return Expectation(image=project.images[name], pins=pinned() if pins is None else pins)


def built(variant: Variant, *, base: Image | None = None) -> Entry:
    """What a build makes of a variant, more or less."""
    below: tuple[Descriptor, ...] = ()
    config = None
    if variant.base == HOST_PROCESS:
        made = host_process_base()
        below, config = made.manifest.layers, made.config
    elif variant.base != SCRATCH:
        known = base or BASES[f"10.0.{variant.release.build if variant.release else 0}"]
        below, config = known.manifest.layers, ImageConfig.parse(known.blobs[0])
    done = build_config(
        config,
        platform=variant.platform,
        settings=variant.config,
        diff_ids=(digest_of(b"application"),),
        history=("x",),
        created="2026-01-01T00:00:00Z",
    )
    return entry(done, Manifest.build(config=done.descriptor, layers=(*below, OWN)))


def entry(config: ImageConfig, manifest: Manifest, platform: Platform | None = None) -> Entry:
    """An entry whose platform is its config's unless the index says another."""
    platform = platform or config.platform
    return Entry(
        descriptor=replace(manifest.descriptor, platform=platform),
        manifest=manifest,
        config=config,
        name=f"entry ({platform})",
    )


def changed(made: Entry, **run: Any) -> Entry:
    """The same image with another `config` object; None takes a key away."""
    document = dict(made.config.document)
    merged = {**document.get("config", {}), **run}
    document["config"] = {key: value for key, value in merged.items() if value is not None}
    return replace(made, config=ImageConfig.parse(canonical_json(document)))


def sentences(expectation: Expectation, *published: Entry) -> list[str]:
    """Every finding: code, severity and sentence."""
    found = compare(expectation, published)
    return [f"{item.code} {item.severity} {item}" for item in found]


@pytest.mark.parametrize("text", [HELLO, HOST, EVERYTHING])
def test_what_a_build_makes_is_what_was_promised(text: str) -> None:
    """In any order."""
    expectation = expected(text)
    made = [built(variant) for variant in expectation.image.variants]
    assert sentences(expectation, *made) == []
    assert sentences(expectation, *reversed(made)) == []


def test_what_is_missing_and_what_is_too_much() -> None:
    """At the entry of `platforms` that asks for it, and at `platforms`."""
    expectation = expected()
    made = [built(variant) for variant in expectation.image.variants]
    stranger = replace(
        made[1],
        name="entry 9",
        descriptor=replace(made[1].descriptor, platform=Platform(os="linux", architecture="s390x")),
    )
    assert sentences(expectation, made[0], *made[3:], stranger) == [
        "expect-missing error images/hello/image.yaml:3:26: linux/arm64 is promised here and not published: there is windows/amd64:10.0.20348.4529, windows/amd64:10.0.26100.7462, linux/s390x",
        "expect-missing error images/hello/image.yaml:3:39: windows/amd64:ltsc2019 is promised here and not published: there is windows/amd64:10.0.20348.4529, windows/amd64:10.0.26100.7462, linux/s390x",
        "expect-extra error images/hello/image.yaml:3:12: entry 9 is published, and the definition does not name its platform: publish what the definition says, or mend the definition",
    ]
    assert sentences(expectation)[0].endswith("not published: there is no other image")


@pytest.mark.parametrize(
    ("number", "run", "sentence"),
    [
        (0, {"Entrypoint": ["/y"]}, "9:23: entry (linux/amd64) has entrypoint ['/y'], the definition says ['/x']"),
        (0, {"Entrypoint": None}, "9:23: entry (linux/amd64) has entrypoint [], the definition says ['/x']"),
        (0, {"Cmd": []}, "9:34: entry (linux/amd64) has cmd [], the definition says ['-v']"),
        (0, {"User": ""}, "9:60: entry (linux/amd64) has user none, the definition says '1:1'"),
        (0, {"WorkingDir": "/"}, "9:76: entry (linux/amd64) has workdir '/', the definition says '/data'"),
        (0, {"StopSignal": None}, "9:96: entry (linux/amd64) has stop signal none, the definition says 'SIGINT'"),
        (0, {"Volumes": {}}, "9:113: entry (linux/amd64) has volumes [], the definition says ['/data']"),
        (0, {"ExposedPorts": {"8080/tcp": {}}}, "8:10: entry (linux/amd64) has ports ['8080/tcp'], the definition says ['8080/tcp', '53/udp']"),
        (0, {"Env": ["A=2", "PATH=/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}, "6:12: entry (linux/amd64) has variable A '2', the definition says '1'"),
        (0, {"Labels": {"one": "2", "org.opencontainers.image.vendor": "Acme", "org.opencontainers.image.title": "all"}}, "7:17: entry (linux/amd64) has label one '2', the definition says 'two'"),
        (0, {"Labels": {"one": "two", "org.opencontainers.image.vendor": "Acme"}}, "1:7: entry (linux/amd64) has label org.opencontainers.image.title none, the definition says 'all'"),
        (1, {"Cmd": ["cmd.exe"]}, "10:25: entry (windows/amd64:10.0.20348.4529) has cmd ['cmd.exe'], the definition says []"),
        (1, {"Env": []}, "6:12: entry (windows/amd64:10.0.20348.4529) has variable A none, the definition says '1'"),
        (1, {"User": "ContainerAdministrator"}, "10:41: entry (windows/amd64:10.0.20348.4529) has user 'ContainerAdministrator', the definition says 'ContainerUser'"),
    ],
)  # fmt: skip
def test_every_field_that_is_stated(number: int, run: dict[str, Any], sentence: str) -> None:
    """At the place that counts on that operating system."""
    expectation = expected(EVERYTHING)
    made = [built(variant) for variant in expectation.image.variants]
    made[number] = changed(made[number], **run)
    assert [text for text in sentences(expectation, *made) if "variable PATH" not in text] == [
        f"expect-config error images/all/image.yaml:{sentence}: publish what the definition says, or mend the definition"
    ]


def test_variables_of_windows_have_no_case() -> None:
    """`a` is `A`; of two the later counts."""
    expectation = expected(EVERYTHING)
    made = [built(variant) for variant in expectation.image.variants]
    made[1] = changed(made[1], Env=["A=0", "a=1"])
    assert sentences(expectation, *made) == []


def test_what_is_left_to_the_base_may_be_anything() -> None:
    """Further variables, labels and ports, and fields that the definition leaves out."""
    expectation = expected(EVERYTHING)
    made = [built(variant) for variant in expectation.image.variants]
    env = [*made[1].config.env, "B=2"]
    made[1] = changed(made[1], Env=env, WorkingDir="C:\\", StopSignal="SIGTERM")
    assert sentences(expectation, *made) == []


def test_another_base_than_the_pinned_one() -> None:
    """The pins have moved on, or the image was never built on it."""
    expectation = expected(EVERYTHING)
    linux, variant = expectation.image.variants
    older = vendor("10.0.20348.1")
    assert sentences(expectation, built(linux), built(variant, base=older)) == [
        f"expect-base error images/all/image.yaml:3:7: entry (windows/amd64:10.0.20348.1) does not stand on the pinned base {NANO}:ltsc2022 ({V2022}): the pins have moved since it was published: publish it again"
    ]
    assert sentences(replace(expectation, pins=Pins()), built(linux), built(variant)) == [
        f"expect-not-pinned note images/all/image.yaml:3:7: the base {NANO}:ltsc2022 of windows/amd64:ltsc2022 is not pinned, so it was not compared: run `buildtools pins`"
    ]
    stand_in = changed(
        built(variant, base=older), Labels={**built(variant).config.labels, STAND_IN_LABEL: "true"}
    )
    assert sentences(expectation, built(linux), stand_in) == []


def test_a_linux_base_is_held_against_its_pin() -> None:
    """Under its platform; a pin without os.version is called by its digest."""
    text = "name: lin\nplatforms: [linux/amd64]\nbase: alpine:3\nfiles: [{from: x, to: {linux: /x}}]\n"
    base = vendor(V2022)
    pin = BasePin(
        digest=base.manifest.descriptor.digest,
        media_type=base.manifest.media_type,
        manifest=base.manifest.raw,
        config=base.blobs[0],
    )
    expectation = expected(text, pins=Pins(bases={"alpine:3": {"linux/amd64": pin}}))
    (variant,) = expectation.image.variants
    made = built(replace(variant, base=SCRATCH))
    (sentence,) = sentences(expectation, made)
    assert f"does not stand on the pinned base alpine:3 ({pin.digest[7:19]})" in sentence


def test_a_host_process_image_has_no_version_and_its_base() -> None:
    """Otherwise nodes of one build alone would take it, or none."""
    expectation = expected(HOST)
    (variant,) = expectation.image.variants
    good = built(variant)
    labelled = replace(good, descriptor=replace(good.descriptor, platform=windows(V2022)))
    assert sentences(expectation, labelled) == [
        f"expect-kind error images/host/image.yaml:2:7: entry (windows/amd64) has os.version {V2022}, and a HostProcess image has none: publish what the definition says, or mend the definition"
    ]
    elsewhere = replace(good, manifest=Manifest.build(config=good.config.descriptor, layers=(OWN,)))
    assert sentences(expectation, elsewhere) == [
        "expect-base error images/host/image.yaml:4:7: entry (windows/amd64) does not stand on the HostProcess base: publish what the definition says, or mend the definition"
    ]


def test_the_words_of_a_platform_may_differ() -> None:
    """arm64/v8 is arm64."""
    expectation = expected()
    made = [built(variant) for variant in expectation.image.variants]
    arm = made[1]
    spelled = Platform(os="linux", architecture="arm64", variant="v8")
    made[1] = replace(arm, descriptor=replace(arm.descriptor, platform=spelled))
    assert sentences(expectation, *made) == []


def test_what_a_dockerfile_names_is_compared() -> None:
    """The base of FROM as any other; none where nothing is known of the Dockerfile, or it stands on scratch."""
    text = "name: box\nplatforms: ['windows/amd64:ltsc2022']\nengine: dockerfile\n"
    one = expected(text)
    (variant,) = one.image.variants
    base, key = f"{NANO}:ltsc2022", "windows/amd64:10.0.20348"
    right = built(replace(variant, base=base))
    other = built(replace(variant, base=base), base=BASES["10.0.17763"])
    wrong = replace(other, descriptor=right.descriptor, config=right.config, name=right.name)
    assert sentences(one, wrong) == []
    assert sentences(replace(one, named={variant.label: ("scratch", "")}), wrong) == []
    named = replace(one, named={variant.label: (base, key)})
    assert sentences(named, right) == []
    assert sentences(named, wrong) == [
        (
            f"expect-base error images/box/image.yaml:1:1: {right.name} does not stand on the pinned base {base} "
            f"({named.pins.bases[base][key].os_version}): the pins have moved since it was published: publish it again"
        )
    ]
    assert sentences(replace(named, pins=Pins()), right) == [
        (
            f"expect-not-pinned note images/box/image.yaml:1:1: the base {base} of {variant.label} is not pinned, "
            "so it was not compared: run `buildtools pins`"
        )
    ]
