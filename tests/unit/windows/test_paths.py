r"""Paths on Windows: what `C:\app` is in a layer, and which names cannot be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.paths import (
    SYSTEM_PATHS,
    PathError,
    check_length,
    check_name,
    from_layer_path,
    image_path,
    join_path_list,
    to_layer_path,
)

LONG = "x" * 256
DEEP = "/".join(["x" * 255] * 128)
"""128 names of 255 units and what separates them: 32767 units."""


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("C:\\app\\x.exe", "app/x.exe"),
        ("c:\\app\\x.exe", "app/x.exe"),
        ("C:/app/x.exe", "app/x.exe"),
        ("C:\\app/x.exe", "app/x.exe"),
        ("C:\\app\\", "app"),
        ("C:\\\\app\\\\x.exe", "app/x.exe"),
        ("C:\\.\\app\\.\\x.exe", "app/x.exe"),
        ("C:\\App\\X.exe", "App/X.exe"),
        ("C:\\Program Files\\Größe", "Program Files/Größe"),
        ("C:\\a..b\\.c", "a..b/.c"),
        ("C:\\", ""),
        ("C:/", ""),
        (f"C:\\{DEEP}", DEEP),
    ],
)
def test_a_path_of_the_image_is_read(text: str, path: str) -> None:
    """Both slashes separate, empty parts and single dots go, case stays."""
    assert image_path(text) == path
    assert to_layer_path(text) == (f"Files/{path}" if path else "Files")


PATH_FAULTS = [
    ("", "'' is relative: write the whole path, as in C:\\app\\program.exe"),
    ("app", "'app' is relative: write the whole path, as in C:\\app\\program.exe"),
    ("..\\app", r"'..\\app' is relative: write the whole path, as in C:\app\program.exe"),
    ("1:\\app", r"'1:\\app' is relative: write the whole path, as in C:\app\program.exe"),
    ("é:\\app", r"'é:\\app' is relative: write the whole path, as in C:\app\program.exe"),
    ("/app/x", "'/app/x' has no drive: write C:\\app\\x"),
    ("\\app", r"'\\app' has no drive: write C:\app"),
    (
        "\\\\host\\share",
        r"'\\\\host\\share' is a network or device path: an image has drive C: only, as in C:\app",
    ),
    ("//host/share", "'//host/share' is a network or device path: an image has drive C: only, as in C:\\app"),
    (
        "\\\\?\\C:\\app",
        r"'\\\\?\\C:\\app' is a network or device path: an image has drive C: only, as in C:\app",
    ),
    (
        "\\\\.\\pipe\\x",
        r"'\\\\.\\pipe\\x' is a network or device path: an image has drive C: only, as in C:\app",
    ),
    ("D:\\app", r"'D:\\app' is on drive D: an image has drive C: only"),
    ("d:app", "'d:app' is on drive D: an image has drive C: only"),
    ("C:app", "'C:app' is relative to a drive's current folder: write C:\\ and the whole path"),
    ("C:", "'C:' is relative to a drive's current folder: write C:\\ and the whole path"),
    ("C:\\a\\..\\b", r"'C:\\a\\..\\b' has a .. in it: write the path without"),
    ("C:\\..", r"'C:\\..' has a .. in it: write the path without"),
    ("C:\\a\\nul", r"'C:\\a\\nul': 'nul' is a device's name on Windows, whatever its extension"),
    ("C:\\a:b", r"'C:\\a:b': 'a:b' holds :, which NTFS does not allow"),
    ("C:\\a \\b", r"'C:\\a \\b': 'a ' ends in a space, so Windows programs cannot open it"),
    ("C:\\a\0", r"'C:\\a\x00': 'a\x00' holds the control character '\x00', which NTFS does not allow"),
    (f"C:/{LONG}", f"'C:/{LONG}': '{'x' * 20}'... has more than 255 UTF-16 units"),
    (f"C:/y/{DEEP}", f"'C:/y/{DEEP}': the path has 32769 UTF-16 units, at most 32767 are possible"),
]


@pytest.mark.parametrize(("text", "sentence"), PATH_FAULTS, ids=[text[:20] for text, _ in PATH_FAULTS])
def test_what_is_no_path_of_an_image_is_refused(text: str, sentence: str) -> None:
    """With the path as it was written, and what to write instead."""
    with pytest.raises(PathError) as caught:
        image_path(text)
    assert str(caught.value) == sentence
    with pytest.raises(PathError) as caught:
        to_layer_path(text)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Files", "C:\\"),
        ("Files/", "C:\\"),
        ("Files/app", "C:\\app"),
        ("Files/app/x.exe", "C:\\app\\x.exe"),
        ("Files/Files/x", "C:\\Files\\x"),
    ],
)
def test_a_name_of_a_layer_is_shown_as_people_write_it(name: str, text: str) -> None:
    """`Files` is drive C, and nothing else is."""
    assert from_layer_path(name) == text


@pytest.mark.parametrize(
    "name", ["", "Hives", "Hives/System_Delta", "UtilityVM/Files/x", "files/x", "Filesystem/x"]
)
def test_what_lies_elsewhere_in_a_layer_has_no_path(name: str) -> None:
    """Hives and the utility VM are not on drive C."""
    with pytest.raises(PathError) as caught:
        from_layer_path(name)
    assert str(caught.value) == f"{name!r} does not lie under Files/"


def test_every_character_that_ntfs_does_not_allow_is_refused() -> None:
    """And no other one of ASCII; the table is Microsoft's, "Naming Files, Paths, and Namespaces"."""
    for character in map(chr, range(32)):
        name = f"a{character}b"
        assert (
            check_name(name)
            == f"{name!r} holds the control character {character!r}, which NTFS does not allow"
        )
    for character in '<>:"/\\|?*':
        name = f"a{character}b"
        assert check_name(name) == f"{name!r} holds {character}, which NTFS does not allow"
    for character in filter(lambda one: one not in '<>:"/\\|?*', map(chr, range(32, 128))):
        assert check_name(f"a{character}b") is None


DEVICES = [
    *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"),
    *(f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"),
]


@pytest.mark.parametrize("device", DEVICES)
def test_a_devices_name_is_refused_in_every_spelling(device: str) -> None:
    """R10: whatever its case, extension, or spaces in front of the dot."""
    for name in (device, device.lower(), device.title(), f"{device}.txt", f"{device}.tar.gz", f"{device} .x"):
        assert check_name(name) == f"{name!r} is a device's name on Windows, whatever its extension"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "CONSOLE",
            "con1",
            "xcon",
            "com",
            "com10",
            "com⁴",
            "lpt",
            "nul-",
            "nul_.txt",
            "conin",
            "a.con",
            " nul",
        ),
        *(
            "a",
            ".env",
            "a.b.c",
            " a",
            "é",
            "日本",
            "\U0001f600",
            "wcidirs",
            "x.$wcidirs$.txt",
            "tombstones.txt",
        ),
        *("x" * 255, "é" * 255, "\U0001f600" * 127),
    ],
)
def test_an_ordinary_name_is_accepted(name: str) -> None:
    """Also one that only resembles a device's, and the longest one."""
    assert check_name(name) is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "a name is empty"),
        (".", "'.' ends in a dot, so Windows programs cannot open it"),
        ("a.", "'a.' ends in a dot, so Windows programs cannot open it"),
        ("a ", "'a ' ends in a space, so Windows programs cannot open it"),
        ("con.", "'con.' ends in a dot, so Windows programs cannot open it"),
        ("a\udc80", r"'a\udc80' is not UTF-8, so Windows would see another name"),
        ("x" * 256, f"'{'x' * 20}'... has more than 255 UTF-16 units"),
        ("\U0001f600" * 128, f"'{chr(0x1F600) * 20}'... has more than 255 UTF-16 units"),
        ("a.$wcidirs$", "'a.$wcidirs$' is a name that the Windows layer importer uses itself"),
        ("A.$WciDirs$", "'A.$WciDirs$' is a name that the Windows layer importer uses itself"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(name: str, sentence: str) -> None:
    """R3, R9, R10 and R11; length counts in UTF-16 units, of which an emoji has two."""
    assert check_name(name) == sentence


@pytest.mark.parametrize("unit", ["x", "é", "\udc80"])
def test_the_longest_path_has_32767_units(unit: str) -> None:
    """R9: one more is too long."""
    assert check_length(unit * 32767) is None
    assert check_length(unit * 32768) == "the path has 32768 UTF-16 units, at most 32767 are possible"


def test_the_system_finds_its_own_programs_last() -> None:
    """The list is complete, since nothing expands %PATH% later."""
    assert join_path_list(["C:\\app", "C:\\b"], "windows") == (
        "C:\\app;C:\\b;C:\\Windows\\System32;C:\\Windows;C:\\Windows\\System32\\Wbem;"
        "C:\\Windows\\System32\\WindowsPowerShell\\v1.0"
    )
    assert join_path_list(["/app"], "linux") == (
        "/app:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    )


def test_a_folder_stands_once_where_it_stood_first() -> None:
    """Whatever its case on Windows; on Linux case makes another folder."""
    assert join_path_list(["c:\\windows", "C:\\A", "c:\\a"], "windows") == (
        "c:\\windows;C:\\A;C:\\Windows\\System32;C:\\Windows\\System32\\Wbem;"
        "C:\\Windows\\System32\\WindowsPowerShell\\v1.0"
    )
    assert join_path_list(["/bin", "/BIN", "/bin"], "linux") == (
        "/bin:/BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin"
    )


FOLDERS = st.lists(st.text(alphabet="abAB", min_size=1, max_size=2), max_size=6)


@given(FOLDERS, st.sampled_from(sorted(SYSTEM_PATHS)))
def test_a_path_list_is_complete_and_each_folder_stands_once(folders: list[str], system: str) -> None:
    """Joining what came out gives the same list."""
    joined = join_path_list(folders, system)
    parts = joined.split(";" if system == "windows" else ":")
    assert len(set(parts)) == len(parts)
    assert {*parts} >= {*SYSTEM_PATHS[system]}
    assert join_path_list(parts, system) == joined


PARTS = st.text(max_size=6) | st.sampled_from(["", ".", "..", "nul", "a:b", "a.", "x" * 256, "\udc80"])
TEXTS = st.builds(
    lambda drive, separator, parts: drive + separator.join(parts),
    st.sampled_from(["C:\\", "c:/", "D:\\", "C:", "\\\\", "/", ""]),
    st.sampled_from(["\\", "/"]),
    st.lists(PARTS, max_size=4),
)


def _read(text: str) -> tuple[str, str]:
    try:
        return image_path(text), ""
    except PathError as error:
        return "", str(error)


@given(TEXTS | st.text())
def test_what_is_accepted_is_the_same_after_a_round_trip(text: str) -> None:
    """A path is refused in a sentence, or it leads to the same place in every later step."""
    path, fault = _read(text)
    if fault:
        assert fault.startswith(repr(text))
        return
    shown = from_layer_path(to_layer_path(text))
    assert image_path(shown) == path
    assert from_layer_path(to_layer_path(shown)) == shown
    assert all(check_name(part) is None for part in path.split("/") if path)


@given(st.text())
def test_a_name_is_judged_in_one_line(name: str) -> None:
    """Whatever it holds; what has no fault is stored by NTFS as it is."""
    fault = check_name(name)
    if fault is None:
        assert 0 < len(name.encode("utf-16-le")) // 2 <= 255
        assert name[-1] not in ". "
    else:
        assert "\n" not in fault
