"""Joining images into an index: order, platforms, and every refusal at once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.assemble import (
    ACTIONS,
    SUBJECT,
    AssemblyError,
    Member,
    Variant,
    assemble_index,
    index_of,
    parse_selector,
    remove,
)
from buildtools.errors import BuildError
from buildtools.oci.annotations import CREATED
from buildtools.oci.descriptor import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of, short
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform, PlatformError
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
    index = assemble_index([variant(AMD64)], annotations={CREATED: "2026-01-01T00:00:00Z"})
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


def members(*entries: Descriptor, origin: str = "") -> list[Member]:
    """Members of an index with these entries."""
    return [Member(entry=item, origin=origin) for item in entries]


def shown(found: list[Member]) -> list[str]:
    """The platforms of members, in their order, with the first digits of their digests."""
    return [str(one).partition(" of ")[0] for one in found]


def problems(action: str, current: list[Member], given: list[Member]) -> tuple[str, ...]:
    """The sentences with which an action is refused."""
    with pytest.raises(AssemblyError) as caught:
        ACTIONS[action](current, given)
    return caught.value.problems


OLD, NEW, OTHER = entry(WS2022), entry(windows("10.0.20348.9")), entry(WS2025)
HERE, THERE = members(entry(AMD64), OLD, origin="app:1"), members(NEW, origin="win:1")


def test_the_actions() -> None:
    """What each makes of Linux and an older Windows image, and of a newer one for the same build."""
    added = members(OTHER)
    assert ACTIONS["create"](HERE, THERE) == THERE
    assert ACTIONS["append"](HERE, added) == HERE + added
    assert ACTIONS["replace"](HERE, THERE) == [HERE[0], *THERE]
    assert ACTIONS["merge"](HERE, THERE + added) == [HERE[0], *THERE, *added]


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_what_is_there_already_stays(action: str) -> None:
    """The same image by two names is one, and a second run changes nothing."""
    again = members(*(one.entry for one in HERE), origin="other:1")
    assert ACTIONS[action](HERE, [*again, *again]) == (again if action == "create" else HERE)


def test_nothing_is_appended_for_nodes_that_have_an_image() -> None:
    """The sentence names both, and where they are from."""
    assert problems("append", HERE, THERE) == (
        (
            f"{name(windows('10.0.20348.9'))} of win:1 is for the same nodes as {name(WS2022)} of app:1, "
            "which the index has already: use replace or merge"
        ),
    )


def test_nothing_is_replaced_that_is_not_there() -> None:
    """A typo in a release does not add an image."""
    assert problems("replace", HERE, members(OTHER, origin="win:1")) == (
        (
            f"{name(WS2025)} of win:1 has no entry to replace, since the index has none for these nodes: "
            "use append or merge"
        ),
    )


def test_two_given_for_the_same_nodes_are_refused_by_name() -> None:
    """By the index, whatever the action was."""
    with pytest.raises(AssemblyError) as caught:
        index_of(ACTIONS["merge"]([], [*members(OLD, origin="a:1"), *THERE]))
    assert caught.value.problems == (
        (
            f"{name(windows('10.0.20348.9'))} of win:1 is for the same nodes as {name(WS2022)} of a:1: "
            "leave one of them out"
        ),
    )


def test_images_are_taken_out_by_platform_and_digest() -> None:
    """All that a selector means, and no other one."""
    every = members(entry(AMD64), entry(ARM64), entry(WS2025), entry(WS2022))
    assert remove(every, [parse_selector("windows")]) == every[:2]
    assert remove(every, [parse_selector("linux/arm64"), parse_selector("windows:ltsc2022")]) == [
        every[0],
        every[2],
    ]
    digest = every[0].entry.digest
    for text in (digest, short(digest)):
        assert remove(every, [parse_selector(text)]) == every[1:]
    assert not parse_selector("linux").matches(Descriptor(media_type=OCI_MANIFEST, size=1, digest=digest))
    with pytest.raises(AssemblyError) as caught:
        remove(every, [parse_selector("linux"), parse_selector("windows")])
    assert str(caught.value) == "no image would be left in the index: delete the tag in place of that"


def test_what_is_no_selector_is_refused() -> None:
    """With what a platform looks like, and that a digest will do."""
    with pytest.raises(PlatformError) as caught:
        parse_selector("windows/amd64:")
    assert str(caught.value) == (
        "platform 'windows/amd64:' ends in a colon: write a version behind it or leave it out; "
        "or write a digest, of which 12 digits are enough"
    )


def attestation(subject: Descriptor, text: str = "") -> Descriptor:
    """BuildKit's attestation of an image."""
    unknown = Platform(os="unknown", architecture="unknown")
    return entry(
        unknown,
        f"{subject.digest}{text}",
        annotations={"vnd.docker.reference.type": "attestation-manifest", SUBJECT: subject.digest},
    )


def test_attestations_stay_with_their_images_and_behind_them() -> None:
    """In the order of their subjects; those of images that are not there go, and so do doubles."""
    linux, win = entry(AMD64), entry(WS2022)
    proofs = [attestation(win), attestation(linux), attestation(OTHER), attestation(win)]
    lost = entry(Platform(os="unknown", architecture="unknown"))
    index = index_of(members(win, linux), [*proofs, lost])
    assert index.manifests == (linux, win, attestation(linux), attestation(win))


def test_an_index_keeps_what_it_says_of_itself() -> None:
    """Annotations and keys that nobody knows; new annotations come on top."""
    raw = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [],
        "annotations": {"a": "b", "c": "d"},
        "futureKey": 1,
    }
    like = Index.parse(json.dumps(raw).encode())
    index = index_of(members(OLD), like=like, annotations={"c": "e"})
    assert (index.annotations, index.extra) == ({"a": "b", "c": "e"}, {"futureKey": 1})
    assert index_of(members(OLD)).annotations == {}
    assert assemble_index([variant(AMD64)], annotations={"a": "b"}).annotations == {"a": "b"}


def test_a_docker_list_is_made_of_dockers_images_alone() -> None:
    """And has no annotations."""
    docker = entry(AMD64, media_type=DOCKER_MANIFEST)
    assert index_of(members(docker), docker=True).media_type == DOCKER_LIST
    assert index_of(members(docker)).media_type == OCI_INDEX
    for others, sentence in (
        ([OLD], f"{short(OLD.digest)} is"),
        ([OLD, entry(ARM64)], f"{short(entry(ARM64).digest)}, {short(OLD.digest)} are"),
    ):
        with pytest.raises(AssemblyError) as caught:
            index_of(members(docker, *others), docker=True)
        assert caught.value.problems == (
            (
                f"{sentence} not of Docker's media type, so that a Docker manifest list cannot hold them: "
                "leave out --docker"
            ),
        )
    with pytest.raises(AssemblyError) as caught:
        index_of(members(docker), docker=True, annotations={"a": "b"})
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
    first, second = (members(*map(entry, half)) for half in (other[:3], other[3:]))
    for action in ("append", "merge"):
        assert index_of(ACTIONS[action](first, second)).raw == index.raw
    assert {finding.code for finding in validate_index(index, {})} == {"child-missing"}
