"""Real components: what the project builds, and a Docker Engine of its own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.components import require

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `build --stand-in-bases --full` makes of this repository's images, built once."""
    if os.environ.get("CI", "").lower() != "true":
        require("go")
    folder = tmp_path_factory.mktemp("dist")
    images = [path.parent.name for path in sorted(ROOT.glob("images/*/src"))]
    argv = [
        "build",
        *images,
        "--project",
        str(ROOT),
        "--dist",
        str(folder),
        "--stand-in-bases",
        "--full",
        "-q",
    ]
    assert main(argv) == 0
    return folder


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of a Docker Engine that was started for these tests, without bridge and iptables."""
    program = require("dockerd")
    if os.geteuid() != 0:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("dockerd needs root", pytrace=False)
        pytest.skip("dockerd needs root")
    folder = tmp_path_factory.mktemp("docker")
    # A socket's path has at most 107 characters; pytest's folders are longer.
    address = Path(f"/tmp/buildtools-{os.getpid()}.sock")
    command = [
        program,
        "--data-root", folder / "data",
        "--exec-root", folder / "exec",
        "--pidfile", folder / "pid",
        "--host", f"unix://{address}",
        "--bridge=none",
        "--iptables=false",
        "--storage-driver=vfs",
    ]  # fmt: skip
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            _wait_for(address, process, log)
            yield f"unix://{address}"
        finally:
            process.terminate()
            process.wait(30)
            address.unlink(missing_ok=True)


def _wait_for(address: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(address))
            except OSError:
                time.sleep(0.1)
                continue
            return
    pytest.fail("dockerd did not start:\n" + log.read_text(errors="replace")[-3000:], pytrace=False)
