"""Jobs that try published images on a real cluster: Azure's, made for the run, and K2s on one's own machine.

No job here runs for a pull request, nor in a fork: credentials are the repository's, and machines cost money.
A cluster on Azure is deleted by a job of its own: it logs in anew, since a login of an hour ago may have
ended, and it runs where the first job's machine was lost, too.
"""

from dataclasses import replace
from typing import Final

from buildtools.workflow import steps
from buildtools.workflow.actions import action
from buildtools.workflow.model import Concurrency, Input, Job, Permission, Step, Trigger
from buildtools.workflow.runners import LINUX, WINDOWS
from buildtools.workflow.steps import TOOL, Tool

READ: Final = Permission("contents", "read", "check out the repository")
OIDC: Final = Permission("id-token", "write", "log in to Azure without a stored secret")
PULL: Final = Permission("packages", "read", "look at the images that are tried")
ENVIRONMENT: Final = "aks-test"
NOT_A_FORK: Final = "github.event.repository.fork != true"
GROUP: Final = "buildtools-${{ github.run_id }}-${{ github.run_attempt }}"
QUEUE: Final = Concurrency(group="${{ github.workflow }}", queue="max")
"""A run waits for the one before: whoever cancels leaves machines behind."""

K2S_LABEL: Final = "k2s"
MACHINE: Final = "${{ inputs.machine }}"
"""The runner of K2s: who starts the run says which, since only they know what machines there are."""
HOSTED: Final = "${{ startsWith(inputs.machine, 'windows-') }}"
_FOLDER: Final = "dist/cluster"
_LOGS: Final = "dist/cluster-logs"


def events(*, tag: str, cron: str = "", label: str = "") -> tuple[Trigger, ...]:
    """By hand for any tag or digests; with `cron` also at that time, and then for `tag`.

    With `label` the runner is asked for, too, and this one proposed.
    """
    machine = Input(description="The label of the runner", default=label, required=True)
    asked = Trigger(
        event="workflow_dispatch",
        inputs={
            **({"machine": machine} if label else {}),
            "tag": Input(description="The tag to try", default=tag, required=True),
            "images": Input(
                description="Digests to try instead: what `publish --github-output` gives", default=""
            ),
        },
    )
    return (asked, Trigger(event="schedule", crons=(cron,))) if cron else (asked,)


def aks(
    *, tag: str = "main", tool: Tool = TOOL, environment: str = ENVIRONMENT, releases: tuple[str, ...] = ()
) -> Job:
    """Make a cluster with a Windows pool a release, and try the images on it."""
    chosen = "".join(f" --release {name}" for name in releases)
    return Job(
        id="aks",
        name="Try on AKS",
        if_=NOT_A_FORK,
        runs_on=LINUX,
        # A cluster takes 15 minutes, a pool 5 to 10, the tests 10: half as much again.
        timeout=75,
        environment=environment,
        permissions=(READ, PULL, OIDC),
        # The job that deletes may be run again alone: it has to find the group of this attempt.
        outputs={"group": "${{ steps.name.outputs.group }}"},
        env={"GROUP": GROUP, **_images(tag)},
        steps=(
            *tool.setup(history=False),
            Step(name="Name the group", id="name", run='echo "group=$GROUP" >>"$GITHUB_OUTPUT"\n'),
            azure_login(),
            steps.tool(
                "Make the cluster",
                f'cluster up --provider aks --group "$GROUP" --location "$LOCATION"{chosen}',
                env={"LOCATION": "${{ vars.AZURE_LOCATION || 'westeurope' }}"},
            ),
            *tried("aks"),
        ),
    )


def delete(*, tool: Tool = TOOL, environment: str = ENVIRONMENT) -> Job:
    """Delete the cluster of `aks`, however that ended."""
    return Job(
        id="delete",
        name="Delete the cluster",
        needs=("aks",),
        if_=f"always() && {NOT_A_FORK}",
        runs_on=LINUX,
        timeout=15,
        environment=environment,
        permissions=(READ, OIDC),
        env={
            "GROUP": "${{ needs.aks.outputs.group || "
            "format('buildtools-{0}-{1}', github.run_id, github.run_attempt) }}"
        },
        steps=(
            *tool.setup(history=False),
            azure_login(),
            steps.tool("Delete everything", 'cluster down --provider aks --group "$GROUP"'),
        ),
    )


def sweep(*, tool: Tool = TOOL, environment: str = ENVIRONMENT) -> Job:
    """Delete clusters of earlier runs whose time is up."""
    return Job(
        id="sweep",
        name="Sweep",
        if_=NOT_A_FORK,
        runs_on=LINUX,
        timeout=15,
        environment=environment,
        permissions=(READ, OIDC),
        steps=(
            *tool.setup(history=False),
            azure_login(),
            steps.tool("Delete what nobody has deleted", "cluster sweep --provider aks"),
        ),
    )


def k2s(*, runs_on: str = MACHINE, tag: str = "main", tool: Tool = TOOL, cpus: int = 2) -> Job:
    """Install K2s on a Windows machine, try the images, and take it away again.

    `runs_on` is the machine's label, or what gives it; the workflow has to name it in its `labels`. On one
    of GitHub's it may fail without failing the run: nobody has shown that K2s starts there.
    """
    return Job(
        id="k2s",
        name="Try on K2s",
        if_=NOT_A_FORK,
        runs_on=runs_on,
        timeout=120,
        permissions=(READ, PULL),
        continue_on_error=HOSTED if runs_on == MACHINE else runs_on in WINDOWS,
        shell_="bash",
        env={
            **_images(tag),
            "K2S": "${{ vars.K2S_PROGRAM || 'k2s' }}",
            "KUBECTL": "${{ vars.K2S_KUBECTL || 'kubectl' }}",
        },
        steps=(
            steps.line_ends(if_=""),
            *tool.setup(history=False),
            steps.tool("Install K2s", f'cluster up --provider k2s --k2s "$K2S" --master-cpus {cpus}'),
            *tried(
                "k2s",
                kubectl=True,
                # Where K2s keeps plugins depends on where it was unpacked to.
                parts=("whoami", "client", "validator"),
            ),
            replace(steps.tool("Take K2s away", 'cluster down --provider k2s --k2s "$K2S"'), if_="always()"),
        ),
    )


def tried(provider: str, *, kubectl: bool = False, parts: tuple[str, ...] = ()) -> tuple[Step, ...]:
    """The same on every cluster: nodes, manifests, preflight, roll-out, checks, logs."""
    program = '"$KUBECTL"' if kubectl else "kubectl"
    option = f" --kubectl {program}" if kubectl else ""
    chosen = "".join(f" --part {part}" for part in parts)
    checks = "".join(f" --check {name}" for name in _CHECKS) if parts else ""
    keep = steps.upload(f"cluster-{provider}", _FOLDER, _LOGS)
    return (
        steps.tool("Wait for nodes", f"cluster nodes{option} --out dist/nodes.json"),
        steps.tool(
            "Write manifests",
            f"cluster manifests --provider {provider}{chosen}"
            f' --tag "$TAG" --images "$IMAGES" --out {_FOLDER}',
        ),
        steps.tool(
            "Look before anything runs",
            f"preflight --nodes dist/nodes.json --manifests {_FOLDER}",
            env={"GITHUB_TOKEN": "${{ secrets.GITHUB_TOKEN }}"},
        ),
        Step(name="Roll out", run=f"{program} apply --filename {_FOLDER}\n"),
        steps.tool("Try", f"cluster e2e{option}{checks}"),
        replace(steps.tool("Collect logs", f"cluster logs{option} --out {_LOGS}"), if_="always()"),
        replace(
            keep, if_="always()", with_={**keep.with_, "if-no-files-found": "warn", "compression-level": 6}
        ),
    )


_CHECKS: Final = ("nodes", "pods", "identity", "clients", "validator", "drain")
"""What can be looked at where the installer is left out."""


def azure_login() -> Step:
    """Log in by the run's own identity; the ids are no secrets."""
    return Step(
        name="Log in to Azure",
        uses=action("azure/login"),
        with_={
            "client-id": "${{ vars.AZURE_CLIENT_ID }}",
            "tenant-id": "${{ vars.AZURE_TENANT_ID }}",
            "subscription-id": "${{ vars.AZURE_SUBSCRIPTION_ID }}",
        },
    )


def _images(tag: str) -> dict[str, str | int | bool]:
    """What is tried: a scheduled run has no inputs, and takes what is published."""
    return {"TAG": f"${{{{ inputs.tag || '{tag}' }}}}", "IMAGES": "${{ inputs.images }}"}
