"""The manifests that try images: right for every provider and mesh, by the rules of preflight, too."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buildtools.cluster.lint import lint_outcome
from buildtools.cluster.members import Taint
from buildtools.cluster.meshed import MESHES, annotations
from buildtools.cluster.objects import PodShape, Program, pod, toleration
from buildtools.cluster.providers import LINUX_CNI, NAMES, PROVIDERS, Cni, provider
from buildtools.cluster.suite import PARTS, Suite, documents
from buildtools.cluster.tree import read_documents
from buildtools.cluster.workloads import lint_workload, read_workloads
from buildtools.suite import joined, manifests
from tests.fakes.kubernetes import outcome_of
from tests.fakes.suites import IMAGES, meshed, nodes, offers, suite

CASES = [(name, mesh) for name in NAMES for mesh in MESHES]
ROOT = Path(__file__).parents[3]


def all_of(made: Suite) -> list[dict[str, Any]]:
    """Every document."""
    return [one for _, parts in documents(made) for one in parts]


def pods(made: Suite) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod's spec, with the name of its workload."""
    for one in all_of(made):
        if "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


@pytest.mark.parametrize(("name", "mesh"), CASES)
def test_preflight_finds_nothing(name: str, mesh: str) -> None:
    """On the provider's nodes, with the images of this repository: no finding of any kind, and all lands."""
    text = joined(manifests(meshed(name, mesh)))
    workloads = read_workloads([("m.yaml", read_documents(text.encode(), "m.yaml"))])
    assert len(workloads) == 2 + 2 + 2 + 2 + 3
    for one in workloads:
        outcome = outcome_of(one, *nodes(name), offers=offers())
        assert [*lint_workload(one), *lint_outcome(outcome, offers())] == []
        assert outcome.landings
        assert all(landing.runs for landing in outcome.landings)


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    """Everything that is written for a provider."""
    golden(f"cluster/{name}.yaml", joined(manifests(meshed(name, "oss"))))


@pytest.mark.parametrize(("name", "mesh"), CASES)
def test_what_is_written_is_what_was_made(name: str, mesh: str) -> None:
    """Readers of YAML 1.1, as Kubernetes has one, and our own get the values back."""
    import yaml

    made = meshed(name, mesh)
    text = joined(manifests(made))
    assert list(yaml.safe_load_all(text)) == all_of(made)
    assert len(read_documents(text.encode(), "m.yaml")) == len(all_of(made))


@pytest.mark.parametrize("name", NAMES)
def test_pods_name_their_system_and_tolerate_its_taint(name: str) -> None:
    """By selector and spec.os; on Linux nothing is tolerated, except by the installer."""
    taint = provider(name).taint
    for workload, spec in pods(suite(name)):
        system = spec["os"]["name"]
        assert spec["nodeSelector"] == {"kubernetes.io/os": system}
        if workload.startswith("cni-installer"):
            assert spec["tolerations"] == [{"operator": "Exists"}]
        elif system == "windows" and taint:
            assert spec["tolerations"] == [toleration(taint)]
        else:
            assert "tolerations" not in spec


LINUX_ONLY = {
    "seccompProfile",
    "allowPrivilegeEscalation",
    "readOnlyRootFilesystem",
    "capabilities",
    "runAsUser",
    "hostPath",
}


@pytest.mark.parametrize("name", NAMES)
def test_each_system_has_its_own_fields(name: str) -> None:
    """Windows pods have no field of Linux, Linux pods no windowsOptions; all have resources and an end."""
    for _, spec in pods(suite(name)):
        words = set(re.findall(r"'(\w+)':", str(spec)))
        if spec["os"]["name"] == "windows":
            assert not words & LINUX_ONLY
            assert spec["securityContext"]["windowsOptions"]["runAsUserName"] in {
                "ContainerUser",
                r"NT AUTHORITY\SYSTEM",
            }
        else:
            assert "windowsOptions" not in words
        assert "requests" in words
        assert spec["terminationGracePeriodSeconds"] in {5, 30}
        assert spec["automountServiceAccountToken"] is False


def test_only_the_installer_is_a_host_process() -> None:
    """With the node's network, as SYSTEM, and without volumes."""
    hosts = {workload: spec for workload, spec in pods(suite("aks")) if "'hostProcess': True" in str(spec)}
    assert list(hosts) == ["cni-installer-windows"]
    spec = hosts["cni-installer-windows"]
    assert spec["hostNetwork"] is True
    assert "volumes" not in spec
    assert spec["containers"][0]["args"] == [
        "-bin-dir",
        r"C:\k\azurecni\bin",
        "-conf",
        r"C:\k\azurecni\netconf\*.conflist",
    ]


def test_one_service_stands_before_all_and_one_before_each() -> None:
    """They select by the labels that pods have."""
    services = {one["metadata"]["name"]: one["spec"] for one in all_of(suite()) if one["kind"] == "Service"}
    name, system = "app.kubernetes.io/name", "app.kubernetes.io/component"
    assert {key: value["selector"] for key, value in services.items()} == {
        "whoami": {name: "whoami"},
        "whoami-linux": {name: "whoami", system: "linux"},
        "whoami-windows": {name: "whoami", system: "windows"},
        "server": {name: "server"},
    }
    labels = [
        one["spec"]["template"]["metadata"]["labels"]
        for one in all_of(suite())
        if one["kind"] == "Deployment"
    ]
    for value in services.values():
        assert any(value["selector"].items() <= pod.items() for pod in labels)


def test_clients_ask_every_service() -> None:
    """From each operating system, so that each direction is tried."""
    asked = {
        one["metadata"]["name"]: [
            container["args"] for container in one["spec"]["template"]["spec"]["containers"]
        ]
        for one in all_of(suite(parts=("client",)))
        if one["kind"] == "Job"
    }
    urls = [["-probe", f"http://whoami-{system}/who-am-i"] for system in ("linux", "windows")]
    assert asked == {"whoami-client-linux": urls, "whoami-client-windows": urls}


def test_parts_bring_the_namespaces_that_they_need() -> None:
    """A namespace for what may change nodes, one for the demo; none that stays empty."""
    for parts, names in (
        (PARTS, ["e2e", "e2e-cni", "e2e-demo"]),
        (("whoami",), ["e2e"]),
        (("installer",), ["e2e-cni"]),
        (("demo",), ["e2e-demo"]),
    ):
        found = [one["metadata"]["name"] for one in all_of(suite(parts=parts)) if one["kind"] == "Namespace"]
        assert found == names


def test_names_and_taints_are_the_ones_given() -> None:
    """Everything that has the name of the servers has this one."""
    made = suite("aks", name="ask", namespace="n", taints=(Taint(key="gpu"),), parts=("whoami", "client"))
    assert [one["metadata"]["name"] for one in all_of(made)] == [
        "n",
        "ask-linux",
        "ask-windows",
        "ask",
        "ask-linux",
        "ask-windows",
        "ask-client-linux",
        "ask-client-windows",
    ]
    tolerated = {spec["os"]["name"]: spec.get("tolerations") for _, spec in pods(made)}
    assert tolerated == {
        "linux": None,
        "windows": [
            {"key": "os", "operator": "Equal", "value": "windows", "effect": "NoSchedule"},
            {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
        ],
    }


@pytest.mark.parametrize(
    ("mesh", "system", "found"),
    [
        ("none", "linux", {}),
        ("none", "windows", {}),
        (
            "oss",
            "linux",
            {
                "linkerd.io/inject": "enabled",
                "config.linkerd.io/proxy-image": "localhost:5000/p",
                "config.linkerd.io/proxy-version": "v2",
            },
        ),
        (
            "oss",
            "windows",
            {
                "linkerd.io/inject": "enabled",
                "config.linkerd.io/proxy-image": "localhost:5000/p",
                "config.linkerd.io/proxy-version": "v2",
            },
        ),
        ("bel", "linux", {"linkerd.io/inject": "enabled"}),
        (
            "bel",
            "windows",
            {
                "linkerd.io/inject": "windows",
                "config.linkerd.io/proxy-image": "localhost:5000/p",
                "config.linkerd.io/proxy-version": "v2",
            },
        ),
    ],
)
def test_annotations_of_meshes(mesh: str, system: str, found: dict[str, str]) -> None:
    """The proxy's image by name and version, where it is not the mesh's own."""
    assert annotations(system, mesh=mesh, proxy="localhost:5000/p:v2") == found


@pytest.mark.parametrize("mesh", MESHES)
def test_policy_names_what_is_there(mesh: str) -> None:
    """A Server for each operating system, which selects its pods' port, and who may ask it."""
    made = all_of(meshed("aks", mesh))
    policies = [one for one in made if one["apiVersion"].startswith("policy.linkerd.io/")]
    assert [(one["kind"], one["metadata"]["name"]) for one in policies] == (
        []
        if mesh == "none"
        else [
            (kind, f"server-{system}")
            for system in ("linux", "windows")
            for kind in ("Server", "AuthorizationPolicy")
        ]
    )
    accounts = {one["metadata"]["name"] for one in made if one["kind"] == "ServiceAccount"}
    for one in policies:
        spec = one["spec"]
        if one["kind"] == "Server":
            assert (spec["port"], spec["accessPolicy"]) == ("http", "deny")
            assert spec["podSelector"]["matchLabels"].items() <= one["metadata"]["labels"].items()
        else:
            assert spec["targetRef"] == {
                "group": "policy.linkerd.io",
                "kind": "Server",
                "name": one["metadata"]["name"],
            }
            assert {ref["name"] for ref in spec["requiredAuthenticationRefs"]} <= accounts


def test_every_fact_of_a_provider_has_its_source() -> None:
    """And every source belongs to a fact."""
    for row in PROVIDERS:
        facts = {
            name
            for name in ("taint", "cni", "release_label", "pool_name")
            if getattr(row, name) not in (None, {}, 0, "")
        }
        assert facts == set(row.sources)


def test_the_installer_itself_knows_the_same_places() -> None:
    """What the program takes for a provider's default is what the manifests say."""
    source = (ROOT / "images" / "cni-installer" / "src" / "main.go").read_text()
    rows = re.findall(r'^\t"(\w+)": +\{[`"]([^`"]+)[`"], [`"]([^`"]+)[`"]\},', source, re.MULTILINE)
    assert {name: Cni(folder, conf) for name, folder, conf in rows} == {
        "linux": LINUX_CNI,
        "aks": provider("aks").cni["windows"],
        "containerd": provider("generic").cni["windows"],
    }
    assert provider("aks").cni["windows"].conf_folder == r"C:\k\azurecni\netconf"
    assert LINUX_CNI.conf_folder == "/etc/cni/net.d"


def test_a_pod_by_itself() -> None:
    """What a test of a single image rolls out."""
    shape = PodShape(
        system="windows",
        programs=(Program(name="x", image=IMAGES["whoami"]),),
        selector={"kubernetes.azure.com/os-sku": "W"},
        restart="Never",
    )
    made = pod("one", "n", shape)
    assert (made["kind"], made["metadata"]["name"], made["metadata"]["namespace"]) == ("Pod", "one", "n")
    assert made["spec"]["nodeSelector"] == {
        "kubernetes.io/os": "windows",
        "kubernetes.azure.com/os-sku": "W",
    }
