"""The published schemas: made from the types, valid, and no laxer than what is checked."""

import json

import jsonschema_rs
import msgspec
import pytest

from buildtools.spec.model import FileSpec, ImageSpec, OSTexts, ProjectSpec
from buildtools.spec.schema import NAMES, file_name, render, schema_for

MODELS = {"image": ImageSpec, "defaults": ProjectSpec}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_json_schema(name: str) -> None:
    """Draft 2020-12 by its own meta-schema, with a name that stays."""
    schema = schema_for(name)
    assert jsonschema_rs.meta.is_valid(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:buildtools:schema:{name}:1"
    assert list(schema["$defs"]) == sorted(schema["$defs"])
    assert not schema["additionalProperties"]


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_has_the_keys_that_files_have(name: str) -> None:
    """In kebab-case, in the order of the type, without those that nothing says."""
    fields = msgspec.structs.fields(MODELS[name])
    assert list(schema_for(name)["properties"]) == [field.encode_name for field in fields]
    assert schema_for(name).get("required", []) == [field.encode_name for field in fields if field.required]
    assert all("_" not in field.encode_name for field in fields)


@pytest.mark.parametrize("name", NAMES)
def test_the_published_text_is_the_schema(name: str) -> None:
    """Two spaces, letters as they are, a line feed at the end; under a name that editors know."""
    text = render(name)
    assert text == json.dumps(schema_for(name), indent=2, ensure_ascii=False) + "\n"
    assert file_name(name) == f"{name}.schema.json"


def test_nothing_is_no_value_of_an_optional_key() -> None:
    """A key without a value is a forgotten value; a default that means something stays."""
    definitions = schema_for("image")["$defs"]
    assert definitions["OSTexts"]["properties"]["linux"] == {
        "type": "string",
        "maxLength": 4096,
        "description": "The value on Linux.",
    }
    place = definitions["FileSpec"]["properties"]["to"]
    assert set(place) == {"anyOf", "description"}
    assert place["anyOf"] == [{"type": "string", "maxLength": 4096}, {"$ref": "#/$defs/OSTexts"}]
    assert schema_for("image")["properties"]["kind"]["default"] == "container"
    json_values = definitions["ProbeSpec"]["properties"]["json"]["additionalProperties"]["anyOf"]
    assert {"type": "null"} in json_values


def test_shapes_are_frozen_and_compared_by_value() -> None:
    """A definition cannot change while it is planned and built."""
    spec = FileSpec(from_="a", to=OSTexts(linux="/a"))
    assert spec == FileSpec(from_="a", to=OSTexts(linux="/a"))
    with pytest.raises(AttributeError, match="immutable type: 'FileSpec'"):
        spec.mode = "0755"  # type: ignore[misc]


def test_a_value_is_written_with_the_keys_that_it_was_read_from() -> None:
    """`from`, kebab-case, and no defaults: what a fingerprint is made of does not grow with new keys."""
    text = (
        b'{"name":"x","platforms":["linux/amd64"],"requires":{"windows-build":20348},'
        b'"files":[{"from":"a","to":"/a"}]}'
    )
    assert msgspec.json.encode(msgspec.json.decode(text, type=ImageSpec)) == text
