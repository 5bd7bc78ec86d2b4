"""Kubernetes objects as plain values: what every pod of ours has on Linux and on Windows.

Nothing that only Linux knows is in a pod for Windows, and the other way round: with `spec.os` the API
server refuses it. Sources: kubernetes/website:concepts/windows/intro.md, concepts/security/
pod-security-standards.md, tasks/configure-pod-container/create-hostprocess-pod.md; kubernetes/api.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from buildtools.cluster.members import OS_LABEL, Taint

Object = dict[str, Any]

NAME_LABEL: Final = "app.kubernetes.io/name"
SYSTEM_LABEL: Final = "app.kubernetes.io/component"
"""Which operating system a pod of ours is for: the label that Services and policies select by."""
PART_LABEL: Final = "app.kubernetes.io/part-of"
PART: Final = "buildtools-e2e"

SYSTEMS: Final = ("linux", "windows")

# On Windows a limit of memory is one of commit, and the base's own processes count.
_RESOURCES: Final[Mapping[str, Object]] = {
    "linux": {"requests": {"cpu": "25m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
    "windows": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
}
_POD_SECURITY: Final[Mapping[str, Object]] = {
    "linux": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "windows": {"runAsNonRoot": True, "windowsOptions": {"runAsUserName": "ContainerUser"}},
}
_CONTAINER_SECURITY: Final[Mapping[str, Object]] = {
    "linux": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
    "windows": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A container: its image, its arguments (the image says what is started), and the port that it serves."""

    name: str
    image: str
    args: tuple[str, ...] = ()
    port: int = 0
    ready: str = ""

    def container(self, system: str) -> Object:
        """The container in a pod for this operating system."""
        found: Object = {"name": self.name, "image": self.image, "imagePullPolicy": "IfNotPresent"}
        if self.args:
            found["args"] = list(self.args)
        if self.port:
            found["ports"] = [{"name": "http", "containerPort": self.port}]
        if self.ready:
            found |= _probes(self.ready)
        found["resources"] = _RESOURCES[system]
        if _CONTAINER_SECURITY[system]:
            found["securityContext"] = _CONTAINER_SECURITY[system]
        return found


def _probes(path: str) -> Object:
    """Nothing but the program's own word; a first start may take long where an image is pulled cold."""
    ask = {"httpGet": {"path": path, "port": "http"}}
    return {
        "startupProbe": {**ask, "periodSeconds": 2, "failureThreshold": 60},
        "readinessProbe": {**ask, "periodSeconds": 5, "timeoutSeconds": 5},
        "livenessProbe": {**ask, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class PodShape:
    """A pod for one operating system: what runs in it, which nodes it asks for and what it tolerates."""

    system: str
    programs: tuple[Program, ...]
    tolerations: tuple[Taint, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict, hash=False)
    restart: str = "Always"
    grace: int = 30
    account: str = ""

    def spec(self) -> Object:
        """The pod's spec."""
        found: Object = {
            "os": {"name": self.system},
            "nodeSelector": {OS_LABEL: self.system, **self.selector},
        }
        if self.tolerations:
            found["tolerations"] = [toleration(one) for one in self.tolerations]
        if self.account:
            found["serviceAccountName"] = self.account
        return found | {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": self.restart,
            "terminationGracePeriodSeconds": self.grace,
            "securityContext": _POD_SECURITY[self.system],
            "containers": [program.container(self.system) for program in self.programs],
        }


def toleration(taint: Taint) -> Object:
    """What lets a pod onto nodes with this taint."""
    if not taint.value:
        return {"key": taint.key, "operator": "Exists", "effect": taint.effect}
    return {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}


def labels(name: str, system: str = "") -> dict[str, str]:
    """The labels of an object of ours."""
    found = {NAME_LABEL: name, SYSTEM_LABEL: system, PART_LABEL: PART}
    return {key: value for key, value in found.items() if value}


def metadata(name: str, namespace: str, of: Mapping[str, str]) -> Object:
    """The metadata of an object with these labels."""
    return {"name": name, "namespace": namespace, "labels": dict(of)}


def namespace(name: str, *, level: str) -> Object:
    """A namespace whose pods keep this level of the Pod Security Standards, or are refused."""
    own = {PART_LABEL: PART, "pod-security.kubernetes.io/enforce": level}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": own}}


def service(name: str, namespace: str, *, system: str = "", of: str, port: int) -> Object:
    """A Service on port 80 for pods of the program `of`, of one operating system or of all."""
    selector = {key: value for key, value in labels(of, system).items() if key != PART_LABEL}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, namespace, labels(of, system)),
        "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": port}]},
    }


def template(of: Mapping[str, str], spec: Object, notes: Mapping[str, str] | None = None) -> Object:
    """The template of a workload's pods."""
    about: Object = {"labels": dict(of)}
    return {"metadata": about | ({"annotations": dict(notes)} if notes else {}), "spec": spec}


def deployment(
    meta: Object, spec: Object, *, replicas: int = 1, notes: Mapping[str, str] | None = None
) -> Object:
    """A Deployment whose pods have its labels."""
    of = meta["labels"]
    selector = {key: value for key, value in of.items() if key != PART_LABEL}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "template": template(of, spec, notes),
        },
    }


def job(meta: Object, spec: Object, *, retries: int, seconds: int) -> Object:
    """A Job whose pod is tried again so often, within so many seconds."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta,
        "spec": {
            "backoffLimit": retries,
            "activeDeadlineSeconds": seconds,
            "template": template(meta["labels"], spec),
        },
    }


def daemon_set(meta: Object, spec: Object) -> Object:
    """A DaemonSet that moves on node by node."""
    of = meta["labels"]
    selector = {key: value for key, value in of.items() if key != PART_LABEL}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta,
        "spec": {
            "selector": {"matchLabels": selector},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": template(of, spec),
        },
    }


def pod(name: str, namespace: str, shape: PodShape, *, of: Mapping[str, str] | None = None) -> Object:
    """One pod by itself, as tests of a single image need it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(name, namespace, of or labels(name, shape.system)),
        "spec": shape.spec(),
    }
