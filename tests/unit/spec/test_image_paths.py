"""Paths in an image: as definitions write them, as layers hold them, as the operating system reads them."""

# ruff: noqa: E501 - sentences are asserted whole, each on its line
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.spec.image_paths import image_path, is_folder, native_path
from buildtools.spec.platforms import Problem

BACKSLASH = "a backslash in double quotes starts an escape: use single quotes"
TOO_LONG = Problem("the path is longer than Linux allows (255 bytes a name, 4096 in all)", "shorten it")


@pytest.mark.parametrize(
    ("text", "os", "path", "native"),
    [
        ("/app/x", "linux", "app/x", "/app/x"),
        ("/", "linux", "", "/"),
        ("//app/./x/", "linux", "app/x", "/app/x"),
        ("/C:/x", "linux", "C:/x", "/C:/x"),
        ("/a\\b", "linux", "a\\b", "/a\\b"),
        ("/.wh", "linux", ".wh", "/.wh"),
        ("/con", "linux", "con", "/con"),
        ("/app/x", "windows", "app/x", "C:\\app\\x"),
        ("\\app\\x", "windows", "app/x", "C:\\app\\x"),
        ("C:\\app\\x.exe", "windows", "app/x.exe", "C:\\app\\x.exe"),
        ("c:/app//x/.", "windows", "app/x", "C:\\app\\x"),
        ("C:\\", "windows", "", "C:\\"),
        ("/", "windows", "", "C:\\"),
        ("/App/X", "windows", "App/X", "C:\\App\\X"),
    ],
)
def test_a_path_is_read(text: str, os: str, path: str, native: str) -> None:
    """The layer's path is relative and has forward slashes on both; the root is empty."""
    assert image_path(text, os) == path
    assert native_path(text, os) == native


REFUSED = [
    ("app", "linux", '"app" is not an absolute path', "start it with a slash"),
    ("", "linux", '"" is not an absolute path', "start it with a slash"),
    ("C:\\app", "linux", '"C:\\app" is not an absolute path', "start it with a slash"),
    ("/a\tb", "linux", "the path holds the control character U+0009", BACKSLASH),
    ("/a\x7f", "linux", "the path holds the control character U+007F", BACKSLASH),
    ("/a/../b", "linux", '"/a/../b" has a .. in it', "write the path without"),
    ("/a/.wh.b/c", "linux", '"/a/.wh.b/c" is how layers mark deleted files', "use a name that does not start with .wh."),
    ("/.wh..wh..opq", "linux", '"/.wh..wh..opq" is how layers mark deleted files', "use a name that does not start with .wh."),
    ("C:\\.wh.b", "windows", '"C:\\.wh.b" is how layers mark deleted files', "use a name that does not start with .wh."),
    ("app", "windows", "'app' is relative", "write the whole path, as in C:\\app\\program.exe"),
    ("", "windows", "'' is relative", "write the whole path, as in C:\\app\\program.exe"),
    ("D:\\app", "windows", "'D:\\\\app' is on drive D", "an image has drive C: only"),
    ("C:app", "windows", "'C:app' is relative to a drive's current folder", "write C:\\ and the whole path"),
    ("\\\\host\\share", "windows", "'\\\\\\\\host\\\\share' is a network or device path", "an image has drive C: only, as in C:\\app"),
    ("//host/share", "windows", "'//host/share' is a network or device path", "an image has drive C: only, as in C:\\app"),
    ("/a/../b", "windows", "'C:/a/../b' has a .. in it", "write the path without"),
    ("/a/nul.txt", "windows", "'C:/a/nul.txt': 'nul.txt' is a device's name on Windows, whatever its extension", "use another name"),
    ("/a|b", "windows", "'C:/a|b': 'a|b' holds |, which NTFS does not allow", "use another name"),
    ("C:\\a.", "windows", "'C:\\\\a.': 'a.' ends in a dot, so Windows programs cannot open it", "use another name"),
    ("C:\\a: b\\c", "windows", "'C:\\\\a: b\\\\c': 'a: b' holds :, which NTFS does not allow", "use another name"),
    ("D:\\a: b", "windows", "'D:\\\\a: b' is on drive D", "an image has drive C: only"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "os", "message", "hint"), REFUSED)
def test_a_path_that_cannot_be_is_refused(text: str, os: str, message: str, hint: str) -> None:
    """By the rules of its operating system; the path in native form is refused alike."""
    assert image_path(text, os) == Problem(message, hint)
    assert native_path(text, os) == Problem(message, hint)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("/" + "x" * 255, True),
        ("/" + "x" * 256, False),
        ("/" + "ü" * 127, True),
        ("/" + "ü" * 128, False),
        ("/" + "/".join(["x" * 200] * 20) + "/" + "y" * 75, True),
        ("/" + "/".join(["x" * 200] * 20) + "/" + "y" * 76, False),
    ],
)
def test_linux_counts_bytes(text: str, accepted: bool) -> None:
    """255 a name, and 4095 in all, since the kernel's 4096 hold a zero byte at the end."""
    found = image_path(text, "linux")
    assert (found == text[1:]) is accepted
    assert (found == TOO_LONG) is not accepted


@pytest.mark.parametrize(
    ("text", "linux", "windows"),
    [
        ("/a/", True, True),
        ("/a", False, False),
        ("C:\\a\\", False, True),
        ("C:/a/", True, True),
        ("", False, False),
    ],
)
def test_a_slash_at_the_end_makes_a_folder(text: str, linux: bool, windows: bool) -> None:
    """On Windows a backslash does, too."""
    assert (is_folder(text, "linux"), is_folder(text, "windows")) == (linux, windows)


PIECES = st.sampled_from(
    ("/", "\\", "C:", "..", ".", "a", "con", ".wh.", "x y", "é", "\t", ":", "*", "$WcidirS$")
)


@given(
    text=st.lists(PIECES | st.text(max_size=3), max_size=10).map("".join),
    os=st.sampled_from(("linux", "windows")),
)
def test_what_is_accepted_lies_in_the_image(text: str, os: str) -> None:
    """The path is relative without `..`, means the same in native form, and all else is a sentence."""
    path, native = image_path(text, os), native_path(text, os)
    if isinstance(path, Problem):
        assert native == path
        assert path.message
        return
    parts = path.split("/") if path else []
    assert not {"", ".", ".."} & set(parts)
    assert not any(part.startswith(".wh.") for part in parts)
    assert isinstance(native, str)
    assert image_path(native, os) == path
    assert native_path(native, os) == native
