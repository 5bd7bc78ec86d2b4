# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Every rule about manifests: what it finds, with place and way out, and what it leaves alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from buildtools.cluster.lint import OTHER_CODES, RULES, lint_members, lint_outcome
from buildtools.cluster.members import Member, Taint, member
from buildtools.cluster.nodes import Node, windows_node
from buildtools.cluster.outcomes import Offer
from buildtools.cluster.rules import listed
from buildtools.cluster.workloads import Workload
from tests.fakes.kubernetes import CONTAINERD, TAINT, linux, offer, outcome_of, pod, windows, workload

MIXED = offer("x", "linux/amd64", "windows/amd64:10.0.20348.1")
LINUX = offer("x", "linux/amd64")
WINDOWS = offer("x", "windows/amd64:10.0.20348.1")
HOST = offer("x", "windows/amd64")
BOTH = (linux(), windows())
ON_WINDOWS = "nodeSelector: {kubernetes.io/os: windows}, "


def findings(one: Workload, *members: Member, image: Offer | None = MIXED) -> list[str]:
    """Findings as `code severity line:column message: hint`, without what every one begins with."""
    offers = {image.name: image} if image else {}
    found = lint_outcome(outcome_of(one, *members, offers=offers), offers)
    return [
        f"{item.code} {item.severity} {item.line}:{item.column} {item.message.partition(': ')[2]}: {item.hint}"
        for item in found
    ]


def spec(text: str = "", container: str = "", annotations: str = "{}") -> Workload:
    """A pod of one container `c` of image x, with these fields."""
    return pod(f"{{{text}containers: [{{name: c, image: x{container}}}]}}", annotations)


GOOD: Sequence[tuple[str, Workload, tuple[Member, ...], Offer | None]] = [
    ("a mixed image on both", spec(), BOTH, MIXED),
    ("a Linux image with a selector", spec("nodeSelector: {kubernetes.io/os: linux}, "), BOTH, LINUX),
    ("a Linux image without Windows nodes", spec(), (linux(),), LINUX),
    ("a Linux image off tainted nodes", spec(), (linux(), windows(taints=(TAINT,))), LINUX),
    ("an older build on a newer node", spec(ON_WINDOWS), (windows(build=26100),), WINDOWS),
    ("tolerated taints", spec(ON_WINDOWS + "tolerations: [{key: OS, operator: Exists}], "), (windows(taints=(TAINT,)),), WINDOWS),
    ("Linux fields on both", spec("securityContext: {fsGroup: 1}, ", ", securityContext: {runAsUser: 1}"), BOTH, MIXED),
    ("a Linux path on Linux", spec("volumes: [{name: v, hostPath: {path: /opt}}], ", ", command: [/bin/sh]"), (linux(),), LINUX),
    ("the label's old name", spec("nodeSelector: {beta.kubernetes.io/os: windows}, "), BOTH, WINDOWS),
    ("Windows paths", spec(ON_WINDOWS + "volumes: [{name: v, hostPath: {path: 'C:\\\\k'}}, {name: w}], ", ", command: ['C:\\\\app.exe']"), BOTH, WINDOWS),
    ("a HostProcess pod", spec(ON_WINDOWS + "hostNetwork: true, securityContext: {windowsOptions: {hostProcess: true, runAsUserName: 'NT AUTHORITY\\\\SYSTEM'}}, "), BOTH, HOST),
    ("a stop signal", spec(ON_WINDOWS + "os: {name: windows}, ", ", lifecycle: {stopSignal: SIGTERM}"), BOTH, WINDOWS),
    ("a stop signal of Linux", spec("os: {name: linux}, ", ", lifecycle: {stopSignal: SIGQUIT}"), (linux(),), LINUX),
    ("a big image that is not pulled", spec("", ", imagePullPolicy: IfNotPresent"), (linux(),), offer("x", "linux/amd64", size=2_000_000_000)),
    ("a fitting StopSignal", spec(), BOTH, offer("x", "linux/amd64", "windows/amd64:10.0.20348.1", stop_signal="SIGTERM")),
    ("a small image that is", spec("", ", imagePullPolicy: Always"), (linux(),), offer("x", "linux/amd64", size=999_999_999)),
    ("a tag of the node's release", spec(ON_WINDOWS, ":1-ltsc2022"), BOTH, None),
    ("meshed with a proxy", spec(ON_WINDOWS, "", "{linkerd.io/inject: windows, config.linkerd.io/proxy-image: r/proxy-win}"), BOTH, WINDOWS),
    ("meshed on Linux", spec("", "", "{linkerd.io/inject: enabled}"), (linux(),), LINUX),
    ("not meshed", spec(ON_WINDOWS, "", "{linkerd.io/inject: disabled}"), (windows(build=17763),), offer("x", "windows/amd64:10.0.17763.1")),
    ("a proxy for no known system", spec("", "", "{linkerd.io/inject: enabled, config.linkerd.io/proxy-image: r/proxy}"), BOTH, MIXED),
]  # fmt: skip


@pytest.mark.parametrize(("one", "members", "image"), [row[1:] for row in GOOD], ids=[row[0] for row in GOOD])
def test_what_is_right(one: Workload, members: tuple[Member, ...], image: Offer | None) -> None:
    """Nothing is said of it."""
    assert findings(one, *members, image=image) == []


GPU = Taint(key="gpu", effect="NoExecute")
BAD: Sequence[tuple[Workload, tuple[Member, ...], Offer | None, list[str]]] = [
    (spec(), BOTH, LINUX, [
        "os-selector error 4:7 it may land on win (windows), and x is for linux alone: add nodeSelector: {kubernetes.io/os: linux}",
    ]),
    (spec(), BOTH, WINDOWS, [
        "os-selector error 4:7 it may land on lin (linux), and x is for windows alone: add nodeSelector: {kubernetes.io/os: windows}",
    ]),
    (spec("nodeSelector: {beta.kubernetes.io/os: windows}, ", ", securityContext: {runAsUser: 1}"), BOTH, LINUX, [
        "os-selector error 4:86 it may land on win (windows), and x is for linux alone: publish x for windows, or ask for nodes of linux",
        "linux-field warning 4:107 securityContext of container c has runAsUser, which does nothing on Windows: leave it out of pods for Windows",
    ]),
    (spec(ON_WINDOWS), BOTH, LINUX, [
        "os-selector error 4:81 it may land on win (windows), and x is for linux alone: publish x for windows, or ask for nodes of linux",
    ]),
    (spec(), (member(Node(name="bsd", os="freebsd", architecture="amd64", runtime=CONTAINERD)),), MIXED, [
        "os-selector error 4:7 it may land on bsd (freebsd), and x is for linux and windows alone: add node affinity to kubernetes.io/os in linux and windows",
    ]),
    (spec(), (windows(), windows("old", 17763), linux()), MIXED, [
        "single-build error 4:38 x does not run on old (Windows Server 2019): its Windows entries are for 10.0.20348.1; no entry for windows/amd64 build 17763: the index offers linux/amd64, windows/amd64:10.0.20348.1: add an entry for Windows Server 2019, or ask for nodes with node.kubernetes.io/windows-build 10.0.20348",
    ]),
    (spec(), (windows("new", 26200),), offer("x", "windows/amd64:10.0.26100.1"), [
        "single-build error 4:38 x does not run on new (Windows 11 25H2): its Windows entries are for 10.0.26100.1; containerd 2.0 takes windows/amd64:10.0.26100.1, which does not run on build 26200: add an entry for Windows 11 25H2",
    ]),
    (spec(), (linux("arm", "arm64"),), LINUX, [
        "does-not-run error 4:38 x does not run on arm: no entry for linux/arm64: the index offers linux/amd64: publish it for linux/arm64, or ask for nodes with kubernetes.io/arch amd64",
    ]),
    (spec(), (linux(),), offer("x"), [
        "does-not-run error 4:38 x does not run on lin: no entry for linux/amd64: the index offers nothing: publish it for linux/amd64",
    ]),
    (spec(), (windows(),), HOST, [
        "host-process-image error 4:38 x does not run on win: its Windows entry has no os.version: it is for HostProcess pods, and this pod is none: set securityContext.windowsOptions.hostProcess, or copy os.version from the base image's config",
    ]),
    (spec("os: {name: windows}, "), BOTH, MIXED, [
        "pod-os error 4:19 it may land on lin, and spec.os.name is windows, so the kubelet refuses the pod: spec.os does not choose nodes: add nodeSelector: {kubernetes.io/os: windows}",
    ]),
    (spec(ON_WINDOWS), (linux(), windows(taints=(TAINT,))), WINDOWS, [
        "toleration error 4:7 no node takes it: win would, but it does not tolerate OS=Windows:NoSchedule: add tolerations: [{key: OS, operator: Equal, value: Windows, effect: NoSchedule}]",
    ]),
    (spec(), (linux(taints=(GPU,)),), LINUX, [
        "toleration error 4:7 no node takes it: lin would, but it does not tolerate gpu:NoExecute: add tolerations: [{key: gpu, operator: Exists, effect: NoExecute}]",
    ]),
    (spec("nodeSelector: {a: b}, "), (linux(), linux("two")), LINUX, [
        "no-node error 4:8 no node takes it: nodeSelector asks for a=b: name labels that a node has, or add such a node",
    ]),
    (spec(ON_WINDOWS), (linux(), replace(windows(), unschedulable=True)), WINDOWS, [
        "no-node error 4:8 no node takes it: nodeSelector asks for kubernetes.io/os=windows; the node is cordoned: let pods on it again: kubectl uncordon win",
    ]),
    (spec("runtimeClassName: win, "), (windows(),), WINDOWS, [
        "runtime-class warning 4:26 no manifest has the RuntimeClass win, so the nodes that it chooses are not known: name it with --manifests, too: kubectl get runtimeclass win -o yaml > class.yaml",
    ]),
    (spec("nodeName: gone, "), (linux(),), LINUX, [
        "no-node error 4:8 no node takes it: nodeName is gone: name a node that is there, or leave the choice to the scheduler",
    ]),
    (workload("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {template: {spec: {nodeSelector: {a: b}, containers: [{name: c, image: x}]}}}\n"), (linux(),), LINUX, [
        "no-node warning 4:26 no node takes it: nodeSelector asks for a=b: name labels that a node has, or add such a node",
    ]),
    (spec("", ":3.9-nanoserver-ltsc2022"), (linux(), windows(), windows("new", 26100), windows("old", 17763)), None, [
        "tag-build warning 4:38 the tag of x:3.9-nanoserver-ltsc2022 names ltsc2022, which does not run on lin, old (linux/amd64, Windows Server 2019): name an index for all builds, or ask for nodes that run it",
    ]),
    (spec("", ", imagePullPolicy: Always"), (linux(),), offer("x", "linux/amd64", size=2_150_000_000), [
        "pull-always warning 4:58 imagePullPolicy is Always, and x has 2.1 GB, which every start pulls anew once the tag has moved: name a tag that never moves, or a digest, and write IfNotPresent",
    ]),
    (spec(ON_WINDOWS, "", "{linkerd.io/inject: enabled}"), BOTH, WINDOWS, [
        "mesh-proxy warning 3:35 it is meshed on Windows without config.linkerd.io/proxy-image, so that it gets the mesh's own proxy: add config.linkerd.io/proxy-image, unless the mesh's proxy image has an entry for Windows",
    ]),
    (spec("", "", "{linkerd.io/inject: enabled, config.linkerd.io/proxy-image: r/proxy-win}"), BOTH, MIXED, [
        "mesh-proxy error 3:94 its proxy image r/proxy-win is for windows, and it may land on lin: add nodeSelector: {kubernetes.io/os: windows}, or leave the annotation out",
    ]),
    (spec("", "", "{linkerd.io/inject: enabled, config.linkerd.io/proxy-image: x}"), BOTH, LINUX, [
        "os-selector error 4:7 it may land on win (windows), and x is for linux alone: add nodeSelector: {kubernetes.io/os: linux}",
        "mesh-proxy error 3:94 its proxy image x is for linux, and it may land on win: add nodeSelector: {kubernetes.io/os: linux}, or leave the annotation out",
    ]),
    (spec("", "", "{linkerd.io/inject: windows, config.linkerd.io/proxy-image: r/proxy}"), BOTH, MIXED, [
        "mesh-os error 3:35 linkerd.io/inject is windows, and it may land on lin: add nodeSelector: {kubernetes.io/os: windows}",
    ]),
    (spec("", "", "{linkerd.io/inject: enabled, config.linkerd.io/proxy-image: r/proxy-win}"), (windows("old", 17763),), offer("x", "windows/amd64:10.0.17763.1"), [
        "mesh-build error 3:35 it is meshed, and old cannot redirect its connections: that begins with Windows Server 2022: ask for newer nodes, or leave it out of the mesh",
    ]),
    (workload("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, annotations: {linkerd.io/inject: enabled}}\nspec: {template: {spec: {containers: [{name: c, image: x}]}}}\n"), (linux(),), LINUX, [
        "mesh-place warning 3:35 linkerd.io/inject stands at the Deployment, and the injector reads the pod's template: move it to spec.template.metadata.annotations",
    ]),
    (spec(ON_WINDOWS + "hostPID: true, securityContext: {fsGroup: 1}, ", ", securityContext: {runAsUser: 0, capabilities: {drop: [ALL]}}"), BOTH, WINDOWS, [
        "linux-field warning 4:51 spec has hostPID, which does nothing on Windows: leave it out of pods for Windows",
        "linux-field warning 4:84 spec.securityContext has fsGroup, which does nothing on Windows: leave it out of pods for Windows",
        "linux-field warning 4:162 securityContext of container c has capabilities, which does nothing on Windows: leave it out of pods for Windows",
        "linux-field warning 4:148 securityContext of container c has runAsUser, which does nothing on Windows: leave it out of pods for Windows",
    ]),
    (spec(ON_WINDOWS + "os: {name: windows}, ", ", securityContext: {privileged: false}"), BOTH, WINDOWS, [
        "linux-field error 4:123 securityContext of container c has privileged, which the API server refuses with spec.os.name windows: leave it out of pods for Windows",
    ]),
    (spec(ON_WINDOWS + "initContainers: [{name: i, image: x, securityContext: {privileged: true}}, {name: j, image: x, securityContext: {capabilities: {add: [NET_ADMIN]}}}], "), BOTH, WINDOWS, [
        "privileged-init error 4:106 init container i is privileged, which no Windows container is: let a HostProcess DaemonSet or a CNI plugin prepare the network",
        "privileged-init error 4:164 init container j is privileged, which no Windows container is: let a HostProcess DaemonSet or a CNI plugin prepare the network",
    ]),
    (spec("securityContext: {windowsOptions: {runAsUserName: u}}, "), (linux(),), LINUX, [
        "windows-field warning 4:26 it runs on Linux and has windowsOptions, which Linux ignores: leave it out, or ask for Windows nodes",
    ]),
    (spec("os: {name: linux}, ", ", securityContext: {windowsOptions: {runAsUserName: u}}"), (linux(),), LINUX, [
        "windows-field error 4:78 it runs on Linux and has windowsOptions, which the API server refuses with spec.os.name linux: leave it out, or ask for Windows nodes",
    ]),
    (spec(ON_WINDOWS + "volumes: [{name: v, hostPath: {path: /opt/cni}}], ", ", command: [/bin/sh, -c], lifecycle: {preStop: {exec: {command: [sh]}}}"), BOTH, WINDOWS, [
        "linux-path warning 4:88 hostPath /opt/cni is a path of Linux nodes: write it with a drive, as in C:\\ProgramData",
        "linux-path warning 4:144 command starts /bin/sh, a program of Linux images: name a program that the Windows image has",
        "linux-path warning 4:197 lifecycle.preStop.exec.command starts sh, a program of Linux images: name a program that the Windows image has",
    ]),
    (spec(ON_WINDOWS, ", securityContext: {windowsOptions: {hostProcess: true}, runAsNonRoot: true}"), BOTH, WINDOWS, [
        "host-process error 4:119 hostProcess needs hostNetwork: add hostNetwork: true to the pod's spec",
        "host-process error 4:139 runAsNonRoot is set, and a HostProcess container runs as an account of the node: leave it out and choose an account with runAsUserName",
        "host-process-user warning 4:119 container c is hostProcess and names no runAsUserName: name an account of the node, as in NT AUTHORITY\\LOCAL SERVICE or NT AUTHORITY\\SYSTEM",
        "host-process-base warning 4:81 x is hostProcess and built on Windows bases of single builds: build it on a HostProcess base: one small entry without os.version serves all builds",
    ]),
    (spec(ON_WINDOWS + "hostNetwork: true, initContainers: [{name: i, image: y, securityContext: {windowsOptions: {hostProcess: true, runAsUserName: u}}}], "), BOTH, WINDOWS, [
        "host-process error 4:196 container c is not hostProcess, and others of its pod are: set hostProcess in the pod's securityContext",
    ]),
    (spec(ON_WINDOWS + "os: {name: windows}, ", ", lifecycle: {stopSignal: SIGINT}"), BOTH, WINDOWS, [
        "stop-signal error 4:129 lifecycle.stopSignal SIGINT is none for Windows: SIGINT is number 2, which Windows takes for CTRL_CLOSE and not for CTRL_C: leave it out: SIGTERM is what Windows containers get, as CTRL_SHUTDOWN",
    ]),
    (spec(ON_WINDOWS, ", lifecycle: {stopSignal: SIGABRT}"), BOTH, WINDOWS, [
        "stop-signal error 4:108 lifecycle.stopSignal needs spec.os.name, without which the API server refuses it: add os: {name: windows} to the pod's spec",
        "stop-signal error 4:108 lifecycle.stopSignal SIGABRT is none for Windows: the API server refuses it: leave it out: SIGTERM is what Windows containers get, as CTRL_SHUTDOWN",
    ]),
    (spec(), BOTH, offer("x", "linux/amd64", "windows/amd64:10.0.20348.1", stop_signal="SIGQUIT"), [
        "stop-signal warning 4:38 x has the StopSignal SIGQUIT: SIGQUIT has no meaning on Windows: the runtime refuses number 3: leave it out of the image: SIGTERM is what Windows containers get, as CTRL_SHUTDOWN",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("one", "members", "image", "sentences"), BAD, ids=[row[3][0][:50] for row in BAD])
def test_what_is_wrong(
    one: Workload, members: tuple[Member, ...], image: Offer | None, sentences: list[str]
) -> None:
    """Each fault with its code, severity, place and way out."""
    assert findings(one, *members, image=image) == sentences


def test_every_rule_is_in_a_test() -> None:
    """And no code stands for two rules."""
    seen = {sentence.split(" ")[0] for row in BAD for sentence in row[3]}
    assert seen == {rule.code for rule in RULES}
    assert len(seen) == len(RULES)
    assert all(rule.summary for rule in RULES)
    assert set(OTHER_CODES) & seen == {"does-not-run"}


def test_a_proxy_that_is_looked_at_with_a_tag() -> None:
    """Stands for the annotation's name without one."""
    annotations = "{linkerd.io/inject: enabled, config.linkerd.io/proxy-image: r/proxy-win}"
    image = offer("r/proxy-win:1", "linux/amd64", "windows/amd64:10.0.20348.1")
    assert findings(spec("", "", annotations), *BOTH, image=image) == []


def test_an_image_that_is_no_reference() -> None:
    """Has no tag to be read."""
    assert findings(pod("{containers: [{name: c, image: 'x:Y Z'}]}"), windows(), image=None) == []


def test_nodes_in_words() -> None:
    """The first three of many."""
    assert listed([linux(name) for name in "abc"]) == "a, b, c"
    assert listed([linux(name) for name in "abcde"]) == "a, b, c and 2 more"


def test_nodes_themselves() -> None:
    """Support by the day, unknown builds, other processors; one finding for all that share it."""
    nodes = [
        linux(),
        windows("a"),
        windows("b"),
        windows("c", 17763),
        windows("d", 26200),
        windows("e", 30000),
    ]
    arm = member(
        Node(name="f", os="windows", architecture="arm64", os_version="10.0.26100.1", runtime=CONTAINERD)
    )
    assert [
        f"{item.code} {item.severity} {item}" for item in lint_members([*nodes, arm], date(2030, 1, 1))
    ] == [
        "windows-support warning node c: support of Windows Server 2019 ended on 2029-01-09: move to a newer release: it gets no security updates",
        "windows-support note nodes a, b: mainstream support of Windows Server 2022 ended on 2026-10-13, security updates end on 2031-10-14: plan for a newer release",
        "windows-support note node f: mainstream support of Windows Server 2025 ended on 2029-10-09, security updates end on 2034-10-10: plan for a newer release",
        "node-build warning node e: Windows build 30000 is not known here, and nothing certain can be said of it: releases are known up to Windows Server 2025",
        "windows-arm64 warning node f: only amd64 nodes run Windows containers: keep workloads off these nodes",
    ]
    assert list(lint_members([member(windows_node("x", 26100, CONTAINERD))], date(2026, 1, 1))) == []
