"""The `registry` verb."""

import argparse
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from buildtools.errors import UsageError
from buildtools.stores.parallel import LOOK_SECONDS
from buildtools.throwaway.server import ThrowAway
from buildtools.verbs.base import Run

PORT: Final = 5000
"""What people expect of a registry for trying things out."""
_MOST: Final = 65535


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "--port",
        type=_port,
        default=PORT,
        metavar="N",
        help=f"port on 127.0.0.1 (default: {PORT}; 0 for a free one)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="where its temporary folder is made, for large images (default: the system's place for these)",
    )


def run(run: Run) -> None:
    """Answer until somebody ends it; then all that was pushed is gone."""
    place = run.args.folder
    if place is not None and not place.is_dir():
        raise UsageError(f"--folder {place} is not there", hint="name a folder")
    try:
        with (
            _ended_by_signals(),
            tempfile.TemporaryDirectory(prefix="buildtools-", dir=place) as folder,
            _listening(Path(folder), run.args.port) as registry,
        ):
            run.console.note(f"a registry at {registry.host}, for this machine alone, until Ctrl-C")
            run.console.print(registry.host)
            run.console.out.flush()
            waiting = threading.Event()
            while not waiting.wait(LOOK_SECONDS):
                pass
    except KeyboardInterrupt:
        # Ending it is how it is used, and no failure.
        run.console.note("ended: what was pushed is gone")


def _listening(folder: Path, port: int) -> ThrowAway:
    try:
        return ThrowAway(folder, port=port)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"127.0.0.1:{port} cannot be listened on ({reason})", hint="name another --port, 0 for a free one"
        ) from error


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, so that nothing is left behind in CI either.

    Both: a shell starts a program in the background with SIGINT ignored.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:9]) > _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a number from 0 to {_MOST}")
    return int(text)
