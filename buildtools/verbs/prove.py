"""The `prove` verb."""

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Final

from buildtools.cases import OpenStore, image_name, published_cases
from buildtools.check import read_image
from buildtools.errors import UsageError, VerificationError
from buildtools.prepare import Choice, selected
from buildtools.prove import DockerMachine, Proven, prove
from buildtools.smoke import Case, Smoker, SmokeReport
from buildtools.spec.variant import Variant
from buildtools.stores.open import References
from buildtools.tiers import TIERS
from buildtools.verbs.base import Run, json_argument, project_argument
from buildtools.views.prove import prove_json, prove_table
from buildtools.views.smoke import contract_findings, smoke_table, tiers_table

_TIER: Final = "docker"


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
    parser.add_argument(
        "--contracts",
        action="store_true",
        help="start what came, too, and hold it against the lifecycle of its definition in this project",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="IMAGE",
        help="leave out the contract of this image, which needs more than one machine (repeat for more)",
    )
    project_argument(parser)
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
    variants = _variants(run, references)
    machine, stores = DockerMachine(), References(run.settings)
    try:
        with run.console.working("pulling"):
            found = prove(references, machine, stores.open)
        report = _tried(run, found, variants, stores.open)
    finally:
        machine.close()
        stores.close()
    run.show(prove_json(found, report), prove_table(found))
    if report and report.results and not run.args.json:
        run.console.table(tiers_table(report))
        run.console.table(smoke_table(report))
    findings = [finding for one in found for finding in one.findings]
    findings += contract_findings(report) if report else ()
    if not run.args.json or run.settings.github_actions:
        for finding in findings:
            run.console.finding(finding)
    if errors := sum(finding.severity == "error" for finding in findings):
        raise VerificationError(
            f"{errors} error{'s' * (errors > 1)}", hint="see `buildtools verify` for what is published"
        )


def _variants(run: Run, references: Sequence[str]) -> dict[str, list[Variant]]:
    """By image, the variants whose contracts are tried; raises UsageError before anything is pulled."""
    if not run.args.contracts:
        if run.args.without:
            raise UsageError("--without leaves out contracts, and none is tried", hint="add --contracts")
        return {}
    project = run.workspace().project
    there = ", ".join(project.images)
    for name in run.args.without:
        if name not in project.images:
            raise UsageError(f"no image is called {name}", hint=f"there is {there}")
    names = dict.fromkeys(map(image_name, references))
    for name in names:
        if name not in project.images:
            raise UsageError(
                f"no definition is called {name}",
                hint=f"the contract is read from the definition; there is {there}",
            )
    return {
        name: [one for one in selected(project, Choice(images=(name,))) if one.lifecycle]
        for name in names
        if name not in run.args.without
    }


def _tried(
    run: Run, found: Sequence[Proven], variants: dict[str, list[Variant]], open_store: OpenStore
) -> SmokeReport | None:
    """The contracts of the entries that came; None where none is asked for."""
    if not run.args.contracts:
        return None
    cases = [case for one in found for case in _cases(one, variants, open_store)]
    smoker = Smoker(
        tiers={row.name: row.make(run.settings) for row in TIERS if row.name == _TIER},
        asked=(_TIER,),
        note=run.console.note,
        jobs=run.settings.jobs,
    )
    with run.console.working("trying contracts"):
        return smoker.run(cases)


def _cases(one: Proven, variants: dict[str, list[Variant]], open_store: OpenStore) -> Iterator[Case]:
    chosen = variants.get(image_name(one.reference))
    if one.entry and chosen:
        store, identifier = open_store(one.reference)
        for case in published_cases(read_image(store, identifier), store, one.reference, chosen):
            if case.manifest.descriptor.digest == one.entry:
                yield case


def _images(text: str) -> tuple[str, ...]:
    try:
        return tuple(f"{leg['name']}@{leg['digest']}" for leg in json.loads(text)["include"])
    except (ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(
            f"it is not what `publish --github-output` gives: {error}"
        ) from error
