"""The `check` verb."""

import argparse
from pathlib import Path
from typing import Final

from buildtools.check import check_definitions, check_layer, check_layout
from buildtools.errors import Diagnostic, UsageError, VerificationError
from buildtools.stores.open import LAYOUT
from buildtools.verbs.base import Run, json_argument, project_argument
from buildtools.views.findings import check_summary, findings_json

_OF_PLACES: Final = frozenset("/\\:@")
"""Characters that no image's name has."""
_ENDINGS: Final = frozenset({".tar", ".gz", ".tgz", ".zst"})


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    project_argument(parser)
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="IMAGE|oci:PATH|TAR",
        help="images by name (default: all), an OCI layout, or a layer's tar",
    )
    json_argument(parser)


def _no_target(target: str) -> UsageError:
    """The error for what is no image of the project and no file."""
    if Path(target).is_dir():
        return UsageError(f"{target} is a folder", hint=f"a layout is written {LAYOUT}{target}")
    if Path(target).suffix in _ENDINGS:
        return UsageError(f"{target} is not there", hint="name a file that is there")
    return UsageError(
        f"{target} is no image of the project, no layout and no file",
        hint=f"what is in a registry is read with: buildtools verify {target}",
    )


def _findings(run: Run) -> list[Diagnostic]:
    findings: list[Diagnostic] = []
    names = []
    for target in run.args.targets:
        if target.startswith(LAYOUT):
            findings += check_layout(target, run.settings)
        elif Path(target).is_file():
            findings += check_layer(Path(target))
        elif set(target) & _OF_PLACES or Path(target).suffix in _ENDINGS:
            raise _no_target(target)
        else:
            names.append(target)
    if names or not run.args.targets:
        findings += check_definitions(run.workspace(), names)
    return findings


def run(run: Run) -> None:
    """Find what is wrong in definitions, layouts and layers."""
    findings = _findings(run)
    errors = sum(finding.severity == "error" for finding in findings)
    if run.args.json:
        run.json(findings_json(findings))
    if not run.args.json or run.settings.github_actions:
        for finding in findings:
            run.console.finding(finding)
    if not run.args.json:
        run.console.print(check_summary(findings))
    if errors:
        raise VerificationError(
            f"{errors} error{'s' * (errors > 1)}", hint="mend what is wrong and check again"
        )
