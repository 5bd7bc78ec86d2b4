"""Joining images into an index: order, platforms, and every refusal at once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.assemble import AssemblyError, Variant, append_manifests, assemble_index
from buildtools.errors import BuildError
from buildtools.oci.descriptor import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of, short
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.oci.validate import validate_index

AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64", variant="v8")


def windows(version: str, *features: str) -> Platform:
    """Windows of this version."""
    return Platform(os="windows", architecture="amd64", os_version=version, os_features=features)


WS2019, WS2022, WS2025 = windows("10.0.17763.6414"), windows("10.0.20348.3091"), windows("10.0.26100.2894")


def variant(platform: Platform, text: str = "", /, **changes: Any) -> Variant:
    """An image of this platform; `text` makes it another one."""
    parts = {"media_type": OCI_MANIFEST, "size": 7, "digest": digest_of(f"{platform}{text}".encode())}
    return Descriptor(**(parts | changes)), platform


def entry(platform: Platform, text: str = "", /, **changes: Any) -> Descriptor:
    """An index entry of this platform."""
    return variant(platform, text, platform=platform, **changes)[0]


def refusal(*variants: Variant) -> tuple[str, ...]:
    """The sentences with which the images are refused."""
    with pytest.raises(AssemblyError) as caught:
        assemble_index(variants)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_linux_comes_first_and_windows_with_the_newest_build_first() -> None:
    """The one order that every runtime but the oldest reads rightly."""
    index = assemble_index([variant(platform) for platform in (WS2019, ARM64, WS2025, AMD64, WS2022)])
    assert [item.platform for item in index.manifests] == [AMD64, ARM64, WS2025, WS2022, WS2019]
    assert index.media_type == OCI_INDEX


def test_the_index_says_when_it_was_made() -> None:
    """Where the time is known."""
    index = assemble_index([variant(AMD64)], created="2026-01-01T00:00:00Z")
    assert index.annotations == {"org.opencontainers.image.created": "2026-01-01T00:00:00Z"}
    assert not assemble_index([variant(AMD64)]).annotations


def test_the_index_has_its_exact_bytes() -> None:
    """Canonical JSON; platform keys as the specification writes them."""
    platform = windows("10.0.20348.3091", "win32k")
    index = assemble_index([variant(platform)])
    assert index.raw.decode() == (
        '{"manifests":[{"digest":"' + digest_of(str(platform).encode()) + '","mediaType":'
        '"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"amd64","os":"windows",'
        '"os.features":["win32k"],"os.version":"10.0.20348.3091"},"size":7}],"mediaType":'
        '"application/vnd.oci.image.index.v1+json","schemaVersion":2}'
    )


def test_the_platform_is_the_configs() -> None:
    """Whatever the descriptor said before, and nothing else of the config."""
    descriptor, _ = variant(AMD64, platform=ARM64, annotations={"a": "b"})
    platform = Platform(os="linux", architecture="amd64", extra={"created": "x"})
    index = assemble_index([(descriptor, platform)])
    assert index.manifests[0] == entry(AMD64, annotations={"a": "b"})


def test_a_host_process_image_stands_without_os_version() -> None:
    """Alone among the Windows entries, beside Linux ones."""
    index = assemble_index([variant(windows("")), variant(AMD64)])
    assert [str(item.platform) for item in index.manifests] == ["linux/amd64", "windows/amd64"]


def test_docker_manifests_can_be_entries() -> None:
    """They keep their media type."""
    assert (
        assemble_index([variant(AMD64, media_type=DOCKER_MANIFEST)]).manifests[0].media_type
        == DOCKER_MANIFEST
    )


def name(platform: Platform, text: str = "") -> str:
    """The words for an image in sentences."""
    return f"{platform} ({short(variant(platform, text)[0].digest)})"


COPY = "copy os.version from the base image's config"


@pytest.mark.parametrize(
    ("variants", "problems"),
    [
        ((), ("an index of no images was asked for: name at least one",)),
        (
            (variant(AMD64), variant(AMD64, "2")),
            (f"{name(AMD64, '2')} is for the same nodes as {name(AMD64)}: leave one of them out",),
        ),
        (
            (variant(windows("10.0.20348.1")), variant(windows("10.0.20348.2"))),
            (
                (
                    f"{name(windows('10.0.20348.2'))} is for the same nodes as "
                    f"{name(windows('10.0.20348.1'))}: leave one of them out"
                ),
            ),
        ),
        (
            (variant(windows("")), variant(WS2022)),
            (
                (
                    f"{name(windows(''))} has no os.version beside Windows entries that have one, so that "
                    f"nodes of any build may take it: {COPY}, or publish a HostProcess image under a name "
                    "of its own"
                ),
            ),
        ),
        (
            (variant(windows("")), variant(windows(""), "2")),
            (
                (
                    f"{name(windows(''), '2')} is for the same nodes as {name(windows(''))}: leave one of "
                    "them out"
                ),
            ),
        ),
        (
            (variant(windows("10.0.20348")),),
            (
                (
                    f"{name(windows('10.0.20348'))} has os.version '10.0.20348' and needs one of four "
                    f"numbers: {COPY}; Docker on Windows passes over what has three"
                ),
            ),
        ),
        (
            (variant(windows("2022")),),
            (f"{name(windows('2022'))} has os.version '2022' and needs one of four numbers: {COPY}",),
        ),
        (
            (variant(Platform(os="", architecture="")),),
            (
                (
                    f"{short(digest_of(b''))} does not say for which operating system and architecture it "
                    "is: build the index from the images' configs"
                ),
            ),
        ),
        (
            (variant(AMD64, media_type=OCI_INDEX),),
            (f"{name(AMD64)} has media type '{OCI_INDEX}': only images can be entries",),
        ),
        (
            (variant(Platform(os="unknown", architecture="unknown")),),
            (
                (
                    f"{name(Platform(os='unknown', architecture='unknown'))} is an attestation: "
                    "publish it as a referrer of its image"
                ),
            ),
        ),
        (
            (variant(AMD64, annotations={"vnd.docker.reference.type": "attestation-manifest"}),),
            (f"{name(AMD64)} is an attestation: publish it as a referrer of its image",),
        ),
        (
            (variant(AMD64, annotations={"a": "x" * 4 * 1024 * 1024}),),
            (
                (
                    "the index cannot be written: the manifest or index has 4194614 bytes, at most 4194304 "
                    "are read"
                ),
            ),
        ),
    ],
    ids=lambda value: value[0][:40] if value and isinstance(value[0], str) else "",
)
def test_what_could_send_a_node_to_the_wrong_image_is_refused(
    variants: tuple[Variant, ...], problems: tuple[str, ...]
) -> None:
    """A sentence for each reason."""
    assert refusal(*variants) == problems


def test_all_refusals_come_at_once() -> None:
    """And the error is one of the tree, with its exit code."""
    problems = refusal(
        variant(AMD64), variant(AMD64, "2"), variant(windows("10.0.20348")), variant(windows(""))
    )
    assert len(problems) == 3
    assert issubclass(AssemblyError, BuildError)
    assert AssemblyError.exit_code == 1


def test_an_entry_is_added_in_its_place() -> None:
    """The index given stays as it was, and so does everything else in it."""
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [entry(AMD64).to_json(), entry(WS2019).to_json()],
            "annotations": {"a": "b"},
            "futureKey": 1,
        },
        indent=2,
    ).encode()
    index = Index.parse(raw)
    added = append_manifests(index, entry(WS2025), entry(WS2022))
    assert [item.platform for item in added.manifests] == [AMD64, WS2025, WS2022, WS2019]
    assert (added.annotations, added.extra) == ({"a": "b"}, {"futureKey": 1})
    assert (index.raw, len(index.manifests)) == (raw, 2)


def test_attestations_of_an_index_stay_behind_its_images() -> None:
    """They belong to images that are still there."""
    attestation = entry(Platform(os="unknown", architecture="unknown"))
    index = Index.build(manifests=[attestation, entry(AMD64)])
    added = append_manifests(index, entry(WS2022))
    assert added.manifests == (entry(AMD64), entry(WS2022), attestation)


def test_what_does_not_fit_beside_the_others_is_not_added() -> None:
    """The same rules as for a new index."""
    index = Index.build(manifests=[entry(AMD64), entry(WS2022)])
    with pytest.raises(AssemblyError) as caught:
        append_manifests(index, variant(ARM64)[0], entry(AMD64, "2"))
    assert caught.value.problems == (
        (
            f"{short(variant(ARM64)[0].digest)} does not say for which operating system and architecture "
            "it is: build the index from the images' configs"
        ),
        f"{name(AMD64, '2')} is for the same nodes as {name(AMD64)}: leave one of them out",
    )


def test_an_index_that_cannot_be_written_is_refused() -> None:
    """A Docker list that would need annotations, for one."""
    raw = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [], "annotations": {"a": "b"}}
    with pytest.raises(AssemblyError) as caught:
        append_manifests(Index.parse(json.dumps(raw).encode()), entry(AMD64))
    assert caught.value.problems == (
        "the index cannot be written: a Docker document cannot have annotations: use the OCI media type",
    )


PLATFORMS = st.lists(
    st.sampled_from([AMD64, ARM64]) | st.integers(10240, 30000).map("10.0.{0}.{0}".format).map(windows),
    min_size=1,
    max_size=6,
    unique_by=str,
)


@given(platforms=PLATFORMS, data=st.data())
def test_the_order_of_the_variants_does_not_show(platforms: list[Platform], data: st.DataObject) -> None:
    """Same images, same bytes; and an index that was assembled has nothing wrong with its platforms."""
    index = assemble_index([variant(platform) for platform in platforms])
    other = data.draw(st.permutations(platforms))
    assert assemble_index([variant(platform) for platform in other]).raw == index.raw
    halves = Index.build(manifests=[entry(platform) for platform in other[:3]])
    assert append_manifests(halves, *(entry(platform) for platform in other[3:])).raw == index.raw
    assert {finding.code for finding in validate_index(index, {})} == {"child-missing"}
