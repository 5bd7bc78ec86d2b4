"""What was published is read by clients that nobody here wrote, from registries as people have them."""

import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
import trustme

from buildtools.cli import main
from tests.fakes.components import missing, require
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.integration.test_clients import ask, run, skopeo

ROOT = Path(__file__).parents[2]
PASSWORD = "hunter2-of-the-bot"
NAME = "registry.example"
HTPASSWD = "bot:$2b$04$tnOv5b8wvMQf9mjVe.eQKu5T6bSyNTStWWBcojOiXCKVlG9G0NEUW\n"


@pytest.fixture
def examples(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example images in a folder of their own, whose bases come from the vendor's registry."""
    require("go")
    root = tmp_path / "examples"
    shutil.copytree(ROOT / "images", root / "images")
    (root / "images" / "pins.json").unlink(missing_ok=True)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def published(examples: Path, registry: DockerRegistry, capsys: pytest.CaptureFixture[str]) -> str:
    """`whoami` by its tag in a registry; the five entries of its index stand on the vendor's bases."""
    place = f"{registry.host}/clients-{free_port()}"
    assert main(["publish", "whoami", "-q", "--to", place, "--tag", "1.4.2", "--tag", "latest"]) == 0
    capsys.readouterr()
    return f"{place}/whoami:latest"


def index_at(reference: str, *options: str) -> dict[str, Any]:
    """The index, as skopeo reads it."""
    found: dict[str, Any] = json.loads(skopeo("inspect", "--raw", *options, f"docker://{reference}"))
    return found


def test_skopeo_copies_every_entry(published: str, tmp_path: Path) -> None:
    """All five with their base layers, and each is what its config says."""
    copy = ("copy", "--all", "--quiet", "--src-tls-verify=false")
    skopeo(*copy, f"docker://{published}", f"oci:{tmp_path}/copy:all")
    found = index_at(published, "--tls-verify=false")
    systems = [entry["platform"]["os"] for entry in found["manifests"]]
    assert systems == ["linux"] * 2 + ["windows"] * 3


def test_buildah_pulls_by_tag(published: str, tmp_path: Path) -> None:
    """It takes this machine's entry out of the index and mounts it."""
    buildah = require("buildah")
    if os.geteuid() != 0:
        missing("buildah's mounts need root")
    storage = ["--root", tmp_path / "root", "--runroot", tmp_path / "run", "--storage-driver=vfs"]
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    options = ["--tls-verify=false", "--signature-policy", policy, "--quiet"]
    container = run(buildah, *storage, "from", *options, f"docker://{published}").strip()
    try:
        mounted = Path(run(buildah, *storage, "mount", container).strip())
        assert (mounted / "whoami").read_bytes()[:4] == b"\x7fELF"
    finally:
        run(buildah, *storage, "rm", container)


def test_containerd_pulls_every_entry(published: str, containerd: list[str]) -> None:
    """The runtime of most nodes: complete, Windows' layers included."""
    run(*containerd, "content", "fetch", "--plain-http", "--all-platforms", published)
    (told,) = run(*containerd, "images", "check", f"name=={published}").splitlines()[1:]
    assert told.split()[3] == "complete"


def test_a_docker_engine_pulls_by_tag_and_runs_it(published: str, docker_engine: str) -> None:
    """The Engine picks the Linux variant out of the index, starts it, and gets its answer."""
    import docker

    port = free_port()
    client = docker.DockerClient(base_url=docker_engine)
    repository, _, tag = published.rpartition(":")
    try:
        image = client.images.pull(repository, tag=tag)
        container = client.containers.run(
            image, ["-addr", f"127.0.0.1:{port}"], network_mode="host", detach=True
        )
        try:
            answer = ask(port)
            container.stop(timeout=10)
            status = container.wait(timeout=30)
        finally:
            container.remove(force=True)
    finally:
        client.close()
    assert answer["os"] == "linux"
    assert status["StatusCode"] == 0


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, tuple[Path, Path]]:
    """The certificate of an authority, and the chain and key of `registry.example` that it vouches for."""
    made = trustme.CA()
    certificate = made.issue_cert(NAME)
    bundle, chain, key = (tmp_path / name for name in ("ca.pem", "chain.pem", "key.pem"))
    made.cert_pem.write_to_path(str(bundle))
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(chain), append=True)
    certificate.private_key_pem.write_to_path(str(key))
    return bundle, (chain, key)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """`registry.example` is a name of this machine, as far as this process asks."""
    real = socket.getaddrinfo

    def looked_up(host: str, *arguments: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host == NAME else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


def test_publishing_with_a_password(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """docker-registry with htpasswd: what `docker login` has stored is used, and another client reads it."""
    program = require("docker-registry")
    with DockerRegistry(program, tmp_path / "guarded", htpasswd=HTPASSWD) as server:
        publish = ["publish", "whoami", "-q", "--to", f"{server.host}/acme", "--tag", "latest"]
        assert main(publish) == 5
        assert "asks for a user name and password, and none are found for it" in capsys.readouterr().err
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_HOST", server.host)
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_USERNAME", "bot")
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_PASSWORD", PASSWORD)
        assert main(publish) == 0
        options = ("--tls-verify=false", f"--creds=bot:{PASSWORD}")
        assert len(index_at(f"{server.host}/acme/whoami:latest", *options)["manifests"]) == 5
        assert main(["login", f"{server.host}/acme/whoami", "-q"]) == 0
        assert PASSWORD not in "".join(capsys.readouterr())


def test_publishing_over_tls_with_an_authority_of_its_own(
    examples: Path,
    authority: tuple[Path, tuple[Path, Path]],
    named: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """docker-registry with TLS: a variable names the authority; without it nothing is sent."""
    bundle, pair = authority
    with DockerRegistry(require("docker-registry"), tmp_path / "tls", htpasswd=HTPASSWD, tls=pair) as server:
        host = server.host.replace("127.0.0.1", NAME)
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_HOST", host)
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_USERNAME", "bot")
        monkeypatch.setenv("BUILDTOOLS_REGISTRY_PASSWORD", PASSWORD)
        publish = ["publish", "cni-installer", "-q", "--to", f"{host}/acme", "--tag", "latest"]
        assert main(publish) == 6
        assert f"{host} has a certificate that is not trusted" in capsys.readouterr().err
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        assert main(publish) == 0
        capsys.readouterr()
        assert main([*publish, "--json"]) == 0
        (one,) = json.loads(capsys.readouterr().out)["published"]
        assert (one["changed"], one["repository"]) == (False, f"{host}/acme/cni-installer")
