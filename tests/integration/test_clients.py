"""Clients that nobody here wrote read what was built: skopeo, umoci, buildah and a Docker Engine."""

import http.client
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from buildtools.oci.documents import Index
from buildtools.stores.layout import Layout
from buildtools.tiers.native import free_port
from tests.fakes.components import require

IMAGES = ("cni-installer", "network-validator", "whoami")
LINUX = ("amd64", "arm64")


def run(*command: str | Path, **options: Any) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def index_of(dist: Path, image: str) -> Index:
    """The index that the image's layout names."""
    layout = Layout(dist / "oci" / image)
    (entry,) = layout.entries()
    return Index.parse(layout.get_manifest(entry.digest)[1], entry.media_type)


@pytest.mark.parametrize("image", IMAGES)
def test_skopeo_reads_the_index_and_every_entry(dist: Path, image: str, tmp_path: Path) -> None:
    """The raw index is ours byte for byte, and each entry can be copied by its digest."""
    skopeo = require("skopeo")
    source = f"oci:{dist / 'oci' / image}:latest"
    raw = run(skopeo, "inspect", "--raw", source)
    index = index_of(dist, image)
    assert raw.encode() == index.raw
    for entry in index.manifests:
        assert entry.platform
        config = json.loads(
            run(
                skopeo,
                f"--override-os={entry.platform.os}",
                f"--override-arch={entry.platform.architecture}",
                "inspect",
                "--config",
                source,
            )
        )
        assert config["os"] == entry.platform.os
        assert config["architecture"] == entry.platform.architecture


@pytest.mark.parametrize("image", IMAGES)
def test_skopeo_copies_the_whole_index_without_changing_it(dist: Path, image: str, tmp_path: Path) -> None:
    """Every child, config and layer arrives, and the index keeps its digest."""
    skopeo = require("skopeo")
    target = tmp_path / image
    run(skopeo, "copy", "--all", "--quiet", f"oci:{dist / 'oci' / image}:latest", f"oci:{target}:copied")
    copied = Layout(target)
    (entry,) = copied.entries()
    assert entry.digest == index_of(dist, image).descriptor.digest
    assert copied.missing() == ()


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("architecture", LINUX)
def test_umoci_unpacks_the_linux_variants(dist: Path, image: str, architecture: str, tmp_path: Path) -> None:
    """Umoci makes a runtime bundle: our program is there, executable, and the config's process starts it."""
    skopeo, umoci = require("skopeo"), require("umoci")
    layout = tmp_path / "layout"
    source = f"oci:{dist / 'oci' / image}:latest"
    run(
        skopeo,
        "--override-os=linux",
        f"--override-arch={architecture}",
        "copy",
        "--quiet",
        source,
        f"oci:{layout}:one",
    )
    bundle = tmp_path / "bundle"
    run(umoci, "unpack", "--rootless", "--image", f"{layout}:one", bundle)
    process = json.loads((bundle / "config.json").read_text())["process"]
    program = bundle / "rootfs" / process["args"][0].lstrip("/")
    assert program.read_bytes()[:4] == b"\x7fELF"
    assert program.stat().st_mode & 0o777 == 0o755
    assert int(program.stat().st_mtime) == 315532800


@pytest.mark.parametrize("image", IMAGES)
def test_buildah_takes_the_linux_variant(dist: Path, image: str, tmp_path: Path) -> None:
    """Buildah pulls the index from the layout, picks this machine's entry and mounts it."""
    buildah = require("buildah")
    storage = ["--root", tmp_path / "root", "--runroot", tmp_path / "run", "--storage-driver=vfs"]
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    source = f"oci:{dist / 'oci' / image}:latest"
    container = run(buildah, *storage, "from", "--signature-policy", policy, "--quiet", source).strip()
    mounted = Path(run(buildah, *storage, "mount", container).strip())
    try:
        told = json.loads(run(buildah, *storage, "inspect", container))["OCIv1"]
        program = told["config"]["Entrypoint"][0]
        assert (mounted / program.lstrip("/")).read_bytes()[:4] == b"\x7fELF"
        assert told["os"] == "linux"
    finally:
        run(buildah, *storage, "rm", container)


def test_a_docker_engine_runs_the_linux_variant(dist: Path, docker_engine: str) -> None:
    """The Engine loads the image, starts it, gets its answer, and stops it with SIGTERM."""
    skopeo = require("skopeo")
    import docker

    source = f"oci:{dist / 'oci' / 'whoami'}:latest"
    run(skopeo, "copy", "--quiet", "--dest-daemon-host", docker_engine, source, "docker-daemon:whoami:test")
    port = free_port()
    client = docker.DockerClient(base_url=docker_engine)
    try:
        container = client.containers.run(
            "whoami:test", ["-addr", f"127.0.0.1:{port}"], network_mode="host", detach=True
        )
        try:
            answer = ask(port)
            container.stop(timeout=10)
            status = container.wait(timeout=30)
            log = container.logs().decode()
        finally:
            container.remove(force=True)
    finally:
        client.close()
    assert answer["os"] == "linux"
    assert status["StatusCode"] == 0, log
    assert "drained" in log


def ask(port: int) -> dict[str, Any]:
    """What /who-am-i says, once it says something."""
    for _ in range(200):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/who-am-i")
            answer = json.loads(connection.getresponse().read())
        except OSError:
            time.sleep(0.05)
        else:
            assert isinstance(answer, dict)
            return answer
        finally:
            connection.close()
    raise AssertionError("the container never answered")
