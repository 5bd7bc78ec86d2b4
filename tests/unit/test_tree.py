"""An index with all below it: each document once, every fault with the name of its entry."""

import pytest

from buildtools.errors import AuthenticationError, BuildtoolsError, UnavailableError, VerificationError
from buildtools.oci.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.documents import DocumentError, Index
from buildtools.oci.platform import Platform
from buildtools.stores.base import NotFoundError
from buildtools.stores.memory import MemoryStore
from buildtools.tree import first_error, read_tree
from tests.fakes.images import Image, image, index

LINUX = image(layers=(b"one",))
ARM = image(Platform(os="linux", architecture="arm64"))


class Counting(MemoryStore):
    """Counts what is asked; `broken` are identifiers that raise."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.broken: dict[str, BuildtoolsError] = {}

    def get_manifest(self, identifier: str) -> tuple[Descriptor, bytes]:
        """The manifest, or what is to be raised."""
        self.asked.append(identifier)
        if identifier in self.broken:
            raise self.broken[identifier]
        return super().get_manifest(identifier)


def stored(*images: Image, document: Index | None = None) -> Counting:
    """A store with an index of these images."""
    store = Counting()
    for item in images:
        item.put(store)
    made = document or index(*images)
    store.put_manifest(made.raw, made.media_type, tag="1.0")
    return store


def test_an_image_that_two_entries_name_is_read_once() -> None:
    """It is an entry twice all the same."""
    store = stored(LINUX, document=index(LINUX, LINUX))
    tree = read_tree(store, "1.0")
    assert len(store.asked) == 2
    assert [entry.name for entry in tree.entries] == [
        "manifests[0] (linux/amd64)",
        "manifests[1] (linux/amd64)",
    ]


def test_a_fault_is_told_for_each_entry_that_has_it() -> None:
    """And the other entries are read."""
    store = stored(ARM, document=index(LINUX, ARM, LINUX))
    tree = read_tree(store, "1.0")
    assert [entry.platform.architecture for entry in tree.entries] == ["arm64"]
    assert [str(fault.finding) for fault in tree.faults] == [
        f"manifests[{place}] (linux/amd64) is not in the repository: publish the image before the index, in "
        "the same repository"
        for place in (0, 2)
    ]


def test_a_single_image_is_not_asked_for_twice() -> None:
    """Its manifest is at hand already."""
    store = stored(LINUX)
    tree = read_tree(store, LINUX.entry.digest, deep=True)
    assert store.asked == [LINUX.entry.digest]
    assert [entry.descriptor for entry in tree.entries] == [LINUX.entry]


def test_nested_indexes_are_read_where_it_goes_deep() -> None:
    """Each once, with names that tell where they are."""
    inner = index(ARM)
    nested = Descriptor.of(inner.raw, OCI_INDEX)
    outer = Index.build(manifests=[LINUX.entry, nested, nested])
    store = stored(LINUX, ARM, document=outer)
    store.put_manifest(inner.raw, inner.media_type)
    assert read_tree(store, "1.0").nested == ()
    tree = read_tree(store, "1.0", deep=True)
    (found,) = tree.nested
    assert found.name.startswith("manifests[1] (")
    assert [entry.name for entry in tree.images] == [
        "manifests[0] (linux/amd64)",
        f"manifests[0] (linux/arm64) of {found.name}",
    ]
    assert tree.others == (nested, nested)


def test_a_nested_index_that_cannot_be_read() -> None:
    """Missing, or an image by its bytes."""
    for raw, code in ((b"{}", "child-missing"), (LINUX.manifest.raw, "unreadable")):
        nested = Descriptor.of(raw, OCI_INDEX)
        store = stored(LINUX, document=Index.build(manifests=[nested]))
        tree = read_tree(store, "1.0", deep=True)
        assert [fault.finding.code for fault in tree.faults] == [code]


def test_the_outermost_document_must_be_one() -> None:
    """Nothing can be said of what is none."""
    store = Counting()
    store.put_manifest(b"[]", OCI_MANIFEST, tag="1.0")
    with pytest.raises(DocumentError):
        read_tree(store, "1.0")


@pytest.mark.parametrize("error", [UnavailableError("gone"), AuthenticationError("no")])
@pytest.mark.parametrize("place", [0, 1])
def test_what_says_nothing_about_the_image_is_raised(error: BuildtoolsError, place: int) -> None:
    """Of an image and of a nested index."""
    inner = index(ARM)
    nested = Descriptor.of(inner.raw, OCI_INDEX)
    store = stored(LINUX, ARM, document=Index.build(manifests=[LINUX.entry, nested]))
    store.put_manifest(inner.raw, inner.media_type)
    store.broken[(LINUX.entry, nested)[place].digest] = error
    with pytest.raises(type(error)):
        read_tree(store, "1.0", deep=True)


def chain(store: MemoryStore, levels: int, *entries: Descriptor) -> None:
    """An index in an index in an index, the outermost under the tag `1.0`."""
    below = list(entries)
    for _ in range(levels):
        made = Index.build(manifests=below)
        below = [LINUX.entry, store.put_manifest(made.raw, made.media_type, tag="1.0")]


def test_indexes_within_each_other_end_at_three() -> None:
    """A fourth is not read, and that is said."""
    store = stored(LINUX)
    chain(store, 3, LINUX.entry)
    assert read_tree(store, "1.0", deep=True).refused == ()
    chain(store, 50, LINUX.entry)
    store.asked.clear()
    (refused,) = read_tree(store, "1.0", deep=True).refused
    assert refused.code == "too-much"
    assert refused.message.endswith("lies deeper than 3 indexes, and is not read")
    assert len(store.asked) == 4


def test_entries_of_all_indexes_end_at_five_hundred() -> None:
    """What brings them beyond is not read."""
    store = stored(LINUX)
    chain(store, 2, *[LINUX.entry] * 499)
    (refused,) = read_tree(store, "1.0", deep=True).refused
    assert refused.message.endswith("brings the entries to more than 500, and is not read")
    chain(store, 2, *[LINUX.entry] * 498)
    assert read_tree(store, "1.0", deep=True).refused == ()


def test_the_first_fault_for_who_needs_all_of_it() -> None:
    """As its own kind of error; a document that is none as a sentence about the whole."""
    store = stored(ARM, document=index(LINUX, ARM))
    error = first_error(read_tree(store, "1.0"), "1.0")
    assert isinstance(error, NotFoundError)
    store.put_manifest(LINUX.manifest.raw, LINUX.manifest.media_type)
    store.blobs[LINUX.manifest.config.digest] = b"{}"
    assert isinstance(first_error(read_tree(store, "1.0"), "1.0"), VerificationError)
    store = stored(ARM)
    assert first_error(read_tree(store, "1.0"), "1.0") is None


def test_documents_that_are_too_large_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may have four MiB, and an index five hundred of them."""
    whole = len(LINUX.manifest.raw) + len(LINUX.blobs[0]) + len(ARM.manifest.raw)
    monkeypatch.setattr("buildtools.tree.MAX_TOGETHER", whole)
    monkeypatch.setattr("buildtools.stores.parallel.THREADS", 1)
    (fault,) = read_tree(stored(LINUX, ARM), "1.0").faults
    assert fault.finding.message == (
        "the config of manifests[1] (linux/arm64) cannot be read: all documents together have more than "
        f"{whole} bytes"
    )
