"""The OCI layout on disk: its files, its sweeping, its sentences."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from buildtools.errors import BuildError, VerificationError
from buildtools.oci.descriptor import OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import Digest, digest_of, encoded
from buildtools.oci.platform import Platform
from buildtools.stores.base import NotFoundError
from buildtools.stores.layout import REF_NAME, Layout
from tests.fakes.images import Image, image, index

BASE_LAYER = b"a base layer that stays in its registry"
IMAGE = image(layers=(BASE_LAYER, b"application"))
OTHER = image(Platform(os="linux", architecture="arm64"))
INDEX = index(IMAGE, OTHER)


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A layout that nobody has written to."""
    layout = Layout(tmp_path / "dist" / "app")
    yield layout
    layout.close()


def put(layout: Layout, item: Image, *, without: bytes = b"") -> None:
    """Write an image, but for one blob."""
    for data in item.blobs:
        if data != without:
            layout.put_blob(Descriptor.of(data, OCI_LAYER), partial(io.BytesIO, data))
    layout.put_manifest(item.manifest.raw, item.manifest.media_type)


def put_all(layout: Layout) -> Descriptor:
    """Write INDEX with its images, but for the base layer, and name it."""
    put(layout, IMAGE, without=BASE_LAYER)
    put(layout, OTHER)
    descriptor = layout.put_manifest(INDEX.raw, INDEX.media_type)
    layout.put_index(descriptor, ref_name="1.0")
    return descriptor


def files(layout: Layout) -> set[str]:
    """All files of the layout but the lock and session files."""
    found = {path.relative_to(layout.path).as_posix() for path in layout.path.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith((".session", "/lock"))}


def test_nothing_is_created_before_the_first_write(layout: Layout) -> None:
    """Looking at a layout does not make one."""
    assert not layout.has_blob(Descriptor.of(b"x", OCI_LAYER))
    assert layout.sweep() == ()
    assert not layout.path.exists()
    with pytest.raises(NotFoundError) as caught:
        layout.entries()
    assert str(caught.value) == (
        f"{layout.path} is no OCI image layout, it has no index.json: "
        "name a folder that `buildtools build` or another tool has written"
    )


def test_the_first_write_makes_a_valid_layout(layout: Layout) -> None:
    """Even a build that is killed then leaves a layout that tools can read."""
    with layout.new_blob():
        assert json.loads((layout.path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
        assert json.loads((layout.path / "index.json").read_bytes()) == {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [],
        }
    assert layout.entries() == ()
    assert files(layout) == {"oci-layout", "index.json"}


def test_put_index_names_one_index(layout: Layout) -> None:
    """index.json has exactly one entry, with the ref name, whatever stood there."""
    descriptor = put_all(layout)
    layout.put_manifest(OTHER.manifest.raw, OCI_MANIFEST, tag="stray")
    assert len(layout.entries()) == 2
    layout.put_index(descriptor, ref_name="2.0")
    assert json.loads((layout.path / "index.json").read_bytes()) == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": OCI_INDEX,
                "digest": INDEX.descriptor.digest,
                "size": len(INDEX.raw),
                "annotations": {REF_NAME: "2.0"},
            }
        ],
    }
    assert layout.get_manifest("2.0") == (INDEX.descriptor, INDEX.raw)
    with pytest.raises(NotFoundError) as caught:
        layout.get_manifest("1.0")
    assert str(caught.value) == f"{layout.path} has no image named '1.0': it names 2.0"


def test_writing_twice_gives_the_same_files(layout: Layout, tmp_path: Path) -> None:
    """A layout holds nothing of its day or order."""
    put_all(layout)
    again = Layout(tmp_path / "again")
    put(again, OTHER)
    put_all(again)
    assert files(again) == files(layout)
    assert all((again.path / name).read_bytes() == (layout.path / name).read_bytes() for name in files(again))
    again.close()


@pytest.mark.parametrize("lacking", [OTHER.manifest.raw, OTHER.blobs[0]], ids=["manifest", "config"])
def test_put_index_refuses_an_index_with_holes(layout: Layout, lacking: bytes) -> None:
    """Manifests and configs must be there; index.json stays as it was."""
    put(layout, IMAGE)
    put(layout, OTHER)
    descriptor = layout.put_manifest(INDEX.raw, INDEX.media_type)
    (layout.path / "blobs" / "sha256" / encoded(digest_of(lacking))).unlink()
    with pytest.raises(BuildError) as caught:
        layout.put_index(descriptor, ref_name="1.0")
    kind = OCI_MANIFEST if lacking == OTHER.manifest.raw else OTHER.manifest.config.media_type
    assert str(caught.value) == (
        f"{layout.path} lacks {kind} {digest_of(lacking)} that {descriptor.digest} names: "
        "another command swept the folder; build again"
    )
    assert layout.entries() == ()


def test_missing_lists_what_is_left_to_the_registry(layout: Layout) -> None:
    """A base layer may be missing, and is listed with its descriptor."""
    put_all(layout)
    assert layout.missing() == (IMAGE.manifest.layers[0],)
    assert layout.reachable() == {
        INDEX.descriptor.digest,
        *(item.manifest.descriptor.digest for item in (IMAGE, OTHER)),
        *(digest_of(blob) for item in (IMAGE, OTHER) for blob in item.blobs),
    }
    with pytest.raises(NotFoundError) as caught:
        layout.get_blob(IMAGE.manifest.layers[0])
    assert str(caught.value) == (
        f"Blob {digest_of(BASE_LAYER)} is not in {layout.path}: "
        "layers of a base stay in its registry until the image is published"
    )


def test_sweep_deletes_what_nothing_names(layout: Layout) -> None:
    """Blobs that neither index.json nor `keep` name go; foreign files stay."""
    put_all(layout)
    before = files(layout)
    for data in (b"old", b"kept"):
        layout.put_blob(Descriptor.of(data, OCI_LAYER), partial(io.BytesIO, data))
    (layout.path / "blobs" / "sha256" / "README").write_text("not a blob")
    assert layout.sweep(keep=[digest_of(b"kept")]) == (digest_of(b"old"),)
    kept = {f"blobs/sha256/{encoded(digest_of(b'kept'))}", "blobs/sha256/README"}
    assert files(layout) == before | kept


def test_sweep_waits_for_other_writers(layout: Layout) -> None:
    """While someone else writes, their blobs may not be named yet."""
    put_all(layout)
    other = Layout(layout.path)
    other.put_blob(Descriptor.of(b"theirs", OCI_LAYER), partial(io.BytesIO, b"theirs"))
    assert layout.sweep() == ()
    other.close()
    assert layout.sweep() == (digest_of(b"theirs"),)


def test_sweep_deletes_what_dead_processes_left(layout: Layout) -> None:
    """Temporary and session files without a living owner go."""
    put_all(layout)
    work = layout.path / ".buildtools"
    for name in ("0123456789abcdef.session", "0123456789abcdef.7", "feedfeedfeedfeed.0"):
        (work / name).write_bytes(b"left over")
    with layout.new_blob() as writer:
        writer.write(b"still being written")
        layout.sweep()
        writer.commit(Descriptor.of(b"still being written", OCI_LAYER))
    assert sorted(path.suffix for path in work.iterdir()) == ["", ".session"]


def test_an_object_that_is_gone_holds_nothing(layout: Layout) -> None:
    """Without close, the session ends with the object."""
    put_all(layout)
    passing = Layout(layout.path)
    passing.put_blob(Descriptor.of(b"x", OCI_LAYER), partial(io.BytesIO, b"x"))
    del passing
    assert layout.sweep() == (digest_of(b"x"),)


def test_a_closed_layout_may_be_used_again(layout: Layout) -> None:
    """Closing ends the session, not the object."""
    put_all(layout)
    layout.close()
    layout.close()
    layout.put_blob(Descriptor.of(b"x", OCI_LAYER), partial(io.BytesIO, b"x"))
    assert layout.has_blob(Descriptor.of(b"x", OCI_LAYER))


def test_damage_is_found_and_mended(layout: Layout) -> None:
    """A rotten blob is refused on reading; writing it again puts it right."""
    put_all(layout)
    path = layout.path / "blobs" / "sha256" / encoded(OTHER.manifest.descriptor.digest)
    path.write_bytes(OTHER.manifest.raw.replace(b"arm64", b"amd64") + b" ")
    with pytest.raises(VerificationError) as caught:
        layout.get_manifest(OTHER.manifest.descriptor.digest)
    assert str(caught.value) == (
        f"The bytes of manifest {OTHER.manifest.descriptor.digest} in {layout.path} "
        f"have digest {digest_of(path.read_bytes())}: "
        "they were damaged or replaced; delete that copy and fetch or build it again"
    )
    layout.put_manifest(OTHER.manifest.raw, OCI_MANIFEST)
    assert layout.get_manifest(OTHER.manifest.descriptor.digest)[1] == OTHER.manifest.raw


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"{}", "schemaVersion must be 2, it is missing"),
        (b"[", "the manifest or index is not JSON (Expecting value: line 1 column 2 (char 1))"),
    ],
)
def test_a_broken_index_is_named(layout: Layout, raw: bytes, problem: str) -> None:
    """The sentence names the file."""
    put_all(layout)
    path = layout.path / "index.json"
    path.write_bytes(raw)
    with pytest.raises(VerificationError) as caught:
        layout.entries()
    assert str(caught.value) == f"{path} cannot be used: {problem}"


def test_a_manifest_above_the_limit_is_not_read(layout: Layout) -> None:
    """A huge file under a manifest's name is not taken into memory."""
    put_all(layout)
    path = layout.path / "blobs" / "sha256" / encoded(OTHER.manifest.descriptor.digest)
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(BuildError) as caught:
        layout.get_manifest(OTHER.manifest.descriptor.digest)
    assert str(caught.value) == (
        f"Manifest {OTHER.manifest.descriptor.digest} in {layout.path} has more than 4194304 bytes, "
        "registries and nodes take at most 4194304: it has too many entries, layers or annotations"
    )


def test_a_layout_of_another_tool_is_read(tmp_path: Path) -> None:
    """A layout without our files, and without media types, is read and stays as it is."""
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "config": IMAGE.manifest.config.to_json(),
            "layers": [],
        }
    ).encode()
    (blobs / encoded(digest_of(raw))).write_bytes(raw)
    entry = {**Descriptor.of(raw, OCI_MANIFEST).to_json(), "annotations": {REF_NAME: "latest"}}
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    layout = Layout(tmp_path)
    assert layout.get_manifest("latest") == (Descriptor.of(raw, OCI_MANIFEST), raw)
    assert layout.resolve(digest_of(raw)).media_type == OCI_MANIFEST
    assert layout.missing() == (IMAGE.manifest.config,)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    """The sentence names what stands in the way."""
    (tmp_path / "dist").write_text("")
    with pytest.raises(BuildError) as caught:
        Layout(tmp_path / "dist").put_manifest(INDEX.raw, OCI_INDEX)
    assert str(caught.value) == (
        f"{tmp_path / 'dist' / 'blobs' / 'sha256'} cannot be written: "
        "a file stands where a folder should be: move it away or choose another place"
    )


def test_reads_do_not_change_the_layout(layout: Layout) -> None:
    """A reader needs no lock and leaves no file."""
    put_all(layout)
    layout.close()
    before = sorted(path.as_posix() for path in layout.path.rglob("*"))
    reader = Layout(layout.path)
    reader.get_manifest("1.0")
    assert reader.missing()
    assert sorted(path.as_posix() for path in layout.path.rglob("*")) == before


def test_an_unknown_digest_is_missing(layout: Layout) -> None:
    """A digest that nobody wrote is not there."""
    put_all(layout)
    digest = Digest("sha256:" + "0" * 64)
    assert not layout.has_blob(replace(OTHER.manifest.descriptor, digest=digest))
    with pytest.raises(NotFoundError) as caught:
        layout.get_manifest(digest)
    assert str(caught.value) == f"Manifest {digest} is not in {layout.path}"
