# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Workloads out of manifests: where each kind keeps its pod, what it asks for, and what would be refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cluster.lint import lint_outcome
from buildtools.cluster.scheduling import Constraints, Requirement, Term, Toleration
from buildtools.cluster.tree import read_documents
from buildtools.cluster.workloads import POD_PLACES, Workload, lint_workload, read_workloads
from buildtools.errors import ConfigurationError
from tests.fakes.kubernetes import linux, offer, outcome_of, pod, windows, workload

POD = "{containers: [{name: c, image: x}]}"


def read(text: str) -> tuple[Workload, ...]:
    """The workloads of one file."""
    return read_workloads([("m.yaml", read_documents(text.encode(), "m.yaml"))])


@pytest.mark.parametrize(("key", "place"), POD_PLACES.items())
def test_each_kind_has_its_pod(key: tuple[str, str], place: tuple[str, ...]) -> None:
    """Wherever it keeps it."""
    group, kind = key
    inner = f"{{spec: {POD}}}"
    for name in reversed(place):
        inner = f"{{{name}: {inner}}}"
    text = inner[1:-1]
    version = f"{group}/v1" if group else "v1"
    (one,) = read(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: n, namespace: s}}\n{text}\n")
    assert (str(one), one.path) == (f"{kind} s/n", "m.yaml")
    assert [(item.name, item.image, item.init) for item in one.containers] == [("c", "x", False)]
    assert list(lint_workload(one)) == []


def test_lists_and_other_kinds() -> None:
    """Lists are opened, also within lists; what runs nothing is passed over."""
    one = f"{{apiVersion: v1, kind: Pod, metadata: {{generateName: p-}}, spec: {POD}}}"
    text = f"kind: List\nitems:\n- {one}\n- kind: PodList\n  items: [{one}]\n- {{kind: Service}}\n---\n---\n- 5\n"
    assert [str(item) for item in read(text)] == ["Pod p-", "Pod p-"]
    assert read("{apiVersion: serving.knative.dev/v1, kind: Deployment}\n") == ()
    deep = "kind: List\nitems: [" + "{kind: List, items: [" * 9 + one + "]}" * 9 + "]\n"
    assert read(deep) == ()


def test_what_a_pod_asks_of_its_nodes() -> None:
    """Selector, affinity, tolerations, name and operating system."""
    one = pod(
        "{nodeName: n, os: {name: windows}, nodeSelector: {a: b}, tolerations: [{key: k, value: v, effect: NoSchedule}],"
        " affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms:"
        " [{matchExpressions: [{key: z, operator: In, values: [x]}]}, {matchFields: [{key: metadata.name, operator: In, values: [n]}]}]}}},"
        " initContainers: [{name: i, image: y}], containers: [{name: c, image: x}]}"
    )
    assert one.constraints == Constraints(
        selector={"a": "b"},
        terms=(
            Term(expressions=(Requirement(key="z", operator="In", values=("x",)),)),
            Term(fields=(Requirement(key="metadata.name", operator="In", values=("n",)),)),
        ),
        tolerations=(Toleration(key="k", value="v", effect="NoSchedule"),),
        node_name="n",
        system="windows",
    )
    assert [(item.name, item.init) for item in one.containers] == [("i", True), ("c", False)]
    assert list(lint_workload(one)) == []


def test_daemon_sets_tolerate_what_ails_a_node() -> None:
    """As their controller writes it."""
    one = workload(
        f"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: d}}\nspec: {{template: {{spec: {POD}}}}}\n"
    )
    keys = {item.key.partition("/")[2] for item in one.constraints.tolerations}
    assert keys == {
        "disk-pressure",
        "memory-pressure",
        "pid-pressure",
        "unschedulable",
        "not-ready",
        "unreachable",
    }


def test_daemon_sets_on_the_node_s_network_tolerate_that_there_is_no_other() -> None:
    """As CNI plugins need it: they make the network that the node waits for."""
    text = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {template: {spec: {hostNetwork: true}}}\n"
    keys = [item.key.partition("/")[2] for item in workload(text).constraints.tolerations]
    assert keys[-1] == "network-unavailable"
    assert len(keys) == 7


def test_a_runtime_class_beside_its_pod() -> None:
    """Adds its selector and tolerations; one that is elsewhere adds nothing."""
    text = (
        "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: win}\n"
        "scheduling: {nodeSelector: {kubernetes.io/os: windows}, tolerations: [{key: OS, operator: Exists}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {runtimeClassName: CLASS, containers: [{name: c, image: x}]}\n"
    )
    (one,), (other,) = read(text.replace("CLASS", "win")), read(text.replace("CLASS", "gone"))
    assert one.constraints == Constraints(
        selector={"kubernetes.io/os": "windows"}, tolerations=(Toleration(key="OS", operator="Exists"),)
    )
    assert other.constraints == Constraints()
    assert (one.unknown_class, other.unknown_class) == ("", "gone")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("{}", "4:7: Pod p: its pod has no containers: write spec.containers"),
        ("{containers: []}", "4:7: Pod p: its pod has no containers: write spec.containers"),
        ("{containers: {name: c}}", "4:20: Pod p: spec.containers must be a list, it is a mapping: put a dash before each of its parts"),
        ("{containers: [5]}", "4:21: Pod p: spec.containers[0] must be a mapping, it is a number: write `key: value` lines"),
        ("{containers: [{name: c}]}", "4:21: Pod p: container c has no image: name one"),
        ("{containers: [{}]}", "4:21: Pod p: container without a name has no image: name one"),
        ("{containers: [{name: c, image: 1.5}]}", "4:38: Pod p: spec.containers[0].image must be text, it is a number: put it in quotes"),
        ("{nodeSelector: {gpu: yes}, CS}", "4:28: Pod p: spec.nodeSelector[gpu] must be text, it is true or false: put it in quotes"),
        ("{nodeSelector: {a: null, b: 1}, CS}", "4:35: Pod p: spec.nodeSelector[b] must be text, it is a number: put it in quotes"),
        ("{nodeSelector: [], CS}", "4:22: Pod p: spec.nodeSelector must be a mapping, it is a list: write `key: value` lines"),
        ("{hostNetwork: 'true', CS}", "4:21: Pod p: spec.hostNetwork must be true or false, it is text: write true or false without quotes"),
        ("{tolerations: [{operator: Near}], CS}", "4:22: Pod p: toleration operator 'Near' is neither Equal nor Exists: the API server refuses it"),
        ("{tolerations: [{value: x}], CS}", "4:22: Pod p: a toleration without a key must have the operator Exists: the API server refuses it"),
        ("{tolerations: [{operator: Exists, value: x}], CS}", "4:22: Pod p: a toleration with the operator Exists has no value: the API server refuses it"),
        ("{AFF {matchExpressions: [{key: a, operator: Is}]}, CS}", "4:123: Pod p: operator 'Is' is none of In, NotIn, Exists, DoesNotExist, Gt, Lt: the API server refuses it"),
        ("{AFF {matchExpressions: [{key: a, operator: In}]}, CS}", "4:123: Pod p: In takes one value or more: the API server refuses it"),
        ("{AFF {matchExpressions: [{key: a, operator: Gt}]}, CS}", "4:123: Pod p: Gt takes one value: the API server refuses it"),
        ("{AFF {matchExpressions: [{key: a, operator: Exists, values: [b]}]}, CS}", "4:123: Pod p: Exists takes no values: the API server refuses it"),
        ("{AFF {matchFields: [{key: a, operator: In, values: [b]}]}, CS}", "4:118: Pod p: matchFields knows metadata.name alone, with In or NotIn and one value: the API server refuses it"),
    ],
)  # fmt: skip
def test_what_the_api_server_would_refuse(spec: str, sentence: str) -> None:
    """At the place of the fault."""
    affinity = (
        "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: ["
    )
    spec = spec.replace("CS", "containers: [{name: c, image: x}]").replace("AFF ", affinity)
    if affinity in spec:
        spec = spec.replace("}, containers", "}]}}}, containers", 1)
    assert [str(item) for item in lint_workload(pod(spec))] == [f"m.yaml:{sentence}"]


MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {linkerd.io/inject: enabled}}
spec:
  template:
    spec:
      os: {name: windows}
      nodeSelector: {kubernetes.io/os: windows}
      tolerations: [{key: OS, operator: Exists}]
      affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}}}
      securityContext: {runAsUser: 1, windowsOptions: {hostProcess: true}}
      volumes: [{name: v, hostPath: {path: /opt}}]
      containers:
      - {name: c, image: x, imagePullPolicy: Always, lifecycle: {stopSignal: SIGINT}, command: [/bin/sh], securityContext: {capabilities: {add: [NET_ADMIN]}}}
"""


@given(st.data())
def test_any_mutation_is_workloads_and_findings(data: st.DataObject) -> None:
    """Words changed, lost or of another kind: never a traceback, always a place."""
    text = MANIFEST
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(text) - 1))
        word = data.draw(st.sampled_from(["", " 5", "[]", "{}", "null", "- ", ": ", "x", "'", "true"]))
        text = text[:place] + word + text[place + data.draw(st.integers(0, 6)) :]
    try:
        workloads = read(text)
    except ConfigurationError:
        return
    offers = {"x": offer("x", "windows/amd64:10.0.20348.1", "linux/amd64")}
    for one in workloads:
        findings = [
            *lint_workload(one),
            *lint_outcome(outcome_of(one, windows(), linux(), offers=offers), offers),
        ]
        assert all(item.line and item.column and item.message for item in findings)
