"""Preflight with registries: images of manifests are read where they are, and what cannot be read is told."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index, Manifest, canonical_json
from buildtools.oci.platform import Platform
from tests.fakes import registry as fake
from tests.fakes.bases import linux, put_base, put_base_index, windows
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.kubernetes import node_json, nodes_json, windows_json
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "preflight.md"
EXAMPLE = re.compile(r"<!-- example: (\w+) -->\n\n```\w+\n(.*?)```\n", re.DOTALL)
TAINT = {"key": "OS", "value": "Windows", "effect": "NoSchedule"}
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c, image: IMAGE}]}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three nodes, one of them tainted, on a day after the end of the first support."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    old = windows_json("win-2019", "10.0.17763.6293", spec={"taints": [TAINT]})
    nodes = nodes_json(node_json("linux-1"), windows_json("win-2022"), old)
    (tmp_path / "nodes.json").write_bytes(nodes)
    return tmp_path


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry that can misbehave."""
    with FakeRegistry() as server:
        yield server


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """How a run ended, and what it printed on both channels."""
    capsys.readouterr()
    code = main(["preflight", "-q", "--nodes", "nodes.json", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def put_large(server: FakeRegistry, name: str, tag: str, platform: Platform, *, size: int) -> None:
    """An index of one image with a layer of this size, which is not there: nobody asks for it."""
    document = {"rootfs": {"type": "layers", "diff_ids": [digest_of(b"layer")]}, "config": {}}
    config = canonical_json(platform.to_json() | document)
    server.put_blob(name, config)
    manifest = Manifest.build(
        config=Descriptor.of(config, "application/vnd.oci.image.config.v1+json"),
        layers=[Descriptor(media_type=OCI_LAYER_GZIP, size=size, digest=digest_of(b"layer"))],
    )
    put = server.put_manifest(name, manifest.raw, manifest.media_type)
    entry = Descriptor(media_type=put.media_type, size=put.size, digest=put.digest, platform=platform)
    index = Index.build(manifests=[entry])
    server.put_manifest(name, index.raw, index.media_type, tag=tag)


def test_the_example_of_the_page(
    server: FakeRegistry,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """The broken manifest of the documentation gets the answer that stands there."""
    text = PAGE.read_text(encoding="utf-8")
    parts = dict(EXAMPLE.findall(text))
    monkeypatch.setenv("BUILDTOOLS_MIRRORS", f"ghcr.io={server.host}")
    tag = "3.9-nanoserver-ltsc2022"
    put_large(server, "acme/server", tag, windows("10.0.20348.4529"), size=1_600_000_000)
    Path("server.yaml").write_text(parts["manifest"], encoding="utf-8")
    code, out, err = ran(capsys, "--manifests", "server.yaml")
    answer = "\n".join(line.rstrip() for line in (out.strip() + "\n\n" + err).splitlines()) + "\n"
    assert code == 4
    if request.config.getoption("--update-golden"):
        begin, end = next(found.span(2) for found in EXAMPLE.finditer(text) if found[1] == "answer")
        PAGE.write_text(text[:begin] + answer + text[end:], encoding="utf-8", newline="\n")
        return
    assert answer == parts["answer"]


def test_an_image_in_a_real_registry(registry: DockerRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """By a reference, and by the manifest that names it; it is read once."""
    name = f"preflight-{free_port()}"
    entries = [put_base(registry, name, platform) for platform in (linux(), windows("10.0.20348.4529"))]
    put_base_index(registry, name, "1.0", entries)
    image = f"{registry.host}/{name}:1.0"
    Path("pod.yaml").write_text(POD.replace("IMAGE", image))
    code, out, _ = ran(capsys, image, "--manifests", "pod.yaml", "--json")
    (workload,) = json.loads(out)["workloads"]
    assert (code, workload["verdict"]) == (0, "runs")
    taken = [node["containers"][0]["digest"] for node in workload["nodes"]]
    assert taken == [entry.digest for entry in entries]
    assert ran(capsys, "--manifests", "pod.yaml")[0] == 0
    code, _, err = ran(capsys, image)
    assert code == 4
    assert "it does not run on win-2019" in err


def test_an_image_that_is_not_there(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Would not run anywhere."""
    image = f"{server.host}/acme/gone:1"
    Path("pod.yaml").write_text(POD.replace("IMAGE", image))
    code, _, err = ran(capsys, "--manifests", "pod.yaml")
    assert code == 4
    assert f"pod.yaml:4:38: error: Pod p: there is no {image}: publish it first\n" in err


def test_a_registry_that_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    """Every image that was not read is told at its place, and the run ends with the refusal's code."""
    rule = Rule(pattern="GET", fault=fake.status(403), times=ALWAYS, before=True)
    with FakeRegistry(rules=[rule]) as server:
        image = f"{server.host}/acme/x:1"
        Path("pod.yaml").write_text(POD.replace("IMAGE", image) + "---\n" + POD.replace("IMAGE", image))
        code, out, err = ran(capsys, "--manifests", "pod.yaml", "--json")
        findings = json.loads(out)["findings"]
        asked = len(server.lines())
    assert code == 5
    assert [one["line"] for one in findings if one["code"] == "image-unread"] == [4, 9]
    assert err == (
        f"error: {server.host} denies manifest {image}: run `docker login {server.host}`, "
        "and check that the account may use that repository\n"
    )
    assert asked <= 2


def test_nobody_is_asked_where_only_references_count(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The images are noted."""
    Path("pod.yaml").write_text(POD.replace("IMAGE", f"{server.host}/acme/x:1"))
    code, _, err = ran(capsys, "--manifests", "pod.yaml", "--only-refs")
    assert (code, server.lines()) == (0, [])
    assert "is not looked at: no reference on the command line stands for it" in err
