"""Definitions as no one should write them: whatever the files hold, what comes out is located sentences."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.spec.document import MAX_FINDINGS, KeyPath
from buildtools.spec.expand import load
from buildtools.spec.yaml import read

DEFAULTS = """\
registry: ghcr.io/acme
releases: [ltsc2019, ltsc2022]
bases:
  nanoserver:
    windows: "mcr.microsoft.com/windows/nanoserver:{release}"
    windows/amd64:ltsc2019: mcr.microsoft.com/windows/nanoserver:1809
labels: {org.opencontainers.image.licenses: Apache-2.0}
mirrors: {mcr.microsoft.com: "127.0.0.1:5000/mcr"}
plain-http: [registry.test]
"""

IMAGE = r"""
name: app
description: An image with every key.
platforms:
  - linux/amd64
  - linux/arm64
  - windows/amd64
requires: {windows-build: 17763}
base: {linux: scratch, windows: nanoserver}
build:
  tools: {go: ">=1.24,<2"}
  workdir: src
  inputs: [src, "*.mod"]
  pass-env: [GOPROXY]
  env:
    GOOS: "{os}"
  run:
    - [go, build, -o, "{out}/app{exe}", .]
fetch:
  tool:
    version: "1.10"
    url: https://tools.test/v{version}/{os}-{arch}.tar.gz
    checksum: "{url}.sha256"
    os-names: {windows: win}
    arch-names: {amd64: x86_64}
    members: {"tool{exe}": "bin/tool{exe}"}
files:
  - from: "{out}/app{exe}"
    to: {linux: /app, windows: 'C:\app.exe'}
    mode: "0755"
    owner: "1:1"
  - {from: "{fetch}/tool/tool{exe}", to: /opt/, acl: users-full}
  - {directory: /data}
  - symlink: /etc/app
    target: {linux: ../data, windows: 'C:\data'}
config:
  env: {MODE: fast}
  path: [/opt]
  ports: [8080, 53/udp]
  labels: {a.b: c}
  linux:
    entrypoint: [/app]
    user: "65532:65532"
    stop-signal: SIGINT
  windows:
    entrypoint: ['C:\app.exe']
    user: ContainerUser
lifecycle:
  args: [-addr, "127.0.0.1:{port}"]
  ready: {http: /ready, within: 2.5}
  probe: {http: /who, json: {os: "{os}", ok: true, none: null}}
  stop: {event: shutdown, within: 10}
  exit: 0
""".lstrip()

TEXTS = {"images/defaults.yaml": DEFAULTS, "images/app/image.yaml": IMAGE}
WHOLE_FILE = {"more", "empty-file", "file-size"}
"""Codes of findings that have no line."""


def findings(texts: dict[str, str]) -> tuple[Diagnostic, ...]:
    """What loading the texts finds; nothing when they are right."""
    try:
        project = load({path: text.encode("utf-8", "surrogatepass") for path, text in texts.items()})
    except ConfigurationError as error:
        return error.diagnostics or (Diagnostic(code="", message=""),)
    for image in project.images.values():
        assert len(image.variants) >= len(image.spec.platforms)
    return ()


def check(texts: dict[str, str]) -> None:
    """Every finding stands where its file has a character, says what is wrong, and none is left untold."""
    found = findings(texts)
    for path in texts:
        assert sum(finding.path == path for finding in found) <= MAX_FINDINGS + 1
    for finding in found:
        lines = texts[finding.path].split("\n")
        located = 1 <= finding.line <= len(lines) and 1 <= finding.column <= len(lines[finding.line - 1]) + 1
        assert located or (finding.code in WHOLE_FILE and (finding.line, finding.column) == (0, 0)), finding
        assert finding.message
        assert finding.severity == ("note" if finding.code == "more" else "error")
        assert "this is not YAML" not in finding.message, finding
        assert "\n" not in str(finding), finding


FILES = st.sampled_from(sorted(TEXTS))
INDICATORS = "\t -?:,[]{}#&*!|>'\"%@`\\$/~.=<\r\n\0\x85\u2028\ufeff\ud800é0aA_"


def edit(data: st.DataObject, parts: list[Any], others: st.SearchStrategy[Any]) -> None:
    """One slip of a hand: a part deleted, repeated, swapped with another, replaced, or put in."""
    here = data.draw(st.integers(0, len(parts) - 1))
    there = data.draw(st.integers(0, len(parts) - 1))
    change: Callable[[], None] = data.draw(
        st.sampled_from(
            [
                lambda: parts.pop(here),
                lambda: parts.insert(there, parts[here]),
                lambda: parts.__setitem__(slice(None), swapped(parts, here, there)),
                lambda: parts.__setitem__(here, data.draw(others)),
                lambda: parts.insert(here, data.draw(others)),
            ]
        )
    )
    change()


def swapped(parts: list[Any], here: int, there: int) -> list[Any]:
    """The parts with two of them exchanged."""
    found = list(parts)
    found[here], found[there] = parts[there], parts[here]
    return found


@given(data=st.data())
def test_slips_in_lines_are_located(data: st.DataObject) -> None:
    """Lines lost, doubled, swapped or indented anew."""
    path = data.draw(FILES)
    lines = TEXTS[path].split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        new = st.tuples(st.integers(0, 6), st.sampled_from(TEXTS[path].split("\n")))
        edit(data, lines, new.map(lambda pair: " " * pair[0] + pair[1].strip()))
    check(TEXTS | {path: "\n".join(lines)})


@given(data=st.data())
def test_slips_in_characters_are_located(data: st.DataObject, parser: str) -> None:
    """Characters lost, doubled, swapped or put in, among them all that mean something to YAML."""
    path = data.draw(FILES)
    characters = list(TEXTS[path])
    for _ in range(data.draw(st.integers(1, 4))):
        edit(data, characters, st.sampled_from(INDICATORS))
    check(TEXTS | {path: "".join(characters)})


SLIPS = (
    "{os} {release} {out}/x {fetch}/tool {port} {version ${os} }} .. ../../.. / C:\\ C:\\x .\\x * ** [a "
    "linux windows linux/amd64 windows/amd64:ltsc2019 windows/amd64:20348 scratch host-process nanoserver "
    "Nginx:1 a/b:1:2 a@sha256:0 1.10 0755 -1 dockerfile http://x https://x.test/a ==1 >=2,<1 %PATH% $A "
    "SIGWINCH 65536 A=B raw zip linkerd-proxy O:BAG:SYD:(A;;FA;;;BA) ContainerUser root nul \n \x7f"
)
WORDS = st.sampled_from(SLIPS.split(" "))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(-1e6, 1e6).map(lambda n: round(n, 3))
)
LETTERS = st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"]) | st.just("\n"), max_size=8)
KEYS = WORDS | LETTERS | st.sampled_from(["from", "to", "env", "linux", "windows", "<<", ""])
VALUES = st.recursive(
    SCALARS | WORDS | LETTERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def changed(data: st.DataObject, value: Any, trail: KeyPath) -> Any:
    """The value with another part at `trail`, of the same type or not."""
    old = value
    for step in trail:
        old = old[step]
    kind = data.draw(st.booleans())
    return put(value, trail, data.draw(WORDS | LETTERS if kind and isinstance(old, str) else VALUES))


def put(value: Any, trail: KeyPath, new: Any) -> Any:
    """The value with another part at `trail`."""
    if not trail:
        return new
    copy = value.copy()
    copy[trail[0]] = put(value[trail[0]], trail[1:], new)
    return copy


PLACES = {path: list(read(text, path).places) for path, text in TEXTS.items()}


@given(data=st.data())
def test_any_value_at_any_place_is_located(data: st.DataObject) -> None:
    """Values of every type where others belong; JSON is YAML."""
    path = data.draw(FILES)
    value = read(TEXTS[path], path).value
    for trail in data.draw(st.lists(st.sampled_from(PLACES[path]), min_size=1, max_size=3, unique=True)):
        try:
            value = changed(data, value, trail)
        except (LookupError, AttributeError, TypeError):  # an earlier value has no such place
            continue
    check(TEXTS | {path: json.dumps(value, ensure_ascii=False, indent=1) + "\n"})


@given(path=FILES, text=st.text() | st.text(alphabet=INDICATORS + "ab\n ", max_size=40))
def test_any_text_is_located(path: str, text: str, parser: str) -> None:
    """Text that never was a definition."""
    check(TEXTS | {path: text})


@given(path=FILES, data=st.binary(max_size=40))
def test_any_bytes_are_refused_in_a_sentence(path: str, data: bytes) -> None:
    """Files of other programs end as ConfigurationError, too."""
    texts = {name: text.encode() for name, text in TEXTS.items()} | {path: data}
    with pytest.raises(ConfigurationError) as caught:
        load(texts)
    # `{}` is a good defaults.yaml; the images that lean on it are wrong then.
    allowed = {path} if data.strip() != b"{}" else set(TEXTS)
    assert {finding.path for finding in caught.value.diagnostics} <= allowed


def test_the_definition_itself_is_right() -> None:
    """Else the tests above would change what was wrong before."""
    assert findings(TEXTS) == ()
