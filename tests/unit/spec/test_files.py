"""Entries under `files`: what each platform gets, and a sentence for each mistake."""

# ruff: noqa: E501 - sentences are asserted whole, each on its line
import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError
from buildtools.spec.variant import FileRule, Variant

WINDOWS = "platforms: [windows/amd64:ltsc2022]\nbase: nanoserver\n"
MIXED = "platforms: [linux/amd64, 'windows/amd64:ltsc2022']\nbase: {linux: scratch, windows: nanoserver}\n"
PER_OS = "directory: {linux: /a, windows: 'C:\\a'}"

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]


def entries(*flows: str) -> str:
    """A definition with these entries, a line each from line 2; their first key stands in column 6."""
    return "files:\n" + "".join(f"  - {{{flow}}}\n" for flow in flows)


def placed(*sentences: str) -> list[str]:
    """The sentences as they stand in a message."""
    return [f"image.yaml:{sentence}" for sentence in sentences]


def rules(variants: Variants, text: str) -> list[tuple[FileRule, ...]]:
    """What each variant has."""
    return [each.files for each in variants(text)]


def test_an_entry_with_nothing_more_is_roots(variants: Variants) -> None:
    """The kind of file decides the mode, root owns it, and Windows' users may read and run it."""
    expected = FileRule(kind="copy", source="a", destination="app/a", line=2, column=12)
    assert rules(variants, entries("from: a, to: /app/a")) == [(expected,)]
    assert (expected.mode, expected.uid, expected.gid, expected.acl) == (None, 0, 0, "users-rx")


def test_everything_that_can_be_said_is_kept(variants: Variants) -> None:
    """Octal modes, two numbers for owner and group, globs to leave out but for empty ones."""
    flow = 'from: a, to: /b/, exclude: ["*.md", "", c/**], mode: "4755", owner: "1000:4294967294", acl: users-full'
    linux, windows = rules(variants, entries(flow) + MIXED)
    assert linux == windows
    assert linux == (
        FileRule(
            kind="copy",
            source="a",
            destination="b",
            into_folder=True,
            exclude=("*.md", "c/**"),
            mode=0o4755,
            uid=1000,
            gid=2**32 - 2,
            acl="users-full",
            line=2,
            column=12,
        ),
    )


@pytest.mark.parametrize(("mode", "bits"), [("755", 0o755), ("0644", 0o644), ("01777", 0o1777), ("000", 0)])
def test_a_mode_is_octal(variants: Variants, mode: str, bits: int) -> None:
    """With a leading zero or without."""
    assert rules(variants, entries(f'directory: /a, mode: "{mode}"'))[0][0].mode == bits


def test_the_same_entry_has_another_place_on_each_system(variants: Variants) -> None:
    """Placeholders and values by operating system; both spellings of a Windows path mean drive C."""
    text = entries(
        "from: '{os}/x{exe}', to: '/bin/x{exe}'",
        "from: {linux: l, windows: w}, to: {linux: /l, windows: 'C:\\w\\'}",
        "directory: {linux: /var/x, windows: 'C:\\ProgramData\\{name}'}",
        "symlink: {linux: /s, windows: 'c:/s'}, target: {linux: ../l, windows: 'C:\\w\\w'}",
    )
    linux, windows = ([vars_of(rule) for rule in found] for found in rules(variants, text + MIXED))
    assert linux == [
        ("copy", "linux/x", "bin/x", False, ""),
        ("copy", "l", "l", False, ""),
        ("directory", "", "var/x", False, ""),
        ("symlink", "", "s", False, "../l"),
    ]
    assert windows == [
        ("copy", "windows/x.exe", "bin/x.exe", False, ""),
        ("copy", "w", "w", True, ""),
        ("directory", "", "ProgramData/x", False, ""),
        ("symlink", "", "s", False, "C:\\w\\w"),
    ]


def vars_of(rule: FileRule) -> tuple[str, str, str, bool, str]:
    """What of a rule differs between operating systems."""
    return rule.kind, rule.source, rule.destination, rule.into_folder, rule.target


@pytest.mark.parametrize(
    "flow",
    [
        "from: {linux: a}, to: /a",
        "from: {linux: a}, to: {linux: /a, windows: /a}",
        "directory: {linux: /a}",
        "symlink: {linux: /a}, target: b",
    ],
)
def test_what_names_one_system_is_only_there(variants: Variants, flow: str) -> None:
    """An operating system that is left out gets nothing."""
    assert [len(found) for found in rules(variants, entries(flow) + MIXED)] == [1, 0]


def test_entries_keep_their_order(variants: Variants) -> None:
    """And each knows its line."""
    (found,) = rules(variants, entries("directory: /b", "directory: /a", "from: x, to: /c/"))
    assert [(rule.destination, rule.line) for rule in found] == [("b", 2), ("a", 3), ("c", 4)]


def test_the_root_of_an_image_is_a_directory(variants: Variants) -> None:
    """Its path is empty; owner, mode and access list can be given to it."""
    assert [found[0].destination for found in rules(variants, entries("directory: /") + MIXED)] == ["", ""]


WRONG = [
    ("", "2:5: the entry has none of from, directory and symlink: write exactly one of them"),
    ("to: /a", "2:5: the entry has none of from, directory and symlink: write exactly one of them"),
    ("from: a, directory: /b", "2:5: the entry has from and directory: write exactly one of them"),
    ("from: a, directory: /b, symlink: /c", "2:5: the entry has from and directory and symlink: write exactly one of them"),
    ("from: a", '2:5: "from" needs "to" beside it: add "to"'),
    ("symlink: /a", '2:5: "symlink" needs "target" beside it: add "target"'),
    ("directory: /a, to: /b", '2:21: "to" means nothing beside "directory": delete it'),
    ("directory: /a, exclude: [x]", '2:21: "exclude" means nothing beside "directory": delete it'),
    ("directory: /a, target: b", '2:21: "target" means nothing beside "directory": delete it'),
    ("from: a, to: /a, target: b", '2:23: "target" means nothing beside "from": delete it'),
    ('symlink: /a, target: b, mode: "0777"', '2:30: "mode" means nothing beside "symlink": delete it'),
    ('directory: /a, owner: "4294967295:0"', '2:28: "4294967295:0" holds a number that no Linux user or group has: write numbers up to 4294967294'),
    ('directory: /a, owner: "0:9999999999"', '2:28: "0:9999999999" holds a number that no Linux user or group has: write numbers up to 4294967294'),
    ("directory: app", '2:17: "app" is not an absolute path: start it with a slash'),
    ("directory: ''", '2:17: "" is not an absolute path: start it with a slash'),
    ("directory: 'C:\\a'", '2:17: "C:\\a" is not an absolute path: start it with a slash'),
    ("directory: '/{nam}'", "2:17: unknown placeholder {nam}: did you mean {name}?"),
    ("directory: '/{out}'", "2:17: placeholder {out} has no meaning here: {out} is the folder that build commands write to (in build.run, build.env and files.from only)"),
    ("symlink: /a, target: ''", "2:27: the target is empty: write where the link points"),
    ("symlink: /a, target: '{'", "2:27: a { stands alone: write {{ for a brace that is meant"),
    ("symlink: //, target: b", '2:15: "//" is the root of the image, which cannot be a link: write the path of the link itself'),
    ("symlink: a, target: b", '2:15: "a" is not an absolute path: start it with a slash'),
    ("symlink: /a, target: {windows: b}", '2:19: "target" says nothing about linux, and "symlink" does: add linux to it'),
    ("from: a, to: {windows: /b}", '2:15: "to" says nothing about linux, and "from" does: add linux to it'),
    ("from: a, to: b", '2:19: "b" is not an absolute path: start it with a slash'),
    ("from: /a, to: /b", '2:12: "/a" is not relative: write it relative to the image\'s folder'),
    ("from: a*, to: /b", '2:20: "a*" may be many files, and "to" does not end in a slash: end it in a slash'),
    ("from: a, to: '/{exe}'", '2:19: "/{exe}" is a folder, and "to" does not end in a slash: end it in a slash'),
    ("from: a, to: /b/.wh.c", '2:19: "/b/.wh.c" is how layers mark deleted files: use a name that does not start with .wh.'),
    ("directory: {windows: 'C:\\a'}, mode: \"0755\"", "2:36: mode is only for Linux, and this entry is not in any Linux variant: delete it"),
    ('from: {windows: a}, to: /a, owner: "1:1"', "2:34: owner is only for Linux, and this entry is not in any Linux variant: delete it"),
    ("symlink: /a, target: b, acl: users-rx", "2:30: acl is only for Windows, and this entry is not in any Windows variant: delete it"),
    ("directory: '', mode: \"0755\"", '2:17: "" is not an absolute path: start it with a slash'),
]  # fmt: skip


@pytest.mark.parametrize(("flow", "sentence"), WRONG)
def test_an_entry_that_cannot_be_is_refused(faults: Faults, flow: str, sentence: str) -> None:
    """What contradicts itself, what is missing, and what Linux cannot have."""
    assert faults(entries(flow)) == placed(sentence)


ACLS = [
    ("world", "unknown acl 'world': use users-rx, users-full, or SDDL such as O:BAG:SYD:(A;;FA;;;BA)"),
    ("''", "unknown acl '': use users-rx, users-full, or SDDL such as O:BAG:SYD:(A;;FA;;;BA)"),
]


@pytest.mark.parametrize(("acl", "sentence"), ACLS)
def test_an_acl_that_cannot_be_is_refused_once(faults: Faults, acl: str, sentence: str) -> None:
    """Whatever the platforms are."""
    assert faults(entries(f"{PER_OS}, acl: {acl}") + MIXED) == placed(f"2:52: {sentence}")


def test_platforms_that_are_none_say_nothing_about_files(faults: Faults) -> None:
    """An entry is not called useless because the list of platforms is wrong."""
    (sentence,) = faults(entries('directory: /a, mode: "0755", acl: users-rx') + "platforms: [lynux/amd64]\n")
    assert sentence.startswith("image.yaml:3:13: ")


def test_an_acl_in_sddl_is_kept(variants: Variants) -> None:
    """As it is written."""
    text = entries("directory: /a, acl: 'O:BAG:SYD:(A;;FA;;;BA)'") + WINDOWS
    assert rules(variants, text)[0][0].acl == "O:BAG:SYD:(A;;FA;;;BA)"


ON_WINDOWS = [
    ("directory: 'D:\\a'", "2:17: 'D:\\\\a' is on drive D: an image has drive C: only"),
    ("directory: /a/nul", "2:17: 'C:/a/nul': 'nul' is a device's name on Windows, whatever its extension: use another name"),
    ("from: a, to: '{name}'", "2:19: 'x' is relative: write the whole path, as in C:\\app\\program.exe"),
    ("symlink: /a, target: /b/c", '2:27: "/b/c" has no drive, and Windows would not find it: write C:\\b\\c, or a path relative to the link\'s folder'),
    ('from: a, to: /a, mode: "0644"', "2:23: mode is only for Linux, and this entry is not in any Linux variant: delete it"),
]  # fmt: skip


@pytest.mark.parametrize(("flow", "sentence"), ON_WINDOWS)
def test_what_windows_cannot_have_is_refused(faults: Faults, flow: str, sentence: str) -> None:
    """Paths without a place on drive C, links that lead nowhere, permission bits."""
    assert faults(entries(flow) + WINDOWS) == placed(sentence)


DUPLICATES = [
    (["directory: {linux: /a}", "from: {linux: x}, to: /a"], "3:5: /a is put into linux images twice: line 2 does it already: delete one of the two"),
    (["directory: {linux: /a}", "directory: /b", "directory: {linux: /./a//}"], "4:5: /a is put into linux images twice: line 2 does it already: delete one of the two"),
    (["directory: {windows: /A}", "from: {windows: x}, to: 'c:/a'"], "3:5: /a is put into windows images twice: line 2 does it already: delete one of the two"),
]  # fmt: skip


@pytest.mark.parametrize(("flows", "sentence"), DUPLICATES)
def test_two_entries_for_one_place_are_refused(faults: Faults, flows: list[str], sentence: str) -> None:
    """Windows takes letters of either case for one."""
    assert faults(entries(*flows) + MIXED) == placed(sentence)


def test_a_third_entry_for_one_place_names_the_first(faults: Faults) -> None:
    """Not the second, which is reported itself."""
    sentence = "/a is put into linux images twice: line 2 does it already: delete one of the two"
    assert faults(entries(*["directory: /a"] * 3)) == placed(f"3:5: {sentence}", f"4:5: {sentence}")


def test_two_entries_may_share_a_folder_or_differ_in_case(variants: Variants) -> None:
    """Linux knows upper case from lower case, and into one folder many things are copied."""
    flows = ("from: a, to: /x/", "from: b, to: /x/", "directory: /x", "directory: {linux: /X}")
    assert [len(found) for found in rules(variants, entries(*flows) + MIXED)] == [4, 3]


TEXTS = st.sampled_from(
    ("", "/", "/a", "a", "C:\\a", "{out}/a", "{fetch}/b", "*", "..", "{exe}", "{", "nul")
) | st.text(max_size=6)
VALUES = TEXTS | st.dictionaries(st.sampled_from(("linux", "windows")), TEXTS)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(("from", "to", "directory", "symlink", "target", "acl")), VALUES),
        max_size=3,
    )
)
def test_no_entry_is_a_traceback(variants: Variants, spec: list[dict[str, object]]) -> None:
    """Whatever is written, there are findings or rules whose places lie in the image."""
    with suppress(ConfigurationError):
        for variant in variants(f"files: {json.dumps(spec, ensure_ascii=False)}\n{MIXED}"):
            for rule in variant.files:
                assert not rule.destination.startswith("/")
                assert ".." not in rule.destination.split("/")
                assert bool(rule.target) is (rule.kind == "symlink")
