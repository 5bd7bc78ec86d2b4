"""Checks: each rule finds its fault and nothing else, and all faults are found at once."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import Diagnostic
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    Descriptor,
)
from buildtools.oci.digest import Digest, digest_of, short
from buildtools.oci.documents import Index, Manifest
from buildtools.oci.platform import Platform
from buildtools.oci.validate import (
    Child,
    entry_order,
    is_attestation,
    validate_index,
    validate_manifest,
    validate_platforms,
)

LAYER = Descriptor.of(b"layer", OCI_LAYER_GZIP)
AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64", variant="v8")


def windows(version: str, *features: str, architecture: str = "amd64") -> Platform:
    """Windows of this version."""
    return Platform(os="windows", architecture=architecture, os_version=version, os_features=features)


WS2019, WS2022, WS2025 = windows("10.0.17763.6414"), windows("10.0.20348.3091"), windows("10.0.26100.2894")


def image(platform: Platform, *, layers: Iterable[Descriptor] = (LAYER,), **document: Any) -> Child:
    """An image for this platform; `document` overrides keys of its config."""
    layers = tuple(layers)
    diff_ids = [digest_of(b"tar")] * len(layers)
    whole = platform.to_json() | {"rootfs": {"diff_ids": diff_ids}} | document
    config = ImageConfig.parse(json.dumps(whole).encode())
    return Manifest.build(config=config.descriptor, layers=layers), config


def entry(child: Child) -> Descriptor:
    """What an index says of the image."""
    manifest, config = child
    return replace(manifest.descriptor, platform=config.platform)


def index_of(*images: Child) -> tuple[Index, dict[Digest, Child]]:
    """An index of these images in this order, and the images by digest."""
    children = {child[0].descriptor.digest: child for child in images}
    return Index.build(manifests=[entry(child) for child in images]), children


def said(findings: Iterable[Diagnostic]) -> list[tuple[str, str, str]]:
    """Code, severity and whole sentence of each finding."""
    return [(finding.code, finding.severity, str(finding)) for finding in findings]


def codes(findings: Iterable[Diagnostic]) -> list[str]:
    """The codes alone."""
    return [finding.code for finding in findings]


def of_platforms(*platforms: Platform) -> tuple[Diagnostic, ...]:
    """What is found in an index whose images are for these platforms and say so."""
    index, children = index_of(*(image(platform) for platform in platforms))
    return validate_index(index, children)


@pytest.mark.parametrize(
    "platforms",
    [
        (AMD64,),
        (AMD64, ARM64, WS2025, WS2022, WS2019),
        (WS2025, WS2022),
        (AMD64, Platform(os="freebsd", architecture="amd64"), WS2022),
        (
            AMD64,
            Platform(os="linux", architecture="arm", variant="v6"),
            Platform(os="linux", architecture="arm", variant="v7"),
        ),
        (windows("10.0.26100.1", "win32k"), windows("10.0.20348.1", "win32k")),
    ],
)
def test_a_good_index_has_no_findings(platforms: tuple[Platform, ...]) -> None:
    """Linux first and sorted, Windows newest first, each as its config says."""
    assert of_platforms(*platforms) == ()


def test_a_good_image_has_no_findings() -> None:
    """With history and settings that are right."""
    history = [{"created_by": "x"}, {"empty_layer": True}]
    run = {"Env": ["Path=C:\\a;C:\\Windows", "X=%PATH%"]}
    manifest, config = image(WS2022, history=history, config=run)
    assert validate_manifest(manifest, config, entry=replace(manifest.descriptor, platform=WS2022)) == ()


def test_an_empty_index_is_an_error() -> None:
    """Nobody can pull it."""
    assert said(validate_index(Index.build(manifests=[]), {})) == [
        ("no-entries", "error", "the index has no entries: add images to it")
    ]


def test_an_index_above_four_mebibytes_is_an_error() -> None:
    """The same number up to which documents are written and read."""
    good = image(AMD64)
    children = {good[0].descriptor.digest: good}
    index = Index.build(manifests=[entry(good)], annotations={"a": "x" * 4_100_000})
    index = replace(index, raw=index.raw.ljust(4 * 1024 * 1024))
    assert validate_index(index, children) == ()
    index = replace(index, raw=index.raw + b" ")
    assert said(validate_index(index, children)) == [
        (
            "index-size",
            "error",
            (
                "the index has 4194305 bytes, registries and nodes take at most 4194304: "
                "leave out annotations or entries"
            ),
        )
    ]


@pytest.mark.parametrize(
    ("platforms", "findings"),
    [
        (
            (WS2019, WS2022),
            [
                (
                    "windows-order",
                    "error",
                    (
                        "the Windows entries do not stand with the newest build first, so that nodes that "
                        "take the first match take an older one than their own: put them in this order: "
                        "windows/amd64:10.0.20348.3091, windows/amd64:10.0.17763.6414"
                    ),
                )
            ],
        ),
        (
            (WS2022, AMD64),
            [
                (
                    "entry-order",
                    "warning",
                    (
                        "the entries do not stand with Linux first and sorted and Windows behind it: "
                        "put them in this order: linux/amd64, windows/amd64:10.0.20348.3091"
                    ),
                )
            ],
        ),
        (
            (ARM64, AMD64),
            [
                (
                    "entry-order",
                    "warning",
                    (
                        "the entries do not stand with Linux first and sorted and Windows behind it: "
                        "put them in this order: linux/amd64, linux/arm64/v8"
                    ),
                )
            ],
        ),
        (
            (windows("10.0.20348.1"), windows("10.0.20348.2")),
            [
                (
                    "duplicate-platform",
                    "error",
                    (
                        "manifests[1] (windows/amd64:10.0.20348.2) is for the same nodes as "
                        "manifests[0] (windows/amd64:10.0.20348.1): leave one of them out"
                    ),
                ),
                (
                    "windows-order",
                    "error",
                    (
                        "the Windows entries do not stand with the newest build first, so that nodes that "
                        "take the first match take an older one than their own: put them in this order: "
                        "windows/amd64:10.0.20348.2, windows/amd64:10.0.20348.1"
                    ),
                ),
            ],
        ),
        (
            (AMD64, Platform(os="linux", architecture="amd64", variant="v1", os_version="6.1")),
            [
                (
                    "duplicate-platform",
                    "error",
                    (
                        "manifests[1] (linux/amd64/v1:6.1) is for the same nodes as manifests[0] "
                        "(linux/amd64): leave one of them out"
                    ),
                )
            ],
        ),
        (
            (windows("10.0.20348"),),
            [
                (
                    "os-version-short",
                    "error",
                    (
                        "manifests[0] (windows/amd64:10.0.20348) has os.version '10.0.20348' and needs one "
                        "of four numbers: copy os.version from the base image's config; Docker on Windows "
                        "passes over what has three"
                    ),
                )
            ],
        ),
        (
            (windows("ltsc2022"),),
            [
                (
                    "os-version-malformed",
                    "error",
                    (
                        "manifests[0] (windows/amd64:ltsc2022) has os.version 'ltsc2022' and needs one of "
                        "four numbers: copy os.version from the base image's config"
                    ),
                )
            ],
        ),
        (
            (WS2022, windows("")),
            [
                (
                    "host-process-mixed",
                    "error",
                    (
                        "manifests[1] (windows/amd64) has no os.version beside Windows entries that have "
                        "one, so that nodes of any build may take it: copy os.version from the base "
                        "image's config, or publish a HostProcess image under a name of its own"
                    ),
                )
            ],
        ),
        (
            (AMD64, windows("")),
            [
                (
                    "os-version-missing",
                    "note",
                    (
                        "manifests[1] (windows/amd64) has no os.version, so that nodes of any build take it: "
                        "right for a HostProcess image alone; for any other copy os.version from the base "
                        "image's config"
                    ),
                )
            ],
        ),
        (
            (windows("10.0.26100.1", architecture="arm64"),),
            [
                (
                    "windows-architecture",
                    "warning",
                    (
                        "manifests[0] (windows/arm64:10.0.26100.1) is for windows/arm64:10.0.26100.1, and "
                        "only amd64 nodes run Windows containers: leave it out unless you know a node that "
                        "takes it"
                    ),
                )
            ],
        ),
        (
            (windows("10.0.26100.1"), windows("10.0.20348.1", "win32k")),
            [
                (
                    "os-features-mixed",
                    "warning",
                    (
                        "the Windows entries differ in the number of their os.features, and containerd 2.3 "
                        "on Windows prefers the entry with more of them to the newer build: use one kind "
                        "of base for every build"
                    ),
                )
            ],
        ),
    ],
)
def test_what_platforms_do_wrong(
    platforms: tuple[Platform, ...], findings: list[tuple[str, str, str]]
) -> None:
    """Order, duplicates, os.version, HostProcess, architecture."""
    assert said(of_platforms(*platforms)) == findings


def test_an_entry_without_a_platform_is_an_error() -> None:
    """With or without the object."""
    first, second = image(AMD64), image(ARM64)
    index = Index.build(
        manifests=[
            first[0].descriptor,
            replace(second[0].descriptor, platform=Platform(os="linux", architecture="")),
        ]
    )
    children = {child[0].descriptor.digest: child for child in (first, second)}
    name = short(first[0].descriptor.digest)
    hint = (
        "does not say for which operating system and architecture it is: "
        "build the index from the images' configs"
    )
    assert said(validate_index(index, children)) == [
        ("platform-missing", "error", f"manifests[0] ({name}) {hint}"),
        ("platform-missing", "error", f"manifests[1] (linux) {hint}"),
        (
            "platform-differs",
            "error",
            (
                "manifests[1] (linux) is for linux in the index and for linux/arm64 in its config: "
                "build the index from the images' configs"
            ),
        ),
    ]


def test_entries_that_are_no_images_are_told() -> None:
    """An index in an index, an attestation by platform and one by annotation."""
    unknown = Platform(os="unknown", architecture="unknown")
    good = image(AMD64)
    inner = Descriptor.of(b"inner", OCI_INDEX)
    attested = replace(Descriptor.of(b"x", good[0].media_type), platform=unknown)
    annotated = replace(
        Descriptor.of(b"y", good[0].media_type),
        annotations={"vnd.docker.reference.type": "attestation-manifest"},
    )
    index = Index.build(manifests=[entry(good), inner, attested, annotated])
    attestation = "is an attestation, which nodes never take and tools mistake for an image"
    assert said(validate_index(index, {good[0].descriptor.digest: good})) == [
        (
            "nested-index",
            "error",
            (
                f"manifests[1] ({short(inner.digest)}) is an index itself, which Docker and others do not "
                "follow: put its images in its place"
            ),
        ),
        (
            "attestation-entry",
            "warning",
            f"manifests[2] (unknown/unknown) {attestation}: publish it as a referrer of the image",
        ),
        (
            "attestation-entry",
            "warning",
            f"manifests[3] ({short(annotated.digest)}) {attestation}: publish it as a referrer of the image",
        ),
    ]
    assert [is_attestation(item) for item in index.manifests] == [False, False, True, True]


@pytest.mark.parametrize(
    ("index_type", "media_type", "mixed"),
    [
        (OCI_INDEX, DOCKER_MANIFEST, True),
        (DOCKER_LIST, DOCKER_MANIFEST, False),
        (DOCKER_LIST, Manifest.build(config=LAYER, layers=()).media_type, True),
    ],
)
def test_docker_and_oci_side_by_side_are_told(index_type: str, media_type: str, mixed: bool) -> None:
    """Some tools refuse what mixes them."""
    config = ImageConfig.parse(
        json.dumps(AMD64.to_json() | {"rootfs": {"diff_ids": [LAYER.digest]}}).encode()
    )
    manifest = Manifest.build(
        config=replace(config.descriptor, media_type=DOCKER_CONFIG),
        layers=[replace(LAYER, media_type=DOCKER_LAYER_GZIP)],
        media_type=media_type,
    )
    index = Index.build(manifests=[entry((manifest, config))], media_type=index_type)
    sentence = (
        f"manifests[0] (linux/amd64) has media type '{media_type}' in an index of type '{index_type}': "
        "build all of them with OCI media types"
    )
    expected = [("media-type-mixed", "warning", sentence)] if mixed else []
    assert said(validate_index(index, {manifest.descriptor.digest: (manifest, config)})) == expected


def test_an_image_that_is_not_there_is_an_error() -> None:
    """The registry refuses an index before its images."""
    index, _ = index_of(image(AMD64))
    assert said(validate_index(index, {})) == [
        (
            "child-missing",
            "error",
            (
                "manifests[0] (linux/amd64) is not in the repository: "
                "publish the image before the index, in the same repository"
            ),
        )
    ]


@pytest.mark.parametrize(
    ("told", "findings"),
    [
        (
            windows("10.0.26100.1"),
            [
                (
                    "os-version-differs",
                    "error",
                    (
                        "the image has os.version 10.0.26100.1 in the index and 10.0.20348.3091 in its "
                        "config: copy os.version from the base image's config"
                    ),
                )
            ],
        ),
        (
            windows(""),
            [
                (
                    "os-version-differs",
                    "error",
                    (
                        "the image has os.version none in the index and 10.0.20348.3091 in its config: "
                        "copy os.version from the base image's config"
                    ),
                )
            ],
        ),
        (
            windows("10.0.20348.3091", "win32k", "x"),
            [
                (
                    "os-features-differ",
                    "error",
                    (
                        "the image has os.features win32k, x in the index and none in its config: "
                        "build the index from the images' configs"
                    ),
                )
            ],
        ),
        (
            Platform(os="windows", architecture="arm64", os_version="10.0.20348.3091"),
            [
                (
                    "platform-differs",
                    "error",
                    (
                        "the image is for windows/arm64:10.0.20348.3091 in the index and for "
                        "windows/amd64:10.0.20348.3091 in its config: build the index from the images' "
                        "configs"
                    ),
                )
            ],
        ),
        (Platform(os="windows", architecture="x86_64", os_version="10.0.20348.3091"), []),
        (None, []),
    ],
)
def test_what_the_index_says_is_held_against_the_config(
    told: Platform | None, findings: list[tuple[str, str, str]]
) -> None:
    """A wrong label is found although every digest is right."""
    manifest, config = image(WS2022)
    assert (
        said(validate_manifest(manifest, config, entry=replace(manifest.descriptor, platform=told)))
        == findings
    )


def test_an_entry_that_points_elsewhere_is_an_error() -> None:
    """Digest, size and media type are the manifest's."""
    manifest, config = image(AMD64)
    right = manifest.descriptor
    wrong = replace(right, size=1, platform=AMD64)
    assert said(validate_manifest(manifest, config, entry=wrong, name="it")) == [
        (
            "entry-digest",
            "error",
            (
                f"it is {right.digest} of 1 bytes and media type {right.media_type} in the index, the "
                f"manifest is {right.digest} of {right.size} bytes and media type {right.media_type}: "
                "build the index from the images' configs"
            ),
        )
    ]


def test_layers_and_diff_ids_are_counted() -> None:
    """A runtime refuses an image where they differ; history is counted as well."""
    manifest, config = image(
        AMD64, rootfs={"diff_ids": []}, history=[{"created_by": "a"}, {"created_by": "b"}]
    )
    assert said(validate_manifest(manifest, config)) == [
        (
            "layer-count",
            "error",
            "the image has 1 layers and 0 diff_ids in its config: no runtime unpacks it: build it again",
        ),
        (
            "history-count",
            "warning",
            (
                "the image has 1 layers and 2 entries of history for layers: "
                "some registries refuse it: build it with a tool that writes an entry for each layer"
            ),
        ),
    ]


def test_layers_are_looked_at_one_by_one() -> None:
    """Foreign, unknown and empty ones."""
    layers = [
        LAYER,
        replace(LAYER, urls=("https://example.com/layer",)),
        replace(LAYER, media_type="application/x"),
        replace(LAYER, size=0),
    ]
    assert said(validate_manifest(*image(WS2019, layers=layers))) == [
        (
            "foreign-layer",
            "error",
            (
                "layer 1 of the image is left to another server, so that registries refuse it and nodes may "
                "not find it: rebase the image on a base from after June 2023"
            ),
        ),
        (
            "layer-media-type",
            "error",
            (
                "layer 2 of the image has media type 'application/x', which nodes cannot unpack: "
                "write layers as tar, gzip or zstd"
            ),
        ),
        (
            "empty-blob",
            "error",
            "layer 3 of the image has 0 bytes, which is no tar: build the image again",
        ),
    ]


@pytest.mark.parametrize(("count", "found"), [(127, []), (128, ["many-layers"])])
def test_more_layers_than_docker_stacks_are_told(count: int, found: list[str]) -> None:
    """127 are fine."""
    findings = validate_manifest(*image(AMD64, layers=[LAYER] * count))
    assert codes(findings) == found
    assert [str(finding) for finding in findings] == [
        f"the image has {count} layers, Docker on Linux stacks no more than 127: join layers" for _ in found
    ]


def test_the_config_is_the_one_that_the_manifest_names() -> None:
    """By media type, digest and size, and it says what it is for."""
    config = ImageConfig.parse(b"{}")
    manifest = Manifest.build(config=replace(LAYER, media_type="application/x"), layers=())
    assert said(validate_manifest(manifest, config)) == [
        (
            "config-media-type",
            "error",
            (
                "the image has a config of media type 'application/x', which is not an image config: "
                "nodes cannot run it: take it out of the index"
            ),
        ),
        (
            "config-digest",
            "error",
            (
                f"the image names config {LAYER.digest} of {LAYER.size} bytes, its config is "
                f"{config.descriptor.digest} of 2 bytes: fetch the config again or build the image again"
            ),
        ),
        (
            "config-platform",
            "error",
            "the image has a config without operating system or architecture: build it with a current tool",
        ),
    ]
    assert config.descriptor.media_type == OCI_CONFIG


@pytest.mark.parametrize("entry_", ["PATH=C:\\app;%PATH%", "Path=%Path%;C:\\app"])
def test_a_path_that_waits_for_expansion_is_an_error(entry_: str) -> None:
    """Nothing expands it on Windows."""
    assert said(validate_manifest(*image(WS2022, config={"Env": ["A=1", entry_]}))) == [
        (
            "path-unexpanded",
            "error",
            "the image sets PATH with %PATH% in it, which nothing expands: write the whole PATH",
        )
    ]


def test_all_faults_are_found_at_once() -> None:
    """One run, every finding."""
    index, children = index_of(image(windows("10.0.20348")), image(WS2025, rootfs={}), image(AMD64))
    assert codes(validate_index(index, children)) == ["os-version-short", "windows-order", "layer-count"]


def test_platforms_alone_can_be_checked() -> None:
    """For images that stand in no index yet."""
    findings = validate_platforms([("a", WS2022), ("b", WS2022), ("c", Platform(os="", architecture=""))])
    assert [str(finding) for finding in findings] == [
        (
            "c does not say for which operating system and architecture it is: "
            "build the index from the images' configs"
        ),
        "b is for the same nodes as a: leave one of them out",
    ]


PLATFORMS = st.builds(
    Platform,
    os=st.sampled_from(["linux", "windows", "freebsd"]),
    architecture=st.sampled_from(["amd64", "arm64"]),
    variant=st.sampled_from(["", "v8"]),
    os_version=st.sampled_from(["", "10.0.20348", "x"]) | st.integers(1, 30000).map("10.0.{0}.{0}".format),
)


@given(st.lists(PLATFORMS, max_size=6))
def test_what_is_sorted_has_no_finding_about_order(platforms: list[Platform]) -> None:
    """The check and the sort agree; any platform can be sorted and checked."""
    ordered = sorted(platforms, key=entry_order)
    assert not {"windows-order", "entry-order"} & set(codes(of_platforms(*ordered)))
    builds = [
        platform.os_version
        for platform in ordered
        if platform.os == "windows"
        and platform.architecture == "amd64"
        and not platform.variant
        and platform.os_version.count(".") == 3
    ]
    assert builds == sorted(builds, key=lambda text: -int(text.split(".")[2]))
