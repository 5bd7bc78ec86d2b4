# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The pins file: read, written, compared, and refused when it does not hold what it says."""

import base64
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools import pins
from buildtools.errors import ConfigurationError
from buildtools.oci.descriptor import DOCKER_MANIFEST, OCI_MANIFEST
from buildtools.oci.digest import digest_of
from buildtools.oci.platform import Platform
from buildtools.pins import AssetPin, BasePin, Pins
from tests.fakes.images import image

REFERENCE = "mcr.microsoft.com/windows/nanoserver:ltsc2022"
KEY = "windows/amd64:10.0.20348"
URL = "https://example.com/a.tar.gz"
SHA = "ab" * 32
HINT = "restore it from version control, or delete it and run `buildtools pins`"


def base_pin(version: str = "10.0.20348.1", media_type: str = OCI_MANIFEST) -> BasePin:
    """A small base that holds together; another version makes it another one."""
    platform = Platform(os="windows", architecture="amd64", os_version=version)
    made = image(platform, manifest_type=media_type)
    return BasePin(
        digest=made.manifest.descriptor.digest,
        media_type=media_type,
        os_version=version,
        os_features=("win32k",),
        manifest=made.manifest.raw,
        config=made.blobs[0],
    )


PIN = base_pin()
PINS = Pins(bases={REFERENCE: {KEY: PIN}}, assets={URL: AssetPin(size=7, sha256=SHA)})


def document() -> Any:
    """The pins as the JSON that a person sees, made by hand."""
    row = {
        "digest": PIN.digest,
        "media_type": OCI_MANIFEST,
        "os_version": "10.0.20348.1",
        "os_features": ["win32k"],
        "manifest": base64.b64encode(PIN.manifest).decode(),
        "config": base64.b64encode(PIN.config).decode(),
    }
    return {
        "schema": 1,
        "bases": {REFERENCE: {KEY: row}},
        "assets": {URL: {"size": 7, "sha256": SHA}},
    }


def refusal(text: str, path: str = "images/pins.json") -> str:
    """The sentence with which the text is refused."""
    with pytest.raises(ConfigurationError) as caught:
        pins.parse(text, path=path)
    (found,) = caught.value.diagnostics
    assert found.code == "broken-pins"
    return str(found)


def test_the_file_is_json_with_sorted_keys() -> None:
    """Two spaces deep, with a line end, so that its differences can be read."""
    assert pins.dump(PINS) == json.dumps(document(), indent=2, sort_keys=True) + "\n"


def test_nothing_pinned_is_a_file_too() -> None:
    """And reads back."""
    assert pins.dump(Pins()) == '{\n  "assets": {},\n  "bases": {},\n  "schema": 1\n}\n'
    assert pins.parse(pins.dump(Pins())) == Pins()


def test_pins_are_read() -> None:
    """Documents byte for byte, from a file made by hand."""
    assert pins.parse(json.dumps(document())) == PINS


def test_what_says_little_is_read() -> None:
    """Media type, version and features may be left out, as files of Linux bases do."""
    text = document()
    for key in ("media_type", "os_version", "os_features"):
        del text["bases"][REFERENCE][KEY][key]
    found = pins.parse(json.dumps(text)).base(REFERENCE, KEY)
    assert found is not None
    assert (found.media_type, found.os_version, found.os_features) == (OCI_MANIFEST, "", ())


def test_letters_of_all_languages_stay_readable() -> None:
    """They are written as they are."""
    made = Pins().with_asset("https://example.com/größe", AssetPin(size=0, sha256=SHA))
    assert '"https://example.com/größe"' in pins.dump(made)


@pytest.mark.parametrize(
    ("reference", "platform", "found"),
    [(REFERENCE, KEY, True), (REFERENCE, "windows/amd64:10.0.26100", False), ("other:1", KEY, False)],
)
def test_a_base_is_looked_up_by_reference_and_platform(reference: str, platform: str, found: bool) -> None:
    """None where it is not pinned."""
    assert PINS.base(reference, platform) == (PIN if found else None)


def test_pins_are_added_to_a_copy() -> None:
    """What was there stays, and the pins before are untouched."""
    other, asset = base_pin("10.0.26100.1"), AssetPin(size=0, sha256="cd" * 32)
    more = PINS.with_base(REFERENCE, "windows/amd64:10.0.26100", other).with_base("b:1", "linux/amd64", other)
    more = more.with_asset("https://example.com/b", asset)
    assert more.bases == {
        REFERENCE: {KEY: PIN, "windows/amd64:10.0.26100": other},
        "b:1": {"linux/amd64": other},
    }
    assert more.assets == {**PINS.assets, "https://example.com/b": asset}
    assert pins.parse(json.dumps(document())) == PINS
    assert PINS.with_base(REFERENCE, KEY, other).base(REFERENCE, KEY) == other


def _edit(*path: str, value: Any) -> Callable[[Any], None]:
    """Sets one value of the document."""

    def edit(text: Any) -> None:
        for key in path[:-1]:
            text = text[key]
        text[path[-1]] = value

    return edit


def _base(key: str, value: Any) -> Callable[[Any], None]:
    return _edit("bases", REFERENCE, KEY, key, value=value)


NO_SIZE = (
    "the size of https://example.com/a.tar.gz must be a whole number from 0 to 9223372036854775807, it is"
)
OTHER = base_pin("10.0.20348.2")
FAULTS = [
    (_edit("schema", value=2), "it has schema 2, this version reads 1"),
    (_edit("schema", value=None), "it has schema None, this version reads 1"),
    (_edit("bases", value=[]), "it lacks something (AttributeError(\"'list' object has no attribute 'items'\"))"),
    (lambda text: text.pop("assets"), "it lacks something (KeyError('assets'))"),
    (lambda text: text["bases"][REFERENCE][KEY].pop("config"), "it lacks something (KeyError('config'))"),
    (_base("digest", "sha256:1"), "digest 'sha256:1' needs 64 hexadecimal digits, it has 1 characters"),
    (_base("digest", OTHER.digest), f"the manifest of {OTHER.digest} has digest {PIN.digest}"),
    (
        _base("config", base64.b64encode(OTHER.config).decode()),
        f"the config of {PIN.digest} has digest {digest_of(OTHER.config)}, its manifest says {digest_of(PIN.config)}",
    ),
    (_base("manifest", "*"), "Only base64 data is allowed"),
    (_base("manifest", "a"), "Invalid base64-encoded string: number of data characters (1) cannot be 1 more than a multiple of 4"),
    (_base("os_features", value=7), "it lacks something (TypeError(\"'int' object is not iterable\"))"),
    (_edit("assets", URL, "sha256", value="AB" * 32), f"digest 'sha256:{'AB' * 32}' has upper-case digits: write them in lower case"),
    (_edit("assets", URL, "sha256", value="ab"), "digest 'sha256:ab' needs 64 hexadecimal digits, it has 2 characters"),
    (_edit("assets", URL, "size", value=-1), f"{NO_SIZE} -1"),
    (_edit("assets", URL, "size", value="7"), f"{NO_SIZE} '7'"),
    (_edit("assets", URL, "size", value=1.5), f"{NO_SIZE} 1.5"),
    (_edit("assets", URL, "size", value=True), f"{NO_SIZE} true"),
    (_edit("assets", URL, "size", value=float("inf")), f"{NO_SIZE} inf"),
    (_edit("assets", URL, "size", value=float("nan")), f"{NO_SIZE} nan"),
    (
        _edit("assets", "\ud800", value={"size": 7, "sha256": SHA}),
        "the document cannot be written as JSON ('utf-8' codec can't encode character '\\ud800' in position 130: surrogates not allowed)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "sentence"), FAULTS)
def test_a_broken_file_has_its_sentence(edit: Callable[[Any], None], sentence: str) -> None:
    """What is wrong with it, and what to do."""
    text = document()
    edit(text)
    assert refusal(json.dumps(text)) == f"images/pins.json: the pins file cannot be used: {sentence}: {HINT}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "p.json:1:1: the pins file cannot be used: it is not JSON (Expecting value)"),
        ('{\n  "schema" 1}', "p.json:2:12: the pins file cannot be used: it is not JSON (Expecting ':' delimiter)"),
        ("<<<<<<< HEAD\n{}", "p.json:1:1: the pins file cannot be used: it is not JSON (Expecting value)"),
        ("[]", "p.json: the pins file cannot be used: it lacks something (AttributeError(\"'list' object has no attribute 'get'\"))"),
        ("{}", "p.json: the pins file cannot be used: it has schema None, this version reads 1"),
    ],
)  # fmt: skip
def test_what_is_no_pins_file_has_its_place(text: str, sentence: str) -> None:
    """Line and column where the JSON breaks off."""
    assert refusal(text, "p.json") == f"{sentence}: {HINT}"


def test_a_manifest_that_is_none_is_refused() -> None:
    """Its digest alone does not make it one."""
    text = document()
    text["bases"][REFERENCE][KEY] |= {
        "digest": digest_of(b"{}"),
        "manifest": base64.b64encode(b"{}").decode(),
    }
    assert refusal(json.dumps(text), "").startswith("the pins file cannot be used: ")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"schema": ' * 100_000])
def test_deep_nesting_is_refused(text: str) -> None:
    """It ends neither in RecursionError nor in an overflowing stack."""
    assert refusal(text).startswith(
        "images/pins.json: the pins file cannot be used: it lacks something (Recur"
    )


DOCKER = base_pin(media_type=DOCKER_MANIFEST)
DIFFERENCES = [
    (Pins(), Pins(), []),
    (PINS, PINS, []),
    (PINS, Pins(), []),
    (
        Pins(),
        PINS,
        [
            f"{REFERENCE} on {KEY}: pinned to {PIN.digest[7:19]}, os.version 10.0.20348.1",
            f"{URL}: pinned to abababababab",
        ],
    ),
    (
        PINS,
        PINS.with_base(REFERENCE, KEY, OTHER),
        [f"{REFERENCE} on {KEY}: {PIN.digest[7:19]} → {OTHER.digest[7:19]}, os.version 10.0.20348.1 → 10.0.20348.2"],
    ),
    (
        PINS,
        PINS.with_base(REFERENCE, KEY, DOCKER),
        [f"{REFERENCE} on {KEY}: {PIN.digest[7:19]} → {DOCKER.digest[7:19]}"],
    ),
    (
        Pins().with_base("b:1", "linux/amd64", base_pin("")),
        Pins().with_base("b:1", "linux/amd64", OTHER),
        [f"b:1 on linux/amd64: {base_pin('').digest[7:19]} → {OTHER.digest[7:19]}, os.version none → 10.0.20348.2"],
    ),
    (
        PINS,
        PINS.with_base("b:1", "linux/arm64", base_pin("")).with_base("b:1", "linux/amd64", base_pin("")),
        [f"b:1 on linux/{processor}: pinned to {base_pin('').digest[7:19]}" for processor in ("amd64", "arm64")],
    ),
    (
        PINS,
        PINS.with_asset(URL, AssetPin(size=8, sha256="cd" * 32)),
        [f"{URL}: abababababab → cdcdcdcdcdcd"],
    ),
    (PINS, PINS.with_asset(URL, AssetPin(size=8, sha256=SHA)), []),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentences"), DIFFERENCES)
def test_each_difference_is_a_sentence(old: Pins, new: Pins, sentences: list[str]) -> None:
    """In order; what is the same by digest is no difference."""
    assert pins.diff(old, new) == tuple(sentences)


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
ASSETS = st.dictionaries(
    TEXT,
    st.builds(
        AssetPin, size=st.integers(0, 2**63 - 1), sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
    ),
)
BASES = st.dictionaries(
    TEXT, st.dictionaries(TEXT, st.sampled_from([PIN, OTHER, DOCKER, base_pin("")]), max_size=2), max_size=2
)


@given(st.builds(Pins, bases=BASES, assets=ASSETS))
def test_every_pin_reads_back(made: Pins) -> None:
    """Whatever its reference or URL, and the text is the same again."""
    text = pins.dump(made)
    assert pins.parse(text) == made
    assert pins.dump(pins.parse(text)) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.lists(st.sampled_from(["schema", "bases", "assets", REFERENCE, KEY, URL, "size", "sha256", "digest", "manifest", "config", "os_features"]), min_size=1, max_size=4)  # fmt: skip


@given(KEYS, JSON)
def test_any_value_anywhere_is_read_or_refused(path: list[str], value: Any) -> None:
    """Nothing but ConfigurationError, and what is read can be written."""
    text = document()
    inner = text
    for key in path[:-1]:
        inner = inner[key] if isinstance(inner, dict) and isinstance(inner.get(key), dict) else inner
    inner[path[-1]] = value
    try:
        found = pins.parse(json.dumps(text))
    except ConfigurationError:
        return
    assert pins.parse(pins.dump(found).encode().decode()) == found


WHOLE = pins.dump(PINS)


@given(st.integers(0, len(WHOLE) - 2), st.text(min_size=1, max_size=3))
def test_a_file_that_is_cut_or_torn_is_refused(place: int, piece: str) -> None:
    """Only the line end may be missing; what tears it is read or refused."""
    assert "the pins file cannot be used" in refusal(WHOLE[:place])
    with contextlib.suppress(ConfigurationError):
        pins.parse(WHOLE[:place] + piece + WHOLE[place:])


def test_a_pin_knows_what_it_was_built_of() -> None:
    """It is found by the definition's fingerprint and platform, and reads back as it was."""
    own = replace(PIN, fingerprint="sha256:1")
    kept = PINS.with_base("r.example/b:1", KEY, own)
    assert pins.parse(pins.dump(kept)) == kept
    assert kept.built_of("sha256:1", KEY) == ("r.example/b:1", own)
    assert kept.built_of("sha256:1", "linux/amd64") is None
    assert kept.built_of("sha256:2", KEY) is None
