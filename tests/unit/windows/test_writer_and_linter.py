"""Writer and linter hold a layer to the same rules, and damage that is put into a layer is found."""

import gzip
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.layer import Entry, Kind, LayerError, LayerFormat, arrange, write_layer
from buildtools.oci.tar import TarEntry, read_tar
from buildtools.windows.layer import HOST_PROCESS_BASE, WINDOWS
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


def accepted(entries: list[Entry], system: LayerFormat) -> list[Entry]:
    """Those of the entries that the writer takes together, and a hard link to each file behind them."""
    taken: list[Entry] = []
    for entry in entries:
        with suppress(LayerError):
            arrange([*taken, entry], system=system)
            taken.append(entry)
    # What begins with Files/ is taken for a name of the layer, so no hard link leads to C:\Files.
    files = [one for one in taken if one.kind is Kind.FILE and not one.path.startswith("Files/")]
    return taken + [
        Entry(path=f"{LAST}{place}", kind=Kind.HARDLINK, target=one.path) for place, one in enumerate(files)
    ]


def written(entries: list[Entry], system: LayerFormat = WINDOWS) -> list[TarEntry]:
    """The entries as a reader of the finished layer sees them."""
    sink = io.BytesIO()
    write_layer(entries, sink, system=system, epoch=EPOCH)
    return [entry for entry, _ in read_tar(io.BytesIO(gzip.decompress(sink.getvalue())))]


@given(st.lists(ENTRIES, max_size=6))
def test_the_linter_finds_nothing_in_what_the_writer_accepts(entries: list[Entry]) -> None:
    """Each fault that the linter knows is refused before it is written, in added directories, too."""
    assert list(lint_windows_layer(written(accepted(entries, WINDOWS)))) == []


@given(st.lists(ENTRIES, max_size=6))
def test_the_linter_finds_nothing_in_a_base_of_ours(entries: list[Entry]) -> None:
    """Of a layer that has no `Hives` and deletes nothing."""
    kept = [one for one in entries if one.kind is not Kind.WHITEOUT]
    tar = written(accepted(kept, HOST_PROCESS_BASE), HOST_PROCESS_BASE)
    assert list(lint_windows_layer(tar, is_base=True)) == []


@pytest.mark.parametrize("path", ["a", "a/b/c.txt", "Files/Hives", "日本/ß", "x" * 255, "C" * 200 + "/a"])
@pytest.mark.parametrize("kind", [Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.WHITEOUT])
def test_ordinary_entries_are_accepted(path: str, kind: Kind) -> None:
    """Else the rule above would hold of a writer that refuses everything."""
    entry = Entry(path=path, kind=kind, target="C:\\a")
    assert accepted([entry], WINDOWS)[0] == entry


FILES = st.lists(st.lists(PARTS, min_size=2, max_size=4).map("/".join), min_size=1, max_size=5).map(
    lambda paths: written(accepted([Entry(path=path) for path in paths], WINDOWS))
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
