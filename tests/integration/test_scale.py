"""Large layers and many images: memory that does not grow, and requests that are counted."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.project import make_project
from tests.fakes.registry import FakeRegistry

IMAGES = 200
LAYER_BYTES = 300_000_000
MOST_MEMORY = 100 * 2**20
_MEASURED = """\
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(done.returncode)
"""
IMAGE = """\
name: {name}
platforms: [linux/amd64, linux/arm64, windows/amd64]
base: {{linux: scratch, windows: nanoserver}}
files: [{{from: file.txt, to: {{linux: /file.txt, windows: 'C:\\file.txt'}}}}]
config: {{linux: {{entrypoint: [/file.txt]}}, windows: {{entrypoint: ['C:\\file.txt']}}}}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_a_layer_of_any_size_in_little_memory(tmp_path: Path) -> None:
    """300 MB are packed, hashed and sent in at most 100 MiB, whatever stands in them."""
    image = "name: big\nplatforms: [linux/amd64]\nbase: scratch\nfiles: [{from: big.bin, to: /big.bin}]\n"
    root = make_project(tmp_path / "project", **{"images/big/image.yaml": image})
    with (root / "images" / "big" / "big.bin").open("wb") as file:
        # Something that does not compress at all, then nothing: a sparse file is quick to read.
        file.write(random.Random(1).randbytes(20_000_000))
        file.truncate(LAYER_BYTES)
    with FakeRegistry() as server:
        verb = [sys.executable, "-m", "buildtools", "publish", "big", "--to", f"{server.host}/acme"]
        # A process of its own in between: a child is said to have used what its parent had.
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, *verb, "--tag", "1", "--allow-dirty", "--json", "-q"],
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        *document, peak = done.stdout.splitlines()
        (one,) = json.loads("\n".join(document))["published"]
        assert one["sent"] > 20_000_000
        assert list(server.repository("acme/big").tags) == ["1"]
    assert int(peak) <= MOST_MEMORY


@pytest.fixture
def many(vendor: DockerRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of 200 images of five variants each."""
    files = {}
    for number in range(IMAGES):
        files[f"images/n{number}/image.yaml"] = IMAGE.format(name=f"n{number}")
        files[f"images/n{number}/file.txt"] = f"#!/bin/sh\necho {number}\n"
    root = make_project(tmp_path / "many", **files)
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    monkeypatch.setenv("BUILDTOOLS_MIRRORS", f"mcr.microsoft.com={vendor.host}/mcr")
    return root


def test_a_thousand_variants_are_asked_for_once(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unchanged images cost one HEAD a tag, and comparing them at most three requests an image."""
    names = [f"n{number}" for number in range(IMAGES)]
    with FakeRegistry() as server:
        place = f"{server.host}/acme"
        arguments = [*names, "--to", place, "--tag", "1", "--allow-dirty", "--json", "-q"]
        assert main(["publish", *arguments]) == 0
        published = json.loads(capsys.readouterr().out)["published"]
        assert [one["changed"] for one in published] == [True] * IMAGES
        server.seen.clear()
        assert main(["publish", *arguments]) == 0
        # Several images go at once, in no order.
        assert sorted(server.lines()) == sorted(f"HEAD /v2/acme/{name}/manifests/1" for name in names)
        server.seen.clear()
        assert main(["plan", *names, "--against", place, "--tag", "1", "--exit-code", "--json"]) == 0
        capsys.readouterr()
        assert 0 < len(server.seen) <= 3 * IMAGES
