"""Rules about pods for Windows: fields that only Linux knows, HostProcess pods, signals, paths.

Source: kubernetes/website:concepts/workloads/pods (fields that must not be set where spec.os.name is
windows), concepts/windows/intro.md, tasks/configure-pod-container/create-hostprocess-pod.md;
kubernetes/kubernetes:pkg/apis/core/validation (validateOS, lifecycle.stopSignal).
"""

import re
from collections.abc import Iterator
from typing import Final

from buildtools.cluster.outcomes import host_process
from buildtools.cluster.rules import Case, Fault, Rule
from buildtools.cluster.tree import Value
from buildtools.cluster.workloads import Container
from buildtools.windows.signals import check_stop_signal

_POD_FIELDS: Final = ("hostPID", "hostIPC", "hostUsers", "shareProcessNamespace")
_POD_SECURITY: Final = (
    "appArmorProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
)
_CONTAINER_SECURITY: Final = (
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
)
_NETWORK: Final = frozenset({"ALL", "NET_ADMIN", "NET_RAW", "CAP_NET_ADMIN", "CAP_NET_RAW"})
_ON_WINDOWS: Final = frozenset({"SIGTERM", "SIGKILL"})
"""The stop signals that the API server takes for a pod whose spec.os.name is windows."""

_LINUX_PROGRAM: Final = re.compile(r"/(?:usr/|s?bin/|opt/)|(?:ba|da)?sh$")
_LINUX_PATH: Final = re.compile(r"/(?!/)")
_COMMANDS: Final = (
    ("command",),
    ("lifecycle", "postStart", "exec", "command"),
    ("lifecycle", "preStop", "exec", "command"),
    ("livenessProbe", "exec", "command"),
    ("readinessProbe", "exec", "command"),
    ("startupProbe", "exec", "command"),
)


def _linux_field(case: Case) -> Iterator[Fault]:
    if not case.is_windows:
        return
    spec = case.workload.spec
    refused = case.workload.constraints.system == "windows"
    effect = "the API server refuses with spec.os.name windows" if refused else "does nothing on Windows"
    for parent, path, names in (
        (spec, "spec", _POD_FIELDS),
        (spec.get("securityContext"), "spec.securityContext", _POD_SECURITY),
        *(
            (
                one.value.get("securityContext"),
                f"securityContext of container {one.name}",
                _CONTAINER_SECURITY,
            )
            for one in case.workload.containers
        ),
    ):
        for name in names:
            if not parent.get(name).absent and not _init_privilege(case, parent, name):
                yield Fault(
                    value=parent.key(name),
                    message=f"{path} has {name}, which {effect}",
                    hint="leave it out of pods for Windows",
                    severity="error" if refused else "warning",
                )


def _init_privilege(case: Case, parent: Value, name: str) -> bool:
    """Whether `privileged-init` says it already."""
    init = any(one.init and one.value.get("securityContext") is parent for one in case.workload.containers)
    return init and name in {"privileged", "capabilities"} and _privileges(parent) is not None


def _privileges(security: Value) -> Value | None:
    """What asks for more rights over the node's network or all of it."""
    if security.get("privileged").flag:
        return security.key("privileged")
    wanted = security.get("capabilities", "add").texts
    return security.key("capabilities") if _NETWORK.intersection(wanted) else None


def _privileged_init(case: Case) -> Iterator[Fault]:
    for container in case.workload.containers if case.is_windows else ():
        found = _privileges(container.value.get("securityContext")) if container.init else None
        if found:
            yield Fault(
                value=found,
                message=f"init container {container.name} is privileged, which no Windows container is",
                hint="let a HostProcess DaemonSet or a CNI plugin prepare the network",
            )


def _windows_field(case: Case) -> Iterator[Fault]:
    """Fields for Windows in a pod for Linux."""
    system, spec = case.workload.constraints.system, case.workload.spec
    if system != "linux" and (case.is_windows or case.systems != {"linux"}):
        return
    for parent in (spec, *(one.value for one in case.workload.containers)):
        security = parent.get("securityContext")
        if not security.get("windowsOptions").absent:
            effect = (
                "the API server refuses with spec.os.name linux" if system == "linux" else "Linux ignores"
            )
            yield Fault(
                value=security.key("windowsOptions"),
                message=f"it runs on Linux and has windowsOptions, which {effect}",
                hint="leave it out, or ask for Windows nodes",
                severity="error" if system == "linux" else "warning",
            )


def _linux_path(case: Case) -> Iterator[Fault]:
    if not case.is_windows:
        return
    for volume in case.workload.spec.get("volumes").items:
        path = volume.get("hostPath", "path")
        if _LINUX_PATH.match(path.text):
            yield Fault(
                value=path,
                message=f"hostPath {path.text} is a path of Linux nodes",
                hint="write it with a drive, as in C:\\ProgramData",
            )
    for container in case.workload.containers:
        for keys in _COMMANDS:
            command = container.value.get(*keys)
            if command.items and _LINUX_PROGRAM.match(command.items[0].text):
                yield Fault(
                    value=command.items[0],
                    message=f"{'.'.join(keys)} starts {command.items[0].text}, a program of Linux images",
                    hint="name a program that the Windows image has",
                )


def _host_process(case: Case) -> Iterator[Fault]:
    workload, spec = case.workload, case.workload.spec
    marked = [one for one in workload.containers if host_process(workload, one)]
    if not marked:
        return
    place = _options_place(spec, marked[0].value)
    if not spec.get("hostNetwork").flag:
        yield Fault(
            value=place,
            message="hostProcess needs hostNetwork",
            hint="add hostNetwork: true to the pod's spec",
        )
    for one in workload.containers:
        if one not in marked:
            yield Fault(
                value=one.value,
                message=f"container {one.name} is not hostProcess, and others of its pod are",
                hint="set hostProcess in the pod's securityContext",
            )
    for parent in (spec, *(one.value for one in marked)):
        if parent.get("securityContext", "runAsNonRoot").flag:
            yield Fault(
                value=parent.get("securityContext").key("runAsNonRoot"),
                message="runAsNonRoot is set, and a HostProcess container runs as an account of the node",
                hint="leave it out and choose an account with runAsUserName",
            )


def _host_process_user(case: Case) -> Iterator[Fault]:
    workload = case.workload
    pod = workload.spec.get("securityContext", "windowsOptions", "runAsUserName")
    for one in workload.containers:
        own = one.value.get("securityContext", "windowsOptions", "runAsUserName")
        if host_process(workload, one) and own.absent and pod.absent:
            yield Fault(
                value=_options_place(workload.spec, one.value),
                message=f"container {one.name} is hostProcess and names no runAsUserName",
                hint=r"name an account of the node, as in NT AUTHORITY\LOCAL SERVICE or NT AUTHORITY\SYSTEM",
            )


def _host_process_base(case: Case) -> Iterator[Fault]:
    for one in case.workload.containers:
        offer = case.offers.get(one.image)
        if (
            offer
            and "windows" in offer.systems
            and not offer.for_host_process
            and host_process(case.workload, one)
        ):
            yield Fault(
                value=one.value.get("image"),
                message=f"{one.image} is hostProcess and built on Windows bases of single builds",
                hint="build it on a HostProcess base: one small entry without os.version serves all builds",
            )


def _options_place(spec: Value, container: Value) -> Value:
    """Where hostProcess stands: at the container, else at its pod."""
    own = container.get("securityContext", "windowsOptions")
    options = spec.get("securityContext", "windowsOptions") if own.get("hostProcess").absent else own
    return options.key("hostProcess")


def _stop_signal(case: Case) -> Iterator[Fault]:
    system = case.workload.constraints.system
    for container in case.workload.containers:
        value = container.value.get("lifecycle", "stopSignal")
        if not value.text:
            yield from _stop_signal_of_image(case, container)
            continue
        if not system:
            yield Fault(
                value=value,
                message="lifecycle.stopSignal needs spec.os.name, without which the API server refuses it",
                hint=f"add os: {{name: {'windows' if case.is_windows else 'linux'}}} to the pod's spec",
            )
        if case.is_windows and value.text not in _ON_WINDOWS:
            reason = (check_stop_signal(value.text, "windows") or "the API server refuses it").partition(
                "; "
            )[0]
            yield Fault(
                value=value,
                message=f"lifecycle.stopSignal {value.text} is none for Windows: {reason}",
                hint="leave it out: SIGTERM is what Windows containers get, as CTRL_SHUTDOWN",
            )


def _stop_signal_of_image(case: Case, container: Container) -> Iterator[Fault]:
    offer = case.offers.get(container.image)
    signals = {
        offer.stop_signals.get(answer.entry.digest, "")
        for landing in case.outcome.landings
        for one, answer in landing.answers
        if offer and one is container and answer and answer.entry and landing.member.node.os == "windows"
    }
    for signal in sorted(signals - {""}):
        reason = check_stop_signal(signal, "windows")
        if reason:
            yield Fault(
                value=container.value.get("image"),
                message=f"{container.image} has the StopSignal {signal}: {reason.partition('; ')[0]}",
                hint="leave it out of the image: SIGTERM is what Windows containers get, as CTRL_SHUTDOWN",
                severity="warning",
            )


WINDOWS_RULES: Final = (
    Rule(code="linux-field", severity="warning", summary="a field that Windows has not", find=_linux_field),
    Rule(
        code="privileged-init",
        severity="error",
        summary="a privileged init container on Windows",
        find=_privileged_init,
    ),
    Rule(code="windows-field", severity="warning", summary="windowsOptions on Linux", find=_windows_field),
    Rule(code="linux-path", severity="warning", summary="a path of Linux in a Windows pod", find=_linux_path),
    Rule(
        code="host-process", severity="error", summary="a HostProcess pod that is refused", find=_host_process
    ),
    Rule(
        code="host-process-user",
        severity="warning",
        summary="a HostProcess container without an account",
        find=_host_process_user,
    ),
    Rule(
        code="host-process-base",
        severity="warning",
        summary="a HostProcess container on a whole Windows base",
        find=_host_process_base,
    ),
    Rule(
        code="stop-signal", severity="error", summary="a stop signal that Windows has not", find=_stop_signal
    ),
)
