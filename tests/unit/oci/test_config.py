"""Image configs: what is read, and how one grows out of its base's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.config import (
    ConfigSettings,
    HistoryEntry,
    ImageConfig,
    append_layers,
    build_config,
    merge_env,
)
from buildtools.oci.descriptor import DOCKER_CONFIG, OCI_CONFIG, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.jsonbytes import DocumentError, canonical_json
from buildtools.oci.platform import Platform

BASE_LAYER, OUR_LAYER = digest_of(b"base"), digest_of(b"ours")
TIME = "2026-11-24T00:00:00Z"
WINDOWS = Platform(os="windows", architecture="amd64")
LINUX = Platform(os="linux", architecture="amd64")
NANOSERVER: dict[str, Any] = {
    "architecture": "amd64",
    "os": "windows",
    "os.version": "10.0.20348.2700",
    "os.features": ["win32k"],
    "created": "2024-09-05T01:02:03.4567Z",
    "config": {
        "User": "ContainerUser",
        "Cmd": ["c:\\windows\\system32\\cmd.exe"],
        "ArgsEscaped": True,
        "Env": ["Path=C:\\Windows", "TEMP=C:\\Temp"],
        "Healthcheck": {"Test": ["NONE"]},
        "OnBuild": None,
    },
    "rootfs": {"type": "layers", "diff_ids": [BASE_LAYER]},
    "history": [
        {"created": "2024-09-05T01:02:03.4567Z", "created_by": "Apply image 10.0.20348.2700", "x": 1}
    ],
    "docker_version": "20.10",
}


def config_of(document: dict[str, Any]) -> ImageConfig:
    """The config with these words."""
    return ImageConfig.parse(json.dumps(document).encode())


def changed(path: str, value: object) -> dict[str, Any]:
    """The base with one key replaced."""
    document: dict[str, Any] = json.loads(json.dumps(NANOSERVER))
    *above, last = path.split("/")
    place = document
    for key in above:
        place = place[key]
    place[last] = value
    return document


def built(
    settings: ConfigSettings | None = None,
    base: dict[str, Any] | None = NANOSERVER,
    platform: Platform = WINDOWS,
) -> dict[str, Any]:
    """The document of an image with one layer of ours."""
    config = build_config(
        None if base is None else config_of(base),
        platform=platform,
        settings=settings or ConfigSettings(),
        diff_ids=(OUR_LAYER,),
        history=("buildtools layer app",),
        created=TIME,
    )
    assert config.raw == canonical_json(json.loads(config.raw))
    document: dict[str, Any] = json.loads(config.raw)
    return document


def test_every_field_is_read() -> None:
    """And the bytes stay as they are."""
    document = NANOSERVER | {
        "config": NANOSERVER["config"]
        | {
            "Entrypoint": ["C:\\app\\a.exe"],
            "WorkingDir": "C:\\app",
            "Labels": {"a": "b"},
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "Volumes": {"C:\\data": {}},
            "StopSignal": "SIGTERM",
        },
        "history": [*NANOSERVER["history"], {"empty_layer": True, "author": "me", "comment": "why"}],
    }
    raw = json.dumps(document, indent=2).encode()
    config = ImageConfig.parse(raw, DOCKER_CONFIG)
    assert (config.raw, config.descriptor) == (raw, Descriptor.of(raw, DOCKER_CONFIG))
    assert config.platform == Platform(
        os="windows", architecture="amd64", os_version="10.0.20348.2700", os_features=("win32k",)
    )
    assert (config.created, config.diff_ids) == ("2024-09-05T01:02:03.4567Z", (BASE_LAYER,))
    assert config.history[1] == HistoryEntry(author="me", comment="why", empty_layer=True)
    assert config.layer_history == config.history[:1]
    assert (config.entrypoint, config.cmd) == (("C:\\app\\a.exe",), ("c:\\windows\\system32\\cmd.exe",))
    assert config.env == ("Path=C:\\Windows", "TEMP=C:\\Temp")
    assert (config.user, config.working_dir) == ("ContainerUser", "C:\\app")
    assert (config.labels, config.stop_signal) == ({"a": "b"}, "SIGTERM")
    assert (config.exposed_ports, config.volumes) == (("80/tcp", "53/udp"), ("C:\\data",))
    assert config.args_escaped


def test_a_config_of_nearly_nothing_is_read() -> None:
    """Artifacts have `{}`, and Go writes null for what is empty."""
    config = config_of({"config": None, "rootfs": None, "history": None})
    assert config.platform == Platform(os="", architecture="")
    assert (config.diff_ids, config.history, config.env, config.labels) == ((), (), (), {})
    assert not config.args_escaped


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "the image config must be a JSON object, it is a list"),
        (changed("os", 1), "os must be a string, it is 1"),
        (changed("os.version", 10), "os.version must be a string, it is 10"),
        (changed("os.features", "win32k"), "os.features must be a list, it is 'win32k'"),
        (changed("created", False), "created must be a string, it is false"),
        (changed("config", []), "config must be an object, it is a list"),
        (changed("config/Env", {"A": "1"}), "config.Env must be a list, it is an object"),
        (changed("config/Env", ["A=1", 2]), "config.Env[1] must be a string, it is 2"),
        (changed("config/Env", ["A=1"] * 10_001), "config.Env has 10001 items, at most 10000 are read"),
        (changed("config/Cmd", "cmd"), "config.Cmd must be a list, it is 'cmd'"),
        (changed("config/Entrypoint", [None]), "config.Entrypoint[0] must be a string, it is missing"),
        (changed("config/User", 0), "config.User must be a string, it is 0"),
        (changed("config/WorkingDir", []), "config.WorkingDir must be a string, it is a list"),
        (changed("config/Labels", {"a": 1}), "config.Labels['a'] must be a string, it is 1"),
        (changed("config/ExposedPorts", ["80"]), "config.ExposedPorts must be an object, it is a list"),
        (
            changed("config/Volumes", {str(place): {} for place in range(10_001)}),
            "config.Volumes has 10001 keys, at most 10000 are read",
        ),
        (changed("config/StopSignal", 15), "config.StopSignal must be a string, it is 15"),
        (changed("config/ArgsEscaped", 1), "config.ArgsEscaped must be true or false, it is 1"),
        (changed("rootfs/type", "tree"), "rootfs.type must be layers, it is 'tree'"),
        (
            changed("rootfs/diff_ids", ["x"]),
            "rootfs.diff_ids[0]: 'x' is not a digest: write sha256: and 64 hexadecimal digits",
        ),
        (
            changed("rootfs/diff_ids", [BASE_LAYER] * 1001),
            "rootfs.diff_ids has 1001 items, at most 1000 are read",
        ),
        (changed("history", [{}] * 10_001), "history has 10001 items, at most 10000 are read"),
        (changed("history", [[]]), "history[0] must be an object, it is a list"),
        (
            changed("history", [{"empty_layer": "no"}]),
            "history[0].empty_layer must be true or false, it is 'no'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_field_is_checked(document: Any, sentence: str) -> None:
    """The sentence names the path."""
    with pytest.raises(DocumentError) as caught:
        config_of(document)
    assert str(caught.value) == sentence


def test_a_million_entries_end_in_a_sentence() -> None:
    """The bytes are counted before the entries."""
    raw = b'{"config":{"Env":[' + b'"A",' * 1_000_000 + b'"A"]}}'
    with pytest.raises(DocumentError) as caught:
        ImageConfig.parse(raw)
    assert str(caught.value) == "config.Env has 1000001 items, at most 10000 are read"
    with pytest.raises(DocumentError) as caught:
        ImageConfig.parse(raw + b" " * 4_000_000)
    assert str(caught.value) == "the image config has 8000024 bytes, at most 4194304 are read"


def test_all_of_the_base_is_taken_over() -> None:
    """Unknown keys too; only the layer, its history and the time are new."""
    expected = changed("created", TIME)
    expected["rootfs"]["diff_ids"].append(OUR_LAYER)
    expected["history"].append({"created": TIME, "created_by": "buildtools layer app"})
    del expected["config"]["OnBuild"]
    assert built() == expected


def test_settings_replace_what_they_name() -> None:
    """Lists and words are replaced, maps are merged."""
    base = changed("config/Labels", {"kept": "1", "changed": "1"})
    base["config"] |= {"ExposedPorts": {"80/tcp": {}}, "Volumes": {"C:\\a": {}}, "Entrypoint": ["old"]}
    document = built(
        ConfigSettings(
            entrypoint=("C:\\app\\a.exe",),
            cmd=("--help",),
            user="ContainerAdministrator",
            working_dir="C:\\app",
            exposed_ports=("8080", "53/udp", "80"),
            volumes=("C:\\b",),
            labels={"changed": "2", "new": "3"},
            stop_signal="SIGTERM",
        ),
        base,
    )
    assert document["config"] == {
        "Cmd": ["--help"],
        "Entrypoint": ["C:\\app\\a.exe"],
        "Env": ["Path=C:\\Windows", "TEMP=C:\\Temp"],
        "ExposedPorts": {"53/udp": {}, "80/tcp": {}, "8080/tcp": {}},
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {"changed": "2", "kept": "1", "new": "3"},
        "StopSignal": "SIGTERM",
        "User": "ContainerAdministrator",
        "Volumes": {"C:\\a": {}, "C:\\b": {}},
        "WorkingDir": "C:\\app",
    }


@pytest.mark.parametrize(
    ("settings", "entrypoint", "cmd", "escaped"),
    [
        (ConfigSettings(), ["a"], ["b"], True),
        (ConfigSettings(entrypoint=("c",)), ["c"], None, None),
        (ConfigSettings(entrypoint=("c",), cmd=("d",)), ["c"], ["d"], None),
        (ConfigSettings(cmd=("d",)), ["a"], ["d"], None),
        (ConfigSettings(entrypoint=()), None, None, None),
        (ConfigSettings(cmd=()), ["a"], None, None),
    ],
)
def test_another_program_takes_the_bases_arguments_away(
    settings: ConfigSettings, entrypoint: object, cmd: object, escaped: object
) -> None:
    """As docker build does; ArgsEscaped is true of the base's command line only."""
    base = changed("config", {"Entrypoint": ["a"], "Cmd": ["b"], "ArgsEscaped": True})
    run = built(settings, base).get("config", {})
    assert (run.get("Entrypoint"), run.get("Cmd"), run.get("ArgsEscaped")) == (entrypoint, cmd, escaped)


def test_on_windows_names_of_variables_have_no_case() -> None:
    """PATH replaces Path where it stands."""
    settings = ConfigSettings(env={"PATH": "C:\\app", "NEW": "1"})
    assert built(settings)["config"]["Env"] == ["PATH=C:\\app", "TEMP=C:\\Temp", "NEW=1"]


def test_on_linux_names_of_variables_have_case() -> None:
    """Path and PATH are two."""
    base = changed("os", "linux")
    settings = ConfigSettings(env={"PATH": "/app"})
    found = built(settings, base, LINUX)["config"]["Env"]
    assert found == ["Path=C:\\Windows", "TEMP=C:\\Temp", "PATH=/app"]


@pytest.mark.parametrize(
    ("base", "env", "merged"),
    [
        ((), {}, []),
        (("A=1", "B=2", "A=3"), {}, ["A=3", "B=2"]),
        (("A=1", "B=2", "A=3"), {"A": "4"}, ["A=4", "B=2"]),
        (("A", "B=x=y"), {"A": "=", "B": ""}, ["A==", "B="]),
        (("=C:=C:\\app", ""), {"C": "1"}, ["=C:=C:\\app", "", "C=1"]),
    ],
)
def test_variables_are_merged_by_name(base: tuple[str, ...], env: dict[str, str], merged: list[str]) -> None:
    """In the base's order, new ones at the end; of two the later counts."""
    assert merge_env(base, env, ignore_case=False) == merged


NAMES = st.text(alphabet="abAB", min_size=1, max_size=3)


@given(
    base=st.lists(st.tuples(NAMES, st.text(max_size=3)).map("=".join), max_size=5),
    env=st.dictionaries(NAMES, st.text(alphabet="x=", max_size=3), max_size=4),
    ignore_case=st.booleans(),
)
def test_a_process_sees_what_was_set(base: list[str], env: dict[str, str], ignore_case: bool) -> None:
    """Every variable that was set has its value, every other one the base's."""

    def fold(name: str) -> str:
        return name.upper() if ignore_case else name

    seen = dict(entry.split("=", 1) for entry in merge_env(base, env, ignore_case=ignore_case))
    wanted = {fold(name): value for name, value in (entry.split("=", 1) for entry in base)}
    wanted |= {fold(name): value for name, value in env.items()}
    assert {fold(name): value for name, value in seen.items()} == wanted
    assert len({fold(name) for name in seen}) == len(seen)


@pytest.mark.parametrize("name", ["", "A=B", "A\0"])
def test_a_name_that_cannot_be_set_is_refused(name: str) -> None:
    """No shell and no runtime takes it."""
    with pytest.raises(DocumentError) as caught:
        merge_env((), {name: "1"}, ignore_case=True)
    assert str(caught.value) == f"environment variable {name!r} has a name or value that cannot be set"


def test_from_scratch_there_is_what_was_asked_for() -> None:
    """And nothing empty."""
    settings = ConfigSettings(entrypoint=("/app",), env={"A": "1"}, user="65532:65532")
    assert built(
        settings, None, Platform(os="linux", architecture="arm64", variant="v8", extra={"x": 1})
    ) == {
        "architecture": "arm64",
        "os": "linux",
        "variant": "v8",
        "created": TIME,
        "config": {"Entrypoint": ["/app"], "Env": ["A=1"], "User": "65532:65532"},
        "rootfs": {"type": "layers", "diff_ids": [OUR_LAYER]},
        "history": [{"created": TIME, "created_by": "buildtools layer app"}],
    }


@pytest.mark.parametrize(
    ("base", "platform", "sentence"),
    [
        (
            NANOSERVER,
            LINUX,
            "the base is an image for windows/amd64:10.0.20348.2700, the definition asks for linux/amd64",
        ),
        (
            changed("os", "linux"),
            WINDOWS,
            "the base is an image for linux/amd64:10.0.20348.2700, the definition asks for windows/amd64",
        ),
        (
            NANOSERVER,
            Platform(os="windows", architecture="arm64"),
            "the base is an image for windows/amd64:10.0.20348.2700, the definition asks for windows/arm64",
        ),
        (
            {"os": "linux", "architecture": "arm", "variant": "v7"},
            Platform(os="linux", architecture="arm", variant="v6"),
            "the base is an image for linux/arm/v7, the definition asks for linux/arm/v6",
        ),
        (
            NANOSERVER,
            Platform(os="windows", architecture="amd64", os_version="10.0.26100"),
            "the base has os.version 10.0.20348.2700, the definition asks for 10.0.26100",
        ),
        (
            changed("os.version", None),
            Platform(os="windows", architecture="amd64", os_version="10.0.26100.1"),
            "the base has os.version none, the definition asks for 10.0.26100.1",
        ),
    ],
)
def test_a_base_for_another_platform_is_refused(
    base: dict[str, Any], platform: Platform, sentence: str
) -> None:
    """Nothing is relabelled."""
    with pytest.raises(DocumentError) as caught:
        built(base=base, platform=platform)
    assert str(caught.value) == sentence


def test_the_revision_is_the_bases() -> None:
    """Whoever asks for a build gets the base's patch level and features."""
    document = built(platform=Platform(os="windows", architecture="x86_64", os_version="10.0.20348"))
    assert (document["os.version"], document["os.features"]) == ("10.0.20348.2700", ["win32k"])
    assert document["architecture"] == "amd64"


@pytest.mark.parametrize(
    "created", ["", "2026-11-24", "2026-11-24T00:00:00", "2026-11-24T00:00:00Z\n", "now"]
)
def test_a_time_that_go_cannot_read_is_refused(created: str) -> None:
    """Docker refuses a whole config for it."""
    with pytest.raises(DocumentError) as caught:
        build_config(
            None, platform=LINUX, settings=ConfigSettings(), diff_ids=(), history=(), created=created
        )
    assert str(caught.value) == f"{created!r} is not a time: write it as 2026-11-24T00:00:00Z"


def test_history_has_an_entry_for_each_layer() -> None:
    """What the base's history leaves out is filled up."""
    base = config_of({"rootfs": {"diff_ids": [BASE_LAYER] * 2}, "history": [{"empty_layer": True}]})
    config = append_layers(base, diff_ids=(OUR_LAYER,), history=(HistoryEntry(created_by="ours"),))
    assert len(config.layer_history) == len(config.diff_ids) == 3
    assert [entry.created_by for entry in config.history] == [
        "",
        "layer of the base image",
        "layer of the base image",
        "ours",
    ]
    assert config.descriptor.media_type == OCI_CONFIG
    assert base.diff_ids == (BASE_LAYER, BASE_LAYER)


def test_history_that_does_not_fit_is_refused() -> None:
    """Too many entries in the base, or other than layers that are added."""
    base = config_of({"rootfs": {"diff_ids": []}, "history": [{"created_by": "x"}]})
    with pytest.raises(DocumentError) as caught:
        append_layers(base, diff_ids=(), history=())
    assert str(caught.value) == "the base's history tells of 1 layers, its rootfs has 0"
    with pytest.raises(DocumentError) as caught:
        append_layers(base, diff_ids=(OUR_LAYER,), history=())
    assert str(caught.value) == ("1 layers are added with 0 entries of history: one each is needed")


@given(st.permutations(["A", "B", "C", "D"]))
def test_the_order_of_settings_does_not_show(names: list[str]) -> None:
    """The same labels, ports and volumes are the same bytes."""
    settings = ConfigSettings(
        labels=dict.fromkeys(names, "x"), exposed_ports=tuple(names), volumes=tuple(names)
    )
    ordered = ConfigSettings(
        labels=dict.fromkeys(sorted(names), "x"),
        exposed_ports=tuple(sorted(names)),
        volumes=tuple(sorted(names)),
    )
    assert built(settings) == built(ordered)
