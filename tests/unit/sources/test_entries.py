"""From file rules to a layer's entries: paths, modes, owners, access lists, links."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.errors import BuildError, ConfigurationError
from buildtools.oci.layer import Entry, Kind
from buildtools.sources.entries import entries
from buildtools.spec.variant import FileRule, Variant
from buildtools.windows.security import descriptor_for
from tests.fakes.definitions import copied, variant, write_script, write_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image's folder."""
    return write_tree(tmp_path / "app", "app.sh", "conf/one.txt", "conf/old.bak", "conf/deep/two.txt")


def paths(root: Path, *rules: FileRule, **places: Any) -> dict[str, str]:
    """Where each file comes from, relative to the folder above the root, by its path in the image."""
    made = entries(variant(files=rules), root=root, **places)
    return {entry.path: str(Path(entry.origin).relative_to(root.parent)) for entry in made}


def single(root: Path, rule: FileRule, made: Variant | None = None) -> Entry:
    """The only entry of a rule."""
    (entry,) = entries(made or variant(files=(rule,)), root=root)
    return entry


CONF = {"one.txt": "app/conf/one.txt", "old.bak": "app/conf/old.bak", "deep/two.txt": "app/conf/deep/two.txt"}


@pytest.mark.parametrize(
    ("source", "destination", "found"),
    [
        ("app.sh", "bin/app", {"bin/app": "app/app.sh"}),
        ("app.sh", "bin/", {"bin/app.sh": "app/app.sh"}),
        ("app.sh", "/", {"app.sh": "app/app.sh"}),
        ("conf/deep/two.txt", "etc/", {"etc/two.txt": "app/conf/deep/two.txt"}),
        ("conf", "etc/", {f"etc/{name}": path for name, path in CONF.items()}),
        ("conf", "/", CONF),
        ("conf/*", "etc/", {f"etc/{name}": path for name, path in CONF.items()}),
        ("c*", "etc/", {f"etc/conf/{name}": path for name, path in CONF.items()}),
        ("conf/**/*.txt", "etc/", {f"etc/{name}": CONF[name] for name in ("one.txt", "deep/two.txt")}),
        ("conf/deep/*.txt", "etc/", {"etc/two.txt": "app/conf/deep/two.txt"}),
        ("./conf/deep/", "etc/", {"etc/two.txt": "app/conf/deep/two.txt"}),
        ("../app/conf/[d]*/*", "etc/", {"etc/deep/two.txt": "app/../app/conf/deep/two.txt"}),
        (".", "all/", {"all/app.sh": "app/app.sh"} | {f"all/conf/{n}": path for n, path in CONF.items()}),
    ],
)
def test_where_files_come_to_lie(root: Path, source: str, destination: str, found: dict[str, str]) -> None:
    """What is fixed in a source is cut off, what a folder or glob stands for keeps its tree."""
    assert paths(root, copied(source, destination)) == found


def test_what_is_left_out_is_not_there(root: Path) -> None:
    """And a rule that leaves out everything is a mistake."""
    rule = copied("conf", "etc/", exclude=("*.bak", "deep"))
    assert paths(root, rule) == {"etc/one.txt": "app/conf/one.txt"}
    with pytest.raises(ConfigurationError) as caught:
        paths(root, replace(copied("conf", "etc/", exclude=("*",)), line=7, column=5))
    assert str(caught.value) == (
        "images/app/image.yaml:7:5: everything that 'conf' matches is left out by `exclude`"
    )


def test_products_and_assets_have_places_of_their_own(root: Path) -> None:
    """A product, a whole asset under another name or in a folder, and a member of an archive."""
    out = write_tree(root.parent / "out", "app", "lib/a.so")
    asset = write_tree(root.parent, "f00d") / "f00d"
    members = write_tree(root.parent / "members", "tool", "dir/other")
    fetched = {"asset": asset, "archive": members}
    rules = (
        copied("app", "bin/app", origin="out"),
        copied("lib", "lib/", origin="out"),
        copied("asset", "tool", origin="fetch"),
        copied("asset", "bin/", origin="fetch"),
        copied("archive/tool", "bin/", origin="fetch"),
        copied("archive/dir/other", "other", origin="fetch"),
    )
    assert paths(root, *rules, out=out, fetched=fetched) == {
        "bin/app": "out/app",
        "lib/a.so": "out/lib/a.so",
        "tool": "f00d",
        "bin/asset": "f00d",
        "bin/tool": "members/tool",
        "other": "members/dir/other",
    }
    with pytest.raises(BuildError) as caught:
        paths(root, rules[0])
    assert str(caught.value) == "bin/app comes out of {out}, and nothing was built"


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (b"#!/bin/sh\n", 0o755),
        (b"\x7fELF\x02\x01\x01", 0o755),
        (b"#", 0o644),
        (b"", 0o644),
        (b"MZ\x90\x00", 0o644),
        (b" #!/bin/sh\n", 0o644),
    ],
)
@pytest.mark.parametrize("bits", [0o600, 0o755])
def test_the_content_decides_what_is_executable(root: Path, content: bytes, mode: int, bits: int) -> None:
    """Not the checkout's mode bits, which Windows has not; the definition has the last word."""
    path = root / "file"
    path.write_bytes(content)
    path.chmod(bits)
    assert single(root, copied("file", "file")).mode == mode
    assert single(root, copied("file", "file", mode=0o4711)).mode == 0o4711


def test_what_an_entry_of_a_file_says(root: Path) -> None:
    """Size, owner, content when its turn comes, and no access list on Linux."""
    entry = single(root, copied("app.sh", "app", uid=10, gid=20, acl="users-full"))
    assert (entry.kind, entry.size, entry.uid, entry.gid, entry.security) == (Kind.FILE, 6, 10, 20, b"")
    assert entry.origin == f"{root.as_posix()}/app.sh"
    assert entry.open
    with entry.open() as file:
        assert file.read() == b"app.sh"


def test_directories(root: Path) -> None:
    """0755 unless the definition says something else."""
    rule = FileRule(kind="directory", destination="data", uid=10, gid=20)
    entry = single(root, rule)
    assert (entry.path, entry.kind, entry.mode, entry.uid, entry.gid) == (
        "data",
        Kind.DIRECTORY,
        0o755,
        10,
        20,
    )
    assert single(root, FileRule(kind="directory", destination="data", mode=0o1777)).mode == 0o1777


@pytest.mark.parametrize(
    ("target", "is_directory"),
    [
        ("data", True),
        ("./data", True),
        ("../links/data", False),
        ("..\\data", True),
        ("../../data", True),
        ("anything/", True),
        ("anything\\", True),
        ("conf", True),
        ("app.sh", False),
        ("nothing", False),
        ("C:\\data", True),
        ("c:/DATA", True),
        ("D:\\data", False),
        ("conf/deep", True),
        ("conf/deep/two.txt", False),
        ("sub", True),
    ],
)
def test_links_know_whether_they_lead_to_a_folder(root: Path, target: str, is_directory: bool) -> None:
    """Windows must be told: a folder that the image makes or fills, or a target that ends in a slash."""
    folder = "links/" if target.startswith("..") else ""
    link = FileRule(kind="symlink", destination=f"{folder}link", target=target, uid=10, gid=20)
    others = (
        FileRule(kind="directory", destination="data"),
        copied("conf", "conf/"),
        copied("app.sh", "app.sh"),
        copied("app.sh", "sub/app.sh"),
    )
    *_, entry = entries(variant("windows", files=(*others, link)), root=root)
    assert entry.kind is Kind.SYMLINK
    assert (entry.path, entry.target, entry.uid, entry.gid) == (f"{folder}link", target, 10, 20)
    assert entry.target_is_directory == is_directory


def test_access_lists_are_for_windows(root: Path) -> None:
    """Files and directories inherit differently; a link is a file."""
    rules = (
        copied("app.sh", "app.cmd"),
        FileRule(kind="directory", destination="data", acl="users-full"),
        FileRule(kind="symlink", destination="link", target="data", acl="users-full"),
    )
    made = entries(variant("windows", files=rules), root=root)
    assert [entry.security for entry in made] == [
        descriptor_for("users-rx", directory=False),
        descriptor_for("users-full", directory=True),
        descriptor_for("users-full", directory=False),
    ]
    assert not any(entry.security for entry in entries(variant(files=rules), root=root))


def test_a_script_of_the_project_is_a_program(root: Path) -> None:
    """The usual case: `#!` at its beginning, nothing in the definition."""
    write_script(root / "run.sh", "exit 0\n")
    assert single(root, copied("run.sh", "run.sh")).mode == 0o755


FULL = descriptor_for("users-full", directory=True)


@pytest.mark.parametrize(
    ("rule", "folders"),
    [
        (copied("conf", "etc/"), {}),
        (copied("app.sh", "etc/", acl="users-full"), {}),
        (copied("conf", "etc/", acl="users-full"), {"etc": FULL, "etc/deep": FULL}),
        (copied("conf/**", "etc/", acl="users-full"), {"etc/deep": FULL}),
        (copied("conf", "/", acl="users-full"), {"deep": FULL}),
    ],
)
def test_folders_that_are_copied_belong_to_whom_their_files_do(
    root: Path, rule: FileRule, folders: dict[str, bytes]
) -> None:
    """Who may write the files may write into their folders; the ones around them stay as they are."""
    made = entries(variant("windows", files=(rule,)), root=root)
    assert {entry.path: entry.security for entry in made if entry.kind is Kind.DIRECTORY} == folders


def test_folders_have_their_files_owner_and_a_mode_of_their_own(root: Path) -> None:
    """What makes a file writable or not says nothing about its folder."""
    made = entries(variant(files=(copied("conf", "etc/", uid=10, gid=20, mode=0o600),)), root=root)
    folders = [entry for entry in made if entry.kind is Kind.DIRECTORY]
    assert [(entry.path, entry.uid, entry.gid, entry.mode) for entry in folders] == [
        ("etc", 10, 20, 0o755),
        ("etc/deep", 10, 20, 0o755),
    ]


def test_rules_can_be_chosen(root: Path) -> None:
    """Those whose files are there already."""
    made = variant(files=(copied("app.sh", "app"), copied("app", "made", origin="out")))
    assert [entry.path for entry in entries(made, root=root, rules=made.files[:1])] == ["app"]
