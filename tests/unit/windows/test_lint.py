# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The linter of Windows layers: each rule's code, severity and sentence, and what it has to leave alone."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.tar import TarEntry
from buildtools.windows import lint
from buildtools.windows.lint import is_windows_layer, lint_windows_layer
from tests.fakes.descriptors import BUILDKIT_FILE

ATTRIBUTES = "MSWINDOWS.fileattr"
SECURITY = "MSWINDOWS.rawsd"
CREATED = "LIBARCHIVE.creationtime"


def folder(name: str) -> TarEntry:
    """A directory."""
    return TarEntry(name=name, kind=b"5", pax={ATTRIBUTES: "16"})


def symlink(target: str, name: str = "Files/l", attributes: str = "1024") -> TarEntry:
    """A symbolic link as Windows writes it."""
    return TarEntry(name=name, kind=b"2", link=target, pax={ATTRIBUTES: attributes})


def hard_link(target: str, name: str = "Files/h") -> TarEntry:
    """A hard link."""
    return TarEntry(name=name, kind=b"1", link=target)


def made(*names: str) -> list[TarEntry]:
    """Files."""
    return [TarEntry(name=name) for name in names]


def with_record(key: str, value: str) -> list[TarEntry]:
    """A file with this record."""
    return [TarEntry(name="Files/a", pax={key: value})]


ROOTS = [folder("Files"), folder("Hives")]


def findings(entries: Iterable[TarEntry], *, is_base: bool = False) -> list[str]:
    """Code, severity unless it is an error, and sentence of each finding."""
    return [
        f"{one.code}{'' if one.severity == 'error' else f' ({one.severity})'}: {one}"
        for one in lint_windows_layer(entries, is_base=is_base)
    ]


CLEAN = [
    ("nothing but roots", []),
    ("parents first", [folder("Files/app"), *made("Files/app/a.exe", "Files/app/b.exe")]),
    ("BuildKit's slashes", [folder("Files/app/"), *made("Files/app/a.exe")]),
    ("hives", made("Hives/System_Delta", "Hives/Software_Delta")),
    ("utility VM", [folder("UtilityVM"), folder("UtilityVM/Files"), *made("UtilityVM/Files/a")]),
    ("a hard link", [*made("Files/a"), hard_link("Files/a")]),
    (
        "a hard link of the utility VM",
        [folder("UtilityVM"), folder("UtilityVM/Files"), hard_link("UtilityVM/Files/a", "UtilityVM/Files/h")],
    ),
    ("dots in front", [folder("./Files/app"), *made("./Files/app/a", ".//Files/app/b", "././Files/c")]),
    ("a hard link to a name with dots", [*made("./Files/a"), hard_link("./Files/a")]),
    ("another case of Files", [folder("Files/app"), *made("files/app/a", "FILES/b")]),
    ("a link to a directory", [folder("Files/app"), symlink("app", attributes="1040")]),
    *[
        (f"a link to {target}", [folder("Files/app"), *made("Files/a"), symlink(target)])
        for target in ("a", "C:\\a", "D:\\app", "\\\\server\\app", "app\\b", "..\\gone")
    ],
    ("an absolute link", [symlink("C:\\app")]),
    ("a relative link", [symlink("..\\app", attributes="1040")]),
    ("a link to C:\\Files", [symlink("C:\\Files\\a")]),
    ("whiteouts", made("Files/.wh.a", "Files/.wh..env")),
    ("a whiteout of a long name", made(f"Files/.wh.{'x' * 255}")),
    ("an importer's name elsewhere", [folder("Files/a"), *made("Files/a/tombstones.txt")]),
    ("a descriptor", with_record(SECURITY, BUILDKIT_FILE)),
    *[(f"attributes {text}", with_record(ATTRIBUTES, text)) for text in ("0", "4294967295", "0" * 30 + "16")],
    *[
        (f"time {text}", with_record(CREATED, text))
        for text in ("0", "1700000000", "1700000000.123456789", "-1.5", "+5", "5.")
    ],
]


@pytest.mark.parametrize("entries", [entries for _, entries in CLEAN], ids=[name for name, _ in CLEAN])
def test_what_windows_takes_is_left_alone(entries: list[TarEntry]) -> None:
    """No finding."""
    assert findings([*ROOTS, *entries]) == []


HINTS = {
    "R1-parent": "add every parent directory, parents first",
    "R2-duplicate": "leave one of them out",
    "R3-path": "write the path relative to the layer, with / between names",
    "name": "rename it or leave it out",
    "R4-hard-link": "hard links name full paths of the layer",
    "R4-target": "it must then be in a layer below, spelt the same",
    "security": "write a self-relative one into MSWINDOWS.rawsd",
    "attributes": "write a decimal number into MSWINDOWS.fileattr",
    "time": "write seconds with up to nine decimals into LIBARCHIVE.creationtime",
    "R6-place": "only files can be deleted",
}


def _r1(name: str, parent: str) -> str:
    return (
        f"R1-parent: {name}: its parent {parent} does not stand before it in the layer: {HINTS['R1-parent']}"
    )


def _name(code: str, name: str, fault: str) -> str:
    return f"{code}: {name}: {fault}: {HINTS['name']}"


def _r4(fault: str, name: str = "Files/h") -> str:
    return f"R4-hard-link: {name}: {fault}: {HINTS['R4-hard-link']}"


def _case(name: str, root: str, right: str) -> str:
    return f"R8-case: {name}: its root is spelt {root}, and the importer compares {right} to the letter: write {right}"


UTILITY_VM = [folder("UtilityVM"), folder("UtilityVM/Files")]
LONG = "x" * 256
TREE = [
    ("R1 missing", made("Files/a/b"), [_r1("Files/a/b", "Files/a")]),
    ("R1 too late", [*made("Files/a/b"), folder("Files/a")], [_r1("Files/a/b", "Files/a")]),
    ("R1 slash", [folder("Files/a/b/")], [_r1("Files/a/b/", "Files/a")]),
    ("R1 each", made("Files/a/b/c", "Files/a/b/d"), [_r1("Files/a/b/c", "Files/a/b"), _r1("Files/a/b/d", "Files/a/b")]),
    ("R1 file", made("Files/a", "Files/a/b"), ["R1-parent: Files/a/b: its parent Files/a is not a directory: rename one of them"]),
    ("R1 case", [folder("Files/A"), *made("Files/a/b")], []),
    ("R2 twice", made("Files/a", "Files/a"), [f"R2-duplicate: Files/a: it stands in the layer twice: {HINTS['R2-duplicate']}"]),
    ("R2 slash", [folder("Files/a"), folder("Files/a/")], [f"R2-duplicate: Files/a/: it stands in the layer twice: {HINTS['R2-duplicate']}"]),
    ("R2 case", made("Files/Größe", "Files/GRÖSSE"), [f"R2-duplicate: Files/GRÖSSE: it differs from Files/Größe in case only, which NTFS takes for the same path: {HINTS['R2-duplicate']}"]),
    ("R2 roots", [folder("files")], [f"R2-duplicate: files: it differs from Files in case only, which NTFS takes for the same path: {HINTS['R2-duplicate']}"]),
    ("R5 inside a link", [symlink("b", attributes="1040"), *made("Files/l/a")], ["R5-inside-link: Files/l/a: it lies in Files/l, which is a link in the same layer: put it where the link points"]),
    ("R8 root", made("a", "b/c", "b/d"), [_r1("b/c", "b"), _r1("b/d", "b"), "R8-root: a: it lies outside Files/ and Hives/: move it under Files/", "R8-root: b/c: it lies outside Files/ and Hives/: move it under Files/"]),
    ("R12 slash", [folder("UtilityVM/"), folder("UtilityVM/Files/")], [f"R12-slash: {name}: its name ends in a slash, and the importer compares this one to the letter: write it without" for name in ("UtilityVM/", "UtilityVM/Files/")]),
    ("R8 case of hives", made("hives/System_Delta", "hives/Sam_Delta"), [_case("hives/System_Delta", "hives", "Hives")]),
    ("R8 case of the utility VM", [folder("utilityvm"), folder("utilityvm/Files"), *made("utilityvm/Files/a")], [_case("utilityvm", "utilityvm", "UtilityVM")]),
    ("R8 case of its files", [folder("UtilityVM"), folder("UtilityVM/FILES"), *made("UtilityVM/FILES/a")], [_case("UtilityVM/FILES", "UtilityVM/FILES", "UtilityVM/Files")]),
    *[
        (f"R3 root {name}", [folder(name)], [f"R3-dot: {name}: it is the layer's root itself, which the importer cannot make again: name the roots, as in tar -cf layer.tar Files Hives"])
        for name in (".", "./", ".//", "././")
    ],
    *[
        (f"R3 dot {name}", [*made("Files/a"), TarEntry(name=name, kind=kind, link="./Files/a", pax={ATTRIBUTES: "16"})], [f"R3-dot: {name}: its name begins with ./, and the importer compares this one to the letter: write it without ./ in front"])
        for name, kind in (("./Files/h", b"1"), ("./UtilityVM", b"5"))
    ],
]  # fmt: skip

PATHS = [
    ("R3 backslash", made("Files\\a"), [f"R3-path: Files\\a: it has a backslash in its name, which Windows takes for a separator: {HINTS['R3-path']}", "R8-root: Files\\a: it lies outside Files/ and Hives/: move it under Files/"]),
    ("R3 slash", made("/a"), [f"R3-path: /a: its name begins with a slash: {HINTS['R3-path']}", "R8-root: /a: it lies outside Files/ and Hives/: move it under Files/"]),
    ("R3 up", made("Files/../a"), [f"R3-path: Files/../a: it has a .. in its name and leaves the layer: {HINTS['R3-path']}", _r1("Files/../a", "Files/..")]),
    ("R3 dot", made("Files/./a"), [f"R3-path: Files/./a: its name has an empty part or a single dot: {HINTS['R3-path']}", _r1("Files/./a", "Files/.")]),
    ("R3 empty part", made("Files//a"), [f"R3-path: Files//a: its name has an empty part or a single dot: {HINTS['R3-path']}", _r1("Files//a", "Files/")]),
    ("R3 drive", made("C:/a"), [f"R3-path: C:/a: its name begins with a drive letter: {HINTS['R3-path']}", _r1("C:/a", "C:"), "R8-root: C:/a: it lies outside Files/ and Hives/: move it under Files/"]),
    ("R3 empty", made(""), [_name("R3-path", "", "a name is empty").replace(": :", ":"), "R8-root: it lies outside Files/ and Hives/: move it under Files/"]),
    ("R3 stream", made("Files/a:b"), [_name("R3-path", "Files/a:b", "'a:b' holds :, which NTFS does not allow; an alternate data stream cannot travel in a layer")]),
    ("R3 character", made("Files/a?"), [_name("R3-path", "Files/a?", "'a?' holds ?, which NTFS does not allow")]),
    ("R3 control", made("Files/a\0"), [_name("R3-path", "Files/a\0", r"'a\x00' holds the control character '\x00', which NTFS does not allow")]),
    ("R3 UTF-8", made("Files/\udcff"), [_name("R3-path", "Files/\udcff", r"'\udcff' is not UTF-8, so Windows would see another name")]),
    ("R3 whiteout", made("Files/.wh.a*"), [_name("R3-path", "Files/.wh.a*", "'a*' holds *, which NTFS does not allow")]),
    ("R9 name", made(f"Files/{LONG}"), [_name("R9-length", f"Files/{LONG}", f"'{'x' * 20}'... has more than 255 UTF-16 units")]),
    ("R10 device", made("Files/nul.txt"), [_name("R10-name", "Files/nul.txt", "'nul.txt' is a device's name on Windows, whatever its extension")]),
    ("R10 dot", made("Files/a."), [_name("R10-name", "Files/a.", "'a.' ends in a dot, so Windows programs cannot open it")]),
    ("R10 long dot", made(f"Files/{LONG}."), [_name("R10-name", f"Files/{LONG}.", f"'{LONG}.' ends in a dot, so Windows programs cannot open it")]),
    ("R10 device of the importer", made("Files/nul.$wcidirs$"), [_name("R10-name", "Files/nul.$wcidirs$", "'nul.$wcidirs$' is a device's name on Windows, whatever its extension")]),
    ("R10 no whiteout", made("Files/.wh."), [_name("R10-name", "Files/.wh.", "'.wh.' ends in a dot, so Windows programs cannot open it")]),
    ("R11 folder's", made("Files/a.$wcidirs$"), [_name("R11-internal", "Files/a.$wcidirs$", "'a.$wcidirs$' is a name that the Windows layer importer uses itself")]),
    ("R11 tombstones", made("Files/Tombstones.txt"), ["R11-internal: Files/Tombstones.txt: the importer keeps its own file of this name: rename it"]),
    ("R11 root", made("tombstones.txt"), ["R11-internal: tombstones.txt: the importer keeps its own file of this name: rename it"]),
]  # fmt: skip

LINKS = [
    ("R4 target", [hard_link("a")], [f"R4-hard-link: Files/h: its target 'a' does not begin with Files/: {HINTS['R4-hard-link']}"]),
    ("R4 name", [*made("Files/a"), hard_link("Files/a", "Hives/h")], [f"R4-hard-link: Hives/h: its name 'Hives/h' does not begin with Files/: {HINTS['R4-hard-link']}"]),
    ("R4 both", [hard_link("/a", "Hives/h")], [_r4("its name 'Hives/h' does not begin with Files/", "Hives/h"), _r4("its target begins with a slash: '/a'", "Hives/h")]),
    ("R4 later", [hard_link("Files/z"), *made("Files/z")], [f"R4-target (warning): Files/h: its target 'Files/z' does not stand before it in this layer: {HINTS['R4-target']}"]),
    ("R4 case", [*made("Files/A"), hard_link("Files/a")], ["R4-hard-link: Files/h: its target 'Files/a' is spelt 'Files/A' in this layer: spell it the same, the importer compares to the letter"]),
    ("R4 root's case", [*made("Files/a"), hard_link("files/a")], [_r4("its target 'files/a' does not begin with Files/ to the letter, as the importer has it")]),
    ("R4 name's case", [*made("Files/a"), hard_link("Files/a", "FILES/h")], [_r4("its name 'FILES/h' does not begin with Files/ to the letter, as the importer has it", "FILES/h")]),
    ("R4 utility VM's case", [*UTILITY_VM, hard_link("UtilityVM/files/a", "UtilityVM/Files/h")], [_r4("its target 'UtilityVM/files/a' does not begin with Files/ to the letter, as the importer has it", "UtilityVM/Files/h")]),
    ("R4 empty", [hard_link("")], [_r4("it has no target")]),
    ("R4 up", [hard_link("Files/../a")], [_r4("it has a .. in its target and leaves the layer: 'Files/../a'")]),
    ("R4 drive", [hard_link("C:\\a")], [_r4(r"its target begins with a drive letter: 'C:\\a'")]),
    ("R4 backslash", [*made("Files/a"), hard_link("Files\\a")], [_r4(r"it has a backslash in its target, which Windows takes for a separator: 'Files\\a'")]),
    ("R4 empty part", [*made("Files/a"), hard_link("Files//a")], [_r4("its target has an empty part or a single dot: 'Files//a'")]),
    *[
        (f"R4 directory {target}", [folder("Files/A"), hard_link(target)], [f"R4-hard-link: Files/h: its target {target.rstrip('/')!r} is a directory: only files have hard links"])
        for target in ("Files/A", "Files/A/", "Files/a")
    ],
    ("R4 long", [hard_link("x" * 81)], [f"R4-hard-link: Files/h: its target '{'x' * 80}'... (81 characters) does not begin with Files/: {HINTS['R4-hard-link']}"]),
    ("R5 prefix", [symlink("Files/a")], ["R5-prefixed: Files/l: its target 'Files/a' begins with Files/, which no path in a container does: write the target as Windows is to read it"]),
    ("R5 prefix with a backslash", [symlink("Files\\a")], [r"R5-prefixed: Files/l: its target 'Files\\a' begins with Files/, which no path in a container does: write the target as Windows is to read it"]),
    ("R5 absolute", [symlink("/a")], ["R5-absolute: Files/l: its target '/a' is absolute on Linux only: write it relative, or as C:\\..."]),
    ("R5 long", [symlink("/" + "x" * 80)], [f"R5-absolute: Files/l: its target '/{'x' * 79}'... (81 characters) is absolute on Linux only: write it relative, or as C:\\..."]),
    ("R5 attributes", [TarEntry(name="Files/l", kind=b"2", link="a")], ["R5-attributes (warning): Files/l: it has no file attributes, so Windows takes it for a link to a file: MSWINDOWS.fileattr=1040 marks a directory's"]),
    *[
        (f"R5 directory {target}", [folder("Files/App"), symlink(target, "Files/App/l"), folder("Files/App/Data")], [f"R5-attributes (warning): Files/App/l: its target {target!r} is a directory, and its attributes are a file's: MSWINDOWS.fileattr=1040 marks a directory's"])
        for target in ("Data", ".\\data\\", "..\\App", "..\\..\\..\\app", "C:\\App\\Data", "c:/app", "\\\\?\\C:\\App", "\\App", "C:\\", ".")
    ],
    ("R6 opaque", made("Files/.wh..wh..opq"), ["R6-opaque: Files/.wh..wh..opq: opaque whiteouts do nothing on Windows: delete the files one by one"]),
    ("R6 hives", made("Hives/.wh.a"), [f"R6-place: Hives/.wh.a: a deleted file lies outside Files/: {HINTS['R6-place']}"]),
    *[
        (f"R6 {name}", [*above, *made(name)], [f"R6-place: {name}: a deleted file lies outside Files/, which the importer compares to the letter: {HINTS['R6-place']}"])
        for above, name in (([], "files/.wh.a"), ([folder("Files/a")], "FILES/a/.wh.b"))
    ],
    ("R6 directory", [folder("Hives/.wh.a/")], [f"R6-place: Hives/.wh.a/: a deleted file lies outside Files/: {HINTS['R6-place']}"]),
    ("R6 root", made(".wh.Files"), [f"R6-place: .wh.Files: a deleted file lies outside Files/: {HINTS['R6-place']}", "R8-root: .wh.Files: it lies outside Files/ and Hives/: move it under Files/"]),
]  # fmt: skip

RECORDS = [
    ("T1", [TarEntry(name="pax_global_header", kind=b"g")], ["T1-global: pax_global_header: a global PAX header becomes a file named pax_global_header on Windows: write the archive without one (git archive adds it)"]),
    *[
        (f"T2 {what}", [TarEntry(name="Files/d", kind=kind)], [f"T2-type: Files/d: it is {what}, which Windows has not: leave it out"])
        for kind, what in [(b"3", "a character device"), (b"4", "a block device"), (b"6", "a pipe"), (b"S", "of tar type 'S'"), (b"\xff", "of tar type '\ufffd'")]
    ],
    ("T3 base64", with_record(SECURITY, "O:BA"), [f"T3-security: Files/a: the security descriptor is not standard base64: {HINTS['security']}"]),
    ("T3 empty", with_record(SECURITY, ""), [f"T3-security: Files/a: a security descriptor has at least 20 bytes, this has 0: {HINTS['security']}"]),
    *[
        (f"T4 {text[:12]}", with_record(ATTRIBUTES, text), [f"T4-attributes: Files/a: its file attributes {shown} are not a number of 32 bits: {HINTS['attributes']}"])
        for text, shown in [("", "''"), ("0x20", "'0x20'"), ("-1", "'-1'"), (" 32", "' 32'"), ("٣", "'٣'"), ("²", "'²'"), ("4294967296", "'4294967296'"), ("9" * 5000, f"'{'9' * 80}'... (5000 characters)")]
    ],
    *[
        (f"T5 {text[:12]}", with_record(CREATED, text), [f"T5-time: Files/a: its creation time {shown} is not a number of seconds: {HINTS['time']}"])
        for text, shown in [("", "''"), (".5", "'.5'"), ("1.5.6", "'1.5.6'"), ("1.-5", "'1.-5'"), ("--5", "'--5'"), ("1e9", "'1e9'"), ("٣", "'٣'"), ("²", "'²'"), ("now\n", r"'now\n'"), ("1\n", r"'1\n'"), ("9" * 19, f"'{'9' * 19}'"), ("9" * 5000, f"'{'9' * 80}'... (5000 characters)")]
    ],
]  # fmt: skip

RULES = [*TREE, *PATHS, *LINKS, *RECORDS]


@pytest.mark.parametrize(("entries", "sentences"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_what_breaks_a_rule_is_found(entries: list[TarEntry], sentences: list[str]) -> None:
    """One finding for each fault, and no other."""
    assert findings([*ROOTS, *entries]) == sentences


FILES_MISSING = "R8-files: the layer has no Files directory: it is a layer for Linux: put what is on drive C under Files/; some builders forget to (COPY --link)"
HIVES_MISSING = (
    "R8-hives: the layer has no Hives directory, which the classic importer asks for: add an empty one"
)


@pytest.mark.parametrize(
    ("entries", "is_base", "sentences"),
    [
        ([], False, [FILES_MISSING, HIVES_MISSING]),
        ([], True, [FILES_MISSING]),
        (made("a"), False, [FILES_MISSING, HIVES_MISSING]),
        ([folder("Hives")], False, [FILES_MISSING]),
        ([folder("Files")], False, [HIVES_MISSING]),
        ([folder("Files")], True, []),
        ([folder("files"), folder("HIVES")], False, []),
        ([folder("Files/"), folder("Hives/")], False, []),
    ],
)
def test_a_layer_has_its_roots(entries: list[TarEntry], is_base: bool, sentences: list[str]) -> None:
    """R8: what is outside of them is found only where the layer is one for Windows."""
    assert findings(entries, is_base=is_base) == sentences


@pytest.mark.parametrize("name", ["Files/.wh.a", "Files/.wh.a/"])
def test_the_lowest_layer_deletes_nothing(name: str) -> None:
    """R6: there is nothing under it."""
    assert findings([*ROOTS, *made(name)], is_base=True) == [
        f"R6-base: {name}: the lowest layer deletes a file: leave the file out instead"
    ]


@pytest.mark.parametrize(("units", "ending"), [(32767, ""), (32767, "/"), (32768, ""), (32768, "/")])
def test_the_longest_path_has_32767_units(units: int, ending: str) -> None:
    """R9: a slash at the end is none of them."""
    name = "/".join(["Files", *["x" * 255] * 127, "x" * (units - 32518)]) + ending
    sentence = f"R9-length: {name}: the path has {units} UTF-16 units, at most 32767 are possible: shorten it"
    found = [one for one in findings([*ROOTS, folder(name)]) if not one.startswith("R1-parent")]
    assert found == ([sentence] if units > 32767 else [])


def test_a_global_header_is_one_fault_only() -> None:
    """Neither its place nor its name is looked at."""
    headers = [TarEntry(name="/tmp/GlobalHead.1/a", kind=b"g")] * 2
    assert {one.code for one in lint_windows_layer([*ROOTS, *headers])} == {"T1-global"}


@pytest.mark.parametrize(
    ("entries", "windows"),
    [
        ([], False),
        (made("a", "etc/Files/a", "Filesystem/a"), False),
        (made("Files/a"), True),
        (made("a", "b", "Hives"), True),
        (made("etc/a", "UtilityVM/Files/a"), True),
        (made("./Files/a"), True),
        (made("./", "././/Hives/a"), True),
        (made("/Files/a"), True),
        (made("Files\\a"), True),
        (made("files/a"), True),
        (made("./", "./files/a", "./HIVES"), True),
        (made("files/a", "etc/passwd"), False),
        (made("etc/passwd", "hives/a"), False),
        ([*made("etc"), *with_record(ATTRIBUTES, "32"), *made("hives")], True),
        ([TarEntry(name="files/a", pax={SECURITY: ""}), *made("etc")], True),
        ([TarEntry(name="etc/a", pax={SECURITY: ""})], False),
        ([TarEntry(name="Files/a", kind=b"g")], False),
    ],
)
def test_a_layer_for_windows_is_known_by_its_roots(entries: list[TarEntry], windows: bool) -> None:
    """Wherever the first one stands and however it is written; on Linux `files` may be any directory."""
    assert is_windows_layer(entries) is windows


def test_every_code_has_its_row_in_the_reference_and_here() -> None:
    """Nobody meets a code that is not written down, and none is written down that nothing gives."""
    codes = set(
        re.findall(
            r'"([RT]\d+-[a-z-]+)"',
            "".join(Path(lint.__file__).with_name(name).read_text() for name in ("lint.py", "paths.py")),
        )
    )
    reference = (Path(__file__).parents[3] / "docs/reference/check.md").read_text()
    assert set(re.findall(r"^\| `([RT]\d+-[a-z-]+)` \|", reference, re.MULTILINE)) == codes
    tested = {sentence.partition(":")[0].partition(" ")[0] for row in RULES for sentence in row[2]}
    assert codes - tested == {"R8-files", "R8-hives", "R6-base"}


NAMES = st.lists(
    st.sampled_from(["Files", "Hives", "files", "hives", "utilityvm", "UtilityVM", ".wh.a", ".wh..wh..opq", "a", "A", "..", ".", "", "nul", "\udc80", "a\\b", "C:"]) | st.text(max_size=3),
    max_size=4,
).map("/".join)  # fmt: skip
TEXT = st.text(max_size=6) | st.from_regex(r"-?[0-9.]{1,30}")
HOSTILE = st.builds(
    TarEntry,
    name=NAMES,
    kind=st.sampled_from([bytes([byte]) for byte in b"0123456gxS"]) | st.binary(min_size=1, max_size=1),
    link=NAMES,
    pax=st.dictionaries(st.sampled_from([ATTRIBUTES, SECURITY, CREATED, "mtime"]), TEXT),
)


@given(st.lists(HOSTILE, max_size=6), st.booleans())
def test_any_layer_is_judged(entries: list[TarEntry], is_base: bool) -> None:
    """Whatever a stranger writes, the answer is findings, each with a code, a sentence and a hint."""
    is_windows_layer(entries)
    for one in lint_windows_layer(entries, is_base=is_base):
        assert re.fullmatch(r"[RT]\d+-[a-z-]+", one.code)
        assert one.message
        assert one.hint
