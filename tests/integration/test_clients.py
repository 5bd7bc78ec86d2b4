"""Clients that nobody here wrote read what was built: skopeo, umoci, buildah, Docker and containerd."""

import http.client
import json
import os
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any, Final

import pytest

from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Index
from buildtools.stores.layout import Layout
from buildtools.tiers.native import free_port
from tests.fakes.components import missing, require
from tests.fakes.docker_registry import DockerRegistry

PROGRAMS: Final = {
    "cni-installer": {"cni-installer", "demo-cni"},
    "network-validator": {"network-validator"},
    "whoami": {"whoami"},
}
"""Each image that is built without a network, and every file of its Linux variants."""
IMAGES: Final = tuple(PROGRAMS)
LINUX: Final = ("amd64", "arm64")
ELF_MACHINES: Final = {"amd64": b"\x3e\x00", "arm64": b"\xb7\x00"}
LAYER_TIME: Final = 315532800
NOT_REDIRECTED: Final = 95


def run(*command: str | Path) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def skopeo(*arguments: str | Path) -> str:
    """The output of skopeo, which needs no policy of this machine."""
    return run(require("skopeo"), "--insecure-policy", *arguments)


def place(dist: Path, image: str) -> str:
    """The image's layout, as clients of OCI layouts name it."""
    return f"oci:{dist / 'oci' / image}:latest"


def index_of(folder: Path) -> Index:
    """The one index that a layout names."""
    layout = Layout(folder)
    (entry,) = layout.entries()
    return Index.parse(layout.get_manifest(entry.digest)[1], entry.media_type)


def ours(dist: Path, image: str) -> Index:
    """The index that was built."""
    return index_of(dist / "oci" / image)


def blobs(folder: Path) -> dict[str, bytes]:
    """Every blob of a layout, by name."""
    return {path.name: path.read_bytes() for path in (folder / "blobs" / "sha256").iterdir()}


def archived(layout: Path, folder: Path) -> Path:
    """A layout as one tar, as it is carried to a node without a registry."""
    archive = folder / "layout.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(layout, ".")
    return archive


def chosen(entry: Descriptor) -> list[str]:
    """What makes skopeo take the first entry of this operating system and architecture."""
    assert entry.platform
    return [f"--override-os={entry.platform.os}", f"--override-arch={entry.platform.architecture}"]


@pytest.mark.parametrize("image", IMAGES)
def test_skopeo_reads_the_index_and_each_kind_of_entry(dist: Path, image: str) -> None:
    """The raw index is ours byte for byte, and each operating system and architecture finds its entry."""
    source = place(dist, image)
    index = ours(dist, image)
    assert skopeo("inspect", "--raw", source).encode() == index.raw
    for entry in index.manifests:
        assert entry.platform
        config = json.loads(skopeo(*chosen(entry), "inspect", "--config", source))
        assert (config["os"], config["architecture"]) == (entry.platform.os, entry.platform.architecture)
        told = json.loads(skopeo(*chosen(entry), "inspect", source))
        assert told["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


@pytest.mark.parametrize("image", IMAGES)
def test_skopeo_copies_a_layout_to_a_layout(dist: Path, image: str, tmp_path: Path) -> None:
    """The index, every manifest, config and layer arrive as they were."""
    target = tmp_path / image
    skopeo("copy", "--all", "--quiet", place(dist, image), f"oci:{target}:copied")
    assert index_of(target).raw == ours(dist, image).raw
    assert Layout(target).missing() == ()
    assert blobs(target) == blobs(dist / "oci" / image)


@pytest.mark.parametrize("image", IMAGES)
def test_skopeo_copies_a_layout_to_a_registry(dist: Path, image: str, registry: DockerRegistry) -> None:
    """A registry that checks what it is given takes all, and gives each entry back by its digest."""
    target = f"docker://{registry.host}/clients/{image}"
    skopeo("copy", "--all", "--quiet", "--dest-tls-verify=false", place(dist, image), f"{target}:1.0")
    index = ours(dist, image)
    assert skopeo("inspect", "--raw", "--tls-verify=false", f"{target}:1.0").encode() == index.raw
    layout = Layout(dist / "oci" / image)
    for entry in index.manifests:
        name = f"{target}@{entry.digest}"
        raw = skopeo("inspect", "--raw", "--tls-verify=false", name)
        assert raw.encode() == layout.get_manifest(entry.digest)[1]
        config = json.loads(skopeo("inspect", "--config", "--tls-verify=false", name))
        assert entry.platform
        assert config.get("os.version", "") == (entry.platform.os_version or "")


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("architecture", LINUX)
def test_umoci_unpacks_the_linux_variants(dist: Path, image: str, architecture: str, tmp_path: Path) -> None:
    """The bundle that umoci makes has exactly our programs, executable, and its process starts one."""
    umoci = require("umoci")
    layout, bundle = tmp_path / "layout", tmp_path / "bundle"
    choice = ("--override-os=linux", f"--override-arch={architecture}")
    skopeo(*choice, "copy", "--quiet", place(dist, image), f"oci:{layout}:one")
    run(umoci, "unpack", "--rootless", "--image", f"{layout}:one", bundle)
    root = bundle / "rootfs"
    assert {path.relative_to(root).as_posix() for path in root.rglob("*")} == PROGRAMS[image]
    for program in root.iterdir():
        head = program.read_bytes()[:20]
        assert (head[:4], head[18:20]) == (b"\x7fELF", ELF_MACHINES[architecture])
        assert program.stat().st_mode & 0o7777 == 0o755
        assert program.stat().st_mtime == LAYER_TIME
    process = json.loads((bundle / "config.json").read_text())["process"]
    assert process["args"][0].removeprefix("/") in PROGRAMS[image]


@pytest.mark.parametrize("image", IMAGES)
def test_buildah_takes_the_linux_variant(dist: Path, image: str, tmp_path: Path) -> None:
    """It pulls the index from the layout, picks this machine's entry and mounts it."""
    buildah = require("buildah")
    if os.geteuid() != 0:
        missing("buildah's mounts need root")
    storage = ["--root", tmp_path / "root", "--runroot", tmp_path / "run", "--storage-driver=vfs"]
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    pull = ["from", "--signature-policy", policy, "--quiet", place(dist, image)]
    container = run(buildah, *storage, *pull).strip()
    try:
        mounted = Path(run(buildah, *storage, "mount", container).strip())
        told = json.loads(run(buildah, *storage, "inspect", container))["OCIv1"]
        assert {path.name for path in mounted.iterdir()} >= PROGRAMS[image]
        assert (mounted / told["config"]["Entrypoint"][0].lstrip("/")).read_bytes()[:4] == b"\x7fELF"
        assert told["os"] == "linux"
    finally:
        run(buildah, *storage, "rm", container)


def test_a_docker_engine_runs_the_linux_variant(dist: Path, docker_engine: str) -> None:
    """The Engine loads the image, starts it, gets its answer, and stops it with SIGTERM."""
    import docker

    daemon = ("--dest-daemon-host", docker_engine)
    skopeo("copy", "--quiet", *daemon, place(dist, "whoami"), "docker-daemon:whoami:test")
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


@pytest.mark.parametrize("image", IMAGES)
def test_containerd_imports_the_whole_index(
    dist: Path, image: str, containerd: list[str], tmp_path: Path
) -> None:
    """The runtime of most nodes takes the layout as a tar: complete, and its digest is the one we built."""
    archive = archived(dist / "oci" / image, tmp_path)
    name = f"all/{image}"
    run(*containerd, "images", "import", "--all-platforms", "--no-unpack", "--base-name", name, archive)
    index = ours(dist, image)
    (told,) = run(*containerd, "images", "check", f"name=={name}:latest").splitlines()[1:]
    assert told.split()[2:4] == [index.descriptor.digest, "complete"]
    for entry in index.manifests:
        raw = run(*containerd, "content", "get", entry.digest)
        assert raw.encode() == Layout(dist / "oci" / image).get_manifest(entry.digest)[1]


def test_containerd_runs_the_linux_variant(dist: Path, containerd: list[str], tmp_path: Path) -> None:
    """It picks this machine's entry, unpacks and runs it; nothing is redirected, so it ends with 95."""
    archive = archived(dist / "oci" / "network-validator", tmp_path)
    run(*containerd, "images", "import", "--base-name", "run/it", archive)
    listen, connect = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    arguments = ["-listen-addr", listen, "-connect-addr", connect, "-timeout", "2s"]
    command = [*containerd, "run", "--rm", "run/it:latest", "validator", "/network-validator", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == NOT_REDIRECTED, done.stderr
    assert f"traffic to {connect} is not redirected to {listen}" in done.stderr


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
