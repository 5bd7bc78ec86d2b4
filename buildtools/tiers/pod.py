"""The pod that tries a contract, and what a pod's status says of it.

Source: kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1; for HostProcess
kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from buildtools.tiers.base import Contract
from buildtools.windows.releases import parse_os_version

_CONTAINER: Final = "smoke"
_TAINTS: Final = (("os", "windows"), ("OS", "Windows"))
"""How AKS and K2s keep other pods from Windows nodes."""
_HOPELESS: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""What a container waits for that will not come."""


def pod(contract: Contract, *, name: str, port: int, grace: int) -> dict[str, Any]:
    """The pod of a contract, on a node of its image's platform; `grace` is in seconds."""
    platform, lifecycle = contract.config.platform, contract.lifecycle
    selector = {"kubernetes.io/os": platform.os, "kubernetes.io/arch": platform.architecture}
    container: dict[str, Any] = {"name": _CONTAINER, "image": contract.reference}
    if any("{port}" in word for word in contract.config.entrypoint):
        container["command"] = _filled(contract.config.entrypoint, port)
    if lifecycle.args or any("{port}" in word for word in contract.config.cmd):
        container["args"] = _filled(lifecycle.args or contract.config.cmd, port)
    container["env"] = [
        {"name": name, "value": _filled([text], port)[0]} for name, text in lifecycle.env.items()
    ]
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace,
        "nodeSelector": selector,
        "containers": [container],
    }
    if platform.os == "windows":
        spec["tolerations"] = [
            {"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"}
            for key, value in _TAINTS
        ]
        if platform.os_version:
            version = parse_os_version(platform.os_version)
            build = f"{version.major}.{version.minor}.{version.build}"
            selector["node.kubernetes.io/windows-build"] = build
        else:
            options = {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}
            spec |= {"hostNetwork": True, "securityContext": {"windowsOptions": options}}
    labels = {"app.kubernetes.io/managed-by": "buildtools", "app.kubernetes.io/component": "smoke"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


def _filled(texts: Sequence[str], port: int) -> list[str]:
    """The texts with the port; `$(NAME)` stays as it is, which Kubernetes would replace."""
    return [text.replace("{port}", str(port)).replace("$(", "$$(") for text in texts]


def terminated(found: Mapping[str, Any]) -> int | None:
    """The exit code of the pod's container, None while it has none."""
    ended = _state(found).get("terminated")
    return int(ended["exitCode"]) if ended else None


def settled(found: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether the container has been started, and what it waits for in vain."""
    state = _state(found)
    ended = state.get("terminated") or {}
    if ended.get("reason") in {"ContainerCannotRun", "StartError"}:
        return False, str(ended.get("message") or ended["reason"])
    if "running" in state or "terminated" in state:
        return True, ""
    waiting = state.get("waiting") or {}
    if waiting.get("reason") in _HOPELESS:
        return False, f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    if found.get("status", {}).get("phase") == "Failed":
        status = found["status"]
        return False, f"the pod has failed: {status.get('message') or status.get('reason') or 'no reason'}"
    return False, ""


def _state(found: Mapping[str, Any]) -> Mapping[str, Any]:
    statuses: Sequence[Mapping[str, Any]] = found.get("status", {}).get("containerStatuses") or ({},)
    return statuses[0].get("state") or {}


def pending(found: Mapping[str, Any]) -> str:
    """What a pod that does not start waits for, as its status says."""
    conditions = found.get("status", {}).get("conditions") or ()
    told = [one.get("message") for one in conditions if one.get("status") == "False"]
    waiting = _state(found).get("waiting") or {}
    return next(filter(None, (*told, waiting.get("message"), waiting.get("reason"))), "no reason is given")
