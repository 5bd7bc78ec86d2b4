"""Rules about where a workload lands: nodes that its images do not run on, and nodes that refuse it."""

from collections.abc import Iterable, Iterator
from typing import Final

from buildtools.cluster.members import ARCH_LABEL, BUILD_LABEL, OS_LABEL, Member, build_label
from buildtools.cluster.outcomes import Answer, Offer
from buildtools.cluster.rules import Case, Fault, Rule, listed
from buildtools.cluster.table import way_out
from buildtools.cluster.workloads import Container
from buildtools.errors import Severity
from buildtools.oci.platform import Platform
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.windows.releases import RELEASES, WindowsRelease

_BIG: Final = 1_000_000_000
"""Bytes from which on pulling an image again is worth a warning."""

Failure = tuple[Container, Answer, Member]


def _failures(case: Case, kind: str) -> Iterator[tuple[Container, Offer, list[Failure]]]:
    """The failures of a kind, container by container."""
    for container in case.workload.containers:
        offer = case.offers.get(container.image)
        if offer is None:
            continue
        found = [
            (container, answer, landing.member)
            for landing in case.outcome.landings
            for one, answer in landing.answers
            if one is container
            and answer
            and not answer.runs
            and not landing.refused
            and _kind(answer, offer, landing.member) == kind
        ]
        if found:
            yield container, offer, found


def _kind(answer: Answer, offer: Offer, member: Member) -> str:
    """Which rule a failure belongs to."""
    node = member.node
    if node.os not in offer.systems and offer.systems:
        return "os-selector"
    if answer.host_process:
        return "host-process-image"
    if node.os == "windows" and node.architecture in _architectures(offer):
        return "single-build"
    return "does-not-run"


def _architectures(offer: Offer) -> set[str]:
    return {platform.normalised().architecture for platform in _windows(offer)}


def _windows(offer: Offer) -> list[Platform]:
    entries = [entry.platform for entry in offer.index.manifests]
    return [platform for platform in entries if platform and platform.os.lower() == "windows"]


def _lands_on(found: Iterable[Failure]) -> str:
    return listed(member for _, _, member in found)


def _os_selector(case: Case) -> Iterator[Fault]:
    for container, offer, found in _failures(case, "os-selector"):
        member = found[0][2]
        systems = " and ".join(offer.systems)
        # A selector that names the wrong system is where the fault is; otherwise the pod lacks one.
        place = case.workload.spec
        if case.asks_for_system:
            hint = f"publish {container.image} for {member.node.os}, or ask for nodes of {systems}"
            place = container.value.get("image")
        elif len(offer.systems) == 1:
            hint = f"add nodeSelector: {{{OS_LABEL}: {systems}}}"
        else:
            hint = f"add node affinity to {OS_LABEL} in {systems}"
        place_name = f"{_lands_on(found)} ({member.node.os})"
        text = f"it may land on {place_name}, and {container.image} is for {systems} alone"
        yield Fault(value=place, message=text, hint=hint)


def _single_build(case: Case) -> Iterator[Fault]:
    for container, offer, found in _failures(case, "single-build"):
        versions = ", ".join(platform.os_version or "no build" for platform in _windows(offer))
        hosts = ", ".join(dict.fromkeys(member.system for _, _, member in found))
        text = (
            f"{container.image} does not run on {_lands_on(found)} ({hosts}): its Windows entries are for "
            f"{versions}; {found[0][1].reason}"
        )
        labels = sorted(
            {
                build_label(landing.member.node.version)
                for landing in case.outcome.landings
                if landing.runs and landing.member.node.os == "windows"
            }
        )
        way = "" if offer.single else way_out(found[0][2].node, offer.index)
        hint = way or f"add an entry for {hosts}"
        if labels:
            hint += f", or ask for nodes with {BUILD_LABEL} {' or '.join(labels)}"
        yield Fault(value=container.value.get("image"), message=text, hint=hint)


def _host_process_image(case: Case) -> Iterator[Fault]:
    for container, _, found in _failures(case, "host-process-image"):
        text = f"{container.image} does not run on {_lands_on(found)}: {found[0][1].reason}"
        hint = (
            "set securityContext.windowsOptions.hostProcess, or copy os.version from the base image's config"
        )
        yield Fault(value=container.value.get("image"), message=text, hint=hint)


def _does_not_run(case: Case) -> Iterator[Fault]:
    for container, offer, found in _failures(case, "does-not-run"):
        node = found[0][2].node
        text = f"{container.image} does not run on {_lands_on(found)}: {found[0][1].reason}"
        processors = sorted(
            {
                entry.platform.normalised().architecture
                for entry in offer.index.manifests
                if entry.platform and entry.platform.normalised().os == node.os
            }
            - {node.architecture}
        )
        hint = f"publish it for {node.os}/{node.architecture}"
        if processors:
            hint += f", or ask for nodes with {ARCH_LABEL} {' or '.join(processors)}"
        yield Fault(value=container.value.get("image"), message=text, hint=hint)


def _pod_os(case: Case) -> Iterator[Fault]:
    refused = [landing for landing in case.outcome.landings if landing.refused]
    if refused:
        names = listed(landing.member for landing in refused)
        system = case.workload.constraints.system
        yield Fault(
            value=case.workload.spec.get("os", "name"),
            message=f"it may land on {names}, and {refused[0].refused}",
            hint=f"spec.os does not choose nodes: add nodeSelector: {{{OS_LABEL}: {system}}}",
        )


def _toleration(case: Case) -> Iterator[Fault]:
    """Nodes that fit but for their taints, where nothing else is left."""
    if case.outcome.landings:
        return
    fitting = [(member, refusal) for member, refusal in case.outcome.refusals if refusal.kind == "taint"]
    if fitting:
        names, taint = listed(member for member, _ in fitting), fitting[0][1].taints[0]
        value = f", value: {taint.value}" if taint.value else ""
        operator = "Equal" if taint.value else "Exists"
        yield Fault(
            value=case.workload.spec,
            message=f"no node takes it: {names} would, but {fitting[0][1].reason}",
            hint=(
                f"add tolerations: [{{key: {taint.key}, operator: {operator}{value}, "
                f"effect: {taint.effect}}}]"
            ),
        )


def _no_node(case: Case) -> Iterator[Fault]:
    if case.outcome.landings or any(refusal.kind == "taint" for _, refusal in case.outcome.refusals):
        return
    reasons = dict.fromkeys(refusal.reason for _, refusal in case.outcome.refusals)
    spec = case.workload.spec
    place = next(
        (spec.key(name) for name in ("nodeName", "nodeSelector", "affinity") if not spec.get(name).absent),
        spec,
    )
    yield Fault(
        value=place,
        message=f"no node takes it: {'; '.join(reasons)}",
        hint=_way_to_a_node(case),
        severity=_where_nothing_lands(case),
    )


def _way_to_a_node(case: Case) -> str:
    cordoned = [member.name for member, refusal in case.outcome.refusals if refusal.kind == "cordoned"]
    if cordoned:
        return f"let pods on it again: kubectl uncordon {cordoned[0]}"
    if case.workload.constraints.node_name:
        return "name a node that is there, or leave the choice to the scheduler"
    return "name labels that a node has, or add such a node"


def _runtime_class(case: Case) -> Iterator[Fault]:
    """A RuntimeClass may choose nodes and tolerate taints, and this one is not at hand."""
    if name := case.workload.unknown_class:
        yield Fault(
            value=case.workload.spec.get("runtimeClassName"),
            message=f"no manifest has the RuntimeClass {name}, so the nodes that it chooses are not known",
            hint=f"name it with --manifests, too: kubectl get runtimeclass {name} -o yaml > class.yaml",
        )


def _where_nothing_lands(case: Case) -> Severity:
    # A DaemonSet without a node is nothing that waits.
    return "warning" if case.workload.kind == "DaemonSet" else "error"


def _tag_build(case: Case) -> Iterator[Fault]:
    """An image that was not looked at, by a tag that names a Windows release."""
    for container in case.workload.containers:
        release = None if container.image in case.offers else _release_in(container.image)
        if release is None:
            continue
        members = [landing.member for landing in case.outcome.landings]
        wrong = [
            member
            for member in members
            if member.node.os != "windows" or member.node.version.build not in release.process_hosts
        ]
        if wrong:
            yield Fault(
                value=container.value.get("image"),
                message=(
                    f"the tag of {container.image} names {release.name}, which does not run on "
                    f"{listed(wrong)} ({', '.join(dict.fromkeys(member.system for member in wrong))})"
                ),
                hint="name an index for all builds, or ask for nodes that run it",
            )


def _release_in(image: str) -> WindowsRelease | None:
    """The release that a tag names as one of its words."""
    try:
        words = parse_reference(image).tag.lower().replace("_", "-").replace(".", "-").split("-")
    except InvalidReference:
        return None
    return next((row for row in RELEASES if row.name in words), None)


def _pull_always(case: Case) -> Iterator[Fault]:
    for container in case.workload.containers:
        policy, offer = container.value.get("imagePullPolicy"), case.offers.get(container.image)
        if policy.text != "Always" or offer is None or "@" in container.image:
            continue
        sizes = [
            offer.sizes.get(answer.entry.digest, 0)
            for landing in case.outcome.landings
            for one, answer in landing.answers
            if one is container and answer and answer.entry
        ]
        if max(sizes, default=0) >= _BIG:
            yield Fault(
                value=policy,
                message=(
                    f"imagePullPolicy is Always, and {container.image} has {max(sizes) / _BIG:.1f} GB, "
                    "which every start pulls anew once the tag has moved"
                ),
                hint="name a tag that never moves, or a digest, and write IfNotPresent",
            )


LANDING_RULES: Final = (
    Rule(
        code="os-selector",
        severity="error",
        summary="may land where its image has no entry",
        find=_os_selector,
    ),
    Rule(code="single-build", severity="error", summary="lacks the build of a node", find=_single_build),
    Rule(
        code="host-process-image",
        severity="error",
        summary="a HostProcess image and a pod that do not go together",
        find=_host_process_image,
    ),
    Rule(
        code="does-not-run", severity="error", summary="an image that a node cannot run", find=_does_not_run
    ),
    Rule(code="pod-os", severity="error", summary="lands where the kubelet refuses it", find=_pod_os),
    Rule(code="toleration", severity="error", summary="taints keep it off every node", find=_toleration),
    Rule(code="no-node", severity="error", summary="no node has what it asks for", find=_no_node),
    Rule(
        code="runtime-class",
        severity="warning",
        summary="a RuntimeClass that is not at hand",
        find=_runtime_class,
    ),
    Rule(code="tag-build", severity="warning", summary="a tag for other Windows builds", find=_tag_build),
    Rule(code="pull-always", severity="warning", summary="pulls gigabytes at each start", find=_pull_always),
)
