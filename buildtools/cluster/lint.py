"""Every rule about manifests and nodes: one table, in the order in which findings are told."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from buildtools.cluster.landing_rules import LANDING_RULES
from buildtools.cluster.members import Member
from buildtools.cluster.mesh_rules import MESH_RULES
from buildtools.cluster.outcomes import Offer, Outcome
from buildtools.cluster.rules import Case, Rule, findings, listed
from buildtools.cluster.windows_rules import WINDOWS_RULES
from buildtools.errors import Diagnostic, Severity
from buildtools.windows.releases import OTHER_HOSTS, RELEASES, by_build

RULES: Final[tuple[Rule, ...]] = (*LANDING_RULES, *MESH_RULES, *WINDOWS_RULES)

OTHER_CODES: Final[Mapping[str, str]] = {
    "manifest": "a field of another kind than Kubernetes takes",
    "image-reference": "an image's name that is none",
    "image-missing": "an image that its registry has not",
    "image-unread": "an image that could not be looked at",
    "image-skipped": "an image that was not looked at",
    "node-unread": "a node that tells too little",
    "node-build": "a Windows build that is not in the table of releases",
    "windows-support": "a Windows release whose support has ended",
    "windows-arm64": "a Windows node on ARM",
    "kustomization": "a folder whose manifests kustomize puts together",
    "no-workload": "manifests that run nothing",
    "readme-file": "a command that names a file which is not there",
    "does-not-run": "an image that a node cannot run",
}
"""Codes that are no rule's about workloads, and what they are about."""


def lint_outcome(outcome: Outcome, offers: Mapping[str, Offer]) -> Iterator[Diagnostic]:
    """Everything that is wrong with one workload on these nodes."""
    return findings(RULES, Case(outcome=outcome, offers=offers))


def lint_members(members: Sequence[Member], today: date) -> Iterator[Diagnostic]:
    """What is to be said of the nodes themselves, one finding for all that share it."""
    windows = [member for member in members if member.node.os == "windows"]
    for build in sorted({member.node.version.build for member in windows}):
        same = [member for member in windows if member.node.version.build == build]
        for code, severity, message, hint in _about_build(build, today):
            yield _finding(code, severity, same, message, hint)
    arm = [member for member in windows if member.node.platform.normalised().architecture != "amd64"]
    if arm:
        message = "only amd64 nodes run Windows containers"
        yield _finding("windows-arm64", "warning", arm, message, "keep workloads off these nodes")


Remark = tuple[str, Severity, str, str]


def _about_build(build: int, today: date) -> Iterator[Remark]:
    release = by_build(build)
    if release is None:
        if all(host.build != build for host in OTHER_HOSTS):
            newest = max(RELEASES, key=lambda row: row.build)
            message = f"Windows build {build} is not known here, and nothing certain can be said of it"
            yield "node-build", "warning", message, f"releases are known up to {newest.product}"
        return
    if today > release.extended_end:
        message = f"support of {release.product} ended on {release.extended_end}"
        yield "windows-support", "warning", message, "move to a newer release: it gets no security updates"
    elif today > release.mainstream_end:
        message = (
            f"mainstream support of {release.product} ended on {release.mainstream_end}, "
            f"security updates end on {release.extended_end}"
        )
        yield "windows-support", "note", message, "plan for a newer release"


def _finding(code: str, severity: Severity, members: Sequence[Member], message: str, hint: str) -> Diagnostic:
    word = "nodes" if len(members) > 1 else "node"
    return Diagnostic(code=code, message=f"{word} {listed(members)}: {message}", hint=hint, severity=severity)
