# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The `verify` verb: what it reads, knows and prints, and the projects and definitions that it is given."""

import json
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cli import main
from buildtools.cluster.nodes import EVERY_NODE
from buildtools.errors import UsageError, VerificationError
from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME
from buildtools.oci.descriptor import OCI_MANIFEST, Descriptor
from buildtools.oci.documents import Manifest
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.stores.base import Readable
from buildtools.stores.layout import Layout
from buildtools.stores.memory import MemoryStore
from buildtools.verify import definition_root, expectation, project_truth, verify_store
from buildtools.views.verify import entries_table, nodes_table, verify_json, verify_summary
from buildtools.workspace import Workspace
from tests.fakes.images import Image
from tests.fakes.project import make_project
from tests.fakes.shapes import (
    V2022,
    V2025,
    attestation,
    codes,
    index_of,
    layer,
    on,
    published,
    shape,
    store_of,
    vendor,
)

LINUX = shape(Platform(os="linux", architecture="amd64"), [layer("linux", system="linux")])
NANO = vendor(V2022)


def layout(path: Path, image: Image, *, without: int | None = None) -> Layout:
    """A layout with one image, maybe without one of its layers."""
    made = Layout(path)
    for number, data in enumerate(image.blobs):
        if number - 1 != without:
            made.put_blob(Descriptor.of(data, OCI_MANIFEST), partial(BytesIO, data))
    made.put_manifest(image.manifest.raw, image.manifest.media_type)
    index = index_of(image)
    made.put_index(made.put_manifest(index.raw, index.media_type), ref_name="1.0")
    return made


def test_a_layer_that_a_layout_leaves_to_the_bases_registry_is_a_note(tmp_path: Path) -> None:
    """It is the lowest; the uppermost is nobody's but the image's."""
    image = on(NANO)
    left = verify_store(layout(tmp_path / "left", image, without=0), "1.0")
    assert codes(left.findings)[:1] == ["blob-left-out note"]
    assert left.findings[0].message == (
        f"layer 0 of manifests[0] (windows/amd64:{V2022}) ({image.manifest.layers[0].digest[7:19]}) is left to its base's registry, so it was not read"
    )
    assert (left.layers, left.errors) == (1, ())
    for quick in (False, True):
        lost = verify_store(layout(tmp_path / f"lost{quick}", image, without=1), "1.0", quick=quick)
        assert [finding.message for finding in lost.errors] == [
            f"layer 1 of manifests[0] (windows/amd64:{V2022}) ({image.manifest.layers[1].digest[7:19]}) is not in the layout"
        ]


def test_a_foreign_layer_is_one_finding(tmp_path: Path) -> None:
    """It is refused, and nobody asks for it."""
    image = on(NANO)
    foreign = replace(image.manifest.layers[0], urls=("https://example.com/x",))
    manifest = Manifest.build(config=image.manifest.config, layers=[foreign, image.manifest.layers[1]])
    made = layout(tmp_path / "x", replace(image, manifest=manifest), without=0)
    assert [finding.code for finding in verify_store(made, "1.0").errors] == ["foreign-layer"]


def test_bases_that_annotations_name() -> None:
    """Each is asked once; what cannot be is a note, and what is none too."""
    base = published(NANO)
    digest = base.tags["1.0"]
    named = {BASE_NAME: "mcr.microsoft.com/windows/nanoserver:ltsc2022", BASE_DIGEST: digest}
    right, second = (on(NANO, None, layer(text), annotations=named) for text in ("one", "two"))
    lying = on(vendor(V2025), annotations=named)
    store = published(lying, right, second, on(vendor("10.0.17763.1"), annotations={BASE_NAME: "a b"}))
    asked: list[str] = []

    def ask(text: str) -> tuple[Readable, str]:
        asked.append(text)
        if text == "a b":
            raise UsageError("'a b' is no reference")
        return base, "ltsc2022"

    found = verify_store(store, "1.0", ask=ask)
    assert asked == ["mcr.microsoft.com/windows/nanoserver:ltsc2022", "a b"]
    assert [found.verdicts[entry.descriptor].state for entry in found.tree.entries] == [
        "wrong",
        "right",
        "right",
        "unknown",
    ]
    assert [finding.message for finding in found.findings if finding.code == "base-unasked"] == [
        "the base a b could not be asked: 'a b' is no reference"
    ]
    assert "base-annotation" in [finding.code for finding in found.errors]


def test_an_image_does_not_choose_folders_that_are_read() -> None:
    """A base that lies in a layout of this machine is none that an annotation may name."""
    asked: list[str] = []

    def ask(text: str) -> tuple[Readable, str]:
        asked.append(text)
        return published(NANO), "1.0"

    found = verify_store(published(on(NANO, annotations={BASE_NAME: "oci:/etc/x"})), "1.0", ask=ask)
    assert asked == []
    assert "the base oci:/etc/x could not be asked: it is a folder and no reference in a registry" in [
        item.message for item in found.findings
    ]


def test_no_more_than_twenty_bases_are_asked() -> None:
    """An index may name as many registries as it likes."""
    images = [
        on(NANO, None, layer(str(number)), annotations={BASE_NAME: f"x/{number}"}) for number in range(22)
    ]
    asked: list[str] = []

    def ask(text: str) -> tuple[Readable, str]:
        asked.append(text)
        return published(NANO), "1.0"

    found = verify_store(published(*images), "1.0", ask=ask, quick=True)
    assert asked == [f"x/{number}" for number in range(20)]
    assert "2 more bases that the images name were not asked" in [item.message for item in found.findings]


def test_a_base_that_is_no_image_is_a_note() -> None:
    """Whatever its registry answers."""
    store = published(on(NANO, annotations={BASE_NAME: "x/y:1"}))
    broken = MemoryStore()
    broken.put_manifest(b"[]", OCI_MANIFEST, tag="1")
    found = verify_store(store, "1.0", ask=lambda _: (broken, "1"))
    (note,) = [finding for finding in found.findings if finding.code == "base-unasked"]
    assert note.message.startswith(
        "the base x/y:1 could not be asked: the manifest or index must be a JSON object"
    )


def test_what_is_not_there_at_all() -> None:
    """Is an error of verification; a document that is none, too."""
    store = MemoryStore("ghcr.io/acme/app")
    with pytest.raises(VerificationError, match=r"^Manifest 1\.0 is not in ghcr\.io/acme/app$"):
        verify_store(store, "1.0")
    store.put_manifest(b"[]", OCI_MANIFEST, tag="1.0")
    with pytest.raises(VerificationError) as caught:
        verify_store(store, "1.0")
    assert str(caught.value) == (
        "1.0 in ghcr.io/acme/app cannot be read: the manifest or index must be a JSON object, it is a list: publish it again"
    )


@given(data=st.data())
def test_no_bytes_make_a_traceback(data: st.DataObject) -> None:
    """Whatever stands in a manifest, config, index or layer, under its digest or not."""
    store = published(LINUX, on(NANO, Env=["PATH=x"], User="y"))
    place = data.draw(st.sampled_from([*store.manifests, *store.blobs]))
    kind, raw = store.manifests.get(place) or ("", store.blobs[place])
    start = data.draw(st.integers(0, len(raw)))
    length = data.draw(st.integers(0, 8))
    strange = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"null", b"{}", b"[]", b'"x"', b"-1", b"1e9"])
    )
    changed = raw[:start] + strange + raw[start + length :]
    if kind:
        store.manifests[place] = (kind, changed)
    else:
        store.blobs[place] = changed
    with suppress(VerificationError):
        found = verify_store(store, "1.0")
        json.dumps(verify_json(found))
        entries_table(found)
        nodes_table(found)
        verify_summary(found)


def test_the_tables() -> None:
    """Entries with their bases; machines with what their runtimes agree on."""
    entry, blobs = attestation(LINUX)
    index = index_of(LINUX, on(NANO), entry)
    store = store_of(index, LINUX, on(NANO))
    store.blobs |= blobs
    store.manifests[entry.digest] = (OCI_MANIFEST, blobs[entry.digest])
    found = verify_store(store, "1.0", quick=True)
    table = entries_table(found)
    assert table.title == f"ghcr.io/acme/app  {index.descriptor.digest}"
    assert [(row[0], row[1], row[3], row[5]) for row in table.rows] == [
        ("1", "linux/amd64", "1", "–"),
        ("2", f"windows/amd64:{V2022}", "2", "not known"),
        ("3", "unknown/unknown", "1", "an attestation"),
    ]
    nodes = nodes_table(found)
    assert nodes.columns == ("node", "takes", "base", "runtime")
    assert nodes.rows[0] == ("linux/amd64", "linux/amd64", "–", "containerd, docker, cri-o, podman")
    assert ("Windows Server 2022", f"windows/amd64:{V2022}", "not known", "containerd, docker") in nodes.rows
    assert verify_summary(found) == (
        f"Verified 3 images with 4 layers that were not read for {len(EVERY_NODE)} kinds of node: 1 warning, 5 notes."
    )


def test_the_document() -> None:
    """The same as data."""
    found = verify_store(published(LINUX, on(NANO)), "1.0")
    document = verify_json(found)
    assert json.loads(json.dumps(document)) == document
    assert {key: document[key] for key in ("schema", "name", "digest", "quick", "layers", "errors")} == {
        "schema": 1,
        "name": "ghcr.io/acme/app",
        "digest": found.tree.descriptor.digest,
        "quick": False,
        "layers": 3,
        "errors": 0,
    }
    entry = document["entries"][1]
    assert (entry["name"], entry["base"], entry["base_name"]) == (
        f"manifests[1] (windows/amd64:{V2022})",
        "unknown",
        "",
    )
    assert (entry["stand_in"], entry["attestation"], entry["missing_blobs"]) == (False, False, [])
    row = document["nodes"][0]
    assert row == {
        "node": "linux/amd64",
        "platform": {"os": "linux", "architecture": "amd64"},
        "runtime": str(EVERY_NODE[0].runtime),
        "digest": LINUX.entry.digest,
        "takes": "linux/amd64",
        "runs": True,
        "best": True,
        "base": "none",
        "reason": f"{EVERY_NODE[0].runtime} takes linux/amd64, which is for its processor",
    }
    assert {finding["severity"] for finding in document["findings"]} == {"note"}


def workspace(root: Path) -> Workspace:
    """The small project."""
    return Workspace(root=make_project(root), dist=root / "dist", settings=Settings())


def test_what_a_project_knows(tmp_path: Path) -> None:
    """The HostProcess base, and a stand-in for each base that lives in a registry."""
    names = sorted(base.name for base in project_truth(workspace(tmp_path)).bases)
    assert names == [
        "the HostProcess base",
        *(
            f"the stand-in for mcr.microsoft.com/windows/nanoserver:{tag}"
            for tag in ("1809", "ltsc2022", "ltsc2025")
        ),
    ]


def test_a_definition_names_its_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By where it lies, however it is written."""
    made = workspace(tmp_path)
    monkeypatch.chdir(tmp_path / "images" / "hello")
    assert definition_root(Path("image.yaml")) == (tmp_path, "hello")
    assert expectation(made, "hello").image.name == "hello"
    for wrong in ("hello.sh", "gone/image.yaml", "../defaults.yaml"):
        with pytest.raises(UsageError, match="is not the definition of an image"):
            definition_root(Path(wrong))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code and what was printed."""
    code = main(["verify", "-q", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_project_that_nobody_named_may_be_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is passed over with a warning; one that was named is not."""
    layout(tmp_path / "layout", LINUX)
    root = make_project(tmp_path / "project", **{"images/pins.json": "{"})
    reference = f"oci:{tmp_path}/layout"
    monkeypatch.chdir(root)
    code, _, err = run(capsys, reference)
    assert code == 0
    assert f"warning: the project in {root} cannot be read, so its pinned bases are not known" in err
    assert run(capsys, reference, "-C", str(root))[0] == 2
    assert run(capsys, reference, "--expect", "images/hello/image.yaml")[0] == 2


def test_a_definition_of_another_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which of the two is meant nobody can tell."""
    one, other = make_project(tmp_path / "one"), make_project(tmp_path / "other")
    path = one / "images" / "hello" / "image.yaml"
    code, _, err = run(capsys, "x:1", "--expect", str(path), "-C", str(other))
    assert (code, err) == (2, f"error: {path} is not in the project {other}: leave --project out\n")


def test_errors_end_with_their_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the tables and the sentence; under GitHub Actions each is an annotation, beside JSON too."""
    made = layout(
        tmp_path / "layout",
        shape(Platform(os="linux", architecture="amd64"), [layer("x", system="linux")], diff_ids=[]),
    )
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, f"oci:{made.path}")
    assert code == 4
    assert out.rstrip().endswith("1 error, 1 note.")
    assert err.endswith("error: 1 error: mend what is wrong, publish, and verify again\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    code, out, err = run(capsys, f"oci:{made.path}", "--json")
    assert json.loads(out)["errors"] == 1
    assert (
        "::error title=layer-count::manifests[0] (linux/amd64) has 1 layers and 0 diff_ids in its config"
        in err
    )
