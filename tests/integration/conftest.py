"""Real components: what the project builds, a registry, a Docker Engine and containerd of the tests' own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from buildtools.oci.digest import digest_of
from buildtools.settings import Settings
from buildtools.stores.base import Writable
from buildtools.stores.layout import Layout
from buildtools.stores.memory import MemoryStore
from buildtools.stores.registry import Registry
from buildtools.throwaway.server import ThrowAway
from tests.fakes.bases import BUILDS, put_base, put_base_index, windows
from tests.fakes.components import missing, require
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.git import git
from tests.fakes.project import make_project
from tests.fakes.registry import FakeRegistry

ROOT = Path(__file__).parents[2]
_COPIES = "stores/copies"
_START_SECONDS = 60
_STOP_SECONDS = 30
_CONTAINERD = """\
version = 2
root = '{folder}/root'
state = '{folder}/state'
disabled_plugins = ['io.containerd.grpc.v1.cri']
[grpc]
  address = '{folder}/containerd.sock'
"""


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `build --stand-in-bases --full` makes of the images that need no network, built once."""
    require("go")
    folder = tmp_path_factory.mktemp("dist")
    images = [path.parent.name for path in sorted(ROOT.glob("images/*/src"))]
    command = [sys.executable, "-m", "buildtools", "build", *images, "--stand-in-bases", "--full"]
    done = subprocess.run(
        [*command, "--dist", folder],
        cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"build ended with {done.returncode}:\n{done.stderr}", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """An empty docker-registry, one for all tests: each writes to repositories of its own."""
    with DockerRegistry(require("docker-registry"), tmp_path_factory.mktemp("docker-registry")) as server:
        yield server


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[DockerRegistry]:
    """A registry with one nanoserver index for each release and the vendor's tags: 1809 is ltsc2019's."""
    with DockerRegistry(require("docker-registry"), tmp_path / "vendor") as registry:
        for tag, version in BUILDS.items():
            entry = put_base(registry, "mcr/windows/nanoserver", windows(version))
            put_base_index(registry, "mcr/windows/nanoserver", tag, [entry])
        yield registry


@pytest.fixture
def mirrors(vendor: DockerRegistry) -> dict[str, str]:
    """The environment in which the vendor's registry stands for Microsoft's."""
    return {"BUILDTOOLS_MIRRORS": f"mcr.microsoft.com={vendor.host}/mcr"}


@pytest.fixture
def project(mirrors: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that reads the vendor's registry through a mirror."""
    root = make_project(tmp_path / "project")
    monkeypatch.chdir(root)
    for name, value in {"SOURCE_DATE_EPOCH": "1767225600", **mirrors}.items():
        monkeypatch.setenv(name, value)
    return root


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose images need no registry."""
    root = make_project(tmp_path / "small")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    return root


@pytest.fixture
def committed(small: Path) -> Path:
    """The same, committed on `main`."""
    git(small, "init", "-q", "-b", "main")
    (small / ".gitignore").write_text("dist/\n")
    git(small, "add", ".")
    git(small, "commit", "-q", "-m", "all")
    return small


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[str]:
    """The address of a Docker Engine that was started for these tests, without bridge and iptables."""
    program = require("dockerd")
    with _folder() as folder:
        path = folder / "docker.sock"
        command = [
            program,
            f"--data-root={folder}/data",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/pid",
            f"--host=unix://{path}",
            "--bridge=none",
            "--iptables=false",
            "--storage-driver=vfs",
        ]
        with _daemon(command, folder=folder, ready=lambda: _listens(path)):
            yield f"unix://{path}"


@pytest.fixture(scope="session")
def containerd() -> Iterator[list[str]]:
    """The beginning of a `ctr` command that talks to a containerd that was started for these tests."""
    program, client = require("containerd"), require("ctr")
    with _folder() as folder:
        config = folder / "config.toml"
        config.write_text(_CONTAINERD.format(folder=folder))
        command = [program, "--config", str(config)]
        ctr = [client, "--address", f"{folder}/containerd.sock", "--namespace", "buildtools-tests"]
        with _daemon(command, folder=folder, ready=lambda: _succeeds(*ctr, "version")):
            yield ctr


@pytest.fixture(params=["memory", "layout", "fake", "throw-away", "docker-registry"])
def writable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Writable]:
    """An empty store that can be written from elsewhere."""
    if request.param == "fake":
        with FakeRegistry() as server:
            yield Registry(server.host, _COPIES, settings=Settings())
    elif request.param == "throw-away":
        with ThrowAway(tmp_path) as throw_away:
            yield Registry(throw_away.host, _COPIES, settings=Settings())
    elif request.param == "docker-registry":
        host = request.getfixturevalue("registry").host
        name = f"stores/{digest_of(request.node.name.encode())[-12:]}"
        yield Registry(host, name, settings=Settings())
    elif request.param == "memory":
        yield MemoryStore()
    else:
        layout = Layout(tmp_path / "layout")
        yield layout
        layout.close()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder with a short name: the path of a socket has at most 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="buildtools-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _daemon(command: list[str], *, folder: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """A daemon that needs root, in a mount namespace of its own.

    Both daemons leave mounts behind when they end (network namespaces, snapshots); these go with the
    namespace, so that the folder can always be removed.
    """
    name = Path(command[0]).name
    if os.geteuid() != 0:
        missing(f"{name} needs root")
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [require("unshare"), "--mount", *command],
            stdout=output, stderr=output, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            if not _wait(process, ready):
                missing(f"{name} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", ready: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return True
        time.sleep(0.1)
    return False


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path
