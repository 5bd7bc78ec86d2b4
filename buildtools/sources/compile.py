"""Build commands, run once for each operating system and architecture, into a folder of their own."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from buildtools.errors import BuildError
from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.documents import canonical_json
from buildtools.sources.hashes import HashCache
from buildtools.sources.tools import Tool, find_tools
from buildtools.sources.tree import find
from buildtools.spec.variant import BuildStep, Variant, meaning
from buildtools.stores.disk import locked

KEPT_VARIABLES: Final = frozenset(
    {
        "ALL_PROXY",
        "APPDATA",
        "COMSPEC",
        "GOCACHE",
        "GOMODCACHE",
        "GOPROXY",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "LOCALAPPDATA",
        "NO_PROXY",
        "PATH",
        "PATHEXT",
        "PROGRAMDATA",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "TMPDIR",
        "USERPROFILE",
        "WINDIR",
        "XDG_CACHE_HOME",
        "ZIG_GLOBAL_CACHE_DIR",
    }
)
"""Variables of the caller that build commands see: where things are, never how to build. The rest, such as
GOFLAGS, would make one machine's product differ from another's."""

_FIXED: Final[Mapping[str, str]] = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
_TAIL: Final = 40
_STAMP: Final = "stamp.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The folder that the commands wrote to, and whether it is from an earlier run."""

    out: Path
    reused: bool


def compile_step(
    variant: Variant,
    *,
    root: Path,
    work: Path,
    hashes: HashCache,
    note: Callable[[str], None] = lambda _text: None,
) -> Compiled:
    """Run the variant's build commands unless their last product still holds.

    `root` is the image's folder, `work` where products go: `<work>/<image>/<os>-<arch>/out`. The product is
    made beside its final place and moved there whole. Raises BuildError with the end of the output,
    MissingToolError for a missing tool.
    """
    step = variant.build
    if step is None:
        raise BuildError(f"{variant.image} has no build commands")
    place = product_folder(work, variant).parent
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / "lock"):
        tools = find_tools(step.tools)
        wanted = _fingerprint(variant, step, root, hashes, tools)
        if _holds(place, wanted):
            return Compiled(out=place / "out", reused=True)
        note(f"{variant.image} {variant.platform}: {_said(step, tools)}")
        _run_all(variant, step, root, place, tools)
        _replace(place)
        _write_stamp(place, wanted)
    return Compiled(out=place / "out", reused=False)


def product_folder(work: Path, variant: Variant) -> Path:
    """Where the product of the variant's build commands lies."""
    return work / variant.image / "-".join(part for part in variant.toolchain if part) / "out"


def _fingerprint(
    variant: Variant, step: BuildStep, root: Path, hashes: HashCache, tools: Mapping[str, Tool]
) -> Digest:
    """The digest of all that the product depends on."""
    inputs = {found.name: hashes.digest(found.path) for found in find(root, step.inputs)}
    versions = {name: tool.version for name, tool in tools.items()}
    return digest_of(canonical_json([variant.toolchain, meaning(step), inputs, versions]))


def _holds(place: Path, wanted: Digest) -> bool:
    """Whether the last product was made of the same, and nobody touched it since."""
    try:
        stamp: Any = json.loads((place / _STAMP).read_bytes())
        return bool(stamp["fingerprint"] == wanted and stamp["files"] == _listing(place / "out"))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write_stamp(place: Path, wanted: Digest) -> None:
    (place / _STAMP).write_text(json.dumps({"fingerprint": wanted, "files": _listing(place / "out")}))


def _listing(out: Path) -> dict[str, list[int]]:
    """Size and time of every file."""
    listed = {}
    for folder, _, names in os.walk(out):
        for name in names:
            path = Path(folder, name)
            status = path.lstat()
            listed[path.relative_to(out).as_posix()] = [status.st_size, status.st_mtime_ns]
    return listed


def _said(step: BuildStep, tools: Mapping[str, Tool]) -> str:
    program = step.commands[0][0]
    version = tools[program].version if program in tools else ""
    return f"compiling with {program} {version}".rstrip()


def _run_all(variant: Variant, step: BuildStep, root: Path, place: Path, tools: Mapping[str, Tool]) -> None:
    fresh = place / "out.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    folder = root / step.workdir
    if not folder.is_dir():
        raise BuildError(
            f"{variant.image}: the build's folder {folder} does not exist", hint="mend `workdir`"
        )
    environment = _environment(step, fresh)
    try:
        for command in step.commands:
            argv = [argument.replace("{out}", str(fresh)) for argument in command]
            if argv[0] in tools:
                argv[0] = str(tools[argv[0]].path)
            _run(variant, argv, folder, environment)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if not any(fresh.iterdir()):
        raise BuildError(
            f"{variant.image} {variant.platform}: the build commands wrote nothing to {{out}}",
            hint="write what belongs into the image to {out}",
        )


def _environment(step: BuildStep, out: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in KEPT_VARIABLES or name in step.pass_env
    }
    own = {name: value.replace("{out}", str(out)) for name, value in step.env.items()}
    return kept | dict(_FIXED) | own


def _run(variant: Variant, argv: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run one command to its end; its output is shown only when it fails."""
    # A file, not a pipe: a daemon that the command leaves behind would hold a pipe open for ever.
    with tempfile.TemporaryFile() as log:
        with _ended(_started(variant, argv, folder, environment, log)) as process:
            status = process.wait()
        if status:
            lines = [f"    {line}" for line in _last_lines(log)] or ["    (it printed nothing)"]
            command = f"{variant.image} {variant.platform}: {' '.join(argv)}"
            raise BuildError("\n".join([f"{command} ended with {status} in {folder}:", *lines]))


def _started(
    variant: Variant, argv: list[str], folder: Path, environment: Mapping[str, str], log: IO[bytes]
) -> "subprocess.Popen[bytes]":
    group: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
    try:
        return subprocess.Popen(
            argv,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **group,
        )
    except OSError as error:
        raise BuildError(
            f"{variant.image}: {argv[0]} cannot be started ({error.strerror})",
            hint="install it, or name it under `build.tools` to have its version looked for",
        ) from error


_RUNNING: set["subprocess.Popen[bytes]"] = set()
_RUNNING_LOCK: Final = threading.Lock()


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """Whatever happens, the command and what it started are gone afterwards."""
    with _RUNNING_LOCK:
        _RUNNING.add(process)
    try:
        yield process
    finally:
        _kill(process)
        with _RUNNING_LOCK:
            _RUNNING.discard(process)


def stop_all() -> None:
    """End every running command at once: for an interrupted run, whose threads would wait for theirs."""
    with _RUNNING_LOCK:
        for process in _RUNNING:
            _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if os.name == "posix":
        # The group outlives its leader where the command left children behind.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _last_lines(log: IO[bytes]) -> list[str]:
    log.seek(0)
    return [line.decode("utf-8", "replace").rstrip() for line in deque(log, _TAIL)]


def _replace(place: Path) -> None:
    """Put the new product in the old one's place. The stamp goes first: without it nothing is trusted."""
    (place / _STAMP).unlink(missing_ok=True)
    shutil.rmtree(place / "out", ignore_errors=True)
    (place / "out.new").rename(place / "out")
