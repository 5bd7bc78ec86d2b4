"""How a variant is run: what `config` says on each operating system, and what neither can take."""

# ruff: noqa: E501 - sentences are asserted whole, each on its line
import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError
from buildtools.oci.config import ConfigSettings
from buildtools.spec.variant import Variant

WINDOWS = "platforms: [windows/amd64:ltsc2022]\nbase: nanoserver\n"
MIXED = "platforms: [linux/amd64, 'windows/amd64:ltsc2022']\nbase: {linux: scratch, windows: nanoserver}\n"
ON_BASE = "base: h.io/b:1\n"
TITLE = "org.opencontainers.image.title"
# The whole PATH that each operating system starts programs with.
LINUX_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WINDOWS_PATH = "C:\\Windows\\System32;C:\\Windows;C:\\Windows\\System32\\Wbem;C:\\Windows\\System32\\WindowsPowerShell\\v1.0"

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]


def config(flow: str) -> str:
    """A definition whose config stands on line 1; what it says begins in column 10."""
    return f"config: {{{flow}}}\n"


def placed(*sentences: str) -> list[str]:
    """The sentences as they stand in a message."""
    return [f"image.yaml:{sentence}" for sentence in sentences]


def on_both(variants: Variants, flow: str) -> tuple[ConfigSettings, ConfigSettings]:
    """The settings on Linux and on Windows."""
    linux, windows = variants(config(flow) + MIXED)
    return linux.config, windows.config


def test_a_definition_without_config_says_nothing(variants: Variants) -> None:
    """All is left to the base, but for the image's title."""
    expected = ConfigSettings(labels={TITLE: "x"})
    assert [each.config for each in variants(MIXED)] == [expected, expected]


def test_one_config_serves_both(variants: Variants) -> None:
    """Paths come out as each operating system writes them, arguments with its placeholders."""
    linux, windows = on_both(
        variants,
        "cmd: ['{name}{exe}', -v], env: {A: '{os}-{arch}'}, path: ['/{name}'], workdir: /w/./d, volumes: [/v],"
        " ports: [8080, 53/udp], stop-signal: SIGTERM",
    )
    shared = {"exposed_ports": ("8080/tcp", "53/udp"), "stop_signal": "SIGTERM", "labels": {TITLE: "x"}}
    assert linux == ConfigSettings(
        cmd=("x", "-v"),
        env={"A": "linux-amd64", "PATH": f"/x:{LINUX_PATH}"},
        working_dir="/w/d",
        volumes=("/v",),
        **shared,
    )
    assert windows == ConfigSettings(
        cmd=("x.exe", "-v"),
        env={"A": "windows-amd64", "PATH": f"C:\\x;{WINDOWS_PATH}"},
        working_dir="C:\\w\\d",
        volumes=("C:\\v",),
        **shared,
    )


OVERRIDES = [
    ("entrypoint: [a], windows: {entrypoint: [b, c]}", "entrypoint", ("a",), ("b", "c")),
    ("entrypoint: [a], windows: {entrypoint: []}", "entrypoint", ("a",), ()),
    ("entrypoint: [], linux: {entrypoint: [a]}", "entrypoint", ("a",), ()),
    ("cmd: [a], windows: {cmd: []}", "cmd", ("a",), ()),
    ("linux: {cmd: [a]}", "cmd", ("a",), None),
    ("linux: {user: '65532:65532'}, windows: {user: ContainerUser}", "user", "65532:65532", "ContainerUser"),
    ("linux: {user: '0'}", "user", "0", None),
    ("workdir: /a, windows: {workdir: 'c:\\b'}", "working_dir", "/a", "C:\\b"),
    ("ports: [80], windows: {ports: [81, 81/udp]}", "exposed_ports", ("80/tcp",), ("81/tcp", "81/udp")),
    ("ports: [80], linux: {ports: []}", "exposed_ports", (), ("80/tcp",)),
    ("volumes: [/a], linux: {volumes: [/b, /c]}", "volumes", ("/b", "/c"), ("C:\\a",)),
    ("stop-signal: SIGTERM, linux: {stop-signal: SIGINT}", "stop_signal", "SIGINT", "SIGTERM"),
    ("linux: {stop-signal: SIGQUIT}", "stop_signal", "SIGQUIT", None),
    ("env: {A: '1', B: '2'}, linux: {env: {B: '3', C: '4'}}", "env", {"A": "1", "B": "3", "C": "4"}, {"A": "1", "B": "2"}),
    ("env: {Mode: a, B: b}, windows: {env: {MODE: c}}", "env", {"Mode": "a", "B": "b"}, {"B": "b", "MODE": "c"}),
    ("env: {Mode: a}, linux: {env: {MODE: c}}", "env", {"Mode": "a", "MODE": "c"}, {"Mode": "a"}),
    ("labels: {a: '1', b: '2'}, windows: {labels: {b: '{release}'}}", "labels", {TITLE: "x", "a": "1", "b": "2"}, {TITLE: "x", "a": "1", "b": "ltsc2022"}),
    ("path: [/a], windows: {path: ['C:\\b', /c]}", "env", {"PATH": f"/a:{LINUX_PATH}"}, {"PATH": f"C:\\b;C:\\c;{WINDOWS_PATH}"}),
    ("path: [/a], linux: {path: []}", "env", {}, {"PATH": f"C:\\a;{WINDOWS_PATH}"}),
]  # fmt: skip


@pytest.mark.parametrize(("flow", "field", "linux", "windows"), OVERRIDES)
def test_an_operating_system_has_a_say_of_its_own(
    variants: Variants, flow: str, field: str, linux: object, windows: object
) -> None:
    """`env` and `labels` are added, all else is replaced, by an empty value, too."""
    assert tuple(getattr(settings, field) for settings in on_both(variants, flow)) == (linux, windows)


def test_labels_of_the_project_come_first(variants: Variants) -> None:
    """Title and description are the image's, unless somebody says more; what stands closer wins."""
    shared = f"labels: {{a: '{{name}}', b: '{{os}}', {TITLE}: All}}\n"
    text = "description: Says hello.\n" + config("labels: {b: mine}")
    assert variants(text, shared)[0].config.labels == {
        TITLE: "All",
        "org.opencontainers.image.description": "Says hello.",
        "a": "x",
        "b": "mine",
    }
    assert variants(config(f"labels: {{{TITLE}: Mine}}"), shared)[0].config.labels[TITLE] == "Mine"


@pytest.mark.parametrize(
    ("folders", "linux", "windows"),
    [
        (
            "[/usr/bin, /x]",
            f"/usr/bin:/x:{LINUX_PATH.replace(':/usr/bin', '')}",
            f"C:\\usr\\bin;C:\\x;{WINDOWS_PATH}",
        ),
        ("[/windows]", f"/windows:{LINUX_PATH}", "C:\\windows;" + WINDOWS_PATH.replace(";C:\\Windows;", ";")),
        ("[/x, /x/, /X]", f"/x:/X:{LINUX_PATH}", f"C:\\x;{WINDOWS_PATH}"),
        ("['/a b/{arch}']", f"/a b/amd64:{LINUX_PATH}", f"C:\\a b\\amd64;{WINDOWS_PATH}"),
    ],
)
def test_folders_stand_in_front_of_the_whole_path(
    variants: Variants, folders: str, linux: str, windows: str
) -> None:
    """Each once: an image's PATH replaces the base's, so the operating system's own folders stay in it."""
    assert [settings.env for settings in on_both(variants, f"path: {folders}")] == [
        {"PATH": linux},
        {"PATH": windows},
    ]


FOLDER = st.text("abAB .é-", min_size=1, max_size=6).map(lambda name: f"x{name}x")


@given(st.lists(FOLDER, min_size=1, max_size=5))
def test_a_path_is_always_complete(variants: Variants, names: list[str]) -> None:
    """Ours first, in their order, then all of the system's; nothing twice and nothing to be expanded."""
    settings = on_both(variants, f"path: {json.dumps([f'/{name}' for name in names], ensure_ascii=False)}")
    linux, windows = (found.env["PATH"] for found in settings)
    assert linux == ":".join([*dict.fromkeys(f"/{name}" for name in names), LINUX_PATH])
    first = {name.casefold(): f"C:\\{name}" for name in reversed(names)}
    assert windows == ";".join(
        [*(first[key] for key in dict.fromkeys(map(str.casefold, names))), WINDOWS_PATH]
    )
    assert "%" not in windows


REPLACED = "in env would replace the base's whole PATH: list folders under config.path: they go in front of the full PATH"
PATHS = [
    (config("env: {PATH: /a}"), [f"1:16: PATH {REPLACED}"]),
    (config("env: {Path: 'C:\\a;%PATH%'}") + WINDOWS, [f"1:16: Path {REPLACED}"]),
    (config("path: [/a], env: {PATH: /b}"), [f"1:28: PATH {REPLACED}"]),
    (config("windows: {env: {path: a}}") + WINDOWS, [f"1:26: path {REPLACED}"]),
    (config("env: {X: '/a:$PATH'}"), ["1:19: $PATH is never expanded in an image: list folders under config.path"]),
    (config("env: {X: '/a:${{PATH}}'}"), ["1:19: ${PATH} is never expanded in an image: list folders under config.path"]),
    (config("env: {X: 'C:\\a;%Path%'}") + WINDOWS, ["1:19: %Path% is never expanded in an image: list folders under config.path"]),
    (config("env: {X: '$env:PATH;C:\\a'}") + WINDOWS, ["1:19: $env:PATH is never expanded in an image: list folders under config.path"]),
    (config("path: ['C:\\a;%PATH%']") + WINDOWS, ["1:17: %PATH% is never expanded in an image: delete it: the full PATH is added"]),
    (config("path: [/a, $PATH]"), ["1:21: $PATH is never expanded in an image: delete it: the full PATH is added"]),
    (config("path: ['/a:/b']"), ['1:17: "/a:/b" holds a colon, which ends a folder in PATH: write one folder an entry']),
    (config("path: ['C:\\a;b']") + WINDOWS, ['1:17: "C:\\a;b" holds a semicolon, which ends a folder in PATH: write one folder an entry']),
    (config("path: ['C:\\a;C:\\b', c]") + WINDOWS, ['1:17: "C:\\a;C:\\b" holds a semicolon, which ends a folder in PATH: write one folder an entry', "1:30: 'c' is relative: write the whole path, as in C:\\app\\program.exe"]),
    (config("path: [bin]"), ['1:17: "bin" is not an absolute path: start it with a slash']),
    (config("path: ['/{release}']"), ["1:17: placeholder {release} has no meaning here: {release} is the Windows release, such as ltsc2022 (for Windows variants, not in build and fetch)"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentences"), PATHS)
def test_a_path_that_would_be_cut_off_is_refused(faults: Faults, text: str, sentences: list[str]) -> None:
    """Whatever is written for the old PATH stays as it is written, and the system's programs are lost."""
    assert faults(text) == placed(*sentences)


@pytest.mark.parametrize("value", ["$PATHEXT", "%PATHEXT%", "${PATHS}", "PATH", "/a:/b;c"])
def test_words_that_look_like_path_are_left_alone(variants: Variants, value: str) -> None:
    """Only the variable itself is meant."""
    assert (
        variants(config(f"env: {{X: '{value.replace('{', '{{').replace('}', '}}')}'}}"))[0].config.env["X"]
        == value
    )


LEAVE_OUT = (
    "leave stop-signal out, so that the program gets CTRL_SHUTDOWN, or write it under config.linux alone"
)
SIGNALS = [
    ("SIGINT", f"SIGINT is number 2, which Windows takes for CTRL_CLOSE and not for CTRL_C: {LEAVE_OUT}"),
    ("SIGHUP", f"SIGHUP is number 1, which Windows takes for CTRL_BREAK and not for CTRL_CLOSE: {LEAVE_OUT}"),
    ("SIGQUIT", f"SIGQUIT has no meaning on Windows: the runtime refuses number 3: {LEAVE_OUT}"),
    ("3", f"3 has no meaning on Windows: the runtime refuses number 3: {LEAVE_OUT}"),
    ("SIGUSR1", f"SIGUSR1 is a name that Windows nodes do not know: {LEAVE_OUT}"),
    ("CTRL_SHUTDOWN", "'CTRL_SHUTDOWN' is not a signal: write a name such as SIGTERM, or a number from 1 to 64"),
]  # fmt: skip


@pytest.mark.parametrize(("signal", "sentence"), SIGNALS)
def test_a_signal_that_windows_cannot_take_is_refused(faults: Faults, signal: str, sentence: str) -> None:
    """Where it stands, be that under `windows` or for both."""
    assert faults(config(f"stop-signal: '{signal}'") + WINDOWS) == placed(f"1:23: {sentence}")
    assert faults(config(f"windows: {{stop-signal: '{signal}'}}") + WINDOWS) == placed(f"1:33: {sentence}")


@pytest.mark.parametrize("signal", ["SIGTERM", "TERM", "15", "6", "SIGKILL", "9"])
def test_a_signal_that_both_can_take_is_kept(variants: Variants, signal: str) -> None:
    """As it is written."""
    assert {settings.stop_signal for settings in on_both(variants, f"stop-signal: '{signal}'")} == {signal}


USERS = [
    ("", "65532", True), ("", "65532:65532", True), ("", "app", False), ("", "0:root", False),
    (ON_BASE, "app", True), (ON_BASE, "app:app", True), (ON_BASE, "_apt", True), (ON_BASE, "1001:root", True),
    (ON_BASE, "app:0", True), (ON_BASE, "www-data", True), (ON_BASE, "", False), (ON_BASE, "ContainerUser", False),
    (ON_BASE, "app:", False), (ON_BASE, ":0", False), (ON_BASE, "1:2:3", False), (ON_BASE, "1app", False),
    (ON_BASE, "a b", False),
    (WINDOWS, "ContainerUser", True), (WINDOWS, "ContainerAdministrator", True), (WINDOWS, "NT AUTHORITY\\SYSTEM", True),
    (WINDOWS, "", False), (WINDOWS, "65532", False), (WINDOWS, "65532:65532", False), (WINDOWS, "1001:root", False),
    (WINDOWS, "a\\b\\c", False), (WINDOWS, "a*", False), (WINDOWS, "\\a", False),
]  # fmt: skip


@pytest.mark.parametrize(("where", "user", "accepted"), USERS)
def test_a_user_is_one_of_the_operating_system(
    variants: Variants, where: str, user: str, accepted: bool
) -> None:
    """Names and numbers mix on Linux, only numbers do without /etc/passwd, and Windows knows no numbers."""
    with suppress(ConfigurationError):
        (variant,) = variants(config(f"user: '{user}'") + where)
        assert accepted
        assert variant.config.user == user
        return
    assert not accepted


WRONG = [
    ("", "user: app", ['1:16: scratch has no /etc/passwd that could say who "app" is: write numbers, as in "65532:65532"']),
    (ON_BASE, "user: App", ['1:16: "App" cannot name a Linux user: write numbers under config.linux, as in "65532:65532"']),
    (WINDOWS, "user: '1:1'", ['1:16: "1:1" is a Linux user: write ContainerUser or ContainerAdministrator under config.windows']),
    (WINDOWS, "user: a/b", ['1:16: "a/b" cannot name a Windows user: write ContainerUser']),
    (ON_BASE, "user: '{nam}'", ["1:16: unknown placeholder {nam}: did you mean {name}?"]),
    ("", "ports: [0]", ['1:18: "0" is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be']),
    ("", "ports: [65535, 65536]", ['1:25: "65536" is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be']),
    ("", "ports: [-1, 80/icmp]", ['1:18: "-1" is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be', '1:22: "80/icmp" is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be']),
    ("", "ports: [80, 80/udp, 080/tcp]", ["1:30: port 80/tcp stands here twice: delete one of the two"]),
    ("", "workdir: app", ['1:19: "app" is not an absolute path: start it with a slash']),
    ("", "workdir: '/{out}'", ["1:19: placeholder {out} has no meaning here: {out} is the folder that build commands write to (in build.run, build.env and files.from only)"]),
    (WINDOWS, "workdir: 'D:\\a'", ["1:19: 'D:\\\\a' is on drive D: an image has drive C: only"]),
    (WINDOWS, "volumes: [/a, 'b']", ["1:24: 'b' is relative: write the whole path, as in C:\\app\\program.exe"]),
    ("", "entrypoint: ['', a]", ["1:23: the program's name is empty: write its path in the image"]),
    ("", "entrypoint: ['{nam}', a]", ["1:23: unknown placeholder {nam}: did you mean {name}?"]),
    ("", "entrypoint: [a, '{']", ["1:26: a { stands alone: write {{ for a brace that is meant"]),
    ("", "entrypoint: ['C:\\a.exe']", ['1:23: Linux does not find "C:\\a.exe": write a path with slashes under config.linux']),
    ("", "entrypoint: ['bin\\a']", ['1:23: Linux does not find "bin\\a": write a path with slashes under config.linux']),
    (WINDOWS, "entrypoint: [/a/b.exe]", ['1:23: Windows does not find "/a/b.exe": write C:\\a\\b.exe under config.windows']),
    (WINDOWS, "entrypoint: [/a/nul]", ['1:23: Windows does not find "/a/nul": write it with a drive']),
    ("", "cmd: ['{nam}']", ["1:16: unknown placeholder {nam}: did you mean {name}?"]),
    ("", "labels: {'a b': c}", ['1:19: "a b" cannot name a label: write it like org.opencontainers.image.source']),
    ("", "labels: {'': c, a=b: '{nam}'}", ['1:19: "" cannot name a label: write it like org.opencontainers.image.source', '1:26: "a=b" cannot name a label: write it like org.opencontainers.image.source', "1:31: unknown placeholder {nam}: did you mean {name}?"]),
    ("", "env: {API_TOKEN: abc}", ["1:27: API_TOKEN looks like a secret, and its value is written down here: hand it over at run time, or through build.pass-env"]),
    ("", "env: {A.B: c}", ['1:16: "A.B" cannot name a variable: use letters, digits and underscores']),
    ("", "env: {A: '{nam}'}", ["1:19: unknown placeholder {nam}: did you mean {name}?"]),
    ("", "stop-signal: SIGFOO", ["1:23: 'SIGFOO' is not a signal: write a name such as SIGTERM, or a number from 1 to 64"]),
]  # fmt: skip


@pytest.mark.parametrize(("where", "flow", "sentences"), WRONG)
def test_what_cannot_be_run_is_refused(faults: Faults, where: str, flow: str, sentences: list[str]) -> None:
    """Each where it stands, with what to write."""
    assert faults(config(flow) + where) == placed(*sentences)


def test_a_relative_program_is_looked_for_on_both(variants: Variants) -> None:
    """A bare name is found by PATH, a native path where it says."""
    linux, windows = on_both(variants, "entrypoint: ['{name}{exe}', /a], windows: {cmd: ['/b']}")
    assert (linux.entrypoint, windows.entrypoint, windows.cmd) == (("x", "/a"), ("x.exe", "/a"), ("/b",))


PROJECT_LABELS = [
    ("labels: {a b: c}", ['defaults.yaml:1:10: "a b" cannot name a label: write it like org.opencontainers.image.source']),
    ("labels: {a: '{release}'}", ["defaults.yaml:1:13: placeholder {release} has no meaning here: {release} is the Windows release, such as ltsc2022 (for Windows variants, not in build and fetch)"]),
    ("labels: {a: '{nam}'}", ["defaults.yaml:1:13: unknown placeholder {nam}: did you mean {name}?"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentences"), PROJECT_LABELS)
def test_labels_of_the_project_fit_every_image(
    project_faults: Faults, text: str, sentences: list[str]
) -> None:
    """So they cannot use what only some images have."""
    assert project_faults(f"{text}\n") == sentences


@given(
    st.lists(
        st.tuples(st.integers(1, 65535), st.sampled_from(("", "/tcp", "/udp", "/sctp"))),
        max_size=5,
        unique=True,
    )
)
def test_ports_say_their_protocol(variants: Variants, ports: list[tuple[int, str]]) -> None:
    """TCP where nothing else is said; order is kept."""
    texts = [f"{port}{protocol}" for port, protocol in ports if protocol or (port, "/tcp") not in ports]
    assert variants(config(f"ports: {json.dumps(texts)}"))[0].config.exposed_ports == tuple(
        text if "/" in text else f"{text}/tcp" for text in texts
    )


WORDS = st.sampled_from(("", "/a", "C:\\a", "{exe}", "{", "%PATH%", "..", "80", "SIGINT", "a:b")) | st.text(
    max_size=6
)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("user", "workdir", "stop-signal"), WORDS),
        **dict.fromkeys(("entrypoint", "cmd", "path", "ports", "volumes"), st.lists(WORDS, max_size=2)),
        **dict.fromkeys(("env", "labels"), st.dictionaries(WORDS, WORDS, max_size=2)),
    },
)


@given(shared=KEYS, own=KEYS)
def test_no_config_is_a_traceback(
    variants: Variants, shared: dict[str, object], own: dict[str, object]
) -> None:
    """Whatever is written, there are findings or settings."""
    text = json.dumps(shared | {"windows": own}, ensure_ascii=False)
    with suppress(ConfigurationError):
        assert len(variants(f"config: {text}\n{MIXED}")) == 2
