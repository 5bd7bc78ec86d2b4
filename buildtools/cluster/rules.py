"""What the rules about manifests share: the case that they look at, and the table's row."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from buildtools.cluster.members import OLD_OS_LABEL, OS_LABEL, Member
from buildtools.cluster.outcomes import Offer, Outcome
from buildtools.cluster.scheduling import asks_for
from buildtools.cluster.tree import Value
from buildtools.cluster.workloads import Workload
from buildtools.errors import Diagnostic, Severity

_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A workload with what becomes of it; `offers` are images by the text that manifests name them with."""

    outcome: Outcome
    offers: Mapping[str, Offer] = field(default_factory=dict, hash=False)

    @property
    def workload(self) -> Workload:
        """The workload."""
        return self.outcome.workload

    @property
    def asks_for_system(self) -> bool:
        """Whether it says on which operating system it is to land."""
        constraints = self.workload.constraints
        return bool(constraints.node_name) or any(
            asks_for(constraints, label) for label in (OS_LABEL, OLD_OS_LABEL)
        )

    @property
    def systems(self) -> frozenset[str]:
        """The operating systems of the nodes that it may land on."""
        return frozenset(landing.member.node.os for landing in self.outcome.landings)

    @property
    def is_windows(self) -> bool:
        """Whether it is meant for Windows: it says so, or may land nowhere else."""
        constraints = self.workload.constraints
        chosen = (constraints.selector.get(label, "") for label in (OS_LABEL, OLD_OS_LABEL))
        said = constraints.system or next(filter(None, chosen), "")
        return said == "windows" if said else self.systems == {"windows"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault that a rule found, at the place of a value; `severity` where it is not the rule's."""

    value: Value
    message: str
    hint: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of the table: a code that scripts rely on, what it is about, and who finds it."""

    code: str
    severity: Severity
    summary: str
    find: Callable[[Case], Iterable[Fault]]


def findings(rules: Iterable[Rule], case: Case) -> Iterator[Diagnostic]:
    """What rules find in a case."""
    for rule in rules:
        for fault in rule.find(case):
            yield case.workload.finding(
                fault.value,
                code=rule.code,
                message=fault.message,
                hint=fault.hint,
                severity=fault.severity or rule.severity,
            )


def listed(members: Iterable[Member]) -> str:
    """Nodes by name, the first few of many: `a, b, c and 4 more`."""
    names = [member.name for member in members]
    rest = len(names) - _MOST_NAMED
    text = ", ".join(names[:_MOST_NAMED])
    return f"{text} and {rest} more" if rest > 0 else text
