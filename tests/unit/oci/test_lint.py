# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What is wrong with a Linux layer, ours or another's: a code and a sentence for each."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.lint import lint_linux_layer
from buildtools.oci.tar import TarEntry, read_tar
from tests.fakes.tars import END, header, member, pax

FILE, HARDLINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, PIPE, GLOBAL = (
    b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"g",
)  # fmt: skip


def findings(*entries: tuple[str, bytes] | tuple[str, bytes, str]) -> list[tuple[str, str]]:
    """Code and sentence of everything found."""
    made = [TarEntry(name=name, kind=kind, link="".join(link)) for name, kind, *link in entries]
    return [(one.code, str(one)) for one in lint_linux_layer(made)]


LEAVES = "its name has a .. in it and leaves the image: rename it"
ABSOLUTE = "its name begins with a slash: write it relative to the image's root"
TWICE = "it stands in the layer twice: leave one of them out"
DEVICE = "it is a device: devices belong to the node: leave it out"


@pytest.mark.parametrize(
    ("entry", "code", "sentence"),
    [
        (("../a", FILE), "L1-path", f"../a: {LEAVES}"),
        (("..", DIRECTORY), "L1-path", f"..: {LEAVES}"),
        (("./../a", FILE), "L1-path", f"./../a: {LEAVES}"),
        (("a/../../b", SYMLINK, "x"), "L1-path", f"a/../../b: {LEAVES}"),
        (("a/..", DIRECTORY), "L1-path", f"a/..: {LEAVES}"),
        (("a/../", DIRECTORY), "L1-path", f"a/../: {LEAVES}"),
        (("/../a", FILE), "L1-path", f"/../a: {LEAVES}"),
        (("/etc/passwd", FILE), "L1-path", f"/etc/passwd: {ABSOLUTE}"),
        ((".//etc", DIRECTORY), "L1-path", f".//etc: {ABSOLUTE}"),
        (("a", HARDLINK, "../b"), "L3-link", "a: its target '../b' has a .. in it and leaves the image: hard links name full paths of the image"),
        (("a", HARDLINK, "b/.."), "L3-link", "a: its target 'b/..' has a .. in it and leaves the image: hard links name full paths of the image"),
        (("dev/tty", CHARACTER), "L4-device", f"dev/tty: {DEVICE}"),
        (("dev/sda", BLOCK), "L4-device", f"dev/sda: {DEVICE}"),
    ],
)  # fmt: skip
def test_an_entry_that_surprises_a_runtime_is_found(
    entry: tuple[str, bytes], code: str, sentence: str
) -> None:
    """G07: by its name, its target or its kind."""
    assert findings(entry) == [(code, sentence)]


@pytest.mark.parametrize(
    "entry",
    [
        ("a", FILE),
        ("./a", FILE),
        ("./", DIRECTORY),
        ("a/", DIRECTORY),
        ("..a/b..", FILE),
        ("a", SYMLINK, "../../etc"),
        ("a", SYMLINK, "/etc"),
        ("a", HARDLINK, "b/c"),
        ("a", HARDLINK, "..b"),
        ("run/fifo", PIPE),
        ("a/.wh.b", FILE),
        ("a/.wh..wh..opq", FILE),
        ("../x", GLOBAL),
    ],
)
def test_what_runtimes_take_is_no_finding(entry: tuple[str, bytes]) -> None:
    """Symbolic links may lead anywhere; a global header is no file."""
    assert findings(entry) == []


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (("a", FILE), ("a", FILE), True),
        (("a", FILE), ("./a", FILE), True),
        (("a/", DIRECTORY), ("a", FILE), True),
        (("a", SYMLINK, "b"), ("a", DIRECTORY), True),
        (("a", HARDLINK, "b"), ("a", HARDLINK, "b"), True),
        (("a", DIRECTORY), ("a/", DIRECTORY), False),
        (("./", DIRECTORY), ("./", DIRECTORY), False),
        (("a", FILE), ("A", FILE), False),
        (("a", FILE), (".wh.a", FILE), False),
        (("a", GLOBAL), ("a", GLOBAL), False),
        (("a", GLOBAL), ("a", FILE), False),
    ],
)
def test_a_path_stands_once(first: tuple[str, bytes], second: tuple[str, bytes], found: bool) -> None:
    """Other than a directory, however it is spelled, and with others in between."""
    expected = [("L2-duplicate", f"{second[0]}: {TWICE}")] if found else []
    assert findings(first, second) == expected
    assert findings(first, ("between", FILE), second) == expected


def test_all_of_it_is_found_in_the_layer_s_order() -> None:
    """An entry may be wrong in more than one way, and a third twin is one more finding."""
    link = "its target '../x' has a .. in it and leaves the image: hard links name full paths of the image"
    assert findings(
        ("dev/null", CHARACTER), ("/a", HARDLINK, "../x"), ("ok", FILE), ("/a", BLOCK), ("ok", FILE), ("ok", FILE)
    ) == [
        ("L4-device", f"dev/null: {DEVICE}"),
        ("L1-path", f"/a: {ABSOLUTE}"),
        ("L3-link", f"/a: {link}"),
        ("L1-path", f"/a: {ABSOLUTE}"),
        ("L2-duplicate", f"/a: {TWICE}"),
        ("L4-device", f"/a: {DEVICE}"),
        ("L2-duplicate", f"ok: {TWICE}"),
        ("L2-duplicate", f"ok: {TWICE}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        member(b"../evil"),
        pax(b"16 path=../evil\n") + header(b"good"),
        pax(b"8 path=\n") + header(b"../evil"),
        member(b"@L", b"../evil\0", kind=b"L") + header(b"good"),
        header(b"evil", prefix=b".."),
        header(b"pipe", kind=PIPE, size=512) + header(b"../evil"),
    ],
    ids=["plain", "PAX", "empty PAX record", "GNU long name", "prefix", "behind a pipe with a size"],
)  # fmt: skip
def test_a_name_cannot_hide(data: bytes) -> None:
    """Wherever an archive may keep it."""
    entries = (entry for entry, _ in read_tar(io.BytesIO(data + END)))
    name = data.count(b"evil") and "../evil"
    assert [str(one) for one in lint_linux_layer(entries)] == [f"{name}: {LEAVES}"]


@given(
    st.lists(
        st.builds(
            TarEntry,
            name=st.text(max_size=4),
            kind=st.sampled_from([FILE, DIRECTORY, HARDLINK, GLOBAL]),
            link=st.text(max_size=4),
        )
    )
)
def test_any_entries_give_findings_that_name_their_entry(entries: list[TarEntry]) -> None:
    """One line for an entry of the layer, and never anything raised."""
    names = {entry.name for entry in entries if entry.kind != GLOBAL}
    assert {one.path for one in lint_linux_layer(entries)} <= names
