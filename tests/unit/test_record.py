# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Build records: written, read back, and refused when they could mislead the next build."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools import record
from buildtools.errors import ConfigurationError
from buildtools.oci.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.record import BaseRecord, BlobRecord, BuildRecord

DIFF_ID = digest_of(b"tar")
HINT = "delete it and build again"


def blob(media_type: str, data: bytes, diff_id: str = "") -> BlobRecord:
    """A blob of these bytes."""
    return BlobRecord.of(Descriptor.of(data, media_type), diff_id=diff_id)


RECORD = BuildRecord(
    image="x",
    label="windows/amd64:ltsc2022",
    os="windows",
    architecture="amd64",
    fingerprint=digest_of(b"all"),
    layer_fingerprint=digest_of(b"files"),
    ingredients={"created": "0", "builder": "1"},
    manifest=blob(OCI_MANIFEST, b"manifest"),
    config=blob(OCI_CONFIG, b"config"),
    layers=(blob(OCI_LAYER_GZIP, b"layer", DIFF_ID),),
    base_layers=(blob(OCI_LAYER_GZIP, b"base layer", DIFF_ID),),
    base=BaseRecord(reference="b:1", digest=digest_of(b"base"), os_version="10.0.20348.1", stand_in=True),
    os_version="10.0.20348.1",
    os_features=("win32k",),
    tools={"go": "1.27.3"},
    compressor="isal 1.9.1 level 2",
    created=7,
)


def document() -> Any:
    """The record as the JSON that another job reads, made by hand."""

    def row(media_type: str, data: bytes, **more: str) -> dict[str, Any]:
        return {"media_type": media_type, "size": len(data), "digest": digest_of(data), **more}

    return {
        "schema": 1,
        "image": "x",
        "label": "windows/amd64:ltsc2022",
        "os": "windows",
        "architecture": "amd64",
        "fingerprint": digest_of(b"all"),
        "layer_fingerprint": digest_of(b"files"),
        "ingredients": {"builder": "1", "created": "0"},
        "manifest": row(OCI_MANIFEST, b"manifest"),
        "config": row(OCI_CONFIG, b"config"),
        "layers": [row(OCI_LAYER_GZIP, b"layer", diff_id=DIFF_ID)],
        "base_layers": [row(OCI_LAYER_GZIP, b"base layer", diff_id=DIFF_ID)],
        "base": {
            "reference": "b:1",
            "digest": digest_of(b"base"),
            "os_version": "10.0.20348.1",
            "stand_in": True,
        },
        "os_version": "10.0.20348.1",
        "os_features": ["win32k"],
        "tools": {"go": "1.27.3"},
        "compressor": "isal 1.9.1 level 2",
        "created": 7,
    }


def refusal(text: str | bytes) -> str:
    """The sentence with which the text is refused."""
    with pytest.raises(ConfigurationError) as caught:
        record.parse(text, path="r.json")
    (found,) = caught.value.diagnostics
    assert (found.code, found.path, found.hint) == ("broken-record", "r.json", HINT)
    return found.message


def test_a_record_is_json_with_sorted_keys() -> None:
    """Two spaces deep, with a line end: two machines write the same bytes."""
    assert record.dump(RECORD) == json.dumps(document(), indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize("form", [str, str.encode])
def test_a_record_is_read(form: Callable[[str], str | bytes]) -> None:
    """As text or bytes, from a file made by hand."""
    assert record.parse(form(json.dumps(document()))) == RECORD


def test_the_order_of_what_was_told_does_not_show() -> None:
    """Mappings are sorted, too."""
    other = {"builder": "1", "created": "0"}
    assert list(other) != list(RECORD.ingredients)
    assert record.dump(msgspec.structs.replace(RECORD, ingredients=other)) == record.dump(RECORD)


def test_what_goes_without_saying_is_left_out_and_read_back() -> None:
    """A Linux image on `scratch` has none of it; the schema always stands there."""
    small = BuildRecord(
        image="x",
        label="linux/amd64",
        os="linux",
        architecture="amd64",
        fingerprint=RECORD.fingerprint,
        layer_fingerprint=RECORD.layer_fingerprint,
        ingredients={},
        manifest=RECORD.manifest,
        config=RECORD.config,
        layers=(),
        base=BaseRecord(reference="scratch"),
    )
    text = record.dump(small)
    assert json.loads(text).keys() == {
        *("schema", "image", "label", "os", "architecture", "fingerprint", "layer_fingerprint"),
        *("ingredients", "manifest", "config", "layers", "base"),
    }
    assert json.loads(text)["base"] == {"reference": "scratch"}
    assert record.parse(text) == small
    assert (small.schema, small.base_layers, small.tools, small.created) == (1, (), {}, 0)


def test_keys_of_a_later_version_are_passed_over() -> None:
    """Keys are added while the schema is 1."""
    assert record.parse(json.dumps(document() | {"later": {"a": 1}})) == RECORD


def test_a_blob_is_a_descriptor() -> None:
    """And comes from one; what stands beside it there is not kept."""
    descriptor = Descriptor.of(b"layer", OCI_LAYER_GZIP)
    made = BlobRecord.of(descriptor, diff_id=DIFF_ID)
    assert (made.media_type, made.size, made.digest, made.diff_id) == (
        *(OCI_LAYER_GZIP, 5),
        *(digest_of(b"layer"), DIFF_ID),
    )
    assert made.descriptor == descriptor
    assert BlobRecord.of(descriptor).diff_id == ""


def test_what_a_node_downloads_is_counted_without_the_base() -> None:
    """Manifest, config and application layers."""
    assert RECORD.blobs == (RECORD.manifest, RECORD.config, *RECORD.layers)
    assert RECORD.size == len(b"manifest") + len(b"config") + len(b"layer")


def _edit(*path: str | int, value: Any) -> Callable[[Any], None]:
    """Sets one value of the document."""

    def edit(text: Any) -> None:
        for key in path[:-1]:
            text = text[key]
        text[path[-1]] = value

    return edit


READ = "the record cannot be read"
FAULTS = [
    (_edit("schema", value=2), "the record has schema 2, this version reads 1"),
    (_edit("schema", value="1"), "the record has schema '1', this version reads 1"),
    (lambda text: text.pop("schema"), "the record has schema None, this version reads 1"),
    (lambda text: text.pop("image"), f"{READ} (Object missing required field `image`)"),
    (_edit("created", value="7"), f"{READ} (Expected `int`, got `str` - at `$.created`)"),
    (_edit("schema", value=True), f"{READ} (Expected `int`, got `bool` - at `$.schema`)"),
    (_edit("layers", 0, "size", value=None), f"{READ} (Expected `int`, got `null` - at `$.layers[0].size`)"),
    (_edit("ingredients", "created", value=1), f"{READ} (Expected `str`, got `int` - at `$.ingredients[...]`)"),
    (_edit("manifest", "digest", value="sha256:1"), f"{READ} (digest 'sha256:1' needs 64 hexadecimal digits, it has 1 characters)"),
    (_edit("config", "digest", value="x"), f"{READ} ('x' is not a digest: write sha256: and 64 hexadecimal digits)"),
    (_edit("layers", 0, "digest", value="md5:1"), f"{READ} (digest algorithm 'md5' is not supported: use sha256)"),
    (_edit("base_layers", 0, "digest", value=""), f"{READ} ('' is not a digest: write sha256: and 64 hexadecimal digits)"),
    (_edit("layers", 0, "diff_id", value="x"), f"{READ} ('x' is not a digest: write sha256: and 64 hexadecimal digits)"),
    (lambda text: text["layers"][0].pop("diff_id"), f"{READ} ('' is not a digest: write sha256: and 64 hexadecimal digits)"),
    (lambda text: text["base_layers"][0].pop("diff_id"), f"{READ} ('' is not a digest: write sha256: and 64 hexadecimal digits)"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "sentence"), FAULTS)
def test_a_broken_record_has_its_sentence(edit: Callable[[Any], None], sentence: str) -> None:
    """A digest that is none would come into the next image."""
    text = document()
    edit(text)
    assert refusal(json.dumps(text)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", f"{READ} (Input data was truncated)"),
        (b"\xff", f"{READ} (JSON is malformed: invalid character (byte 0))"),
        (b'"\xff"', f"{READ} ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)"),
        ("[]", "the record has schema None, this version reads 1"),
        ("1", "the record has schema None, this version reads 1"),
    ],
)
def test_what_is_no_record_has_its_sentence(text: str | bytes, sentence: str) -> None:
    """Whatever else lies in its place."""
    assert refusal(text) == sentence


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '"\ud800"'])
def test_deep_nesting_and_half_characters_are_refused(text: str) -> None:
    """They end neither in RecursionError nor in UnicodeEncodeError."""
    assert refusal(text).startswith(f"{READ} (")


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=3)
DIGEST = st.binary(max_size=4).map(digest_of)
BLOB = st.builds(BlobRecord, media_type=TEXT, size=st.integers(0, 2**63 - 1), digest=DIGEST, diff_id=DIGEST)
BLOBS = st.lists(BLOB, max_size=2).map(tuple)
RECORDS = st.builds(
    BuildRecord,
    image=TEXT,
    label=TEXT,
    os=TEXT,
    architecture=TEXT,
    variant=TEXT,
    fingerprint=DIGEST,
    layer_fingerprint=DIGEST,
    ingredients=TEXTS,
    manifest=BLOB,
    config=BLOB,
    layers=BLOBS,
    base_layers=BLOBS,
    base=st.builds(BaseRecord, reference=TEXT, digest=TEXT, os_version=TEXT, stand_in=st.booleans()),
    os_features=st.lists(TEXT, max_size=2).map(tuple),
    tools=TEXTS,
    created=st.integers(0, 2**40),
)


@given(RECORDS)
def test_every_record_reads_back(made: BuildRecord) -> None:
    """Byte for byte, through text and bytes."""
    text = record.dump(made)
    assert record.parse(text) == record.parse(text.encode()) == made
    assert record.dump(record.parse(text)) == text
    assert list(json.loads(text)) == sorted(json.loads(text))


WHOLE = record.dump(RECORD).encode()


@given(st.integers(0, len(WHOLE) - 2), st.binary(max_size=4))
def test_a_record_that_is_cut_or_torn_is_refused(place: int, piece: bytes) -> None:
    """Only the line end may be missing; what tears it is read or refused."""
    assert refusal(WHOLE[:place])
    for text in (
        WHOLE[:place] + piece + WHOLE[place:],
        WHOLE[:place] + piece + WHOLE[place + len(piece) :],
        piece,
    ):
        with contextlib.suppress(ConfigurationError):
            record.parse(text)
