"""Prefixes of wine: one template that is made once and kept, and out of it one for each run, at once.

<cache>/lock             held by whoever makes what lies beside it
<cache>/prefix           the template, and beside its files what it was made of
<cache>/console-*        our helper

A run's prefix has the template's registry as files of its own, its folders as folders of its own, and links
to its files: 30 milliseconds and 3 MB instead of 700. Proton's prefixes are made so, too.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Final

from buildtools.stores.disk import locked
from buildtools.tiers.base import StartError
from buildtools.tiers.console_helper import PROGRAM, Helper, ensure_helper
from buildtools.windows.forwarder import RANDOM, forwarder
from buildtools.windows.reported import with_values

_RECIPE: Final = 2
"""Counts the ways in which templates were made; a template of another way is made anew."""
_DRIVERS: Final = ("winebus", "winehid", "wineusb")
"""Drivers of input devices, which a container has none of: wine 8 crashes in them once in 50 starts."""
_DISABLED: Final = 4
_RANDOM_DLL: Final = "bcryptprimitives.dll"
_DRIVE: Final = "y:"
_MADE: Final = "made.json"
_SERVER_NOTE: Final = "wineserver"
_PATIENCE: Final = 120.0
"""Seconds that wine may take for one thing on a busy machine."""
_PAUSE: Final = 0.05
_LOOKS: Final = round(_PATIENCE / _PAUSE)
TRACE: Final = re.compile(r"^[0-9a-f]{4}:fixme:")
_FAULT: Final = re.compile(r"^wine: Unhandled ")
"""What wine says of any process in a prefix, its own among them; that a program has died its code tells."""
_UNHANDLED: Final = "fixme:console:default_ctrl_handler Terminating process {:x} on event {:x}"
SHUTDOWN: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A wine that was found: its loader, its server, and the version that it says."""

    loader: str
    server: str
    version: str


def find_wine() -> Installation | None:
    """The first wine on PATH that says its version, None where there is none."""
    for name in ("wine", "wine64"):
        loader, server = shutil.which(name), shutil.which("wineserver")
        if loader and server and (version := _version(loader)):
            return Installation(loader=loader, server=server, version=version)
    return None


@lru_cache(maxsize=8)
def _version(loader: str) -> str:
    command = [loader, "--version"]
    environment = os.environ | {"WINEDEBUG": "-all"}
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        return done.stdout.strip() if not done.returncode else ""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """A prefix of one run."""

    wine: Installation
    path: Path

    @property
    def drive(self) -> Path:
        """The drive C:."""
        return self.path / "drive_c"

    @property
    def registry(self) -> Path:
        """The file of HKEY_LOCAL_MACHINE; read by wine when its first program starts."""
        return self.path / "system.reg"

    def environment(self) -> dict[str, str]:
        """What wine is told; nothing else of this process's environment."""
        kept = {name: os.environ[name] for name in ("PATH", "USER", "LOGNAME") if name in os.environ}
        return kept | {
            "HOME": str(self.path),
            "LC_ALL": "C.UTF-8",
            "WINEARCH": "win64",
            # The default handler of console events and DLLs that are not found say so.
            "WINEDEBUG": "-all,fixme+console,err+module",
            # Neither Mono nor Gecko is asked for, and no debugger comes between a program and its end.
            "WINEDLLOVERRIDES": "mscoree=;mshtml=;winedbg.exe=;winemenubuilder.exe=",
            "WINEPREFIX": str(self.path),
        }

    @contextmanager
    def helper(self, log: IO[bytes]) -> Iterator[Helper]:
        """Our helper in this prefix; afterwards no process of the prefix is there any more."""
        process = subprocess.Popen(
            [self.wine.loader, rf"{_DRIVE}\{PROGRAM}"],
            cwd=self.path,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield Helper(process=process)
        finally:
            self.end()
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def end(self) -> None:
        """End wine's server for this prefix, and with it all its programs."""
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [self.wine.server, "-k"],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_PATIENCE,
                check=False,
            )
        for folder in self._server_folders():
            shutil.rmtree(folder, ignore_errors=True)

    def _server_folders(self) -> Iterator[Path]:
        """Where the server's socket lay: Debian's wine notes it in the prefix, others name it after that."""
        with suppress(OSError, UnicodeDecodeError):
            name = (self.path / _SERVER_NOTE).read_text("ascii").strip()
            if re.fullmatch(r"wine-\w{6}", name):
                yield Path("/tmp", name)  # noqa: S108 - wine's own place
        with suppress(OSError):
            status = self.path.stat()
            yield Path(f"/tmp/.wine-{os.getuid()}/server-{status.st_dev:x}-{status.st_ino:x}")  # noqa: S108


def unhandled(pid: int, event: int, log: str) -> bool:
    """Whether wine says in the log that nothing in this process handled the event, and so ended it."""
    return _UNHANDLED.format(pid, event) in log


@contextmanager
def prefix(wine: Installation, cache: Path) -> Iterator[Prefix]:
    """A prefix of one's own; afterwards it is gone. Raises StartError, MissingToolError."""
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        helper = ensure_helper(cache)
        template = _template(wine, cache, helper)
    with _copied(wine, template, helper) as copied:
        yield copied


@contextmanager
def _copied(wine: Installation, template: Path, helper: Path) -> Iterator[Prefix]:
    with tempfile.TemporaryDirectory(prefix="buildtools-wine-", ignore_cleanup_errors=True) as folder:
        path = Path(folder)
        _copy(template, path)
        (path / "dosdevices" / _DRIVE).symlink_to(helper)
        yield Prefix(wine=wine, path=path)


def _copy(template: Path, target: Path) -> None:
    for folder, folders, files in os.walk(template):
        here = target / Path(folder).relative_to(template)
        for name in folders:
            if Path(folder, name).is_symlink():
                (here / name).symlink_to(Path(folder, name).readlink())
            else:
                (here / name).mkdir()
        for name in files:
            if here == target:
                shutil.copyfile(Path(folder, name), here / name)
            else:
                (here / name).symlink_to(Path(folder, name))


def _template(wine: Installation, cache: Path, helper: Path) -> Path:
    """The template, made if there is none of this wine, or if somebody has changed its files since."""
    place, fresh = cache / "prefix", cache / "prefix.new"
    meaning = {"wine": wine.version, "recipe": _RECIPE}
    if _holds(place, meaning):
        return place
    for folder in (fresh, place):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        fresh.mkdir()
        _make(Prefix(wine=wine, path=fresh))
        (fresh / _MADE).write_text(json.dumps({"of": meaning, "files": _listing(fresh)}))
        _check_events(wine, fresh, helper)
        fresh.rename(place)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return place


def _holds(place: Path, meaning: Mapping[str, object]) -> bool:
    with suppress(OSError, ValueError, KeyError, TypeError):
        made = json.loads((place / _MADE).read_bytes())
        return bool(made["of"] == meaning and made["files"] == _listing(place))
    return False


def _listing(place: Path) -> dict[str, list[int]]:
    """Size and time of every file of the drive, through whose links a program could have written."""
    files = (Path(folder, name) for folder, _, names in os.walk(place / "drive_c") for name in names)
    found = ((path, path.lstat()) for path in files)
    return {
        path.relative_to(place).as_posix(): [status.st_size, status.st_mtime_ns] for path, status in found
    }


def _make(fresh: Prefix) -> None:
    """Have wine fill the folder, then take out of it what leads out of it."""
    with tempfile.TemporaryFile() as log:
        try:
            done = subprocess.run(
                [fresh.wine.loader, "wineboot", "--init"],
                cwd=fresh.path,
                env=fresh.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                timeout=_PATIENCE,
                check=False,
            )
            failed = (
                done.returncode or not fresh.registry.parent.joinpath("drive_c/windows/system32").is_dir()
            )
        except subprocess.TimeoutExpired:
            failed = True
        finally:
            fresh.end()
        if failed or not fresh.registry.is_file():
            last = text_of(log).strip().splitlines()[-1:]
            raise StartError(
                f"{fresh.wine.version} makes no prefix: {' '.join(last) or 'it does not say why'}"
            )
    (fresh.path / _SERVER_NOTE).unlink(missing_ok=True)
    _close_in(fresh)
    text = fresh.registry.read_text("utf-8")
    for driver in _DRIVERS:
        text = with_values(text, rf"System\CurrentControlSet\Services\{driver}", {"Start": _DISABLED})
    fresh.registry.write_text(text, "utf-8")
    library = fresh.drive / "windows" / "system32" / _RANDOM_DLL
    if not library.exists():
        library.write_bytes(forwarder(_RANDOM_DLL, RANDOM))


def _close_in(fresh: Prefix) -> None:
    """No drive but C: and no way to this machine's home folder."""
    for device in (fresh.path / "dosdevices").iterdir():
        if device.name != "c:":
            device.unlink()
    for folder, folders, _ in os.walk(fresh.drive / "users"):
        for path in (Path(folder, name) for name in folders):
            if path.is_symlink():
                path.unlink()
                path.mkdir()


def _check_events(wine: Installation, template: Path, helper: Path) -> None:
    """Whether this wine says what the tier has to know: that a program does not handle an event."""
    with (
        tempfile.TemporaryFile() as log,
        _copied(wine, template, helper) as probe,
        probe.helper(log) as asked,
    ):
        asked.order([rf"{_DRIVE}\{PROGRAM}", "-wait"], folder="C:\\", environment=())
        asked.listen(_PATIENCE, start=True)
        for _ in range(_LOOKS):
            if asked.over or "waiting" in text_of(log):
                break
            asked.listen(_PAUSE)
        asked.send(SHUTDOWN)
        asked.listen(_PATIENCE)
        text = text_of(log)
    if asked.pid is None or asked.code is None or not unhandled(asked.pid, SHUTDOWN, text):
        raise StartError(f"{wine.version} does not say that a program leaves console events unhandled")


def text_of(log: IO[bytes]) -> str:
    """What was printed so far; where the file is written at stays where it is, which its writers share."""
    handle = log.fileno()
    return os.pread(handle, os.fstat(handle).st_size, 0).decode("utf-8", "replace")


def lines(log: IO[bytes], most: int) -> tuple[str, ...]:
    """The last lines of what a program printed, without what wine notes among them."""
    found = (line.rstrip() for line in text_of(log).splitlines())
    return tuple(line for line in found if not (TRACE.match(line) or _FAULT.match(line)))[-most:]
