# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The mistakes that people make in definitions, J01 to J18: each has its own sentence, and all are told at once."""

from collections.abc import Callable, Mapping

import pytest

from buildtools.errors import ConfigurationError
from buildtools.spec.expand import load
from buildtools.spec.variant import Variant
from buildtools.spec.yaml import MAX_BYTES, MAX_VALUES

HEAD = "name: x\nplatforms: [linux/amd64]\nbase: scratch\n"
"""Three right lines; a mistake stands below or replaces them."""
WINDOWS = "name: x\nplatforms: [windows/amd64:%s]\nbase: 'a/w:1'\n"
BASE = "name: x\nplatforms: [linux/amd64]\nbase: "
FILE = HEAD + "files:\n  - {from: '%s', to: /a}\n"


WHOLE_FILE = {"empty-file", "file-size", "more"}
"""Codes of findings that have no line."""


def told(texts: Mapping[str, bytes | str]) -> list[str]:
    """Every sentence about a project with these files."""
    with pytest.raises(ConfigurationError) as caught:
        load({path: text if isinstance(text, bytes) else text.encode() for path, text in texts.items()})
    assert all(finding.line or finding.code in WHOLE_FILE for finding in caught.value.diagnostics)
    return [str(finding).removeprefix("images/") for finding in caught.value.diagnostics]


def bomb(levels: int) -> str:
    """Ten aliases a level, so that few bytes stand for very many values."""
    lines = [f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10)}]\n" for n in range(1, levels)]
    return "k0: &k0 [x]\n" + "".join(lines)


MISTAKES = [
    ("J02 duplicate key", HEAD + "kind: container\nname: y\n", '5:1: duplicate key "name": it stands on line 1 already: delete one of the two'),
    ("J02 duplicate key below", HEAD + "config:\n  env:\n    A: b\n    A: c\n", '7:5: duplicate key "A": it stands on line 6 already: delete one of the two'),
    ("J03 version that YAML takes for a number", HEAD + "fetch: {a: {version: 1.10, url: u, checksum: c}}\n", "4:22: expected a string, got the number 1.10: quote it"),
    ("J03 number in env", HEAD + "config: {env: {CGO_ENABLED: 0}}\n", "4:29: expected a string, got the number 0: quote it"),
    ("J03 flag in env", HEAD + "config: {env: {DEBUG: true}}\n", "4:23: expected a string, got true: quote it"),
    ("J03 mode as a decimal", HEAD + "files: [{directory: /a, mode: 755}]\n", "4:31: expected a string, got the number 755: quote it"),
    ("J06 Python tag", HEAD + "args: !!python/object/apply:os.system [id]\n", "4:7: tag !!python/object/apply:os.system is not allowed: delete it, or quote the value"),
    ("J07 merge key", HEAD + "<<: {kind: container}\n", "4:1: merge key << is not allowed: write the keys out"),
    ("J08 unknown key", HEAD + "platfroms: [linux/amd64]\n", '4:1: unknown key "platfroms": did you mean "platforms"?'),
    ("J08 key of another section", HEAD + "entrypoint: [/a]\n", '4:1: unknown key "entrypoint": "entrypoint" belongs under config'),
    ("J09 text for a list", "name: x\nplatforms: linux/amd64\nbase: scratch\n", '2:12: expected a list, got the text "linux/amd64": write a list: ["linux/amd64"]'),
    ("J09 list for a mapping", HEAD + "config: {env: [A=b]}\n", "4:15: expected a mapping, got a list: write a mapping"),
    ("J09 key without a value", HEAD + "build:\n", "4:7: expected a mapping, got nothing: write a value or delete the key"),
    ("J10 upper case", BASE + "ghcr.io/Acme/app:1\n", "3:7: reference 'ghcr.io/Acme/app:1' has upper-case letters in its repository: write it in lower case"),
    ("J10 two tags", BASE + "'a/b:1:2'\n", "3:7: reference 'a/b:1:2' has two colons behind its repository: write repository:tag"),
    ("J10 long tag", BASE + f"a/b:{'t' * 129}\n", f"3:7: reference 'a/b:{'t' * 76}'... (133 characters) has a tag of 129 characters: at most 128 are allowed"),
    ("J10 short digest", BASE + "a/b@sha256:abc\n", "3:7: reference 'a/b@sha256:abc': digest 'sha256:abc' needs 64 hexadecimal digits, it has 3 characters"),
    ("J10 no tag", BASE + "a/b\n", '3:7: "a/b" has no tag: add one, such as :1.0, or a digest'),
    ("J11 outside the root", FILE % "../../../etc/passwd", '5:12: "../../../etc/passwd" leads out of the project: copy what is needed into the project'),
    ("J11 absolute path", FILE % "/etc/passwd", '5:12: "/etc/passwd" is not relative: write it relative to the image\'s folder'),
    ("J11 home folder", FILE % "~/key", '5:12: "~/key" is not relative: write it relative to the image\'s folder'),
    ("J12 unknown system", HEAD.replace("linux/", "linus/"), '2:13: no images are made for the operating system "linus": did you mean linux?'),
    ("J12 unknown architecture", HEAD.replace("amd64", "amd46"), '2:13: linux images are not made for the architecture "amd46": did you mean amd64?'),
    ("J12 no such Windows", WINDOWS % "ltsc2023", "2:13: unknown Windows release 'ltsc2023': did you mean ltsc2025? known are ltsc2019, ltsc2022, ltsc2025"),
    ("J12 os.version by hand", WINDOWS % "10.0.20348.2700", '2:13: "10.0.20348.2700" is a build, not a release: write ltsc2022'),
    ("J12 base of another release", "name: x\nplatforms: [windows/amd64:ltsc2022]\nbase: 'a/w:ltsc2019'\n", "3:7: a/w:ltsc2019 is made for one Windows release and cannot serve windows/amd64:ltsc2022: write {release} in place of ltsc2019, or give windows/amd64:ltsc2022 its own base"),
    ("J12 build that is required", WINDOWS % "ltsc2019" + "requires: {windows-build: 20348}\n", "2:13: ltsc2019 is build 17763, and requires.windows-build asks for 20348 or later: name the releases that are new enough (windows/amd64:ltsc2022, windows/amd64:ltsc2025)"),
    ("J13 the same platform", "name: x\nplatforms:\n  - linux/arm64\n  - linux/arm64/v8\nbase: scratch\n", "4:5: linux/arm64 is built twice: line 3 asks for it already: delete one of the two"),
    ("J13 the same release", "name: x\nplatforms:\n  - windows/amd64:ltsc2019\n  - windows/amd64:1809\nbase: 'a/w:1'\n", "4:5: windows/amd64:ltsc2019 is built twice: line 3 asks for it already: delete one of the two"),
    ("J14 extends", HEAD + "extends: x\n", '4:1: unknown key "extends": images do not build on each other: what they share goes into images/defaults.yaml'),
    ("J15 undefined variable", HEAD + "config: {workdir: '/{nmae}'}\n", "4:19: unknown placeholder {nmae}: did you mean {name}?"),
    ("J15 variable of another place", HEAD + "config: {workdir: '/{port}'}\n", "4:19: placeholder {port} has no meaning here: {port} is a free port on the loopback address (in lifecycle only)"),
    ("J15 variable of a shell", HEAD + "config: {workdir: '/${HOME}'}\n", "4:19: no shell reads ${HOME}: write ${{HOME}} for the text itself"),
    ("J15 dollar before a variable", HEAD + "config: {workdir: '/${name}'}\n", "4:19: no shell reads ${name}: write {name}, or ${{name}} for the text itself"),
    ("J15 old PATH", HEAD + "config: {path: ['$PATH', /a]}\n", "4:17: $PATH is never expanded in an image: delete it: the full PATH is added"),
    ("J16 empty file", "", " the file is empty: write at least the required keys"),
    ("J16 only comments", "# name: x\n", " the file holds nothing but comments: write at least the required keys"),
    ("J16 two documents", f"{HEAD}---\n{HEAD}", "4:1: a second document starts here: keep one a file"),
    ("J16 byte order mark", b"\xef\xbb\xbf" + HEAD.encode(), "1:1: the file starts with a byte order mark: save it as UTF-8 without one"),
    ("J16 UTF-16", HEAD.encode("utf-16"), "1:1: the file is UTF-16: save it as UTF-8"),
    ("J16 tab", HEAD + "config:\n\tuser: '1'\n", "5:1: the line is indented with a tab: use spaces"),
    ("J16 CRLF", HEAD.replace("\n", "\r\n"), "1:8: the line does not end in a line feed alone (CRLF or CR): save the file with LF line ends"),
    ("J16 large file", HEAD + "#" * MAX_BYTES, " the file has 1,000,047 bytes and the limit is 1,000,000: a definition is a few kilobytes: look what got into it"),
    ("J17 another encoding", HEAD.encode() + "description: Größe\n".encode("latin-1"), "4:16: the byte 0xf6 is not UTF-8: save the file as UTF-8"),
    ("J18 secret in env", HEAD + "config: {env: {DB_PASSWORD: hunter2}}\n", "4:29: DB_PASSWORD looks like a secret, and its value is written down here: hand it over at run time, or through build.pass-env"),
    ("J18 secret of a build", HEAD + "build: {run: [[make]], env: {GITHUB_TOKEN: hunter2}}\n", "4:44: GITHUB_TOKEN looks like a secret, and its value is written down here: hand it over at run time, or through build.pass-env"),
    ("J18 secret in a URL", HEAD + "fetch: {a: {url: 'https://me:hunter2@a.test/b', checksum: '{url}.sha256'}}\n", "4:18: the URL holds a user name or password: delete it: secrets stay out of definitions"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "sentence"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_has_its_own_located_sentence(source: bytes | str, sentence: str, parser: str) -> None:
    """Alone: nothing is told that only follows from it, and no secret is shown."""
    found = told({"images/x/image.yaml": source})
    assert found == [f"x/image.yaml:{sentence}"]
    assert "hunter2" not in found[0]


def test_a_secret_in_the_defaults_is_not_shown() -> None:
    """J18: mirrors with a login in front of their host."""
    defaults = "mirrors: {docker.io: 'https://me:hunter2@hub.test'}\nregistry: me:hunter2@ghcr.io/acme\n"
    assert told({"images/defaults.yaml": defaults}) == [
        "defaults.yaml:1:22: a password stands here: delete it: secrets stay out of definitions",
        "defaults.yaml:2:11: a password stands here: delete it: secrets stay out of definitions",
    ]


def test_values_of_the_environment_are_in_no_variant(
    monkeypatch: pytest.MonkeyPatch, variants: Callable[..., tuple[Variant, ...]]
) -> None:
    """J18: what is planned and recorded knows the names of what is handed through, and nothing more."""
    monkeypatch.setenv("API_TOKEN", "hunter2")
    (found,) = variants("build: {run: [[make, '$API_TOKEN']], pass-env: [API_TOKEN]}\n")
    assert found.build is not None
    assert found.build.pass_env == ("API_TOKEN",)
    assert "hunter2" not in repr(found)


def test_aliases_are_refused_before_they_stand_for_anything(parser: str) -> None:
    """J01, J05: 500 bytes that would be a billion values, and a list that holds itself."""
    found = told({"images/x/image.yaml": bomb(9)})
    assert found[:2] == [
        "x/image.yaml:1:5: anchor &k0 is not allowed: delete it",
        "x/image.yaml:2:5: anchor &k1 is not allowed: delete it",
    ]
    assert found[2] == "x/image.yaml:2:10: alias *k0 is not allowed: write the value out"
    assert found[20:] == ["x/image.yaml: 69 more findings are not shown: mend these first"]
    assert told({"images/x/image.yaml": "name: &a [*a]\n"}) == [
        "x/image.yaml:1:7: anchor &a is not allowed: delete it",
        "x/image.yaml:1:11: alias *a is not allowed: write the value out",
    ]


def test_many_values_are_refused_without_aliases() -> None:
    """J01: a file of the size that is allowed holds no more than can be checked."""
    (sentence,) = told({"images/x/image.yaml": HEAD + f"files: [{'1,' * MAX_VALUES}]\n"})
    assert sentence.partition(": ")[2] == "the file holds more than 50,000 values: look what got into it"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_ends_in_a_sentence(opening: str, parser: str) -> None:
    """J04: not in a RecursionError; one of the two parsers counts brackets itself."""
    (sentence,) = told({"images/x/image.yaml": opening * 3000})
    assert sentence.partition(": values are nested ")[2] in {
        f"{how}: a definition needs six levels: look for a bracket too many"
        for how in ("more than 50 deep", "too deep")
    }


def test_circles_of_bases_are_refused_where_they_begin() -> None:
    """J14, J15: a named base leads to no other, so there is nothing to follow."""
    assert told({"images/defaults.yaml": "bases: {a: b, b: a, c: c}\n"}) == [
        'defaults.yaml:1:12: "b" is another named base: write its reference here',
        'defaults.yaml:1:18: "a" is another named base: write its reference here',
        'defaults.yaml:1:24: "c" is another named base: write its reference here',
    ]


def test_a_dollar_in_a_value_is_text(variants: Callable[..., tuple[Variant, ...]]) -> None:
    """J15: no value is looked up in the environment, and doubled braces stand for the shell's own."""
    (found,) = variants("config: {cmd: ['$HOME', '$(HOME)', '%HOME%', '${{HOME}}', '$$']}\n")
    assert found.config.cmd == ("$HOME", "$(HOME)", "%HOME%", "${HOME}", "$$")


SHAPES = """\
name: X
kind: vm
platfroms: [linux/amd64]
platforms: linux/amd64
files:
  - {from: [a], mode: 755}
config: {env: {A: 1.10, B: }}
lifecycle: {exit: 256, ready: {}}
"""

MEANINGS = """\
name: y
platforms: [linux/amd64, linux/x86_64, linus/amd64]
base: {linux: nginx, windwos: nanoserver}
files:
  - {from: ../../../a, to: /a}
  - {from: a, to: b}
config: {env: {PATH: /a, API_KEY: hunter2}, ports: [0]}
"""


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    """Shapes come before meanings, file by file, in the order of the lines."""
    defaults = "releases: [ltsc2018]\nregistry: acme\n"
    assert told({"images/x/image.yaml": SHAPES, "images/defaults.yaml": defaults}) == [
        "defaults.yaml:1:12: unknown Windows release 'ltsc2018': did you mean ltsc2019? known are ltsc2019, ltsc2022, ltsc2025",
        'defaults.yaml:2:11: "acme" has no host in front: write the registry\'s too, as in docker.io/acme',
        "x/image.yaml:1:7: \"X\" is not a valid name: the image's name and its folder's: lower-case letters and digits, with dots, underscores or dashes between them",
        'x/image.yaml:2:7: "vm" is none of container, host-process: write one of them',
        'x/image.yaml:3:1: unknown key "platfroms": did you mean "platforms"?',
        'x/image.yaml:4:12: expected a list, got the text "linux/amd64": write a list: ["linux/amd64"]',
        "x/image.yaml:6:12: expected a string or a mapping, got a list: write one string",
        "x/image.yaml:6:23: expected a string, got the number 755: quote it",
        "x/image.yaml:7:19: expected a string, got the number 1.10: quote it",
        "x/image.yaml:7:28: expected a string, got nothing: write a value or delete the key",
        "x/image.yaml:8:19: 256 is too large: write 255 or less",
        'x/image.yaml:8:31: required key "http" is missing: path that answers 200 once the program is ready',
    ]


def test_all_meanings_of_a_file_are_told_at_once() -> None:
    """Each once, however many variants find it."""
    assert told({"images/x/image.yaml": MEANINGS}) == [
        'x/image.yaml:1:7: the image is called "y" and its folder "x": give both the same name',
        "x/image.yaml:2:26: linux/amd64 is built twice: line 2 asks for it already: delete one of the two",
        'x/image.yaml:2:40: no images are made for the operating system "linus": did you mean linux?',
        'x/image.yaml:3:15: "nginx" is neither a named base nor a reference with a tag: write a tag, as in nginx:1.0, or define the base',
        'x/image.yaml:3:22: "windwos" is not a platform: did you mean windows?',
        'x/image.yaml:5:12: "../../../a" leads out of the project: copy what is needed into the project',
        'x/image.yaml:6:19: "b" is not an absolute path: start it with a slash',
        "x/image.yaml:7:16: PATH in env would replace the base's whole PATH: list folders under config.path: they go in front of the full PATH",
        "x/image.yaml:7:35: API_KEY looks like a secret, and its value is written down here: hand it over at run time, or through build.pass-env",
        'x/image.yaml:7:53: "0" is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be',
    ]
