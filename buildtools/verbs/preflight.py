"""The `preflight` verb."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from buildtools.cluster.lint import OTHER_CODES, RULES
from buildtools.cluster.presets import PRESETS
from buildtools.errors import ConfigurationError, Diagnostic, UsageError, VerificationError
from buildtools.manifests import STDIN
from buildtools.preflight import Report, Request, preflight
from buildtools.stores.disk import errors_name, write_atomic
from buildtools.verbs.base import Run, json_argument, wait_argument
from buildtools.views.preflight import preflight_json, preflight_summary, tables
from buildtools.views.sarif import sarif_bytes


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "references", nargs="*", metavar="REF", help="oci:PATH[:TAG|@DIGEST], or a reference in a registry"
    )
    parser.add_argument(
        "--nodes",
        action="append",
        default=[],
        metavar="FILE|KIND",
        help=f"what kubectl get nodes -o json wrote (- for standard input), or {', '.join(PRESETS)} "
        "(repeat for several)",
    )
    parser.add_argument(
        "--manifests",
        action="append",
        default=[],
        metavar="DIR|FILE",
        help="Kubernetes manifests, or a folder of them (- for standard input; repeat for several)",
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME=REF",
        help="REF stands for images that manifests name NAME, with any tag where NAME has none "
        "(repeat for several)",
    )
    parser.add_argument(
        "--only-refs", action="store_true", help="look at no other images than those of the command line"
    )
    parser.add_argument("--sarif", type=Path, metavar="FILE", help="write the findings as SARIF 2.1.0, too")
    json_argument(parser)
    wait_argument(parser)


def run(run: Run) -> None:
    """Say what will run where, what will not and why, before anything is rolled out."""
    request = _request(run)
    try:
        with run.console.working("looking at images, nodes and manifests"):
            report = preflight(request, run.settings, stdin=sys.stdin.buffer.read)
    except ConfigurationError as error:
        _write_sarif(run.args.sarif, error.diagnostics)
        raise
    _show(run, report)
    _write_sarif(run.args.sarif, report.findings)
    if report.errors:
        raise VerificationError(
            f"{report.errors} error{'s' * (report.errors > 1)}", hint="mend what is wrong and look again"
        )
    if report.failures:
        raise report.failures[0]


def _request(run: Run) -> Request:
    args = run.args
    nodes = tuple(part for text in args.nodes for part in _parts(text))
    if not nodes:
        raise UsageError(
            "there are no nodes to look at",
            hint=f"name a file with --nodes, or one of {', '.join(PRESETS)}",
        )
    if not args.references and not args.manifests and not args.image:
        raise UsageError("there is nothing to look at", hint="name images, or manifests with --manifests")
    if args.sarif and (args.sarif.is_dir() or not args.sarif.parent.is_dir()):
        raise UsageError(
            f"--sarif {args.sarif} cannot be written", hint="name a file in a folder that is there"
        )
    return Request(
        references=tuple(dict.fromkeys(args.references)),
        nodes=tuple(dict.fromkeys(nodes)),
        manifests=tuple(dict.fromkeys(args.manifests)),
        images=_images(args.image),
        only_refs=args.only_refs,
        today=_today(run),
    )


def _images(texts: Sequence[str]) -> dict[str, str]:
    """References by the name that manifests use."""
    images = {}
    for text in texts:
        name, equals, reference = text.partition("=")
        if not (name and equals and reference):
            raise UsageError(f"--image {text} names no image and reference", hint="write --image NAME=REF")
        images[name] = reference
    return images


def _parts(text: str) -> Sequence[str]:
    """One name, or kinds of cluster with commas between them."""
    parts = text.split(",")
    return parts if text != STDIN and not Path(text).is_file() and set(parts) & PRESETS.keys() else [text]


def _today(run: Run) -> date:
    epoch = run.settings.source_date_epoch
    now = datetime.now(tz=UTC) if epoch is None else datetime.fromtimestamp(epoch, tz=UTC)
    return now.date()


def _show(run: Run, report: Report) -> None:
    if run.args.json:
        run.json(preflight_json(report))
    else:
        for table in tables(report):
            run.console.table(table)
    if not run.args.json or run.settings.github_actions:
        for finding in report.findings:
            run.console.finding(finding)
    if not run.args.json:
        run.console.print(preflight_summary(report))


def _write_sarif(path: Path | None, findings: Sequence[Diagnostic]) -> None:
    if path is None:
        return
    summaries = {**OTHER_CODES, **{rule.code: rule.summary for rule in RULES}}
    with errors_name(path, "written"):
        write_atomic(
            path, sarif_bytes(findings, summaries=summaries), temporary=path.with_name(f".{path.name}.part")
        )
