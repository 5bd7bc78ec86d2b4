"""What becomes of images and workloads on the nodes of a cluster.

Source: containerd/containerd:core/images/image.go for images without an index, whose platform nobody looks
at before they start; kubernetes/website:tasks/configure-pod-container/create-hostprocess-pod.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from buildtools.cluster.matchers import choose, only
from buildtools.cluster.members import Member
from buildtools.cluster.nodes import Node
from buildtools.cluster.scheduling import Refusal, admission, refusal
from buildtools.cluster.workloads import Container, Workload
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An image that pods may name: its index, or an index of the one image that stands without.

    `sizes` are the bytes of all layers and `stop_signals` the configs' StopSignal, by manifest digest.
    """

    name: str
    index: Index
    single: bool = False
    sizes: Mapping[Digest, int] = field(default_factory=dict, hash=False)
    stop_signals: Mapping[Digest, str] = field(default_factory=dict, hash=False)

    @property
    def systems(self) -> tuple[str, ...]:
        """The operating systems that there are entries for, in the order of the index."""
        found = (entry.platform.normalised().os for entry in self.index.manifests if entry.platform)
        return tuple(dict.fromkeys(system for system in found if system != "unknown"))

    @property
    def for_host_process(self) -> bool:
        """Whether its Windows entry has no os.version, as HostProcess images have none."""
        windows = [entry.platform for entry in self.index.manifests if _for_windows(entry)]
        return bool(windows) and not any(platform and platform.os_version for platform in windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a node makes of an image: the entry it takes, whether that runs, and why.

    `host_process`: it does not run because image, pod and node do not agree about HostProcess.
    """

    entry: Descriptor | None
    runs: bool
    reason: str
    best: bool = True
    host_process: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A node that a workload may land on; a container's answer is None where its image was not looked at.

    `refused` says why the kubelet refuses the pod.
    """

    member: Member
    answers: tuple[tuple[Container, Answer | None], ...]
    refused: str = ""

    @property
    def runs(self) -> bool:
        """Whether nothing that was looked at keeps the pod from running there."""
        return not self.refused and all(answer is None or answer.runs for _, answer in self.answers)

    @property
    def unknown(self) -> bool:
        """Whether an image was not looked at."""
        return any(answer is None for _, answer in self.answers)


Verdict = Literal["runs", "fails", "nowhere", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of one workload: where it may land, and which nodes it keeps away from."""

    workload: Workload
    landings: tuple[Landing, ...]
    refusals: tuple[tuple[Member, Refusal], ...]

    @property
    def verdict(self) -> Verdict:
        """`fails` where it fails on some node it may land on, `nowhere` where it lands on none."""
        if not self.landings:
            return "nowhere"
        if not all(landing.runs for landing in self.landings):
            return "fails"
        return "unknown" if any(landing.unknown for landing in self.landings) else "runs"


def host_process(workload: Workload, container: Container) -> bool:
    """Whether a container is a HostProcess container: it says so, or its pod does and it does not deny it."""
    own = container.value.get("securityContext", "windowsOptions", "hostProcess")
    pod = workload.spec.get("securityContext", "windowsOptions", "hostProcess")
    return pod.flag if own.absent else own.flag


class Cluster:
    """Nodes and the images that pods on them name; what alike nodes make of an image is worked out once.

    `offers` are images by the text that manifests name them with.
    """

    def __init__(self, members: Sequence[Member], offers: Mapping[str, Offer]) -> None:
        self._offers = offers
        kinds: dict[Node, int] = {}
        self._members = [
            (member, kinds.setdefault(replace(member.node, name=""), len(kinds))) for member in members
        ]
        self._answers: dict[tuple[str, bool, int], Answer] = {}

    def outcome(self, workload: Workload) -> Outcome:
        """What becomes of a workload."""
        landings, refusals = [], []
        containers = [(one, host_process(workload, one)) for one in workload.containers]
        for member, kind in self._members:
            found = refusal(workload.constraints, member)
            if found:
                refusals.append((member, found))
                continue
            answers = tuple(
                (one, self._answer(member, kind, one.image, host_process=is_host))
                for one, is_host in containers
            )
            refused = admission(workload.constraints, member)
            landings.append(Landing(member=member, answers=answers, refused=refused))
        return Outcome(workload=workload, landings=tuple(landings), refusals=tuple(refusals))

    def _answer(self, member: Member, kind: int, image: str, *, host_process: bool) -> Answer | None:
        """What the node makes of an image; `kind` is a number that alike nodes share."""
        offer = self._offers.get(image)
        if offer is None:
            return None
        key = image, host_process, kind
        if key not in self._answers:
            self._answers[key] = answer(member, offer, host_process=host_process)
        return self._answers[key]


def answer(member: Member, offer: Offer, *, host_process: bool | None = None) -> Answer:
    """What a node makes of an image; `host_process` is None where no pod is known that names it."""
    node = member.node
    choice = only(node, offer.index, where=member.system) if offer.single else choose(node, offer.index)
    entry, right = choice.descriptor, choice.right and choice.descriptor is not None
    said = Answer(entry=entry, runs=right, reason=choice.reason, best=choice.best)
    if entry is None or host_process is None or not _for_windows(entry) or node.os != "windows":
        return said
    versioned = bool(entry.platform and entry.platform.os_version)
    if host_process:
        able = node.runtime.windows is not None and node.runtime.windows.host_process
        if able:
            return Answer(entry=entry, runs=True, reason="HostProcess containers run on every build")
        reason = f"{node.runtime} runs no HostProcess containers"
        return Answer(entry=entry, runs=False, reason=reason, host_process=True)
    if versioned:
        return said
    reason = "its Windows entry has no os.version: it is for HostProcess pods, and this pod is none"
    return Answer(entry=entry, runs=False, reason=reason, host_process=True)


def _for_windows(entry: Descriptor) -> bool:
    return entry.platform is not None and entry.platform.os.lower() == "windows"
