"""What manifests ask a cluster to run: pods and the workloads that make pods, with the place of every part.

Source: kubernetes/api: core/v1, apps/v1, batch/v1, node/v1 types.go; the tolerations that a DaemonSet's pods
are given: kubernetes/kubernetes:pkg/controller/daemon/util/daemonset_util.go.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from buildtools.cluster.scheduling import NAME_FIELD, OPERATORS, Constraints, Requirement, Term, Toleration
from buildtools.cluster.shapes import POD, shape_faults
from buildtools.cluster.tree import Value
from buildtools.errors import Diagnostic, Severity
from buildtools.oci.quote import quoted
from buildtools.spec.document import one_line

_TEMPLATE: Final = ("spec", "template")
POD_PLACES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): (),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
"""Where each kind, by API group and name, keeps its pod."""

_KINDS: Final = frozenset(kind for _, kind in POD_PLACES)
_LISTS: Final = frozenset({"List", *(f"{kind}List" for kind in _KINDS)})
_MOST_NESTED: Final = 4

_CONDITIONS: Final = ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
_OF_DAEMON_SETS: Final = (
    *(
        Toleration(key=f"node.kubernetes.io/{name}", operator="Exists", effect="NoSchedule")
        for name in _CONDITIONS
    ),
    *(
        Toleration(key=f"node.kubernetes.io/{name}", operator="Exists", effect="NoExecute")
        for name in ("not-ready", "unreachable")
    ),
)
_ON_HOST_NETWORK: Final = Toleration(
    key="node.kubernetes.io/network-unavailable", operator="Exists", effect="NoSchedule"
)
_TOLERATION_OPERATORS: Final = frozenset({"", "Equal", "Exists"})
_NO_VALUES: Final = frozenset({"Exists", "DoesNotExist"})
_ONE_VALUE: Final = frozenset({"Gt", "Lt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a pod; `value` is its place, `init` says that it runs before the others."""

    name: str
    image: str
    init: bool
    value: Value = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A pod, or what makes pods; `pod` is the pod or its template, `document` the whole object.

    `unknown_class` is the RuntimeClass that it names where no manifest has it.
    """

    kind: str
    name: str
    namespace: str
    path: str
    document: Value = field(compare=False)
    pod: Value = field(compare=False)
    containers: tuple[Container, ...]
    constraints: Constraints
    unknown_class: str = ""

    @property
    def spec(self) -> Value:
        """The pod's spec."""
        return self.pod.get("spec")

    def __str__(self) -> str:
        """`Deployment shop/web`, without the namespace where none is written."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def finding(
        self, value: Value, *, code: str, message: str, hint: str = "", severity: Severity = "error"
    ) -> Diagnostic:
        """A finding about the workload at the place of a value."""
        return located(
            self.path, value, code=code, message=f"{self}: {message}", hint=hint, severity=severity
        )


def located(
    path: str, value: Value, *, code: str, message: str, hint: str = "", severity: Severity = "error"
) -> Diagnostic:
    """A finding at the place of a value."""
    return Diagnostic(
        code=code,
        message=one_line(message),
        hint=one_line(hint),
        path=path,
        line=value.mark.line,
        column=value.mark.column,
        severity=severity,
    )


def read_workloads(files: Iterable[tuple[str, Iterable[Value]]]) -> tuple[Workload, ...]:
    """The workloads of documents by file, in their order; other kinds are passed over."""
    objects = [
        (path, item) for path, documents in files for document in documents for item in _objects(document, 0)
    ]
    classes = {
        item.get("metadata", "name").text: item
        for _, item in objects
        if item.get("kind").text == "RuntimeClass"
    }
    places = ((path, item, _pod_place(item)) for path, item in objects)
    return tuple(
        _workload(path, item, item.get(*place), classes) for path, item, place in places if place is not None
    )


def _objects(document: Value, depth: int) -> Iterator[Value]:
    if document.get("kind").text not in _LISTS or depth == _MOST_NESTED:
        if not document.absent:
            yield document
        return
    for item in document.get("items").items:
        yield from _objects(item, depth + 1)


def _pod_place(item: Value) -> tuple[str, ...] | None:
    kind, (group, slash, _) = item.get("kind").text, item.get("apiVersion").text.partition("/")
    return POD_PLACES.get((group if slash else "", kind))


def _workload(path: str, item: Value, pod: Value, classes: Mapping[str, Value]) -> Workload:
    spec, metadata, kind = pod.get("spec"), item.get("metadata"), item.get("kind").text
    runtime_class = spec.get("runtimeClassName").text
    constraints = _with_class(_constraints(spec), classes.get(runtime_class))
    if kind == "DaemonSet":
        given = (*_OF_DAEMON_SETS, *([_ON_HOST_NETWORK] if spec.get("hostNetwork").flag else []))
        constraints = replace(constraints, tolerations=(*constraints.tolerations, *given))
    return Workload(
        kind=kind,
        name=metadata.get("name").text or metadata.get("generateName").text,
        namespace=metadata.get("namespace").text,
        path=path,
        document=item,
        pod=pod,
        containers=(
            *(_container(value, init=True) for value in spec.get("initContainers").items),
            *(_container(value, init=False) for value in spec.get("containers").items),
        ),
        constraints=constraints,
        unknown_class="" if runtime_class in classes else runtime_class,
    )


def _container(value: Value, *, init: bool) -> Container:
    return Container(name=value.get("name").text, image=value.get("image").text, init=init, value=value)


def _constraints(spec: Value) -> Constraints:
    required = _required(spec)
    return Constraints(
        selector=spec.get("nodeSelector").words,
        terms=None
        if required.absent
        else tuple(_term(term) for term in required.get("nodeSelectorTerms").items),
        tolerations=tuple(_toleration(value) for value in spec.get("tolerations").items),
        node_name=spec.get("nodeName").text,
        system=spec.get("os", "name").text,
    )


def _required(spec: Value) -> Value:
    return spec.get("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")


def _term(term: Value) -> Term:
    return Term(
        expressions=tuple(_requirement(value) for value in term.get("matchExpressions").items),
        fields=tuple(_requirement(value) for value in term.get("matchFields").items),
    )


def _requirement(value: Value) -> Requirement:
    return Requirement(
        key=value.get("key").text, operator=value.get("operator").text, values=value.get("values").texts
    )


def _toleration(value: Value) -> Toleration:
    return Toleration(**{name: value.get(name).text for name in ("key", "operator", "value", "effect")})


def _with_class(constraints: Constraints, found: Value | None) -> Constraints:
    """With the selector and tolerations of the pod's RuntimeClass, where the manifests have it."""
    if found is None:
        return constraints
    scheduling = found.get("scheduling")
    return replace(
        constraints,
        selector={**scheduling.get("nodeSelector").words, **constraints.selector},
        tolerations=(
            *constraints.tolerations,
            *(_toleration(value) for value in scheduling.get("tolerations").items),
        ),
    )


def lint_workload(workload: Workload) -> Iterator[Diagnostic]:
    """What the API server would refuse of the parts that are looked at."""
    for value, message, hint in shape_faults(workload.pod, POD):
        yield workload.finding(value, code="manifest", message=message, hint=hint)
    containers = workload.spec.get("containers")
    if containers.absent or containers.content == []:
        message = "its pod has no containers"
        yield workload.finding(workload.spec, code="manifest", message=message, hint="write spec.containers")
    for container in workload.containers:
        if (
            not container.image
            and container.value.get("image").absent
            and isinstance(container.value.content, dict)
        ):
            message = f"container {container.name or 'without a name'} has no image"
            yield workload.finding(container.value, code="manifest", message=message, hint="name one")
    for term in _required(workload.spec).get("nodeSelectorTerms").items:
        for name in ("matchExpressions", "matchFields"):
            for value in term.get(name).items:
                yield from _requirement_faults(workload, value, about_fields=name == "matchFields")
    for value in workload.spec.get("tolerations").items:
        yield from _toleration_faults(workload, value)


def _requirement_faults(workload: Workload, value: Value, *, about_fields: bool) -> Iterator[Diagnostic]:
    found = _requirement(value)
    count, wrong = len(found.values), ""
    if about_fields and (found.key != NAME_FIELD or found.operator not in {"In", "NotIn"} or count != 1):
        wrong = f"matchFields knows {NAME_FIELD} alone, with In or NotIn and one value"
    elif found.operator not in OPERATORS:
        wrong = f"operator {quoted(found.operator)} is none of {', '.join(OPERATORS)}"
    elif found.operator in _NO_VALUES and count:
        wrong = f"{found.operator} takes no values"
    elif found.operator in _ONE_VALUE and count != 1:
        wrong = f"{found.operator} takes one value"
    elif found.operator in {"In", "NotIn"} and not count:
        wrong = f"{found.operator} takes one value or more"
    if wrong:
        yield workload.finding(value, code="manifest", message=wrong, hint="the API server refuses it")


def _toleration_faults(workload: Workload, value: Value) -> Iterator[Diagnostic]:
    found, wrong = _toleration(value), ""
    if found.operator not in _TOLERATION_OPERATORS:
        wrong = f"toleration operator {quoted(found.operator)} is neither Equal nor Exists"
    elif not found.key and found.operator != "Exists":
        wrong = "a toleration without a key must have the operator Exists"
    elif found.operator == "Exists" and found.value:
        wrong = "a toleration with the operator Exists has no value"
    if wrong:
        yield workload.finding(value, code="manifest", message=wrong, hint="the API server refuses it")
