"""An image on another base: as if it had been built there, and refused where it does not fit."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME, CREATED
from buildtools.oci.config import PADDING, ConfigSettings, ImageConfig, build_config
from buildtools.oci.descriptor import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
)
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Manifest, canonical_json
from buildtools.oci.platform import Platform
from buildtools.oci.rebase import APPLICATION, RebaseError, Stack, is_older, later, rebase, stands_on

LINUX = Platform(os="linux", architecture="amd64")
NAME = "registry.example/base:1"
TIME = "2026-11-24T00:00:00Z"


def windows(version: str) -> Platform:
    """Windows of this version."""
    return Platform(os="windows", architecture="amd64", os_version=version)


def layer(text: str, kind: str = OCI_LAYER_GZIP) -> Descriptor:
    """A layer of its own."""
    return Descriptor.of(text.encode(), kind)


def base(
    text: str,
    platform: Platform = LINUX,
    *,
    layers: int = 2,
    run: dict[str, Any] | None = None,
    history: list[dict[str, Any]] | None = None,
    media_type: str = OCI_MANIFEST,
    **top: Any,
) -> Stack:
    """A base of its own, whose config says these things."""
    names = [f"{text} {number}" for number in range(layers)]
    document = platform.to_json() | {
        "config": run or {},
        "created": "2026-11-01T00:00:00Z",
        "history": [{"created_by": name} for name in names] if history is None else history,
        "rootfs": {"type": "layers", "diff_ids": [digest_of(f"tar {name}".encode()) for name in names]},
        **top,
    }
    docker = media_type == DOCKER_MANIFEST
    config = ImageConfig.parse(canonical_json(document), DOCKER_CONFIG if docker else OCI_CONFIG)
    kind = DOCKER_LAYER_GZIP if docker else OCI_LAYER_GZIP
    manifest = Manifest.build(
        config=config.descriptor, layers=[layer(name, kind) for name in names], media_type=media_type
    )
    return Stack(manifest=manifest, config=config)


def build(below: Stack, settings: ConfigSettings | None = None, *, apps: int = 1) -> Stack:
    """What this project's own engine makes of the base and application layers."""
    names = [f"app {number}" for number in range(apps)]
    config = build_config(
        below.config,
        platform=replace(below.config.platform, os_version=""),
        settings=settings or ConfigSettings(),
        diff_ids=[digest_of(f"tar {name}".encode()) for name in names],
        history=[f"layer {name}" for name in names],
        created=TIME,
    )
    manifest = Manifest.build(
        config=config.descriptor,
        layers=[*below.manifest.layers, *map(layer, names)],
        annotations={
            CREATED: TIME, BASE_NAME: NAME, BASE_DIGEST: below.manifest.descriptor.digest,
        },
    )  # fmt: skip
    return Stack(manifest=manifest, config=config)


def moved(image: Stack, old: Stack, new: Stack) -> Stack:
    """The image on its new base."""
    made = rebase(image, old=old, new=new, name=NAME, created=TIME)
    return Stack(manifest=made.manifest, config=made.config)


def conflicts(image: Stack, old: Stack, new: Stack) -> tuple[str, ...]:
    """What both have changed."""
    return rebase(image, old=old, new=new, name=NAME, created=TIME).conflicts


WORDS = st.sampled_from(["a", "b", "c"])
NAMES = st.sampled_from(["PATH", "Path", "X", "Y"])
BASE_RUN = st.fixed_dictionaries(
    {},
    optional={
        "Env": st.lists(st.tuples(NAMES, WORDS).map("=".join), max_size=3),
        "Cmd": st.lists(WORDS, min_size=1, max_size=2),
        "Entrypoint": st.lists(WORDS, min_size=1, max_size=2),
        "Labels": st.dictionaries(WORDS, st.just("base"), max_size=2),
        "User": st.just("base user"),
        "WorkingDir": st.just("/base"),
        "Volumes": st.dictionaries(st.just("/base"), st.just({}), max_size=1),
        "Healthcheck": st.just({"Test": ["NONE"]}),
    },
)
# Application and bases never give one setting the same value: what an image says like its base is taken
# for the base's word, which no config tells apart.
SETTINGS = st.builds(
    ConfigSettings,
    entrypoint=st.none() | st.just(("/app",)),
    cmd=st.none() | st.just(("serve",)),
    env=st.dictionaries(NAMES, st.just("app"), max_size=2),
    user=st.none() | st.just("app user"),
    working_dir=st.none() | st.just("/app"),
    labels=st.dictionaries(WORDS, st.just("app"), max_size=2),
    exposed_ports=st.sampled_from([(), ("8080",)]),
    volumes=st.sampled_from([(), ("/app",)]),
    stop_signal=st.none() | st.just("SIGINT"),
)


def facts(image: Stack) -> tuple[object, ...]:
    """All that an image says, whatever the order of its variables."""
    document = dict(image.config.document)
    run = {key: value for key, value in document.pop("config").items() if key != "Env"}
    return document, run, sorted(image.config.env), image.manifest.layers, image.manifest.annotations


@given(
    first=BASE_RUN, second=BASE_RUN, settings=SETTINGS, apps=st.integers(0, 2),
    counts=st.tuples(*[st.integers(1, 3)] * 2), untold=st.tuples(st.booleans(), st.booleans()),
    on_windows=st.booleans(),
)  # fmt: skip
def test_a_rebase_is_as_good_as_a_build(
    first: dict[str, Any],
    second: dict[str, Any],
    settings: ConfigSettings,
    apps: int,
    counts: tuple[int, int],
    untold: tuple[bool, bool],
    on_windows: bool,
) -> None:
    """Built on A and put on B is what was built on B; and back again.

    Variables may stand in another order: where a base has one, the application's takes its place.
    """
    platforms = (windows("10.0.20348.1"), windows("10.0.20348.2")) if on_windows else (LINUX, LINUX)
    old, new = (
        base(text, platform, run=run, layers=count, history=[] if silent else None)
        for text, platform, run, count, silent in zip(
            "AB", platforms, (first, second), counts, untold, strict=True
        )
    )
    on_old, on_new = build(old, settings, apps=apps), build(new, settings, apps=apps)
    assert facts(moved(on_old, old, new)) == facts(on_new)
    assert facts(moved(on_new, new, old)) == facts(on_old)
    if not settings.env:
        assert moved(on_old, old, new) == on_new


def test_what_a_base_says_and_the_application_does_not_is_the_new_bases() -> None:
    """Whatever key it is, top-level ones included."""
    old = base("A", run={"Env": ["V=1", "GONE=1"], "Shell": ["x"]}, author="old", variant="v1")
    new = base("B", run={"Env": ["V=2", "NEW=1"], "Shell": ["y"]}, author="new", future={"a": 1})
    document = moved(build(old), old, new).config.document
    assert document["config"] == {"Env": ["V=2", "NEW=1"], "Shell": ["y"]}
    assert (document["author"], document["future"]) == ("new", {"a": 1})
    assert "variant" not in document


def test_what_the_application_took_away_stays_away() -> None:
    """A base's variable, label or command that a foreign builder removed."""
    run = {"Env": ["A=1", "B=1"], "Labels": {"a": "1", "b": "1"}, "Cmd": ["base"], "User": "base"}
    old, new = base("A", run=run, author="somebody"), base("B", run=run, author="somebody")
    image = build(old)
    document = {
        **image.config.document,
        "config": {"Env": ["A=1"], "Labels": {"b": "1"}, "Cmd": None},
        "author": None,
    }
    config = ImageConfig.parse(canonical_json(document))
    changed = Stack(
        manifest=Manifest.build(config=config.descriptor, layers=image.manifest.layers), config=config
    )
    found = moved(changed, old, new).config.document
    assert found["config"] == {"Env": ["A=1"], "Labels": {"b": "1"}}
    assert "author" not in found


def test_an_entrypoint_of_the_applications_own_keeps_the_bases_arguments_out() -> None:
    """A base that gets a Cmd later on gives no arguments to another program than its own."""
    old = base("A")
    new = base("B", run={"Cmd": ["cmd.exe"], "ArgsEscaped": True})
    run = moved(build(old, ConfigSettings(entrypoint=("/app",))), old, new).config.document["config"]
    assert run == {"Entrypoint": ["/app"]}
    run = moved(build(old, ConfigSettings(cmd=("/app",))), old, new).config.document["config"]
    assert run == {"Cmd": ["/app"]}


def test_what_both_have_changed_is_told() -> None:
    """The application's word counts; where both agree there is nothing to tell."""
    old = base("A", run={"Env": ["PATH=old"], "User": "old", "Labels": {"l": "old"}})
    new = base("B", run={"Env": ["PATH=new"], "User": "new", "Labels": {"l": "new"}})
    image = build(old, ConfigSettings(env={"PATH": "app"}, user="app", labels={"l": "app"}))
    assert conflicts(image, old, new) == ("User", "Labels l", "Env PATH")
    assert moved(image, old, new).config.env == ("PATH=app",)
    assert conflicts(build(old, ConfigSettings(user="new")), old, new) == ()


def test_layers_that_were_compressed_anew_are_known_by_their_diff_ids() -> None:
    """Some builders re-send a base's layers in another form."""
    old, new = base("A"), base("B")
    image = build(old)
    anew = [layer("other bytes 0"), layer("other bytes 1"), *image.manifest.layers[2:]]
    other = Stack(manifest=Manifest.build(config=image.config.descriptor, layers=anew), config=image.config)
    assert stands_on(other, old)
    assert moved(other, old, new).manifest.layers == build(new).manifest.layers


def test_what_does_not_stand_on_a_base() -> None:
    """Other layers, fewer layers, layers that the config does not count, and a base of none."""
    old, other = base("A"), base("other")
    image = build(old)
    assert stands_on(image, old)
    assert not stands_on(image, other)
    assert not stands_on(old, build(old))
    assert not stands_on(image, base("none", layers=0))
    short = Manifest.build(config=image.config.descriptor, layers=image.manifest.layers[:2])
    assert not stands_on(Stack(manifest=short, config=image.config), old)
    with pytest.raises(RebaseError) as caught:
        moved(image, other, base("B"))
    assert str(caught.value) == "its lowest layers are not those of its base"


@pytest.mark.parametrize(
    ("platform", "found"),
    [
        (windows("10.0.26100.1"), "windows/amd64:10.0.26100.1"),
        (replace(windows("10.0.20348.2"), architecture="arm64"), "windows/arm64:10.0.20348.2"),
        (LINUX, "linux/amd64"),
    ],
)
def test_no_image_goes_to_another_platform_or_build(platform: Platform, found: str) -> None:
    """A base of another Windows release is no patch."""
    old = base("A", windows("10.0.20348.1"))
    with pytest.raises(RebaseError) as caught:
        moved(build(old), old, base("B", platform))
    assert str(caught.value) == f"it is an image for windows/amd64:10.0.20348.1, the new base is for {found}"


def test_history_is_the_new_bases_and_the_applications() -> None:
    """Entries without a layer stay, gaps are filled, and a strange beginning counts by its layers."""
    old = base("A", history=[{"created_by": "A 0"}, {"created_by": "label", "empty_layer": True}])
    new = base("B", history=[{"created_by": "B"}])
    image = build(old)

    def with_history(*entries: dict[str, Any]) -> Stack:
        document = {**image.config.document, "history": list(entries)}
        return replace(image, config=ImageConfig.parse(canonical_json(document)))

    env = {"created_by": "ENV", "empty_layer": True}
    above = [env, {"created_by": "COPY", "comment": "x", "futureKey": 1}]
    start = [{"created_by": "B"}, {"created_by": PADDING}]
    beneath = [*old.config.document["history"], {"created_by": PADDING}]
    strange = [{"created_by": "squashed"}, {"created_by": "?", "empty_layer": True}, {"created_by": "?"}]
    for history in (beneath, strange):
        found = moved(with_history(*history, *above), old, new).config.document["history"]
        assert found == [*start, *above]
    for history in ([], beneath, beneath[:1]):
        found = moved(with_history(*history), old, new).config.document["history"]
        assert found == [*start, {"created_by": APPLICATION}]
    with pytest.raises(RebaseError) as caught:
        moved(with_history(*beneath, {"created_by": "1"}, {"created_by": "2"}), old, new)
    assert str(caught.value) == "its history tells of 2 layers above its base, it has 1"


def test_a_docker_image_stays_dockers() -> None:
    """Media types of manifest, config and layers; its manifest has no annotations."""
    old, new = base("A", media_type=DOCKER_MANIFEST), base("B")
    image = build(old)
    manifest = Manifest.build(
        config=replace(image.manifest.config, media_type=DOCKER_CONFIG),
        layers=[replace(item, media_type=DOCKER_LAYER_GZIP) for item in image.manifest.layers],
        media_type=DOCKER_MANIFEST,
    )
    found = moved(Stack(manifest=manifest, config=image.config), old, new).manifest
    assert (found.media_type, found.config.media_type) == (DOCKER_MANIFEST, DOCKER_CONFIG)
    assert {item.media_type for item in found.layers} == {DOCKER_LAYER_GZIP}
    assert found.annotations == {}


def test_the_manifest_says_what_it_stands_on() -> None:
    """Name, digest and time are new; what else stands there stays."""
    old, new = base("A"), base("B")
    image = build(old)
    told = replace(
        image,
        manifest=Manifest.build(
            config=image.manifest.config, layers=image.manifest.layers, annotations={"a": "b"}
        ),
    )
    assert moved(told, old, new).manifest.annotations == {
        "a": "b", BASE_NAME: NAME, BASE_DIGEST: new.manifest.descriptor.digest, CREATED: TIME,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("times", "latest"),
    [
        ((), ""),
        (("", "yesterday", "0000-00-00T00:00:00Z"), ""),
        (("2026-01-01T00:00:00Z", "2026-01-01T01:00:00.5+02:00"), "2026-01-01T00:00:00Z"),
        (("", "2026-01-02T00:00:00.123456789Z", "2026-01-01T23:59:59Z"), "2026-01-02T00:00:00.123456789Z"),
    ],
)
def test_the_later_time(times: tuple[str, ...], latest: str) -> None:
    """By the instant, whatever the zone, and as it is written."""
    assert later(*times) == latest


@pytest.mark.parametrize(
    ("base", "image", "older"),
    [
        (("windows", "10.0.20348.1"), ("windows", "10.0.20348.2"), True),
        (("windows", "10.0.20348.9"), ("Windows", "10.0.20348.10"), True),
        (("windows", "10.0.20348.2"), ("windows", "10.0.20348.2"), False),
        (("windows", "10.0.20348.3"), ("windows", "10.0.20348.2"), False),
        (("windows", "10.0.17763.1"), ("windows", "10.0.20348.2"), False),
        (("windows", "10.0.20348"), ("windows", "10.0.20348.2"), False),
        (("windows", ""), ("windows", "10.0.20348.2"), False),
        (("linux", "10.0.20348.1"), ("linux", "10.0.20348.2"), False),
    ],
)
def test_an_older_patch(base: tuple[str, str], image: tuple[str, str], older: bool) -> None:
    """Is known by the last number of the same Windows build, and by nothing else."""
    one, other = (Platform(os=os, architecture="amd64", os_version=version) for os, version in (base, image))
    assert is_older(one, other) is older
