"""What runs for a variant: build commands, the Dockerfile engine's fields, the lifecycle contract."""

# ruff: noqa: E501 - sentences are asserted whole, each on its line
from collections.abc import Callable

import pytest

from buildtools.spec.model import LifecycleSpec, ProbeSpec, ReadySpec, StopSpec
from buildtools.spec.variant import BuildStep, Variant

MIXED = "platforms: [linux/arm64, 'windows/amd64:ltsc2022']\nbase: {linux: scratch, windows: nanoserver}\n"
WINDOWS = "platforms: [windows/amd64:ltsc2022]\nbase: nanoserver\n"
SECRET = "looks like a secret, and its value is written down here: hand it over at run time, or through build.pass-env"
ARGUMENT = "looks like a secret, and its value is written down here: it would stay in the image's history for all to read: hand it over at run time, or list the name under docker.allow-args if it is no secret"
BACKSLASHES = '"a\\b" has backslashes: write forward slashes, whatever the operating system'

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]


def build(flow: str) -> str:
    """A definition that builds; what it runs stands on line 1, what it says besides from column 26."""
    return f"build: {{run: [[go, x]]{flow and f', {flow}'}}}\n"


def placed(*sentences: str) -> list[str]:
    """The sentences as they stand in a message."""
    return [f"image.yaml:{sentence}" for sentence in sentences]


def test_a_step_without_more_has_its_defaults(variants: Variants) -> None:
    """It runs in the image's folder, and everything in there is an input."""
    (variant,) = variants(build(""))
    assert variant.build == BuildStep(
        commands=(("go", "x"),), workdir=".", env={}, pass_env=(), inputs=("**",), tools={}, line=1, column=8
    )


def test_a_step_is_filled_in_for_its_platform(variants: Variants) -> None:
    """But `{out}` stays, in commands and in their environment; paths are cleaned, constraints lose their spaces."""
    text = (
        "build:\n"
        '  run: [[go, build, -o, "{out}/{name}{exe}"], [echo, "{{os}}"]]\n'
        "  workdir: ./src/.\n"
        '  env: {GOOS: "{os}", GOARCH: "{arch}", GOBIN: "{out}"}\n'
        "  pass-env: [GOFLAGS, NPM_TOKEN]\n"
        "  inputs: [./src, ../y/*.go]\n"
        '  tools: {go: ">= 1.24, <2", zig: "==0.15"}\n'
    )
    linux, windows = (variant.build for variant in variants(text + MIXED))
    assert linux == BuildStep(
        commands=(("go", "build", "-o", "{out}/x"), ("echo", "{os}")),
        workdir="src",
        env={"GOOS": "linux", "GOARCH": "arm64", "GOBIN": "{out}"},
        pass_env=("GOFLAGS", "NPM_TOKEN"),
        inputs=("src", "../y/*.go"),
        tools={"go": ">=1.24,<2", "zig": "==0.15"},
        line=6,
        column=11,
    )
    assert windows is not None
    assert windows.commands[0] == ("go", "build", "-o", "{out}/x.exe")
    assert windows.env == {"GOOS": "windows", "GOARCH": "amd64", "GOBIN": "{out}"}


BROKEN_BUILDS = [
    ('build: {run: [[""]]}', "1:16: the program's name is empty: write one"),
    ('build: {run: [[a], ["", b]]}', "1:21: the program's name is empty: write one"),
    ('build: {run: [["{release}"]]}', "1:16: placeholder {release} has no meaning here: {release} is the Windows release, such as ltsc2022 (for Windows variants, not in build and fetch)"),
    ('build: {run: [[a, "{fetch}/b"]]}', "1:19: placeholder {fetch} has no meaning here: {fetch} is the folder of fetched assets, one entry a name (at the start of files.from only)"),
    (build("workdir: /src"), "1:34: \"/src\" is not relative: write it relative to the image's folder"),
    (build("inputs: [a, 'a\\b']"), f"1:37: {BACKSLASHES}"),
    (build("env: {A-B: c}"), '1:31: "A-B" cannot name a variable: use letters, digits and underscores'),
    (build("env: {'': c}"), '1:31: "" cannot name a variable: use letters, digits and underscores'),
    (build("env: {NPM_TOKEN: abc}"), f"1:42: NPM_TOKEN {SECRET}"),
    (build("env: {A: '{ot}'}"), "1:34: unknown placeholder {ot}: did you mean {out}?"),
    (build("env: {A: '{port}'}"), "1:34: placeholder {port} has no meaning here: {port} is a free port on the loopback address (in lifecycle only)"),
    (build("pass-env: [A, B=c]"), '1:39: "B" cannot be passed on like this: write the variable\'s name alone, without = and value'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), BROKEN_BUILDS)
def test_a_build_that_cannot_be_is_refused(faults: Faults, text: str, sentence: str) -> None:
    """Programs without a name, paths out of the project, variables that hold secrets; once for all platforms."""
    assert faults(f"{text.strip()}\nplatforms: [linux/amd64, linux/arm64]\n") == placed(sentence)


def test_a_step_is_the_same_for_all_releases(faults: Faults) -> None:
    """So its commands cannot say the release, on Windows either."""
    (sentence,) = faults('build: {run: [[a, "{release}"]]}\n' + WINDOWS)
    assert sentence.startswith("image.yaml:1:19: placeholder {release} has no meaning here: ")


def test_a_constraint_that_cannot_be_is_refused(faults: Faults) -> None:
    """Anything but comparisons with numbers."""
    assert faults(build("tools: {go: newest}")) == placed(
        '1:37: "newest" is no version constraint: write ==1.27.3 or >=1.24'
    )


@pytest.mark.parametrize("value", ["/run/secrets/token", "C:\\secrets\\token", "''"])
def test_the_path_of_a_secret_is_no_secret(variants: Variants, value: str) -> None:
    """Nor is an empty value, which takes away what is inherited."""
    (variant,) = variants(build(f"env: {{NPM_TOKEN: {value}}}"))
    assert variant.build is not None
    assert variant.build.env == {"NPM_TOKEN": value.strip("'")}


def test_the_dockerfile_engine_has_its_defaults(variants: Variants) -> None:
    """A Dockerfile in the image's folder, which is the context, too."""
    (variant,) = variants("engine: dockerfile\n")
    assert (variant.dockerfile, variant.context, variant.args) == ("Dockerfile", ".", {})


def test_the_dockerfile_engine_fills_arguments_in(variants: Variants) -> None:
    """With the Windows release, since each variant is built by itself."""
    text = 'engine: dockerfile\ndockerfile: ./d/Dockerfile\ncontext: ../y\nargs: {A: "{os}-{release}"}\n'
    (variant,) = variants(text + WINDOWS)
    assert (variant.dockerfile, variant.context) == ("d/Dockerfile", "../y")
    assert variant.args == {"A": "windows-ltsc2022"}


def test_an_argument_that_is_no_secret_is_allowed_by_name(variants: Variants) -> None:
    """Where the definition says so of just that name."""
    (variant,) = variants("engine: dockerfile\nargs: {CACHE_KEY: x}\ndocker: {allow-args: [CACHE_KEY]}\n")
    assert variant.args == {"CACHE_KEY": "x"}


def test_the_default_engine_has_no_dockerfile(variants: Variants) -> None:
    """Its fields stay empty."""
    (variant,) = variants("")
    assert (variant.dockerfile, variant.context, variant.args) == ("", "", {})
    assert (variant.build, variant.lifecycle) == (None, None)


ENGINES = [
    ("dockerfile: D", ["1:1: dockerfile means nothing to engine assemble: write engine: dockerfile, or delete it"]),
    ("context: .\nargs: {A: b}", ["1:1: context means nothing to engine assemble: write engine: dockerfile, or delete it", "2:1: args means nothing to engine assemble: write engine: dockerfile, or delete it"]),
    ("engine: dockerfile\nbuild: {run: [[a]]}", ["2:1: build means nothing to engine dockerfile: copy in the Dockerfile instead"]),
    ("engine: dockerfile\nfiles: []\nfetch: {}", ["2:1: files means nothing to engine dockerfile: copy in the Dockerfile instead", "3:1: fetch means nothing to engine dockerfile: copy in the Dockerfile instead"]),
    ("engine: dockerfile\ndockerfile: /D", ["2:13: \"/D\" is not relative: write it relative to the image's folder"]),
    ("engine: dockerfile\ncontext: ../../..", ['2:10: "../../.." leads out of the project: copy what is needed into the project']),
    ("engine: dockerfile\nargs: {NPM_TOKEN: x, A.B: c}", [f"2:19: NPM_TOKEN {ARGUMENT}", '2:22: "A.B" cannot name a variable: use letters, digits and underscores']),
    ("engine: dockerfile\nargs: {A: '{out}'}", ["2:11: placeholder {out} has no meaning here: {out} is the folder that build commands write to (in build.run, build.env and files.from only)"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentences"), ENGINES)
def test_what_the_engine_cannot_do_is_refused(faults: Faults, text: str, sentences: list[str]) -> None:
    """Keys of the other engine, even without a value of their own, and paths that lead out."""
    assert faults(f"{text}\n") == placed(*sentences)


def test_a_contract_is_filled_in(variants: Variants) -> None:
    """But for `{port}`; values that are no texts are answers as they are."""
    text = (
        "lifecycle:\n"
        '  args: [-addr, "127.0.0.1:{port}", "{name}{exe}"]\n'
        '  env: {PORT: "{port}", SYSTEM: "{os}"}\n'
        "  ready: {http: /ready, within: 5}\n"
        '  probe: {http: /who, json: {os: "{os}", build: "{arch}", n: 1, f: 0.5, ok: true}}\n'
        "  stop: {event: interrupt, within: 2}\n"
        "  exit: 3\n"
    )
    linux, windows = (variant.lifecycle for variant in variants(text + MIXED))
    assert linux == LifecycleSpec(
        args=("-addr", "127.0.0.1:{port}", "x"),
        env={"PORT": "{port}", "SYSTEM": "linux"},
        ready=ReadySpec(http="/ready", within=5.0),
        probe=ProbeSpec(http="/who", json={"os": "linux", "build": "arm64", "n": 1, "f": 0.5, "ok": True}),
        stop=StopSpec(event="interrupt", within=2.0),
        exit=3,
    )
    assert windows is not None
    assert windows.args == ("-addr", "127.0.0.1:{port}", "x.exe")
    assert windows.probe is not None
    assert windows.probe.json["build"] == "amd64"


@pytest.mark.parametrize(
    "flow",
    [
        "args: [--version]",
        "exit: 95",
        "args: ['{port}'], ready: {http: /}, stop: {}",
        "env: {PORT: '{port}'}, probe: {http: /}, stop: {}",
        "stop: {}",
    ],
)
def test_a_contract_asks_or_waits(variants: Variants, flow: str) -> None:
    """A program that is asked something gets a port and is stopped; another one may end by itself."""
    assert variants(f"lifecycle: {{{flow}}}\n")[0].lifecycle is not None


NO_PORT = '1:12: nothing tells the program which port to listen on: use "{port}" in args or env'
NO_STOP = "1:12: a program that is asked something must be stopped: add stop: {event: shutdown}"
CONTRACTS = [
    ("args: ['{port}'], ready: {http: ready}, stop: {}", ['1:45: "ready" is not the path of a request: start it with a slash']),
    ("args: ['{port}'], probe: {http: ''}, stop: {}", ['1:45: "" is not the path of a request: start it with a slash']),
    ("args: ['{port}'], ready: {http: /}", [NO_STOP]),
    ("env: {A: '{port}'}, probe: {http: /}", [NO_STOP]),
    ("ready: {http: /}, stop: {}", [NO_PORT]),
    ("probe: {http: /}", [NO_STOP, NO_PORT]),
    ("args: ['{prt}']", ["1:20: unknown placeholder {prt}: did you mean {port}?"]),
    ("env: {A: '{out}'}", ["1:22: placeholder {out} has no meaning here: {out} is the folder that build commands write to (in build.run, build.env and files.from only)"]),
    ("env: {A=B: c}", ['1:19: "A=B" cannot name a variable: use letters, digits and underscores']),
    ("env: {'': c}", ['1:19: "" cannot name a variable: use letters, digits and underscores']),
    ("args: ['{port}'], stop: {}, probe: {http: /, json: {a: '{b}'}}", ["1:68: unknown placeholder {b}: there are {name}, {os}, {arch}, {variant}, {exe}, and {{ for a brace that is meant"]),
]  # fmt: skip


@pytest.mark.parametrize(("flow", "sentences"), CONTRACTS)
def test_a_contract_that_cannot_be_held_is_refused(faults: Faults, flow: str, sentences: list[str]) -> None:
    """Once for all platforms."""
    text = f"lifecycle: {{{flow}}}\nplatforms: [linux/amd64, linux/arm64]\n"
    assert faults(text) == placed(*sentences)
