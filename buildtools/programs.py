"""Programs of others that are started for us: found on PATH, called with argument lists, never by a shell."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final

from buildtools.errors import (
    AuthenticationError,
    BuildError,
    BuildtoolsError,
    MissingToolError,
    UnavailableError,
)

_MOST_SHOWN: Final = 600
_KILL_SECONDS: Final = 10


def _silent(_text: str) -> None:
    """Whom nobody listens to."""


_LOGGED: Final = re.compile(r"[IWEF]\d{4} \d{2}:\d{2}:\d{2}\.\d+ ")
"""How a line begins that kubectl logs (kubernetes/klog: header format)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said: its exit code (None where it did not end in time), its output, its complaints."""

    code: int | None
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.code == 0

    @property
    def complaint(self) -> str:
        """What it complained of, on one line and without end; its log is left out where it says more."""
        told = (self.err.strip() or self.out.strip()).splitlines()
        text = " ".join(" ".join([line for line in told if not _LOGGED.match(line)] or told).split())
        return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is known of a program: how it is installed, and words that tell its complaints apart."""

    name: str
    install: str
    unavailable: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    login: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that was found. `say` is told each command before it is started."""

    kind: Kind
    path: str
    before: tuple[str, ...] = ()
    say: Callable[[str], None] = field(default=_silent, repr=False)

    def call(self, *arguments: str, stdin: str = "", seconds: float) -> Answer:
        """Start it and wait for its end, so many seconds at most."""
        self.say(" ".join((self.kind.name, *arguments)))
        try:
            done = subprocess.run(
                [self.path, *self.before, *arguments],
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(None, "", f"no answer within {seconds:g} seconds")
        except OSError as error:
            raise self._missing(error) from error
        return Answer(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def started(self, *arguments: str) -> "Iterator[Started]":
        """Start it and go on meanwhile; it does not outlive the block. Raises MissingToolError."""
        self.say(" ".join((self.kind.name, *arguments)))
        # Files: a pipe that nobody reads would hold it up.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = subprocess.Popen(
                    [self.path, *self.before, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                )
            except OSError as error:
                raise self._missing(error) from error
            try:
                yield Started(process=process, out=out, err=err)
            finally:
                process.kill()
                process.wait(_KILL_SECONDS)

    @contextmanager
    def running(self, *arguments: str, output: "IO[bytes] | int") -> "Iterator[subprocess.Popen[bytes]]":
        """Start it with all that it prints going to `output`, a file or PIPE; it does not outlive the block.

        A session of its own keeps our Ctrl-C from it. Raises MissingToolError.
        """
        self.say(" ".join((self.kind.name, *arguments)))
        try:
            process = subprocess.Popen(
                [self.path, *self.before, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise self._missing(error) from error
        with process:
            try:
                yield process
            finally:
                process.kill()

    def answer(self, *arguments: str, stdin: str = "", seconds: float) -> str:
        """Its output; raises the error that fits its complaint."""
        answer = self.call(*arguments, stdin=stdin, seconds=seconds)
        if not answer.ok:
            raise self.error(arguments, answer)
        return answer.out

    def _missing(self, error: OSError) -> MissingToolError:
        return MissingToolError(f"{self.path} cannot be started ({error.strerror})", hint=self.kind.install)

    def error(self, arguments: Sequence[str], answer: Answer) -> BuildtoolsError:
        """What to say of a call that failed."""
        text = answer.complaint.casefold()
        what = f"{self.kind.name} {' '.join(arguments[:2])} failed: {answer.complaint or 'it says nothing'}"
        if answer.code is None or any(word.casefold() in text for word in self.kind.unavailable):
            return UnavailableError(what, hint="run it again")
        if any(word.casefold() in text for word in self.kind.refused):
            return AuthenticationError(what, hint=self.kind.login)
        return BuildError(what)


@dataclass(slots=True, kw_only=True)
class Started:
    """A program that runs meanwhile."""

    process: "subprocess.Popen[bytes]"
    out: IO[bytes] = field(repr=False)
    err: IO[bytes] = field(repr=False)

    def finish(self, seconds: float) -> Answer:
        """Wait for its end, so long at most."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return Answer(None, "", f"no answer within {seconds:g} seconds")
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
        return Answer(code, *texts)


def find(kind: Kind, path: str = "", *, say: Callable[[str], None] = _silent) -> Program:
    """The program at this path, else the one on PATH; raises MissingToolError."""
    found = shutil.which(path or kind.name)
    if found is None:
        where = f"{path} is no program" if path else f"{kind.name} is not on PATH"
        raise MissingToolError(where, hint=kind.install)
    return Program(kind=kind, path=found, say=say)
