"""What the verbs share: one invocation, and the arguments that several of them take."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildtools.console import Console, Table
from buildtools.errors import Diagnostic, UsageError
from buildtools.settings import LONGEST_WAIT, Settings
from buildtools.windows.releases import EXAMPLE

if TYPE_CHECKING:
    from buildtools.prepare import Choice
    from buildtools.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One invocation: what was asked for and where it is shown."""

    args: argparse.Namespace
    console: Console
    settings: Settings

    def json(self, document: Any) -> None:
        """Print one JSON document."""
        self.console.print(json.dumps(document, indent=2, ensure_ascii=False))

    def show(self, document: Any, table: Table) -> None:
        """Print the document where `--json` asks for it, else the table."""
        if self.args.json:
            self.json(document)
            self.console.summarise(table)
        else:
            self.console.table(table)

    def warn(self, warnings: Sequence[str]) -> None:
        """Say what a person should know although nothing failed."""
        for text in warnings:
            self.console.finding(Diagnostic(code="warning", message=text, severity="warning"))

    def workspace(self) -> "Workspace":
        """The project that the command line names; raises UsageError where there is none."""
        from buildtools.workspace import Workspace, find_root  # not for verbs without a project

        root = find_root(self.args.project)
        dist = self.args.dist or root / "dist"
        return Workspace(root=root, dist=dist.absolute(), settings=self.settings, note=self.console.note)

    def choice(self) -> "Choice":
        """The variants that the command line names."""
        from buildtools.prepare import Choice  # not for verbs without a project

        return Choice(
            images=tuple(self.args.images),
            platforms=tuple(getattr(self.args, "platform", ())),
            targets=tuple(getattr(self.args, "targets", ())),
            stand_in_bases=getattr(self.args, "stand_in_bases", False),
        )


def project_argument(parser: argparse.ArgumentParser) -> None:
    """Where the project is."""
    parser.add_argument(
        "-C", "--project", type=Path, metavar="DIR", help="the project's folder (default: here or above)"
    )
    parser.add_argument("--dist", type=Path, metavar="DIR", help="where products go (default: DIR/dist)")


def images_argument(parser: argparse.ArgumentParser) -> None:
    """Which images."""
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="images by name (default: all)")


def platforms_argument(parser: argparse.ArgumentParser) -> None:
    """Which platforms."""
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="P",
        help=f"linux, windows, linux/arm64, windows/amd64:{EXAMPLE.name}, ... (repeat for several)",
    )


def targets_argument(parser: argparse.ArgumentParser) -> None:
    """Which variants, one by one, as a leg of a matrix names them."""
    parser.add_argument(
        "--targets",
        type=_targets,
        default=(),
        metavar="TEXT",
        help="just these variants, as a leg of `plan --legs` names them: "
        f'"whoami@linux/amd64 whoami@windows/amd64:{EXAMPLE.name}"',
    )


def bases_argument(parser: argparse.ArgumentParser) -> None:
    """On which bases."""
    parser.add_argument(
        "--stand-in-bases",
        action="store_true",
        help="build on small labelled stand-ins instead of real bases; such images cannot be published",
    )


def json_argument(parser: argparse.ArgumentParser) -> None:
    """A document instead of a table."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")


def locked_argument(parser: argparse.ArgumentParser) -> None:
    """Whether pins may be made."""
    parser.add_argument("--locked", action="store_true", help="fail instead of pinning what is not pinned")


def wait_argument(parser: argparse.ArgumentParser) -> None:
    """How patient to be with a registry that asks for time."""
    parser.add_argument(
        "--max-wait",
        type=_seconds,
        metavar="SECONDS",
        help="wait so long where a registry asks for it (default: 300, or BUILDTOOLS_MAX_WAIT)",
    )


def _seconds(text: str) -> float:
    if not text.isascii() or not text.isdigit() or int(text[:9]) > LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {LONGEST_WAIT}")
    return float(text)


def append_outputs(path: Path | None, outputs: Mapping[str, Any]) -> None:
    """Append values to the outputs of a step: a text as it is, all else as JSON on one line.

    Raises UsageError and BuildError.
    """
    from buildtools.workflow.legs import check_output  # not for verbs without outputs

    if path is None:
        raise UsageError("--github-output needs $GITHUB_OUTPUT", hint="a GitHub Actions step sets it")
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in outputs.items()
    }
    for name, text in texts.items():
        check_output(name, text)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={text}\n" for name, text in texts.items())


def count(text: str) -> int:
    """A number from 1 on, as an argument."""
    if not text.isascii() or not text.isdigit() or not int(text[:9]) >= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text[:9])


def _targets(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [word.partition("@") for word in text.split()]
    for image, joint, label in pairs:
        if not (image and joint and label):
            raise argparse.ArgumentTypeError(f"{image + joint + label!r} is not IMAGE@PLATFORM")
    if not pairs:
        raise argparse.ArgumentTypeError("it names no target")
    return tuple(dict.fromkeys((image, label) for image, _, label in pairs))
