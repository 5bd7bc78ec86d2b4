"""`cluster e2e`: asks a cluster whether what `cluster manifests` describes works, check by check.

Checks wait: what is not yet so may become so, until the time is up. A check whose ground is missing is
skipped and says which. Only `drain` changes anything: it deletes a pod of each operating system.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from buildtools.cluster import checks
from buildtools.cluster.checks import Check, verdict
from buildtools.cluster.objects import NAME_LABEL, SYSTEMS
from buildtools.cluster.suite import PORT, installer_namespace
from buildtools.errors import BuildtoolsError
from buildtools.kubectl import Kubectl
from buildtools.stores.disk import errors_name
from buildtools.workspace import write_text

UNREDIRECTED: Final = 95
"""What the validator ends with where nothing redirects its traffic, as outside of a mesh."""
PAUSE: Final = 5.0
SLOW_SECONDS: Final = 8
BEFORE_DELETE: Final = 3.0
"""Seconds until the request is surely in the pod: kubectl starts, and the API server hands it on."""
_DELETE_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is looked at, and how long it may take to become so, in seconds."""

    namespace: str
    name: str = "whoami"
    systems: tuple[str, ...] = SYSTEMS
    seconds: float = 900
    validator_exit: int = UNREDIRECTED
    only: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Trial:
    """One run; `sleep` and `now` are seconds of a clock."""

    kubectl: Kubectl
    wish: Wish
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    note: Callable[[str], None] = lambda _text: None
    _end: float = field(default=0, init=False)

    def run(self) -> list[Check]:
        """Every check that is wished for, in order; raises what kubectl does where the cluster is gone."""
        self._end = self.now() + self.wish.seconds
        found: dict[str, Check] = {}
        for name, needs, ask in CHECKS:
            if self.wish.only and name not in self.wish.only:
                continue
            lacking = [need for need in needs if need in found and found[need].outcome != "passed"]
            if lacking:
                sentence = f"not looked at, since {' and '.join(lacking)} did not pass"
                found[name] = Check(name=name, outcome="skipped", sentence=sentence)
            else:
                found[name] = ask(self)
            self.note(f"{name}: {found[name].sentence}")
        return list(found.values())

    def until(self, ask: Callable[[], Check]) -> Check:
        """The check, asked again until it passes or the time is up."""
        while True:
            check = ask()
            if check.outcome == "passed" or self.now() >= self._end:
                return check
            self.sleep(PAUSE)

    @property
    def _here(self) -> Kubectl:
        return self.kubectl.within(self.wish.namespace)

    def _servers(self) -> list[Any]:
        """The servers' pods that are not about to go."""
        pods = self._here.get("pods", label=f"{NAME_LABEL}={self.wish.name}")
        return [pod for pod in pods if not checks.at(pod, "metadata", "deletionTimestamp")]

    def nodes(self) -> Check:
        """Nodes of each operating system are ready."""
        return self.until(lambda: checks.nodes_check(self.kubectl.get("nodes"), self.wish.systems))

    def pods(self) -> Check:
        """The servers' pods became ready in time."""
        return self.until(lambda: checks.pods_check(self._servers(), self.wish.systems))

    def identity(self) -> Check:
        """Every server says the system, the processor and the Windows build that its node has."""
        nodes = {checks.name_of(node): node for node in self.kubectl.get("nodes")}

        def faults() -> Iterator[str]:
            for pod in self._servers():
                answer = self._ask(checks.name_of(pod), "/who-am-i")
                node = nodes.get(str(checks.at(pod, "spec", "nodeName")))
                yield from checks.identity_faults(pod, answer, node)

        return verdict(
            "identity", "every pod says what its node is", "a pod says what its node is not", faults()
        )

    def _ask(self, pod: str, path: str) -> str:
        try:
            return self._here.raw(self._here.proxied(pod, PORT, path))
        except BuildtoolsError as error:
            return error.message

    def clients(self) -> Check:
        """From pods of each operating system, Services of each were asked, and the right pods answered."""
        label = f"{NAME_LABEL}=client"
        done = self.until(
            lambda: checks.jobs_check(self._here.get("jobs", label=label), len(self.wish.systems))
        )
        if done.outcome != "passed":
            return done
        servers = self._servers()

        def faults() -> Iterator[str]:
            for pod in self._here.get("pods", label=label):
                if checks.at(pod, "status", "phase") != "Succeeded":
                    continue
                for target in self.wish.systems:
                    log = self._here.logs(checks.name_of(pod), f"to-{target}")
                    names = [checks.name_of(one) for one in servers if checks.system_of(one) == target]
                    yield from checks.client_faults(checks.name_of(pod), target, log, names)

        ways = ", ".join(f"{a} to {b}" for a in self.wish.systems for b in self.wish.systems)
        return verdict(
            "clients",
            f"pods reach pods through Services: {ways}",
            "a Service did not lead to its pods",
            faults(),
        )

    def drain(self) -> Check:
        """A request in flight is answered although its pod is deleted meanwhile."""
        servers = self._servers()

        def faults() -> Iterator[str]:
            for system in self.wish.systems:
                pod = next((checks.name_of(one) for one in servers if checks.system_of(one) == system), "")
                if fault := self._drained(pod) if pod else f"there is no pod for {system}":
                    yield fault

        return verdict(
            "drain",
            "a request in flight survives the deletion of its pod",
            "a request in flight was lost when its pod was deleted",
            faults(),
        )

    def _drained(self, pod: str) -> str:
        """What went wrong; empty where the answer came."""
        path = self._here.proxied(pod, PORT, f"/slow?for={SLOW_SECONDS}s")
        with self._here.asking(path) as running:
            self.sleep(BEFORE_DELETE)
            if running.process.poll() is not None:
                answer = running.finish(0)
                return f"pod {pod} did not hold the request: {answer.complaint}"
            self._here.delete("pod", pod, seconds=_DELETE_SECONDS)
            answer = running.finish(SLOW_SECONDS * 2)
        if answer.ok and answer.out.strip() == "done":
            return ""
        return f"pod {pod} was deleted, and its request got {answer.complaint or 'nothing'}"

    def validator(self) -> Check:
        """The validators have ended with the expected exit code."""
        label = f"{NAME_LABEL}=validator"
        pods: list[Any] = []

        def all_ended() -> Check:
            pods[:] = self._here.get("pods", label=label)
            open_ = [checks.name_of(pod) for pod in pods if not checks.has_ended(pod)]
            return verdict("validator", "ended", "not ended", open_ or ([] if pods else ["none"]))

        self.until(all_ended)
        return checks.validator_check(pods, self.wish.systems, self.wish.validator_exit)

    def installer(self) -> Check:
        """The installer is ready on every node."""
        there = self.kubectl.within(installer_namespace(self.wish.namespace))
        label = f"{NAME_LABEL}=cni-installer"
        return self.until(
            lambda: checks.installer_check(there.get("daemonsets", label=label), self.wish.systems)
        )


CHECKS: Final[Sequence[tuple[str, tuple[str, ...], Callable[[Trial], Check]]]] = (
    ("nodes", (), Trial.nodes),
    ("pods", ("nodes",), Trial.pods),
    ("identity", ("pods",), Trial.identity),
    ("clients", ("pods",), Trial.clients),
    ("validator", ("nodes",), Trial.validator),
    ("installer", ("nodes",), Trial.installer),
    # Last: it takes pods away that the others look at.
    ("drain", ("pods",), Trial.drain),
)
"""Each check, what has to pass before it makes sense, and who asks."""
NAMES: Final = tuple(name for name, _, _ in CHECKS)

_WIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "nodes.txt": ("get", "nodes", "--output", "wide"),
    "nodes.json": ("get", "nodes", "--output", "json"),
    "pods.txt": ("get", "pods", "--all-namespaces", "--output", "wide"),
    "events.txt": ("get", "events", "--all-namespaces", "--sort-by", ".lastTimestamp"),
}


def collect(kubectl: Kubectl, folder: Path, *, namespaces: Sequence[str]) -> list[str]:
    """Write what the cluster says into a folder; gives the files' names.

    What cannot be had leaves a file that says why: logs are wanted most where something is broken.
    """
    with errors_name(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {name: _said(kubectl, words) for name, words in _WIDE.items()}
    for namespace in namespaces:
        here = kubectl.within(namespace)
        texts[f"{namespace}.describe.txt"] = _said(here, ("describe", "all"))
        try:
            pods = [checks.name_of(pod) for pod in here.get("pods")]
        except BuildtoolsError as error:
            texts[f"{namespace}.log"] = f"{error}\n"
            continue
        for pod in pods:
            texts[f"{namespace}.{pod}.log"] = _said(here, ("logs", pod, "--all-containers", "--prefix"))
    for name, text in texts.items():
        write_text(folder / name, text)
    return sorted(texts)


def _said(kubectl: Kubectl, words: Sequence[str]) -> str:
    answer = kubectl.try_(*words)
    return answer.out + (f"\n{answer.err}" if answer.err else "")
