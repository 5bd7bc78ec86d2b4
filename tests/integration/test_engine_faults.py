# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What goes wrong on the way through a Docker Engine: each has a sentence, and nothing is left half written."""

import gc
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from buildtools.cli import main
from buildtools.dockerd import EngineInfo, find_engine
from buildtools.stores.layout import Layout
from buildtools.windows.releases import OsVersion
from tests.fakes.building_engine import BuildingEngine, config_of, hexed, oci_form, old_form, tar_of, windows
from tests.fakes.components import missing, require
from tests.fakes.interrupted import interrupt_build
from tests.integration.test_engine import write

IMAGE = "name: app\nplatforms: [linux/amd64]\nengine: dockerfile\ndocker: {network: host}\n"
WINDOWS = "name: app\nplatforms: ['windows/amd64:ltsc2022']\nengine: dockerfile\n"
INDEX = "sha256:70186a6e64a219a6d146b6a62d804d0277a6beffca23fc320ee3ce69bdf22121"
LAYERS = (tar_of({"a": b"one" * 5000}), tar_of({"b": b"two"}))
CONFIG = config_of(*LAYERS)
OTHER = CONFIG.replace(b'["x"]', b'["y"]')


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one Dockerfile; the folder of the image."""
    root = tmp_path / "project"
    folder = write(root, "app", IMAGE, 'FROM scratch\nCOPY busybox /\nRUN ["/busybox"]\n')
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    return folder


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[BuildingEngine]:
    """An engine of recorded answers whose builds succeed."""
    folder = Path(tempfile.mkdtemp(prefix="buildtools-"))
    with BuildingEngine(socket=folder / "s") as fake:
        fake.builds(CONFIG, oci_form(CONFIG, *LAYERS))
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        yield fake
    shutil.rmtree(folder)


@pytest.fixture
def collected() -> Iterator[None]:
    """What the test leaves to the garbage collector goes while its warnings are ignored."""
    yield
    gc.collect()


def left(root: Path) -> list[str]:
    """Temporary files of the layout."""
    work = root / "dist/oci/app/.buildtools"
    return (
        sorted(path.name for path in work.iterdir() if path.suffix != ".session" and path.name != "lock")
        if work.exists()
        else []
    )


@pytest.mark.parametrize("form", ["old", "oci", "gzip"])
def test_every_form_gives_the_same_image(
    app: Path, engine: BuildingEngine, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Layers that are equal come once; a compressed one is kept as it is."""
    layers = (*LAYERS, LAYERS[0])
    config = config_of(*layers)
    engine.builds(
        config, old_form(config, *layers) if form == "old" else oci_form(config, *layers, gzip=form == "gzip")
    )
    assert main(["build", "-q", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["images"][0]["digest"] == INDEX
    removed = [path for method, path, _ in engine.asked if method == "DELETE"]
    assert removed == [f"/v1.45/images/sha256:{hexed(config)}"]


def test_an_error_in_the_stream(
    app: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stream began with status 200; its last lines are shown."""
    engine.lines = [
        {"stream": "Step 1/2 : FROM scratch\n"},
        {"stream": "Step 2/2 : RUN x\n"},
        {"errorDetail": {"code": 1, "message": "The command 'x' returned a non-zero code: 1"}, "error": "y"},
    ]
    assert main(["build", "-q"]) == 1
    assert capsys.readouterr().err == (
        "error: app linux/amd64: The command 'x' returned a non-zero code: 1\n"
        "    Step 1/2 : FROM scratch\n"
        "    Step 2/2 : RUN x\n"
    )


def test_silence(
    app: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who says nothing for too long is given up, and told apart from a build that takes long."""
    monkeypatch.setenv("BUILDTOOLS_ENGINE_SILENCE", "1")
    engine.lines, engine.hang = engine.lines[:1], True
    assert main(["build", "-q"]) == 1
    assert capsys.readouterr().err == (
        "error: app linux/amd64: the Docker Engine said nothing for 1 seconds while building\n"
        "    Step 1/1 : FROM scratch: let long steps print something, or raise BUILDTOOLS_ENGINE_SILENCE\n"
    )


@pytest.mark.parametrize("cut", [0, 700, 3000, 30_000])
def test_a_stream_that_is_cut_off(
    app: Path, engine: BuildingEngine, cut: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the middle of a header, of a layer, or between two files: no image, and nothing half written."""
    engine.cut = cut
    assert main(["build", "-q"]) == 1
    assert capsys.readouterr().err.startswith("error: app linux/amd64: saving failed: ")
    assert left(app.parents[1]) == []
    assert not (app.parents[1] / "dist/records").exists()


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (oci_form(CONFIG, *LAYERS)[:1024], "what the engine saves is cut off or damaged: the archive ends in the middle of an entry"),
        (oci_form(CONFIG, LAYERS[0]), "the layers that the engine saves are not those that the image's config names"),
        (tar_of({"x": b"y"}), "what the engine saves lacks 'manifest.json'"),
        (tar_of({"manifest.json": b"[]"}), "the engine's manifest.json cannot be read: not enough values to unpack (expected 1, got 0)"),
        (oci_form(CONFIG, *LAYERS).replace(b"two", b"owt"), f"blobs/sha256/{hexed(LAYERS[1])} that the engine saves has digest sha256:{hexed(LAYERS[1].replace(b'two', b'owt'))}"),
        (oci_form(CONFIG, *LAYERS).replace(CONFIG, OTHER), f"blobs/sha256/{hexed(CONFIG)} that the engine saves has digest sha256:{hexed(OTHER)}"),
    ],
    ids=("truncated", "another layer", "no manifest", "empty manifest", "damaged layer", "damaged config"),
)  # fmt: skip
def test_an_image_that_is_not_what_it_says(
    app: Path, engine: BuildingEngine, image: bytes, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Digests and the config have the last word."""
    engine.image = image
    assert main(["build", "-q"]) == 1
    hint = "build again; the engine may have been stopped meanwhile, or its disk be full"
    assert capsys.readouterr().err == f"error: app linux/amd64: {sentence}: {hint}\n"
    assert left(app.parents[1]) == []


def test_the_engine_ends_in_the_middle(
    app: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id without the last line is that of an earlier stage."""
    del engine.lines[2:]
    assert main(["build", "-q"]) == 1
    assert capsys.readouterr().err == (
        "error: app linux/amd64: the Docker Engine ended in the middle of the build\n"
        "    Step 1/1 : FROM scratch: see the engine's own log; build again once it runs\n"
    )


# docker-py leaves the socket open that it could not connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.usefixtures("collected")
def test_no_engine(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it was looked for, who said so, and the ways out."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert main(["build", "-q"]) == 7
    assert capsys.readouterr().err == (
        f"error: no Docker Engine answers at unix://{tmp_path}/none.sock (DOCKER_HOST): there is nothing of this name: "
        "start a Docker Engine, name one in DOCKER_HOST or with `docker context use`, or describe the image with "
        "`files`, which needs none\n"
    )
    monkeypatch.delenv("DOCKER_HOST")
    config = tmp_path / "config"
    meta = config / "contexts/meta" / hexed(b"there")
    meta.mkdir(parents=True)
    (config / "config.json").write_text('{"currentContext": "there"}')
    endpoint = {"docker": {"Host": f"unix://{tmp_path}/other.sock", "SkipTLSVerify": False}}
    (meta / "meta.json").write_text(json.dumps({"Name": "there", "Metadata": {}, "Endpoints": endpoint}))
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    assert find_engine() == (
        f"no Docker Engine answers at unix://{tmp_path}/other.sock (context there): there is nothing of this name"
    )


def test_what_an_engine_says_of_itself(engine: BuildingEngine) -> None:
    """The patch level of a Windows host stands only in its system's name."""
    engine.info = windows(26100, 33296)
    assert find_engine() == EngineInfo(
        address=engine.address, origin="DOCKER_HOST", os="windows", architecture="amd64", version="29.1.5",
        name="m", host=OsVersion(10, 0, 26100, 33296), isolation="process",
    )  # fmt: skip
    assert str(find_engine()) == (
        f"Docker Engine 29.1.5 for windows/amd64, 10.0.26100.33296 at {engine.address} (DOCKER_HOST)"
    )
    engine.info = {"OSType": "plan9", "Architecture": "", "ServerVersion": "1"}
    assert str(find_engine()).startswith(f"the Docker Engine at {engine.address} is of an unknown platform: ")


def test_the_wrong_mode(app: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]) -> None:
    """A Linux target on a Windows engine, and the reverse."""
    engine.info = windows(20348, 1)
    assert main(["build", "-q"]) == 7
    shown = f"Docker Engine 29.1.5 for windows/amd64, 10.0.20348.1 at {engine.address} (DOCKER_HOST)"
    assert capsys.readouterr().err == (
        f"error: app linux/amd64 needs a Docker Engine for linux, and the {shown} is for windows: switch Docker "
        "Desktop to Linux containers, or name a Linux engine in DOCKER_HOST, such as one in WSL\n"
    )
    assert [path for method, path, _ in engine.asked if method == "POST"] == []


def test_a_full_disk(
    app: Path, engine: BuildingEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real one of 64 kB: named, nothing half written, and whole once there is room."""
    if os.geteuid() != 0:
        missing("mounting a small disk needs root")
    layers = (tar_of({"random": os.urandom(200_000)}),)
    config = config_of(*layers)
    engine.builds(config, old_form(config, *layers))
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run([require("mount"), "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=True)
    try:
        assert main(["build", "-q", "--dist", str(disk)]) == 1
        told = capsys.readouterr().err
        assert told.startswith(f"error: {disk}/oci/app/")
        assert told.endswith(
            "cannot be written: the disk is full: free some space and run the command again\n"
        )
        assert sorted((disk / "oci/app/blobs/sha256").iterdir()) == []
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        assert main(["build", "-q", "--dist", str(disk)]) == 0
        assert Layout(disk / "oci/app").missing() == ()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def start_engine(folder: Path) -> "subprocess.Popen[bytes]":
    """A Docker Engine that the test may kill, answering."""
    command = [
        require("dockerd"), f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid",
        f"--host=unix://{folder}/s", "--bridge=none", "--iptables=false", "--storage-driver=vfs",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [require("unshare"), "--mount", "--kill-child", *command], stdout=log, stderr=log
        )
    client = docker.DockerClient(base_url=f"unix://{folder}/s", version="1.41")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.ping()
        except Exception:  # noqa: BLE001 - it is not there yet
            time.sleep(0.1)
        else:
            break
    client.close()
    return process


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.usefixtures("collected")
def test_an_engine_that_dies(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed in the middle of a RUN: said, with the last lines, and nothing of the image is there."""
    if os.geteuid() != 0:
        missing("dockerd needs root")
    (app / "Dockerfile").write_text('FROM scratch\nCOPY busybox /busybox\nRUN ["/busybox", "sleep", "300"]\n')
    folder = Path(tempfile.mkdtemp(prefix="buildtools-"))
    process = start_engine(folder)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/s")
    try:

        def kill() -> None:
            client = docker.DockerClient(base_url=f"unix://{folder}/s", version="1.41")
            while not client.containers.list():
                time.sleep(0.05)
            client.close()
            os.kill(int((folder / "pid").read_text()), signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        assert main(["build", "-q"]) == 1
        killer.join()
        told = capsys.readouterr().err
        assert told.startswith("error: app linux/amd64: building failed: ") or "ended in the middle" in told
        assert 'Step 3/3 : RUN ["/busybox", "sleep", "300"]' in told
        assert told.endswith("see the engine's own log; build again once it runs\n")
        assert not (app.parents[1] / "dist/records").exists()
    finally:
        process.kill()
        process.wait()
        for path in folder.glob("**/containerd.pid"):
            try:
                os.kill(int(path.read_text()), signal.SIGTERM)
            except ProcessLookupError:
                continue
        time.sleep(0.5)
        shutil.rmtree(folder, ignore_errors=True)


def test_an_interrupted_build(app: Path, docker_engine: str) -> None:
    """Ctrl-C ends the build on the engine, too: no container is left, and no image of ours."""
    (app / "Dockerfile").write_text('FROM scratch\nCOPY busybox /busybox\nRUN ["/busybox", "sleep", "301"]\n')
    interrupt_build(docker_engine, ["build", "-q"], SOURCE_DATE_EPOCH="1767225600")
    assert not Path("dist/records").exists()


def test_a_dockerfile_that_the_engine_refuses(
    app: Path, docker_engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any step, with its line."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    (app / "Dockerfile").write_text("FROM scratch\nRUNN x\n")
    assert main(["build", "-q"]) == 1
    assert capsys.readouterr().err == (
        "error: app linux/amd64: building failed: dockerfile parse error line 2: unknown instruction: RUNN: mend the "
        "Dockerfile or the definition\n"
    )


def test_secrets_are_kept_out_of_arguments_and_told_of_in_the_context(
    app: Path, engine: BuildingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """An argument is refused and never shown; a file is warned of, by `check` and by `build`."""
    (app / "image.yaml").write_text(f"{IMAGE}args: {{NPM_TOKEN: hunter2}}\n")
    assert main(["build", "-q"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(
        "images/app/image.yaml:5:19: error: NPM_TOKEN looks like a secret, and its value is written down"
    )
    assert "hunter2" not in told
    (app / "image.yaml").write_text(IMAGE)
    (app / ".env").write_text("x")
    assert main(["check", "-q"]) == 0
    assert capsys.readouterr().err == (
        "images/app/Dockerfile: warning: the context has files that often hold secrets: .env: name them in .dockerignore, "
        "unless they are meant for everybody who has the image\n"
    )
    assert main(["build"]) == 0
    assert "app linux/amd64: the context has files that often hold secrets: .env\n" in capsys.readouterr().err
