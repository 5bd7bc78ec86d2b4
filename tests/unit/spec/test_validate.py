# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Shapes: every deviation from the schema is a located sentence, all at once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.spec.document import Report
from buildtools.spec.model import ImageSpec, OSTexts, ProjectSpec
from buildtools.spec.schema import NAMES, schema_for
from buildtools.spec.validate import _is_plain, _validator, convert
from buildtools.spec.yaml import read

Faults = Callable[..., list[str]]

KEYS = "the keys here are name, description, kind, platforms, requires, base, build, fetch, files, config, lifecycle, engine, dockerfile, context, args, docker, tags"

UNKNOWN = [
    ("platfroms: [a]\n", '1:1: unknown key "platfroms": did you mean "platforms"?'),
    ("Name: x\n", '1:1: unknown key "Name": did you mean "name"?'),
    ("zzz: 1\n", f'1:1: unknown key "zzz": {KEYS}'),
    ("'': 1\n", f'1:1: unknown key "": {KEYS}'),
    ('"a\\nb": 1\n', f'1:1: unknown key "a\\nb": {KEYS}'),
    (f"{'z' * 61}: 1\n", f'1:1: unknown key "{"z" * 57}...": {KEYS}'),
    (f"{'z' * 60}: 1\n", f'1:1: unknown key "{"z" * 60}": {KEYS}'),
    ("extends: a\n", '1:1: unknown key "extends": images do not build on each other: what they share goes into images/defaults.yaml'),
    ("include: [a]\n", '1:1: unknown key "include": images do not build on each other: what they share goes into images/defaults.yaml'),
    ("dependencies: [a]\n", '1:1: unknown key "dependencies": list programs under build.tools'),
    ("version: '1'\n", '1:1: unknown key "version": an image has the version of its git tag (see tags), an asset\'s stands under fetch'),
    ("tag: a\n", '1:1: unknown key "tag": did you mean "tags"?'),
    ("run: [a]\n", '1:1: unknown key "run": "run" belongs under build'),
    ("entrypoint: [a]\n", '1:1: unknown key "entrypoint": "entrypoint" belongs under config'),
    ("within: 1\n", '1:1: unknown key "within": "within" belongs under lifecycle'),
    ("env: {A: b}\n", '1:1: unknown key "env": "env" belongs under build or config or lifecycle'),
    ("symlink: /a\n", '1:1: unknown key "symlink": "symlink" belongs under files'),
    ("config: {windows: {linux: {}}}\n", '1:20: unknown key "linux": "linux" belongs under config'),
    ("config: {stop_signal: a}\n", '1:10: unknown key "stop_signal": did you mean "stop-signal"?'),
    ("files: [{from: a, to: {linus: /a}}]\n", '1:24: unknown key "linus": did you mean "linux"?'),
    ("files: [{from: {out}, to: /a}]\n", '1:17: unknown key "out": the keys here are linux, windows'),
    ("fetch: {a: {tag: b}}\n", '1:13: unknown key "tag": the keys here are preset, version, url, checksum, sha256, os-names, arch-names, format, members, platforms'),
]  # fmt: skip

TYPES = [
    ("name: 5\n", "1:7: expected a string, got the number 5: quote it"),
    ("name: 1.10\n", "1:7: expected a string, got the number 1.10: quote it"),
    ("name: true\n", "1:7: expected a string, got true: quote it"),
    ("name:\n", "1:6: expected a string, got nothing: write a value or delete the key"),
    ("name: ~\n", "1:7: expected a string, got nothing: write a value or delete the key"),
    ("name: [x]\n", "1:7: expected a string, got a list: write one string"),
    ("name: {a: b}\n", "1:7: expected a string, got a mapping: write one string"),
    ("name: {out}\n", "1:7: expected a string, got a mapping: quote text that starts with a brace"),
    ("base: 5\n", "1:7: expected a string or a mapping, got the number 5: quote it"),
    ("base: []\n", "1:7: expected a string or a mapping, got a list: write one string"),
    ("base:\n", "1:6: expected a string or a mapping, got nothing: write a value or delete the key"),
    ("base: {linux: 5}\n", "1:15: expected a string, got the number 5: quote it"),
    ("base: {out}\n", "1:11: expected a string, got nothing: write a value or delete the key"),
    ("files: [{from: {linux: false}, to: /a}]\n", "1:24: expected a string, got false: quote it"),
    ("platforms: linux/amd64\n", '1:12: expected a list, got the text "linux/amd64": write a list: ["linux/amd64"]'),
    ("platforms: 5\n", '1:12: expected a list, got the number 5: write a list: ["5"]'),
    ("platforms: {a: b}\n", "1:12: expected a list, got a mapping: write a list"),
    ("platforms:\n", "1:11: expected a list, got nothing: write a value or delete the key"),
    ("files: [a]\n", '1:9: expected a mapping, got the text "a": write a mapping'),
    ("build: []\n", "1:8: expected a mapping, got a list: write a mapping"),
    (f"build: {'b' * 99}\n", f'1:8: expected a mapping, got the text "{"b" * 57}...": write a mapping'),
    ("config: {ports: [true]}\n", "1:18: expected a whole number or a string, got true: quote it"),
    ("config: {ports: [80.5]}\n", "1:18: expected a whole number or a string, got the number 80.5: quote it"),
    ("config: {ports: [80.0]}\n", "1:18: expected a whole number, got the number 80.0: write a whole number"),
    ("requires: {windows-build: 20348.0}\n", "1:27: expected a whole number, got the number 20348.0: write a whole number"),
    ("lifecycle: {exit: 1.0}\n", "1:19: expected a whole number, got the number 1.0: write a whole number"),
    ("lifecycle: {exit: '1'}\n", '1:19: expected a whole number, got the text "1": write a whole number'),
    ("lifecycle: {within: soon}\n", '1:21: expected a number, got the text "soon": write a number'),
    ("lifecycle: {probe: {http: /, json: {a: []}}}\n", "1:40: expected a string or a whole number or a number or true or false or nothing, got a list: write one string"),
    ("kind:\n", "1:6: expected a string, got nothing: write a value or delete the key"),
    ("kind: []\n", "1:7: expected a string, got a list: write one string"),
    ("engine: {a: b}\n", "1:9: expected a string, got a mapping: write one string"),
]  # fmt: skip

VALUES = [
    ("kind: hostprocess\n", '1:7: "hostprocess" is none of container, host-process: did you mean "host-process"?'),
    ("kind: vm\n", '1:7: "vm" is none of container, host-process: write one of them'),
    ("kind: 5\n", '1:7: "5" is none of container, host-process: write one of them'),
    ("kind: ''\n", '1:7: "" is none of container, host-process: write one of them'),
    ("lifecycle: {stop: {event: true}}\n", '1:27: "true" is none of interrupt, shutdown: write one of them'),
    ("name: X y\n", '1:7: "X y" is not a valid name: the image\'s name and its folder\'s: lower-case letters and digits, with dots, underscores or dashes between them'),
    ("files: [{mode: 0855}]\n", '1:16: "0855" is not a valid mode: permission bits on Linux in octal, quoted: "0755"'),
    ('files: [{mode: "0755\\n"}]\n', '1:16: "0755\\n" is not a valid mode: permission bits on Linux in octal, quoted: "0755"'),
    ("files: [{owner: root}]\n", '1:17: "root" is not a valid owner: numeric owner and group on Linux, quoted: "65532:65532"'),
    (f"name: {'x' * 129}\n", "1:7: the text has 129 characters and the limit is 128: shorten it"),
    (f"description: {'é' * 4097}\n", "1:14: the text has 4,097 characters and the limit is 4,096: shorten it"),
    ("platforms: []\n", "1:12: the list is empty: write at least one entry"),
    ("build: {run: [[]]}\n", "1:15: the list is empty: write at least one entry"),
    ("build: {}\n", '1:8: required key "run" is missing: commands as argument lists, run in order and without a shell. Only what they write to `{out}` counts'),
    ("lifecycle: {ready: {}}\n", '1:20: required key "http" is missing: path that answers 200 once the program is ready'),
    ("lifecycle: {exit: 256}\n", "1:19: 256 is too large: write 255 or less"),
    ("lifecycle: {exit: -1}\n", "1:19: -1 is too small: write 0 or more"),
    ("lifecycle: {within: 0.0}\n", "1:21: 0.0 is too small: write more than 0"),
    ("lifecycle: {within: 3600.5}\n", "1:21: 3600.5 is too large: write 3600 or less"),
    ("requires: {windows-build: 10239}\n", "1:27: 10239 is too small: write 10240 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("snippet", "sentence"), UNKNOWN + TYPES + VALUES)
def test_a_deviation_has_its_sentence(snippet: str, sentence: str, faults: Faults) -> None:
    """J03, J08, J09: where it stands, what was expected, and what to write."""
    assert faults(snippet) == [f"image.yaml:{sentence}"]


def test_everything_is_told_at_once(faults: Faults) -> None:
    """In the order of the file, a finding in a list, a mapping and an alternative each."""
    snippet = "nmae: x\nkind: 5\nfiles:\n  - {from: [], too: /a}\nrequires: {windows-build: 1}\nconfig: {ports: 80}\n"
    assert faults(snippet) == [
        'image.yaml:1:1: unknown key "nmae": did you mean "name"?',
        'image.yaml:2:7: "5" is none of container, host-process: write one of them',
        "image.yaml:4:12: expected a string or a mapping, got a list: write one string",
        'image.yaml:4:16: unknown key "too": did you mean "to"?',
        "image.yaml:5:27: 1 is too small: write 10240 or more",
        'image.yaml:6:17: expected a list, got the number 80: write a list: ["80"]',
    ]


def test_a_file_that_is_no_mapping_is_told() -> None:
    """For the file as a whole."""
    for text, got in {"- a\n": "a list", "a\n": 'the text "a"', "~\n": "nothing"}.items():
        report = Report(read(text, "image.yaml"))
        assert convert(report.document, "image", ImageSpec, report) is None
        (finding,) = report.findings
        assert str(finding).startswith(f"image.yaml:1:1: expected a mapping, got {got}: ")


def test_required_keys_are_told_together() -> None:
    """With what they mean, where the mapping begins."""
    report = Report(read("description: a\n", "image.yaml"))
    assert convert(report.document, "image", ImageSpec, report) is None
    assert [str(finding) for finding in report.findings] == [
        "image.yaml:1:1: required key \"name\" is missing: the image's name and its folder's: lower-case letters and digits, with dots, underscores or dashes between them",
        'image.yaml:1:1: required key "platforms" is missing: `linux/amd64`, `linux/arm64`, `windows/amd64:ltsc2022`; a bare `windows/amd64` means the project\'s default releases',
    ]


@pytest.mark.parametrize(
    ("snippet", "sentence"),
    [
        ("regsitry: a\n", '1:1: unknown key "regsitry": did you mean "registry"?'),
        (
            "zzz: a\n",
            '1:1: unknown key "zzz": the keys here are registry, releases, bases, labels, mirrors, plain-http, tags',
        ),
        ("releases: []\n", "1:11: the list is empty: write at least one entry"),
        ("releases: [2019]\n", "1:12: expected a string, got the number 2019: quote it"),
        ("bases: {a: 5}\n", "1:12: expected a string or a mapping, got the number 5: quote it"),
        ("labels: {a: }\n", "1:13: expected a string, got nothing: write a value or delete the key"),
    ],
)
def test_defaults_go_by_their_own_schema(snippet: str, sentence: str, project_faults: Faults) -> None:
    """With their own keys in the hints."""
    assert project_faults(snippet) == [f"defaults.yaml:{sentence}"]


KEYWORDS = {"additionalProperties", "anyOf", "enum", "exclusiveMinimum", "maxLength", "maximum", "minItems", "minimum", "pattern", "required", "type"}  # fmt: skip
SAYING_NOTHING = {"$schema", "$id", "$defs", "$ref", "title", "description", "default", "properties", "items"}


def _keywords(node: Any) -> set[str]:
    """Every keyword of a schema; names of properties and definitions are none."""
    if not isinstance(node, dict):
        return set().union(*map(_keywords, node)) if isinstance(node, list) else set()
    inner = [node[key].values() for key in ("properties", "$defs") if key in node]
    parts = [part for values in inner for part in values]
    others = [value for key, value in node.items() if key not in {"properties", "$defs", "default"}]
    return set(node).union(*map(_keywords, parts + others))


@pytest.mark.parametrize("name", NAMES)
def test_every_keyword_of_the_schemas_is_tried_above(name: str) -> None:
    """A new one needs its sentence."""
    assert _keywords(schema_for(name)) <= KEYWORDS | SAYING_NOTHING


def test_a_right_document_becomes_the_typed_value() -> None:
    """Every type that a definition knows."""
    text = (
        "name: x\nplatforms: [linux/amd64]\nrequires: {windows-build: 17763}\n"
        "files: [{from: {linux: a}, to: /a}]\nconfig: {ports: [80, 53/udp]}\n"
        "lifecycle: {within: 2, exit: 3, probe: {http: /, json: {a: 1, b: 2.5, c: true, d: ~, e: f}}}\n"
    )
    report = Report(read(text, "image.yaml"))
    spec = convert(report.document, "image", ImageSpec, report)
    assert spec is not None
    assert (spec.name, spec.platforms, spec.requires.windows_build) == ("x", ("linux/amd64",), 17763)
    assert (spec.files[0].from_, spec.files[0].to) == (OSTexts(linux="a"), "/a")
    assert spec.config.ports == (80, "53/udp")
    assert spec.lifecycle is not None
    assert (spec.lifecycle.within, spec.lifecycle.exit) == (2.0, 3)
    assert msgspec.to_builtins(spec.lifecycle.probe) == {
        "http": "/",
        "json": {"a": 1, "b": 2.5, "c": True, "d": None, "e": "f"},
    }


WORDS = st.sampled_from(
    ["", "a", "a-b", "A b", "x\n", "é", "0755", "1:2", "linux", "windows", "auto", "a_b.c", "a" * 5000]
)
KEYS_THERE = st.sampled_from(
    sorted(
        {
            *ImageSpec.__struct_fields__,
            *ProjectSpec.__struct_fields__,
            "linux",
            "windows",
            "from",
            "to",
            "run",
            "mode",
            "owner",
            "ports",
            "env",
            "preset",
        }
    )
)
VALUES = st.recursive(
    WORDS | st.integers(-1, 100_000) | st.booleans() | st.none() | st.just(1.0),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS_THERE | WORDS, inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(("name", "model"), [("image", ImageSpec), ("defaults", ProjectSpec)])
@given(value=st.dictionaries(KEYS_THERE, VALUES, max_size=4), whole=st.booleans())
def test_what_the_types_take_the_schema_takes(name: str, model: type[Any], value: Any, whole: bool) -> None:
    """A definition that is not held against the schema would have been found right by it."""
    if whole:
        value = {"name": "a", "platforms": ["linux/amd64"], **value}
    if _is_plain(value):
        try:
            msgspec.convert(value, model)
        except msgspec.ValidationError:
            return
        assert _validator(name).is_valid(value)
