"""What a cluster says of itself against what should be: decisions about the JSON of `kubectl get -o json`.

Every check is a sentence, and its details say what is wrong where. Source: kubernetes/api:core/v1/types.go,
apps/v1/types.go; images/whoami for what it answers.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from buildtools.cluster.members import OS_LABEL
from buildtools.cluster.objects import SYSTEM_LABEL

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what it found, in a sentence; `details` name what is wrong."""

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    sentence: str
    details: tuple[str, ...] = ()


def verdict(name: str, good: str, bad: str, faults: Iterable[str]) -> Check:
    """Passed with the good sentence where there is no fault, else failed with the bad one."""
    details = tuple(faults)
    if details:
        return Check(name=name, outcome="failed", sentence=bad, details=details)
    return Check(name=name, outcome="passed", sentence=good)


def at(value: Any, *keys: str) -> Any:
    """What lies below these keys, None where one of them is not there."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def name_of(item: Item) -> str:
    """The object's name."""
    return str(at(item, "metadata", "name") or "?")


def system_of(item: Item) -> str:
    """Which operating system a pod of ours is for, or a node has."""
    labels = at(item, "metadata", "labels")
    return str(at(labels, SYSTEM_LABEL) or at(labels, OS_LABEL) or "")


def condition(item: Item, kind: str) -> Mapping[str, Any]:
    """The condition of this kind; empty where there is none."""
    found = at(item, "status", "conditions") or ()
    return next((one for one in found if at(one, "type") == kind), {})


def is_ready(item: Item) -> bool:
    """Whether a node or a pod says that it is ready and is not about to go."""
    return at(condition(item, "Ready"), "status") == "True" and not at(item, "metadata", "deletionTimestamp")


def nodes_check(nodes: Sequence[Item], systems: Sequence[str]) -> Check:
    """Every node is ready, and each operating system has one."""

    def faults() -> Iterator[str]:
        for system in systems:
            if not any(system_of(node) == system for node in nodes):
                yield f"there is no {system} node"
        for node in nodes:
            if not is_ready(node):
                why = _why(condition(node, "Ready"))
                yield f"node {name_of(node)} ({system_of(node)}) is not ready: {why}"

    counts = [f"{sum(system_of(node) == system for node in nodes)} {system}" for system in systems]
    return verdict(
        "nodes", f"nodes are ready: {', '.join(counts)}", "nodes are missing or not ready", faults()
    )


def _why(found: Mapping[str, Any]) -> str:
    return str(found.get("message") or found.get("reason") or "it says nothing")


def pods_check(pods: Sequence[Item], systems: Sequence[str]) -> Check:
    """Each operating system has a pod, and every pod is ready."""

    def faults() -> Iterator[str]:
        for system in systems:
            if not any(system_of(pod) == system for pod in pods):
                yield f"there is no pod for {system}"
        for pod in pods:
            if not is_ready(pod):
                why = "; ".join(_waits(pod)) or _why(condition(pod, "Ready"))
                yield f"pod {name_of(pod)} is not ready: {why}"

    counts = [f"{sum(system_of(pod) == system for pod in pods)} {system}" for system in systems]
    return verdict("pods", f"pods are ready: {', '.join(counts)}", "pods are missing or not ready", faults())


def _waits(pod: Item) -> Iterator[str]:
    """Why containers do not run, and why a pod has no node."""
    for one in at(pod, "status", "containerStatuses") or ():
        for state in ("waiting", "terminated"):
            found = at(one, "state", state)
            if found:
                code = f" with {found['exitCode']}" if "exitCode" in found else ""
                message = f", {found['message']}" if found.get("message") else ""
                yield f"{at(one, 'name')} is {state} ({found.get('reason', 'no reason')}{code}{message})"
    placed = condition(pod, "PodScheduled")
    if at(placed, "status") == "False":
        yield _why(placed)


def identity_faults(pod: Item, answer: str, node: Item | None) -> Iterator[str]:
    """What a pod says of itself that is not so of its node: system, processor, Windows build."""
    if node is None:
        yield f"pod {name_of(pod)} is on the node {at(pod, 'spec', 'nodeName')}, which is not listed"
        return
    said = parse_answer(answer)
    if said is None:
        yield f"pod {name_of(pod)} did not answer with a JSON object: {answer.strip()[:80]!r}"
        return
    info = at(node, "status", "nodeInfo")
    for key, field in (("os", "operatingSystem"), ("architecture", "architecture")):
        if said.get(key) != at(info, field):
            yield _differs(pod, node, key, said.get(key), at(info, field))
    if at(info, "operatingSystem") == "windows":
        have, want = (_build(str(text)) for text in (said.get("os_version"), at(info, "kernelVersion")))
        if have != want:
            yield _differs(pod, node, "Windows build", have, want)


def _differs(pod: Item, node: Item, what: str, said: object, real: object) -> str:
    return f"pod {name_of(pod)} says {what} {said}, and its node {name_of(node)} has {real}"


def _build(version: str) -> str:
    return ".".join(version.split(".")[:3])


def parse_answer(text: str) -> Mapping[str, Any] | None:
    """What whoami answers; None where it is no JSON object."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def client_faults(client: str, target: str, log: str, pods: Sequence[str]) -> Iterator[str]:
    """What is wrong with the last answer that a client has got from the Service for one operating system."""
    answers = [said for line in log.splitlines() if (said := parse_answer(line)) is not None]
    if not answers:
        yield f"{client} got no answer from {target}: {log.strip()[-200:] or 'its log is empty'}"
    elif answers[-1].get("os") != target:
        yield f"{client} asked for {target} and got an answer from {answers[-1].get('os')}"
    elif str(answers[-1].get("hostname", "")).casefold() not in {
        # Windows cuts a host's name after 15 characters and writes it large.
        *(name.casefold() for name in pods),
        *(name[:15].casefold() for name in pods),
    }:
        yield f"{client} got an answer from {answers[-1].get('hostname')}, which is no pod for {target}"


def jobs_check(jobs: Sequence[Item], count: int) -> Check:
    """So many jobs are there and all are complete."""

    def faults() -> Iterator[str]:
        if len(jobs) < count:
            yield f"there are {len(jobs)} client jobs, and {count} should be"
        for job in jobs:
            if at(condition(job, "Complete"), "status") != "True":
                failed = condition(job, "Failed")
                yield f"job {name_of(job)} is not complete: {_why(failed) if failed else 'it still runs'}"

    return verdict("clients", "every client is done", "clients are not done", faults())


def has_ended(pod: Item) -> bool:
    """Whether it will not change any more."""
    return at(pod, "status", "phase") in {"Succeeded", "Failed"}


def validator_check(pods: Sequence[Item], systems: Sequence[str], expected: int) -> Check:
    """Each operating system's validator has ended with this exit code."""

    def faults() -> Iterator[str]:
        for system in systems:
            mine = [pod for pod in pods if system_of(pod) == system]
            if not mine:
                yield f"there is no validator for {system}"
            for pod in mine:
                codes = [
                    at(one, "state", "terminated", "exitCode")
                    for one in at(pod, "status", "containerStatuses") or ()
                ]
                if not codes or None in codes:
                    yield f"pod {name_of(pod)} has not ended: {'; '.join(_waits(pod)) or 'it still runs'}"
                elif codes != [expected]:
                    yield f"pod {name_of(pod)} ended with {codes[0]}, expected {expected}"

    return verdict(
        "validator",
        f"every validator ended with {expected}",
        "a validator did not say what it should",
        faults(),
    )


def installer_check(sets: Sequence[Item], systems: Sequence[str]) -> Check:
    """Each operating system has a DaemonSet, and it is ready on every node of it."""

    def faults() -> Iterator[str]:
        for system in systems:
            if not any(system_of(one) == system for one in sets):
                yield f"there is no installer for {system}"
        for one in sets:
            wanted, ready = (
                int(at(one, "status", key) or 0) for key in ("desiredNumberScheduled", "numberReady")
            )
            if not wanted or ready < wanted:
                yield f"daemon set {name_of(one)} is ready on {ready} of {wanted} nodes"

    return verdict("installer", "the installer is ready on every node", "an installer is not ready", faults())
