"""The command line: arguments in, tables and exit codes out; the only place that prints and reads clocks."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from buildtools import __version__, verbs
from buildtools.console import Console
from buildtools.errors import BuildtoolsError, ConfigurationError, Diagnostic, VerificationError
from buildtools.settings import Settings
from buildtools.stores.disk import explained
from buildtools.verbs import Run
from buildtools.views import findings_json
from buildtools.windows.releases import EXAMPLE

EXIT_INTERNAL: Final = 70
EXIT_INTERRUPTED: Final = 130
EPILOG: Final = """\
exit codes:
   0  ok                            6  registry or network unavailable, safe to run again
   1  build or publish failed       7  a tool, engine or tier is missing
   2  usage or configuration        9  some done, some not
   3  changes found                70  internal error
   4  verification failed         130  interrupted
   5  authentication or permission
"""


class Verb(NamedTuple):
    """One word of the command line: what it says of itself, what it does, and its arguments."""

    name: str
    help: str
    run: Callable[[Run], None]
    arguments: Sequence[Callable[[argparse.ArgumentParser], None]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; every error ends as a sentence on stderr."""
    console = Console(settings=Settings())
    args = None
    try:
        settings = Settings.from_env(os.environ)
        args = _parser().parse_args(argv)
        console = Console(settings=settings, quiet=args.quiet)
        args.run(Run(args=args, console=console, settings=settings))
        sys.stdout.flush()
    except BuildtoolsError as error:
        _report(console, error, as_json=getattr(args, "json", False))
        return error.exit_code
    except KeyboardInterrupt:
        console.note("interrupted: what was finished is kept, nothing is half written")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`... | head`): end without a word, as other tools do.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="buildtools",
        description="Build, join and check mixed Linux and Windows container images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"buildtools {__version__}")
    words = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        one = words.add_parser(
            verb.name,
            help=verb.help,
            description=f"{verb.help[0].upper()}{verb.help[1:]}.",
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        one.set_defaults(run=verb.run)
        one.add_argument("-q", "--quiet", action="store_true", help="say nothing but results and faults")
        for argument in verb.arguments:
            argument(one)
    return parser


def _project(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-C", "--project", type=Path, metavar="DIR", help="the project's folder (default: here or above)"
    )
    parser.add_argument("--dist", type=Path, metavar="DIR", help="where products go (default: DIR/dist)")


def _images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="images by name (default: all)")


def _platforms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="P",
        help=f"linux, windows, linux/arm64, windows/amd64:{EXAMPLE.name}, ... (repeat for several)",
    )


def _bases(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stand-in-bases",
        action="store_true",
        help="build on small labelled stand-ins instead of real bases; such images cannot be published",
    )


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")


def _build_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--full", action="store_true", help="fetch base layers into the layout, for air-gapped use"
    )
    parser.add_argument("--locked", action="store_true", help="fail instead of pinning what is not pinned")
    parser.add_argument("--force", action="store_true", help="build what is up to date, too")


def _plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 when something must be built")
    parser.add_argument(
        "--github-output", action="store_true", help="append the targets to $GITHUB_OUTPUT, for a matrix"
    )


def _pins_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="change nothing; exit with 3 when a pin is stale")
    group.add_argument("--update", action="store_true", help="move every pin to what its tag means today")


def _publish_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="PLACE",
        help="registry and path, as ghcr.io/acme (repeat for several; default: defaults.yaml's registry)",
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="T",
        help="tag of each image's index (repeat for several, set in this order; default: latest)",
    )
    parser.add_argument("--locked", action="store_true", help="fail instead of pinning what is not pinned")


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="IMAGE|oci:PATH|TAR",
        help="images by name (default: all), an OCI layout, or a layer's tar",
    )


def _reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "reference", metavar="REF", help="oci:PATH[:TAG|@DIGEST], or a reference in a registry"
    )


def _schema_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", default="image", choices=("image", "defaults"), help="which file's"
    )


VERBS: Final = (
    Verb(
        "demo",
        "build, join, check and run the examples on this machine, offline",
        verbs.demo,
        (_project, _json),
    ),
    Verb(
        "plan",
        "say what would be built, and why",
        verbs.plan,
        (_project, _images, _platforms, _bases, _json, _plan_options),
    ),
    Verb(
        "build",
        "build images into OCI layouts, one index an image",
        verbs.build,
        (_project, _images, _platforms, _bases, _json, _build_options),
    ),
    Verb(
        "publish",
        "send what was built to registries: blobs, manifests, index, then tags",
        verbs.publish,
        (_project, _images, _json, _publish_options),
    ),
    Verb(
        "check",
        "find what is wrong in definitions, layouts and layers",
        verbs.check,
        (_project, _check, _json),
    ),
    Verb(
        "inspect",
        "show what is in a layout or a registry, and which entry each node takes",
        verbs.inspect,
        (_reference, _json),
    ),
    Verb(
        "pins",
        "resolve bases and fetched assets to digests",
        verbs.pins,
        (_project, _images, _platforms, _json, _pins_options),
    ),
    Verb("schema", "print the JSON Schema of a definition file", verbs.schema, (_schema_name,)),
)
