"""One tree of errors: each says what is wrong, what to do, and which exit code it means.

    BuildtoolsError          70  internal: a bug of ours
    ├── BuildError            1  a build or publish failed
    ├── ConfigurationError    2  a definition, option or argument is wrong (carries every Diagnostic found)
    ├── ChangesFound          3  a --check or --exit-code found a difference
    ├── VerificationError     4  what is there is not what should be there
    ├── AuthenticationError   5  not logged in, or not allowed
    ├── UnavailableError      6  registry or network gone after retries; safe to run again
    ├── MissingToolError      7  a tool, engine or tier is not on this machine
    └── PartialError          9  some done, some not

Errors are raised where the fault is found and printed in one place, `buildtools.cli`.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding about something a person wrote or built, with its place.

    `line` and `column` count from 1; 0 means that the finding is about the whole file. `code` is a stable
    kebab-case name (`unknown-key`) that scripts may rely on. `where` names what has no file, such as an
    entry of a layer.
    """

    code: str
    message: str
    hint: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    severity: Severity = "error"

    def __str__(self) -> str:
        """`file:line:column: what is wrong: what to do`."""
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.message, self.hint) if part)


class BuildtoolsError(Exception):
    """The root of the tree; raised itself only for a bug of ours."""

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The message and, after a colon, what to do."""
        return f"{self.message}: {self.hint}" if self.hint else self.message


class BuildError(BuildtoolsError):
    """A build or publish failed."""

    exit_code = 1


class ConfigurationError(BuildtoolsError):
    """A definition, option or argument is wrong; holds every finding of the run."""

    exit_code = 2

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics = diagnostics
        super().__init__("\n".join(str(item) for item in diagnostics))


class UsageError(BuildtoolsError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


class ChangesFound(BuildtoolsError):  # noqa: N818 - it is an answer, not a fault
    """A `--check` or `--exit-code` found a difference."""

    exit_code = 3


class VerificationError(BuildtoolsError):
    """What is there is not what should be there; holds every finding."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "", diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = diagnostics


class AuthenticationError(BuildtoolsError):
    """Not logged in, or not allowed."""

    exit_code = 5


class UnavailableError(BuildtoolsError):
    """A registry or the network is gone after retries; it is safe to run the command again."""

    exit_code = 6


class MissingToolError(BuildtoolsError):
    """A tool, engine or tier is not on this machine."""

    exit_code = 7


class PartialError(BuildtoolsError):
    """Some parts were done and some were not; the message says which."""

    exit_code = 9
