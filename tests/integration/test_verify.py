# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Verifying what is in real registries, and in registries that answer as badly as they can."""

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.cluster.nodes import EVERY_NODE
from buildtools.oci.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from tests.fakes import registry as fake
from tests.fakes.bases import BUILDS
from tests.fakes.clock import FakeClock
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.images import Image
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule
from tests.fakes.shapes import V2019, V2022, V2025, index_of, layer, on, shape, store_of, tar, vendor

ROOT = Path(__file__).parents[2]
NAME = "acme/app"
LINUX = shape(Platform(os="linux", architecture="amd64"), [layer("linux", system="linux")])
IMAGES = (LINUX, on(vendor(V2025)), on(vendor(V2022)), on(vendor(V2019)))


def verify(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """The document of `verify --json`."""
    capsys.readouterr()
    assert main(["verify", "--json", "-q", *arguments]) == code, capsys.readouterr().out
    return json.loads(capsys.readouterr().out)


def found(document: Any, severity: str = "error") -> list[str]:
    """The codes of the findings of one severity."""
    return [item["code"] for item in document["findings"] if item["severity"] == severity]


def sentences(document: Any, code: str) -> list[str]:
    """The sentences of one code."""
    return [item["message"] for item in document["findings"] if item["code"] == code]


def put(server: DockerRegistry, name: str, index: Index, *images: Image) -> str:
    """Seed an index and its images in a real registry; returns the reference."""
    for image in images:
        for blob in image.blobs:
            server.put_blob(name, blob)
        server.put_manifest(name, image.manifest.raw, image.manifest.media_type)
    server.put_manifest(name, index.raw, index.media_type, tag="1.0")
    return f"{server.host}/{name}:1.0"


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry with a good index."""
    with FakeRegistry() as registry:
        registry.repositories[NAME] = store_of(index_of(*IMAGES), *IMAGES, name=NAME)
        yield registry


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No project is at hand unless a test names one."""
    folder = tmp_path / "nowhere"
    folder.mkdir()
    monkeypatch.chdir(folder)


def test_what_was_published_is_what_its_definition_promises(
    registry: DockerRegistry, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every node is served by an image on the base of its build."""
    place = f"{registry.host}/acme-{free_port()}"
    assert main(["publish", "-q", "--to", place, "--tag", "1.0"]) == 0
    for name in ("hello", "host"):
        document = verify(
            capsys, f"{place}/{name}:1.0", "--expect", str(project / f"images/{name}/image.yaml")
        )
        assert found(document) == []
    hello = verify(capsys, f"{place}/hello:1.0", "-C", str(project))
    assert [entry["base"] for entry in hello["entries"]] == ["none", "none", "right", "right", "right"]
    assert [entry["base_name"] for entry in hello["entries"][2:]] == [
        f"mcr.microsoft.com/windows/nanoserver:{tag} ({BUILDS[tag]})"
        for tag in ("ltsc2025", "ltsc2022", "1809")
    ]
    assert len(hello["nodes"]) == len(EVERY_NODE)
    served = {row["node"] for row in hello["nodes"] if row["runs"] and row["base"] in {"right", "none"}}
    assert served == {row["node"] for row in hello["nodes"]} - {"Windows 11 25H2"}
    assert (hello["layers"], hello["quick"], hello["errors"]) == (5, False, 0)


def test_another_definition_is_not_what_was_published(
    registry: DockerRegistry, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What differs is told with its place in the definition."""
    place = f"{registry.host}/acme-{free_port()}"
    assert main(["publish", "hello", "-q", "--to", place, "--tag", "1.0"]) == 0
    path = project / "images" / "hello" / "image.yaml"
    text = path.read_text().replace("GREETING: hello", "GREETING: hi").replace("linux/arm64, ", "")
    path.write_text(text)
    document = verify(capsys, f"{place}/hello:1.0", "--expect", str(path), code=4)
    assert found(document) == ["expect-config"] * 4 + ["expect-extra"]
    assert [(item["file"], item["line"], item["col"]) for item in document["findings"] if item["file"]] == [
        *[("images/hello/image.yaml", 17, 19)] * 4,
        ("images/hello/image.yaml", 3, 12),
    ]
    assert sentences(document, "expect-config")[0] == (
        "manifests[0] (linux/amd64) has variable GREETING 'hello', the definition says 'hi'"
    )


def test_layouts_of_a_build(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is fit, though it stands on stand-ins, and each layer was read."""
    for layout in sorted((dist / "oci").iterdir()):
        expected = ROOT / "images" / layout.name / "image.yaml"
        document = verify(capsys, f"oci:{layout}", "--expect", str(expected))
        assert found(document) == []
        assert {entry["base"] for entry in document["entries"]} <= {"right", "none"}


def test_tables_for_a_person(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Entries, nodes, a sentence; findings beside them."""
    assert main(["verify", "-q", f"oci:{dist}/oci/whoami", "-C", str(ROOT)]) == 0
    told = capsys.readouterr()
    assert "Which entry a node takes" in told.out
    assert "right: the stand-in for mcr.microsoft.com/windows/nanoserver:ltsc2022 (10.0.20348.1)" in told.out
    assert told.out.rstrip().endswith(f"for {len(EVERY_NODE)} kinds of node: 2 warnings, 1 note.")
    assert "on stand-in bases, which hold nothing that programs need: build on the real bases" in told.err


def test_somebody_elses_index_in_a_real_registry(
    registry: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is known of its bases; that one image is under two labels is found all the same."""
    twice = on(vendor(V2022), Platform(os="windows", architecture="amd64", os_version="10.0.26100.1"))
    images = (LINUX, twice, on(vendor(V2022), None, layer("other")))
    reference = put(registry, f"acme-{free_port()}/app", index_of(*images), *images)
    document = verify(capsys, reference, code=4)
    assert found(document) == ["base-shared"]
    assert found(verify(capsys, reference, "--quick", code=4)) == ["base-shared"]


def test_quick_asks_for_documents_and_heads_of_layers(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """One request for each document and one for each layer, however many images share it."""
    document = verify(capsys, f"{server.host}/{NAME}:1.0", "--quick")
    assert found(document) == []
    configs = {image.manifest.config.digest for image in IMAGES}
    layers = {item.digest for image in IMAGES for item in image.manifest.layers}
    assert sorted(server.lines()) == sorted(
        [
            f"GET /v2/{NAME}/manifests/1.0",
            *(f"GET /v2/{NAME}/manifests/{image.entry.digest}" for image in IMAGES),
            *(f"GET /v2/{NAME}/blobs/{digest}" for digest in configs),
            *(f"HEAD /v2/{NAME}/blobs/{digest}" for digest in layers),
        ]
    )
    assert (document["layers"], document["quick"]) == (len(layers), True)


def test_every_layer_is_read_once(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Three Windows images share one."""
    verify(capsys, f"{server.host}/{NAME}:1.0")
    shared = IMAGES[1].manifest.layers[1].digest
    assert server.lines().count(f"GET /v2/{NAME}/blobs/{shared}") == 1


@pytest.mark.parametrize("quick", [False, True])
def test_what_is_missing_is_named_and_the_rest_is_read(
    server: FakeRegistry, quick: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """An image, a config and a layer of three entries."""
    store = server.repository(NAME)
    del store.manifests[IMAGES[0].entry.digest]
    del store.blobs[IMAGES[1].manifest.config.digest]
    lost = IMAGES[2].manifest.layers[0]
    del store.blobs[lost.digest]
    document = verify(capsys, f"{server.host}/{NAME}:1.0", *["--quick"] * quick, code=4)
    assert found(document) == ["child-missing", "blob-missing", "blob-missing"]
    assert [item["message"] for item in document["findings"] if item["severity"] == "error"] == [
        "manifests[0] (linux/amd64) is not in the repository",
        f"the config of manifests[1] (windows/amd64:{V2025}) is not in the repository",
        f"layer 0 of manifests[2] (windows/amd64:{V2022}) ({lost.digest[7:19]}) is not in the repository"
        + (f" with {lost.size} bytes" if quick else ""),
    ]


def test_a_tag_that_is_not_there(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """What should be there is not: exit code 4."""
    document = verify(capsys, f"{server.host}/{NAME}:2.0", code=4)
    (finding,) = document["findings"]
    assert finding["message"].startswith(f"Manifest {server.host}/{NAME}:2.0 was not found")


@pytest.mark.parametrize(("status", "code"), [(503, 6), (403, 5), (401, 5)])
@pytest.mark.parametrize("what", ["manifests/1.0", f"manifests/{IMAGES[1].entry.digest}"])
def test_faults_of_the_network_and_of_permissions_are_no_findings(
    server: FakeRegistry, status: int, code: int, what: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """They say nothing about the image."""
    monkeypatch.setattr("buildtools.stores.client.Clock", lambda: FakeClock().clock)
    server.rules.append(Rule(pattern=f"GET .*{what}", fault=fake.status(status), times=ALWAYS))
    document = verify(capsys, f"{server.host}/{NAME}:1.0", code=code)
    assert found(document) == ["error"]


def deep(levels: int) -> bytes:
    """A document of lists within each other."""
    return b'{"schemaVersion":2,"x":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (fake.body(b" " * (64 << 20)), "unreadable", "at most 4194304"),
        (fake.body(deep(200_000)), "damaged", "have digest"),
        (fake.body(b"{}"), "damaged", "have digest"),
        (fake.status(404), "child-missing", "is not in the repository"),
    ],
)
def test_a_hostile_child_is_a_finding(
    server: FakeRegistry, answer: fake.Fault, code: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """64 MiB of manifest, 200,000 levels of JSON, other bytes: the other entries are read on."""
    server.rules.append(Rule(pattern=f"GET .*{IMAGES[0].entry.digest}", fault=answer, times=ALWAYS))
    document = verify(capsys, f"{server.host}/{NAME}:1.0", code=4)
    assert found(document) == [code]
    assert text in sentences(document, code)[0]
    assert [entry["base"] for entry in document["entries"]] == ["unknown"] * 3


@pytest.mark.parametrize("raw", [b" " * (64 << 20), deep(200_000), b"", b"[]", b'{"manifests":5}'])
def test_a_hostile_index_is_a_sentence(
    server: FakeRegistry, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the outermost document is no index nothing else can be said."""
    answer = fake.header("Docker-Content-Digest", None)
    server.rules.append(
        Rule(
            pattern="GET .*manifests/1.0",
            fault=lambda response: answer(fake.body(raw)(response)),
            times=ALWAYS,
        )
    )
    document = verify(capsys, f"{server.host}/{NAME}:1.0", code=4)
    assert found(document) == ["error"]


def test_an_honest_digest_of_deep_json(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Its digest is right, so the document itself is what is refused."""
    raw = deep(200_000)
    entry = replace(Descriptor.of(raw, OCI_MANIFEST), platform=LINUX.platform)
    index = index_of(entry, *IMAGES[1:])
    server.put_manifest(NAME, raw, OCI_MANIFEST)
    server.put_manifest(NAME, index.raw, index.media_type, tag="deep")
    document = verify(capsys, f"{server.host}/{NAME}:deep", code=4)
    assert found(document) == ["damaged"]
    assert sentences(document, "damaged")[0].endswith(
        "cannot be used: the manifest or index nests deeper than 32 levels"
    )


def nested(server: FakeRegistry, levels: int, *, wide: int = 1) -> Descriptor:
    """An index in an index in an index ..., each with an image beside it."""
    below = [replace(LINUX.entry, annotations={"n": str(number)}) for number in range(wide)]
    for _ in range(levels):
        index = Index.build(manifests=below)
        below = [LINUX.entry, server.put_manifest(NAME, index.raw, index.media_type, tag="nested")]
    return below[1]


def test_indexes_in_indexes_end(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Three are read, a fourth is not; the nested ones are errors in any case."""
    nested(server, 3)
    document = verify(capsys, f"{server.host}/{NAME}:nested", code=4)
    assert sorted(set(found(document))) == ["nested-index"]
    nested(server, 100)
    server.seen.clear()
    document = verify(capsys, f"{server.host}/{NAME}:nested", code=4)
    assert sorted(set(found(document))) == ["nested-index", "too-much"]
    assert len([line for line in server.lines() if "/manifests/" in line]) == 4
    (said,) = sentences(document, "too-much")
    assert said.endswith("lies deeper than 3 indexes, and is not read")


def test_an_index_that_is_said_to_be_its_own_part(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registry answers for the inner index with the outer one: no digest can be that."""
    inner = nested(server, 2)
    raw = server.repository(NAME).manifests[inner.digest][1]
    child = json.loads(raw)["manifests"][1]["digest"]
    server.rules.append(Rule(pattern=f"GET .*{child}", fault=fake.body(raw), times=ALWAYS))
    document = verify(capsys, f"{server.host}/{NAME}:nested", code=4)
    assert set(found(document)) == {"nested-index", "damaged"}
    assert len([line for line in server.lines() if child in line]) == 1


def test_too_many_entries_end(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Five hundred are read, counted over all indexes."""
    nested(server, 2, wide=500)
    document = verify(capsys, f"{server.host}/{NAME}:nested", code=4)
    assert sentences(document, "too-much")[0].endswith("brings the entries to more than 500, and is not read")


@pytest.mark.parametrize(
    "answer",
    [
        lambda data: fake.body(bytes(len(data))),
        lambda data: fake.body(data + b"x"),
        lambda data: fake.body(data[:-1]),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_wrong_bytes_are_findings_of_their_entry(
    server: FakeRegistry, place: int, answer: Callable[[bytes], fake.Fault],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Of a config and of a layer: other bytes, more and fewer."""
    data = IMAGES[1].blobs[place]
    digest = [IMAGES[1].manifest.config, *IMAGES[1].manifest.layers][place].digest
    server.rules.append(Rule(pattern=f"GET .*{digest}", fault=answer(data), times=ALWAYS))
    document = verify(capsys, f"{server.host}/{NAME}:1.0", code=4)
    assert found(document) == ["damaged"]
    assert f"manifests[1] (windows/amd64:{V2025})" in sentences(document, "damaged")[0]


def test_a_gzip_bomb_ends_early_and_in_little_memory(server: FakeRegistry) -> None:
    """9 MB that would be 2 GiB: no more than 200 times its size is inflated, piece by piece."""
    bomb = gzip.compress(bytes(64 << 20), 1) * 32
    image = shape(LINUX.platform, [bomb], diff_ids=[f"sha256:{'0' * 64}"])
    server.repositories[NAME] = store_of(index_of(image), image, name=NAME)
    # What the process says of itself: usage that is asked of the system counts this test's memory, too.
    code = (
        "import sys; from buildtools.cli import main; code = main(sys.argv[1:]); "
        "sys.stderr.write(open('/proc/self/status').read()); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", "--json", f"{server.host}/{NAME}:1.0"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert done.returncode == 4
    assert sentences(document, "layer-damaged") == [
        f"linux/amd64: the layer inflates to more than {200 * len(bomb)} bytes"
    ]
    peak = re.search(r"^VmHWM:\s+(\d+) kB", done.stderr, re.MULTILINE)
    assert peak
    assert int(peak[1]) < 150_000


def test_an_interrupted_run_ends_at_once(server: FakeRegistry) -> None:
    """Though a layer is coming slowly: nobody waits for it any more."""
    slow = gzip.compress(os.urandom(3_000_000))
    image = shape(LINUX.platform, [slow], diff_ids=[])
    server.repositories[NAME] = store_of(index_of(image), image, name=NAME)
    digest = image.manifest.layers[0].digest
    server.rules.append(Rule(pattern=f"GET .*{digest}", fault=fake.pieces(1000), times=ALWAYS))
    process = subprocess.Popen(
        [sys.executable, "-m", "buildtools", "verify", f"{server.host}/{NAME}:1.0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    while not any(digest in line for line in server.lines()):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err.decode().endswith("interrupted: what was finished is kept, nothing is half written\n")


def test_a_layer_of_thousands_of_faults_is_told_in_few_words(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty of them and their number."""
    image = shape(LINUX.platform, [tar(*(f"../{number}" for number in range(5_000)))])
    server.repositories[NAME] = store_of(index_of(image), image, name=NAME)
    document = verify(capsys, f"{server.host}/{NAME}:1.0", code=4)
    assert len(found(document)) == 20
    assert sentences(document, "more") == ["linux/amd64: 4980 more findings about this layer are not shown"]


def test_hostile_words_reach_no_terminal(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither escape sequences nor commands of GitHub Actions."""
    platform = Platform(os="linux", architecture="amd64", variant="\x1b[31m\n::error::x")
    image = shape(platform, [layer("linux", system="linux")])
    server.repositories[NAME] = store_of(index_of(image), image, name=NAME)
    main(["verify", f"{server.host}/{NAME}:1.0"])
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
    assert not any(line.startswith("::error") for line in (told.out + told.err).splitlines())


def test_bases_are_asked_only_when_they_are_to_be(
    vendor: DockerRegistry, server: FakeRegistry, project: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    """Without a project the annotations lead to the bases, and a base that is gone is a note."""
    assert main(["publish", "hello", "-q", "--to", f"{server.host}/acme", "--tag", "1.0"]) == 0
    reference = f"{server.host}/acme/hello:1.0"
    monkeypatch.chdir(tmp_path / "nowhere")
    silent = verify(capsys, reference)
    assert found(silent, "note").count("base-unknown") == 1
    assert [entry["base"] for entry in silent["entries"][2:]] == ["unknown"] * 3
    asked = verify(capsys, reference, "--bases")
    assert [entry["base"] for entry in asked["entries"][2:]] == ["right"] * 3
    monkeypatch.setenv("BUILDTOOLS_MIRRORS", f"mcr.microsoft.com={vendor.host}/elsewhere")
    gone = verify(capsys, reference, "--bases")
    assert found(gone, "note").count("base-unasked") == 3
    assert [entry["base"] for entry in gone["entries"][2:]] == ["unknown"] * 3


def test_what_skopeo_copied_is_the_same(
    registry: DockerRegistry, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another client's copy of a layout of ours: nothing is wrong with it."""
    place = f"{registry.host}/acme-{free_port()}/whoami:1.0"
    command = [require("skopeo"), "copy", "--all", "--quiet", "--dest-tls-verify=false"]
    subprocess.run([*command, f"oci:{dist}/oci/whoami", f"docker://{place}"], check=True)
    document = verify(capsys, place, "-C", str(ROOT))
    assert found(document) == []
    assert [entry["base"] for entry in document["entries"]] == ["none", "none", "right", "right", "right"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["a b"], 2, "reference 'a b' has a space or line break in it"),
        (["oci:gone"], 2, "gone is not an OCI image layout: name a folder that holds an oci-layout file"),
        (["x:1", "--expect", "image.yaml"], 2, "image.yaml is not the definition of an image: name a file images/NAME/image.yaml"),
        (["x:1", "-C", "gone"], 2, "gone has no images folder: run in the project's folder or name it with --project"),
        (["127.0.0.1:9/x:1"], 6, "127.0.0.1:9"),
    ],
)  # fmt: skip
def test_wrong_input_is_a_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With the exit code of its kind."""
    monkeypatch.setattr("buildtools.stores.client.Clock", lambda: FakeClock().clock)
    assert main(["verify", "-q", *arguments]) == code
    assert sentence in capsys.readouterr().err


def test_an_attestation_beside_an_image(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """BuildKit's: read and hashed, and neither unpacked nor asked for its base."""
    from tests.fakes.shapes import attestation

    entry, blobs = attestation(LINUX)
    index = index_of(*IMAGES, entry)
    store = store_of(index, *IMAGES, name=NAME)
    store.blobs |= blobs
    store.manifests[entry.digest] = (OCI_MANIFEST, blobs[entry.digest])
    server.repositories[NAME] = store
    document = verify(capsys, f"{server.host}/{NAME}:1.0")
    assert found(document) == []
    assert "attestation-entry" in found(document, "warning")
    assert document["entries"][-1]["attestation"] is True


def test_an_index_of_docker_type_and_a_single_image(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """By digest, too: an image alone is an index of one."""
    document = verify(capsys, f"{server.host}/{NAME}@{IMAGES[2].entry.digest}")
    assert [entry["platform"]["os.version"] for entry in document["entries"]] == [V2022]
    assert document["media_type"] == OCI_MANIFEST
    # Nobody chooses among one: nodes of other builds take it, too, and cannot start it.
    windows = [row for row in document["nodes"] if row["platform"]["os"] == "windows"]
    assert {row["digest"] for row in windows} == {IMAGES[2].entry.digest}
    assert {row["node"] for row in windows if not row["runs"]} == {"Windows Server 2019"}
    assert {row["reason"] for row in windows if not row["runs"]} == {
        f"the image is windows/amd64:{V2022}, stands without an index and does not run on Windows Server 2019"
    }
    assert verify(capsys, f"{server.host}/{NAME}:1.0")["media_type"] == OCI_INDEX


def test_a_torn_tar_inside_a_whole_gzip(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """The tar is damaged, its digest is right."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w") as archive:
        info = tarfile.TarInfo("a")
        info.size = 3000
        archive.addfile(info, io.BytesIO(bytes(3000)))
    image = shape(LINUX.platform, [gzip.compress(blob.getvalue()[:1024])])
    server.repositories[NAME] = store_of(index_of(image), image, name=NAME)
    document = verify(capsys, f"{server.host}/{NAME}:1.0", code=4)
    assert found(document) == ["layer-damaged"]
