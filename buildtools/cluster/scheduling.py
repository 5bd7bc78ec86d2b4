"""Where a pod may land: the scheduler's rules about labels, affinity and taints, and the kubelet's own.

Resources, spreading and what other pods ask for are not looked at: they choose among these nodes.

Source: kubernetes/kubernetes:pkg/scheduler/framework/plugins/{nodeaffinity,nodename,nodeunschedulable,
tainttoleration}, component-helpers:scheduling/corev1, apimachinery:pkg/labels/selector.go,
pkg/kubelet/lifecycle/predicate.go.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from buildtools.cluster.members import Member, Taint

UNSCHEDULABLE: Final = Taint(key="node.kubernetes.io/unschedulable")
REPELLING: Final = frozenset({"NoSchedule", "NoExecute"})
NAME_FIELD: Final = "metadata.name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One expression about a label: `key operator values`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Expressions that must all hold, about labels and about the node's name."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """Which taints a pod does not mind; empty parts stand for any."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What a pod says of its nodes. `terms` is None without required affinity; one of them must hold."""

    selector: Mapping[str, str] = field(default_factory=dict, hash=False)
    terms: tuple[Term, ...] | None = None
    tolerations: tuple[Toleration, ...] = ()
    node_name: str = ""
    system: str = ""


Kind = Literal["name", "selector", "affinity", "taint", "cordoned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a pod does not land on a node; `taints` are those that it does not tolerate."""

    kind: Kind
    reason: str
    taints: tuple[Taint, ...] = ()


def refusal(constraints: Constraints, member: Member) -> Refusal | None:
    """Why the pod does not land on the node, None where it may."""
    if constraints.node_name:
        # Placed by hand: the scheduler is not asked, and the kubelet minds NoExecute alone.
        if constraints.node_name != member.name:
            return Refusal(kind="name", reason=f"nodeName is {constraints.node_name}")
        return _labels(constraints, member) or _taints(constraints, member, {"NoExecute"})
    # The labels first, so that `cordoned` and `taint` are said of nodes that would fit.
    if found := _labels(constraints, member):
        return found
    if member.unschedulable and not _tolerated(UNSCHEDULABLE, constraints.tolerations):
        return Refusal(kind="cordoned", reason="the node is cordoned", taints=(UNSCHEDULABLE,))
    return _taints(constraints, member, REPELLING)


def asks_for(constraints: Constraints, key: str) -> bool:
    """Whether the pod says anything about this label."""
    terms = constraints.terms or ()
    return key in constraints.selector or any(
        requirement.key == key for term in terms for requirement in term.expressions
    )


def admission(constraints: Constraints, member: Member) -> str:
    """Why the kubelet of the node refuses the pod, empty where it does not."""
    if constraints.system and constraints.system != member.node.os:
        return f"spec.os.name is {constraints.system}, so the kubelet refuses the pod"
    return ""


def _labels(constraints: Constraints, member: Member) -> Refusal | None:
    for key, value in constraints.selector.items():
        if member.labels.get(key) != value:
            return Refusal(kind="selector", reason=f"nodeSelector asks for {key}={value}")
    if constraints.terms is not None and not any(_holds(term, member) for term in constraints.terms):
        return Refusal(kind="affinity", reason="its node affinity does not hold")
    return None


def _taints(constraints: Constraints, member: Member, effects: "frozenset[str] | set[str]") -> Refusal | None:
    found = tuple(
        taint
        for taint in member.taints
        if taint.effect in effects and not _tolerated(taint, constraints.tolerations)
    )
    if not found:
        return None
    names = ", ".join(str(taint) for taint in found)
    return Refusal(kind="taint", reason=f"it does not tolerate {names}", taints=found)


def _holds(term: Term, member: Member) -> bool:
    """Whether every part of a term holds; an empty term holds nowhere."""
    if not term.expressions and not term.fields:
        return False
    names = {NAME_FIELD: member.name}
    return all(_meets(part, member.labels) for part in term.expressions) and all(
        _meets(part, names) for part in term.fields
    )


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    operator = OPERATORS.get(requirement.operator)
    return operator is not None and operator(labels.get(requirement.key), requirement.values)


def _number(text: str) -> int | None:
    """A number as Go's ParseInt reads it."""
    bare = text[1:] if text[:1] in {"+", "-"} else text
    if not (bare.isascii() and bare.isdigit()) or len(bare) > 40:
        return None
    return number if -(2**63) <= (number := int(text)) < 2**63 else None


def _compared(found: str | None, values: Sequence[str], sign: int) -> bool:
    if found is None or len(values) != 1:
        return False
    left, right = _number(found), _number(values[0])
    return left is not None and right is not None and sign * (left - right) > 0


OPERATORS: Final[Mapping[str, Callable[[str | None, Sequence[str]], bool]]] = {
    "In": lambda found, values: found is not None and found in values,
    "NotIn": lambda found, values: found is None or found not in values,
    "Exists": lambda found, _values: found is not None,
    "DoesNotExist": lambda found, _values: found is None,
    "Gt": lambda found, values: _compared(found, values, 1),
    "Lt": lambda found, values: _compared(found, values, -1),
}
"""What each operator of an expression asks of the label's value, None where the node has no such label."""


def _tolerated(taint: Taint, tolerations: Sequence[Toleration]) -> bool:
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in {"", "Equal"} and bool(toleration.key) and toleration.value == taint.value
