# ruff: noqa: E501 - rules are a line each
"""What `kubectl` says of a mixed cluster on which everything of the suite works."""

import json
from collections.abc import Callable
from typing import Any

from tests.fakes.recorder import Rule, says

NS = ("--namespace", "buildtools-e2e")
BUILDS = {"linux": "6.8.0-1021-azure", "windows": "10.0.26100.4061"}
WHOAMI = ("--selector", "app.kubernetes.io/name=whoami")
CLIENT = ("--selector", "app.kubernetes.io/name=client")
VALIDATOR = ("--selector", "app.kubernetes.io/name=validator")
INSTALLER = ("--selector", "app.kubernetes.io/name=cni-installer")
SYSTEMS = ("linux", "windows")


def ready(status: str = "True", message: str = "") -> dict[str, Any]:
    """A status whose condition Ready is this."""
    return {"conditions": [{"type": "Ready", "status": status, "message": message}]}


def node(system: str, **changes: Any) -> dict[str, Any]:
    """A node of this operating system, as the API has it."""
    info = {
        "operatingSystem": system,
        "architecture": "amd64",
        "kernelVersion": BUILDS[system],
        "containerRuntimeVersion": "containerd://2.0.4",
    }
    taints = [{"key": "os", "value": "windows", "effect": "NoSchedule"}] if system == "windows" else []
    return {
        "kind": "Node",
        "metadata": {"name": f"{system}-1", "labels": {"kubernetes.io/os": system}},
        "spec": {"taints": taints},
        "status": {"nodeInfo": info, **ready()} | changes,
    }


def pod(name: str, system: str, **status: Any) -> dict[str, Any]:
    """A pod of ours on the node of its operating system."""
    return {
        "metadata": {"name": name, "labels": {"app.kubernetes.io/component": system}},
        "spec": {"nodeName": f"{system}-1"},
        "status": {"phase": "Running", **ready(), **status},
    }


def answer(system: str, host: str, **changes: Any) -> str:
    """What whoami says."""
    said = {"os": system, "architecture": "amd64", "os_version": BUILDS[system], "hostname": host}
    return json.dumps(said | changes) + "\n"


def ended(code: int) -> dict[str, Any]:
    """The status of a pod whose one container has ended."""
    state = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
    return {
        "phase": "Failed" if code else "Succeeded",
        "containerStatuses": [{"name": "main", "state": state}],
    }


def items(*found: Any) -> dict[str, Any]:
    """A list, as the API has it."""
    return {"kind": "List", "items": list(found)}


def host(system: str) -> str:
    """The host's name of the server: Windows cuts and capitalises it."""
    return {"linux": "whoami-linux-7d9f", "windows": "WHOAMI-WINDOWS-"}[system]


SERVERS = {"linux": "whoami-linux-7d9f", "windows": "whoami-windows-5c8b"}


def raw(system: str, path: str) -> str:
    """The path that a server is asked by."""
    return f"/api/v1/namespaces/buildtools-e2e/pods/{SERVERS[system]}:8080/proxy/{path}"


def works(keep: Callable[[Rule], bool] = lambda _rule: True) -> list[Rule]:
    """Rules by which every check passes, without those that are not to be kept."""
    get = ("kubectl", "get")
    rules = [
        says(*get, "nodes", out=items(*(node(system) for system in SYSTEMS)), also=("json",)),
        says(*get, "pods", *NS, *WHOAMI, out=items(*(pod(SERVERS[one], one) for one in SYSTEMS))),
        *(says(*get, "--raw", raw(one, "who-am-i"), out=answer(one, host(one))) for one in SYSTEMS),
        says(
            *get, "jobs", *NS, *CLIENT,
            out=items(
                *(
                    {
                        "metadata": {"name": f"whoami-client-{one}"},
                        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
                    }
                    for one in SYSTEMS
                )
            ),
        ),
        says(*get, "pods", *NS, *CLIENT, out=items(*(pod(f"client-{one}", one, **ended(0)) for one in SYSTEMS))),
        *(
            says("kubectl", "logs", f"client-{one}", *NS, "--container", f"to-{other}", out=answer(other, host(other)))
            for one in SYSTEMS
            for other in SYSTEMS
        ),
        says(*get, "pods", *NS, *VALIDATOR, out=items(*(pod(f"validator-{one}", one, **ended(95)) for one in SYSTEMS))),
        says(
            *get, "daemonsets", "--namespace", "buildtools-e2e-cni", *INSTALLER,
            out=items(
                *(
                    {
                        "metadata": {
                            "name": f"cni-installer-{one}",
                            "labels": {"app.kubernetes.io/component": one},
                        },
                        "status": {"desiredNumberScheduled": 1, "numberReady": 1},
                    }
                    for one in SYSTEMS
                )
            ),
        ),
        *(
            says(*get, "--raw", raw(one, "slow?for=8s"), out="done\n", until=("kubectl", "delete", "pod", SERVERS[one]))
            for one in SYSTEMS
        ),
        says("kubectl", "delete", "pod", out="deleted\n"),
    ]  # fmt: skip
    return [rule for rule in rules if keep(rule)]
