"""The command line: arguments in, tables and exit codes out; the only place that prints and reads clocks."""

import argparse
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from buildtools import __version__
from buildtools.console import Console
from buildtools.errors import BuildtoolsError, ConfigurationError, Diagnostic, VerificationError
from buildtools.settings import Settings
from buildtools.stores.disk import explained
from buildtools.verbs import GROUPS, VERBS, Verb
from buildtools.verbs.base import Run
from buildtools.views.findings import findings_json

EXIT_INTERNAL: Final = 70
EXIT_INTERRUPTED: Final = 130
DESCRIPTION: Final = "Build, join, publish and prove mixed Linux and Windows container images."
EPILOG: Final = """\
exit codes:
   0  ok                            6  registry or network unavailable, safe to run again
   1  build or publish failed       7  a tool, engine or tier is missing
   2  usage or configuration        9  some done, some not
   3  changes found                70  internal error
   4  verification failed         130  interrupted
   5  authentication or permission
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; every error ends as a sentence on stderr."""
    console = Console(settings=Settings())
    args = None
    try:
        settings = Settings.from_env(os.environ)
        args = _parser(argv).parse_args(argv)
        if getattr(args, "max_wait", None) is not None:
            settings = replace(settings, max_wait=args.max_wait)
        console = Console(settings=settings, quiet=args.quiet)
        args.run(Run(args=args, console=console, settings=settings))
        console.close()
    except BuildtoolsError as error:
        _report(console, error, as_json=getattr(args, "json", False))
        console.close()
        return error.exit_code
    except KeyboardInterrupt:
        console.note("interrupted: what was finished is kept, nothing is half written")
        return EXIT_INTERRUPTED
    except OSError as error:
        refused = explained(error, Path("a file"), "used")
        _report(console, refused, as_json=getattr(args, "json", False))
        return refused.exit_code
    except Exception as error:  # noqa: BLE001 - a bug of ours ends as a sentence, too
        _report(console, _bug(error), as_json=getattr(args, "json", False))
        return EXIT_INTERNAL
    return 0


def _bug(error: Exception) -> BuildtoolsError:
    """What to say of a bug of ours; where it happened goes into a file, which a report can carry."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="buildtools-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"buildtools {__version__}, Python {sys.version}, {sys.platform}\n")
        traceback.print_exception(error, file=file)
    return BuildtoolsError(
        f"this is a bug of buildtools ({type(error).__name__}: {error})",
        hint=f"please report it with {file.name}",
    )


def _report(console: Console, error: BuildtoolsError, *, as_json: bool) -> None:
    """Say what went wrong: as the run's one JSON document where that is asked for and none came before."""
    if as_json and not console.printed:
        told = error.diagnostics if isinstance(error, ConfigurationError | VerificationError) else ()
        findings = told or (Diagnostic(code="error", message=error.message, hint=error.hint),)
        console.print(json.dumps(findings_json(findings), indent=2, ensure_ascii=False))
        if not console.settings.github_actions:
            return
    console.fault(error)


def _parser(argv: Sequence[str] | None) -> argparse.ArgumentParser:
    """The parser of the whole line, where only a verb that is named has its own arguments.

    Where it comes first, the others are not there at all.
    """
    given = sys.argv[1:] if argv is None else argv
    named = set(given)
    first = [verb for verb in VERBS if given and verb.name == given[0]]
    parser = argparse.ArgumentParser(
        prog="buildtools",
        description=DESCRIPTION if first else f"{DESCRIPTION}\n\n{_listing()}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"buildtools {__version__}")
    told = "one of these; `buildtools VERB -h` says what it takes"
    words = parser.add_subparsers(dest="verb", metavar="VERB", required=True, help=told)
    for verb in first or VERBS:
        one = words.add_parser(verb.name, **verb.parser(EPILOG))
        if verb.name in named:
            _complete(one, verb)
    return parser


def _listing() -> str:
    """The verbs by group, as wide as the terminal; argparse lists those of a parser in one row."""
    width = max(shutil.get_terminal_size().columns - 2, 40)
    indent = max(len(verb.name) for verb in VERBS) + 4
    parts = []
    for group, verbs in GROUPS.items():
        lines = [f"{group}:"]
        for verb in verbs:
            first = f"  {verb.name}".ljust(indent)
            lines += textwrap.wrap(
                verb.help, width, initial_indent=first, subsequent_indent=" " * indent, break_on_hyphens=False
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _complete(parser: argparse.ArgumentParser, verb: Verb) -> None:
    module = verb.module()
    parser.set_defaults(run=module.run)
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but results and faults")
    module.arguments(parser)
