"""What publishing spares: layers that are published already, and base layers that another image brought."""

import gzip
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.documents import Index, Manifest
from buildtools.stores.layout import Layout
from tests.fakes import registry as fake
from tests.fakes.command import json_of
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule


def publish(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """The document of `publish --json` under `latest`."""
    return json_of(capsys, "publish", "--tag", "latest", *arguments, code=code)


def uploads(server: FakeRegistry) -> list[str]:
    """The uploads that were begun, by repository."""
    return [line for line in server.lines() if line.startswith("POST")]


def test_a_fresh_machine_compresses_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The published configs name the tar of each layer: that is all the cache a runner needs."""
    with FakeRegistry() as server:
        (first,) = publish(capsys, "hello", "--to", f"{server.host}/acme")["published"]
        shutil.rmtree(project / "dist")
        server.seen.clear()
        (again,) = publish(capsys, "hello", "--to", f"{server.host}/acme")["published"]
        assert (again["digest"], again["changed"], again["sent"]) == (first["digest"], False, 0)
        assert not uploads(server)
    layout = Layout(project / "dist/oci/hello")
    index = Index.parse(layout.get_manifest(again["digest"])[1])
    manifests = [Manifest.parse(layout.get_manifest(entry.digest)[1]) for entry in index.manifests]
    assert not any(layout.has_blob(layer) for manifest in manifests for layer in manifest.layers)


def test_what_was_not_compressed_can_still_be_built(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A build wants the layers here, and writes them."""
    with FakeRegistry() as server:
        (first,) = publish(capsys, "host", "--to", f"{server.host}/acme")["published"]
        shutil.rmtree(project / "dist")
        publish(capsys, "host", "--to", f"{server.host}/acme")
    assert main(["build", "host", "-q"]) == 0
    layout = Layout(project / "dist/oci/host")
    assert layout.missing() == ()
    assert layout.resolve("latest").digest == first["digest"]


def test_a_layer_that_is_left_in_one_registry_is_sent_to_another(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Streamed from where it is."""
    with FakeRegistry() as server, FakeRegistry() as other:
        publish(capsys, "host", "--to", f"{server.host}/acme")
        shutil.rmtree(project / "dist")
        document = publish(capsys, "host", "--to", f"{server.host}/acme", "--to", f"{other.host}/acme")
        assert [one["changed"] for one in document["published"]] == [False, True]
        assert other.repository("acme/host").blobs == server.repository("acme/host").blobs


def test_a_layer_of_another_compressor_stays(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nodes have it already; the image built here names it by its own digest."""
    with FakeRegistry() as server:
        publish(capsys, "host", "--to", f"{server.host}/acme")
        store = server.repository("acme/host")
        found, raw = store.get_manifest("latest")
        (entry,) = Index.parse(raw, found.media_type).manifests
        manifest = Manifest.parse(store.get_manifest(entry.digest)[1])
        ours = manifest.layers[-1]
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file:
            file.write(gzip.decompress(store.blobs[ours.digest]))
        theirs = Descriptor.of(packed.getvalue(), OCI_LAYER_GZIP)
        assert theirs.digest != ours.digest
        server.put_blob("acme/host", packed.getvalue())
        made = Manifest.build(config=manifest.config, layers=(*manifest.layers[:-1], theirs))
        server.put_manifest("acme/host", made.raw, made.media_type)
        index = Index.build(manifests=[made.descriptor])
        server.put_manifest("acme/host", index.raw, index.media_type, tag="latest")
        shutil.rmtree(project / "dist")
        (one,) = publish(capsys, "host", "--to", f"{server.host}/acme", "--allow-older")["published"]
        (entry,) = Index.parse(store.get_manifest(one["digest"])[1]).manifests
        assert Manifest.parse(store.get_manifest(entry.digest)[1]).layers[-1] == theirs


def test_layers_of_a_base_are_brought_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second image on the same bases mounts them where the first has put them."""
    with FakeRegistry() as server:
        document = publish(capsys, "hello", "made", "--to", f"{server.host}/acme")
        assert [one["mounted"] for one in document["published"]] == [0, 3]
        assert sum("from=acme%2Fhello" in line for line in uploads(server)) == 3


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("GET .*/blobs/", "has 2 bytes, its descriptor says"),
        ("HEAD .*/blobs/", "is not in"),
        ("GET .*/manifests/sha256", "manifest"),
    ],
)
def test_no_tag_is_set_on_what_reads_back_wrong(
    project: Path, pattern: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A registry that takes everything and gives something else: exit code 4, and the tag is not there."""
    wrong = fake.status(404) if pattern.startswith("HEAD") else fake.body(b"{}")
    with FakeRegistry() as server:
        publish(capsys, "host", "--to", f"{server.host}/first")
        server.rules.append(Rule(pattern=rf"^{pattern}", fault=wrong, times=ALWAYS))
        document = publish(capsys, "host", "--to", f"{server.host}/acme", code=4)
        (failure,) = document["failures"]
        assert said.lower() in failure.lower()
        assert server.repository("acme/host").tags == {}
        server.rules.clear()
        publish(capsys, "host", "--to", f"{server.host}/acme")
        assert set(server.repository("acme/host").tags) == {"latest"}
