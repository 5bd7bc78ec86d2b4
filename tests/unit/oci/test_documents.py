"""Manifests and indexes: bytes kept, every field checked, nothing that two readers read differently."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.descriptor import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
)
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import (
    MAX_DOCUMENT,
    MAX_ENTRIES,
    MAX_LAYERS,
    DocumentError,
    Index,
    Manifest,
    canonical_json,
    parse_document,
)
from buildtools.oci.platform import Platform

CONFIG = Descriptor.of(b"{}", OCI_CONFIG)
LAYER = Descriptor.of(b"layer", OCI_LAYER_GZIP)
ENTRY = {"mediaType": OCI_MANIFEST, "size": 1, "digest": digest_of(b"")}
MANIFEST: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": CONFIG.to_json(),
    "layers": [LAYER.to_json()],
}
INDEX: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [ENTRY]}


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The document less these keys."""
    return {key: value for key, value in document.items() if key not in keys}


def refused(document: object, media_type: str = "") -> str:
    """The sentence with which the document is refused."""
    with pytest.raises(DocumentError) as caught:
        parse_document(json.dumps(document).encode(), media_type)
    return str(caught.value)


def test_a_manifest_keeps_its_bytes() -> None:
    """Spaces and key order count; the digest is of the bytes that were read."""
    raw = json.dumps(MANIFEST, indent=3).encode()
    manifest = Manifest.parse(raw, OCI_MANIFEST)
    assert manifest.raw == raw
    assert manifest.descriptor == Descriptor.of(raw, OCI_MANIFEST)
    assert (manifest.config, manifest.layers) == (CONFIG, (LAYER,))
    assert (manifest.annotations, manifest.subject, manifest.artifact_type) == ({}, None, "")


def test_every_part_of_a_manifest_is_read() -> None:
    """Also what only artifacts have, and what nobody knows."""
    document = MANIFEST | {
        "annotations": {"a": "b"},
        "subject": ENTRY,
        "artifactType": "application/x",
        "futureKey": [1],
    }
    manifest = Manifest.parse(json.dumps(document).encode())
    assert manifest.annotations == {"a": "b"}
    assert manifest.subject == Descriptor.from_json(ENTRY)
    assert manifest.artifact_type == "application/x"
    assert manifest.extra == {"futureKey": [1]}


def test_an_index_keeps_its_bytes_and_what_nobody_knows() -> None:
    """Unknown keys of a descriptor stay with it."""
    entry = ENTRY | {"platform": {"os": "linux", "architecture": "amd64"}, "data": "e30="}
    raw = json.dumps(INDEX | {"manifests": [entry], "annotations": None}, indent=1).encode()
    index = Index.parse(raw, OCI_INDEX)
    assert index.raw == raw
    assert index.descriptor == Descriptor.of(raw, OCI_INDEX)
    assert index.manifests[0].platform == Platform(os="linux", architecture="amd64")
    assert index.manifests[0].extra == {"data": "e30="}
    assert index.annotations == {}


@pytest.mark.parametrize(
    ("document", "served", "media_type"),
    [
        (MANIFEST, "", OCI_MANIFEST),
        (MANIFEST, "application/json", OCI_MANIFEST),
        (MANIFEST, f"{OCI_MANIFEST.upper()} ; charset=utf-8", OCI_MANIFEST),
        (without(MANIFEST, "mediaType"), "", OCI_MANIFEST),
        (without(MANIFEST, "mediaType"), OCI_MANIFEST, OCI_MANIFEST),
        (without(INDEX, "mediaType"), "application/octet-stream", OCI_INDEX),
        (MANIFEST | {"mediaType": DOCKER_MANIFEST}, DOCKER_MANIFEST, DOCKER_MANIFEST),
        (INDEX | {"mediaType": DOCKER_LIST}, "", DOCKER_LIST),
        (MANIFEST | {"layers": None}, "", OCI_MANIFEST),
    ],
)
def test_the_media_type_is_agreed_on(document: dict[str, Any], served: str, media_type: str) -> None:
    """By the document, by who served it, by its keys."""
    parsed = parse_document(json.dumps(document).encode(), served)
    assert parsed.media_type == media_type
    assert isinstance(parsed, Index if media_type in {OCI_INDEX, DOCKER_LIST} else Manifest)


@pytest.mark.parametrize(
    ("document", "served", "sentence"),
    [
        (MANIFEST, OCI_INDEX, f"the document is served as '{OCI_INDEX}' and says it is '{OCI_MANIFEST}'"),
        (
            MANIFEST | {"manifests": []},
            "",
            (
                "the document is a manifest by its media type and has manifests: "
                "readers would disagree about it"
            ),
        ),
        (
            INDEX | {"layers": None},
            "",
            ("the document is an index by its media type and has layers: readers would disagree about it"),
        ),
        (
            INDEX | {"config": CONFIG.to_json()},
            "",
            ("the document is an index by its media type and has config: readers would disagree about it"),
        ),
        (INDEX | {"Layers": []}, "", "the key 'Layers' must be spelled layers"),
        (INDEX | {"mediatype": OCI_MANIFEST}, "", "the key 'mediatype' must be spelled mediaType"),
        (
            without(MANIFEST, "mediaType") | {"manifests": []},
            "",
            "the document has both layers and manifests, so that nobody can tell what it is",
        ),
        (
            {"schemaVersion": 2},
            "",
            "the document has neither mediaType nor layers nor manifests, so that nobody can tell what it is",
        ),
        (
            {"mediaType": "application/vnd.oci.artifact.manifest.v1+json"},
            "",
            (
                "media type 'application/vnd.oci.artifact.manifest.v1+json' is neither an image manifest "
                "nor an index: name the reference of an image"
            ),
        ),
        (
            {},
            "text/html",
            (
                "media type 'text/html' is neither an image manifest nor an index: "
                "name the reference of an image"
            ),
        ),
        ({"mediaType": 1}, "", "mediaType must be a string, it is 1"),
        (without(MANIFEST, "layers"), "", "layers is missing"),
        (without(MANIFEST, "config"), "", "config is missing"),
        (without(INDEX, "manifests"), "", "manifests is missing"),
        (without(MANIFEST, "schemaVersion"), "", "schemaVersion must be 2, it is missing"),
        (MANIFEST | {"schemaVersion": 3}, "", "schemaVersion must be 2, it is 3"),
        (MANIFEST | {"schemaVersion": 2.0}, "", "schemaVersion must be 2, it is 2.0"),
        (MANIFEST | {"schemaVersion": "2"}, "", "schemaVersion must be 2, it is '2'"),
    ],
)
def test_a_document_of_two_minds_is_refused(document: dict[str, Any], served: str, sentence: str) -> None:
    """What one reader takes for an image another could take for an index."""
    assert refused(document, served) == sentence


@pytest.mark.parametrize(
    ("document", "served"),
    [
        ({"schemaVersion": 1, "fsLayers": []}, ""),
        ({"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"}, ""),
        (MANIFEST, "application/vnd.docker.distribution.manifest.v1+json"),
    ],
)
def test_schema_1_has_its_own_sentence(document: dict[str, Any], served: str) -> None:
    """People meet it in old registries."""
    assert refused(document, served) == (
        "the document is a Docker schema 1 manifest, which no current client reads: "
        "pull the image with an old client and push it with a current one"
    )


RANGE = "a whole number from 0 to 9223372036854775807"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": -1}, f"manifests[0].size must be {RANGE}, it is -1"),
        ({"size": 2**63}, f"manifests[0].size must be {RANGE}, it is 9223372036854775808"),
        ({"size": 1.0}, f"manifests[0].size must be {RANGE}, it is 1.0"),
        ({"size": True}, f"manifests[0].size must be {RANGE}, it is true"),
        ({"size": "1"}, f"manifests[0].size must be {RANGE}, it is '1'"),
        ({"size": None}, f"manifests[0].size must be {RANGE}, it is missing"),
        ({"mediaType": ""}, "manifests[0].mediaType must not be empty"),
        ({"mediaType": 7}, "manifests[0].mediaType must be a string, it is 7"),
        ({"digest": None}, "manifests[0].digest must be a string, it is missing"),
        (
            {"digest": "sha256:1"},
            "manifests[0].digest: digest 'sha256:1' needs 64 hexadecimal digits, it has 1 characters",
        ),
        ({"annotations": {"a": 1}}, "manifests[0].annotations['a'] must be a string, it is 1"),
        ({"annotations": []}, "manifests[0].annotations must be an object, it is a list"),
        ({"urls": "x"}, "manifests[0].urls must be a list, it is 'x'"),
        ({"artifactType": []}, "manifests[0].artifactType must be a string, it is a list"),
        ({"platform": "linux"}, "manifests[0].platform must be an object, it is 'linux'"),
        ({"platform": {"os": 1}}, "manifests[0].platform.os must be a string, it is 1"),
        (
            {"platform": {"os.version": 10.0}},
            "manifests[0].platform.os.version must be a string, it is 10.0",
        ),
        (
            {"platform": {"os.features": ["win32k", 1]}},
            "manifests[0].platform.os.features[1] must be a string, it is 1",
        ),
    ],
)
def test_every_field_of_a_descriptor_is_checked(change: dict[str, Any], sentence: str) -> None:
    """The sentence names the path."""
    assert refused(INDEX | {"manifests": [ENTRY | change]}) == sentence


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (MANIFEST | {"config": None}, "config.mediaType must be a string, it is missing"),
        (MANIFEST | {"config": []}, "config must be an object, it is a list"),
        (MANIFEST | {"layers": [1]}, "layers[0] must be an object, it is 1"),
        (MANIFEST | {"layers": {}}, "layers must be a list, it is an object"),
        (MANIFEST | {"subject": {}}, "subject.mediaType must be a string, it is missing"),
        (MANIFEST | {"annotations": {"a": None}}, "annotations['a'] must be a string, it is missing"),
        (MANIFEST | {"artifactType": 1}, "artifactType must be a string, it is 1"),
        (
            MANIFEST | {"layers": [LAYER.to_json()] * (MAX_LAYERS + 1)},
            "layers has 1001 items, at most 1000 are read",
        ),
        (
            INDEX | {"manifests": [ENTRY] * (MAX_ENTRIES + 1)},
            "manifests has 501 items, at most 500 are read",
        ),
    ],
)
def test_every_field_of_a_document_is_checked(document: dict[str, Any], sentence: str) -> None:
    """And every list has an end."""
    assert refused(document) == sentence


def test_hostile_documents_end_in_a_sentence() -> None:
    """A huge one and a deep one."""
    with pytest.raises(DocumentError) as huge:
        parse_document(b" " * (MAX_DOCUMENT + 1))
    assert str(huge.value) == "the manifest or index has 4194305 bytes, at most 4194304 are read"
    with pytest.raises(DocumentError) as deep:
        parse_document(b'{"a":' * 100_000)
    assert str(deep.value) == "the manifest or index nests deeper than 32 levels"


def test_the_other_kind_of_document_is_refused() -> None:
    """Who asks for a manifest gets no index."""
    with pytest.raises(DocumentError) as caught:
        Manifest.parse(json.dumps(INDEX).encode())
    assert str(caught.value) == "a manifest was expected, the document is an index"
    with pytest.raises(DocumentError) as caught:
        Index.parse(json.dumps(MANIFEST).encode())
    assert str(caught.value) == "an index was expected, the document is a manifest"


def test_a_built_manifest_is_canonical_json() -> None:
    """Sorted keys, no spaces, the same bytes for the same parts."""
    built = Manifest.build(config=CONFIG, layers=[LAYER])
    assert built.raw == canonical_json(MANIFEST)
    assert built.raw.startswith(b'{"config":{"digest":')
    assert built == Manifest.build(config=CONFIG, layers=iter((LAYER,)), annotations={}, artifact_type="")
    assert built != Manifest.parse(json.dumps(MANIFEST).encode())


def test_a_built_manifest_has_all_that_it_was_given() -> None:
    """Annotations, subject, type."""
    subject = Descriptor.from_json(ENTRY)
    built = Manifest.build(
        config=CONFIG, layers=(), annotations={"b": "1", "a": "2"}, subject=subject, artifact_type="x/y"
    )
    assert (built.annotations, built.subject, built.artifact_type) == ({"a": "2", "b": "1"}, subject, "x/y")


def test_docker_documents_are_built_without_what_docker_does_not_know() -> None:
    """Annotations in a Docker document would be lost without a word."""
    config = Descriptor.of(b"{}", DOCKER_CONFIG)
    layers = [Descriptor.of(b"x", DOCKER_LAYER_GZIP)]
    built = Manifest.build(config=config, layers=layers, media_type=DOCKER_MANIFEST)
    assert built.descriptor.media_type == DOCKER_MANIFEST
    with pytest.raises(DocumentError) as caught:
        Manifest.build(
            config=config,
            layers=layers,
            annotations={"a": "b"},
            artifact_type="x/y",
            media_type=DOCKER_MANIFEST,
        )
    assert str(caught.value) == (
        "a Docker document cannot have annotations and artifactType: use the OCI media type"
    )


def test_what_cannot_be_read_is_not_built() -> None:
    """Building ends in reading."""
    with pytest.raises(DocumentError) as caught:
        Index.build(manifests=[LAYER] * 501)
    assert str(caught.value) == "manifests has 501 items, at most 500 are read"
    with pytest.raises(DocumentError) as caught:
        Index.build(manifests=[], media_type=OCI_MANIFEST)
    assert str(caught.value) == (
        "the document is a manifest by its media type and has manifests: readers would disagree about it"
    )


def test_other_entries_leave_the_rest_of_an_index() -> None:
    """Annotations, subject, type and unknown keys stay, and the first index is untouched."""
    rest = {"annotations": {"a": "b"}, "subject": ENTRY, "artifactType": "x/y", "futureKey": {"x": [1]}}
    raw = json.dumps(INDEX | rest, indent=1).encode()
    index = Index.parse(raw)
    other = index.with_manifests([])
    assert json.loads(other.raw) == INDEX | rest | {"manifests": []}
    assert (index.raw, len(index.manifests)) == (raw, 1)


DESCRIPTORS = st.builds(
    Descriptor,
    media_type=st.sampled_from([OCI_MANIFEST, OCI_LAYER_GZIP]),
    size=st.integers(0, 2**63 - 1),
    digest=st.binary(max_size=4).map(digest_of),
    platform=st.none()
    | st.builds(
        Platform,
        os=st.sampled_from(["linux", "windows"]),
        architecture=st.just("amd64"),
        os_version=st.text(max_size=5),
        os_features=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    ),
    annotations=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)


@given(config=DESCRIPTORS, layers=st.lists(DESCRIPTORS, max_size=3))
def test_what_is_built_is_what_was_given(config: Descriptor, layers: list[Descriptor]) -> None:
    """Descriptors go through JSON and back unchanged."""
    manifest = Manifest.build(config=config, layers=layers)
    assert (manifest.config, manifest.layers) == (config, tuple(layers))
    assert Index.build(manifests=layers).manifests == tuple(layers)


@given(
    st.dictionaries(
        st.sampled_from(["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "urls"]),
        st.none() | st.integers(0, 3) | st.sampled_from([OCI_INDEX, OCI_MANIFEST, [], [ENTRY], ENTRY, {}]),
    )
)
def test_any_document_is_read_or_refused(document: dict[str, Any]) -> None:
    """Nothing but DocumentError is raised."""
    try:
        parsed = parse_document(json.dumps(document).encode())
    except DocumentError:
        return
    assert ("layers" in document) is isinstance(parsed, Manifest)
