# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Layers read back in one pass: digest, diff_id, rules; each once, whatever happens to the others."""

import gzip
import hashlib
import io
from dataclasses import replace
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import Diagnostic, UnavailableError
from buildtools.layers import (
    ask_layers,
    most_inflated,
    read_contents,
    read_layers,
    readable_entries,
    shared_layers,
)
from buildtools.oci.compress import MOST_INFLATED
from buildtools.oci.descriptor import OCI_LAYER_ZSTD, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Manifest
from buildtools.oci.platform import Platform
from buildtools.stores.memory import MemoryStore
from tests.fakes.images import Image, entries
from tests.fakes.shapes import V2019, V2022, layer, on, shape, tar, vendor, windows

AMD64 = Platform(os="linux", architecture="amd64")


def store(*images: Image) -> MemoryStore:
    """A store with these images."""
    made = MemoryStore()
    for image in images:
        image.put(made)
    return made


def read(made: MemoryStore, *images: Image, vendors: frozenset[str] = frozenset()) -> list[str]:
    """Code and sentence of every finding about the layers of these images."""
    found = read_layers(made, shared_layers(entries(*images)), vendors=vendors)  # type: ignore[arg-type]
    return [f"{item.code}: {item.message}" for item in found]


def test_a_layer_that_images_share_is_one() -> None:
    """With every use of it; a foreign one is left out."""
    base = vendor(V2022)
    first, second = on(base), on(vendor(V2019))
    layers = shared_layers(entries(first, second))
    assert [[(use.entry.name, use.place) for use in one.uses] for one in layers] == [
        [("entry 0", 0)],
        [("entry 0", 1), ("entry 1", 1)],
        [("entry 1", 0)],
    ]
    foreign = replace(first.manifest.layers[0], urls=("https://example.com/x",))
    manifest = Manifest.build(config=first.manifest.config, layers=[foreign, first.manifest.layers[1]])
    (one,) = shared_layers([replace(entries(first)[0], manifest=manifest)])
    assert one.descriptor == first.manifest.layers[1]


def test_good_layers_have_no_findings() -> None:
    """Of either operating system."""
    images = (on(vendor(V2022)), shape(AMD64, [layer("x", system="linux")]))
    assert read(store(*images), *images) == []


def test_a_diff_id_is_held_against_every_config() -> None:
    """Each image that says another one has a finding of its own."""
    data = layer("x", system="linux")
    right = digest_of(gzip.decompress(data))
    wrong = f"sha256:{'0' * 64}"
    images = [shape(AMD64, [data], diff_ids=told) for told in ([right], [wrong], [])]
    assert read(store(*images), *images) == [
        f"diff-id: layer 0 of entry 1 unpacks to {right}, its config says {wrong}"
    ]


def test_what_is_missing_or_damaged_ends_nothing() -> None:
    """The other layers are read, in the order of the images."""
    lost, torn, bad = (
        shape(AMD64, [data]) for data in (layer("a", system="linux"), layer("b", system="linux"), tar("../x"))
    )
    made = store(lost, torn, bad)
    del made.blobs[lost.manifest.layers[0].digest]
    made.blobs[torn.manifest.layers[0].digest] = torn.blobs[1][:-1] + b"?"
    digest = torn.manifest.layers[0].digest
    found = read(made, lost, torn, bad)
    assert (
        found[0]
        == f"blob-missing: layer 0 of entry 0 ({lost.manifest.layers[0].digest[7:19]}) is not in the repository"
    )
    assert found[1].startswith(
        f"damaged: layer 0 of entry 1 cannot be read: The bytes of blob {digest} in memory have digest "
    )
    assert found[2] == "L1-path: linux/amd64: ../x: its name has a .. in it and leaves the image"
    assert len(found) == 3


def test_layers_of_a_vendor_are_hashed_and_not_judged() -> None:
    """Unless they cannot be read at all."""
    base = shape(windows(V2022), [tar("Files/", "Files/con.txt")])
    broken = shape(windows(V2019), [b"\x1f\x8b no gzip"], diff_ids=[])
    vendors = frozenset(image.manifest.layers[0].digest for image in (base, broken))
    assert [text.partition(":")[0] for text in read(store(base), base)] == ["R10-name"]
    assert read(store(base), base, vendors=vendors) == []
    assert [text.partition(":")[0] for text in read(store(broken), broken, vendors=vendors)] == [
        "layer-damaged"
    ]


def test_zstd_is_hashed_and_not_unpacked() -> None:
    """A note says so; its bytes are held to the digest all the same."""
    data = b"\x28\xb5\x2f\xfd" + bytes(100)
    made = shape(AMD64, [layer("x", system="linux")])
    zstd = Manifest.build(config=made.manifest.config, layers=[Descriptor.of(data, OCI_LAYER_ZSTD)])
    (entry,) = entries(replace(made, manifest=zstd))
    held = MemoryStore()
    held.blobs[digest_of(data)] = data
    (note,) = read_layers(held, shared_layers([entry]))
    assert (note.code, note.severity) == ("layer-unread", "note")
    assert (
        note.message
        == "layer 0 of entry 0 is compressed with zstd, so its digest is right and its content was not looked at"
    )
    held.blobs[digest_of(data)] = data[:-1] + b"x"
    assert [finding.code for finding in read_layers(held, shared_layers([entry]))] == ["damaged"]


def test_another_kind_of_blob_is_hashed_alone() -> None:
    """What `validate` says of its media type is enough."""
    data = b'{"predicate": 1}'
    made = shape(AMD64, [layer("x", system="linux")])
    odd = Manifest.build(
        config=made.manifest.config, layers=[Descriptor.of(data, "application/vnd.in-toto+json")]
    )
    held = MemoryStore()
    held.blobs[digest_of(data)] = data
    assert list(read_layers(held, shared_layers(entries(replace(made, manifest=odd))))) == []


def test_layers_are_asked_for_without_being_read() -> None:
    """Those that are not there with their size are named."""
    images = (on(vendor(V2022)), shape(AMD64, [layer("x", system="linux")]))
    made = store(*images)
    gone = images[1].manifest.layers[0]
    made.blobs[gone.digest] = b"1"
    (finding,) = ask_layers(made, shared_layers(entries(*images)))
    assert str(finding) == (
        f"layer 0 of entry 1 ({gone.digest[7:19]}) is not in the repository with {gone.size} bytes: publish the image again"
    )


def test_more_layers_than_anybody_has_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond the cap is counted."""
    monkeypatch.setattr("buildtools.layers.MAX_LAYERS", 2)
    image = shape(AMD64, [layer(str(number), system="linux") for number in range(3)])
    sentence = "the images have 3 layers, no more than 2 were looked at"
    assert read(store(image), image) == [f"too-much: {sentence}"]
    assert [finding.message for finding in ask_layers(store(image), shared_layers(entries(image)))] == [
        sentence
    ]


class Down(MemoryStore):
    """A store behind a network that is gone."""

    def get_blob(self, descriptor: Descriptor) -> io.BytesIO:  # type: ignore[override]
        """Nothing."""
        raise UnavailableError("gone")


def test_a_network_that_is_gone_is_no_finding() -> None:
    """It is raised."""
    with pytest.raises(UnavailableError):
        list(read_layers(Down(), shared_layers(entries(on(vendor(V2022))))))


class Endless(io.RawIOBase):
    """Zeros without an end."""

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """As many as there is room for."""
        buffer[:] = bytes(len(buffer))
        return len(buffer)


class Stream(MemoryStore):
    """A store where one blob never ends."""

    def get_blob(self, descriptor: Descriptor) -> BinaryIO:
        """Zeros for what is large, else the blob."""
        return io.BufferedReader(Endless()) if descriptor.size > 10**9 else super().get_blob(descriptor)


def test_a_layer_without_an_end_holds_nobody_up() -> None:
    """Whoever is interrupted need not wait for it."""
    image = shape(AMD64, [tar("../x"), layer("x", system="linux")])
    first, second = image.manifest.layers
    endless = Manifest.build(config=image.manifest.config, layers=[first, replace(second, size=10**12)])
    made = Stream()
    image.put(made)
    reading = read_layers(made, shared_layers(entries(replace(image, manifest=endless))))
    assert next(reading).code == "L1-path"
    reading.close()


def test_large_layers_are_told_of_as_they_are_read() -> None:
    """Small ones are not worth a word."""
    told: list[str] = []
    image = shape(AMD64, [layer("x", system="linux")])
    large = replace(image.manifest.layers[0], size=60_000_000)
    manifest = Manifest.build(config=image.manifest.config, layers=[large])
    list(
        read_layers(
            store(image),
            shared_layers(entries(replace(image, manifest=manifest), on(vendor(V2022)))),
            note=told.append,
        )
    )
    assert told == [f"read {large.digest[7:19]}, 1 of 3 layers"]


def codes(data: bytes, **settings: int) -> tuple[str | None, list[Diagnostic]]:
    """What one pass over these bytes finds on Linux."""
    found = read_contents(io.BytesIO(data), "linux", is_base=False, **settings)
    return found.diff_id, found.findings


def test_a_bomb_ends_at_its_cap_and_has_no_diff_id() -> None:
    """What came before it is told."""
    diff_id, found = codes(tar("../x", *(f"{number}" for number in range(5000))), most=2_000_000)
    assert diff_id is None
    assert [item.code for item in found] == ["L1-path", "layer-damaged"]
    assert found[1].message == "the layer inflates to more than 2000000 bytes"
    assert [most_inflated(size) // 1024**3 for size in (0, 10**9, 10**12)] == [1, 32, 32]
    assert most_inflated(10**12) == MOST_INFLATED


def test_a_tar_that_is_damaged_has_a_diff_id_all_the_same() -> None:
    """Its bytes are whole; where the stream is not, one finding says it."""
    data = b"no tar" * 200
    diff_id, found = codes(gzip.compress(data))
    assert (diff_id, [item.code for item in found]) == (digest_of(data), ["layer-damaged"])
    torn = gzip.compress(data)[:-4]
    diff_id, found = codes(torn)
    assert (diff_id, [item.code for item in found]) == (None, ["layer-damaged"])
    assert found[0].message.startswith("the archive has a header")
    diff_id, found = codes(tar("a")[:-4])
    assert (diff_id, [item.message for item in found]) == (None, ["the layer's gzip stream ends too early"])


def test_findings_beyond_twenty_are_counted() -> None:
    """One cause is behind most of them."""
    _, found = codes(tar(*(f"../{number}" for number in range(25))))
    assert len(found) == 21
    assert (found[-1].code, found[-1].message) == ("more", "5 more findings about this layer are not shown")


@given(data=st.binary(max_size=3000), cut=st.integers(0, 400))
def test_a_diff_id_is_that_of_the_plain_bytes(data: bytes, cut: int) -> None:
    """Whatever they are, and only where the stream is whole."""
    diff_id, _ = codes(gzip.compress(data))
    assert diff_id == f"sha256:{hashlib.sha256(data).hexdigest()}"
    torn = gzip.compress(data)[: -1 - cut]
    diff_id, found = codes(torn)
    assert found or not torn
    assert diff_id in {None, digest_of(torn)}
    list(readable_entries(io.BytesIO(torn)))
