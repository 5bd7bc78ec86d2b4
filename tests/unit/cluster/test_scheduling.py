"""Where pods may land: each rule by example, and all of them against a slow second implementation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cluster.members import Member, Taint
from buildtools.cluster.scheduling import (
    Constraints,
    Refusal,
    Requirement,
    Term,
    Toleration,
    admission,
    asks_for,
    refusal,
)
from tests.fakes.kubernetes import TAINT, linux, windows


def term(*expressions: tuple[str, str, tuple[str, ...]], fields: tuple[Requirement, ...] = ()) -> Term:
    """A term of these expressions."""
    parts = (Requirement(key=key, operator=operator, values=values) for key, operator, values in expressions)
    return Term(expressions=tuple(parts), fields=fields)


def lands(constraints: Constraints, member: Member) -> bool:
    """Whether the pod may land there."""
    return refusal(constraints, member) is None


@pytest.mark.parametrize(
    ("operator", "values", "here", "absent"),
    [
        ("In", ("7", "x"), True, False),
        ("In", ("x",), False, False),
        ("NotIn", ("7",), False, True),
        ("NotIn", ("x",), True, True),
        ("Exists", (), True, False),
        ("DoesNotExist", (), False, True),
        ("Gt", ("6",), True, False),
        ("Gt", ("7",), False, False),
        ("Gt", ("six",), False, False),
        ("Gt", ("-8",), True, False),
        ("Gt", ("6", "5"), False, False),
        ("Gt", ("1" * 30,), False, False),
        ("Lt", ("8",), True, False),
        ("Lt", ("9" * 50,), False, False),
        ("Near", ("7",), False, False),
    ],
)
def test_operators(operator: str, values: tuple[str, ...], here: bool, absent: bool) -> None:
    """On a node with the label 7, and on one without."""
    constraints = Constraints(terms=(term(("slot", operator, values)),))
    assert lands(constraints, linux(labels={"slot": "7"})) is here
    assert lands(constraints, linux()) is absent


def test_terms_are_ored_and_their_parts_anded() -> None:
    """A term without parts holds nowhere, and so does affinity without terms."""
    one, two = ("a", "Exists", ()), ("b", "Exists", ())
    a, both = linux(labels={"a": ""}), linux(labels={"a": "", "b": ""})
    assert not lands(Constraints(terms=(term(one, two),)), a)
    assert lands(Constraints(terms=(term(one, two),)), both)
    assert lands(Constraints(terms=(term(two), term(one))), a)
    assert not lands(Constraints(terms=(term(),)), a)
    assert not lands(Constraints(terms=()), a)
    fields = (Requirement(key="metadata.name", operator="In", values=("lin",)),)
    assert lands(Constraints(terms=(term(fields=fields),)), a)
    assert refusal(Constraints(terms=(term(fields=fields),)), linux("other")) == Refusal(
        kind="affinity", reason="its node affinity does not hold"
    )


def test_the_selector() -> None:
    """Every label, to the letter; the labels of the kubelet count."""
    assert lands(Constraints(selector={"kubernetes.io/os": "windows"}), windows())
    assert refusal(Constraints(selector={"kubernetes.io/os": "Windows"}), windows()) == Refusal(
        kind="selector", reason="nodeSelector asks for kubernetes.io/os=Windows"
    )
    build = Constraints(selector={"node.kubernetes.io/windows-build": "10.0.20348"})
    assert lands(build, windows())
    assert not lands(build, windows(build=17763))


TAINTED = windows(taints=(TAINT, Taint(key="gpu", effect="PreferNoSchedule")))


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        (Toleration(key="OS", value="Windows"), True),
        (Toleration(key="OS", operator="Equal", value="Windows", effect="NoSchedule"), True),
        (Toleration(key="OS", operator="Equal", value="windows"), False),
        (Toleration(key="OS", operator="Exists"), True),
        (Toleration(operator="Exists"), True),
        (Toleration(key="os", operator="Exists"), False),
        (Toleration(key="OS", operator="Exists", effect="NoExecute"), False),
        (Toleration(value="Windows"), False),
        (Toleration(key="OS", operator="Lt", value="Windows"), False),
    ],
)
def test_tolerations(toleration: Toleration, tolerated: bool) -> None:
    """By key, value and effect; an empty key with Exists tolerates all."""
    assert lands(Constraints(tolerations=(toleration,)), TAINTED) is tolerated


def test_taints_that_repel_are_named() -> None:
    """Those that are only preferred do not."""
    assert refusal(Constraints(), TAINTED) == Refusal(
        kind="taint", reason="it does not tolerate OS=Windows:NoSchedule", taints=(TAINT,)
    )
    two = linux(taints=(Taint(key="a"), Taint(key="b", effect="NoExecute")))
    found = refusal(Constraints(), two)
    assert found is not None
    assert found.reason == "it does not tolerate a:NoSchedule, b:NoExecute"


def test_a_cordoned_node() -> None:
    """Takes who tolerates that."""
    from dataclasses import replace

    cordoned = replace(linux(), unschedulable=True)
    found = refusal(Constraints(), cordoned)
    assert found is not None
    assert (found.kind, found.reason) == ("cordoned", "the node is cordoned")
    assert lands(Constraints(tolerations=(Toleration(operator="Exists"),)), cordoned)


def test_a_pod_that_names_its_node() -> None:
    """Asks no scheduler: NoSchedule does not count, the selector and NoExecute still do."""
    here = Constraints(node_name="win")
    assert lands(here, TAINTED)
    assert refusal(here, linux("x")) == Refusal(kind="name", reason="nodeName is win")
    assert not lands(here, windows(taints=(Taint(key="a", effect="NoExecute"),)))
    assert not lands(Constraints(node_name="win", selector={"a": "b"}), TAINTED)


def test_the_kubelet_minds_the_operating_system() -> None:
    """Which the scheduler does not."""
    pod = Constraints(system="windows")
    assert lands(pod, linux())
    assert admission(pod, linux()) == "spec.os.name is windows, so the kubelet refuses the pod"
    assert admission(pod, windows()) == admission(Constraints(), linux()) == ""


def test_what_a_pod_asks_for() -> None:
    """In its selector or in its affinity."""
    assert asks_for(Constraints(selector={"a": ""}), "a")
    assert asks_for(Constraints(terms=(term(("a", "Exists", ())),)), "a")
    assert not asks_for(Constraints(terms=(term(("b", "Exists", ())),)), "a")


KEYS = st.sampled_from(["a", "b", "kubernetes.io/os"])
WORDS = st.sampled_from(["", "1", "2", "-3", "x", "linux", "windows"])
TAINTS = st.builds(
    Taint, key=KEYS, value=WORDS, effect=st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"])
)
REQUIREMENTS = st.builds(
    Requirement,
    key=KEYS,
    operator=st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "odd"]),
    values=st.lists(WORDS, max_size=2).map(tuple),
)
FIELDS = st.builds(
    Requirement,
    key=st.just("metadata.name"),
    operator=st.sampled_from(["In", "NotIn"]),
    values=st.sampled_from([("n",), ("m",)]),
)
TERMS = st.builds(
    Term,
    expressions=st.lists(REQUIREMENTS, max_size=2).map(tuple),
    fields=st.lists(FIELDS, max_size=1).map(tuple),
)
TOLERATIONS = st.builds(
    Toleration,
    key=st.sampled_from(["", "a", "b", "node.kubernetes.io/unschedulable"]),
    operator=st.sampled_from(["", "Equal", "Exists", "odd"]),
    value=WORDS,
    effect=st.sampled_from(["", "NoSchedule", "NoExecute"]),
)
CONSTRAINTS = st.builds(
    Constraints,
    selector=st.dictionaries(KEYS, WORDS, max_size=2),
    terms=st.none() | st.lists(TERMS, max_size=2).map(tuple),
    tolerations=st.lists(TOLERATIONS, max_size=2).map(tuple),
    node_name=st.sampled_from(["", "", "n", "m"]),
)
MEMBERS = st.builds(
    lambda labels, taints, cordoned: Member(
        node=linux("n").node, labels=linux("n").labels | labels, taints=taints, unschedulable=cordoned
    ),
    st.dictionaries(KEYS, WORDS, max_size=2),
    st.lists(TAINTS, max_size=2).map(tuple),
    st.booleans(),
)


def slowly(pod: Constraints, node: Member) -> bool:
    """The same, as Kubernetes' documentation tells it, one sentence after another."""
    if pod.node_name not in {"", node.name}:
        return False
    for key in pod.selector:
        if key not in node.labels or node.labels[key] != pod.selector[key]:
            return False
    if pod.terms is not None:
        matched = 0
        for one in pod.terms:
            parts = [(part, node.labels) for part in one.expressions]
            parts += [(part, {"metadata.name": node.name}) for part in one.fields]
            matched += bool(parts) and sum(holds(part, labels) for part, labels in parts) == len(parts)
        if matched == 0:
            return False
    taints = [taint for taint in node.taints if taint.effect == "NoExecute"]
    if not pod.node_name:
        taints += [taint for taint in node.taints if taint.effect == "NoSchedule"]
        taints += [Taint(key="node.kubernetes.io/unschedulable")] * node.unschedulable
    return all(True in [ignores(toleration, taint) for toleration in pod.tolerations] for taint in taints)


def holds(part: Requirement, labels: "dict[str, str] | object") -> bool:
    """Whether an expression holds, operator by operator."""
    assert isinstance(labels, dict)
    there = part.key in labels
    value = labels.get(part.key, "")
    if part.operator in {"Gt", "Lt"}:
        try:
            (other,) = part.values
            return there and (int(value) > int(other) if part.operator == "Gt" else int(value) < int(other))
        except ValueError:
            return False
    answers = {
        "In": there and value in part.values,
        "NotIn": not (there and value in part.values),
        "Exists": there,
        "DoesNotExist": not there,
    }
    return answers.get(part.operator, False)


def ignores(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration is for a taint."""
    same_effect = not toleration.effect or toleration.effect == taint.effect
    if not toleration.key:
        return same_effect and toleration.operator == "Exists"
    same = toleration.operator in {"", "Equal"} and toleration.value == taint.value
    return same_effect and toleration.key == taint.key and (toleration.operator == "Exists" or same)


@given(CONSTRAINTS, MEMBERS)
def test_both_implementations_agree(pod: Constraints, node: Member) -> None:
    """Whatever a pod asks for, on whatever node."""
    assert lands(pod, node) is slowly(pod, node)
