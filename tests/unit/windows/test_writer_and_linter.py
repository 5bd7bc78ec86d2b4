"""Writer and linter hold a layer to the same rules, and damage that is put into a layer is found."""

import gzip
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.layer import Entry, Kind, LayerError, arrange, write_layer
from buildtools.oci.tar import TarEntry, read_tar
from buildtools.windows.layer import WINDOWS
from buildtools.windows.lint import lint_windows_layer
from buildtools.windows.security import descriptor_for

EPOCH = 315532800
LAST = "\U0010ffff" * 5
"""Sorted behind every other name here."""

ODD = (
    *("nul", "com1.txt", "a.", "a ", "a:b", "a\\b", "..", ".", "", "\udc80", "x" * 256, "a.$wcidirs$"),
    *(".wh.a", ".wh..wh..opq", "tombstones.txt", "Tombstones.TXT", "Files", "hives", "UtilityVM", "a\0"),
)
PARTS = st.sampled_from(["a", "A", "b", "ß", "SS", "app.exe", ".env", "日本"])
NAMES = st.one_of(PARTS, PARTS, PARTS, st.sampled_from(ODD), st.text(max_size=4))
PATHS = st.lists(NAMES, min_size=1, max_size=4)
TARGETS = st.sampled_from(["a", "C:\\a", "..\\b", "Files/a", "Files\\a", "files/a", "/a", "Files", ""])
ENTRIES = st.builds(
    Entry,
    path=PATHS.map("/".join),
    kind=st.sampled_from([Kind.FILE, Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.WHITEOUT]),
    target=TARGETS,
    target_is_directory=st.booleans(),
    security=st.sampled_from([b"", descriptor_for("users-full", directory=False)]),
)


def accepted(entries: list[Entry]) -> list[Entry]:
    """Those of the entries that the writer takes together, and a hard link to each file behind them."""
    taken: list[Entry] = []
    for entry in entries:
        with suppress(LayerError):
            arrange([*taken, entry], system=WINDOWS)
            taken.append(entry)
    # What begins with Files/ is taken for a name of the layer, so no hard link leads to C:\Files.
    files = [one for one in taken if one.kind is Kind.FILE and not one.path.startswith("Files/")]
    return taken + [
        Entry(path=f"{LAST}{place}", kind=Kind.HARDLINK, target=one.path) for place, one in enumerate(files)
    ]


def written(entries: list[Entry]) -> list[TarEntry]:
    """The entries as a reader of the finished layer sees them."""
    sink = io.BytesIO()
    write_layer(entries, sink, system=WINDOWS, epoch=EPOCH)
    return [entry for entry, _ in read_tar(io.BytesIO(gzip.decompress(sink.getvalue())))]


@given(st.lists(ENTRIES, max_size=6))
def test_the_linter_finds_nothing_in_what_the_writer_accepts(entries: list[Entry]) -> None:
    """Each fault that the linter knows is refused before it is written, in added directories, too.

    All but one: whether a link leads to a directory is said by who gives the entry.
    """
    found = lint_windows_layer(written(accepted(entries)))
    assert [one for one in found if one.code != "R5-attributes"] == []


@given(st.lists(ENTRIES, max_size=6))
def test_the_linter_finds_nothing_in_a_base_of_ours(entries: list[Entry]) -> None:
    """Of a layer that deletes nothing."""
    kept = [one for one in entries if one.kind not in {Kind.WHITEOUT, Kind.SYMLINK}]
    assert list(lint_windows_layer(written(accepted(kept)), is_base=True)) == []


@pytest.mark.parametrize("path", ["a", "a/b/c.txt", "Files/Hives", "日本/ß", "x" * 255, "C" * 200 + "/a"])
@pytest.mark.parametrize("kind", [Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.WHITEOUT])
def test_ordinary_entries_are_accepted(path: str, kind: Kind) -> None:
    """Else the rule above would hold of a writer that refuses everything."""
    entry = Entry(path=path, kind=kind, target="C:\\a")
    assert accepted([entry])[0] == entry


FILES = st.lists(st.lists(PARTS, min_size=2, max_size=4).map("/".join), min_size=1, max_size=5).map(
    lambda paths: written(accepted([Entry(path=path) for path in paths]))
)
"""Layers whose files lie in directories; the third entry is the first of these directories."""

Damage = Callable[[list[TarEntry], int], list[TarEntry]]


def _missing(tar: list[TarEntry], _: int) -> list[TarEntry]:
    return [*tar[:2], *tar[3:]]


def _reversed(tar: list[TarEntry], _: int) -> list[TarEntry]:
    return tar[::-1]


def _twice(tar: list[TarEntry], place: int) -> list[TarEntry]:
    return [*tar, tar[place]]


def _other_case(tar: list[TarEntry], place: int) -> list[TarEntry]:
    return [*tar, replace(tar[place], name=f"Files{tar[place].name[5:].swapcase()}")]


def _elsewhere(tar: list[TarEntry], _: int) -> list[TarEntry]:
    return [replace(one, name=one.name.removeprefix("Files/")) for one in tar]


def _linked(tar: list[TarEntry], _: int) -> list[TarEntry]:
    return [*tar[:2], replace(tar[2], kind=b"2"), *tar[3:]]


def _hard_linked(target: Callable[[str], str]) -> Damage:
    def damage(tar: list[TarEntry], place: int) -> list[TarEntry]:
        return [*tar, TarEntry(name="Files/zz", kind=b"1", link=target(tar[place].name))]

    return damage


def _file_link(tar: list[TarEntry], _: int) -> list[TarEntry]:
    # The third entry is a directory.
    link = tar[2].name.replace("Files/", "C:\\", 1)
    return [*tar, TarEntry(name="Files/zz", kind=b"2", link=link, pax={"MSWINDOWS.fileattr": "1024"})]


def _record(key: str, value: str) -> Damage:
    def damage(tar: list[TarEntry], place: int) -> list[TarEntry]:
        return [*tar[:place], replace(tar[place], pax={**tar[place].pax, key: value}), *tar[place + 1 :]]

    return damage


DAMAGES = [
    ("R1-parent", _missing),
    ("R1-parent", _reversed),
    ("R2-duplicate", _twice),
    ("R2-duplicate", _other_case),
    ("R5-inside-link", _linked),
    ("R4-hard-link", _hard_linked(lambda name: name.replace("Files/", "Files/../", 1))),
    ("R4-hard-link", _hard_linked(lambda name: name.replace("/", "\\"))),
    ("R4-hard-link", _hard_linked(lambda name: name.replace("Files/", "C:/", 1))),
    ("R4-hard-link", _hard_linked(lambda name: name.replace("Files/", "files/", 1))),
    ("R4-hard-link", _hard_linked(lambda _: "")),
    ("R4-target", _hard_linked(lambda name: f"{name}.other")),
    ("R5-attributes", _file_link),
    ("R8-root", _elsewhere),
    ("T3-security", _record("MSWINDOWS.rawsd", "AQAE")),
    ("T4-attributes", _record("MSWINDOWS.fileattr", "directory")),
    ("T5-time", _record("LIBARCHIVE.creationtime", "1.-000000001")),
]


@pytest.mark.parametrize(("code", "damage"), DAMAGES, ids=[code for code, _ in DAMAGES])
@given(data=st.data(), tar=FILES)
def test_damage_is_found_wherever_it_is(
    code: str, damage: Damage, data: st.DataObject, tar: list[TarEntry]
) -> None:
    """One change to a layer that is right gives the finding that is about it."""
    place = data.draw(st.integers(2, len(tar) - 1))
    assert code in {one.code for one in lint_windows_layer(damage(tar, place))}
