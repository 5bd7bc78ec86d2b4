"""The `prove` verb."""

import argparse
import json

from buildtools.errors import UsageError, VerificationError
from buildtools.prove import DockerMachine, prove
from buildtools.stores.open import References
from buildtools.verbs.base import Run, json_argument
from buildtools.views.prove import prove_json, prove_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        "references", nargs="*", metavar="REF", help="an index in a registry, by its digest: NAME@sha256:..."
    )
    parser.add_argument(
        "--images",
        type=_images,
        default=(),
        metavar="JSON",
        help="the same as `publish --github-output` gives them",
    )
    json_argument(parser)


def run(run: Run) -> None:
    """Let this machine's Docker Engine pull each index, and hold what came against what should have."""
    references = list(dict.fromkeys((*run.args.references, *run.args.images)))
    if not references:
        raise UsageError("there is nothing to prove", hint="name an index, as ghcr.io/acme/whoami@sha256:...")
    for reference in references:
        if "@" not in reference:
            raise UsageError(
                f"{reference} names no digest", hint="a tag may move meanwhile: write NAME@sha256:..."
            )
    machine, stores = DockerMachine(), References(run.settings)
    try:
        with run.console.working("pulling"):
            found = prove(references, machine, stores.open)
    finally:
        machine.close()
        stores.close()
    run.show(prove_json(found), prove_table(found))
    findings = [finding for one in found for finding in one.findings]
    if not run.args.json or run.settings.github_actions:
        for finding in findings:
            run.console.finding(finding)
    if errors := sum(finding.severity == "error" for finding in findings):
        raise VerificationError(
            f"{errors} error{'s' * (errors > 1)}", hint="see `buildtools verify` for what is published"
        )


def _images(text: str) -> tuple[str, ...]:
    try:
        return tuple(f"{leg['name']}@{leg['digest']}" for leg in json.loads(text)["include"])
    except (ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(
            f"it is not what `publish --github-output` gives: {error}"
        ) from error
