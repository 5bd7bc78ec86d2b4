"""What `az` says where everything works, and the calls that make and delete a cluster."""

from typing import Any

from tests.fakes.recorder import Rule, says

OURS = {"buildtools": "cluster-e2e"}


def works(*, version: str = "1.35.4") -> list[Rule]:
    """Rules for a subscription in which every group is ours."""
    return [
        says("az", "group", "create"),
        says("az", "aks", "create"),
        says("az", "aks", "show", out=f"{version}\n"),
        says("az", "aks", "nodepool", "add"),
        says("az", "aks", "get-credentials"),
        says("az", "group", "exists", out="true\n"),
        says("az", "group", "show", out=OURS),
        says("az", "group", "delete"),
    ]


def group(name: str, expires: str, **tags: Any) -> dict[str, Any]:
    """A resource group of ours."""
    return {"name": name, "tags": {**OURS, "expires": expires, **tags}}


def pool(name: str, sku: str, *words: str, group: str = "g") -> str:
    """The call that adds a Windows pool."""
    parts = (
        f"az aks nodepool add --resource-group {group} --cluster-name mixed --name {name} --os-type Windows",
        f"--os-sku {sku}",
        *words,
        "--node-count 1 --node-vm-size Standard_D4s_v5 --node-taints os=windows:NoSchedule --output none",
    )
    return " ".join(parts)


def deleted(group: str = "g") -> list[str]:
    """The calls that delete a group."""
    return [
        f"az group exists --name {group}",
        f"az group show --name {group} --query tags --output json",
        f"az group delete --name {group} --yes --no-wait",
    ]
