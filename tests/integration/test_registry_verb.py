"""The verb `registry`: a registry for trying things out, until somebody ends it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.oci.reference import parse_reference
from buildtools.settings import Settings
from buildtools.stores.copy import copy
from buildtools.stores.memory import MemoryStore
from buildtools.stores.registry import Registries
from tests.fakes.images import image, index

IMAGE = image(layers=(b"a layer",))
INDEX = index(IMAGE)


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The verb in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "buildtools", "registry", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def push(host: str) -> None:
    """Push an image and read it back."""
    source = MemoryStore()
    source.blobs |= {
        IMAGE.manifest.config.digest: IMAGE.blobs[0],
        IMAGE.manifest.layers[0].digest: IMAGE.blobs[1],
    }
    for document in (IMAGE.manifest, INDEX):
        source.put_manifest(document.raw, document.media_type)
    registries = Registries(Settings())
    try:
        registry = registries.open(parse_reference(f"{host}/acme/app"))
        copy(source, registry, INDEX.descriptor, tag="1")
        assert registry.resolve("1").digest == INDEX.descriptor.digest
    finally:
        registries.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_registry_until_somebody_ends_it(number: signal.Signals, tmp_path: Path) -> None:
    """It prints its address, takes what is pushed, and leaves nothing: ending it is no failure."""
    with running("--port", "0", "--folder", str(tmp_path)) as process:
        assert process.stdout
        host = process.stdout.readline().strip()
        assert host.startswith("127.0.0.1:")
        push(host)
        assert len(list(tmp_path.glob("buildtools-*/*"))) == 2
        os.kill(process.pid, number)
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert err.splitlines() == [
        f"a registry at {host}, for this machine alone, until Ctrl-C",
        "ended: what was pushed is gone",
    ]
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_not_free(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["registry", "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"error: 127.0.0.1:{port} cannot be listened on (Address already in use): "
        "name another --port, 0 for a free one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "65536"], "argument --port: '65536' is not a port, a number from 0 to 65535"),
        (["--port", "x"], "argument --port: 'x' is not a port, a number from 0 to 65535"),
        (["--folder", "no/where"], f"--folder {Path('no/where')} is not there: name a folder"),
    ],
)
def test_wrong_arguments(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and a sentence."""
    try:
        code = main(["registry", *arguments])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    assert sentence in capsys.readouterr().err
