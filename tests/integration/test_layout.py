"""Layouts under fire: killed writers, writers side by side, full disks, and readers nobody here wrote."""

import io
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.stores.layout import Layout
from buildtools.stores.registry import Registry
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.images import image, index

ROOT = Path(__file__).parents[2]
WRITERS = 4
TAGS = 15
WINDOWS = Platform(os="windows", architecture="amd64", os_version="10.0.20348.2700")
IMAGES = (image(layers=(b"one", b"two")), image(WINDOWS))
INDEX = index(*IMAGES)

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork, signals and file size limits")


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start one of the programs in tests/fakes/writers.py."""
    command = [sys.executable, "-m", "tests.fakes.writers", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def write(layout: Layout) -> None:
    """Write INDEX with all that it names."""
    for item in IMAGES:
        for data in item.blobs:
            layout.put_blob(Descriptor.of(data, OCI_LAYER), partial(io.BytesIO, data))
        layout.put_manifest(item.manifest.raw, item.manifest.media_type)
    layout.put_index(layout.put_manifest(INDEX.raw, INDEX.media_type), ref_name="1.0")
    layout.close()


@posix
def test_a_killed_writer_leaves_a_valid_layout(tmp_path: Path) -> None:
    """At whatever step a writer dies, the layout is valid, and the next writer completes and tidies it."""
    process = start("kill", str(tmp_path / "layout"))
    output, _ = process.communicate()
    results = [json.loads(line) for line in output.splitlines()]
    assert process.returncode == 0
    assert [result["died"] for result in results].count(False) == 2
    assert len(results) > 100
    assert [result for result in results if result["problems"]] == []
    assert all(result["complete"] for result in results)
    assert {name for result in results for name in result["left"]} == set()


@posix
def test_writers_side_by_side_lose_nothing(tmp_path: Path) -> None:
    """Tags and blobs of several processes all arrive, though each of them sweeps."""
    folder = tmp_path / "layout"
    processes = [start("tag", str(folder), f"writer{number}") for number in range(WRITERS)]
    assert [process.wait() for process in processes] == [0] * WRITERS
    for process in processes:
        process.communicate()
    layout = Layout(folder)
    assert len(layout.entries()) == WRITERS * TAGS
    assert layout.missing() == ()
    assert layout.sweep() == ()
    for writer in range(WRITERS):
        for number in range(TAGS):
            assert layout.get_manifest(f"writer{writer}-{number}")
    layout.close()


@posix
def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    """A write that fails names the file, and leaves none under a final name."""
    folder = tmp_path / "layout"
    process = start("full", str(folder))
    output, _ = process.communicate()
    assert process.returncode == 0
    path, _, sentence = output.partition(" cannot ")
    assert Path(path).parent == folder / ".buildtools"
    assert sentence == (
        "be written: the file would be larger than allowed: raise the limit or use another disk"
    )
    layout = Layout(folder)
    assert layout.entries() == ()
    layout.sweep()
    assert [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 1000] == []
    layout.close()


def test_skopeo_reads_what_we_wrote(tmp_path: Path) -> None:
    """Another client finds the index under its ref name, byte for byte."""
    layout = Layout(tmp_path / "layout")
    write(layout)
    command = [require("skopeo"), "inspect", "--raw", f"oci:{layout.path}:1.0"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == INDEX.raw


def test_umoci_reads_what_we_wrote(tmp_path: Path) -> None:
    """A second client, written by others again, lists our names."""
    layout = Layout(tmp_path / "layout")
    write(layout)
    command = [require("umoci"), "list", "--layout", str(layout.path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "1.0\n"


def test_skopeo_copies_what_we_wrote_to_a_registry(tmp_path: Path) -> None:
    """What another client pushed out of our layout, we read from the registry, byte for byte."""
    layout = Layout(tmp_path / "layout")
    write(layout)
    with DockerRegistry(require("docker-registry"), tmp_path / "registry") as server:
        target = f"docker://{server.host}/team/app:1.0"
        flags = ["--all", "--preserve-digests", "--dest-tls-verify=false", "--quiet"]
        command = [require("skopeo"), "copy", *flags, f"oci:{layout.path}:1.0", target]
        subprocess.run(command, check=True, capture_output=True)
        registry = Registry(server.host, "team/app", settings=Settings())
        assert registry.get_manifest("1.0") == (INDEX.descriptor, INDEX.raw)
        for item in IMAGES:
            assert registry.get_manifest(item.manifest.descriptor.digest)[1] == item.manifest.raw
            for data in item.blobs:
                with registry.get_blob(Descriptor.of(data, OCI_LAYER)) as body:
                    assert body.read() == data


def test_we_read_what_skopeo_wrote(tmp_path: Path) -> None:
    """The other way round: a layout of skopeo's making is read by ref name and digest."""
    layout = Layout(tmp_path / "layout")
    write(layout)
    target = tmp_path / "copy"
    flags = ["--all", "--preserve-digests", "--quiet"]
    command = [require("skopeo"), "copy", *flags, f"oci:{layout.path}:1.0", f"oci:{target}:other"]
    subprocess.run(command, check=True, capture_output=True)
    assert Layout(target).get_manifest("other") == (INDEX.descriptor, INDEX.raw)
    assert Layout(target).missing() == ()
